"""What the tests of `mien serve` share: a server of their own on a free port."""
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from tool import BASE_ENV, TOOL  # noqa: E402

STARTUP = 120  # seconds: the first load of a network packs its weights


class Server:
    """A running `mien serve`; `url` is where it answers. A context manager."""

    def __init__(self, *options, env=None):
        self.process = subprocess.Popen(
            [str(Path(TOOL).resolve()), "serve", "--port=0", *options], stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, env={**BASE_ENV, **(env or {})})
        self.log = []  # lines of standard error
        self.url = None
        listening = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(listening,))
        self.reader.start()
        if not listening.wait(STARTUP) or not self.url:
            self.stop()
            raise AssertionError("mien serve did not start: " + "\n".join(self.log[-3:]))
        self._wait_until_ready()

    def _read(self, listening):
        for line in self.process.stderr:
            text = line.decode("utf-8", "replace").rstrip()
            self.log.append(text)
            found = re.search(r"https?://\S+:\d+", text)
            if found and not self.url:
                self.url = found[0]
                listening.set()
        listening.set()

    def _wait_until_ready(self):
        end = time.monotonic() + STARTUP
        while self.request("GET", "/ready")[0] != 200:
            if time.monotonic() > end:
                self.stop()
                raise AssertionError("mien serve did not become ready")
            time.sleep(0.05)

    def request(self, method, path, body=None, headers=None):
        """One request: (status, headers, bytes)."""
        asked = urllib.request.Request(self.url + path, data=body, method=method,
                                       headers=headers or {})
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, method, path, body=None, headers=None):
        """The same with a JSON answer: (status, value). A body that is no bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers = {"content-type": "application/json", **(headers or {})}
        status, _, data = self.request(method, path, body, headers)
        return status, json.loads(data)

    def stop(self):
        """SIGTERM, and what came of it: the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def multipart(*parts):
    """(body, headers) of a form; parts: (field, file name or None, bytes)."""
    boundary = "mien-test-boundary"
    body = b""
    for field, name, data in parts:
        disposition = f'form-data; name="{field}"' + (f'; filename="{name}"' if name else "")
        body += (f"--{boundary}\r\ncontent-disposition: {disposition}\r\n\r\n").encode()
        body += data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {
        "content-type": f"multipart/form-data; boundary={boundary}"}
