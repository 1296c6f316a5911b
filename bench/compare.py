"""Times mien and its rivals on the same networks, interleaved, and prints their ratios.

    python3 bench/compare.py [--threads 1 2] [--rounds 3] [--seconds 0.5] [--precision fp32 bf16 int8]
                             [--cpu avx2,avx512] [--json FILE] [--update] [NETWORK...]

Rivals: ONNX Runtime, torch in fp32 and bf16, and mien over OpenBLAS (MIEN_CPU=blas). Networks have
random weights (networks.py). Before anything is timed each contender runs one picture, and what
differs from ONNX Runtime is not timed: that is an error. A precision mien does not have is left out.
A round times each contender once, one after the other, so a busy machine slows all; the median of
the rounds' medians is shown. The time a process takes to start is never counted. At the end come the
installed networks, by `mien bench`, and whole pictures, by `mien bench analyze`.

--json writes everything: machine, versions, commands, all times and ratios; --update puts the tables
between the markers of docs/speed.md. Needs python3-torch, python3-onnx, node and npm.
"""
import argparse
import datetime
import json
import os
import sys

import contenders
import machine
import report
from contenders import LIMITS, Unavailable
from match import Match, all_contenders, say
from networks import NETWORKS, reference


def time_defaults(threads, seconds):
    """`mien bench` of the installed networks."""
    tool = reference.tool("mien", "MIEN_TOOL")
    models = contenders.run_json([tool, "models", "--json"])["models"]
    names = [model["name"] for model in models if model["default"]]
    return [
        contenders.run_json(contenders.bench_command(name, "--threads", n, "--seconds", seconds))
        for name in names
        for n in threads
    ]


def time_whole_pictures(threads, seconds):
    """`mien bench analyze` of the sample photos, where they and the networks are installed; each
    photo is looked at once, as in the tables before there was a search."""
    photos = os.path.join(reference.weights_dir(), "photos")
    if not os.path.isdir(photos):
        return []
    return [
        contenders.run_json(
            contenders.bench_command(
                "analyze", photos, "--threads", n, "--seconds", seconds, "--search", "fast"
            )
        )
        for n in threads
    ]


def measure(options):
    """Everything, as the JSON file holds it; and whether all networks were right."""
    wanted = [n for n in NETWORKS if n.name in options.networks]
    host = machine.describe()
    if host["load_before"] > report.BUSY:
        say(
            "The machine is busy (load %.1f): trust ratios, not milliseconds." % host["load_before"]
        )
    precisions = list(dict.fromkeys(["fp32", *options.precision]))
    results, wrong = [], []
    for network in wanted:
        network.make_files()
        match = Match(network, precisions, options.cpu)
        for threads in options.threads:
            results.append(match.time(threads, options.rounds, options.seconds))
        wrong += ["%s on %s" % (name, network.name) for name in match.wrong]
    try:
        defaults = time_defaults(options.threads, options.seconds)
        analyze = time_whole_pictures(options.threads, 2 * options.seconds)
    except Unavailable as reason:
        say("installed networks left out: %s" % reason)
        defaults, analyze = [], []
    return {
        "date": datetime.date.today().isoformat(),
        "machine": host,
        "versions": machine.versions(),
        "command": sys.argv,
        "mien_command": contenders.bench_command(
            "BLOB",
            "--size",
            "SIDExSIDE",
            "--threads",
            "N",
            "--precision",
            "P",
            "--seconds",
            options.seconds,
        ),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "contenders": [c.name for c in all_contenders(precisions, options.cpu)],
        "networks": results,
        "defaults": defaults,
        "analyze": analyze,
    }, wrong


def parse(arguments):
    names = [n.name for n in NETWORKS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(names))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.5,
        help="a contender's time in a round (default: %(default)s)",
    )
    parser.add_argument(
        "--precision", nargs="+", choices=sorted(LIMITS), default=["fp32", "bf16", "int8"]
    )
    parser.add_argument(
        "--cpu",
        type=lambda text: text.split(","),
        default=[],
        metavar="NAME[,NAME...]",
        help="time mien also with its kernels capped: avx2, avx512, c",
    )
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--update", action="store_true", help="update the tables of docs/speed.md")
    options = parser.parse_args(arguments)
    options.networks = options.networks or names
    unknown = [name for name in options.networks if name not in names]
    if unknown:
        parser.error("no network is called %s" % unknown[0])
    if options.update and set(options.networks) != set(names):
        parser.error("--update shows all networks: name none")
    return options


def main():
    options = parse(sys.argv[1:])
    try:
        results, wrong = measure(options)
    except Unavailable as reason:
        print("compare.py: %s" % reason, file=sys.stderr)
        return 1
    say("\n" + "\n".join(report.section(results)))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    if wrong:
        print("compare.py: not timed, because wrong: %s" % ", ".join(wrong), file=sys.stderr)
        return 1
    if options.update:
        changed = report.update_page(results)
        say("\ndocs/speed.md: %s" % ("updated" if changed else "as it was"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
