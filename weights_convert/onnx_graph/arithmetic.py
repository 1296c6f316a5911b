"""Sums and products of maps and constants, and activations."""

import numpy as np

from .errors import refuse
from .layers import affine, channels_of, per_channel
from .maps import Map


def _of_maps(b, operator, op, x, y):
    """A sum or product; one of the two may be of one pixel, as the gate of squeeze-and-excitation
    is, which counts for all of the other's."""
    if any(x.pads) or any(y.pads):
        refuse(operator, "its input is padded, which only convolutions and pools read")
    (c, h, w), (d, i, j) = b.size(x), b.size(y)
    larger = x if h * w >= i * j else y
    alike = len(x.axes) == len(y.axes) and all(
        a == e or (h * w != i * j and not (e if larger is x else a)) for a, e in zip(x.axes, y.axes))
    if not alike or c != d or ((h, w) != (i, j) and 1 not in (h * w, i * j)):
        refuse(operator, f"values of shape {list(x.shape)} and {list(y.shape)} that are not laid "
               "out alike")
    return Map(b.add(operator, op, [x.node, y.node], b.size(larger)), larger.axes)


def _with_constant(b, operator, x, array, function):
    """function: numbers a channel of the constant -> (scale, shift)."""
    if any(x.pads):
        refuse(operator, "its input is padded, which only convolutions and pools read")
    scale, shift = function(per_channel(b, operator, x, np.asarray(array, np.float64)))
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
        refuse(operator, "a division by a value is not supported")
    with np.errstate(divide="ignore"):
        return _with_constant(b, operator, x, y, lambda c: (1 / c, None))


def neg(b, operator, inputs):
    return affine(b, operator, inputs[0], -np.ones(b.size(inputs[0])[0]), None)


def _activation(b, operator, x, op, attributes=None):
    if any(x.pads):
        refuse(operator, "its input is padded, which only convolutions and pools read")
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


OPERATORS = {"Add": add, "Sum": sum_of, "Sub": sub, "Mul": mul, "Div": div, "Neg": neg,
             "HardSigmoid": hard_sigmoid, "HardSwish": hard_swish, "Gelu": gelu,
             "Tanh": curve("tanh"), "Erf": curve("erf"), "Mish": curve("mish"),
             "Relu": relu, "Sigmoid": sigmoid, "LeakyRelu": leaky, "Clip": clip, "PRelu": prelu}
