"""Every accuracy figure that can be measured here, as one Markdown table (the one of the README).

    python3 tests/accuracy/run.py [--quick] [--precision fp32 bf16 int8] [--output FILE]

Needs the labelled pictures of ../shared/data ($MIEN_DATA) and an installed `mien` ($MIEN_TOOL, else
the build folder). Networks whose weights are not among the defaults are converted from
../shared/weights, and left out where there are none. Fails where a figure is more than 0.3 points
below its reference, bf16 more than 0.2 or int8 more than 0.5 points below fp32. Networks converted
here are not calibrated and have no int8 figures.
"""
import argparse
import os
import sys
import tempfile

import common
import compare
import fairface
import imagenet
import lfw
import sources
import wider


def available(names, folder):
    """{name: blob} of the networks that can be had."""
    blobs = {}
    for name in names:
        try:
            blobs[name] = compare.blob(name, folder)
        except sources.Missing as reason:
            print("left out: %s (%s)" % (name, reason), file=sys.stderr)
    return blobs


def calibrated(blobs, precision):
    """Those of the blobs that can be run in this precision, and bear it: YuNet's 53 thousand weights
    lose more than is allowed (docs/accuracy.md)."""
    return {
        name: path
        for name, path in blobs.items()
        if precision == "fp32"
        or (name != "yunet-2023mar" and (precision != "int8" or name not in sources.SHARED_NETS))
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default=common.data_dir())
    common.add_precision(parser)
    parser.add_argument("--quick", action="store_true", help="the default networks only")
    parser.add_argument("--output", help="also write the table to this file")
    options = parser.parse_args()
    common.need(options.data)
    detectors = sources.detectors("default" if options.quick else "measured")
    embedders = ["mobilefacenet-192", "mobilefacenet-512"]
    if not options.quick:
        embedders += ["mobilefacenet-y1"]
    table = common.Table(options.precision)
    with tempfile.TemporaryDirectory() as folder:
        detectors, embedders = available(detectors, folder), available(embedders, folder)
        data = options.data
        steps = {
            "imagenet": lambda p: imagenet.run(table, data, p),
            "wider": lambda p: wider.run(table, data, p, calibrated(detectors, p)),
            "lfw": lambda p: lfw.run(table, data, p, calibrated(embedders, p)),
            "fairface": lambda p: fairface.run(table, data, p),
        }
        for name, step in steps.items():
            if os.path.isdir(os.path.join(options.data, name)):
                print("measuring %s ..." % name, file=sys.stderr, flush=True)
                table.each_precision(step)
            else:
                print("left out: no %s pictures" % name, file=sys.stderr)
    if options.output:
        with open(options.output, "w", encoding="utf-8") as f:
            f.write(table.markdown() + "\n")
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
