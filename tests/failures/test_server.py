#!/usr/bin/env python3
"""The life of a server in which one allocation or system call fails: it starts or says why not,
answers with what is right or with an honest status, and ends when it is told to.

Of each kind of call a seeded sample is failed; MIEN_FAILURES=all fails each, one a life.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from calls import HANGS, KINDS, NETWORK, environment, points, read_counts, skip_or_run
from server import PHOTOS, form
from tool import BASE_ENV, MODELS, TOOL

EACH = 2
HONEST = (500, 503)  # of a request there is nothing wrong with


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Life:
    """A server from start to end: its exit status, what it said, and {what: (status, body)}. Its
    port is not learned from what it says, a line of which may be what is lost."""

    def __init__(self, folder, photo, inject=""):
        counts, port = folder / "counts", free_port()
        self.process = subprocess.Popen(
            [os.path.abspath(TOOL), "serve", f"--port={port}", "--threads=2", "--weights",
             str(folder), f"--detector={NETWORK}", "--classifier=none", "--embedder=none",
             "--age-gender=none"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**BASE_ENV, **environment(inject, counts),
                 "XDG_CACHE_HOME": str(folder / "cache")})
        self.answers, self.log = {}, ""
        reader = threading.Thread(target=self.read)
        guard = threading.Timer(HANGS, self.process.kill)
        reader.start()
        guard.start()
        while self.process.poll() is None:
            if self.send(port, "GET", "/ready")[0] == 200:
                self.ask(port, photo)
                break
            time.sleep(0.01)
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait()
        guard.cancel()
        reader.join()
        self.process.stderr.close()
        self.calls = read_counts(counts)

    def read(self):
        for line in self.process.stderr:
            self.log += line.decode("utf-8", "replace")

    def send(self, port, method, path, body=None, headers=None):
        """(status, body); (None, b"") where a connection is given up without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (http.client.HTTPException, ConnectionError):
            return None, b""
        finally:
            connection.close()

    def ask(self, port, photo):
        body, kind = form([("file", "a.jpg", photo)])
        self.answers = {
            "health": self.send(port, "GET", "/health"),
            "bare": self.send(port, "POST", "/v1/detect?size=160", photo,
                              {"Content-Type": "image/jpeg"}),
            "form": self.send(port, "POST", "/v1/detect?size=160", body, {"Content-Type": kind})}


class Server(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-failures-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(Path(MODELS["weights"]) / f"{NETWORK}.safetensors", self.folder)
        self.photo = PHOTOS[0].read_bytes()

    def faces(self, life, what):
        return json.loads(life.answers[what][1])["faces"]

    def check(self, life, good):
        self.assertIn(life.status, (0, 1), life.log)
        if life.status == 1:
            self.assertRegex(life.log, "mien( serve)?: .*\\w")
        self.assertNotRegex(life.log, "not valid JSON|broken|corrupt")
        for what, (status, body) in life.answers.items():
            if status == 200 and what != "health":
                self.assertEqual(self.faces(life, what), self.faces(good, what))
            elif status not in (None, 200):
                self.assertIn(status, HONEST, (what, body, life.log))

    def test_one_call_fails(self):
        good = Life(self.folder, self.photo)
        self.assertEqual(good.status, 0, good.log)
        self.assertEqual({status for status, _ in good.answers.values()}, {200}, good.log)
        self.assertTrue(self.faces(good, "bare"))
        for point in points({kind: good.calls[kind] for kind in KINDS}, EACH):
            with self.subTest(inject=point):
                for path in self.folder.glob("*.packed"):
                    path.unlink()
                self.check(Life(self.folder, self.photo, point), good)


if __name__ == "__main__":
    skip_or_run(unittest.main)
