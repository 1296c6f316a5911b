"""The services that are measured: `mien serve` at each precision, and the rival in Python at its
best settings. A service is started on a free port of the loopback, waited for, and ended with all
processes it started."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from contenders import Unavailable
from networks import ROOT, reference

START_SECONDS = 120
RIVAL = os.path.join(ROOT, "bench", "rivals", "service.py")
# What there is to choose for the rival; bench/serve.py times them and takes the fastest.
RIVAL_SETTINGS = [
    ["--workers", "2", "--threads", "1", "--endpoints", "async"],
    ["--workers", "2", "--threads", "1", "--endpoints", "pool", "--pool", "1"],
    ["--workers", "1", "--threads", "2", "--endpoints", "pool", "--pool", "1"],
    ["--workers", "1", "--threads", "1", "--endpoints", "pool", "--pool", "2"],
]

TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Service:
    """name: as tables have it; command: without the port; ready: a path that answers 200 when
    pictures are taken; precision: what the CLI computes the expected answers in; exact: whether it
    is mien, whose answers are the CLI's to the rounding."""

    def __init__(self, name, command, ready, precision, exact):
        self.name, self.command, self.ready = name, list(command), ready
        self.precision, self.exact, self.process = precision, exact, None

    def start(self):
        port = free_port()
        self.url = "http://127.0.0.1:%d" % port
        # A file, not a pipe: a pipe nobody reads would stop the service when it is full.
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*self.command, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self.wait()
        except Unavailable:
            self.stop()
            raise

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.death():
                raise Unavailable(self.death())
            try:
                with urllib.request.urlopen(self.url + self.ready, timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise Unavailable("%s was not ready after %d s" % (self.name, START_SECONDS))

    def death(self):
        """How it ended, as a sentence; None while it runs."""
        if self.process.poll() is None:
            return None
        return "%s ended with status %d: %s" % (self.name, self.process.returncode, self.said())

    def said(self):
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self):
        """Returns the exit status; None where it had to be killed, or was never started."""
        if self.process is None:
            return None
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return None
        finally:
            self.log.close()

    def cpu_seconds(self):
        """User and system time of all its processes until now."""
        stats = session(self.process.pid).values()
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICK

    def memory(self):
        """{"now", "peak"} resident MiB, over all its processes."""
        total = {"now": 0, "peak": 0}
        for pid in session(self.process.pid):
            status = fields("/proc/%d/status" % pid)
            total["now"] += int(status.get("VmRSS", "0").split()[0]) / 1024
            total["peak"] += int(status.get("VmHWM", "0").split()[0]) / 1024
        return total


def session(leader):
    """{process: what /proc/PID/stat says after the name} of a session, the leader's included."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as file:
                after_name = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(after_name[3]) == leader:
            found[int(name)] = after_name
    return found


def fields(path):
    try:
        with open(path, encoding="utf-8") as file:
            pairs = (line.partition(":") for line in file)
            return {key: value.strip() for key, _, value in pairs}
    except OSError:
        return {}


def mien(precision):
    tool = reference.tool("mien", "MIEN_TOOL")
    # One look at a picture, as the others do it.
    command = [tool, "serve", "--precision", precision, "--search", "fast"]
    return Service("mien " + precision, command, "/ready", precision, True)


def rival(settings, precision="fp32"):
    """Compared with the command line's answers in the same precision."""
    command = [sys.executable, RIVAL, *settings, "--precision", precision]
    service = Service("FastAPI + torch " + precision, command, "/health", precision, False)
    service.settings = settings
    return service
