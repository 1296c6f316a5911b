"""What `add` makes of files of which nobody says anything: InsightFace's packs and YuNet by their
shapes, and what the command line says instead."""

import json
import os
import unittest

from .support import shared
from .test_commands import Command
from weights_convert import safetensors

try:
    import onnx

    from . import shapes
except ImportError:
    raise unittest.SkipTest("python3-onnx is not installed") from None

YUNET_ANCHORS = {"kind": "offsets", "strides": [8, 16, 32], "sizes": [[8], [16], [32]],
                 "centre": "corner", "plus_one": 0, "score": "root"}


class Guess(Command):
    def add(self, data, *options, refused=None):
        """(metadata, what was said) of the blob of a file."""
        path = data if isinstance(data, str) else self.write("Net_1.onnx", data)
        status, _, err = self.run_main("add", path, "--dir", self.path("w"), "--name", "net",
                                       "--replace", *options)
        if refused:
            self.assertEqual(status, 1)
            self.assertRegex(err, refused)
            return None
        self.assertEqual(status, 0, err)
        meta = safetensors.read(os.path.join(self.path("w"), "net.safetensors"))[1]
        return {key: json.loads(value) if value[:1] in "[{" else value
                for key, value in meta.items()}, err

    def outputs(self, meta):
        return [name for name, _ in meta["graph"]["outputs"]]

    def test_yunet(self):
        files = [shapes.yunet()]
        if os.path.exists(os.path.join(os.path.dirname(__file__), "../../../shared/weights/yunet")):
            files += [shared("yunet", f"yunet_{name}.onnx")
                      for name in ("s_640_640", "s_dynamic", "n_640_640")]
        for file in files:
            meta, said = self.add(file)
            self.assertIn("looks like a YuNet detector: 12 outputs at strides 8, 16 and 32", said)
            self.assertEqual(meta["task"], "detect")
            self.assertEqual(meta["variant"], {"anchors": YUNET_ANCHORS, "variances": [1, 1],
                                               "landmark_variance": 1})
            self.assertEqual(meta["input"], {"width": 640, "height": 640, "channels": "BGR",
                                             "mean": [0] * 3, "scale": [1] * 3})
            self.assertEqual(self.outputs(meta), [f"{kind}_{stride}" for stride in (8, 16, 32)
                                                  for kind in ("score", "box", "landmark")])
            score = dict(meta["graph"]["outputs"])["score_8"]
            op, parts, _ = meta["graph"]["nodes"][score]
            self.assertEqual(op, "mul")
            self.assertEqual([meta["graph"]["nodes"][part][0] for part in parts], ["sigmoid"] * 2)
            self.assertEqual(meta["graph"]["size"], "any")

    def test_scrfd(self):
        for file, count in ((shapes.scrfd(), 9), (shapes.scrfd(landmarks=False), 6)):
            meta, said = self.add(file)
            self.assertIn(f"looks like an SCRFD detector: {count} outputs", said)
            self.assertEqual(meta["variant"]["anchors"], {
                "kind": "distances", "strides": [8, 16, 32], "per_cell": 2, "centre": "corner"})
            self.assertEqual(meta["input"], {"width": 640, "height": 640, "channels": "RGB",
                                             "mean": [127.5] * 3, "scale": [1 / 128] * 3})
            self.assertEqual(len(self.outputs(meta)), count)

    def test_a_file_that_is_frozen_at_a_size(self):
        """By the sizes its Resize has as constants: what was doubled is doubled at any size."""
        meta, _ = self.add(shared("scrfd_yukkki7", "scrfd_500m_bnkps.onnx"), "--family", "graph")
        self.assertEqual((meta["task"], meta["graph"]["size"], meta["graph"]["multiple_of"]),
                         ("detect", "any", 32))

    def test_embedders(self):
        meta, said = self.add(shapes.vector(112, 512))
        self.assertIn("looks like an ArcFace embedder: an aligned face in, 512 values out", said)
        self.assertEqual((meta["task"], self.outputs(meta)), ("embed", ["embedding"]))
        self.assertEqual(meta["input"]["scale"], [1 / 127.5] * 3)
        # What normalises its input itself is given pixels.
        for first in (("Sub_1", "Mul_2"), ("_minusscalar0", "_mulscalar0")):
            meta, _ = self.add(shapes.vector(112, 512, first=first))
            self.assertEqual([meta["input"]["mean"], meta["input"]["scale"]], [[1.5] * 3] * 2)

    def test_genderage(self):
        meta, said = self.add(shapes.vector(96, 3))
        self.assertIn("looks like InsightFace's genderage", said)
        self.assertEqual(meta["preprocess"], {"crop": "box", "margin": 0.25})
        self.assertEqual(meta["attributes"], [
            {"name": "age", "kind": "value", "unit": "years", "low": 0, "high": 100,
             "output": "fc1", "at": 2, "scale": 100},
            {"name": "gender", "kind": "distribution", "labels": ["female", "male"],
             "output": "fc1", "count": 2, "decode": "softmax"}])

    def test_landmarks(self):
        for values, name, at, dims, pose in ((212, "landmarks_106", 0, 2, [86, 0, 35, 93, 52, 61]),
                                             (3309, "landmarks_68", 3105, 3,
                                              [30, 8, 36, 45, 48, 54])):
            meta, said = self.add(shapes.vector(192, values))
            self.assertIn("looks like InsightFace's landmarks: a face of 192x192 in", said)
            self.assertEqual((meta["task"], self.outputs(meta)), ("landmarks", ["points"]))
            self.assertEqual(meta["preprocess"], {"crop": "box", "margin": 0.25})
            self.assertEqual(meta["attributes"], [
                {"name": name, "kind": "points", "output": "points", "at": at,
                 "count": values - at, "dims": dims, "scale": 0.5, "shift": 0.5},
                {"name": "pose", "kind": "angles", "points": name, "pose_points": pose}])
            told, _ = self.add(shapes.vector(192, values), "--task", "landmarks")
            self.assertEqual(told["attributes"], meta["attributes"])

    def test_what_is_told_wins(self):
        meta, said = self.add(shapes.vector(112, 512), "--mean", "1", "--channels", "BGR")
        self.assertEqual(meta["input"], {"width": 112, "height": 112, "channels": "BGR",
                                         "mean": [1] * 3, "scale": [1 / 127.5] * 3})
        meta, said = self.add(shapes.vector(112, 512), "--task", "raw")
        self.assertEqual((meta["task"], meta["input"]["mean"], said), ("raw", [0] * 3, ""))
        heads = self.write("h.json", [{"name": "a", "kind": "value", "output": "fc1"}])
        meta, _ = self.add(shapes.vector(96, 3), "--heads", heads)
        self.assertEqual(meta["attributes"][0]["name"], "a")
        anchors = {"anchors": {**YUNET_ANCHORS, "sizes": [[4], [5], [6]]}}
        meta, _ = self.add(shapes.yunet(), "--variant", json.dumps(anchors))
        self.assertEqual(meta["variant"]["anchors"]["sizes"], [[4], [5], [6]])
        self.assertEqual(meta["variant"]["variances"], [1, 1])

    def test_a_family_s_names_on_another_network(self):
        """As of a size of SCRFD that is not known by name: what it looks like counts."""
        model = onnx.load_from_string(shapes.scrfd((1, 3, 640, 640)))
        new = {"stage0.weight": "neck.lateral_convs.0.conv.weight",
               "score8.raw.weight": "bbox_head.stride_cls.(8, 8).weight"}
        for tensor in model.graph.initializer:
            tensor.name = new.get(tensor.name, tensor.name)
        for node in model.graph.node:
            node.input[:] = [new.get(name, name) for name in node.input]
        meta, said = self.add(model.SerializeToString())
        self.assertIn("no scrfd as it is known", said)
        self.assertIn("looks like an SCRFD detector", said)
        self.assertEqual((meta["arch"], meta["task"]), ("graph", "detect"))
        path = self.write("x.onnx", model.SerializeToString())
        status, _, err = self.run_main("convert", path, "-o", self.path("x.safetensors"))
        self.assertEqual(status, 1)
        self.assertIn("three lateral convolutions", err)

    def test_what_looks_like_nothing_known(self):
        for file in (shapes.vector(112, 100), shapes.vector(96, 4), shapes.vector(192, 211),
                     shapes.vector(100, 512)):
            meta, said = self.add(file)
            self.assertEqual((meta["task"], said), ("raw", ""))

    def test_decoders(self):
        """By shape, whatever the order of the outputs."""
        pairs = [("cls", 2, 2, [-1, 1], False), ("bbox", 4, 2, [0] * 4, False),
                 ("ldm", 10, 2, [0] * 10, False)]
        meta, said = self.add(shapes.detector(pairs, (1, 3, 64, 96)), "--task", "detect",
                              "--decoder", "retinaface", "--channels", "BGR")
        self.assertEqual(said, "")
        self.assertEqual(meta["variant"]["anchors"]["sizes"], [[16, 32], [64, 128], [256, 512]])
        score = dict(meta["graph"]["outputs"])["score_16"]
        op, (conv,), _ = meta["graph"]["nodes"][score]
        self.assertEqual((op, meta["graph"]["nodes"][conv][0]), ("sigmoid", "conv"))
        # Levels that are strung together, and the softmax over pairs, are taken apart.
        pairs[0] = (*pairs[0][:4], True)
        joined, _ = self.add(shapes.detector(pairs, (1, 3, 64, 96), joined=True), "--task",
                             "detect", "--decoder", "retinaface", "--channels", "BGR")
        for key in ("graph", "variant", "input"):
            self.assertEqual(joined[key], meta[key])
        self.add(shapes.yunet(), "--task", "detect", "--decoder", "scrfd",
                 refused="SCRFD has 2 or 3 outputs at each of the strides 8, 16 and 32; this "
                 "network has cls_8 of 1 channels and 80x80")
        self.add(shapes.scrfd(), "--task", "detect", "--decoder", "yunet",
                 "--input", "64x64", refused="YuNet has 3 or 4 outputs")
        self.add(shapes.detector(pairs, (1, 3, 64, 96)), "--task", "detect", "--decoder", "scrfd",
                 refused="SCRFD has one score an anchor")
        self.add(shapes.vector(192, 7), "--task", "landmarks",
                 refused="are known whose vector has 212, 3309 values, this network's has 7")
