#!/usr/bin/env python3
"""The GPU benchmark's own parts: the table, that a wrong network is not timed, and a worker of mien's
over the emulated GPU, beside one on the processor. Nothing is measured here."""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

if not importlib.util.find_spec("numpy"):
    print("skipped: python3-numpy is not installed")
    sys.exit(77)
import numpy as np  # noqa: E402

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import cuda  # noqa: E402

BUILD = Path(os.environ.get("MIEN_BUILD_DIR", ROOT / "build"))
EMULATED = BUILD / "tests" / "cuda" / "libcuda_emulated.so"
BLOB = Path(os.environ.get("MIEN_WEIGHTS", Path.home() / ".local/share/mien"),
            "mobilefacenet-192.safetensors")
ENTRY = {"label": "A", "side": 224, "batch": 8,
         "device_ms": {"mien fp16": 0.5, "mien fp32": 3.0, "torch graph": 1.0, "torch fp32": 0.1}}
RESULTS = {"date": "2026-01-02", "gpu": "Some GPU", "torch": "torch 2", "rounds": 3,
           "contenders": list(cuda.CONTENDERS), "networks": [ENTRY]}


class Table(unittest.TestCase):
    def test_table(self):
        text = "\n".join(cuda.section(RESULTS))
        self.assertIn("| network | input | batch | mien fp16 | mien fp32 | torch graph | torch fp32 "
                      "| mien / torch, best of each, fp16 |", text)
        self.assertIn("| A | 224x224 | 8 | 0.500 | 3.000 | 1.000 | 0.100 | 0.50 |", text)

    def test_ratio_wants_both(self):
        self.assertIsNone(cuda.wins({"device_ms": {"mien fp16": 1.0, "torch fp32": 2.0}}))

    def test_docs_speed_has_the_markers(self):
        text = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
        self.assertEqual((text.count(cuda.BEGIN), text.count(cuda.END)), (1, 1))


class FakeNetwork:
    name, label, side, blob = "fake", "Fake", 8, "none"

    def int8_blob(self):
        return self.blob

    def picture(self, count=1):
        return np.zeros((count, 8, 8, 3), np.float32)


class FakeWorker:
    """Outputs are off by a relative error of its name; timing it otherwise is a mistake."""

    errors = {"mien fp16": 1e-3, "mien int8": 0.9, "torch fp32": 0}

    def __init__(self, name):
        self.name, self.precision, self.way = name, "fp16", None

    def ask(self, do, patience, **more):
        if do == "run":
            np.savez(more["output"], out=np.ones(10) * (1 + self.errors[self.name]))
        if do == "time":
            assert self.errors[self.name] < 0.5
        return {"backend": "none", "device_ms": 2.0}

    def close(self):
        pass


class Refusal(unittest.TestCase):
    def test_only_what_agrees_is_timed(self):
        kept, cuda.Worker = cuda.Worker, FakeWorker
        self.addCleanup(setattr, cuda, "Worker", kept)
        match = cuda.Match(FakeNetwork(), ["mien fp16", "mien int8"], lambda: 1000)
        with tempfile.TemporaryDirectory() as folder:
            match.open()
            match.verify(folder, 8)
        entry = match.time(8, 2, 0)
        self.assertEqual(entry["device_ms"], {"mien fp16": 2.0, "torch fp32": 2.0})
        self.assertIn("WRONG", entry["left_out"]["mien int8"])


class Skip(unittest.TestCase):
    def test_without_a_gpu_there_is_nothing_to_do(self):
        done = subprocess.run([sys.executable, ROOT / "bench" / "cuda.py"], capture_output=True,
                              text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, check=False)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("skipped", done.stdout)


@unittest.skipUnless(EMULATED.exists() and BLOB.exists(), "no emulated GPU, or no network")
class OverTheEmulator(unittest.TestCase):
    def talk(self, *asked, **env):
        script = ROOT / "bench" / "cuda_worker.py"
        done = subprocess.run(
            [sys.executable, script, "mien"], input="".join(json.dumps(a) + "\n" for a in asked),
            capture_output=True, text=True, check=True,
            env={**os.environ, "MIEN_BUILD_DIR": str(BUILD), "MIEN_LIBCUDA": str(EMULATED), **env})
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_worker_computes_and_times(self):
        with tempfile.TemporaryDirectory() as folder:
            pictures = os.path.join(folder, "in.npy")
            np.save(pictures, np.random.default_rng(1).uniform(0, 255, (1, 112, 112, 3)).astype("f4"))
            outs = []
            for device, precision in (("cpu", "fp32"), ("cuda", "fp16")):
                output = os.path.join(folder, device + ".npz")
                replies = self.talk(
                    {"do": "open", "blob": str(BLOB), "precision": precision, "device": device},
                    {"do": "run", "input": pictures, "output": output},
                    {"do": "input", "input": pictures},
                    {"do": "time", "batch": 1, "seconds": 0})
                self.assertIn(device, replies[0]["backend"])
                with np.load(output) as found:
                    outs.append(dict(found))
            self.assertGreater(replies[3]["device_ms"], 0)
            self.assertLess(cuda.worst_error(outs[1], outs[0]), cuda.LIMITS["fp16"])

    def test_what_cannot_be_is_said(self):
        (reply,) = self.talk({"do": "open", "blob": str(BLOB), "precision": "bf16"})
        self.assertIn("bf16", reply["error"])


if __name__ == "__main__":
    unittest.main()
