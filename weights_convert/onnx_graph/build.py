"""A graph of ONNX operators becoming mien's op list (docs/blob.md). Operators are taken in the
file's order; what each becomes is in the tables of the modules beside this one. Sizes are numbers
throughout: a network that takes any size is built at several, and its op list must not differ."""

import re
from dataclasses import dataclass

import numpy as np

from ..errors import ConvertError
from . import constants, gathers
from .errors import refuse
from .maps import CannotView, Map, plain

MOST_SIDE, MOST_CHANNELS = 16384, 1 << 20
_PARAMETERS = {"alpha", "beta", "low", "high"}  # of nodes: numbers a file may have anything for
# What a Pad puts around a value is for these to take up, or to hand on.
TAKE_PADS = {"Conv", "MaxPool", "AveragePool", "Pad", "QuantizeLinear", "DequantizeLinear",
             "Identity", "Dropout", "Cast"}


@dataclass
class Tensor:
    """One for the blob: `array`, made of the source's tensor `origin` as `how` says."""

    array: np.ndarray
    origin: str
    how: str = ""


class Build:
    """The op list so far. `values`: ONNX name -> Map or array."""

    def __init__(self, source, operators, width, height):
        self.source = source
        self.operators = operators  # {op: function(build, operator, inputs) -> value or list}
        self.nodes = [["input", [], {}]]
        self.sizes = [(3, height, width)]  # c, h, w of each node
        self.picture = 0  # the node that is the file's input
        self.values = dict(source.tensors)
        self.origin = {id(array): name for name, array in source.tensors.items()}  # and made_of
        self.tensors = {}  # name in the blob -> Tensor
        self.layers = {}  # what a layer is made of -> its name
        self.eps = {}  # batch norm's name -> epsilon
        self.ranges = {}  # node -> (lowest, highest) that a quantised file can store of its value
        self.notes = []
        self.readers = {}  # ONNX name -> the kinds of operators that read it, "" for an output
        self.kept = []  # arrays that `origin` knows
        self.doubled = set()  # outputs of Resize whose sizes are twice those of its input
        self.thawed = frozenset()  # such that are to double whatever comes

    def run(self, name, layout, operators, outputs):
        self.values[name] = self.input_map(layout)
        self.readers = {output: {""} for output in outputs}
        for operator in operators:
            for value in operator.inputs:
                self.readers.setdefault(value, set()).add(operator.op)
        for operator in operators:
            if operator.op == "Constant" and operator.outputs[0] in self.source.tensors:
                continue
            if operator.domain not in ("", "ai.onnx"):
                refuse(operator, f"operators of {operator.domain} are not known")
            results = self._results(operator)
            for output, value in zip(operator.outputs, results):
                if output:
                    self.values[output] = value

    def input_map(self, layout):
        whole = self.map(self.picture)
        if layout == "NCHW":
            return whole
        return whole.seen([whole.axes[0], whole.axes[2], whole.axes[3], whole.axes[1]])

    def _results(self, operator):
        inputs = []
        for name in operator.inputs:
            if name and name not in self.values:
                refuse(operator, f"it reads {name}, which nothing before it makes")
            inputs.append(self.values[name] if name else None)
        while inputs and inputs[-1] is None:
            inputs.pop()
        if operator.op == "Shape" and inputs:
            return [constants.shape_of(operator, self.unpadded(operator, inputs[0]).shape)]
        if not any(isinstance(x, Map) for x in inputs):
            results = constants.fold(operator, inputs)
            if results is not None:
                return results
        function = self.operators.get(operator.op)
        if function is None:
            refuse(operator, "an operator that is not supported" if not constants.is_folded(
                operator.op) else "it is supported of constants only")
        if operator.op not in TAKE_PADS:
            inputs = [self.unpadded(operator, x) for x in inputs]
        try:
            return self._made(function, operator, inputs)
        except ConvertError:
            # perhaps of maps whose channels and pixels lie as the operator sees them
            plain_ones = [gathers.as_map(self, operator, x) or x if isinstance(x, Map) else x
                          for x in inputs]
            if plain_ones == inputs:
                raise
            return self._made(function, operator, plain_ones)

    def _made(self, function, operator, inputs):
        count = len(self.nodes)
        try:
            results = function(self, operator, inputs)
            return results if isinstance(results, list) else [results]
        except CannotView as why:
            del self.nodes[count:], self.sizes[count:]
            refuse(operator, str(why))
        except ConvertError:
            del self.nodes[count:], self.sizes[count:]
            raise
        except (IndexError, KeyError, TypeError, ValueError, AttributeError):
            refuse(operator, "its inputs or attributes do not fit it")

    def add(self, operator, op, inputs, size, attributes=None):
        """Appends a node; returns its number."""
        c, h, w = size
        if not (0 < c <= MOST_CHANNELS and 0 < h <= MOST_SIDE and 0 < w <= MOST_SIDE):
            refuse(operator, f"its result would have {c} channels of {w}x{h}")
        for key in _PARAMETERS & (attributes or {}).keys():
            if not np.isfinite(float(attributes[key])):
                refuse(operator, f"{key} of {attributes[key]}")
        self.nodes.append([op, list(inputs), attributes or {}])
        self.sizes.append((int(c), int(h), int(w)))
        return len(self.nodes) - 1

    def map(self, node):
        return plain(node, *self.sizes[node])

    def size(self, value):
        return self.sizes[value.node]

    def unpadded(self, operator, value):
        """The value; where a Pad is around it, with its zeros as pixels of its own."""
        if not isinstance(value, Map) or not any(value.pads):
            return value
        return gathers.pad(self, operator, value, value.pads)

    def require_map(self, operator, value, what="its input"):
        """The node of a value seen as [1, c, h, w]; it may have to be made of another."""
        if not isinstance(value, Map):
            refuse(operator, f"{what} is a constant")
        if value.axes == self.map(value.node).axes:
            return value.node
        made = gathers.as_map(self, operator, value)
        if made is None:
            refuse(operator, f"{what}, of shape {list(value.shape)}, is no map [1, c, h, w] as the "
                   "layers before have it")
        return made.node

    def constant(self, operator, inputs, i, what):
        """Input i, which must be an array; None where it is absent."""
        value = inputs[i] if len(inputs) > i else None
        if isinstance(value, Map):
            refuse(operator, f"its {what} is no constant")
        return value

    def layer(self, operator, parts, eps=None):
        """The name of a layer of tensors {part: (array, how)}; layers of the same published arrays
        are one."""
        key = tuple((part, id(array), how) for part, (array, how) in parts.items()) + (eps,)
        if key in self.layers and not any(how for _, how in parts.values()):
            return self.layers[key]
        base = self._free_name(operator, next(iter(parts.values()))[0])
        for part, (array, how) in parts.items():
            name = self.origin.get(id(array), "")
            self.tensors[f"{base}.{part}"] = Tensor(array, name, how)
        if eps is not None:
            self.eps[base] = eps
        self.layers[key] = base
        return base

    def _free_name(self, operator, array):
        """That of the published weight where it says something, else that of the operator."""
        name = self.origin.get(id(array), "")
        if not name or "::" in name or name.isdigit():
            name = re.sub(r"/([^/]*)\Z", "", operator.name) or f"{operator.op}"
        name = re.sub(r"\.(weight|bias|gamma)\Z", "", name.strip("/").replace("/", "."))
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:80].strip(".") or operator.op
        if name.startswith("int8."):
            name = "x." + name
        return self.unused(name)

    def unused(self, name):
        """The name of a layer; with a number behind it where there is one of that name."""
        base, number = name, 1
        while any(f"{base}.{part}" in self.tensors for part in ("weight", "running_var")):
            number += 1
            base = f"{name}.{number}"
        return base

    def made_of(self, array, old):
        """`array`, of which the report says that it is the tensor `old`."""
        self.kept.append(array)
        if id(old) in self.origin:
            self.origin[id(array)] = self.origin[id(old)]
        return array

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)


def check_side(what, value):
    if not 16 <= value <= 8192:
        raise ConvertError(f"an input {what} of {value} pixels; 16 to 8192 are possible")
