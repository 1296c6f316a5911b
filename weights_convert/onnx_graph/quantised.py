"""Quantised models in QDQ form: weights are dequantised where they are constants (constants.py);
between layers a QuantizeLinear and the DequantizeLinear that reads it only round, and are left
out. The engine's int8 has ranges of its own (mien calibrate)."""

import numpy as np

from .arithmetic import relu
from .errors import refuse
from .maps import Map
from .pools import nonnegative

ROUNDED = ("QuantizeLinear and DequantizeLinear between layers are left out: the network computes "
           "in floats what the file rounds to 8 bits; for int8, calibrate it")


def quantize(b, operator, inputs):
    if not isinstance(inputs[0], Map):
        refuse(operator, "of a constant")
    if b.readers.get(operator.outputs[0], set()) - {"DequantizeLinear"}:
        refuse(operator, "only DequantizeLinear may read what it makes")
    b.note(ROUNDED)
    zero = b.constant(operator, inputs, 2, "zero point")
    zero = np.zeros(1, np.uint8) if zero is None else zero
    if (zero == np.iinfo(zero.dtype).min).all() and not nonnegative(b, inputs[0].node):
        return relu(b, operator, inputs)  # quantisers leave out a ReLU that the rounding does
    return inputs[0]


def dequantize(b, operator, inputs):
    return inputs[0]


OPERATORS = {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}
