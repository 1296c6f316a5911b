#!/usr/bin/env python3
"""The tool on photos, CPU against GPU: the emulated one, or that of the driver MIEN_LIBCUDA names.

The same faces: boxes within 0.05 pixels in fp32, half a pixel in fp16; embeddings whose cosine is
above 0.9999 and 0.999; the same gender, and the same best class. Over the emulator, which keeps a
list of copies: each picture travels to the device once, whole, and nothing that large comes back.
"""
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import tool  # noqa: E402

SKIPPED = 77
TABLES = 100_000  # bytes: more than tables of taps, or faces, and less than any picture here
PHOTOS = [str(p) for p in tool.PHOTOS]
EMULATED = str(Path(os.environ.get("MIEN_BUILD_DIR", "build"),
                    "tests/cuda/libcuda_emulated.so").absolute())
# One look: of two looks' boxes of a face the better one is taken, and a rounding may decide.
GPU = {"MIEN_LIBCUDA": os.environ.get("MIEN_LIBCUDA", EMULATED), "MIEN_SEARCH": "fast"}
CUDA = ("--device", "cuda", "--precision")


def run(*args, env=None):
    result = tool.mien(*args, env={**GPU, **(env or {})}, timeout=900)
    if result.returncode:
        raise AssertionError(result.stderr)
    return tool.without_timing(result)


def cosine(a, b):
    def dot(x, y):
        return sum(p * q for p, q in zip(x, y))
    return dot(a, b) / (dot(a, a) * dot(b, b)) ** 0.5


class Analyze(unittest.TestCase):
    def compare(self, want, got, pixels, least):
        self.assertEqual(len(want), len(got))
        self.assertGreater(sum(len(p["faces"]) for p in want), 0)
        for a, b in zip(want, got):
            self.assertEqual(a["file"], b["file"])
            self.assertEqual(len(a["faces"]), len(b["faces"]))
            for x, y in zip(a["faces"], b["faces"]):
                points = [(x["box"], y["box"]), *zip(x["landmarks"], y["landmarks"])]
                for p, q in points:
                    for u, v in zip(p, q):
                        self.assertAlmostEqual(u, v, delta=pixels)
                self.assertGreater(cosine(x["embedding"], y["embedding"]), least)
                self.assertEqual(x["gender"]["value"], y["gender"]["value"])

    def check(self, precision, pixels, least):
        options = ("--size", "320", "--classifier", "none", "--embeddings", *PHOTOS[2:4])
        self.compare(run("analyze", *options),
                     run("analyze", *CUDA, precision, *options),
                     pixels, least)

    def test_fp32(self):
        self.check("fp32", 0.05, 0.9999)

    def test_fp16(self):
        self.check("fp16", 0.5, 0.999)

    def test_class(self):
        options = ("--size", "160", "--age-gender", "none", PHOTOS[0])
        want, got = (run("analyze", *device, *options)[0]
                     for device in ((), (*CUDA, "fp32")))
        self.assertEqual(want["classes"][0]["label"], got["classes"][0]["label"])
        self.assertAlmostEqual(want["classes"][0]["score"], got["classes"][0]["score"], delta=1e-3)
        self.assertEqual(len(want["faces"]), len(got["faces"]))

    def with_copies(self, *args):
        """What the tool found in one picture, and the copies that took: (way, bytes)."""
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "copies"
            (found,) = run(*args, env={"MIEN_EMULATOR_COPIES": str(log)})
            lines = [line.split() for line in log.read_text().splitlines()]
        return found, [(way, int(size)) for way, size in lines]

    @unittest.skipUnless("emulated" in GPU["MIEN_LIBCUDA"], "only the emulator lists copies")
    def test_more_candidates_than_the_device_takes(self):
        options = ("--size", "480", "--threshold", "1e-7", "--max-faces", "6000", PHOTOS[4])
        (want,) = run("detect", *options)
        got, copies = self.with_copies("detect", *CUDA, "fp32", *options)
        self.assertGreater(max(size for way, size in copies if way == "down"), TABLES)
        self.assertGreater(len(want["faces"]), 2000)
        # Scores of next to nothing come in any order.
        self.assertAlmostEqual(len(want["faces"]), len(got["faces"]), delta=5)
        for a, b in zip(want["faces"], got["faces"]):
            if a["score"] < 0.01:
                break
            for u, v in zip(a["box"], b["box"]):
                self.assertAlmostEqual(u, v, delta=0.05)

    @unittest.skipUnless("emulated" in GPU["MIEN_LIBCUDA"], "only the emulator lists copies")
    def test_copies(self):
        found, copies = self.with_copies("analyze", *CUDA, "fp32", "--size", "160",
                                         "--classifier", "none", "--embeddings", PHOTOS[0])
        self.assertGreater(len(found["faces"]), 0)
        picture = ("up", 3 * found["width"] * found["height"])
        self.assertEqual(copies.count(picture), 1)
        after = copies[copies.index(picture) + 1:]
        self.assertLess(max(size for way, size in after), TABLES)
        # Detector, embedder, age and gender: tables go up and results come down, once each.
        self.assertEqual([way for way, size in after], ["up", "down"] * 3)


def why_not():
    if not tool.HAVE_NETWORKS or len(PHOTOS) < 4:
        return "the default networks and photos are not installed"
    result = tool.mien("detect", "--device", "cuda", "--size", "64", PHOTOS[0], env=GPU)
    return result.stderr if result.returncode else None


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main()
