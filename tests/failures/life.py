"""A server from its start to its end, of which anything may go wrong on the way."""
import http.client
import os
import signal
import socket
import subprocess
import threading
import time

from calls import HANGS, NETWORK
from server import form
from tool import BASE_ENV, TOOL


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Life:
    """A server from start to end: its exit status, what it said, and {what: (status, body)}. Its
    port is not learned from what it says, a line of which may be what is lost."""

    def __init__(self, folder, photo, env=None, before=None):
        """before: called in the new process, as subprocess's preexec_fn."""
        port = free_port()
        self.process = subprocess.Popen(
            [os.path.abspath(TOOL), "serve", f"--port={port}", "--threads=2", "--weights",
             str(folder), f"--detector={NETWORK}", "--classifier=none", "--embedder=none",
             "--age-gender=none"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**BASE_ENV, "XDG_CACHE_HOME": str(folder / "cache"), **(env or {})},
            preexec_fn=before)
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
