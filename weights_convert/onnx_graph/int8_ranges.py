"""The tensors int8 needs (docs/blob.md, "Ranges for int8"), from the ranges a quantised file states
for its values. They are named as models/graph.c builds the list and engine/fold.c folds it, which
this file follows; what the file does not round stays in the better type, by int8.exempt."""

import numpy as np

PREFIX = "int8."
NAME = 128  # characters of an operation's name that count (engine/ranges.c)

# What the engine calls an operation that has no layer's name.
NAMES = {"input": "input", "add": "add", "mul": "multiply", "max_pool": "max pool",
         "average_pool": "average pool", "global_average": "global average pool",
         "global_max": "max pool", "upsample": "upsample", "concat": "concat", "softmax": "softmax",
         "norm_map": "normalisation", "norm_pixels": "normalisation", "crop": "gather",
         "pad": "gather", "depth_to_space": "gather", "resize": "gather", "expand": "gather",
         "channels": "gather", "reshape": "gather", "matmul": "matmul"}
CURVE = "activation"
_LINEAR = ("bn", "affine")
_LEND = ("upsample", "resize", "expand")  # their second input only lends its size
# Stored as what they read.
_COPIES = ("max_pool", "global_max", "concat", "upsample", "crop", "pad", "expand", "channels",
           "slice", "nearest")


def _kind(op, attributes):
    """The operator as the engine stores its result."""
    if op == "channels" and len(attributes["order"]) == 1 and attributes["order"][0][1] == 1:
        return "slice"
    return "nearest" if op == "resize" and attributes["mode"] == "nearest" else op


class _List:
    """The engine's operations: [op, name, inputs], by number."""

    def __init__(self, nodes, outputs):
        self.ops = [("input", "input", []), ("normalise", "normalise", [0])]
        self.number = [1]  # of each node of the graph
        placed = set()
        for op, inputs, attributes in nodes[1:]:
            reads = [self.number[i] for i in inputs[:1 if op in _LEND else None]]
            for k, i in enumerate(inputs if op == "concat" else []):
                if i in placed:  # a value lies in one concatenation
                    reads[k] = self._add("copy", CURVE, [reads[k]])
                placed.add(i)
            kind = _kind(op, attributes)
            name = attributes.get("name") or NAMES.get(op, CURVE)
            if kind == "slice":  # lies in what it is a part of
                name = kind
                placed.add(len(self.number))
            self.number.append(self._add(kind, name, reads))
        self.results = [self._add("copy", CURVE, [self.number[i]]) if i in placed
                        else self.number[i] for i in outputs]
        self.uses = [0] * len(self.ops)
        for i in [i for _, _, reads in self.ops for i in reads] + self.results:
            self.uses[i] += 1

    def _add(self, *op):
        self.ops.append(op)
        return len(self.ops) - 1

    def kept(self, i):
        """Where the value of operation i is found after folding: a scale and shift behind a
        convolution that nothing else reads becomes part of it."""
        op, _, reads = self.ops[i]
        if op not in _LINEAR:
            return i
        source = self.kept(reads[0])
        return source if self.ops[source][0] in ("conv", "fc") and self.uses[reads[0]] == 1 else i

    def roots(self):
        """For each operation, the first of those that share its storage."""
        root = list(range(len(self.ops)))

        def find(i):
            while root[i] != i:
                i = root[i]
            return i

        for i, (op, _, reads) in enumerate(self.ops):
            for j in (reads if op in _COPIES else []):
                a, b = sorted((find(i), find(self.kept(j))))
                root[b] = a
        return [find(i) for i in range(len(root))]


def tensors(nodes, outputs, ranges, channels):
    """{name: array}. nodes: the graph's; outputs: numbers of nodes; ranges: {node: (low, high)},
    numbers or one a channel; channels: of each node."""
    ops = _List(nodes, outputs)
    known = {}
    folded = {ops.kept(i): i for i in range(len(ops.ops))}  # the last of those that become one
    for node, (low, high) in ranges.items():
        c, number = channels[node], ops.number[node]
        if folded[ops.kept(number)] != number:
            continue  # a value on the way, which is not there any more
        known[ops.kept(number)] = np.float32([
            np.broadcast_to(low, c), np.broadcast_to(high, c), np.zeros(c)])
    for i, (op, _, reads) in enumerate(ops.ops):
        if op == "copy" and ops.kept(reads[0]) in known:
            known[i] = known[ops.kept(reads[0])]
    roots = ops.roots()
    exempt = {roots[i] for i, (op, _, _) in enumerate(ops.ops)
              if i not in known and op not in _COPIES}
    made = {f"{PREFIX}{i} {ops.ops[i][1][:NAME]}": array for i, array in sorted(known.items())}
    if exempt:
        made[PREFIX + "exempt"] = np.float32(sorted(exempt))
    return made
