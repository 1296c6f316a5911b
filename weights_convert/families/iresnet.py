"""IResNet-18..100 of InsightFace's arcface_torch (backbones/iresnet.py): names are already ours."""

from ..network import Network, input_of
from .resnet import torch_blocks


def matches(source):
    return source.has("layer1.0.prelu.weight", "features.weight")


def convert(source, options):
    net = Network(source, "iresnet", "embed")
    net.input = input_of(112, 112, "RGB", 127.5, 1 / 127.5)
    net.same("conv1", ["weight"])
    net.torch_bn("bn1")
    net.same("prelu", ["weight"])
    for stage, count in enumerate(torch_blocks(source, ""), 1):
        for block in range(count):
            layer = f"layer{stage}.{block}."
            net.torch_bn(layer + "bn1")
            net.same(layer + "conv1", ["weight"])
            net.torch_bn(layer + "bn2")
            net.same(layer + "prelu", ["weight"])
            net.same(layer + "conv2", ["weight"])
            net.torch_bn(layer + "bn3")
            if block == 0:
                net.torch_layer(layer + "downsample.0", layer + "downsample.1")
    net.torch_bn("bn2")
    net.same("fc", ["weight", "bias"])
    net.torch_bn("features")
    return net
