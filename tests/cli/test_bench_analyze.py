#!/usr/bin/env python3
"""bench analyze: the times of whole pictures by stage, on the sample photos."""
import os
import re
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, PHOTOS, mien, objects, png  # noqa: E402

STAGES = ["decode", "detect", "align", "embed", "age_gender", "classify"]
QUICK = ("--json", "--seconds=0", "--threads=1")


class BenchAnalyze(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def measure(self, *args):
        result = mien("bench analyze", *QUICK, *args)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (entry,) = objects(result)
        return entry

    def test_the_figures_agree_with_each_other(self):
        b = self.measure("--seconds=1", str(PHOTOS[0]), str(PHOTOS[1]))
        self.assertEqual(list(b["stages"]), STAGES)
        self.assertEqual((b["pictures"], b["failed"], b["threads"], b["batch"]), (2, 0, 1, 1))
        self.assertGreaterEqual(b["seconds"], 1)
        for times in (*b["stages"].values(), b["total"]):
            self.assertTrue(0 < times["p50_ms"] <= times["p99_ms"])
            self.assertTrue(0 < times["mean_ms"] <= times["p99_ms"])
        self.assertAlmostEqual(sum(t["mean_ms"] for t in b["stages"].values()),
                               b["total"]["mean_ms"], delta=0.01)
        # Parts of a stage are within it, and a stage within a round. How much of it they fill is
        # a question of what else the machine does.
        for name in STAGES:
            parts = [b["stages"][name].get(key) for key in ("input_ms", "network_ms", "results_ms")]
            if name in ("decode", "align"):
                self.assertEqual(parts, [None] * 3)
            else:
                self.assertTrue(all(part > 0 for part in parts), parts)
                self.assertLess(sum(parts), 1.001 * b["stages"][name]["mean_ms"], name)
        covered = b["pictures"] * b["rounds"] * b["total"]["mean_ms"] / (1000 * b["seconds"])
        self.assertLess(covered, 1.001)
        self.assertAlmostEqual(b["pictures_per_s"], b["pictures"] * b["rounds"] / b["seconds"],
                               delta=0.01 * b["pictures_per_s"])
        self.assertAlmostEqual(b["faces_per_s"] / b["pictures_per_s"], b["faces"] / b["pictures"],
                               places=2)

    def test_it_sees_the_faces_analyze_sees(self):
        names = [str(p) for p in PHOTOS]
        faces = sum(len(e["faces"]) for e in objects(mien("analyze", "--classifier=none", *names)))
        whole = self.measure("--classifier=none", str(PHOTOS[0].parent))
        self.assertEqual((whole["pictures"], whole["faces"]), (len(names), faces))
        batched = self.measure("--classifier=none", "--batch=4", *names)
        self.assertEqual((batched["faces"], batched["batch"]), (faces, 4))

    def test_what_is_left_out_has_no_times(self):
        b = self.measure("--age-gender=none", "--classifier=none", str(PHOTOS[0]))
        self.assertEqual(list(b["stages"]), STAGES[:4])
        self.assertEqual((b["age_gender"], b["classifier"], b["embedder"]),
                         (None, None, "mobilefacenet-192"))
        b = self.measure("--detector=none", str(PHOTOS[0]))
        self.assertEqual(list(b["stages"]), ["decode", "classify"])
        self.assertEqual((b["faces"], b["faces_per_s"]), (0, 0))

    def test_a_broken_picture_is_told_and_left_out(self):
        (self.folder / "a.png").write_bytes(png(40, 40)[:60])
        (self.folder / "b.png").write_bytes(png(40, 40))
        result = mien("bench analyze", *QUICK, "--classifier=none", str(self.folder))
        self.assertEqual(result.returncode, 1)
        (entry,) = objects(result)
        self.assertEqual((entry["pictures"], entry["failed"]), (1, 1))
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn("a.png", result.stderr)
        os.remove(self.folder / "b.png")
        result = mien("bench analyze", *QUICK, "--classifier=none", str(self.folder))
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn("nothing to measure", result.stderr)

    def test_text(self):
        result = mien("bench analyze", "--seconds=0", str(PHOTOS[0]))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        text = result.stdout.decode()
        for stage in (*STAGES, "total"):
            self.assertRegex(text, rf"(?m)^  {stage} +[\d.]+ +[\d.]+ +[\d.]+ +\d+ %$")
        parts = r"(?m)^    input [\d.]+, network [\d.]+, results [\d.]+$"
        self.assertEqual(len(re.findall(parts, text)), 4)
        self.assertRegex(text, r"pictures/s, [\d.]+ faces/s")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)


if __name__ == "__main__":
    if not (HAVE_NETWORKS and PHOTOS):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
