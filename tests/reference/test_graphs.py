"""Any ONNX graph: converted as arch `graph` and run, against ONNX Runtime on the same file.

    test_graphs.py [--count N] [--seed N]

Small graphs of one pattern each are in tests/weights/test_onnx_graph.py, real files in
test_graph_files.py; here are random ones, their seeds from --seed on. A graph that fails is printed
with its seed.
"""
import os
import sys

import numpy as np

import compare
import graph_main
import sources
from graph_maker import Maker
from pictures import planes

sys.path.insert(0, sources.ROOT)

from weights_convert.convert import convert  # noqa: E402
from weights_convert.errors import ConvertError  # noqa: E402

COUNT, SEED = 40, 1
LIMIT = compare.RMS_LIMIT
# Products of products can be so near to cancelling out that no float says what is right: where ONNX
# Runtime's own answer moves that far with the last bit or two of its input, ours may, too.
MOVED, TIMES = 2.0 ** -22, 2


class Unreadable(Exception):
    """ONNX Runtime's own rewriting of a graph fails now and then: a Pad it joins with the convolution
    behind it leaves others without their input, QDQ nodes get a name twice or types that do not
    fit."""


def load(server, path):
    try:
        return server.open("onnx", path)
    except RuntimeError as why:
        raise Unreadable(str(why)) from None


def like_ours(theirs, ours):
    """ONNX Runtime's maps are [n][c][h][w], ours [n][h][w][c]; all else lies alike."""
    if theirs.ndim == 4 and ours.ndim == 4 and theirs.shape[1] == ours.shape[3] and (
            theirs.shape[2:] == ours.shape[1:3]):
        return theirs.transpose(0, 2, 3, 1)
    return theirs


def worst(ours, theirs):
    """(largest error, its output): the outputs must be the same ones."""
    if set(ours) != set(theirs):
        raise RuntimeError("outputs %s, expected %s" % (sorted(ours), sorted(theirs)))
    errors = {}
    for name, value in theirs.items():
        value = like_ours(value, ours[name])
        if value.size != ours[name].size:
            raise RuntimeError("%s is %s, expected %s" % (name, ours[name].shape, value.shape))
        errors[name] = compare.error_of(ours[name], value)
    name = max(errors, key=errors.get)
    return errors[name], name


def limit_of(model, x, channels, theirs):
    """What the error may be for this input."""
    moved = model(planes(x * np.float32(1 + MOVED), channels))
    own = max(compare.error_of(moved[name], theirs[name]) for name in theirs)
    return max(LIMIT, TIMES * own)


def one_random(server, folder, seed):
    """(error, output, opset, what the error may be) of a random graph."""
    maker = Maker(seed)
    data, width, height = maker.make()
    path, blob = (os.path.join(folder, "graph" + end) for end in (".onnx", ".safetensors"))
    with open(path, "wb") as file:
        file.write(data)
    convert([path], blob, "graph")
    x = np.float32(np.random.default_rng(seed).uniform(0, 255, (1, height, width, 3)))
    model = load(server, path)
    theirs = model(planes(x, maker.channels))
    error, output = worst(compare.run_mien(blob, x), theirs)
    limit = LIMIT if error <= LIMIT else limit_of(model, x, maker.channels, theirs)
    return error, output, maker.opset, limit


def random_graphs(report, server, folder, count, seed):
    largest, opsets, bad, unreadable = 0.0, set(), 0, 0
    for i in range(seed, seed + count):
        try:
            error, output, opset, limit = one_random(server, folder, i)
        except Unreadable:
            unreadable += 1
            continue
        except (ConvertError, RuntimeError) as why:
            report.check("random graph, seed %d" % i, False, str(why).splitlines()[0])
            bad += 1
            continue
        if not error <= limit:
            report.check("random graph, seed %d" % i, False, "rms %.1e (%s)" % (error, output))
            bad += 1
        largest = max(largest, error)
        opsets.add(opset)
    report.check("%d random graphs, seeds from %d, opsets %s" % (
        count, seed, ", ".join(map(str, sorted(opsets)))), not bad and 50 * unreadable <= count,
        "rms at most %.1e, %d that ONNX Runtime cannot load" % (largest, unreadable))


def main():
    return graph_main.run("random ONNX graphs in mien and in ONNX Runtime", COUNT, SEED,
                          random_graphs)


if __name__ == "__main__":
    sys.exit(main())
