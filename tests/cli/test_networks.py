#!/usr/bin/env python3
"""bench, info and models on the installed default networks."""
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, MODELS, mien, objects  # noqa: E402

DEFAULTS = {"retinaface-mnet025-v2": "detect", "mobilefacenet-192": "embed",
            "resnet50-imagenet": "classify", "face-joint": "attributes"}


def blob(name):
    """The file of an installed network, in the weights folder or beside the tool."""
    (info,) = objects(mien("info", "--json", name))
    return Path(info["file"])


def header(name):
    """The safetensors header of a blob (8 bytes of length, then JSON)."""
    with open(blob(name), "rb") as file:
        return json.loads(file.read(int.from_bytes(file.read(8), "little")))


class Models(unittest.TestCase):
    def test_list(self):
        found = {m["name"]: m for m in MODELS["models"]}
        self.assertEqual(MODELS["missing"], [])
        for name, task in DEFAULTS.items():
            self.assertEqual(found[name]["task"], task)
            self.assertTrue(found[name]["default"])
            self.assertTrue(found[name]["license"])
            self.assertEqual(found[name]["file_bytes"],
                             blob(name).stat().st_size)
        text = mien("models").stdout.decode()
        for name in DEFAULTS:
            self.assertRegex(text, rf"(?m)^\* {name} ")
        self.assertNotIn("not installed", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)


class Info(unittest.TestCase):
    def test_against_the_file(self):
        for name, task in DEFAULTS.items():
            head = header(name)
            meta = head.pop("__metadata__")
            (info,) = objects(mien("info", "--json", "--tensors", name))
            self.assertEqual((info["name"], info["task"]), (name, task))
            for key in ("arch", "source"):
                self.assertEqual(info[key], meta[key])
            # Blobs made before the key got its present spelling are read, too.
            self.assertEqual(info["license"], meta.get("license") or meta["licence"])
            # Reals are printed with 9 digits, enough for a float.
            self.assertEqual(info["input"], json.loads(
                meta["input"], parse_float=lambda text: float(f"{float(text):.9g}")))
            self.assertEqual({t["name"]: t["shape"] for t in info["tensors"]},
                             {k: v["shape"] for k, v in head.items()})
            text = mien("info", name, "--tensors").stdout.decode()
            self.assertIn(meta["source"], text)
            for tensor in head:
                self.assertIn(tensor, text)

    def test_plan(self):
        result = mien("info", "mobilefacenet-192", "--plan")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertGreater(len(result.stdout.splitlines()), 40)
        (info,) = objects(mien("info", "retinaface-mnet025-v2", "--plan", "--json",
                               "--size=320x256"))
        self.assertIn("320", info["plan"])

    def test_wrong_size(self):
        result = mien("info", "mobilefacenet-192", "--plan", "--size", "64x64")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertEqual(len(result.stderr.splitlines()), 1)


class Bench(unittest.TestCase):
    def test_json(self):
        (b,) = objects(mien("bench", "--json", "--seconds=0.3", "--batch=2", "--threads=1",
                            "mobilefacenet-192"))
        self.assertEqual((b["batch"], b["width"], b["height"], b["threads"]), (2, 112, 112, 1))
        self.assertTrue(0 < b["best_ms"] <= b["median_ms"] <= b["p99_ms"])
        for key, value in [("images_per_s", 2000 / b["median_ms"]),
                           ("gflops", 2e-6 * b["macs"] / b["median_ms"]),
                           ("peak_percent", 100 * b["gflops"] / b["peak_gflops"])]:
            self.assertAlmostEqual(b[key], value, delta=0.01 * value + 0.1, msg=key)
        self.assertGreaterEqual(b["runs"], 3)
        self.assertLessEqual(b["rss_bytes"], b["rss_peak_bytes"])
        self.assertGreater(b["no_reuse_bytes"], b["arena_bytes"])

    def test_work_is_that_of_the_paper(self):
        # He et al. 2015, table 1: 3.8e9 multiply-adds for ResNet-50 at 224x224, in round numbers.
        (b,) = objects(mien("bench", "--json", "--seconds=0", "resnet50-imagenet"))
        self.assertAlmostEqual(b["macs"], 3.8e9, delta=0.1e9)

    def test_text(self):
        result = mien("bench", "--seconds=0.1", "--size=96", "retinaface-mnet025-v2")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = result.stdout.decode()
        for word in ("96x96", "median", "p99", "images/s", "GFLOP/s", "% of peak", "activations",
                     "resident"):
            self.assertIn(word, text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)


if __name__ == "__main__":
    if not HAVE_NETWORKS:
        print("skipped: the default networks are not installed")
        sys.exit(77)
    unittest.main()
