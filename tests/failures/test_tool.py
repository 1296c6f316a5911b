#!/usr/bin/env python3
"""A run of the tool in which one allocation or system call fails: no crash, no hang, no half-written
file, and a sentence where it does not end well.

Of each kind of call a seeded sample is failed; MIEN_FAILURES=all fails each, one a run.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from tool import MODELS, PHOTOS, TOOL  # noqa: E402

INJECT = Path(os.environ.get("MIEN_BUILD_DIR", "build"), "tests", "libinject.so").resolve()
KINDS = ("malloc", "read", "write", "mmap", "rename", "thread")
EACH = None if os.environ.get("MIEN_FAILURES") == "all" else 12
SEED = int(os.environ.get("MIEN_SEED", "20"))
HANGS = 120  # seconds
NETWORK = "retinaface-mnet025-v2"


class Tool(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-failures-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(Path(MODELS["weights"]) / f"{NETWORK}.safetensors", self.folder)
        shutil.copy(PHOTOS[0], self.folder / "photo.jpg")

    def run_tool(self, inject=""):
        for path in self.folder.glob("*.packed"):
            path.unlink()
        counts = self.folder / "counts"
        env = {**os.environ, "LD_PRELOAD": str(INJECT), "MIEN_INJECT": inject,
               "MIEN_INJECT_COUNTS": str(counts), "XDG_CACHE_HOME": str(self.folder / "cache")}
        command = [TOOL, "detect", "--size=160", "--threads=2", "--weights", str(self.folder),
                   str(self.folder / "photo.jpg")]
        result = subprocess.run(command, env=env, capture_output=True, timeout=HANGS, check=False)
        calls = {}
        if counts.exists():
            calls = {k: int(n) for k, n in (line.split() for line in counts.read_text().splitlines())}
            counts.unlink()
        return result, calls

    def test_one_call_fails(self):
        print("MIEN_SEED =", SEED)
        good, calls = self.run_tool()
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertEqual([kind for kind in KINDS if not calls[kind]], [])
        chance = random.Random(SEED)
        for kind in KINDS:
            points = range(1, calls[kind] + 1)
            for n in points if EACH is None else chance.sample(points, min(EACH, len(points))):
                with self.subTest(inject=f"{kind}:{n}"):
                    result, _ = self.run_tool(f"{kind}:{n}")
                    self.assertIn(result.returncode, (0, 1), result.stderr)
                    if result.returncode == 1:
                        self.assertTrue(result.stdout or result.stderr)
                        self.assertNotRegex(result.stderr, b"not valid JSON|broken")
                    left = [path.name for path in self.folder.glob("*.tmp")]
                    self.assertEqual(left, [])


if __name__ == "__main__":
    if not PHOTOS or not INJECT.exists():
        print("skipped: the default networks and photos are not installed, or there is no glibc")
        sys.exit(77)
    unittest.main()
