"""Pools and means over maps, and the padding before them and before convolutions."""

import numpy as np

from . import gathers
from .constants import axes_of
from .errors import refuse
from .layers import affine
from .maps import Map, axis_of, reshape
from .windows import Window


def _pool(b, operator, inputs, average):
    x = inputs[0] if gathers.is_upright(inputs[0]) else b.unpadded(operator, inputs[0])
    node = b.require_map(operator, Map(x.node, x.axes))
    c, h, w = b.sizes[node]
    kernel = operator.attrs["kernel_shape"]
    if len(kernel) != 2 or not all(1 <= side <= 32 for side in kernel):
        refuse(operator, f"a window of {list(kernel)}; two sides of 1 to 32 are possible")
    if list(operator.attrs.get("dilations", [1, 1])) != [1, 1]:
        refuse(operator, "a pool with a dilation is not supported")
    if len([name for name in operator.outputs if name]) > 1:
        refuse(operator, "the positions of maxima are not supported")
    window = Window(operator, kernel, (h, w), x.pads, bool(operator.attrs.get("ceil_mode", 0)))
    counts = average and bool(operator.attrs.get("count_include_pad", 0))
    if any(x.pads) and not _takes_up(b, x, window, average, counts):
        return _pool(b, operator, [b.unpadded(operator, x)], average)
    if any(pad >= kernel[i % 2] for i, pad in enumerate(window.pads)):
        refuse(operator, f"pads of {window.pads} are as large as its window")
    counts |= average and any(x.pads)
    if counts and any(window.pads) and window.ceil_matters((h, w)):
        refuse(operator, "an average that counts zeros, with windows that end outside")
    attributes = {"kernel": list(kernel), **window.attributes()}
    if counts and any(window.pads):
        attributes["count_padding"] = True
    elif window.ceil:
        attributes["ceil"] = True
    return window.add(b, operator, "average_pool" if average else "max_pool", node, c, attributes)


def _takes_up(b, x, window, average, counts):
    """Can the pool take up the zeros that a Pad put around its input? A maximum sees none, and an
    average counts those of the Pad, and its own where it says so: all must count or none."""
    if any(pad >= window.kernel[i % 2] for i, pad in enumerate(window.pads)):
        return False
    if not average:
        return nonnegative(b, x.node)
    return (counts or not any(window.own)) and not window.ceil_matters(b.size(x)[1:])


def nonnegative(b, node):
    """Is no value of the node below zero, as its operators tell?"""
    op, inputs, attributes = b.nodes[node]
    if op in ("relu", "sigmoid", "hard_sigmoid"):
        return True
    if op == "clip":
        return attributes["low"] >= 0
    return op in ("max_pool", "average_pool", "concat", "upsample", "add", "mul") and all(
        nonnegative(b, i) for i in (inputs[:1] if op == "upsample" else inputs))


def max_pool(b, operator, inputs):
    return _pool(b, operator, inputs, False)


def average_pool(b, operator, inputs):
    return _pool(b, operator, inputs, True)


def _whole_map(b, operator, x, axes, keep, op):
    """The mean or maximum over axes."""
    c, h, w = b.size(x)
    axes = _counted(operator, x, axes)
    over = [atom for axis in sorted(axes) for atom in x.axes[axis]]
    rest = [atom for i, axis in enumerate(x.axes) if i not in axes for atom in axis]
    if not over:  # of one value each
        return _without(x, axes, keep)
    if any(a.kind == "c" for a in over) or any(atom.kind != "c" for atom in rest):
        return _over_any(b, operator, x, axes, keep, op)
    node = x.node if h * w == 1 else b.add(operator, op, [x.node], (c, 1, 1))
    return _without(Map(node, x.axes), axes, keep)


def _over_any(b, operator, x, axes, keep, op):
    """Of axes of any kind: their values become the pixels, all others the channels."""
    x = gathers.as_rows(b, operator, x, axes, "ch")
    c, h, w = b.size(x)
    node = x.node if h * w == 1 else b.add(operator, op, [x.node], (c, 1, 1))
    shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
    return _without(Map(node, reshape((axis_of("c", c),), shape)), axes, keep)


def _counted(operator, x, axes):
    axes = {axis + len(x.axes) if axis < 0 else axis for axis in axes}
    if not axes <= set(range(len(x.axes))):
        refuse(operator, f"axes {sorted(axes)} of a value of {len(x.axes)}")
    return axes


def _without(x, axes, keep):
    kept = [() if i in axes else axis for i, axis in enumerate(x.axes)]
    return x.seen([axis for i, axis in enumerate(kept) if keep or i not in axes])


