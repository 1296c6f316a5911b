"""MatMul: of a value and a matrix it is a layer; of two values, or of more axes, each row is multiplied
with each column element by element, and summed, which is for the small ones that heads have."""

import numpy as np

from . import arithmetic, layers, pools
from .errors import refuse
from .maps import Map


def matmul(b, operator, inputs):
    x, y = inputs
    if isinstance(x, Map) and not isinstance(y, Map) and y.ndim == 2:
        return layers.dense(b, operator, x, y, None)
    rank = max(len(value.shape) for value in inputs)
    if any(len(value.shape) < 2 for value in inputs) or x.shape[-1] != y.shape[-2]:
        refuse(operator, f"values of shape {list(x.shape)} and {list(y.shape)}")
    x, y = (_of_rank(value, rank) for value in inputs)
    products = arithmetic.mul(b, operator, [_unsqueezed(x, rank - 1),
                                            _unsqueezed(_transposed(y), rank - 2)])
    return pools.sum_of_last(b, operator, products)


def _of_rank(x, rank):
    missing = rank - len(x.shape)
    if isinstance(x, Map):
        return x.seen(((),) * missing + tuple(x.axes))
    return x.reshape((1,) * missing + x.shape)


def _transposed(x):
    if isinstance(x, Map):
        return x.seen((*x.axes[:-2], x.axes[-1], x.axes[-2]))
    return np.swapaxes(x, -1, -2)


def _unsqueezed(x, axis):
    if isinstance(x, Map):
        return x.seen((*x.axes[:axis], (), *x.axes[axis:]))
    return np.expand_dims(x, axis)


OPERATORS = {"MatMul": matmul}
