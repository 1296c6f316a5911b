"""Times mien and ONNX Runtime on the same networks, interleaved, and prints their ratio.

    python3 bench/compare.py [--threads 1 2] [--rounds 5] [--seconds 1] [--json FILE] [NETWORK...]

Networks: resnet50 (224x224), iresnet50 (112x112), retinaface-resnet50 (640x640), with random
weights: torch writes a .pth in published key names, which weights_convert turns into our blob, and
an ONNX file for ONNX Runtime. Both are kept in the cache folder. A round times each runtime once,
one after the other, so a busy machine slows both; the median of the rounds' medians is shown. Needs
python3-torch, python3-onnx, node and npm.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
import numpy as np  # noqa: E402

import compare as reference  # noqa: E402
from runtimes.node_runtime import NodeServer, cache_dir  # noqa: E402

# family, input side
NETWORKS = {
    "resnet50": ("resnet", 224),
    "iresnet50": ("iresnet", 112),
    "retinaface-resnet50": ("retinaface", 640),
}


def build(name):
    """A torch network with random weights on the scale of trained ones."""
    import torch
    from runtimes import torch_nets

    net = {
        "resnet50": lambda: torch_nets.resnet(50),
        "iresnet50": lambda: torch_nets.iresnet(50),
        "retinaface-resnet50": lambda: torch_nets.RetinaFace("resnet50"),
    }[name]()
    side = min(NETWORKS[name][1], 128)
    return torch_nets.random_state(net, 1, torch.randn(4, 3, side, side))


def files(name):
    """(blob, ONNX file), made where they are not there yet."""
    folder = os.path.join(cache_dir(), "bench")
    os.makedirs(folder, exist_ok=True)
    blob, onnx = (os.path.join(folder, name + end) for end in (".safetensors", ".onnx"))
    if os.path.exists(blob) and os.path.exists(onnx):
        return blob, onnx
    import torch

    family, side = NETWORKS[name]
    net = build(name)
    checkpoint = os.path.join(folder, name + ".pth")
    torch.save(net.state_dict(), checkpoint)
    reference.convert([checkpoint], blob, "--family", family, "--name", name)
    torch.onnx.export(net, torch.zeros(1, 3, side, side), onnx + ".part", opset_version=13)
    os.remove(checkpoint)
    os.rename(onnx + ".part", onnx)
    return blob, onnx


def time_mien(blob, side, threads, seconds):
    """Median milliseconds of `mien bench`."""
    done = subprocess.run(
        [
            reference.tool("mien", "MIEN_TOOL"),
            "bench",
            blob,
            "--size",
            "%dx%d" % (side, side),
            "--threads",
            str(threads),
            "--seconds",
            str(seconds),
            "--json",
        ],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)["median_ms"]


def time_onnxruntime(net, side, seconds):
    x = np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)
    once = statistics.median(net.time(x, 2))
    return statistics.median(net.time(x, max(3, round(1000 * seconds / once))))


def measure(name, threads, rounds, seconds, server):
    blob, onnx = files(name)
    side, rival = NETWORKS[name][1], server.open("onnx", onnx, threads)
    times = [
        (time_mien(blob, side, threads, seconds), time_onnxruntime(rival, side, seconds))
        for _ in range(rounds)
    ]
    ours, theirs = (statistics.median(column) for column in zip(*times))
    return {
        "network": name,
        "side": side,
        "threads": threads,
        "mien_ms": round(ours, 2),
        "onnxruntime_ms": round(theirs, 2),
        "ratio": round(ours / theirs, 3),
        "rounds": times,
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds",
        type=float,
        default=1,
        help="a runtime's time in a round (default: %(default)s)",
    )
    parser.add_argument("--json", help="also write all timings to this file")
    options = parser.parse_args()
    server, results = NodeServer(), []
    print(
        "| network | size | threads | mien ms | ONNX Runtime ms | ratio |\n"
        "|---|---|---:|---:|---:|---:|"
    )
    for name in options.networks:
        for threads in options.threads:
            results.append(measure(name, threads, options.rounds, options.seconds, server))
            r = results[-1]
            print(
                "| %s | %dx%d | %d | %.1f | %.1f | %.2f |"
                % (
                    name,
                    r["side"],
                    r["side"],
                    threads,
                    r["mien_ms"],
                    r["onnxruntime_ms"],
                    r["ratio"],
                ),
                flush=True,
            )
    server.close()
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
