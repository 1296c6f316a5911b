#!/usr/bin/env python3
"""Chooses which values of a default network stay in bf16 when it runs in int8.

usage: tools/exempt.py [--limit SHARE] NAME      needs tests/runnet ($MIEN_RUNNET, else that of the
                                                 build folder), the installed weights, npm, Pillow

A small network can lose more to bytes than its answers bear. Here each value is stored in bytes
alone, all others in bf16, and the outputs are compared with those of fp32: that is what the value
costs. Then the dearest ones are exempted from int8, one after the other, until the worst output
differs from fp32 by no more than SHARE of what it varies by from picture to picture (root mean
squares). The pictures are the portraits that the ranges were measured on; none that accuracy is
measured on takes part. The choice joins the ranges (weights_convert/ranges/, docs/blob.md), so run
this after tools/calibrate.py, which drops it; then `python3 -m weights_convert fetch --accept`.
"""
import argparse
import json
import os
import sys
import tempfile

import numpy as np
from PIL import Image

import calibrate

sys.path.insert(0, os.path.join(calibrate.ROOT, "tests", "reference"))
import compare  # noqa: E402
from weights_convert import fetch, ranges, safetensors  # noqa: E402

LIMIT = 0.05
EXEMPT = ranges.PREFIX + "exempt"  # engine/precision.h


def portraits(folder, side):
    """[n][side][side][3], 0..255."""
    _, *folders = calibrate.collect(folder)["faces"]
    batch = []
    for path in (path for place in folders for path in calibrate.pictures(place, ".")):
        with Image.open(path) as image:
            batch.append(np.asarray(image.convert("RGB").resize((side, side), Image.BILINEAR)))
    return np.array(batch, "<f4")


class Costs:
    """What storing values of one network in bytes does to its outputs on a batch of pictures."""

    def __init__(self, name, folder):
        path = os.path.join(fetch.weights_dir(), name + ".safetensors")
        tensors, self.metadata = safetensors.read(path)
        self.tensors = {key: value for key, value in tensors.items() if key != EXEMPT}
        self.values = sorted(int(key[len(ranges.PREFIX) :].split()[0])
                             for key in self.tensors if key.startswith(ranges.PREFIX))
        self.path = os.path.join(folder, "exempt.safetensors")
        self.batch = portraits(folder, json.loads(self.metadata["input"])["width"])
        self.exact = compare.run_mien(path, self.batch, threads=0)

    def of(self, exempt):
        """Root mean square of the worst output's error, as a share of how much it varies."""
        listed = {EXEMPT: np.array(sorted(exempt), "<f4")} if exempt else {}
        safetensors.write(self.path, {**self.tensors, **listed}, self.metadata)
        got = compare.run_mien(self.path, self.batch, threads=0, precision="int8")
        return max(float(np.sqrt(np.mean((got[key] - want) ** 2)) / want.std())
                   for key, want in self.exact.items())


def choose(costs, limit):
    """Numbers of the values to exempt, dearest first."""
    everything, chosen = set(costs.values), []
    alone = {value: costs.of(everything - {value}) for value in costs.values}
    total = costs.of([])
    print("bf16 %.4f, int8 %.4f" % (costs.of(everything), total))
    for value in sorted(alone, key=alone.get, reverse=True):
        if total <= limit:
            break
        chosen.append(value)
        total = costs.of(chosen)
        print("%3d alone %.4f, exempt from here %.4f" % (value, alone[value], total), flush=True)
    return chosen


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=float, default=LIMIT)
    parser.add_argument("name", metavar="NAME")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        costs = Costs(options.name, folder)
        costs.of(choose(costs, options.limit))
        ranges.save(options.name, costs.path)


if __name__ == "__main__":
    main()
