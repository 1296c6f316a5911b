"""Sums and products of maps and constants, and activations."""

import numpy as np

from ..errors import ConvertError
from . import gathers
from .errors import refuse
from .layers import affine, channels_of, per_channel
from .maps import Map


def _of_maps(b, operator, op, x, y):
    """A sum or product. An axis of one may be of one value, which counts for all of the other's: the
    engine has that for maps of one pixel, as the gate of squeeze-and-excitation is, and other maps
    are made larger first."""
    rank = max(len(x.axes), len(y.axes))
    x, y = (v.seen(((),) * (rank - len(v.axes)) + tuple(v.axes)) for v in (x, y))
    if not _alike(b, x, y):
        shape = [max(sizes) for sizes in zip(x.shape, y.shape)]
        x, y = (gathers.spread(b, operator, v, shape) for v in (x, y))
    nodes = _same_size(b, operator, x.node, y.node)
    if nodes is None:
        return _of_maps(b, operator, op, *(gathers.as_vector(b, operator, v) for v in (x, y)))
    axes = tuple(a or e for a, e in zip(x.axes, y.axes))
    size = tuple(max(sides) for sides in zip(*(b.sizes[node] for node in nodes)))
    return Map(b.add(operator, op, nodes, size), axes)


def _alike(b, x, y):
    """Are axes the same, or one of two of one value? What is of one value has no atoms, so that
    sizes of one kind must agree, too; and what one repeats the other must not have on another axis."""
    kinds = [{atom.kind for axis in v.axes for atom in axis} for v in (x, y)]
    for a, e in zip(x.axes, y.axes):
        repeated = {atom.kind for atom in a + e} & kinds[0] & kinds[1]
        if a != e and (a and e or repeated):
            return False
    return all(m == n or 1 in (m, n) for m, n in zip(b.size(x), b.size(y)))


def _same_size(b, operator, x, y):
    """Nodes of one number of channels and one size, or one of them of one pixel; None where one
    counts for the other's rows, the other for its columns."""
    for _ in range(2):
        (c, h, w), (d, i, j) = b.sizes[x], b.sizes[y]
        if (h, w) != (i, j) and (h, w) != (1, 1) and h <= i and w <= j or c < d:
            x = gathers.expand(b, operator, x, y)
        x, y = y, x
    if b.sizes[x][1:] != b.sizes[y][1:] and 1 not in (
            b.sizes[node][1] * b.sizes[node][2] for node in (x, y)):
        return None
    return [x, y]


def _with_constant(b, operator, x, array, function):
    """function: numbers a channel of the constant -> (scale, shift)."""
    array = np.asarray(array, np.float64)
    if array.ndim > len(x.axes) and array.size > 1:
        x = x.seen(((),) * (array.ndim - len(x.axes)) + tuple(x.axes))
    shape = np.broadcast_shapes(x.shape, array.shape)
    if shape != x.shape:
        x = gathers.spread(b, operator, x, shape)
    try:
        channels = per_channel(b, operator, x, array)
    except ConvertError:  # numbers that differ from pixel to pixel
        x = gathers.one_pixel(b, operator, x)
        channels = per_channel(b, operator, x, array)
    scale, shift = function(channels)
    if not all(part is None or np.isfinite(part).all() for part in (scale, shift)):
        refuse(operator, "its constant gives values that are not finite numbers")
    return affine(b, operator, x, scale, shift)


def add(b, operator, inputs):
    x, y = inputs
    if isinstance(x, Map) and isinstance(y, Map):
        return _of_maps(b, operator, "add", x, y)
    x, y = (x, y) if isinstance(x, Map) else (y, x)
    return _with_constant(b, operator, x, y, lambda c: (None, c))


def sum_of(b, operator, inputs):
    total = inputs[0]
    for value in inputs[1:]:
        total = add(b, operator, [total, value])
    return total


def sub(b, operator, inputs):
    x, y = inputs
    if isinstance(x, Map) and isinstance(y, Map):
        return _of_maps(b, operator, "add", x, affine(b, operator, y, -np.ones(b.size(y)[0]), None))
    if isinstance(x, Map):
        return _with_constant(b, operator, x, y, lambda c: (None, -c))
    return _with_constant(b, operator, y, x, lambda c: (-np.ones_like(c), c))


def mul(b, operator, inputs):
    x, y = inputs
    if isinstance(x, Map) and isinstance(y, Map):
        return _gated(b, operator, x, y) or _of_maps(b, operator, "mul", x, y)
    x, y = (x, y) if isinstance(x, Map) else (y, x)
    return _with_constant(b, operator, x, y, lambda c: (c, None))


