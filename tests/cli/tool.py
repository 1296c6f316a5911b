"""What the tests of the command line share: running the tool, and pictures made by hand.

Only the standard library is used. Tests that need networks ask `mien models` what is installed and
are skipped where a default one is missing.
"""
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import tempfile
import termios
import unittest
import zlib
from pathlib import Path

TOOL = os.environ.get("MIEN_TOOL") or os.environ.get("MIEN_BIN") or "build/mien"
TASKS = ("analyze", "detect", "classify", "embed")
EVALS = ("eval attributes", "eval detect", "eval classify", "eval identify", "eval verify")
# Those with the options of "gallery", and of "jobs"; of what is told of options one is enough.
GALLERY = tuple("gallery " + word for word in
                ("list", "show", "history", "rename", "merge", "split", "move", "not-this-person",
                 "undo", "prove-deleted", "export", "import", "backup", "check",
                 "rekey"))
GALLERY += tuple("jobs " + word for word in
                 ("list", "show", "cancel", "retry", "export", "stats", "purge"))
COMMANDS = TASKS + ("compare", "enroll", "identify", "recognize", "cluster", "thresholds", "gallery", "gallery delete", "gallery doctor", "gallery index", "gallery migrate", "bench", "bench analyze", "calibrate", "eval", *EVALS, "info", "models",
                    "serve", "service", "submit", "worker", "jobs", "completion")

# A caller's settings of the tool would change what is tested; where the weights lie stays.
# One look at a picture is enough for what is not about how faces are searched for.
BASE_ENV = {**{k: v for k, v in os.environ.items()
               if not k.startswith("MIEN_") or k in ("MIEN_WEIGHTS", "MIEN_CPU")},
            "MIEN_SEARCH": "fast"}
DEFAULT_SEARCH = {"MIEN_SEARCH": ""}  # as users have it: an empty variable counts as unset


def mien(*args, stdin=b"", env=None, cwd=None, timeout=300):
    """Runs the tool; the result has returncode, stdout (bytes) and stderr (str)."""
    if args and args[0] in COMMANDS + GALLERY:
        args = (*args[0].split(), *args[1:])
    result = subprocess.run([os.path.abspath(TOOL), *args], input=stdin, capture_output=True,
                            env={**BASE_ENV, **(env or {})}, cwd=cwd, timeout=timeout, check=False)
    result.stderr = result.stderr.decode("utf-8", "replace")
    return result


def on_terminal(*args, stdout=None, columns=80, env=None):
    """What the tool writes to a terminal as standard error; stdout None: and as standard output."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen([os.path.abspath(TOOL), *args], stdin=subprocess.DEVNULL,
                          env={**BASE_ENV, "TERM": "xterm", "NO_COLOR": "", **(env or {})},
                          stdout=slave if stdout is None else stdout, stderr=slave) as process:
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 65536):
                text += piece
        except OSError:  # the terminal is gone with the program
            pass
        os.close(master)
        process.wait(60)
    return text


class Folder(unittest.TestCase):
    """A test with a folder of its own to work in."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return str(path)


def reject_constant(name):
    raise ValueError(f"{name} is not JSON")


def objects(result):
    """The JSON objects of a run, one a line; strict about UTF-8 and NaN."""
    return [json.loads(line, parse_constant=reject_constant)
            for line in result.stdout.decode("utf-8").splitlines()]


def without_timing(result):
    """The objects of a run less what differs from run to run."""
    found = objects(result)
    for entry in found:
        entry.pop("timing_ms", None)
    return found


def models():
    """What `mien models --json` prints; None where there is no tool."""
    if not Path(TOOL).exists():
        return None
    found = objects(mien("models", "--json"))
    return found[0] if found else None


MODELS = models()
HAVE_NETWORKS = bool(MODELS) and not MODELS["missing"]
PHOTOS = sorted(Path(MODELS["weights"], "photos").glob("sample*.jpg")) if MODELS else []

needs_networks = unittest.skipUnless(HAVE_NETWORKS, "the default networks are not installed")
needs_photos = unittest.skipUnless(HAVE_NETWORKS and PHOTOS, "the default networks and photos are "
                                                            "not installed")


def ppm(width, height, pixel=lambda x, y: (x * 7 % 256, y * 5 % 256, (x + y) * 3 % 256)):
    """A PPM picture of pixel(x, y) -> (r, g, b)."""
    body = bytes(c for y in range(height) for x in range(width) for c in pixel(x, y))
    return b"P6\n%d %d\n255\n" % (width, height) + body


def read_ppm(data):
    """(width, height, bytes of the pixels) of a PPM as the tool writes it."""
    match = re.match(rb"P6\s(\d+)\s(\d+)\s255\s", data)
    return int(match[1]), int(match[2]), data[match.end():]


def png(width, height, rows=None):
    """An 8-bit RGB PNG; rows: bytes of the rows without filter bytes, grey where None."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))
    if rows is None:
        rows = b"\x80" * (width * height * 3)
    raw = b"".join(b"\0" + rows[y * width * 3:(y + 1) * width * 3] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
