"""Who takes part: mien at each precision and set of kernels, ONNX Runtime, torch.

A contender is opened for one network and number of threads; then outputs() runs it once on a
picture, for the comparison before anything is timed, and time() gives the median milliseconds of
its runs. What cannot be had here raises Unavailable.
"""
import json
import os
import statistics
import subprocess
import time

import numpy as np
from networks import reference  # it also says where runtimes/ is
from runtimes.node_runtime import NodeServer, Unavailable

# Relative RMS against ONNX Runtime in fp32 above which a network is not the same one: a wrong layer
# gives about 1. What a precision costs in accuracy is not decided here but by tests/accuracy.
LIMITS = {"fp32": reference.RMS_LIMIT, "bf16": 0.1, "int8": 0.3}
FEWEST_RUNS = 3  # as `mien bench` has it


def worst_error(ours, theirs):
    """The largest relative RMS over the outputs; infinite where they are not the same outputs."""
    if set(ours) != set(theirs) or any(ours[k].size != theirs[k].size for k in theirs):
        return float("inf")
    return max(reference.relative_rms(ours[k], theirs[k]) for k in theirs)


class Mien:
    """cpu: what MIEN_CPU caps the kernels to; None: the best there are."""

    def __init__(self, precision="fp32", cpu=None):
        self.precision, self.cpu = precision, cpu
        self.name = "mien " + precision + (" (%s)" % cpu if cpu else "")
        self.rival = cpu == "blas"  # that path is there to be beaten

    def open(self, network, threads):
        self.network, self.threads = network, threads
        self.blob = network.int8_blob() if self.precision == "int8" else network.blob

    def close(self):
        pass

    def outputs(self, picture):
        try:
            return reference.run_mien(
                self.blob, picture, backend=self.cpu, precision=self.precision
            )
        except RuntimeError as error:
            raise Unavailable(str(error).removeprefix("runnet: open: ")) from error

    def command(self, seconds):
        size = "%dx%d" % (self.network.side, self.network.side)
        return bench_command(
            self.blob,
            "--size",
            size,
            "--threads",
            self.threads,
            "--precision",
            self.precision,
            "--seconds",
            seconds,
        )

    def time(self, seconds):
        return run_json(self.command(seconds), self.cpu)["median_ms"]


def bench_command(*arguments):
    return [reference.tool("mien", "MIEN_TOOL"), "bench", *map(str, arguments), "--json"]


def run_json(command, cpu=None):
    """The object a command of mien prints; whatever settings of it the caller has are left out."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MIEN_") or k == "MIEN_WEIGHTS"}
    if cpu:
        env["MIEN_CPU"] = cpu
    done = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(done.stderr.strip() or "mien ended with status %d" % done.returncode)
    return json.loads(done.stdout)


class OnnxRuntime:
    name, precision, rival = "ONNX Runtime", "fp32", True

    def open(self, network, threads):
        self.server = NodeServer()
        self.net = self.server.open("onnx", network.onnx, threads)
        self.network, self.input = network, network.normalised(network.picture())

    def close(self):
        self.server.close()

    def outputs(self, picture):
        return self.net(self.network.normalised(picture))

    def time(self, seconds):
        once = statistics.median(self.net.time(self.input, 2))
        return statistics.median(
            self.net.time(self.input, max(FEWEST_RUNS, round(1000 * seconds / once)))
        )


class Torch:
    """Eager, oneDNN, channels last."""

    rival = True

    def __init__(self, precision):
        self.precision, self.name = precision, "torch " + precision

    def open(self, network, threads):
        try:
            import torch
        except ImportError as error:
            raise Unavailable("python3-torch is not installed") from error
        if not torch.backends.mkldnn.is_available():
            raise Unavailable("this torch has no oneDNN")
        self.torch, self.network, self.threads = torch, network, threads
        self.type = torch.bfloat16 if self.precision == "bf16" else torch.float32
        self.net = network.torch().to(self.type).to(memory_format=torch.channels_last)
        self.input = self.convert(network.picture())

    def close(self):
        self.net = None

    def convert(self, picture):
        x = self.torch.from_numpy(self.network.normalised(picture).astype(np.float32))
        return x.to(self.type).contiguous(memory_format=self.torch.channels_last)

    def run(self, x):
        with self.torch.no_grad():
            try:
                return self.net(x)
            except RuntimeError as error:  # a layer there is no bf16 for
                raise Unavailable(str(error).splitlines()[0]) from error

    def outputs(self, picture):
        self.torch.set_num_threads(self.threads)
        out = self.run(self.convert(picture))
        out = out if isinstance(out, dict) else {self.network.output_names()[0]: out}
        return {k: v.float().numpy() for k, v in out.items()}

    def time(self, seconds):
        self.torch.set_num_threads(self.threads)
        for _ in range(2):
            self.run(self.input)
        times, begin = [], time.perf_counter()
        while len(times) < FEWEST_RUNS or time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            self.run(self.input)
            times.append(1000 * (time.perf_counter() - start))
        return statistics.median(times)
