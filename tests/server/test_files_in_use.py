#!/usr/bin/env python3
"""Weights and their packed copies that are cut off, rewritten or damaged while a server runs, or
before one starts: answers stay what they were."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import (BASE_ENV, TOOL, Server, mien, objects, photos, plain, skip_or_run,  # noqa: E402
                    wait_for)
from tool import MODELS  # noqa: E402

NETWORKS = ("retinaface-mnet025-v2", "mobilefacenet-192", "age-gender-faceapi")
OPTIONS = ("--classifier=none", f"--age-gender={NETWORKS[2]}")
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

    def test_reload_of_files_that_are_cut_off(self):
        with Server(*OPTIONS, env=self.env) as server:
            first = self.answers(server)
            for path in self.folder.glob("*.safetensors"):
                os.truncate(path, path.stat().st_size // 2)
            server.signal(signal.SIGHUP)
            wait_for(lambda: server.find("the networks stay as they were"), "the reload")
            self.assertEqual(self.answers(server), first)

    def test_rewritten_in_place_while_a_tool_starts(self):
        """Whatever it comes upon, it says so: it never dies of it, and never answers otherwise."""
        path = self.folder / "retinaface-mnet025-v2.safetensors"
        good = path.read_bytes()
        photo = self.folder / "photo.jpg"
        photo.write_bytes(photos()[0])
        command = ("detect", "--weights", str(self.folder), str(photo))
        expected = plain(objects(mien(*command))[0])
        for i in range(12):
            for packed in self.packed():
                packed.unlink()
            tool = subprocess.Popen([TOOL, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env=BASE_ENV)
            end = time.monotonic() + 0.01 * i
            while time.monotonic() < end:
                with path.open("r+b") as file:
                    file.truncate(len(good) // 3 * (i % 3))
                    file.write(good)
            out, said = tool.communicate()
            self.assertIn(tool.returncode, (0, 1), said)
            if tool.returncode == 0:
                self.assertEqual(plain(json.loads(out.splitlines()[0])), expected)
            else:
                self.assertRegex(said.decode(), "safetensors: .*(cut off|changed|short|JSON|not|outside)")

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
