"""Age and gender by face-api's TinyXception with two heads (vladmandic/face-api, src/ageGenderNet
and src/xception), from its weights manifest, in TensorFlow's layouts."""

import re

from ..network import Network, input_of


def matches(source):
    return source.has("entry_flow/conv_in/filters", "fc/age/weights")


def convert(source, options):
    net = Network(source, "faceapi_age_gender", "attributes")
    net.input = input_of(112, 112, "RGB", [122.782, 117.001, 104.298], 1 / 255)
    # Measured on FairFace with retinaface-mnet025-v2's boxes: margin 0.05 beats the whole picture,
    # 0.2 loses 6 points.
    net.preprocess = {"crop": "box", "margin": 0.05}
    # Gender has been through softmax: its second value is what the first leaves of 1.
    net.attributes = [
        {"name": "age", "kind": "value", "unit": "years", "low": 0, "output": "age"},
        {"name": "gender", "kind": "distribution", "labels": ["male", "female"],
         "output": "gender", "count": 1},
    ]

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
