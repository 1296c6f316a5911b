"""Quantised ONNX files (QDQ): converted, they run in int8 with the file's own scales and need no
calibration; beside ONNX Runtime on the same file, both against the network in fp32.

    test_quantised.py [--count N] [--seed N]

An embedder on real faces, and random graphs (graph_maker.py). Rounding differs: the engine keeps
gates, heads and the picture in better types than bytes, ONNX Runtime rounds sums once more; so each
may be off as far as the other, and a wrong scale or zero point is off by far more.
"""
import os
import sys

import numpy as np
import onnx
import onnx.version_converter

import compare
import graph_main
import sources
from graph_maker import Maker
from pictures import planes
from qdq_maker import quantise

sys.path.insert(0, sources.ROOT)

from weights_convert.convert import convert  # noqa: E402
from weights_convert.errors import ConvertError  # noqa: E402
from test_graphs import Unreadable, like_ours, load  # noqa: E402

COUNT, SEED = 10, 1
OFF = 1.3  # times as far as ONNX Runtime's, and
FREE = 0.05  # of the values' size besides: parts of a concatenation share one zero point


class Quantised:
    """A model in all four forms, on the pictures x [n][h][w][3]."""

    def __init__(self, server, folder, model, x, kind, mean=0.0, scale=1.0):
        exact, rounded = (os.path.join(folder, name) for name in ("exact.onnx", "qdq.onnx"))
        self.blob = os.path.join(folder, "qdq.safetensors")
        onnx.save(model, exact)
        channels = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
        inputs = [planes((x[i : i + 1] - np.float32(mean)) * np.float32(scale), channels)
                  for i in range(len(x))]
        onnx.save(quantise(model, server, folder, inputs, kind), rounded)
        self.net = convert([rounded], self.blob, "graph", options={
            "input": {"mean": [mean] * 3, "scale": [scale] * 3}})
        self.floats = compare.run_mien(self.blob, x)
        self.ours = compare.run_mien(self.blob, x, precision="int8")
        self.exact, self.theirs = (self.laid_out(load(server, path), inputs)
                                   for path in (exact, rounded))

    def laid_out(self, net, inputs):
        """{output: [n][values]}, in our order."""
        results = [net(x) for x in inputs]
        return {name: np.stack([like_ours(r[name], ours[:1]).ravel() for r in results])
                for name, ours in self.ours.items()}

    def errors(self, of):
        """{output: relative RMS from the network in fp32}."""
        return {name: compare.relative_rms(of[name], value) for name, value in self.exact.items()}


def one_random(server, folder, seed):
    """Sentences about what is wrong with a random graph."""
    maker = Maker(seed)
    while maker.opset < 13:
        seed += 1000003
        maker = Maker(seed)
    data, width, height = maker.make()
    x = np.float32(np.random.default_rng(seed).uniform(0, 255, (3, height, width, 3)))
    q = Quantised(server, folder, onnx.load_from_string(data), x, ("uint8", "int8")[seed % 2])
    ours, theirs = q.errors(q.ours), q.errors(q.theirs)
    return ["%s: int8 off by %.3f, ONNX Runtime's by %.3f" % (name, ours[name], theirs[name])
            for name in ours if not ours[name] <= OFF * theirs[name] + FREE]


def random_graphs(report, server, folder, count, seed):
    bad = unreadable = 0
    for i in range(seed, seed + count):
        try:
            wrong = one_random(server, folder, i)
        except Unreadable:
            unreadable += 1
            continue
        except (ConvertError, RuntimeError) as why:
            wrong = [str(why).splitlines()[0]]
        for line in wrong[:1]:
            report.check("random graph, seed %d" % i, False, line)
        bad += bool(wrong)
    report.check("%d random graphs, seeds from %d" % (count, seed),
                 not bad and 8 * unreadable <= count, "%d that ONNX Runtime cannot load" % unreadable)


def embedder(report, server, folder):
    """fr_feature on faces: cosines with fp32 in int8 as ONNX Runtime's, or better."""
    from test_networks import face_crops

    model = onnx.load(sources.fr_feature())
    q = Quantised(server, folder, onnx.version_converter.convert_version(model, 13),
                  face_crops(server), "uint8", 127.0, 1 / 128)
    (exact,), (ours,), (theirs,), (floats,) = (
        list(form.values()) for form in (q.exact, q.ours, q.theirs, q.floats))
    values = [compare.cosine(x, exact) for x in (floats, ours, theirs)]
    report.check("mobilefacenet-512 in QDQ on %d faces" % len(exact),
                 values[0] > 0.98 and values[1] > 0.95 and values[1] > values[2] - 0.01,
                 "cosine with fp32: its weights in fp32 %.4f, int8 %.4f, ONNX Runtime's int8 %.4f"
                 % tuple(values))


def check(report, server, folder, count, seed):
    report.attempt("mobilefacenet-512 in QDQ", embedder, report, server, folder)
    random_graphs(report, server, folder, count, seed)


def main():
    return graph_main.run("QDQ files in mien and in ONNX Runtime", COUNT, SEED, check)


if __name__ == "__main__":
    sys.exit(main())
