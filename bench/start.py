#!/usr/bin/env python3
"""How long a start takes: from the start of `mien analyze` until its networks are loaded and its
picture is decoded, with packed weights kept in files and without.

usage: bench/start.py [--tool build/mien] [--runs 20] PICTURE
"""
import argparse
import json
import statistics
import subprocess


def start_ms(tool, picture, *options):
    """Milliseconds of one start, as the tool itself tells them."""
    out = subprocess.run([tool, "analyze", *options, picture], check=True, capture_output=True)
    timing = json.loads(out.stdout)["timing_ms"]
    return timing["start"] + timing["decode"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default="build/mien")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("picture")
    args = parser.parse_args()
    kept, packed = [], []
    start_ms(args.tool, args.picture)  # writes the files where they are missing
    for _ in range(args.runs):  # in turn: the machine may be busy for a while
        kept.append(start_ms(args.tool, args.picture))
        packed.append(start_ms(args.tool, args.picture, "--no-cache"))
    for name, times in (("kept", kept), ("--no-cache", packed)):
        print(f"{name:12} median {statistics.median(times):7.1f} ms, best {min(times):7.1f} ms, "
              f"{args.runs} starts")


if __name__ == "__main__":
    main()
