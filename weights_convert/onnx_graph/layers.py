"""Layers with weights: convolutions, products of matrices, batch norms, and the scales and shifts
that exporters write as Mul and Add."""

import numpy as np

from . import gathers
from .errors import refuse
from .maps import Map, plain, positions, vector
from .windows import Window

MOST_KERNEL = 32


def conv(b, operator, inputs):
    weight = b.constant(operator, inputs, 1, "weight")
    bias = b.constant(operator, inputs, 2, "bias")
    x = inputs[0]
    if not isinstance(x, Map) or weight is None or weight.ndim != 4:
        refuse(operator, "only convolutions over two dimensions by constant weights are supported")
    if not gathers.is_upright(x):
        x = b.unpadded(operator, x)
    node = b.require_map(operator, Map(x.node, x.axes))
    c, h, w = b.sizes[node]
    groups = operator.attrs.get("group", 1)
    out, per_group, *kernel = weight.shape
    if groups < 1 or per_group * groups != c or out % groups or 0 in weight.shape:
        refuse(operator, f"a weight of {list(weight.shape)} in {groups} groups over {c} channels")
    declared = operator.attrs.get("kernel_shape")
    if declared is not None and list(declared) != list(kernel):
        refuse(operator, f"kernel_shape {list(declared)} is not its kernel {list(kernel)}")
    weight, kernel, dilation = _dilated(b, operator, weight)
    if max(kernel) > MOST_KERNEL:
        refuse(operator, f"a kernel of {list(kernel)} is larger than {MOST_KERNEL}")
    if bias is not None and bias.shape != (out,):
        refuse(operator, f"a bias of shape {list(bias.shape)} for {out} channels")
    window = Window(operator, kernel, (h, w), x.pads, dilation=dilation)
    parts = {"weight": (weight, "")}
    if bias is not None:
        parts["bias"] = (bias, "")
    name = b.layer(operator, parts)
    return window.add(b, operator, "conv", node, out, {"name": name, **window.attributes()})


def _dilated(b, operator, weight):
    """(weight, kernel, dilation): the engine has one for both sides; of others, a kernel with zeros
    between its taps."""
    kernel, dilations = list(weight.shape[2:]), list(operator.attrs.get("dilations", [1, 1]))
    dilations = [1 if k == 1 else d for d, k in zip(dilations, kernel)]
    if not all(1 <= d <= MOST_KERNEL for d in dilations):
        refuse(operator, f"a dilation of {dilations}; 1 to {MOST_KERNEL} are possible")
    real = {d for d, k in zip(dilations, kernel) if k > 1}
    if len(real) < 2:
        return weight, kernel, min(real, default=1)
    full = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    if max(full) > MOST_KERNEL:
        refuse(operator, f"a dilation of {dilations} of a kernel of {kernel}")
    wide = np.zeros((*weight.shape[:2], *full), np.float32)
    wide[:, :, ::dilations[0], ::dilations[1]] = weight
    return b.made_of(wide, weight), full, 1


def dense(b, operator, x, weight, bias):
    """A product of the last axis with weight [in][out]: fully connected where all of the map is in
    that axis, else, where the channels are, a 1x1 convolution."""
    c, h, w = b.sizes[x.node]
    into, out = weight.shape
    if x.shape[-1] != into or 0 in weight.shape:
        refuse(operator, f"a weight of {list(weight.shape)} for an axis of {x.shape[-1]}")
    parts = {"weight": None}
    if bias is not None:
        if bias.size not in (1, out):
            refuse(operator, f"a bias of shape {list(bias.shape)} for {out} values")
        flat = np.broadcast_to(bias.reshape(-1), (out,))
        parts["bias"] = (b.made_of(flat, bias), "")
    if into == c * h * w:
        if max(h, w) > MOST_KERNEL:
            x = gathers.one_pixel(b, operator, x)
            c, h, w = b.sizes[x.node]
        order = positions(x.axes, c, h, w)
        rows, how = weight.T, ""
        if not np.array_equal(order, np.arange(into)):
            rows, how = np.empty_like(weight.T), "its columns in the order C,H,W"
            rows[:, order] = weight.T
        parts["weight"] = (b.made_of(rows, weight), how)
        node = b.add(operator, "fc", [x.node], (out, 1, 1),
                     {"name": b.layer(operator, parts), "height": h, "width": w})
        return Map(node, x.axes[:-1] + vector(node, out).axes[1:])
    if x.axes[-1] != plain(0, c, 1, 1).axes[1]:
        x = gathers.as_rows(b, operator, x, [len(x.axes) - 1])
        c, h, w = b.sizes[x.node]
    parts["weight"] = (b.made_of(weight.T[:, :, None, None], weight), "to [out][in][1][1]")
    node = b.add(operator, "conv", [x.node], (out, h, w),
                 {"name": b.layer(operator, parts), "stride": 1, "pad": 0})
    return Map(node, x.axes[:-1] + plain(node, out, 1, 1).axes[1:2])


