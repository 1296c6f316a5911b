"""What the tests of `mien service` share: a Redis and the four services, each a process of its own,
started, killed and started again at will."""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cli"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "server"))
from server import HAVE_SERVER, PATIENCE, TOOL, wait_for  # noqa: E402
from tool import BASE_ENV  # noqa: E402

MODULE = Path(os.environ.get("MIEN_BUILD_DIR", "build")) / "libmien-grpc.so"
ROLES = ("face-landmark", "age-gender", "data-storage", "image-input")


def missing():
    """What the services cannot do without here; None: nothing."""
    if not MODULE.exists():
        return "mien was built without its gRPC module"
    if not shutil.which("redis-server"):
        return "redis-server is not installed"
    if not HAVE_SERVER:
        return "the default networks or pictures are not installed"
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A program that says on standard error when it is ready."""

    def __init__(self, command, ready, env=None, stream="stderr"):
        self.command, self.ready, self.env, self.stream = command, ready, env, stream
        self.lines, self.process = [], None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, env={**BASE_ENV, **(self.env or {})},
            stdout=subprocess.PIPE if self.stream == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if self.stream == "stderr" else subprocess.DEVNULL)
        start = len(self.lines)
        reader = threading.Thread(target=self._read, args=(getattr(self.process, self.stream),),
                                  daemon=True)
        reader.start()
        wait_for(lambda: self.find(self.ready, start) or self.process.poll() is not None,
                 " ".join(map(str, self.command)))
        assert self.process.poll() is None, self.log()

    def _read(self, pipe):
        for line in pipe:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def find(self, pattern, start=0):
        return next(filter(None, (re.search(pattern, line) for line in list(self.lines)[start:])),
                    None)

    def log(self):
        return f"{self.command[:3]} said:\n" + "\n".join(self.lines[-40:])

    def kill(self):
        """As a machine that loses its power."""
        self.process.kill()
        self.process.wait()

    def end(self):
        """Asks it to end, and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.kill()


class Redis(Process):
    """A Redis without a file, so that it forgets all when it ends; or with one."""

    def __init__(self, folder, *options, password=None):
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                   str(folder), "--save", "", "--daemonize", "no", *options]
        if password:
            command += ["--requirepass", password]
        super().__init__(command, r"[Rr]eady to accept connections", stream="stdout")

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"


class Fleet:
    """Redis and the services of ROLES, with folders of their own. options: more for each role."""

    def __init__(self, roles=ROLES, redis_options=(), options=None, ports=None):
        self.stack = contextlib.ExitStack()
        try:
            self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
            self.input, self.output = self.folder / "input", self.folder / "output"
            self.input.mkdir()
            self.ports = {role: free_port() for role in ROLES}
            self.ports.update(ports or {})
            self.redis = self.add(Redis(self.folder, *redis_options))
            self.services = {}
            for role in roles:
                self.begin(role, *(options or {}).get(role, ()))
        except BaseException:
            self.stack.close()
            raise

    def add(self, process):
        self.stack.callback(process.close)
        return process

    def begin(self, role, *more):
        command = [os.path.abspath(TOOL), "service", role, "--listen", str(self.ports[role]),
                   "--redis", self.redis.url]
        if role == "image-input":
            command += ["--input", str(self.input), "--output", str(self.output),
                        "--face-landmark-at", f"127.0.0.1:{self.ports['face-landmark']}",
                        "--age-gender-at", f"127.0.0.1:{self.ports['age-gender']}",
                        "--data-storage-at", f"127.0.0.1:{self.ports['data-storage']}"]
        if role == "data-storage":
            command += ["--output", str(self.output)]
        if role in ("face-landmark", "age-gender"):
            command += ["--threads", "1"]
        self.services[role] = self.add(Process([*command, *more], r"ready after"))
        return self.services[role]

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if failure[0]:
            for service in self.services.values():
                print(service.log(), file=sys.stderr)
        self.stack.close()

    def results(self):
        """The results that are there, by their path below the folder."""
        return {str(path.relative_to(self.output)) for path in self.output.rglob("*.json")}
