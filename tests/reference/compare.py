"""Running mien's side of a comparison and judging it.

The criteria are the project's for fp32: relative RMS error at most 1e-5, cosine of embeddings at
least 0.99999.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

import sources
from runtimes.node_runtime import Unavailable

RMS_LIMIT, COSINE_LIMIT = 1e-5, 0.99999
TINY = 0.02  # of probabilities
SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def tool(name, variable):
    """A built program: $variable, else in the build folder."""
    build = (
        os.environ.get("MIEN_BUILD_DIR")
        or os.environ.get("MIEN_BUILD")
        or os.path.join(sources.ROOT, "build")
    )
    for path in (
        os.environ.get(variable),
        os.path.join(build, "tests", name),
        os.path.join(build, name),
    ):
        if path and os.access(path, os.X_OK):
            return path
    print("skipped: %s is not built (looked in %s)" % (name, build))
    sys.exit(SKIPPED)


def weights_dir():
    """Where mien looks for blobs (the rule of include/mien.h)."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.environ.get("MIEN_WEIGHTS") or os.path.join(data, "mien")


def convert(files, target, *options):
    """Converts published files with weights_convert, in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "weights_convert",
            "convert",
            *map(str, files),
            "-o",
            target,
            *options,
        ],
        cwd=sources.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError("converting %s: %s" % (files[0], done.stdout.strip()))
    return target


def blob(name, folder):
    """The blob of a network: an installed default, or converted from ../shared into `folder`."""
    if name not in sources.SHARED_NETS:
        path = os.path.join(weights_dir(), name + ".safetensors")
        if not os.path.exists(path):
            raise sources.Missing("%s is not installed" % path)
        return path
    target = os.path.join(folder, name + ".safetensors")
    if not os.path.exists(target):
        convert(
            sources.shared_files(name),
            target,
            "--family",
            sources.SHARED_NETS[name][0],
            *sources.SHARED_NETS[name][2:],
            "--name",
            name,
        )
    return target


def run_mien(path, x, threads=1, backend=None, precision=None, calibrated=None):
    """Outputs of a blob for an RGB batch [n][h][w][3], 0..255: {name: [n][h][w][c]}, vectors as
    [n][c]. calibrated: where to write a copy of the blob with the ranges of this run."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "in.bin"), os.path.join(folder, "out.bin")
        np.ascontiguousarray(x, "<f4").tofile(given)
        command = [
            tool("runnet", "MIEN_RUNNET"),
            "-t",
            str(threads),
            *(["-b", backend] if backend else []),
            *(["-p", precision] if precision else []),
            *(["-c", calibrated] if calibrated else []),
            path,
            str(x.shape[2]),
            str(x.shape[1]),
            str(x.shape[0]),
            given,
            made,
        ]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(
                done.stderr.strip() or "runnet ended with status %d" % done.returncode
            )
        values, out, at = np.fromfile(made, "<f4"), {}, 0
    for line in done.stdout.splitlines():
        name, *shape = line.split()
        shape = [int(s) for s in shape]
        count = int(np.prod(shape))
        out[name] = (
            values[at : at + count].reshape(shape[0], -1)
            if shape[1:3] == [1, 1]
            else values[at : at + count].reshape(shape)
        )
        at += count
    return out


def backends():
    """Every set of kernels this machine can run: what the library says when asked for another."""
    command = [
        tool("runnet", "MIEN_RUNNET"),
        "-b",
        "?",
        "-",
        "0",
        "0",
        "0",
        "/dev/null",
        "/dev/null",
    ]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    return done.stderr.rsplit(" has ", 1)[-1].strip().split(", ")


def relative_rms(ours, theirs):
    ours, theirs = np.asarray(ours, float).ravel(), np.asarray(theirs, float).ravel()
    scale = np.sqrt(np.mean(theirs**2))
    return (
        float(np.sqrt(np.mean((ours - theirs) ** 2)) / scale)
        if scale
        else float(np.abs(ours).max())
    )


def error_of(ours, theirs):
    """relative_rms, but of probabilities that are all next to nothing as if they were TINY: ONNX
    Runtime's sigmoid is off by 1e-7, however small its value."""
    error, theirs = relative_rms(ours, theirs), np.asarray(theirs, float)
    size = np.sqrt(np.mean(theirs**2))
    is_tiny = theirs.min() >= 0 and theirs.max() <= 1 and size < TINY
    return error * size / TINY if is_tiny else error


def cosine(ours, theirs):
    """The smallest cosine of corresponding rows [n][d]."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    return float(
        np.min(
            (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
        )
    )


class Report:
    """A line a comparison, and a summary at the end."""

    def __init__(self, title):
        self.done, self.failed, self.skipped = 0, [], []
        print(title)

    def check(self, what, good, detail):
        self.done += 1
        print("  %-4s %-58s %s" % ("ok" if good else "FAIL", what, detail), flush=True)
        if not good:
            self.failed.append(what)

    def skip(self, what, why):
        self.skipped.append(what)
        print("  skip %-58s %s" % (what, why), flush=True)

    def outputs(self, what, ours, theirs, limit=RMS_LIMIT):
        """Compares every output the other runtime has; ours must have them all, and no other."""
        if set(ours) != set(theirs):
            self.check(what, False, "outputs %s, expected %s" % (sorted(ours), sorted(theirs)))
            return
        wrong = [k for k in theirs if ours[k].size != theirs[k].size]
        if wrong:
            self.check(
                what,
                False,
                "%s: shape %s, expected %s"
                % (wrong[0], ours[wrong[0]].shape, theirs[wrong[0]].shape),
            )
            return
        errors = {k: error_of(ours[k], theirs[k]) for k in theirs}
        worst = max(errors, key=errors.get)
        good, detail = errors[worst] <= limit, "rms %.1e (%s)" % (errors[worst], worst)
        if "embedding" in theirs:
            lowest = cosine(ours["embedding"], theirs["embedding"])
            good, detail = good and lowest >= COSINE_LIMIT, detail + ", cosine %.8f" % lowest
        self.check(what, good, detail)

    def attempt(self, what, function, *arguments):
        """Runs a comparison; what cannot be had here is skipped, any other error is a failure."""
        try:
            function(*arguments)
        except (sources.Missing, Unavailable, ImportError) as reason:
            self.skip(what, reason)
        except (RuntimeError, NotImplementedError, ValueError, KeyError) as error:
            self.check(what, False, "%s: %s" % (type(error).__name__, str(error).splitlines()[0]))

    def finish(self):
        print(
            "%d compared, %d failed, %d skipped" % (self.done, len(self.failed), len(self.skipped))
        )
        for what in self.failed:
            print("FAILED %s" % what)
        if self.failed:
            return 1
        return 0 if self.done else SKIPPED