def _gated(b, operator, x, y):
    """x times an activation of x that the engine has as one."""
    for value, gate in ((x, y), (y, x)):
        op, inputs, attributes = b.nodes[gate.node]
        whole = {"sigmoid": "silu", "hard_sigmoid": "hard_swish"}.get(op)
        if whole and inputs == [value.node] and value.axes == gate.axes:
            return _activation(b, operator, value, whole, attributes)
    return None


def div(b, operator, inputs):
    x, y = inputs
    if isinstance(y, Map):
        return mul(b, operator, [x, _activation(b, operator, y, "inverse")])
    with np.errstate(divide="ignore"):
        return _with_constant(b, operator, x, y, lambda c: (1 / c, None))


def neg(b, operator, inputs):
    return affine(b, operator, inputs[0], -np.ones(b.size(inputs[0])[0]), None)


def _activation(b, operator, x, op, attributes=None):
    return Map(b.add(operator, op, [x.node], b.size(x), attributes), x.axes)


def relu(b, operator, inputs):
    return _activation(b, operator, inputs[0], "relu")


def sigmoid(b, operator, inputs):
    return _activation(b, operator, inputs[0], "sigmoid")


def leaky(b, operator, inputs):
    alpha = float(operator.attrs.get("alpha", 0.01))
    if not abs(alpha) < 1e6:
        refuse(operator, f"a slope of {alpha}")
    return _activation(b, operator, inputs[0], "leaky", {"alpha": alpha})


def clip(b, operator, inputs):
    bounds = []
    for i, key in ((1, "min"), (2, "max")):
        array = b.constant(operator, inputs, i, key)
        bounds.append(operator.attrs.get(key) if array is None else float(array.reshape(-1)[0]))
    low, high = bounds
    if low == 0 and (high is None or high >= 3e38):
        return relu(b, operator, inputs)
    low, high = (-1e30 if low is None else max(low, -1e30)), (1e30 if high is None else
                                                              min(high, 1e30))
    return _activation(b, operator, inputs[0], "clip", {"low": low, "high": high})


def hard_sigmoid(b, operator, inputs):
    return _activation(b, operator, inputs[0], "hard_sigmoid", {
        "alpha": operator.attrs.get("alpha", 0.2), "beta": operator.attrs.get("beta", 0.5)})


def hard_swish(b, operator, inputs):
    return _activation(b, operator, inputs[0], "hard_swish", {"alpha": 1 / 6, "beta": 0.5})


def gelu(b, operator, inputs):
    if operator.attrs.get("approximate", "none") != "none":
        refuse(operator, f"its approximation by {operator.attrs['approximate']}")
    return _activation(b, operator, inputs[0], "gelu")


def curve(op):
    return lambda b, operator, inputs: _activation(b, operator, inputs[0], op)


def prelu(b, operator, inputs):
    x, slope = inputs[0], b.constant(operator, inputs, 1, "slope")
    channels_of(b, operator, x)
    slopes = b.made_of(np.float32(per_channel(b, operator, x, slope)), slope)
    how = "flattened" if slopes.size == slope.size else "one a channel"
    name = b.layer(operator, {"weight": (slopes, how)})
    return _activation(b, operator, x, "prelu", {"name": name})


def power(b, operator, inputs):
    exponent = b.constant(operator, inputs, 1, "exponent")
    if not isinstance(inputs[0], Map) or exponent.size != 1 or exponent.reshape(-1)[0] not in (1, 2):
        refuse(operator, "only squares are supported")
    x = inputs[0]
    return x if exponent.reshape(-1)[0] == 1 else _of_maps(b, operator, "mul", x, x)


def bound(key):
    """Max and Min with one number."""
    def bounded(b, operator, inputs):
        maps = [x for x in inputs if isinstance(x, Map)]
        arrays = [x for x in inputs if not isinstance(x, Map)]
        if len(maps) != 1 or len(arrays) != 1 or arrays[0].size != 1:
            refuse(operator, "only that of a value and a number is supported")
        limit = float(arrays[0].reshape(-1)[0])
        if key == "low" and limit == 0:
            return _activation(b, operator, maps[0], "relu")
        if not abs(limit) <= 1e30:
            refuse(operator, f"a bound of {limit}")
        return _activation(b, operator, maps[0], "clip", {"low": -1e30, "high": 1e30, key: limit})
    return bounded


OPERATORS = {"Max": bound("low"), "Min": bound("high"), "Pow": power, "Add": add, "Sum": sum_of,
             "Sub": sub, "Mul": mul, "Div": div, "Neg": neg,
             "HardSigmoid": hard_sigmoid, "HardSwish": hard_swish, "Gelu": gelu,
             "Exp": curve("exp"), "Sqrt": curve("root"), "Reciprocal": curve("inverse"),
             "Tanh": curve("tanh"), "Erf": curve("erf"), "Mish": curve("mish"),
             "Relu": relu, "Sigmoid": sigmoid, "LeakyRelu": leaky, "Clip": clip, "PRelu": prelu}
