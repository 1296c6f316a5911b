"""Resize and Upsample. Which pixel an output reads is computed as ONNX defines it, and compared
with what the engine does."""

import numpy as np

from .errors import refuse


def _sizes(b, operator, inputs, h, w):
    """(output sizes, scales), two each, of whichever the operator was given."""
    scales = b.constant(operator, inputs, 1 if operator.op == "Upsample" or operator.opset < 11
                        else 2, "scales")
    if operator.op == "Upsample" and scales is None:
        scales = np.array(operator.attrs["scales"])
    sizes = b.constant(operator, inputs, 3, "sizes")
    if operator.attrs.get("axes") is not None or operator.attrs.get(
            "keep_aspect_ratio_policy", "stretch") != "stretch":
        refuse(operator, "axes and keep_aspect_ratio_policy are not supported")
    if sizes is not None and sizes.size:
        if sizes.size != 4 or sizes[0] != 1:
            refuse(operator, f"sizes {sizes.tolist()}; only rows and columns are resized")
        return [int(n) for n in sizes], [n / m for n, m in zip(sizes[2:], (h, w))]
    if scales is None or scales.size != 4 or list(scales[:2]) != [1, 1]:
        refuse(operator, "only rows and columns are resized")
    scales = [float(s) for s in scales[2:]]
    if not all(0 < s < 64 for s in scales):
        refuse(operator, f"scales of {scales}")
    return [1, b.sizes[0][0], *(int(np.floor(n * s)) for n, s in zip((h, w), scales))], scales


def _nearest(operator, n, out, scale):
    """The input pixel of each output pixel along one axis."""
    where = np.arange(out, dtype=np.float64)
    mode = operator.attrs.get("coordinate_transformation_mode", "half_pixel")
    if operator.op == "Upsample" or operator.opset < 11:
        mode = "asymmetric"
    if mode in ("half_pixel", "pytorch_half_pixel"):
        where = (where + 0.5) / scale - 0.5 if mode == "half_pixel" or out > 1 else 0 * where
    elif mode == "asymmetric":
        where = where / scale
    elif mode == "align_corners":
        where = where * (n - 1) / (out - 1) if out > 1 else 0 * where
    else:
        refuse(operator, f"coordinate_transformation_mode {mode} is not supported")
    rounding = operator.attrs.get("nearest_mode", "round_prefer_floor")
    if operator.op == "Upsample" or operator.opset < 11:
        rounding = "floor"
    function = {"round_prefer_floor": lambda x: np.ceil(x - 0.5), "floor": np.floor,
                "round_prefer_ceil": lambda x: np.floor(x + 0.5), "ceil": np.ceil}[rounding]
    return np.clip(function(where), 0, n - 1).astype(np.int64)


def resize(b, operator, inputs):
    node = b.require_map(operator, inputs[0])
    c, h, w = b.sizes[node]
    sizes, scales = _sizes(b, operator, inputs, h, w)
    mode = operator.attrs.get("mode", "nearest")
    out = sizes[2:]
    if out == [h, w]:
        return inputs[0]
    if mode != "nearest":
        refuse(operator, f"mode {mode} is not supported")
    if not 0 < max(out) <= 16384:
        refuse(operator, f"to a map of {out[1]}x{out[0]}")
    for n, size, scale in zip((h, w), out, scales):
        if not np.array_equal(_nearest(operator, n, size, scale), np.arange(size) // 2):
            refuse(operator, f"from {w}x{h} to {out[1]}x{out[0]}: only doubling by nearest "
                   "neighbours is supported")
    like = [i for i, size in enumerate(b.sizes) if size[1:] == tuple(out)]
    if not like:
        refuse(operator, f"no value before it has {out[1]}x{out[0]} pixels")
    return b.map(b.add(operator, "upsample", [node, like[-1]], (c, *out)))


OPERATORS = {"Resize": resize, "Upsample": resize}
