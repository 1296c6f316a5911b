"""Age and gender: face-api's TinyXception with two heads (its weights manifest, in TensorFlow's
layouts), and InsightFace's gender-age MobileNet (MXNet)."""

import re

from ..errors import ConvertError
from ..network import Network, input_of
from .retinaface import input_scalars


class FaceApi:
    """vladmandic/face-api, src/ageGenderNet and src/xception."""

    @staticmethod
    def matches(source):
        return source.has("entry_flow/conv_in/filters", "fc/age/weights")

    @staticmethod
    def convert(source, options):
        net = Network(source, "faceapi_age_gender", "age_gender")
        net.input = input_of(112, 112, "RGB", [122.782, 117.001, 104.298], 1 / 255)
        # Measured on FairFace with mnet v2 boxes: margin 0.05 beats the whole picture, 0.2 loses 6 points.
        net.preprocess = {"crop": "box", "margin": 0.05}

        def conv(name):
            net.conv(name.replace("/", "."), name + "/filters", name + "/bias")

        def separable(name):
            target = name.replace("/", ".")
            net.conv(target + ".depthwise", name + "/depthwise_filter", depthwise=True)
            net.conv(target + ".pointwise", name + "/pointwise_filter")
            net.put(target + ".bias", name + "/bias")

        def reduction(name):
            separable(name + "/separable_conv0")
            separable(name + "/separable_conv1")
            conv(name + "/expansion_conv")

        conv("entry_flow/conv_in")
        reduction("entry_flow/reduction_block_0")
        reduction("entry_flow/reduction_block_1")
        found = [re.match(r"middle_flow/main_block_(\d{1,2})/", name) for name in source.tensors]
        for block in range(1 + max((int(m[1]) for m in found if m), default=0)):
            for i in range(3):
                separable(f"middle_flow/main_block_{block}/separable_conv{i}")
        reduction("exit_flow/reduction_block")
        separable("exit_flow/separable_conv")
        for head in ("age", "gender"):
            net.dense(f"fc.{head}", f"fc/{head}/weights", f"fc/{head}/bias")
        return net


class InsightFace:
    """deepinsight/insightface, gender-age/fmobilenet: widths and strides as in its symbol."""

    @staticmethod
    def matches(source):
        return source.has("conv_1_conv2d_weight", "conv_14_conv2d_weight", "pre_fc1_weight",
                          "relu1_gamma")

    @staticmethod
    def convert(source, options):
        net = Network(source, "insightface_genderage", "age_gender")
        net.preprocess = {"crop": "aligned"}
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
