"""MobileFaceNet (Chen et al. 2018, arXiv:1804.07573). The published files agree on the sequence of
layers and on little else, so the map walks the graph: conv1, conv2_dw, then bottlenecks of three
convolutions (the ones that stride by 2 open a stage), conv_6_sep, conv_6_dw, linear. A PyTorch
state dict has no graph and carries the names of TreB1eN/InsightFace_Pytorch already."""

import re

import numpy as np

from ..errors import ConvertError
from ..graph import Graph, put_layer
from ..network import Network, input_of
from .retinaface import input_scalars

PRIORITY = -1  # a graph is recognised by its shape alone

_STRIDED = ("conv_23", "conv_34", "conv_45")
_REPEATED = ("conv_3", "conv_4", "conv_5")


def matches(source):
    if source.has("conv2_dw.conv.weight") or _is_units(source):
        return True
    if source.layout == "HWIO" or not source.nodes:
        return False
    layers = Graph(source).layers()
    return any(layer.kind == "dw" and layer.kernel == 7 for layer in layers)


def convert(source, options):
    net = Network(source, "mobilefacenet", "embed")
    net.input = input_of(112, 112, "RGB", 127.5, 1 / 128)
    if _is_units(source):
        _from_units(net)
    elif source.nodes:
        _from_graph(net)
    else:
        _from_torch(net)
    return net


# Units by the graph they are part of.


def _from_graph(net):
    graph = Graph(net.source)
    layers = _merge_linear(net, graph, graph.layers())
    walk = iter(layers)
    _unit(net, "conv1", next(walk), ("conv", 3, 2))
    _unit(net, "conv2_dw", _take(walk), ("dw", 3, 1))
    stage, block, layer = -1, 0, _take(walk)
    while True:
        depthwise = _take(walk)
        if depthwise.kernel == 7:
            break
        project = _take(walk)
        if depthwise.stride == 2:
            stage, block = stage + 1, 0
            if stage == 3:
                raise ConvertError("the graph has more than three strided bottlenecks")
            target = _STRIDED[stage]
        else:
            target = f"{_REPEATED[max(stage, 0)]}.{block}"
            block += 1
            _check_residual(graph, layer, project)
        _unit(net, target + ".conv", layer, ("pw", 1, 1))
        _unit(net, target + ".conv_dw", depthwise, ("dw", 3, depthwise.stride))
        _unit(net, target + ".project", project, ("pw", 1, 1), linear=True)
        layer = _take(walk)
    if stage != 2:
        raise ConvertError("the graph has not three strided bottlenecks")
    _unit(net, "conv_6_sep", layer, ("pw", 1, 1))
    _unit(net, "conv_6_dw", depthwise, ("dw", 7, 1), linear=True)
    _linear(net, graph, _take(walk))
    if next(walk, None) is not None:
        raise ConvertError("the graph goes on after the embedding")
    net.variant = {"padding": _padding(layers)}
    _graph_input(net)


def _take(walk):
    layer = next(walk, None)
    if layer is None:
        raise ConvertError("the graph ends before the embedding")
    return layer


def _unit(net, target, layer, expected, linear=False):
    found = (layer.kind, layer.kernel, layer.stride)
    if found != expected or layer.act != ("" if linear else "prelu"):
        raise ConvertError(f"{layer.node.name} is no {target}: {found} {layer.act or 'linear'}")
    if isinstance(layer, _Merged):
        layer.store(net, target + ".conv", target + ".prelu")
    else:
        put_layer(net, target + ".conv", layer, target + ".bn", target + ".prelu")


def _linear(net, graph, layer):
    """The embedding: a dense layer, or a 1x1 convolution of a 1x1 map."""
    if layer.kind not in ("dense", "pw") or layer.act:
        raise ConvertError(f"{layer.node.name} is not the embedding's linear layer")
    if isinstance(layer, _Merged):
        layer.store(net, "linear", None, flat=True)
        return
    flatten = lambda a: a.reshape(a.shape[0], -1)  # [out][in][1][1] or [out][1][1][in]
    how = "" if layer.kind == "dense" else "flattened"
    net.put("linear.weight", layer.weight, flatten if how else None, how)
    if layer.bias:
        net.put("linear.bias", layer.bias)
    if layer.bn:
        net.bn("bn", *layer.bn.inputs[1:5], 1e-3)


