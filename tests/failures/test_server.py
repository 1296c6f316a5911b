#!/usr/bin/env python3
"""The life of a server in which one allocation or system call fails: it starts or says why not,
answers with what is right or with an honest status, and ends when it is told to.

Of each kind of call a seeded sample is failed; MIEN_FAILURES=all fails each, one a life.
"""
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from calls import KINDS, NETWORK, environment, points, read_counts, skip_or_run
from life import Life
from server import PHOTOS
from tool import MODELS

EACH = 2
HONEST = (500, 503)  # of a request there is nothing wrong with


class Server(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-failures-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(Path(MODELS["weights"]) / f"{NETWORK}.safetensors", self.folder)
        self.photo = PHOTOS[0].read_bytes()

    def live(self, inject=""):
        """A life, and how many calls of each kind there were in it."""
        for path in self.folder.glob("*.packed"):
            path.unlink()
        counts = self.folder / "counts"
        life = Life(self.folder, self.photo, environment(inject, counts))
        return life, read_counts(counts)

    def faces(self, life, what):
        return json.loads(life.answers[what][1])["faces"]

    def check(self, life, good):
        self.assertIn(life.status, (0, 1), life.log)
        if life.status == 1:
            self.assertRegex(life.log, "mien( serve)?: .*\\w")
        self.assertNotRegex(life.log, "not valid JSON|broken|corrupt|memory.*mien-weights")
        for what, (status, body) in life.answers.items():
            if status == 200 and what != "health":
                self.assertEqual(self.faces(life, what), self.faces(good, what))
            elif status not in (None, 200):
                self.assertIn(status, HONEST, (what, body, life.log))

    def test_one_call_fails(self):
        good, calls = self.live()
        self.assertEqual(good.status, 0, good.log)
        self.assertEqual({status for status, _ in good.answers.values()}, {200}, good.log)
        self.assertTrue(self.faces(good, "bare"))
        self.assertEqual([kind for kind in KINDS if not calls[kind]], [])
        for point in points(calls, EACH):
            with self.subTest(inject=point):
                self.check(self.live(point)[0], good)


if __name__ == "__main__":
    skip_or_run(unittest.main)
