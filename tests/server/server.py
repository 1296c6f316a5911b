"""What the tests of `mien serve` share: a server of their own, requests to it, pictures for it.

Only the standard library is used. A server runs with a free port, and a test fails where its
server ends by itself, ends with an error, or a sanitizer has something to say about it.
MIEN_TEST_SIZE=small asks for fewer requests: builds with sanitizers are slow.
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
from tool import (BASE_ENV, HAVE_NETWORKS, PHOTOS, TOOL, mien, objects,  # noqa: E402
                  read_ppm)

SMALL = os.environ.get("MIEN_TEST_SIZE") == "small"
HAVE_SERVER = HAVE_NETWORKS and bool(PHOTOS)
PATIENCE = 300  # seconds anything may take on a busy machine before a test gives up on it
REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
           "MemorySanitizer")


def scaled(count):
    """As many of a thing as this run can afford of `count`."""
    return max(4, count // 5) if SMALL else count


def wait_for(condition, what, seconds=PATIENCE):
    """Returns the condition's value once it is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of an error; fails where the body has not the shape all errors have."""
        value = self.json
        assert set(value) == {"error", "request_id"}, value
        assert set(value["error"]) == {"code", "message", "details"}, value
        assert value["request_id"] == self.headers["x-request-id"]
        message = value["error"]["message"]
        assert message and "\n" not in message and "/root" not in message, message
        return value["error"]["code"]

    @property
    def tensor_error(self):
        """The message of an error below /v2; fails where the body has not its protocol's shape."""
        value = self.json
        assert set(value) == {"error"} and value["error"], value
        assert "\n" not in value["error"] and "/root" not in value["error"], value
        return value["error"]

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Server:
    """A running `mien serve`. As a context manager it is stopped, and looked at, at the end."""

    def __init__(self, *options, env=None, until="ready", port=0):
        self.lines = []
        self.process = subprocess.Popen(
            [os.path.abspath(TOOL), "serve", "--port", str(port), *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={name: value for name, value in
                 {**BASE_ENV, "MIEN_DEADLINE": str(PATIENCE), "MIEN_GALLERY": "none",
                  **(env or {})}.items() if value is not None})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        match = wait_for(lambda: self.find(r"listening on (https?)://(\S+):(\d+)")
                         or self._ended(), "the server to listen")
        assert match is not True, self.log()
        self.scheme, self.port = match[1], int(match[3])
        self.pid = self.process.pid
        if until == "ready":
            wait_for(lambda: self.find(r"ready after") or self._ended(), "the server to be ready")
            assert not self._ended(), self.log()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def _ended(self):
        return self.process.poll() is not None

    def find(self, pattern):
        """The first match in what the server has said so far, or None."""
        return next(filter(None, (re.search(pattern, line) for line in list(self.lines))), None)

    def log(self):
        return "the server said:\n" + "\n".join(self.lines[-40:])

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        """Its exit status."""
        status = self.process.wait(seconds)
        self.reader.join(10)
        self.process.stderr.close()
        return status

    def stop(self):
        """SIGTERM; fails unless it ends well and no sanitizer has reported anything."""
        if not self._ended():
            self.signal(signal.SIGTERM)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.check_reports()
        assert status == 0, f"exit status {status}; {self.log()}"

    def check_reports(self):
        reports = [line for line in self.lines if any(word in line for word in REPORTS)]
        assert not reports, "\n".join(self.lines[-200:])

    def kill(self):
        self.process.kill()
        self.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
            return
        if not self._ended():
            self.process.kill()
        self.wait()
        print(self.log(), file=sys.stderr)

    def connect(self, timeout=PATIENCE):
        """A connection that is kept between requests; see ask()."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        """One request, over a connection of its own unless one is given."""
        own = connection is None
        connection = connection or self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            if own:
                connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def post(self, path, picture, connection=None):
        """A picture as a bare body."""
        return self.ask("POST", path, picture, {"Content-Type": "image/jpeg"}, connection)

    def post_json(self, path, value, connection=None):
        return self.ask("POST", path, json.dumps(value), {"Content-Type": "application/json"},
                        connection)

    def post_form(self, path, parts, connection=None):
        body, kind = form(parts)
        return self.ask("POST", path, body, {"Content-Type": kind}, connection)

    def raw(self, data=b"", timeout=PATIENCE):
        """A socket to the server with data sent."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        sock.sendall(data)
        return sock

    def exchange(self, data, timeout=PATIENCE):
        """What the server sends until it closes the connection, on data that makes it do so."""
        with self.raw(data, timeout) as sock:
            return read_all(sock)

    def metrics(self):
        """{name{labels}: value} of /metrics."""
        text = self.get("/metrics").body.decode()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    def rejected(self, reason):
        return self.metrics()[f'mien_rejected_total{{reason="{reason}"}}']

    def resident(self):
        """Bytes of memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def read_all(sock):
    """All bytes until the other side closes or resets the connection."""
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def form(parts, boundary="----form-of-a-test"):
    """(body, Content-Type) of a multipart form; parts: (name, file name or None, bytes)."""
    body = b""
    for name, filename, data in parts:
        disposition = f'form-data; name="{name}"'
        if filename is not None:
            disposition += f'; filename="{filename}"'
        body += (f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n").encode()
        body += data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def curl(*args, stdin=b""):
    """Runs curl as a user would; returns an Answer of the last response it saw."""
    result = subprocess.run(["curl", "-sS", "-i", "--max-time", str(PATIENCE), *args], input=stdin,
                            capture_output=True, check=False)
    assert result.returncode == 0, (args, result.returncode, result.stderr.decode())
    head, _, body = result.stdout.partition(b"\r\n\r\n")
    while re.match(rb"HTTP/1\.1 1\d\d", head):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = http.client.HTTPMessage()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name] = value.strip()
    return Answer(int(lines[0].split()[1]), headers, body)


def quoted(**parameters):
    """?name=value&... of a path; "" for none."""
    return "?" + urllib.parse.urlencode(parameters) if parameters else ""


def cli(command, pictures, *options):
    """The tool's objects for pictures (bytes), without their names and times."""
    folder = Path(tempfile.mkdtemp(prefix="mien-serve-"))
    try:
        names = []
        for i, data in enumerate(pictures):
            names.append(str(folder / f"{i:04}.jpg"))
            Path(names[-1]).write_bytes(data)
        return [plain(entry) for entry in objects(mien(command, *options, *names, timeout=600))]
    finally:
        shutil.rmtree(folder)


def plain(entry):
    """An object of the tool or the server less what differs from run to run."""
    return {k: v for k, v in entry.items() if k not in ("file", "timing_ms")}


def photos(count=6):
    return [path.read_bytes() for path in PHOTOS[:count]]


def black(side):
    """A small PNG of side x side pixels: detectors never scale up."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes((side + 1) * side))) + chunk(b"IEND", b""))


def crops(photo, count, side=360):
    """Different PPM pictures of at most side x side pixels, cut from a photo around its faces."""
    folder = Path(tempfile.mkdtemp(prefix="mien-serve-"))
    try:
        (entry,) = objects(mien("detect", str(photo)))
        mien("detect", "--threshold=1", "--draw", str(folder / "plain.ppm"), str(photo))
        width, height, pixels = read_ppm((folder / "plain.ppm").read_bytes())
    finally:
        shutil.rmtree(folder)
    w, h = min(side, width), min(side, height)
    found = []
    for i in range(count):
        x1, y1, x2, y2 = entry["faces"][i % len(entry["faces"])]["box"]
        x = min(max(int(x1 + x2 - w) // 2 + 5 * i - 40, 0), width - w)
        y = min(max(int(y1 + y2 - h) // 2 - 3 * i + 20, 0), height - h)
        rows = (pixels[3 * ((y + r) * width + x):][:3 * w] for r in range(h))
        found.append(b"P6\n%d %d\n255\n" % (w, h) + b"".join(rows))
    return found


def skip_or_run(main):
    """For a script's end: runs the tests, or says 77 where there is nothing to serve."""
    if not HAVE_SERVER:
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    main()
