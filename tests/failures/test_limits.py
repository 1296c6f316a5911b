#!/usr/bin/env python3
"""Little address space (ulimit -v): the tool and the server do what they should, or say in a sentence
that memory is short, and do not end by a signal."""
import json
import os
import resource
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from calls import HANGS, NETWORK, skip_or_run
from life import Life
from server import PHOTOS
from tool import BASE_ENV, MODELS, TOOL

MB = 1 << 20
STEPS = (0, 4, 8, 12, 16, 24, 32, 48, 96, 160, 224, 300)
SHORT = r"memory|Cannot allocate|cannot start thread"


def within(megabytes):
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes * MB, megabytes * MB))


def run(megabytes, *args):
    return subprocess.run([os.path.abspath(TOOL), *args], preexec_fn=within(megabytes),
                          env=BASE_ENV, capture_output=True, timeout=HANGS, check=False, text=True)


class Limits(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-limits-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(Path(MODELS["weights"]) / f"{NETWORK}.safetensors", self.folder)
        # Below it is the loader that finds no room.
        least = next(m for m in range(8, 2000, 4) if run(m, "--version").returncode == 0)
        self.limits = [least + step for step in STEPS]

    def test_tool(self):
        statuses = []
        for megabytes in self.limits:
            with self.subTest(megabytes=megabytes):
                result = run(megabytes, "detect", "--json", "--threads=2", "--weights",
                             str(self.folder), str(PHOTOS[0]))
                statuses.append(result.returncode)
                self.assertIn(result.returncode, (0, 1), result.stderr)
                if result.returncode == 0:
                    self.assertTrue(json.loads(result.stdout)["faces"])
                else:
                    self.assertRegex(result.stderr, SHORT)
        self.assertEqual((statuses[0], statuses[-1]), (1, 0))

    def test_server(self):
        photo, answered = PHOTOS[0].read_bytes(), []
        for megabytes in self.limits:
            with self.subTest(megabytes=megabytes):
                life = Life(self.folder, photo, before=within(megabytes))
                self.assertIn(life.status, (0, 1), life.log)
                if life.status:
                    self.assertRegex(life.log, SHORT)
                    self.assertNotIn("mien-weights", life.log)
                found = {status for status, _ in life.answers.values()}
                self.assertLessEqual(found, {200, 500, 503, None}, life.answers)
                answered.append(200 in found)
        self.assertEqual((answered[0], answered[-1]), (False, True))


if __name__ == "__main__":
    skip_or_run(unittest.main)
