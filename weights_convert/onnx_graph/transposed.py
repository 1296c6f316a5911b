"""ConvTranspose as what the engine has: each of the strides' phases of its result is an ordinary
convolution of the input by every stride-th tap, so all of them are one convolution, and depth to
space puts their pixels side by side. Exact; where the kernel is no multiple of the stride, taps of
zero are multiplied, too."""

import numpy as np

from . import gathers
from .errors import refuse
from .layers import MOST_KERNEL

MOST_STRIDE = 16


def _pads(operator, kernel, strides, extra, size):
    attrs = operator.attrs
    mode = attrs.get("auto_pad", "NOTSET") or "NOTSET"
    wanted = attrs.get("output_shape")
    if mode == "NOTSET" and wanted is None:
        return list(attrs.get("pads", [0] * 4))
    if mode == "VALID":
        return [0] * 4
    pads = [0] * 4
    for i in (0, 1):
        out = wanted[-2 + i] if wanted is not None else size[i] * strides[i]
        total = strides[i] * (size[i] - 1) + extra[i] + kernel[i] - out
        less = total // 2
        pads[i], pads[i + 2] = (less, total - less) if mode != "SAME_LOWER" else (total - less, less)
    return pads


def _filters(weight, groups, strides, taps):
    """[c][out/groups][kh][kw] as a convolution's [out * phases][c/groups][taps][taps]; its outputs
    of one channel are neighbours, one a phase."""
    c, out = weight.shape[:2]
    full = np.zeros((c, out, taps[0] * strides[0], taps[1] * strides[1]), np.float32)
    full[:, :, :weight.shape[2], :weight.shape[3]] = weight
    full = full.reshape(groups, c // groups, out, taps[0], strides[0], taps[1], strides[1])
    full = full[:, :, :, ::-1, :, ::-1, :]  # the tap furthest back comes first
    full = full.transpose(0, 2, 4, 6, 1, 3, 5)
    return np.ascontiguousarray(full).reshape(-1, c // groups, *taps)


def conv_transpose(b, operator, inputs):
    weight = b.constant(operator, inputs, 1, "weight")
    bias = b.constant(operator, inputs, 2, "bias")
    if weight is None or weight.ndim != 4 or 0 in weight.shape:
        refuse(operator, "only convolutions over two dimensions by constant weights are supported")
    node = b.require_map(operator, inputs[0])
    (c, h, w), attrs = b.sizes[node], operator.attrs
    groups, out, kernel = attrs.get("group", 1), weight.shape[1], weight.shape[2:]
    strides, extra = attrs.get("strides", [1, 1]), attrs.get("output_padding", [0, 0])
    if list(attrs.get("dilations", [1, 1])) != [1, 1]:
        refuse(operator, f"a dilation of {list(attrs['dilations'])} is not supported")
    if weight.shape[0] != c or groups < 1 or c % groups:
        refuse(operator, f"a weight of {list(weight.shape)} in {groups} groups over {c} channels")
    if max(kernel) > MOST_KERNEL or not all(1 <= s <= MOST_STRIDE for s in strides) or not all(
            0 <= e < s for e, s in zip(extra, strides)):
        refuse(operator, f"a kernel of {list(kernel)} with strides of {list(strides)} and an "
               f"output_padding of {list(extra)}")
    pads = _pads(operator, kernel, strides, extra, (h, w))
    taps = [-(-k // s) for k, s in zip(kernel, strides)]
    # Blocks that reach beyond the last input only where the result is that long.
    size = [(n - 1) * s + k + e - pads[i] - pads[i + 2]
            for i, (n, s, k, e) in enumerate(zip((h, w), strides, kernel, extra))]
    more = [max(0, -(-(pads[i] + size[i]) // strides[i]) - (n + taps[i] - 1))
            for i, n in enumerate((h, w))]
    if min(pads) < 0 or min(size) < 1:
        refuse(operator, f"pads of {pads} and a result of {size[1]}x{size[0]}")
    parts = {"weight": (b.made_of(_filters(weight, groups, strides, taps), weight),
                        "the strides' phases as channels")}
    phases = strides[0] * strides[1]
    if bias is not None:
        if bias.shape != (out * groups,):
            refuse(operator, f"a bias of shape {list(bias.shape)} for {out * groups} channels")
        parts["bias"] = (b.made_of(np.repeat(bias, phases), bias), "one a phase")
    around = [taps[0] - 1, taps[1] - 1, taps[0] - 1 + more[0], taps[1] - 1 + more[1]]
    blocks = (h + taps[0] - 1 + more[0], w + taps[1] - 1 + more[1])
    y = b.add(operator, "conv", [node], (out * groups * phases, *blocks), {
        "name": b.layer(operator, parts), "stride": 1,
        "pad": around[0] if len(set(around)) == 1 else around})
    crop = [pads[0], pads[1]] + [blocks[i] * strides[i] - pads[i] - size[i] for i in (0, 1)]
    if phases > 1:
        return gathers.blocks(b, operator, y, strides, "CRD", crop)
    return gathers.pad(b, operator, b.map(y), [-n for n in crop]) if any(crop) else b.map(y)


OPERATORS = {"ConvTranspose": conv_transpose}
