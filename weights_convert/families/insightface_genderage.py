"""Age and gender by InsightFace's MobileNet (deepinsight/insightface, gender-age/fmobilenet), from
MXNet: widths and strides as in its symbol."""

from ..errors import ConvertError
from ..network import Network, input_of
from .retinaface import input_scalars


def matches(source):
    return source.has("conv_1_conv2d_weight", "conv_14_conv2d_weight", "pre_fc1_weight",
                      "relu1_gamma")


def convert(source, options):
    net = Network(source, "insightface_genderage", "attributes")
    net.preprocess = {"crop": "aligned"}
    # Two logits (female, male), then a hundred pairs of which each says whether the face is older
    # than that many years (gender-age/face_model.py).
    net.attributes = [
        {"name": "age", "kind": "value", "unit": "years", "low": 0, "high": 100,
         "output": "fc1", "at": 2, "count": 200, "decode": "pairs"},
        {"name": "gender", "kind": "distribution", "labels": ["female", "male"],
         "output": "fc1", "count": 2, "decode": "softmax"},
    ]
    strides = {node.name: node.attrs["stride"] for node in source.nodes if node.op == "conv"}

    def bn(target, name, eps=1e-3):
        net.bn(target, *(f"{name}_{part}" for part in
                         ("gamma", "beta", "moving_mean", "moving_var")), eps)

    for block in range(1, 15):
        for name in ([] if block == 1 else [f"conv_{block}_dw"]) + [f"conv_{block}"]:
            net.conv(name, name + "_conv2d_weight")
            bn(name + ".bn", name + "_batchnorm")
    bn("bn1", "bn1", 2e-5)
    net.put("prelu.weight", "relu1_gamma")
    net.dense("fc", "pre_fc1_weight", "pre_fc1_bias")
    bn("fc_bn", "fc1", 2e-5)
    net.input = input_of(112, 112, "RGB", *input_scalars(net))
    try:
        net.variant = {"strides": [strides[f"conv_{i}_dw_conv2d"] for i in range(2, 15)]}
    except KeyError as error:
        raise ConvertError(f"the graph has no convolution {error}") from None
    return net
