#!/usr/bin/env python3
"""info of a network of arch graph: its nodes as its author would draw them, and the steps they become."""
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("skipped: python3-numpy is not installed")
    sys.exit(77)

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))
from tool import mien  # noqa: E402
from weights_convert import safetensors  # noqa: E402

# A block of EfficientNet's kind, its middle in two groups.
NODES = [["input", [], {}], ["conv", [0], {"name": "stem", "stride": 2, "pad": 1}],
         ["hard_swish", [1], {"alpha": 1 / 6, "beta": 0.5}],
         ["conv", [2], {"name": "middle", "stride": 1, "pad": 1}], ["silu", [3], {}],
         ["global_average", [4], {}], ["conv", [5], {"name": "gate", "stride": 1, "pad": 0}],
         ["sigmoid", [6], {}], ["mul", [4, 7], {}],
         ["conv", [8], {"name": "last", "stride": 1, "pad": 0}], ["add", [2, 9], {}],
         ["gelu", [10], {}]]
SHAPES = {"stem": (8, 3, 3, 3), "middle": (8, 4, 3, 3), "gate": (8, 8, 1, 1), "last": (8, 8, 1, 1)}


class Info(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.blob = os.path.join(folder.name, "block.safetensors")
        picture = {"width": 32, "height": 32, "channels": "RGB", "mean": [0] * 3, "scale": [1] * 3}
        safetensors.write(self.blob, {name + ".weight": np.ones(shape, np.float32)
                                      for name, shape in SHAPES.items()}, {
            "mien": "1", "name": "block", "arch": "graph", "task": "raw", "variant": "{}",
            "input": json.dumps(picture), "graph": json.dumps({
                "nodes": NODES, "outputs": [["y", 11]], "size": "any", "multiple_of": 1})})

    def info(self, *options):
        result = mien("info", self.blob, *options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.decode()

    def test_calibration_wants_a_task(self):
        result = mien("calibrate", "--force", self.blob, self.blob)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn("block has no task (raw), so what it would look at of a picture is not known: "
                      "mien-weights add --task says", result.stderr)

    def test_nodes(self):
        text = self.info("--tensors")
        self.assertIn("4 conv, 1 hard_swish, 1 silu, 1 global_average, 1 sigmoid, 1 mul, 1 add, 1 gelu",
                      " ".join(text.split()))
        for line in ("1 conv stem stride=2 pad=1 of 0", "8 mul of 4, 7", "10 add of 2, 9", "11 gelu of 10 -> y"):
            self.assertIn(line, " ".join(text.split()))

    def test_plan(self):
        """Activations and sums are taken up; a gate's product says which steps it is of."""
        lines = [line.split() for line in self.info("--plan").splitlines()
                 if " f32 " in line]
        layers = {" ".join(words[words.index("f32") + 3:]) for words in lines}
        self.assertEqual({layer.replace(" (halo)", "") for layer in layers}, {
            "stem +hard-swish", "middle +silu", "global average pool", "gate +sigmoid",
            "multiply 1, 3", "last +residual +gelu"})
        self.assertIn(["g2", "3x3"], [words[2:4] for words in lines])


if __name__ == "__main__":
    unittest.main()
