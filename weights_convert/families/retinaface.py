"""RetinaFace (Deng et al. 2019, arXiv:1905.00641) as published by biubug6 (PyTorch) and by
InsightFace (MXNet, here mostly as ONNX). They share the shape of the network and differ in names,
in the order of the class logits, in anchors and in how boxes and landmarks are scaled."""

import math
import re

import numpy as np

from ..errors import ConvertError
from ..network import Network, input_of
from .resnet import torch_body

_HEADS = ("ClassHead", "BboxHead", "LandmarkHead")
_SSH = ("conv3X3", "conv5X5_1", "conv5X5_2", "conv7X7_2", "conv7x7_3")


def matches(source):
    return (source.has("ClassHead.0.conv1x1.weight", "fpn.output1.0.weight")
            or source.has("face_rpn_cls_score_stride8_weight"))


def convert(source, options):
    net = Network(source, "retinaface", "detect")
    if source.has("face_rpn_cls_score_stride8_weight"):
        _from_insightface(net, options)
    else:
        _from_biubug6(net)
    return net


# biubug6/Pytorch_Retinaface: models/retinaface.py, models/net.py, data/config.py.


def _from_biubug6(net):
    resnet = any(name.startswith("body.layer1.") for name in net.source.tensors)
    if resnet:
        torch_body(net, "body.")
    else:
        _mobilenet_body(net)
    for part in ("output1", "output2", "output3", "merge1", "merge2"):
        net.torch_layer(f"fpn.{part}.0", f"fpn.{part}.1")
    for level in (1, 2, 3):
        for part in _SSH:
            net.torch_layer(f"ssh{level}.{part}.0", f"ssh{level}.{part}.1")
    for head in _HEADS:
        for level in range(3):
            net.same(f"{head}.{level}.conv1x1", ["weight", "bias"])
    net.input = input_of(640, 640, "BGR", [104, 117, 123], 1)
    one_mb = not resnet and _is_trained_with_relu(net.source)
    sizes = [[10, 20], [32, 64], [128, 256]] if one_mb else [[16, 32], [64, 128], [256, 512]]
    net.variant = {
        "backbone": "resnet50" if resnet else "mobilenet0.25",
        "layout": "biubug6",
        # Pytorch_Retinaface's models/net.py: leaky where channels <= 64
        "activation": "relu" if resnet or one_mb else "leaky",
        "anchors": {"kind": "offsets", "strides": [8, 16, 32], "sizes": sizes,
                    "centre": "half", "plus_one": 0},
        "variances": [0.1, 0.2],
        "landmark_variance": 0.1,
    }


def _is_trained_with_relu(source):
    """Whether a MobileNet's heads were trained with ReLU, as Face-Detector-1MB-with-landmark's
    are, whose anchors are smaller, too (its data/config.py); else with leaky ReLU.

    Names and shapes of the two projects' files are the same. But what a convolution's batch norm
    saw on average in training is the convolution of its input's average, and that follows from the
    batch norm before it and the activation between them. On the largest map, where borders count
    least, the right activation's error is a tenth of the other's, and less than a tenth of a
    standard deviation; a file of which neither holds (random weights) counts as Pytorch_Retinaface's.
    """
    pairs = (("conv5X5_1", "conv5X5_2"), ("conv5X5_1", "conv7X7_2"), ("conv7X7_2", "conv7x7_3"))
    error = {slope: np.mean([_mean_error(source, f"ssh1.{a}", f"ssh1.{b}", slope)
                             for a, b in pairs]) for slope in (0.0, 0.1)}
    return error[0.0] < 0.01 and 3 * error[0.0] < error[0.1]


def _mean_error(source, before, after, slope):
    """Mean square, in standard deviations, by which the mean that `after`'s batch norm kept misses
    what `before`'s gives it through max(x, slope x), of normally distributed x."""
    def values(name):
        return np.asarray(source.tensors[name], np.float64)

    mean, deviation = values(before + ".1.bias"), np.abs(values(before + ".1.weight")) + 1e-9
    at = mean / deviation
    below = np.array([0.5 * math.erfc(x / math.sqrt(2)) for x in at])
    positive = mean * (1 - below) + deviation * np.exp(-at * at / 2) / math.sqrt(2 * math.pi)
    expected = values(after + ".0.weight").sum((2, 3)) @ (positive - slope * (positive - mean))
    kept = values(after + ".1.running_mean")
    return np.mean((expected - kept) ** 2 / (values(after + ".1.running_var") + 1e-9))


def _mobilenet_body(net):
    found = re.compile(r"body\.stage([1-3])\.(\d{1,2})\.")
    counts = [0, 0, 0]
    for match in filter(None, map(found.match, net.source.tensors)):
        counts[int(match[1]) - 1] = max(counts[int(match[1]) - 1], int(match[2]) + 1)
    net.torch_layer("body.stage1.0.0", "body.stage1.0.1")
    for stage, count in enumerate(counts, 1):
        for block in range(1 if stage == 1 else 0, count):
            layer = f"body.stage{stage}.{block}."
            net.torch_layer(layer + "0", layer + "1")
            net.torch_layer(layer + "3", layer + "4")
    # The classifier the backbone was trained with is kept in some files.
    net.drop_all(r"body\.fc\.(weight|bias)", "dropped: the backbone's classifier")


