"""Times mien on a GPU beside torch, interleaved, and prints their ratios.

    python3 bench/cuda.py [--batches 1 8 32 128] [--rounds 3] [--seconds 0.1] [--budget 400]
                          [--contenders NAME...] [--json FILE] [NETWORK[@SIDE]...]
    python3 bench/cuda.py --update FILE

Each contender is a process of its own (cuda_worker.py). Networks have random weights (networks.py).
Before a network is timed every contender runs a batch of two, and what differs from torch's fp32 is
not timed: that is an error where it is mien's. A round times each contender once, one after the
other; the median of the rounds is shown. A time is the GPU's, by events around launches of a
captured graph, with the input there; mien's includes the conversion of float pictures and outputs,
torch's begins at normalised fp16. --budget ends the run where that many seconds are over: networks
left are said to be. Exit status 77 where there is no torch, or no GPU. --update measures nothing and
needs neither: it puts the table of what --json wrote between the markers of docs/speed.md.
"""
import argparse
import datetime
import json
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time

try:
    import networks
    import numpy as np
    import report
    from contenders import worst_error
except ImportError as missing:
    print("skipped: %s" % missing)
    sys.exit(77)

BEGIN, END = "<!-- cuda:begin -->", "<!-- cuda:end -->"
SKIPPED = 77
# Relative RMS against torch in fp32 above which a network is another one; what a precision costs in
# accuracy is decided by tests/accuracy.
LIMITS = {"fp32": 1e-4, "fp16": 0.02, "int8": 0.3}
# name: kind, precision, way; in the order of the columns
CONTENDERS = {
    "mien fp16": ("mien", "fp16", None),
    "mien int8": ("mien", "int8", None),
    "mien fp32": ("mien", "fp32", None),
    "mien fp16 mma": ("mien", "fp16", "mma"),
    "mien fp16 model": ("mien", "fp16", "model"),  # without measuring algorithms (cuda/tune.h)
    "mien fp16 cudnn": ("mien", "fp16", "cudnn"),
    "torch eager": ("torch", "fp16", "eager"),
    "torch graph": ("torch", "fp16", "graph"),
    "torch reduce-overhead": ("torch", "fp16", "reduce-overhead"),
    "torch max-autotune": ("torch", "fp16", "max-autotune"),
    "torch fp32": ("torch", "fp32", "graph"),
}
JUDGE = "torch fp32"
JOBS = [
    "resnet50@224",
    "iresnet50@112",
    "retinaface-resnet50@640",
    "mobilefacenet@112",
    "retinaface-mnet025@640",
    "iresnet100@112",
    "retinaface-resnet50@1024",
]
MOST_PIXELS = 128 * 640 * 640  # a batch: what torch's activations leave memory for
ANSWER_SECONDS = 240  # compiling is slow


def say(text):
    print(text, flush=True)


