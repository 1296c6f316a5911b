#!/usr/bin/env python3
"""Weights and their packed copies that are cut off, rewritten or damaged while a server runs, or
before one starts: answers stay what they were."""
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import Server, photos, plain, skip_or_run  # noqa: E402
from tool import MODELS  # noqa: E402

NETWORKS = ("retinaface-mnet025-v2", "mobilefacenet-192", "age-gender-faceapi")
OPTIONS = ("--classifier=none",)
MEGABYTE = 1 << 20


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-files-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for name in NETWORKS:
            shutil.copy(Path(MODELS["weights"]) / f"{name}.safetensors", self.folder)
        self.env = {"MIEN_WEIGHTS": str(self.folder)}

    def answers(self, server):
        """Of inputs of several sizes, so that plans are made anew."""
        found = []
        for size in (0, 320, 640, 1000):
            answer = server.post(f"/v1/analyze?embeddings=1&size={size}", photos()[0])
            self.assertEqual(answer.status, 200, answer)
            found.append(plain(answer.json))
        return found

    def packed(self):
        return sorted(self.folder.glob("*.packed"))

    def test_cut_off_under_a_running_server(self):
        with Server(*OPTIONS, env=self.env) as server:
            self.assertEqual(len(self.packed()), len(NETWORKS))
        with Server(*OPTIONS, env=self.env) as server:  # from the packed copies
            first = server.post("/v1/analyze?embeddings=1&size=640", photos()[0]).json
            for path in self.folder.iterdir():
                os.truncate(path, 0)
            got = self.answers(server)
        self.assertEqual(got[2], plain(first))

    def test_damaged_copies_are_packed_anew(self):
        with Server(*OPTIONS, env=self.env) as server:
            expected = self.answers(server)
        for path in self.packed():
            good = path.read_bytes()
            n = len(good)
            for at, bad in ((n // 3, bytes([good[n // 3] ^ 1])), (n - 5, bytes([good[n - 5] ^ 64])),
                            (5000, bytes(min(MEGABYTE, n - 5000)))):
                with self.subTest(path.name, at=at):
                    path.write_bytes(good[:at] + bad + good[at + len(bad):])
                    with Server(*OPTIONS, env=self.env) as server:
                        self.assertEqual(self.answers(server), expected)
                    self.assertEqual(path.read_bytes()[4096:], good[4096:])


if __name__ == "__main__":
    skip_or_run(unittest.main)
