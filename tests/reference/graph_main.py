"""The frame of tests that compare random graphs with ONNX Runtime: --count and --seed, the runtime, a
report."""
import argparse
import tempfile

import compare
from runtimes.node_runtime import NodeServer, Unavailable


def run(title, count, seed, check):
    """check(report, server, folder, count, seed); returns the exit status."""
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=count)
    options.add_argument("--seed", type=int, default=seed)
    args = options.parse_args()
    report = compare.Report(title)
    compare.tool("runnet", "MIEN_RUNNET")
    try:
        server = NodeServer()
    except Unavailable as reason:
        print("skipped: %s" % reason)
        return compare.SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        check(report, server, folder, args.count, args.seed)
    server.close()
    return report.finish()
