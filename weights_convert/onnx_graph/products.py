"""MatMul: by a constant matrix it is a layer, by one for each of several axes a convolution in groups;
of two values it is the engine's own, of matrices that are counted out in a pixel's channels."""

import numpy as np

from . import gathers, layers
from .errors import refuse
from .maps import Atom, Map, axis_of, reshape


def matmul(b, operator, inputs):
    x, y = inputs
    if not isinstance(y, Map) and y.ndim == 2:
        return layers.dense(b, operator, x, y, None)
    rank = max(len(value.shape) for value in inputs)
    if any(len(value.shape) < 2 for value in inputs) or x.shape[-1] != y.shape[-2]:
        refuse(operator, f"values of shape {list(x.shape)} and {list(y.shape)}")
    if not isinstance(x, Map):  # (x y)' is y' x'
        return _transposed(b, matmul(b, operator, [_transposed(b, y), _transposed(b, x)]))
    x, y = (_of_rank(b, value, rank) for value in (x, y))
    return _of_values(b, operator, x, y) if isinstance(y, Map) else _of_groups(b, operator, x, y)


def _of_rank(b, x, rank):
    missing = rank - len(x.shape)
    if isinstance(x, Map):
        return x.seen(((),) * missing + tuple(x.axes))
    return b.made_of(x.reshape((1,) * missing + x.shape), x)


def _transposed(b, x):
    if isinstance(x, Map):
        return x.seen((*x.axes[:-2], x.axes[-1], x.axes[-2]))
    return b.made_of(np.swapaxes(x, -1, -2), x)


def _product(sizes):
    return int(np.prod(sizes, dtype=np.int64))


def _of_values(b, operator, x, y):
    """One pixel that holds the product; axes in front of the last two that y does not have are more
    rows of x."""
    if any(1 not in (m, n) and m != n for m, n in zip(x.shape[:-2], y.shape[:-2])):
        refuse(operator, f"values of shape {list(x.shape)} and {list(y.shape)}")
    pairs = [max(m, n) for m, n in zip(x.shape[:-2], y.shape[:-2])]
    (rows, inner), columns = x.shape[-2:], y.shape[-1]
    y = _transposed(b, y)
    if _product(y.shape[:-2]) > 1:
        y = gathers.spread(b, operator, y, [*pairs, columns, inner])
        count = _product(pairs)
    else:
        y, count = gathers.as_vector(b, operator, y), 1
    x = gathers.spread(b, operator, x, [*pairs, rows, inner])
    size = _product(pairs) * rows * columns
    node = b.add(operator, "matmul", [x.node, y.node], (size, 1, 1),
                 {"batch": count, "inner": inner})
    return Map(node, reshape((axis_of("c", size),), [*pairs, rows, columns]))


def _of_groups(b, operator, x, y):
    """A 1x1 convolution: axes that both have are its groups, those of the constant alone outputs of
    each, those of the value alone pixels."""
    axes = range(len(x.axes) - 2)
    if any(1 not in (m, n) and m != n for m, n in zip(x.shape[:-2], y.shape[:-2])):
        refuse(operator, f"values of shape {list(x.shape)} and {list(y.shape)}")
    groups = [i for i in axes if x.shape[i] == y.shape[i] > 1]
    outputs = [i for i in axes if x.shape[i] == 1 < y.shape[i]]
    inner, columns = y.shape[-2:]
    x = gathers.as_rows(b, operator, x, [*groups, len(x.axes) - 1])
    order = [*groups, *outputs, len(x.axes) - 1]
    rest = [i for i in axes if i not in order]
    weight = y.transpose(*order, len(x.axes) - 2, *rest).reshape(-1, inner, 1, 1)
    _, h, w = b.sizes[x.node]
    name = b.layer(operator, {"weight": (b.made_of(weight, y), "to [out][in][1][1]")})
    node = b.add(operator, "conv", [x.node], (len(weight), h, w),
                 {"name": name, "stride": 1, "pad": 0})
    made, stride = list(x.axes), len(weight)
    for i in order:
        size = columns if i == order[-1] else y.shape[i]
        stride //= size
        made[i] = (Atom("c", size, stride),) if size > 1 else ()
    return Map(node, tuple(made))


OPERATORS = {"MatMul": matmul}
