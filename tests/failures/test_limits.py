#!/usr/bin/env python3
"""Little address space (ulimit -v): the tool and the server do what they should, or say in a
sentence that memory is short, and do not end by a signal."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "server"))
from calls import HANGS  # noqa: E402
from life import Life, reserve_port  # noqa: E402
from server import PHOTOS, form, skip_or_run  # noqa: E402
from tool import BASE_ENV, MODELS, TOOL  # noqa: E402

MB = 1 << 20
NETWORK = "retinaface-mnet025-v2"
STEPS = (0, 4, 8, 12, 16, 24, 32, 48, 96, 160, 224, 300)
SHORT = r"memory|Cannot allocate|cannot start thread"


def within(megabytes):
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes * MB, megabytes * MB))


def run(megabytes, *args):
    return subprocess.run([os.path.abspath(TOOL), *args], preexec_fn=within(megabytes),
                          env=BASE_ENV, capture_output=True, timeout=HANGS, check=False, text=True)


class Served:
    """A server with so much address space: what Life lives in."""

    def __init__(self, megabytes, folder, port):
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen(
            [os.path.abspath(TOOL), "serve", f"--port={port}", "--threads=2", "--weights",
             str(folder), f"--detector={NETWORK}", "--classifier=none", "--embedder=none",
             "--age-gender=none"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            env={**BASE_ENV, "XDG_CACHE_HOME": str(folder / "cache")},
            preexec_fn=within(megabytes))
        self.guard = threading.Timer(HANGS, self.process.kill)
        self.guard.start()

    def has_ended(self):
        return self.process.poll() is not None

    def said(self):
        """What it has written to standard output, which nobody keeps, and to standard error."""
        return b"", os.pread(self.log.fileno(), 1 << 20, 0)

    def end(self):
        """Its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait()
        self.guard.cancel()
        self.log.close()
        return status


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
        body, kind = form([("file", "a.jpg", photo)])
        reserved = reserve_port()
        self.addCleanup(reserved.close)
        port = reserved.getsockname()[1]
        for megabytes in self.limits:
            with self.subTest(megabytes=megabytes):
                server = Served(megabytes, self.folder, port)
                life = Life(server, port)
                if life.wait_until_ready():
                    life.ask("health", "GET", "/health")
                    life.ask("bare", "POST", "/v1/detect?size=160", photo,
                             {"Content-Type": "image/jpeg"})
                    life.ask("form", "POST", "/v1/detect?size=160", body, {"Content-Type": kind})
                log = server.said()[1].decode("utf-8", "replace")
                status = server.end()
                self.assertIn(status, (0, 1), log)
                if status:
                    self.assertRegex(log, SHORT)
                    self.assertNotIn("mien-weights", log)
                found = {status for status, _ in life.answers.values()}
                self.assertLessEqual(found, {200, 500, 503, None}, life.answers)
                answered.append(200 in found)
        self.assertEqual((answered[0], answered[-1]), (False, True))


if __name__ == "__main__":
    skip_or_run(unittest.main)
