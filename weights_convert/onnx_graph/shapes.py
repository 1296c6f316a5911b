"""Operators that only change how a value is seen, and those that put maps together."""

import numpy as np

from .constants import axes_of
from .errors import refuse
from .gathers import as_rows, as_vector, join, pad
from .maps import Map, axis_of, plain, reshape as reshaped


def _whole(operator, x):
    if not isinstance(x, Map):
        refuse(operator, "its input is a constant")
    return x


def identity(b, operator, inputs):
    return inputs[0]


def cast(b, operator, inputs):
    if operator.attrs.get("to") not in (1, 10, 11):
        refuse(operator, "a value can be cast to floating point types only")
    return inputs[0]


def reshape(b, operator, inputs):
    x = _whole(operator, inputs[0])
    shape = b.constant(operator, inputs, 1, "shape")
    shape = operator.attrs.get("shape") if shape is None else shape.reshape(-1)
    if shape is None or len(shape) > 16:
        refuse(operator, "it has no constant shape")
    zero = operator.attrs.get("allowzero", 0)
    shape = [x.shape[i] if n == 0 and not zero else int(n) for i, n in enumerate(shape)]
    return x.seen(reshaped(x.axes, shape))


def flatten(b, operator, inputs):
    x = _whole(operator, inputs[0])
    axis = operator.attrs.get("axis", 1)
    axis += len(x.axes) if axis < 0 else 0
    first = int(np.prod(x.shape[:axis], dtype=np.int64))
    return x.seen(reshaped(x.axes, [first, -1]))


def squeeze(b, operator, inputs):
    x = _whole(operator, inputs[0])
    axes, rank = axes_of(operator, inputs, 1), len(x.axes)
    if axes is None:
        axes = [i for i, size in enumerate(x.shape) if size == 1]
    axes = {axis + rank if axis < 0 else axis for axis in axes}
    if any(not 0 <= axis < rank or x.axes[axis] for axis in axes):
        refuse(operator, f"axes {sorted(axes)} of a value of {list(x.shape)}")
    return x.seen([axis for i, axis in enumerate(x.axes) if i not in axes])


def unsqueeze(b, operator, inputs):
    x = _whole(operator, inputs[0])
    axes = axes_of(operator, inputs, 1)
    rank = len(x.axes) + len(axes)
    axes = {axis + rank if axis < 0 else axis for axis in axes}
    if len(axes) + len(x.axes) != rank or any(not 0 <= axis < rank <= 16 for axis in axes):
        refuse(operator, f"axes {sorted(axes)} of a value of {list(x.shape)}")
    rest = iter(x.axes)
    return x.seen([() if i in axes else next(rest) for i in range(rank)])


def transpose(b, operator, inputs):
    x = inputs[0]
    rank = len(x.axes)
    perm = operator.attrs.get("perm", list(range(rank))[::-1])
    if sorted(perm) != list(range(rank)):
        refuse(operator, f"a permutation {list(perm)} of {rank} axes")
    return x.seen([x.axes[axis] for axis in perm])


def concat(b, operator, inputs):
    axis = operator.attrs["axis"]
    parts = [_whole(operator, x) for x in inputs]
    axis += len(parts[0].axes) if axis < 0 else 0
    if any(size == 0 for x in parts for size in x.shape):
        refuse(operator, "an empty part")
    if axis > 1 and all(x.axes == b.map(x.node).axes for x in parts):
        return _beside(b, operator, parts, axis)
    without = lambda values: [value for i, value in enumerate(values) if i != axis]
    if any(without(x.shape) != without(parts[0].shape) for x in parts):
        refuse(operator, f"parts of shape {[list(x.shape) for x in parts[:2]]}")
    if any(b.size(x)[1:] != b.size(parts[0])[1:] or without(x.axes) != without(parts[0].axes)
           or x.axes[axis] != plain(0, b.size(x)[0], 1, 1).axes[1] for x in parts):
        return _strung(b, operator, parts, axis)
    node = join(b, operator, [x.node for x in parts])
    axes = list(parts[0].axes)
    axes[axis] = plain(0, b.sizes[node][0], 1, 1).axes[1]
    return Map(node, tuple(axes))


def _strung(b, operator, parts, axis):
    """Along any axis: vectors whose values lie by that axis first."""
    rank = len(parts[0].axes)
    order = [axis] + [i for i in range(rank) if i != axis]
    parts = [as_vector(b, operator, x, order) for x in parts]
    node = join(b, operator, [x.node for x in parts])
    shape = [sum(x.shape[0] for x in parts), *parts[0].shape[1:]]
    axes = reshaped((axis_of("c", b.sizes[node][0]),), shape)
    return Map(node, tuple(axes[order.index(i)] for i in range(rank)))


def _beside(b, operator, parts, axis):
    """Along rows or columns: the sum of the parts, each with zeros where the others are."""
    nodes = [b.require_map(operator, x) for x in parts]
    sizes = [b.sizes[node] for node in nodes]
    side = axis - 1
    if any(size[:side] + size[side + 1:] != sizes[0][:side] + sizes[0][side + 1:]
           for size in sizes):
        refuse(operator, f"parts of shape {[list(x.shape) for x in parts[:2]]}")
    total, before, result = sum(size[side] for size in sizes), 0, None
    for node, size in zip(nodes, sizes):
        pads = [0] * 4
        pads[side - 1], pads[side + 1] = before, total - before - size[side]
        before += size[side]
        part = pad(b, operator, b.map(node), pads)
        result = part if result is None else b.map(
            b.add(operator, "add", [result.node, part.node], b.size(part)))
    return result


def softmax(b, operator, inputs):
    x = _whole(operator, inputs[0])
    rank = len(x.axes)
    old = operator.opset < 13  # over everything from the axis on, not over the axis alone
    axis = operator.attrs.get("axis", 1 if old else -1)
    if not -rank <= axis < rank:
        refuse(operator, f"axis {axis} of {rank}")
    axis += rank if axis < 0 else 0
    over = [a for part in (x.axes[axis:] if old else x.axes[axis:axis + 1]) for a in part]
    c, h, w = b.size(x)
    if tuple(over) != plain(0, c, 1, 1).axes[1]:
        x = as_rows(b, operator, x, range(axis, rank) if old else [axis])
        c, h, w = b.size(x)
    return Map(b.add(operator, "softmax", [x.node], (c, h, w)), x.axes)


OPERATORS = {"Identity": identity, "Dropout": identity, "Cast": cast, "Reshape": reshape,
             "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze,
             "Transpose": transpose, "Concat": concat, "Softmax": softmax}
