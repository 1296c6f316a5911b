"""Resize and Upsample. Which pixel an output reads is computed as ONNX defines it: doubling by nearest
neighbours is an operator of its own in the engine, which sums take up."""

import numpy as np

from .errors import refuse

COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")

def _sizes(b, operator, inputs, h, w):
    """(output sizes, scales), two each, of whichever the operator was given; was it the scales?"""
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
        sizes = _thawed(b, operator, [int(n) for n in sizes], h, w)
        return sizes, [n / m for n, m in zip(sizes[2:], (h, w))], False
    if scales is None or scales.size != 4 or list(scales[:2]) != [1, 1]:
        refuse(operator, "only rows and columns are resized")
    scales = [float(s) for s in scales[2:]]
    if not all(0 < s < 64 for s in scales):
        refuse(operator, f"scales of {scales}")
    return [1, b.sizes[0][0], *(int(np.floor(np.float32(n) * np.float32(s))) for n, s in
                                      zip((h, w), scales))], scales, True


def _thawed(b, operator, sizes, h, w):
    """The sizes; of a network that is tried at another size than its file is frozen at, those it
    would have had there."""
    if sizes[2:] == [2 * h, 2 * w]:
        b.doubled.add(operator.outputs[0])
    return [*sizes[:2], 2 * h, 2 * w] if operator.outputs[0] in b.thawed else sizes


def _style(operator, scales):
    """(mode, coordinates, rounding) as newer opsets name what older ones always do."""
    attrs = operator.attrs
    mode = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}.get(
        attrs.get("mode", "nearest"))
    if mode is None:
        refuse(operator, f"mode {attrs['mode']} is not supported")
    if operator.op == "Upsample" or operator.opset < 11:
        return mode, "asymmetric", "floor" if min(scales) >= 1 else "ceil"
    coordinates = attrs.get("coordinate_transformation_mode", "half_pixel")
    if coordinates not in COORDINATES:
        refuse(operator, f"coordinate_transformation_mode {coordinates} is not supported")
    if attrs.get("antialias", 0) and mode != "nearest" and min(scales) < 1:
        refuse(operator, "antialias is not supported")
    return mode, coordinates, attrs.get("nearest_mode", "round_prefer_floor")


def _nearest(n, out, scale, coordinates, rounding):
    """The input pixel of each output pixel along one axis."""
    where = np.arange(out, dtype=np.float64)
    if coordinates == "align_corners":
        where = where * (n - 1) / (out - 1) if out > 1 else 0 * where
    elif coordinates == "asymmetric":
        where = where / scale
    else:
        alone = coordinates == "pytorch_half_pixel" and out == 1
        where = 0 * where if alone else (where + 0.5) / scale - 0.5
    function = {"round_prefer_floor": lambda x: np.ceil(x - 0.5), "floor": np.floor,
                "round_prefer_ceil": lambda x: np.floor(x + 0.5), "ceil": np.ceil}[rounding]
    return np.clip(function(where), 0, n - 1).astype(np.int64)


def _curve(operator):
    coefficient = float(operator.attrs.get("cubic_coeff_a", -0.75))
    if not -2 <= coefficient < 0:
        refuse(operator, f"a cubic_coeff_a of {coefficient}")
    outside = {"exclude_outside": True} if operator.attrs.get("exclude_outside", 0) else {}
    return {"coefficient": coefficient, **outside}


def resize(b, operator, inputs):
    node = b.require_map(operator, inputs[0])
    c, h, w = b.sizes[node]
    sizes, scales, by_scale = _sizes(b, operator, inputs, h, w)
    out = sizes[2:]
    if list(scales) == [1, 1]:
        return b.map(node)
    mode, coordinates, rounding = _style(operator, scales)
    if min(out) < 1:
        refuse(operator, f"to a map of {out[1]}x{out[0]}")
    like = [i for i, size in enumerate(b.sizes) if size[1:] == tuple(out)]
    doubled = mode == "nearest" and like and all(
        np.array_equal(_nearest(n, size, scale, coordinates, rounding), np.arange(size) // 2)
        for n, size, scale in zip((h, w), out, scales))
    if doubled:
        return b.map(b.add(operator, "upsample", [node, like[-1]], (c, *out)))
    attributes = {"mode": mode, "coordinates": coordinates}
    if mode == "nearest":
        attributes["rounding"] = rounding
    if mode == "cubic":
        attributes.update(_curve(operator))
    if by_scale:
        attributes["scale"] = scales
    elif not like and all(n == int(n) for n in scales):
        attributes["scale"] = [float(n) for n in scales]
    elif not like:
        attributes["size"] = out
    nodes = [node, like[-1]] if like and not by_scale else [node]
    return b.map(b.add(operator, "resize", nodes, (c, *out), attributes))


OPERATORS = {"Resize": resize, "Upsample": resize}
