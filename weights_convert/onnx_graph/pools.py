"""Pools and means over maps, and the padding before them and before convolutions."""

import numpy as np

from .constants import axes_of
from .errors import refuse
from .maps import Map, axis_of
from .windows import Window


def _pool(b, operator, inputs, average):
    x = inputs[0]
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
    if any(pad >= kernel[i % 2] for i, pad in enumerate(window.pads)):
        refuse(operator, f"pads of {window.pads} are as large as its window")
    if average and any(window.pads):
        return _average_with_zeros(b, operator, x, window)
    if any(x.pads) and not nonnegative(b, node):
        refuse(operator, "a maximum over padding of values that may be negative")
    return b.map(b.add(operator, "average_pool" if average else "max_pool", [node],
                       (c, *window.out), {"kernel": list(kernel), **window.attributes(),
                                          **({"ceil": True} if window.ceil else {})}))


def _average_with_zeros(b, operator, x, window):
    """Zeros that count are those a Pad put there, and the pool's own where it says so. The engine's
    averages never count any: where some do, all must, and the pool is a depthwise convolution."""
    c, h, w = b.size(x)
    counts_own = bool(operator.attrs.get("count_include_pad", 0))
    if not any(x.pads) and not counts_own:
        return b.map(b.add(operator, "average_pool", [x.node], (c, *window.out),
                           {"kernel": window.kernel, **window.attributes(),
                            **({"ceil": True} if window.ceil else {})}))
    if any(window.own) and not counts_own:
        refuse(operator, "an average that counts a Pad's zeros and not its own")
    if window.ceil_matters((h, w)):
        refuse(operator, "an average that counts zeros, with windows that end outside")
    kh, kw = window.kernel
    weight = np.full((c, 1, kh, kw), 1 / (kh * kw), np.float32)
    name = b.layer(operator, {"weight": (weight, "an average that counts zeros")})
    return b.map(b.add(operator, "conv", [x.node], (c, *window.out),
                       {"name": name, **window.attributes()}))


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


def _mean(b, operator, x, axes, keep):
    """The mean over axes, which must be the rows and columns and nothing else."""
    c, h, w = b.size(x)
    if any(x.pads):
        refuse(operator, "its input is padded, which only convolutions and pools read")
    axes = {axis + len(x.axes) if axis < 0 else axis for axis in axes}
    if not axes <= set(range(len(x.axes))):
        refuse(operator, f"axes {sorted(axes)} of a value of {len(x.axes)}")
    over = [atom for axis in sorted(axes) for atom in x.axes[axis]]
    rest = [atom for i, axis in enumerate(x.axes) if i not in axes for atom in axis]
    if {atom.kind for atom in over} > {"h", "w"} or any(a.kind == "c" for a in over) or any(
            atom.kind != "c" for atom in rest):
        refuse(operator, "only means over all rows and columns are supported")
    node = x.node if h * w == 1 else b.add(operator, "global_average", [x.node], (c, 1, 1))
    kept = [() if i in axes else axis for i, axis in enumerate(x.axes)]
    if not keep:
        kept = [axis for i, axis in enumerate(kept) if i not in axes]
    return Map(node, tuple(kept))


def global_average(b, operator, inputs):
    return _mean(b, operator, inputs[0], range(2, len(inputs[0].axes)), True)


def global_max(b, operator, inputs):
    node = b.require_map(operator, inputs[0])
    c, h, w = b.sizes[node]
    if max(h, w) > 32:
        refuse(operator, f"a maximum over a map of {w}x{h}; at most 32x32 are possible")
    return b.map(b.add(operator, "max_pool", [node], (c, 1, 1),
                       {"kernel": [h, w], "stride": 1, "pad": 0}))


def reduce_mean(b, operator, inputs):
    axes = axes_of(operator, inputs, 1)
    if axes is None:
        axes = range(len(inputs[0].axes))
    return _mean(b, operator, inputs[0], axes, bool(operator.attrs.get("keepdims", 1)))


def pad(b, operator, inputs):
    """Kept with the view until a convolution or a pool takes it up."""
    x, mode = inputs[0], operator.attrs.get("mode", "constant")
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
    if mode != "constant" or value != 0:
        refuse(operator, f"padding by {'other values than zero' if mode == 'constant' else mode} "
               "is not supported")
    c, h, w = b.size(x)
    where = {axis_of("h", h): 0, axis_of("w", w): 1}
    around = list(x.pads)
    for axis in range(rank):
        if not before[axis] and not after[axis]:
            continue
        side = where.get(x.axes[axis]) if x.axes[axis] else axis - 2 if rank == 4 else None
        if side not in (0, 1) or min(before[axis], after[axis]) < 0:
            refuse(operator, "only rows and columns can be padded, and by no negative number")
        around[side] += before[axis]
        around[side + 2] += after[axis]
    return Map(x.node, x.axes, tuple(around))


OPERATORS = {"MaxPool": max_pool, "AveragePool": average_pool,
             "GlobalAveragePool": global_average, "GlobalMaxPool": global_max,
             "ReduceMean": reduce_mean, "Pad": pad}
