"""What the tests of failing calls share: a program that is loaded once and run over and over, with
another of its calls failing each time, by all cores.

MIEN_FAILURES says which calls fail: unset a seeded sample of each kind, N that many samples, `all`
each that a run makes, FROM-TO those with these numbers (so that a run of all can go on where it was
stopped).
"""
import collections
import concurrent.futures
import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from tool import BASE_ENV, TOOL  # noqa: E402

INJECT = Path(os.environ.get("MIEN_BUILD_DIR", "build"), "tests", "libinject.so").resolve()
FAILURES = os.environ.get("MIEN_FAILURES", "")
SEED = int(os.environ.get("MIEN_SEED", "20"))
HANGS = 120  # seconds
CHUNK = 20  # points a process takes at a time
# A run and who looks at it wait for each other, so that one a core leaves it idle.
WORKERS = 2 * len(os.sched_getaffinity(0))
TELL = 10  # seconds between two lines of progress

Ended = collections.namedtuple("Ended", "status hung live calls out err")


class Program:
    """A program whose main() runs as often as it is asked to, see fork_server.c."""

    def __init__(self, folder, *args, libraries=()):
        """folder: where it runs, with its cache. libraries: those that are there before main(),
        because what opening them takes and does is theirs."""
        self.files = [os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
                      for name in ("stdout", "stderr")]
        self.socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(HANGS)
        self.process = subprocess.Popen(
            [os.path.abspath(TOOL), *args], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=self.files[0], stderr=self.files[1], pass_fds=[its.fileno()],
            env={**BASE_ENV, "LD_PRELOAD": ":".join((str(INJECT), *libraries)),
                 "INJECT_SERVE": str(its.fileno()), "XDG_CACHE_HOME": str(folder / "cache")})
        its.close()
        self.pid = None

    def answer(self):
        status, live, *calls = self.socket.recv(4096).decode().split()
        return (int(status), int(live),
                {kind: int(n) for kind, n in (call.split("=") for call in calls)})

    def start(self, point="none"):
        """Begins a run in which that call fails."""
        for file in self.files:
            os.ftruncate(file, 0)
        self.socket.send(point.encode())
        self.pid = int(self.socket.recv(64))

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def has_ended(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def wait(self):
        """What has become of the run."""
        hung = False
        try:
            status, live, calls = self.answer()
        except TimeoutError:
            hung = True
            self.signal(signal.SIGKILL)
            status, live, calls = self.answer()
        return Ended(os.waitstatus_to_exitcode(status), hung, live, calls, *self.said())

    def said(self):
        """What it has written to standard output and standard error."""
        return [os.pread(file, os.fstat(file).st_size, 0) for file in self.files]

    def run(self, point="none"):
        self.start(point)
        return self.wait()

    def close(self):
        self.socket.close()
        self.process.wait()
        for file in self.files:
            os.close(file)


class Subject:
    """What is run with failing calls, in a folder of its own; subclasses say how, and what is
    right."""

    def __init__(self, folder):
        self.folder = Path(tempfile.mkdtemp(dir=folder))

    def count(self):
        """{kind: calls} of a run in which none fails."""
        raise NotImplementedError

    def judge(self, point):
        """(whether the call was made, in a word how the run ended); AssertionError: wrongly."""
        raise NotImplementedError


def begin(make, folder, args):
    global subject  # of this process of the pool
    subject = make(folder, *args)


def count():
    return subject.count()


def judge(points):
    """[(point, whether there was such a call, how the run ended; None: wrongly)]"""
    found = []
    for point in points:
        try:
            made, how = subject.judge(point)
        except AssertionError as fault:
            print(f"FAULT {point}: {fault}", flush=True)
            made, how = True, None
        found.append((point, made, how))
    return found


def numbers(kind, calls, each):
    """Which calls of a kind fail, of so many."""
    if FAILURES == "all":
        return range(1, calls + 1)
    if FAILURES.isdigit():
        each *= int(FAILURES)
    elif FAILURES:
        first, last = (int(n) for n in FAILURES.split("-"))
        return range(first, min(last, calls) + 1)
    return sorted(random.Random(f"{SEED} {kind}").sample(range(1, calls + 1), min(each, calls)))


def chunks(kind, which):
    for i in range(0, len(which), CHUNK):
        yield [f"{kind}:{n}" for n in which[i:i + CHUNK]]


class Tally:
    def __init__(self, title):
        self.title, self.told = title, time.monotonic()
        self.faults, self.how = [], collections.Counter()

    def add(self, found):
        """Returns whether all of these calls were made."""
        for point, made, how in found:
            self.how[how if made else "not reached"] += 1
            if how is None:
                self.faults.append(point)
        if time.monotonic() - self.told > TELL:
            self.told = time.monotonic()
            print(f"{self.title}: {found[-1][0]}", flush=True)
        return all(made for _, made, _ in found)


def fail_each(title, make, args, each):
    """Runs make(folder, *args), a Subject, with each call failing, or with a sample of `each` of a
    kind; returns the points at which something is wrong."""
    print(f"{title}: MIEN_SEED = {SEED}", flush=True)
    tally = Tally(title)
    with tempfile.TemporaryDirectory(prefix="mien-failures-") as folder, \
            concurrent.futures.ProcessPoolExecutor(WORKERS, initializer=begin,
                                                   initargs=(make, folder, args)) as pool:
        calls = pool.submit(count).result()
        for kind, most in calls.items():
            all_made = True
            for found in pool.map(judge, chunks(kind, numbers(kind, most, each))):
                all_made = tally.add(found)
            # Threads make now more calls, now fewer.
            while FAILURES == "all" and all_made:
                most += 1
                all_made = tally.add(pool.submit(judge, [f"{kind}:{most}"]).result())
    print(f"{title}: {calls}; {dict(tally.how)}", flush=True)
    return tally.faults


def skip_or_run(main):
    if not INJECT.exists():
        print("skipped: there is no glibc")
        sys.exit(77)
    main()
