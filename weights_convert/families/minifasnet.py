"""MiniFASNet V2 (minivision-ai/Silent-Face-Anti-Spoofing, Apache-2.0), which tells a face from a
print or a screen: a MobileFaceNet whose bottlenecks are of uneven widths, for 80x80 pixels. A
PyTorch state dict has no graph; the layers are those of src/model_lib/MiniFASNet.py, the crop and
the colours those of src/generate_patches.py and src/anti_spoof_predict.py: the box 2.7 times as
large, moved into the picture, B, G, R from 0 to 255."""

import re

from ..network import Network, input_of

AS_GRAPH = True  # no C file of its own: it is written as an op list

_STAGES = ("conv_23", "conv_3", "conv_34", "conv_4", "conv_45", "conv_5")
_SIDE, _CROP = 80, 2.7


def matches(source):
    return source.has("conv2_dw.conv.weight", "conv_3.model.0.conv.conv.weight", "prob.weight")


def convert(source, options):
    net = Network(source, "graph", "attributes")
    net.input = input_of(_SIDE, _SIDE, "BGR", 0, 1)
    margin = round((_CROP - 1) / 2, 6)
    net.preprocess = {"crop": "box", "margins": [margin] * 4, "inside": True, "filter": "bilinear"}
    # Of its three classes the second is a face that is there (test.py).
    net.attributes = [{"name": "live", "kind": "probability", "output": "prob", "at": 1,
                       "default": False}]
    nodes = [["input", [], {}]]

    def node(op, inputs, **attributes):
        nodes.append([op, inputs, attributes])
        return len(nodes) - 1

    def unit(x, name, stride=1, prelu=True):
        net.torch_layer(f"{name}.conv", f"{name}.bn")
        kernel = source.tensors[f"{name}.conv.weight"].shape[2]
        x = node("conv", [x], name=f"{name}.conv", stride=stride,
                 pad=[1 if kernel == 3 else 0] * 4)
        x = node("bn", [x], name=f"{name}.bn")
        if not prelu:
            return x
        net.same(f"{name}.prelu", ["weight"])
        return node("prelu", [x], name=f"{name}.prelu")

    x = unit(unit(0, "conv1", 2), "conv2_dw")
    for stage in _STAGES:
        blocks = sorted({int(m[1]) for m in (re.match(rf"{stage}\.model\.(\d+)\.", name)
                                             for name in source.tensors) if m})
        for name in [f"{stage}.model.{i}" for i in blocks] or [stage]:
            before = x
            x = unit(x, f"{name}.conv")
            x = unit(x, f"{name}.conv_dw", 1 if blocks else 2)
            x = unit(x, f"{name}.project", prelu=False)
            if blocks:
                x = node("add", [x, before])
    x = unit(unit(x, "conv_6_sep"), "conv_6_dw", prelu=False)
    for name in ("linear", "prob"):
        net.dense(name, f"{name}.weight")
        x = node("fc", [x], name=name, height=1, width=1)
        if name == "linear":
            net.torch_bn("bn")
            x = node("bn", [x], name="bn")
    net.graph = {"nodes": nodes, "outputs": [["prob", node("softmax", [x])]], "size": "fixed",
                 "multiple_of": 1}
    return net
