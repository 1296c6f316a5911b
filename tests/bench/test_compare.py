#!/usr/bin/env python3
"""The benchmark's own parts: the tables, the section of docs/speed.md, and that a wrong network is not timed.
Nothing is measured here; contenders are made up."""
import io
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("skipped: python3-numpy is not installed")
    sys.exit(77)

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import contenders  # noqa: E402
import match as matches  # noqa: E402
import report  # noqa: E402

TIMES = {"kind": {"p50_ms": 1.5, "p99_ms": 2.5, "mean_ms": 1.6}}
RESULTS = {
    "date": "2026-01-02", "rounds": 3,
    "machine": {"cpu": "Some CPU", "flags": ["avx2"], "cores": 2, "virtual": True, "load_before": 0.1},
    "versions": {"onnxruntime": "1.30.0", "torch": None, "onednn": None},
    "contenders": ["mien fp32", "mien bf16", "ONNX Runtime"],
    "networks": [
        {"label": "A", "side": 224, "threads": 1,
         "median_ms": {"ONNX Runtime": 40.0, "mien fp32": 30.0}},
        {"label": "B", "side": 112, "threads": 1,
         "median_ms": {"ONNX Runtime": 8.0, "mien fp32": 10.0, "mien bf16": 4.25}},
    ],
    "defaults": [{"name": "n", "threads": t, "width": 96, "height": 64, "median_ms": 10 / t,
                  "peak_gflops": 100.0 * t} for t in (1, 2)],
    "analyze": [{"threads": 1, "pictures": 6, "faces": 22, "pictures_per_s": 10, "faces_per_s": 40,
                 "stages": {"age_gender": TIMES["kind"]}, "total": TIMES["kind"]}],
}


class Section(unittest.TestCase):
    def test_tables(self):
        text = "\n".join(report.section(RESULTS))
        self.assertIn("| network | input | threads | mien fp32 | mien bf16 | ONNX Runtime "
                      "| mien fp32 / ONNX Runtime |\n|---|---|---:|---:|---:|---:|---:|\n"
                      "| A | 224x224 | 1 | 30.0 | – | 40.0 | 0.75 |\n"
                      "| B | 112x112 | 1 | 10.0 | 4.2 | 8.0 | 1.25 |", text)
        self.assertIn("| n | 96x64 | 10.0 | 5.0 |", text)
        self.assertIn("2 virtual cores of Some CPU (avx2), 100 GFLOP/s", text)
        self.assertIn("- 1 thread: 10.0 pictures/s, 40.0 faces/s; median ms a picture: "
                      "age gender 1.5, total 1.5 (p99 2.5).", text)
        self.assertNotIn("torch", text)
        self.assertNotIn("busy", text)
        loaded = {**RESULTS, "machine": {**RESULTS["machine"], "load_before": 1.9}}
        self.assertIn("The machine was busy (load 1.9)", "\n".join(report.section(loaded)))

    def test_the_page_is_updated_in_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "speed.md")
            path.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
            self.assertTrue(report.update_page(RESULTS, str(path)))
            text = path.read_text(encoding="utf-8")
            self.assertTrue(text.startswith(f"before\n{report.BEGIN}\nMeasured by"), text)
            self.assertTrue(text.endswith(f"\n{report.END}\nafter\n"), text)
            self.assertNotIn("old", text)
            self.assertFalse(report.update_page(RESULTS, str(path)), "the second time over")
            self.assertEqual(path.read_text(encoding="utf-8"), text)
            self.assertEqual([p.name for p in Path(folder).iterdir()], ["speed.md"])

    def test_a_page_without_one_pair_of_markers_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "speed.md")
            for text in ("", report.BEGIN, report.END + report.BEGIN, 2 * (report.BEGIN + report.END)):
                path.write_text(text, encoding="utf-8")
                with self.assertRaises(ValueError):
                    report.update_page(RESULTS, str(path))
                self.assertEqual(path.read_text(encoding="utf-8"), text)

    def test_docs_speed_has_them(self):
        text = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
        self.assertEqual((text.count(report.BEGIN), text.count(report.END)), (1, 1))


class Made:
    """A contender whose outputs are off by a relative `error`; it must not be timed if `forbidden`."""

    def __init__(self, name, precision="fp32", error=0.0, rival=False, reason=None):
        self.name, self.precision, self.error, self.rival = name, precision, error, rival
        self.reason, self.timed = reason, 0

    def open(self, network, threads):
        pass

    def close(self):
        pass

    def outputs(self, picture):
        if self.reason:
            raise contenders.Unavailable(self.reason)
        return {"out": np.ones((1, 10)) * (1 + self.error)}

    def time(self, seconds):
        self.timed += 1
        return 10.0 + self.timed


class FakeNetwork:
    name, label, side = "fake", "Fake", 8

    def picture(self):
        return np.zeros((1, 8, 8, 3), np.float32)


class Refusal(unittest.TestCase):
    def match(self, *made):
        match = matches.Match(FakeNetwork(), ["fp32"], [])
        match.contenders = [*made, Made("ONNX Runtime", rival=True)]
        with redirect_stdout(io.StringIO()):
            entry = match.time(1, 3, 0)
        return match, entry

    def test_only_what_agrees_is_timed(self):
        right, wrong = Made("mien fp32", error=1e-6), Made("mien fp32 (avx2)", error=1e-4)
        rough, odd = Made("mien bf16", "bf16", 1e-2), Made("mien int8", "int8", 0.9)
        match, entry = self.match(right, wrong, rough, odd)
        self.assertEqual([c.timed for c in (right, wrong, rough, odd)], [3, 0, 3, 0])
        self.assertEqual(match.wrong, ["mien fp32 (avx2)", "mien int8"])
        self.assertEqual(entry["median_ms"],
                         {"mien fp32": 12.0, "mien bf16": 12.0, "ONNX Runtime": 12.0})
        self.assertEqual(entry["ratios"]["mien bf16"], {"ONNX Runtime": 1.0})
        self.assertEqual(len(entry["rounds_ms"]["mien fp32"]), 3)

    def test_what_is_not_there_is_left_out_and_no_error(self):
        match, entry = self.match(Made("mien fp32"), Made("mien bf16", "bf16", reason="no bf16"),
                                  Made("mien int8", "int8", 1e-7))
        self.assertEqual(match.wrong, [])
        self.assertEqual(entry["left_out"],
                         {"mien bf16": "no bf16", "mien int8": "it computes in fp32"})

    def test_but_fp32_has_to_be_there(self):
        match, _ = self.match(Made("mien fp32", reason="broken"))
        self.assertEqual(match.wrong, ["mien fp32"])

    def test_other_outputs_are_wrong(self):
        a = {"x": np.ones(4)}
        self.assertEqual(contenders.worst_error(a, {"x": np.ones(4)}), 0)
        for other in ({"y": np.ones(4)}, {"x": np.ones(5)}, {}):
            self.assertEqual(contenders.worst_error(a, other), float("inf"))


if __name__ == "__main__":
    unittest.main()