class Worker:
    """A contender's process."""

    def __init__(self, name):
        self.name = name
        self.kind, self.precision, self.way = CONTENDERS[name]
        env = dict(os.environ)
        if self.way == "model":
            env["MIEN_CUDA_TUNE"], self.way = "0", None
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cuda_worker.py")
        self.process = subprocess.Popen(
            [sys.executable, script, self.kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def ask(self, do, patience=ANSWER_SECONDS, **more):
        """The answer; RuntimeError with a reason where there is none."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self.process.stdin.flush()
            line = self.lines.get(timeout=max(1, patience))
        except (OSError, queue.Empty) as error:
            self.close()
            raise RuntimeError("no answer" if isinstance(error, queue.Empty) else str(error)) from error
        if not line:
            raise RuntimeError("ended with status %s" % self.process.wait())
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def close(self):
        self.process.kill()
        self.process.wait()


class Match:
    """One network at one size."""

    def __init__(self, network, names, left):
        self.network, self.left = network, left
        self.names = list(dict.fromkeys([*names, JUDGE]))  # the judge takes part
        self.workers, self.errors, self.left_out, self.backends = {}, {}, {}, {}

    def leave_out(self, name, reason):
        self.left_out[name] = reason
        if name in self.workers:
            self.workers.pop(name).close()
        say("  %-22s left out: %s" % (name, reason))

    def attempt(self, name, do, **more):
        try:
            return self.workers[name].ask(do, patience=min(ANSWER_SECONDS, self.left()), **more)
        except RuntimeError as error:
            self.leave_out(name, str(error))
            return None

    def open(self):
        for name in self.names:
            worker = self.workers[name] = Worker(name)
            try:
                blob = self.network.blob
                blob = self.network.int8_blob() if worker.precision == "int8" else blob
            except (subprocess.CalledProcessError, OSError) as error:
                self.leave_out(name, "no calibration: %s" % error)
                continue
            opened = self.attempt(
                name,
                "open",
                blob=blob,
                network=self.network.name,
                side=self.network.side,
                precision=worker.precision,
                way=worker.way,
            )
            if opened:
                self.backends[name] = opened["backend"]

    def outputs(self, name, folder, pictures):
        path = os.path.join(folder, "out.npz")
        if self.attempt(name, "run", input=pictures, output=path) is None:
            return None
        with np.load(path) as found:
            return dict(found)

    def verify(self, folder, most):
        """Runs everybody; who computes something else leaves."""
        both, all_of_them = (os.path.join(folder, n) for n in ("two.npy", "all.npy"))
        pictures = self.network.picture(2)
        np.save(both, pictures)
        np.save(all_of_them, np.concatenate([pictures] * ((most + 1) // 2 + 1))[:most])
        expected = self.outputs(JUDGE, folder, both) if JUDGE in self.workers else None
        for name in list(self.workers):
            if expected is None:
                self.leave_out(name, "there is nothing to compare with")
                continue
            out = expected if name == JUDGE else self.outputs(name, folder, both)
            if out is None:
                continue
            error = self.errors[name] = float(worst_error(out, expected))
            if not error <= LIMITS[CONTENDERS[name][1]]:
                self.leave_out(name, "WRONG, relative RMS error %.1e" % error)
            else:
                say("  %-22s relative RMS %.1e" % (name, error))
        return all_of_them

    def time(self, batch, rounds, seconds):
        times, host = {}, {}
        for _ in range(rounds):
            for name in list(self.workers):
                if self.left() < 5:
                    break
                took = self.attempt(name, "time", batch=batch, seconds=seconds)
                if took:
                    times.setdefault(name, []).append(took["device_ms"])
                    host.setdefault(name, []).append(took.get("host_ms"))
        median = {name: statistics.median(values) for name, values in times.items()}
        say("  batch %d, ms: %s" % (batch, ", ".join("%s %.3f" % p for p in median.items())))
        return {
            "network": self.network.name,
            "label": self.network.label,
            "side": self.network.side,
            "batch": batch,
            "device_ms": median,
            "rounds_ms": times,
            "host_ms": {k: statistics.median(v) for k, v in host.items() if v[0] is not None},
            "relative_rms": self.errors,
            "left_out": dict(self.left_out),
            "backends": self.backends,
        }

    def close(self):
        for worker in self.workers.values():
            worker.close()


def wins(entry):
    """mien's best fp16 time over torch's best; below 1 mien is faster."""
    ms = entry["device_ms"]
    ours = [v for k, v in ms.items() if k.startswith("mien fp16")]
    theirs = [v for k, v in ms.items() if k.startswith("torch") and k != JUDGE]
    return min(ours) / min(theirs) if ours and theirs else None


def table(results):
    names = [n for n in results["contenders"] if any(n in e["device_ms"] for e in results["networks"])]
    head = ["network", "input", "batch", *names, "mien / torch, best of each, fp16"]
    lines = ["| %s |" % " | ".join(head), "|---|---|" + "---:|" * (len(head) - 2)]
    for entry in results["networks"]:
        ratio = wins(entry)
        cells = [entry["label"], "%dx%d" % (entry["side"], entry["side"]), str(entry["batch"])]
        cells += ["%.3f" % entry["device_ms"][n] if n in entry["device_ms"] else "–" for n in names]
        cells.append("–" if ratio is None else "%.2f" % ratio)
        lines.append("| %s |" % " | ".join(cells))
    return lines


def section(results):
    """What stands between the markers, as lines."""
    return [
        "Measured by `tools/gpu.sh` on %s: %s, %s. Milliseconds a batch on the GPU, medians of %d "
        "interleaved rounds." % (results["date"], results["gpu"], results["torch"], results["rounds"]),
        "",
        *table(results),
    ]


def gpu():
    """Name of the GPU and version of torch; None where one of them is missing."""
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_name(0), "torch %s, cuDNN %s" % (
        torch.__version__,
        torch.backends.cudnn.version(),
    )


def measure(options, host):
    begin = time.monotonic()

    def left():
        return options.budget - (time.monotonic() - begin)

    results = {
        "date": datetime.date.today().isoformat(),
        "gpu": host[0],
        "torch": host[1],
        "python": platform.python_version(),
        "command": sys.argv,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "contenders": [n for n in CONTENDERS if n in (*options.contenders, JUDGE)],
        "networks": [],
        "not_reached": [],
    }
    wrong = []
    for job in options.networks:
        name, _, side = job.partition("@")
        network = networks.find(name, int(side) if side else None)
        if left() < 20:
            results["not_reached"].append(job)
            continue
        say("%s, %dx%d" % (network.label, network.side, network.side))
        network.make_files(onnx=False)
        batches = [b for b in options.batches if b * network.side**2 <= MOST_PIXELS]
        match = Match(network, options.contenders, left)
        with tempfile.TemporaryDirectory() as folder:
            try:
                match.open()
                pictures = match.verify(folder, max(batches))
                for name in list(match.workers):
                    match.attempt(name, "input", input=pictures)
                for batch in batches:
                    if left() < 10:
                        results["not_reached"].append("%s batch %d" % (job, batch))
                    else:
                        results["networks"].append(match.time(batch, options.rounds, options.seconds))
                    if options.json:
                        write(options.json, results)
            finally:
                match.close()
        wrong += [
            "%s on %s" % (n, job)
            for n, why in match.left_out.items()
            if n.startswith("mien") and why.startswith("WRONG")
        ]
    return results, wrong


def write(path, results):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=JOBS, metavar="NETWORK[@SIDE]")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--budget", type=float, default=1e9, help="seconds for everything")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--update", metavar="JSON", help="put this file's table into docs/speed.md")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    if options.update:
        with open(options.update, encoding="utf-8") as file:
            results = json.load(file)
        changed = report.replace_section(report.PAGE, BEGIN, END, section(results))
        say("docs/speed.md: %s" % ("updated" if changed else "as it was"))
        return 0
    host = gpu()
    if not host:
        say("skipped: no torch that sees a GPU")
        return SKIPPED
    results, wrong = measure(options, host)
    if options.json:
        write(options.json, results)
    say("\n" + "\n".join(section(results)))
    if wrong:
        print("cuda.py: not timed, because wrong: %s" % ", ".join(wrong), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
