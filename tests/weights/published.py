"""State dicts of published networks with random weights, under their publishers' names and with
fewer channels. Written from the publishers' model code, not from the converter's name maps."""

import numpy as np

SEED = 7
print("random weights: seed", SEED)


class State(dict):
    """A state dict that fills itself with random weights as a PyTorch module would name them."""

    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng(SEED)

    def array(self, name, *shape):
        self[name] = self.random.standard_normal(shape).astype(np.float32)

    def conv(self, name, out, inputs, kernel, bias=False):
        self.array(name + ".weight", out, inputs, kernel, kernel)
        if bias:
            self.array(name + ".bias", out)

    def bn(self, name, channels):
        for part in ("weight", "bias", "running_mean"):
            self.array(f"{name}.{part}", channels)
        self[name + ".running_var"] = self.random.random(channels).astype(np.float32) + 0.5
        self[name + ".num_batches_tracked"] = np.array(1000, np.int64)


def torchvision_resnet(depth, width=64, classes=1000, prefix=""):
    """torchvision/models/resnet.py: resnet18 .. resnet152, with `width` channels for 64."""
    blocks = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3],
              152: [3, 8, 36, 3]}[depth]
    expansion = 4 if depth >= 50 else 1
    state = State()
    state.conv(prefix + "conv1", width, 3, 7)
    state.bn(prefix + "bn1", width)
    channels = width
    for stage, count in enumerate(blocks):
        planes = width << stage
        for block in range(count):
            name = f"{prefix}layer{stage + 1}.{block}."
            convs = [(planes, channels, 1), (planes, planes, 3), (planes * 4, planes, 1)]
            if expansion == 1:
                convs = [(planes, channels, 3), (planes, planes, 3)]
            for i, (out, inputs, kernel) in enumerate(convs, 1):
                state.conv(f"{name}conv{i}", out, inputs, kernel)
                state.bn(f"{name}bn{i}", out)
            if block == 0 and (stage or expansion == 4):
                state.conv(name + "downsample.0", planes * expansion, channels, 1)
                state.bn(name + "downsample.1", planes * expansion)
            channels = planes * expansion
    if not prefix:
        state.array("fc.weight", classes, channels)
        state.array("fc.bias", classes)
    return state


def arcface_iresnet(depth, width=8, embedding=32):
    """recognition/arcface_torch/backbones/iresnet.py."""
    blocks = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 14, 3], 100: [3, 13, 30, 3]}[depth]
    state = State()
    state.conv("conv1", width, 3, 3)
    state.bn("bn1", width)
    state.array("prelu.weight", width)
    channels = width
    for stage, count in enumerate(blocks):
        planes = width << stage
        for block in range(count):
            name = f"layer{stage + 1}.{block}."
            state.bn(name + "bn1", channels)
            state.conv(name + "conv1", planes, channels, 3)
            state.bn(name + "bn2", planes)
            state.array(name + "prelu.weight", planes)
            state.conv(name + "conv2", planes, planes, 3)
            state.bn(name + "bn3", planes)
            if block == 0:
                state.conv(name + "downsample.0", planes, channels, 1)
                state.bn(name + "downsample.1", planes)
            channels = planes
    state.bn("bn2", channels)
    state.array("fc.weight", embedding, channels * 49)
    state.array("fc.bias", embedding)
    state.bn("features", embedding)
    return state


def retinaface_resnet50(width=8, out=32):
    """biubug6/Pytorch_Retinaface with network resnet50: the body is torchvision's, cut after
    layer4 by IntermediateLayerGetter."""
    state = torchvision_resnet(50, width, prefix="body.")
    for i, channels in enumerate((width * 8, width * 16, width * 32), 1):
        state.conv(f"fpn.output{i}.0", out, channels, 1)
        state.bn(f"fpn.output{i}.1", out)
    for i in (1, 2):
        state.conv(f"fpn.merge{i}.0", out, out, 3)
        state.bn(f"fpn.merge{i}.1", out)
    half, quarter = out // 2, out // 4
    for i in (1, 2, 3):
        for part, to, inputs in (("conv3X3", half, out), ("conv5X5_1", quarter, out),
                                 ("conv5X5_2", quarter, quarter), ("conv7X7_2", quarter, quarter),
                                 ("conv7x7_3", quarter, quarter)):
            state.conv(f"ssh{i}.{part}.0", to, inputs, 3)
            state.bn(f"ssh{i}.{part}.1", to)
    for i in range(3):
        for head, to in (("ClassHead", 4), ("BboxHead", 8), ("LandmarkHead", 20)):
            state.conv(f"{head}.{i}.conv1x1", to, out, 1, bias=True)
    return state


def treb1en_mobilefacenet(embedding=64):
    """TreB1eN/InsightFace_Pytorch model.py, MobileFaceNet, with an eighth of the channels."""
    state = State()

    def unit(name, out, inputs, kernel, linear=False):
        state.conv(name + ".conv", out, inputs, kernel)
        state.bn(name + ".bn", out)
        if not linear:
            state.array(name + ".prelu.weight", out)

    def bottleneck(name, out, inputs, groups):
        unit(name + ".conv", groups, inputs, 1)
        unit(name + ".conv_dw", groups, 1, 3)
        unit(name + ".project", out, groups, 1, linear=True)

    unit("conv1", 8, 3, 3)
    unit("conv2_dw", 8, 1, 3)
    channels = 8
    for strided, repeated, count, out, first, groups in (
            ("conv_23", "conv_3", 4, 8, 16, 16), ("conv_34", "conv_4", 6, 16, 32, 32),
            ("conv_45", "conv_5", 2, 16, 64, 32)):
        bottleneck(strided, out, channels, first)
        for i in range(count):
            bottleneck(f"{repeated}.model.{i}", out, out, groups)
        channels = out
    unit("conv_6_sep", 64, 16, 1)
    unit("conv_6_dw", 64, 1, 7, linear=True)
    state.array("linear.weight", embedding, 64)
    state.bn("bn", embedding)
    return state


def minifasnet():
    """minivision-ai/Silent-Face-Anti-Spoofing src/model_lib/MiniFASNet.py, V2: the same with a last
    map of 5x5, and a layer of three classes behind the embedding."""
    state = treb1en_mobilefacenet(16)
    state.conv("conv_6_dw.conv", 64, 1, 5)
    state.array("prob.weight", 3, 16)
    return state
