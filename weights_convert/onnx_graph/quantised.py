"""Quantised models in QDQ form: weights are dequantised where they are constants (constants.py);
between layers a QuantizeLinear and the DequantizeLinear that reads it only round, and are left out.
What they round to is kept as the range of the value (int8_ranges.py): the engine's int8 has the
file's own scales."""

import numpy as np

from .errors import refuse
from .maps import Map
from .pools import nonnegative

ROUNDED = ("what QuantizeLinear and DequantizeLinear round between layers is computed in floats, and "
           "with --precision int8 in the steps the file states")


def quantize(b, operator, inputs):
    x = inputs[0]
    if not isinstance(x, Map):
        refuse(operator, "of a constant")
    if b.readers.get(operator.outputs[0], set()) - {"DequantizeLinear"}:
        refuse(operator, "only DequantizeLinear may read what it makes")
    b.note(ROUNDED)
    low, high, cuts = _range(b, operator, x, inputs)
    if cuts and (b.nodes[x.node][0] in ("add", "mul") or not nonnegative(b, x.node)):
        x = _cut(b, operator, x, high)
    b.ranges.setdefault(x.node, (low, high))
    return x


def _cut(b, operator, x, high):
    """What the rounding does at both ends: quantisers leave out a ReLU or a Clip for it. Zeros of a
    Pad stay what they are."""
    op, attributes = ("clip", {"low": 0.0, "high": high}) if np.size(high) == 1 else ("relu", {})
    return Map(b.add(operator, op, [x.node], b.size(x), attributes), x.axes, x.pads)


def _range(b, operator, x, inputs):
    """(lowest, highest, is the lowest zero?) of what can be stored; one number or one a channel."""
    scale = b.constant(operator, inputs, 1, "scale")
    zero = b.constant(operator, inputs, 2, "zero point")
    zero = np.zeros(1, np.uint8) if zero is None else zero
    if scale is None or scale.size not in (1, b.size(x)[0]) or not (scale > 0).all():
        refuse(operator, "its scales are not positive numbers, one or one a channel")
    limits = np.iinfo(zero.dtype)
    steps = [np.float64(end) - zero.reshape(-1) for end in (limits.min, limits.max)]
    low, high = (side * scale.reshape(-1) for side in steps)
    if low.size == 1:
        low, high = low.item(), high.item()
    return low, high, bool((zero == limits.min).all())


def dequantize(b, operator, inputs):
    return inputs[0]


OPERATORS = {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}
