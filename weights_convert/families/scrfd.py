"""SCRFD (Guo et al. 2021, arXiv:2105.04714) from InsightFace's ONNX exports. Neck and head tensors
keep their names, the backbone and the head's convolutions are anonymous: those come from the graph.
The exporter stores equal biases once, so a tensor may serve two layers."""

from ..errors import ConvertError
from ..graph import Graph, put_layer
from ..network import Network, input_of

_STRIDES = (8, 16, 32)
_SHAPE_OPS = ("reshape", "Resize", "Gather", "Slice", "Concat", "Unsqueeze")


def matches(source):
    return source.has("bbox_head.stride_cls.(8, 8).weight", "neck.lateral_convs.0.conv.weight")


def convert(source, options):
    net = Network(source, "scrfd", "detect")
    net.input = input_of(640, 640, "RGB", 127.5, 1 / 128)
    net.variant["anchors"] = {"kind": "distances", "strides": list(_STRIDES), "per_cell": 2,
                              "centre": "corner"}
    graph = Graph(source)
    layers = graph.layers()
    by_weight = {layer.weight: layer for layer in layers}
    laterals = [by_weight.get(f"neck.lateral_convs.{i}.conv.weight") for i in range(3)]
    if None in laterals:
        raise ConvertError("the neck has not three lateral convolutions")
    first = layers.index(laterals[0])
    backbone = layers[:first]
    if any(layer.kind == "dw" for layer in backbone):
        outputs = _mobilenet(net, backbone)
        net.variant["backbone"] = "mobilenet"
    else:
        outputs = _resnet(net, graph, backbone)
        net.variant["backbone"] = "resnet"
    missing = [lateral.node.name for lateral in laterals if lateral.source not in outputs]
    if missing:
        raise ConvertError(f"{missing[0]} does not read the end of a backbone block")
    net.variant["taps"] = [outputs[lateral.source] for lateral in laterals]
    _neck(net, by_weight)
    for index, stride in enumerate(_STRIDES):
        _head(net, graph, by_weight, index, stride)
    _drop_shapes(net, graph)
    return net


def _mobilenet(net, layers):
    """Depthwise and pointwise in pairs after the stem; {output value: block index}."""
    put_layer(net, "backbone.stem.0", layers[0])
    outputs, strides = {}, []
    for i in range(1, len(layers) - 1, 2):
        dw, pw = layers[i], layers[i + 1]
        if (dw.kind, pw.kind) != ("dw", "pw"):
            raise ConvertError(f"{dw.node.name} and {pw.node.name} are no separable convolution")
        block = len(strides)
        put_layer(net, f"backbone.layers.{block}.dw", dw)
        put_layer(net, f"backbone.layers.{block}.pw", pw)
        strides.append(dw.stride)
        outputs[pw.value] = block
    if len(layers) != 1 + 2 * len(strides):
        raise ConvertError("the backbone ends in the middle of a separable convolution")
    net.variant["strides"] = strides
    return outputs


def _resnet(net, graph, layers):
    """Three stem convolutions, then basic blocks; a 1x1 shortcut opens a layer after the first.
    Returns {output value: layer number}, 1..4."""
    for i in range(3):
        put_layer(net, f"backbone.stem.{i}", layers[i])
    outputs, number, block, i = {}, 1, 0, 3
    while i < len(layers):
        conv1, conv2 = layers[i : i + 2] if i + 1 < len(layers) else (layers[i], None)
        if conv2 is None or conv1.kind != "conv" or conv2.kind != "conv":
            raise ConvertError(f"{conv1.node.name} does not begin a basic block")
        shortcut = layers[i + 2] if i + 2 < len(layers) and layers[i + 2].kind == "pw" else None
        if shortcut:
            number, block = number + 1, 0
        target = f"backbone.layer{number}.{block}."
        put_layer(net, target + "conv1", conv1)
        put_layer(net, target + "conv2", conv2)
        if shortcut:
            put_layer(net, target + "downsample", shortcut)
        add = graph.next(conv2.node.outputs[0], "add")
        relu = graph.next(add.outputs[0], "relu") if add else None
        if relu is None:
            raise ConvertError(f"{conv2.node.name} does not end a basic block")
        outputs[relu.outputs[0]] = number
        block, i = block + 1, i + (3 if shortcut else 2)
    return outputs


def _neck(net, by_weight):
    """Weights by name, biases by the graph: equal ones are stored under one name."""
    for part, count in (("lateral_convs", 3), ("fpn_convs", 3), ("downsample_convs", 2),
                        ("pafpn_convs", 2)):
        for i in range(count):
            weight = f"neck.{part}.{i}.conv.weight"
            layer = by_weight.get(weight)
            net.conv(f"neck.{part}.{i}", weight, layer.bias if layer else f"{weight[:-6]}bias")


def _head(net, graph, by_weight, index, stride):
    name = f"bbox_head.stride_%s.({stride}, {stride}).weight"
    cls = by_weight.get(name % "cls")
    if cls is None:
        raise ConvertError(f"the head misses {name % 'cls'}")
    chain, value = [], cls.source
    by_value = {layer.value: layer for layer in by_weight.values()}
    # Back from the predictions to the neck, through the convolutions that have a ReLU.
    while value in by_value and by_value[value].act == "relu":
        chain.insert(0, by_value[value])
        value = by_value[value].source
    if any(layer.kind == "dw" for layer in chain):
        for i in range(0, len(chain) - 1, 2):
            put_layer(net, f"head.{stride}.convs.{i // 2}.dw", chain[i])
            put_layer(net, f"head.{stride}.convs.{i // 2}.pw", chain[i + 1])
    else:
        for i, layer in enumerate(chain):
            put_layer(net, f"head.{stride}.convs.{i}", layer)
    for part in ("cls", "reg", "kps"):
        layer = by_weight.get(name % part)
        if layer is None and part == "kps":
            continue
        if layer is None:
            raise ConvertError(f"the head misses {name % part}")
        scale = _scale(net, graph, layer) if part == "reg" else None
        for suffix, tensor in (("weight", layer.weight), ("bias", layer.bias)):
            how = "" if scale is None else f"times bbox_head.scales.{index} = {scale:.6g}"
            net.put(f"head.{stride}.{part}.{suffix}", tensor,
                    None if scale is None else lambda a: a * a.dtype.type(scale), how)


def _scale(net, graph, layer):
    """The learnt factor behind a box convolution; None where the export has none."""
    mul = graph.next(layer.node.outputs[0], "mul")
    if mul is None:
        return None
    name = next((n for n in mul.inputs if n in net.source.tensors), None)
    if name is None or net.source.tensors[name].size != 1:
        raise ConvertError(f"{layer.node.name} is multiplied by something that is no number")
    net.drop(name, "folded into the box convolution")
    return float(net.source.tensors[name].reshape(-1)[0])


def _drop_shapes(net, graph):
    """Constants that only reshape, resize or slice shapes."""
    for name in list(net.source.tensors):
        readers = graph.consumers[name]
        if name not in net.used and all(node.op in _SHAPE_OPS for node in readers):
            net.drop(name, "dropped: shape constant of the graph")
