#!/usr/bin/env python3
"""A network of one's own takes one command, `mien-weights add FILE`, and no code: files with the
shapes of published detectors, embedders, attributes and landmarks work by their names right away.
They are made here, and what they tell is known."""
import math
import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]
from tool import BASE_ENV, TOOL, Folder, mien, objects, ppm, read_ppm  # noqa: E402

try:
    from tests.weights import shapes
except ImportError:
    shapes = None

HEAD = [[0, 0], [0, .66], [-.45, -.34], [.45, -.34], [-.3, .3], [.3, .3]]  # looks ahead
ROLL = 20  # degrees


def landmarks():
    """x, y of 106 points, -1 to 1: those a pose needs are a head's that is turned clockwise."""
    turn = math.radians(ROLL)
    values = [[-0.9 + 0.01 * i, 0.8] for i in range(106)]
    for place, (x, y) in zip((86, 0, 35, 93, 52, 61), HEAD):
        values[place] = [x * math.cos(turn) - y * math.sin(turn),
                         x * math.sin(turn) + y * math.cos(turn)]
    return values


class Add(Folder):
    def setUp(self):
        super().setUp()
        self.weights = str(self.folder / "weights")
        self.env = {"MIEN_WEIGHTS": self.weights}

    def add(self, name, data, *told):
        """The one command."""
        path = self.write(name, data)
        done = subprocess.run([sys.executable, "-m", "weights_convert", "add", path, *told],
                              cwd=ROOT, env={**BASE_ENV, **self.env}, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual("looks like " in done.stderr, not told)

    def run_tool(self, *arguments):
        result = mien(*arguments, env=self.env)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result

    def test_each_task(self):
        self.add("my_yunet.onnx", shapes.yunet(shape=(1, 3, 64, 64)))
        self.add("my_scrfd.onnx", shapes.scrfd())
        self.add("w600k_mbf.onnx", shapes.vector(112, 512))
        self.add("genderage.onnx", shapes.vector(96, 3, [1, 3, .31]))
        self.add("2d106det.onnx", shapes.vector(192, 212, sum(landmarks(), [])))
        picture = self.write("p.ppm", ppm(64, 64))
        drawn = self.folder / "drawn.ppm"
        networks = ("--detector", "my-yunet", "--embedder", "w600k-mbf", "--age-gender",
                    "genderage", "--landmarks", "2d106det", "--classifier", "none")
        (found,) = objects(self.run_tool("analyze", *networks, "--embeddings", "--threads", "1",
                                         "--draw", str(drawn), picture))
        faces = found["faces"]
        # Cells of stride 32 with boxes of 128 pixels around their corners; sigmoid(2) is the class
        # and the objectness.
        self.assertEqual(faces[0]["score"], round(1 / (1 + math.exp(-2)), 6))
        self.assertIn([0, 0, 64, 64], [face["box"] for face in faces])
        for face in faces:
            self.check_face(face)
        self.assertEqual(read_ppm(drawn.read_bytes())[:2], (64, 64))
        (again,) = objects(self.run_tool("detect", "--search=fast", "--detector", "my-scrfd",
                                         picture))
        self.assertTrue(again["faces"])
        # The difference of the logits is 2; of the anchors of stride 32, which are of 256 and 512
        # pixels and cover the picture, one is left.
        heads = [("bbox", 4, 2, [0] * 4, False), ("conf", 2, 2, [-1, 1], True),
                 ("ldm", 10, 2, [0] * 10, False)]
        self.add("retina.onnx", shapes.detector(heads, (1, 3, 64, 96), joined=True), "--task",
                 "detect", "--decoder", "retinaface", "--channels", "BGR")
        (again,) = objects(self.run_tool("detect", "--search=fast", "--detector", "retina",
                                         picture))
        self.assertEqual({face["score"] for face in again["faces"]},
                         {round(1 / (1 + math.exp(-2)), 6)})
        self.assertIn([0, 0, 64, 64], [face["box"] for face in again["faces"]])
        for name, task in (("my-yunet", "detect"), ("2d106det", "landmarks"),
                           ("genderage", "attributes"), ("w600k-mbf", "embed")):
            self.assertRegex(self.run_tool("info", name).stdout.decode(), rf"task +{task}\n")

    def check_face(self, face):
        self.assertEqual((face["age"], face["gender"]["value"]), (31, "male"))
        self.assertEqual(len(face["embedding"]), 512)
        x1, y1, x2, y2 = face["box"]
        side = 1.5 * max(x2 - x1, y2 - y1)
        left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
        self.assertEqual(len(face["landmarks_106"]), 106)
        for (x, y), (u, v) in zip(face["landmarks_106"], landmarks()):
            self.assertAlmostEqual(x, left + side * (u + 1) / 2, delta=0.01)
            self.assertAlmostEqual(y, top + side * (v + 1) / 2, delta=0.01)
        self.assertEqual(list(face["pose"]), ["pitch", "yaw", "roll"])
        for angle, want in zip(face["pose"].values(), (0, 0, ROLL)):
            self.assertAlmostEqual(angle, want, delta=1)


if __name__ == "__main__":
    if not os.path.exists(TOOL) or shapes is None:
        print(f"skipped: {TOOL} or python3-onnx is missing")
        sys.exit(77)
    unittest.main()
