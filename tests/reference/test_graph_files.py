"""Real ONNX files (graph_files.py) run as graphs, beside ONNX Runtime on a sample photo: published
ones and torch exports, in fp32 and, calibrated on the photos, in bf16 and int8. What files need is
not here is skipped; MIEN_TEST_SIZE=small: small published ones alone, in fp32.
"""
import os
import sys
import tempfile

import numpy as np

import compare
import graph_files
import sources
from runtimes.node_runtime import NodeServer, Unavailable

sys.path.insert(0, sources.ROOT)

from test_graphs import worst  # noqa: E402
from test_networks import scene  # noqa: E402
from weights_convert.convert import convert  # noqa: E402
from weights_convert.errors import ConvertError  # noqa: E402

# Relative RMS; of bf16 and int8 what tells a wrong layer: bench/contenders.py.
LIMITS = {"fp32": compare.RMS_LIMIT, "bf16": 0.1, "int8": 0.3}
SMALL_SIDE = 128


def compare_file(report, server, folder, file, small):
    blob, calibrated = (os.path.join(folder, name + ".safetensors") for name in ("net", "int8"))
    try:
        convert([file.onnx], blob, "graph", options={"input": file.input()})
    except ConvertError as why:
        raise RuntimeError(str(why)) from None
    photos = [scene(path, *file.size) for path in sources.sample_photos()]
    theirs = server.open("onnx", file.onnx)(file.normalised(photos[0]))
    errors = {"fp32": worst(compare.run_mien(blob, photos[0]), theirs)[0]}
    if not small:
        compare.run_mien(blob, np.concatenate(photos), calibrated=calibrated)
        for precision in ("bf16", "int8"):
            ours = compare.run_mien(calibrated, photos[0], precision=precision)
            errors[precision] = worst(ours, theirs)[0]
    report.check("%s, %dx%d" % (file.name, *file.size),
                 all(errors[p] <= LIMITS[p] for p in errors),
                 ", ".join("%s %.1e" % pair for pair in errors.items()))


def main():
    report = compare.Report("real ONNX files as graphs in mien and in ONNX Runtime, relative RMS")
    compare.tool("runnet", "MIEN_RUNNET")
    small = os.environ.get("MIEN_TEST_SIZE") == "small"
    try:
        server = NodeServer()
    except Unavailable as reason:
        print("skipped: %s" % reason)
        return compare.SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        all_of_them = graph_files.published() if small else graph_files.files()
        for file in all_of_them + graph_files.oblong():
            if not small or file.side <= SMALL_SIDE:
                report.attempt(file.name, compare_file, report, server, folder, file, small)
    server.close()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