def gemm(b, operator, inputs):
    weight = b.constant(operator, inputs, 1, "weight")
    bias = b.constant(operator, inputs, 2, "bias")
    x, attrs = inputs[0], operator.attrs
    if not isinstance(x, Map) or weight is None or weight.ndim != 2 or attrs.get("transA", 0):
        refuse(operator, "only products of a value with a constant matrix are supported")
    alpha, beta = attrs.get("alpha", 1.0), attrs.get("beta", 1.0)
    if attrs.get("transB", 0):
        weight = b.made_of(weight.T, weight)
    if alpha != 1:
        weight = b.made_of(weight * np.float32(alpha), weight)
    if bias is not None and beta != 1:
        bias = b.made_of(bias * np.float32(beta), bias)
    return dense(b, operator, x, weight, bias)


def batch_norm(b, operator, inputs):
    x = inputs[0]
    parts = [b.constant(operator, inputs, i, "parameter") for i in range(1, 5)]
    if operator.attrs.get("training_mode", 0):
        refuse(operator, "it is in training mode")
    c = channels_of(b, operator, x)
    if any(part is None or part.shape != (c,) for part in parts):
        refuse(operator, f"its four parameters must have {c} values each")
    names = ("weight", "bias", "running_mean", "running_var")
    epsilon = float(operator.attrs.get("epsilon", 1e-5))
    if not 0 < epsilon < 1:
        refuse(operator, f"an epsilon of {epsilon}")
    name = b.layer(operator, {key: (part, "") for key, part in zip(names, parts)}, epsilon)
    return Map(b.add(operator, "bn", [x.node], b.size(x), {"name": name}), x.axes)


def channels_of(b, operator, x):
    """The number of channels of a value whose second axis they are."""
    if not isinstance(x, Map):
        refuse(operator, "its input is a constant")
    c = b.size(x)[0]
    if len(x.axes) < 2 or x.axes[1] != plain(0, c, 1, 1).axes[1]:
        refuse(operator, f"its second axis, of shape {list(x.shape)}, is not the channels")
    return c


def affine(b, operator, x, scale, shift):
    """scale x + shift, a number a channel each; either may be None."""
    c = b.size(x)[0]
    scale = np.ones(c) if scale is None else scale
    parts = {"weight": (np.float32(scale), "a scale a channel")}
    if shift is not None:
        parts["bias"] = (np.float32(shift), "a shift a channel")
    node = b.add(operator, "affine", [x.node], b.size(x), {"name": b.layer(operator, parts)})
    return Map(node, x.axes)


def per_channel(b, operator, x, array):
    """A constant that broadcasts to x as [channels]; refused where it differs within a channel or
    makes x larger."""
    shape = x.shape
    if array.ndim > len(shape):
        if array.size != 1:
            refuse(operator, f"a constant of shape {list(array.shape)} with a value of "
                   f"{list(shape)}")
        array = array.reshape(())
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    c, h, w = b.size(x)
    channels = np.empty(c)
    if array.size == 1:
        channels[:] = array.reshape(-1)[0]
        return channels
    for axis, size in enumerate(array.shape):
        kinds = {atom.kind for atom in x.axes[axis]}
        first = array.take([0], axis)
        if "c" not in kinds and size == shape[axis] and (array == first).all():
            array, size = first, 1  # the same for all of them
        if size != 1 and (size != shape[axis] or (kinds != {"c"} and h * w > 1)):
            refuse(operator, f"a constant of shape {list(array.shape)} with a value of "
                   f"{list(shape)}: it must be one number a channel")
    only_channels = [[atom for atom in axis if atom.kind == "c"] for axis in x.axes]
    index = positions(only_channels, c, 1, 1)
    sizes = tuple(int(np.prod([atom.size for atom in axis])) for axis in only_channels)
    channels[index] = np.broadcast_to(array, sizes).reshape(-1)
    return channels


OPERATORS = {"Conv": conv, "Gemm": gemm, "BatchNormalization": batch_norm}