# InsightFace: detection/retinaface/rcnn/symbol/symbol_mnet.py (mnet.25).

# Index of the MXNet block -> stage and index in biubug6's MobileNet; block 2 has no depthwise half.
_BLOCKS = {2: (1, 1), 3: (1, 2), 4: (1, 3), 5: (1, 4), 6: (1, 5), 7: (2, 0), 8: (2, 1), 9: (2, 2),
           10: (2, 3), 11: (2, 4), 12: (2, 5), 13: (3, 0), 14: (3, 1)}
_NECK = {"rf_c1_red_conv": "fpn.output1", "rf_c2_lateral": "fpn.output2",
         "rf_c3_lateral": "fpn.output3", "rf_c2_aggr": "fpn.merge2", "rf_c1_aggr": "fpn.merge1"}
_CONTEXT = {"conv1": "conv3X3", "context_conv1": "conv5X5_1", "context_conv2": "conv5X5_2",
            "context_conv3_1": "conv7X7_2", "context_conv3_2": "conv7x7_3"}


def _from_insightface(net, options):
    def layer(target, conv, bn, eps):
        bias = conv + "_bias"
        net.conv(target + ".0", conv + "_weight", bias if net.source.has(bias) else None)
        net.bn(target + ".1", *(f"{bn}_{part}" for part in
                                ("gamma", "beta", "moving_mean", "moving_var")), eps)

    def body(target, name, first=0):
        conv, bn = f"{name}_conv2d", f"{name}_batchnorm"
        net.conv(f"{target}.{first}", conv + "_weight")
        net.bn(f"{target}.{first + 1}", *(f"{bn}_{part}" for part in
                                          ("gamma", "beta", "moving_mean", "moving_var")), 1e-3)

    body("body.stage1.0", "conv_1")
    for index, (stage, block) in _BLOCKS.items():
        target = f"body.stage{stage}.{block}"
        if index > 2:
            body(target, f"conv_{index}_dw")
        body(target, f"conv_{index}", 3)
    body("body.final", "conv_final")
    for name, target in _NECK.items():
        layer(target, name, name + "_bn", 2e-5)
    for level, stride in enumerate((8, 16, 32)):
        for name, target in _CONTEXT.items():
            conv = f"rf_head_stride{stride}_{name}"
            layer(f"ssh{level + 1}.{target}", conv, conv + "_bn", 2e-5)
        _heads(net, level, stride)
    _settings(net, options)


def _heads(net, level, stride):
    for head, name in zip(_HEADS, ("cls_score", "bbox_pred", "landmark_pred")):
        for part in ("weight", "bias"):
            # Logits come as all backgrounds, then all faces; ours are pairs, anchor by anchor.
            pairs = head == "ClassHead"
            net.put(f"{head}.{level}.conv1x1.{part}", f"face_rpn_{name}_stride{stride}_{part}",
                    _interleave if pairs else None, "logits to pairs" if pairs else "")


def _interleave(array):
    anchors = array.shape[0] // 2
    return array.reshape(2, anchors, *array.shape[1:]).swapaxes(0, 1).reshape(array.shape)


def _settings(net, options):
    if "landmark_variance" not in options.get("variant", {}):
        raise ConvertError("an InsightFace file does not say how its landmarks are scaled: give "
                           '--variant \'{"landmark_variance":0.2}\' for mnet.25 v2, 1.0 for v1')
    mean, scale = input_scalars(net)
    shape = next(iter(net.source.inputs.values()), None) or [1, 3, 640, 640]
    net.input = input_of(shape[3] or 640, shape[2] or 640, "RGB", mean, scale)
    net.drop_all(r"reshape_attr_tensor\d+|crop\d+__starts|rf_c\d_upsampling(roi|scale)",
                 "dropped: shape constant of the graph")
    # generate_anchors.py: base 16, scales 32/16, 8/4, 2/1; larger anchor first, widths counted + 1.
    net.variant = {
        "backbone": "mobilenet0.25",
        "layout": "insightface",
        "activation": "relu",
        "anchors": {"kind": "offsets", "strides": [8, 16, 32],
                    "sizes": [[32, 16], [128, 64], [512, 256]], "centre": "base16", "plus_one": 1},
        "variances": [1, 1],
    }


def input_scalars(net):
    """(mean, scale) of the `sub` and `mul` an MXNet graph starts with, however it is stored."""
    result = []
    for op, default in (("sub", 0.0), ("mul", 1.0)):
        node = next((n for n in net.source.nodes[:2] if n.op == op), None)
        if node is None:
            result.append(default)
        elif "scalar" in node.attrs:
            result.append(node.attrs["scalar"])
        else:
            constants = [name for name in node.inputs if name in net.source.tensors]
            if len(constants) != 1 or net.source.tensors[constants[0]].size not in (1, 3):
                raise ConvertError(f"the input's {op} has no constant")
            values = np.asarray(net.source.tensors[constants[0]], np.float64).reshape(-1)
            net.drop(constants[0], "moved to the input's normalisation")
            result.append(values.tolist() if values.size == 3 else values.item())
    return result