def _over_channels(b, operator, x, axes, keep, factor):
    """A sum over the channels of each pixel is a 1x1 convolution."""
    c, h, w = b.size(x)
    weight = np.full((1, c, 1, 1), factor, np.float32)
    name = b.layer(operator, {"weight": (weight, "a mean or sum over channels")})
    node = b.add(operator, "conv", [x.node], (1, h, w), {"name": name, "stride": 1, "pad": 0})
    return _without(Map(node, x.axes), axes, keep)


def _reduce(b, operator, inputs, mean):
    x = inputs[0]
    axes = axes_of(operator, inputs, 1)
    keep = bool(operator.attrs.get("keepdims", 1))
    return _summed(b, operator, x, range(len(x.axes)) if axes is None else axes, keep, mean)


def sum_of_last(b, operator, x):
    return _summed(b, operator, x, [-1], False, False)


def _summed(b, operator, x, axes, keep, mean):
    axes = _counted(operator, x, axes)
    c = b.size(x)[0]
    over = [atom for axis in sorted(axes) for atom in x.axes[axis]]
    if tuple(over) == axis_of("c", c) and c > 1:
        return _over_channels(b, operator, x, axes, keep, 1 / c if mean else 1)
    y = _whole_map(b, operator, x, axes, keep, "global_average")
    count = float(np.prod([atom.size for atom in over]))
    if mean or count == 1:
        return y
    return affine(b, operator, y, np.full(b.size(y)[0], count), None)


def reduce_mean(b, operator, inputs):
    return _reduce(b, operator, inputs, True)


def reduce_sum(b, operator, inputs):
    return _reduce(b, operator, inputs, False)


def reduce_max(b, operator, inputs):
    x, axes = inputs[0], axes_of(operator, inputs, 1)
    axes = range(len(x.axes)) if axes is None else axes
    return _whole_map(b, operator, x, axes, bool(operator.attrs.get("keepdims", 1)), "global_max")


def global_average(b, operator, inputs):
    return _whole_map(b, operator, inputs[0], range(2, len(inputs[0].axes)), True, "global_average")


def global_max(b, operator, inputs):
    return _whole_map(b, operator, inputs[0], range(2, len(inputs[0].axes)), True, "global_max")


def pad(b, operator, inputs):
    """Kept with the view until a convolution or a pool takes it up."""
    x, mode = inputs[0], operator.attrs.get("mode", "constant")
    if mode != "constant":
        x = b.unpadded(operator, x)
    pads = b.constant(operator, inputs, 1, "pads")
    pads = operator.attrs.get("pads") if pads is None else pads
    value = b.constant(operator, inputs, 2, "value")
    value = operator.attrs.get("value", 0.0) if value is None else value.reshape(-1)[0]
    axes = b.constant(operator, inputs, 3, "axes")
    rank = len(x.axes)
    axes = range(rank) if axes is None else [int(axis) % rank for axis in axes]
    pads = [int(n) for n in pads]
    if len(pads) != 2 * len(axes):
        refuse(operator, f"{len(pads)} pads for {len(axes)} axes")
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        before[axis], after[axis] = pads[i], pads[i + len(axes)]
    if not any(pads):
        return x
    if mode not in ("constant", "edge", "reflect") or value != 0:
        refuse(operator, f"padding by {'other values than zero' if mode == 'constant' else mode} "
               "is not supported")
    c, h, w = b.size(x)
    where = {axis_of("h", h): 0, axis_of("w", w): 1}
    around = list(x.pads)
    for axis in range(rank):
        if not before[axis] and not after[axis]:
            continue
        side = where.get(x.axes[axis]) if x.axes[axis] else axis - 2 if rank == 4 else None
        if side not in (0, 1):
            refuse(operator, "only rows and columns can be padded")
        around[side] += before[axis]
        around[side + 2] += after[axis]
    if mode == "constant" and min(around) >= 0:
        return Map(x.node, x.axes, tuple(around))
    if mode == "reflect" and any(n >= (h, w)[i % 2] for i, n in enumerate(around)):
        refuse(operator, f"pads of {around} reflect more than a map of {w}x{h} has")
    return gathers.pad(b, operator, Map(x.node, x.axes), around,
                       "zero" if mode == "constant" else mode)


OPERATORS = {"MaxPool": max_pool, "AveragePool": average_pool,
             "GlobalAveragePool": global_average, "GlobalMaxPool": global_max,
             "ReduceMean": reduce_mean, "ReduceSum": reduce_sum, "ReduceMax": reduce_max,
             "Pad": pad}
