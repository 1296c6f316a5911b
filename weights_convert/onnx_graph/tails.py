"""What a publisher computes of a network's outputs behind its graph: operators that are added to it,
so that attributes are read from results instead of code (`tails` beside `attributes`, README)."""

import numpy as np

from ..errors import ConvertError
from .build import Tensor


def apply(build, outputs, tails):
    """Adds each tail's output; those it is made of are outputs no longer."""
    if not isinstance(tails, list):
        raise ConvertError("tails are a list")
    for tail in tails:
        made = _TAILS.get(tail.get("op")) if isinstance(tail, dict) else None
        names = tail.get("of") if made else None
        if not names or not isinstance(names, list) or not isinstance(tail.get("name"), str):
            raise ConvertError(f"a tail has `op` ({', '.join(_TAILS)}), `of` and `name`: {tail}")
        missing = [name for name in names if name not in outputs.nodes]
        if missing:
            raise ConvertError(f"a tail is made of {missing[0]}, which is no output; there are "
                               f"{', '.join(outputs.nodes)}")
        made = made(build, [outputs.nodes.pop(name) for name in names], tail)
        if tail["name"] in outputs.nodes:
            raise ConvertError(f"two outputs are called {tail['name']}")
        outputs.nodes[tail["name"]] = made


def _add(build, op, nodes, channels, attributes=None):
    build.nodes.append([op, nodes, attributes or {}])
    build.sizes.append((channels, 1, 1))
    return len(build.nodes) - 1


def _softmax(build, nodes, tail):
    if len(nodes) != 1 or build.sizes[nodes[0]][1:] != (1, 1):
        raise ConvertError(f"the softmax {tail['name']} is of one vector")
    return _add(build, "softmax", nodes, build.sizes[nodes[0]][0])


def _expectation(build, nodes, tail):
    """Of each vector of logits the mean of what its places are worth, side by side: `values` are
    [first, step] of each vector."""
    values = tail.get("values")
    if (not isinstance(values, list) or not 1 <= len(nodes) <= 4 or len(values) != len(nodes)
            or not all(isinstance(v, list) and len(v) == 2 for v in values)):
        raise ConvertError(f"the expectation {tail['name']} is of one to four outputs, and has "
                           "`values` [first, step] for each")
    means = []
    for i, (node, (first, step)) in enumerate(zip(nodes, values)):
        count = build.sizes[node][0]
        weight = np.float32(first) + np.float32(step) * np.arange(count, dtype=np.float32)
        name = f"tail.{tail['name']}.{i}"
        build.tensors[name + ".weight"] = Tensor(weight.reshape(1, count), "", "what places are worth")
        means.append(_add(build, "fc", [_softmax(build, [node], tail)], 1,
                          {"name": name, "height": 1, "width": 1}))
    return means[0] if len(means) == 1 else _add(build, "concat", means, len(means))


_TAILS = {"softmax": _softmax, "expectation": _expectation}
