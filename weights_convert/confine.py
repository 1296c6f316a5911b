"""Runs a conversion in a child process with limits. Readers parse files nobody vouches for, some with
libraries in C that crash on them, so whatever a file does to its reader - a crash, a loop, a claim of
terabytes - ends as one sentence in this process, which never touches the bytes. The child has a share
of memory that follows from the files' sizes, limited time, no network where the system lets it give
that up, and nothing to print to; what it has to say comes through a pipe, as JSON."""

import ctypes
import json
import os
import resource
import select
import signal
import time

from .errors import ConvertError

MEMORY = 1 << 30  # bytes beyond what the process has mapped when it starts,
A_BYTE = 8  # and for each byte of the files: copies in other types and layouts
CPU_SECONDS = 600
WALL_SECONDS = 900
MOST_ANSWER = 64 << 20  # bytes of a report

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def confined(function, paths):
    """The text function() returns, computed in a child process that may read `paths`. Raises the
    ConvertError or OSError it raised, and a ConvertError for all else that became of it."""
    budget = MEMORY + A_BYTE * sum(_size(path) for path in paths)
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        _live(function, into, budget)
    os.close(into)
    try:
        answer = _receive(out, time.monotonic() + WALL_SECONDS)
    finally:
        os.close(out)
        if _is_running(child):
            os.kill(child, signal.SIGKILL)  # what has answered has nothing more to do
        _, status = os.waitpid(child, 0)
    return _text(answer, status, budget)


def _size(path):
    """Of a file; for the JSON of a model of several files, with those beside it."""
    try:
        if not path.endswith(".json"):
            return os.stat(path).st_size
        with os.scandir(os.path.dirname(path) or ".") as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
    except OSError:
        return 0  # the reader says what is wrong with it


def _is_running(child):
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _receive(pipe, end):
    """What the child writes until it closes the pipe; None where it takes too long for that."""
    answer = bytearray()
    while len(answer) <= MOST_ANSWER:
        ready, _, _ = select.select([pipe], [], [], max(0, end - time.monotonic()))
        if not ready:
            return None
        block = os.read(pipe, 1 << 20)
        if not block:
            return bytes(answer)
        answer += block
    raise ConvertError("the report on the file is too long")


def _text(answer, status, budget):
    if answer is None:
        raise ConvertError(f"reading the file took more than {WALL_SECONDS} seconds")
    try:
        said = json.loads(answer)
    except ValueError:
        said = {}
    if "text" in said:
        return said["text"]
    if "refused" in said:
        raise ConvertError(said["refused"])
    if "errno" in said:
        raise OSError(said["errno"], os.strerror(said["errno"]), said["file"])
    if "memory" in said:
        raise ConvertError(f"reading the file takes more than {budget >> 20} MB of memory")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        raise ConvertError(f"reading the file took more than {CPU_SECONDS} seconds of a processor")
    how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "no answer"
    raise ConvertError(f"the file is broken: its reader crashed ({how})")


def _live(function, pipe, budget):
    """The whole life of the child."""
    status = 1
    try:
        _limit(budget)
        try:
            said = {"text": function()}
        except ConvertError as error:
            said = {"refused": str(error)}
        except MemoryError:
            said = {"memory": True}
        except OSError as error:
            said = _system_error(error)
        except Exception as error:  # a reader that did not foresee this file
            said = {"refused": f"the file is broken ({type(error).__name__}: {_line(error)})"}
        _send(pipe, json.dumps(said).encode())
        status = 0
    finally:
        os._exit(status)  # none of what the parent does when it ends


def _system_error(error):
    if error.errno is None:
        return {"refused": f"the file is broken ({_line(error)})"}
    return {"errno": error.errno, "file": error.filename}


def _line(error):
    """An error's text as a part of a sentence."""
    return " ".join(str(error).split())[:200]


def _send(pipe, data):
    while data:
        data = data[os.write(pipe, data):]


def _limit(budget):
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # what libraries print while they crash is for nobody
        os.dup2(nowhere, descriptor)
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    for kind, most, last in ((resource.RLIMIT_CORE, 0, 0),
                             (resource.RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 5),
                             (resource.RLIMIT_AS, mapped + budget, mapped + budget)):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            most, last = min(most, hard), min(last, hard)
        resource.setrlimit(kind, (most, last))
    # Root may leave the network, others where they may have a user namespace of their own.
    libc = ctypes.CDLL(None)
    if libc.unshare(_CLONE_NEWNET):
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
