"""ResNet-18..152 of torchvision (v1.5: the stride is on the 3x3 convolution) and of Keras (v1: on
the first 1x1; convolutions have biases). He et al. 2015, arXiv:1512.03385."""

import re

from ..errors import ConvertError
from ..network import Network, input_of

_BN = ("gamma", "beta", "moving_mean", "moving_variance")


def matches(source):
    torch = source.has("conv1.weight", "layer1.0.conv1.weight", "fc.weight")
    return (torch and not source.has("layer1.0.prelu.weight")) or _keras_style(source) is not None


def convert(source, options):
    net = Network(source, "resnet", "classify")
    net.preprocess = {"short_side": 256}
    style = _keras_style(source)
    if style:
        _from_keras(net, style)
    else:
        _from_torch(net)
    return net


def _from_torch(net):
    """torchvision/models/resnet.py; its weights take RGB / 255 normalised by mean and deviation."""
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    net.input = input_of(224, 224, "RGB", [round(255 * m, 6) for m in mean],
                         [1 / (255 * d) for d in deviation])
    net.variant = {"stride_on": "3x3"}
    torch_body(net, "")
    net.same("fc", ["weight", "bias"])


def torch_body(net, prefix):
    """The convolutions of a torchvision ResNet whose names start with `prefix`."""
    source = net.source
    net.torch_layer(prefix + "conv1", prefix + "bn1")
    blocks = torch_blocks(source, prefix)
    bottleneck = any(re.match(re.escape(prefix) + r"layer\d\.\d+\.conv3\.", name)
                     for name in source.tensors)
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            layer = f"{prefix}layer{stage}.{block}."
            for i in range(1, 4 if bottleneck else 3):
                net.torch_layer(f"{layer}conv{i}", f"{layer}bn{i}")
            if block == 0 and (stage > 1 or bottleneck):
                net.torch_layer(layer + "downsample.0", layer + "downsample.1")


def torch_blocks(source, prefix):
    """Number of blocks of layer1..4, from the highest index of each."""
    found = re.compile(re.escape(prefix) + r"layer([1-4])\.(\d{1,3})\.")
    counts = [0, 0, 0, 0]
    for match in filter(None, map(found.match, source.tensors)):
        stage = int(match[1]) - 1
        counts[stage] = max(counts[stage], int(match[2]) + 1)
    if 0 in counts:
        raise ConvertError(f"{prefix}layer{counts.index(0) + 1} is missing altogether")
    return counts


def _keras_style(source):
    """Which of the two sets of names Keras has used for ResNet; None where neither fits."""
    if source.has("res2a_branch2a/kernel"):
        return _Caffe
    return _Applications if source.has("conv2_block1_1_conv/kernel") else None


class _Caffe:
    """Names of the Caffe model: keras.applications until 2019 and the tfjs file made from it."""

    eps = 1e-3  # BatchNormalization's default, which the layers did not override
    conv1, bn1, fc = "conv1", "bn_conv1", ("fc1000", "predictions")

    @staticmethod
    def block(stage, block):
        """(convolution, batch norm) of the three convolutions and of the shortcut."""
        # Keras counts blocks a, b, c; Caffe's deeper nets a, b1, b2.
        name = f"{stage + 1}{chr(ord('a') + block)}"
        parts = ["branch2a", "branch2b", "branch2c", "branch1"]
        return [(f"res{name}_{part}", f"bn{name}_{part}") for part in parts]


class _Applications:
    """Names of keras.applications since 2019 (keras_applications/resnet_common.py)."""

    eps = 1.001e-5
    conv1, bn1, fc = "conv1_conv", "conv1_bn", ("probs", "predictions")

    @staticmethod
    def block(stage, block):
        name = f"conv{stage + 1}_block{block + 1}"
        return [(f"{name}_{i}_conv", f"{name}_{i}_bn") for i in (1, 2, 3, 0)]


def _from_keras(net, style):
    source = net.source
    net.input = input_of(224, 224, "BGR", [103.939, 116.779, 123.68], 1)

    def layer(target_conv, target_bn, names):
        conv, bn = names
        bias = f"{conv}/bias"
        net.conv(target_conv, f"{conv}/kernel", bias if source.has(bias) else None)
        net.bn(target_bn, *(f"{bn}/{part}" for part in _BN), style.eps)

    layer("conv1", "bn1", (style.conv1, style.bn1))
    for stage in range(1, 5):
        block = 0
        while any(source.has(f"{conv}/kernel") for conv, _ in style.block(stage, block)):
            target = f"layer{stage}.{block}."
            names = style.block(stage, block)
            for i in range(3):
                layer(f"{target}conv{i + 1}", f"{target}bn{i + 1}", names[i])
            if block == 0:
                layer(target + "downsample.0", target + "downsample.1", names[3])
            block += 1
    fc = next((name for name in style.fc if source.has(f"{name}/kernel")), style.fc[0])
    net.dense("fc", f"{fc}/kernel", f"{fc}/bias")
    net.variant = {"stride_on": _keras_stride(source, style)}


def _keras_stride(source, style):
    """From the layer configs where the file has them; Keras has only ever published v1."""
    names = [conv for conv, _ in style.block(2, 0)]
    strides = [source.layers.get(name, {}).get("strides", default)
               for name, default in zip(names, ([2, 2], [1, 1]))]
    if [list(s) for s in strides] == [[1, 1], [2, 2]]:
        return "3x3"
    if [list(s) for s in strides] == [[2, 2], [1, 1]]:
        return "1x1"
    raise ConvertError(f"the strides of {names[0]} and {names[1]} are {strides}")