def _check_residual(graph, first, project):
    """A stride-1 bottleneck must add its own input, or the network is another one."""
    add = next((n for n in graph.consumers[project.value] if n.op == "add"), None)
    if add is None or first.source not in add.inputs:
        raise ConvertError(f"the bottleneck that ends in {project.node.name} adds no input")


def _padding(layers):
    """One rule for the whole network: TensorFlow's SAME or the kernel's half on every side."""
    spatial = [layer for layer in layers if layer.kernel == 3]
    if all(layer.padding == "same" for layer in spatial):
        return "same"
    if all(layer.padding == 1 for layer in spatial):
        return "symmetric"
    raise ConvertError("the 3x3 convolutions are not padded alike")


def _graph_input(net):
    """The normalisation where it is part of the graph; else (x - 127.5) / 128 stands."""
    first = net.source.nodes[0]
    if first.op in ("sub", "mul"):
        mean, scale = input_scalars(net)
        net.input = input_of(112, 112, "RGB", mean, scale)
    for node in net.source.nodes:
        if node.op == "reshape":
            for name in node.inputs[1:]:
                if name in net.source.tensors:
                    net.drop(name, "dropped: shape constant of the graph")


class _Merged:
    """Two 1x1 convolutions in a row with nothing between, as one: W = W2 W1, b = W2 b1 + b2, in
    double precision. TensorFlow's separable convolutions leave such pairs behind."""

    def __init__(self, net, first, second):
        self.first, self.second = first, second
        self.node, self.kind, self.kernel, self.stride = second.node, "pw", 1, 1
        self.act, self.source, self.value = second.act, first.source, second.value
        self.padding = second.padding

    def store(self, net, target, prelu, flat=False):
        parts = []
        for layer in (self.first, self.second):
            weight = net.array(layer.weight, target + ".weight").astype(np.float64)
            parts.append(weight.reshape(weight.shape[0], -1))  # 1x1: OIHW and OHWI agree
            parts.append(net.array(layer.bias, target + ".bias").astype(np.float64))
        w1, b1, w2, b2 = parts
        if w2.shape[1] != w1.shape[0]:
            raise ConvertError(f"{self.first.weight} and {self.second.weight} do not fit together")
        weight, bias = _product(w2, w1), _product(w2, b1[:, None])[:, 0] + b2
        label, how = f"{self.first.weight} + {self.second.weight}", "product of two 1x1 layers"
        net.store(target + ".weight", weight if flat else weight[:, :, None, None], label,
                  weight.shape, how)
        net.store(target + ".bias", bias, f"{self.first.bias} + {self.second.bias}",
                  b2.shape, how)
        if self.act:
            factor = self.second.slope_factor
            net.put(prelu + ".weight", self.second.slope, lambda a: a.reshape(-1) * factor,
                    f"flattened, times {factor:g}")


def _product(a, b):
    """a @ b by element-wise steps in one order: a BLAS's order depends on the processor, and the
    blob's bytes must not."""
    total = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[1]):
        total += a[:, i : i + 1] * b[i]
    return total


def _merge_linear(net, graph, layers):
    """Joins a linear, biased 1x1 convolution with the 1x1 convolution that alone reads it, where no
    bottleneck explains it: the projection of a bottleneck is also linear but ends one."""
    merged, skip = [], False
    for i, layer in enumerate(layers):
        if skip:
            skip = False
            continue
        after = layers[i + 1] if i + 1 < len(layers) else None
        # A projection follows an expansion and its depthwise; the stray ones follow a depthwise
        # that follows no 1x1 convolution of its own: conv2_dw and conv_6_dw.
        stray = (i >= 2 and layer.kind == "pw" and not layer.act and not layer.bn and layer.bias
                 and layers[i - 1].kind == "dw"
                 and (layers[i - 1].kernel == 7 or layers[i - 2].kind == "conv"))
        alone = (after is not None and after.kind == "pw" and after.source == layer.value
                 and not after.bn and after.bias and len(graph.consumers[layer.value]) == 1)
        if stray and alone:
            merged.append(_Merged(net, layer, after))
            skip = True
        else:
            merged.append(layer)
    return merged


