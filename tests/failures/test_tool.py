#!/usr/bin/env python3
"""A run of the tool in which one allocation or system call fails: no crash, no hang, no half-written
file, and a sentence where it does not end well.

Of each kind of call a seeded sample is failed; MIEN_FAILURES=all fails each, one a run.
"""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from calls import HANGS, KINDS, NETWORK, environment, points, read_counts, skip_or_run
from server import PHOTOS
from tool import MODELS, TOOL

EACH = 3


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
        env = {**os.environ, **environment(inject, counts),
               "XDG_CACHE_HOME": str(self.folder / "cache")}
        command = [TOOL, "detect", "--size=160", "--threads=2", "--weights", str(self.folder),
                   str(self.folder / "photo.jpg")]
        result = subprocess.run(command, env=env, capture_output=True, timeout=HANGS, check=False)
        return result, read_counts(counts)

    def test_one_call_fails(self):
        good, calls = self.run_tool()
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertEqual([kind for kind in KINDS if not calls[kind]], [])
        for point in points(calls, EACH):
            with self.subTest(inject=point):
                result, _ = self.run_tool(point)
                self.assertIn(result.returncode, (0, 1), result.stderr)
                if result.returncode == 1:
                    self.assertTrue(result.stdout or result.stderr)
                    self.assertNotRegex(result.stdout + result.stderr,
                                        b"not valid JSON|broken|corrupt|metadata")
                left = [path.name for path in self.folder.glob("*.tmp")]
                self.assertEqual(left, [])


if __name__ == "__main__":
    skip_or_run(unittest.main)