# By name: TreB1eN/InsightFace_Pytorch, model.py.


def _from_torch(net):
    source = net.source.renamed(lambda name: re.sub(r"\A(conv_[345])\.model\.", r"\1.", name))

    def unit(target, linear=False):
        net.torch_layer(target + ".conv", target + ".bn")
        if not linear:
            net.same(target + ".prelu", ["weight"])

    unit("conv1")
    unit("conv2_dw")
    for strided, repeated in zip(_STRIDED, _REPEATED):
        found = re.compile(repeated + r"\.(\d{1,2})\.")
        indices = [int(m[1]) for m in map(found.match, source.tensors) if m]
        targets = [strided] + [f"{repeated}.{i}" for i in range(max(indices, default=-1) + 1)]
        for target in targets:
            unit(target + ".conv")
            unit(target + ".conv_dw")
            unit(target + ".project", linear=True)
    unit("conv_6_sep")
    unit("conv_6_dw", linear=True)
    net.same("linear", ["weight"], ["bias"])
    if source.has("bn.weight"):
        net.torch_bn("bn")
    net.input = input_of(112, 112, "RGB", 127.5, 1 / 127.5)
    net.variant = {"padding": "symmetric"}


# The units of becauseofAI/MobileFace, as a tfjs graph model.


def _is_units(source):
    return source.has("stage1_unit1_conv0_0_weight", "stage1_unit1_prelu0_gamma")


def _from_units(net):
    source = net.source
    net.conv("conv1.conv", "conv1_weight")
    net.put("conv1.prelu.weight", "prelu1_gamma")
    for stage in range(1, 5):
        unit, target = f"stage{stage}_unit1_", f"stage{stage}."
        net.conv(target + "conv0_0", unit + "conv0_0_weight")
        net.conv(target + "conv0_1", unit + "conv0_1_df", depthwise=True)
        net.put(target + "prelu0.weight", unit + "prelu0_gamma")
        for i in (1, 2):
            net.conv(f"{target}conv{i}", f"{unit}conv{i}_df", depthwise=True)
            net.put(f"{target}prelu{i}.weight", f"{unit}prelu{i}_gamma")
    _units_linear(net)
    for name, array in source.tensors.items():
        if re.fullmatch(r"(Max|Min)imum(_\d+)?/x", name):
            if array.any():
                raise ConvertError(f"{name} is not 0, so the graph's PReLU is none")
            net.drop(name, "dropped: the 0 of a PReLU")
        elif re.fullmatch(r"Pad(_\d+)?/paddings", name):
            if array.tolist() != [[0, 0], [1, 1], [1, 1], [0, 0]]:
                raise ConvertError(f"{name} is {array.tolist()}, not one pixel on every side")
            net.drop(name, "dropped: padding, in the variant")
    net.drop_all("flatten/Const", "dropped: shape constant of the graph")
    mean, scale = (net.array(name, "input")
                   for name in ("minusscalar0_second", "mulscalar0_second"))
    if mean is not None and scale is not None:
        net.input = input_of(112, 112, "RGB", mean.item(), scale.item())
    net.variant = {"layout": "units", "padding": "symmetric"}


def _units_linear(net):
    """dense, times batchnorm0/mul, plus batchnorm0/sub; the map before it is flattened as HWC."""
    kernel = net.array("dense/kernel", "linear.weight")
    scale = net.array("batchnorm0/mul", "linear.weight")
    channels = net.source.tensors.get("stage4_unit1_prelu2_gamma")
    net.put("linear.bias", "batchnorm0/sub")
    if kernel is None or scale is None or channels is None:
        return
    side = int(round((kernel.shape[0] / channels.size) ** 0.5))
    if side * side * channels.size != kernel.shape[0] or scale.shape != kernel.shape[1:]:
        raise ConvertError(f"dense/kernel has the shape {list(kernel.shape)}")
    weight = (kernel * scale).reshape(side, side, channels.size, -1)
    weight = weight.transpose(3, 2, 0, 1).reshape(kernel.shape[1], kernel.shape[0])
    net.store("linear.weight", weight, "dense/kernel", kernel.shape,
              "times batchnorm0/mul, [HWC][out] to [out][CHW]")
