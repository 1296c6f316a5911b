"""ONNX files run as graphs, beside ONNX Runtime on the same files: how far off, and how fast.

    python3 bench/graphs.py [--threads 1] [--rounds 5] [--seconds 0.2] [--json FILE] [--update]
                            [NETWORK...]

The files are those of tests/reference/graph_files.py: published ones, and torch exports with random
weights; what cannot be had here is left out. Each is converted, calibrated on the sample photos for
int8, and compared on one of them before it is timed. Rounds are interleaved as in bench/compare.py;
of a contender the fastest run counts, since other programs only make runs longer.

--update puts the tables between the markers of docs/accuracy.md and docs/speed.md; a file that is
left out keeps no row there.
"""
import argparse
import datetime
import json
import os
import sys
import tempfile

import contenders
import machine
import numpy as np
import report
from match import Match, say
from networks import ROOT, reference
from report import milliseconds

sys.path.insert(0, ROOT)
import graph_files  # noqa: E402
import sources  # noqa: E402
from test_graphs import worst  # noqa: E402
from test_networks import scene  # noqa: E402
from weights_convert.convert import convert  # noqa: E402
from weights_convert.errors import ConvertError  # noqa: E402

PRECISIONS = ("fp32", "bf16", "int8")
ACCURACY = os.path.join(ROOT, "docs", "accuracy.md")
MARKERS = {page: tuple("<!-- graphs:%s -->" % end for end in ("begin", "end"))
           for page in (ACCURACY, report.PAGE)}
SLOW = 1 / 0.9  # times ONNX Runtime's in fp32: what no graph should take


class Graph:
    """A file as bench's contenders take a network."""

    def __init__(self, file, folder):
        self.file, self.name, self.label, self.side = file, file.name, file.label, file.side
        self.onnx, self.normalised = file.onnx, file.normalised
        self.blob = os.path.join(folder, file.name + ".safetensors")
        self.calibrated = os.path.join(folder, file.name + "-int8.safetensors")
        convert([self.onnx], self.blob, "graph", options={"input": file.input()})

    def picture(self):
        return scene(sources.sample_photos()[0], self.side, self.side)

    def int8_blob(self):
        if not os.path.exists(self.calibrated):
            photos = [scene(path, self.side, self.side) for path in sources.sample_photos()]
            try:
                reference.run_mien(self.blob, np.concatenate(photos), calibrated=self.calibrated)
            except RuntimeError as error:
                raise contenders.Unavailable(str(error)) from error
        return self.calibrated


class Fastest(contenders.Mien):
    def time(self, seconds):
        return contenders.run_json(self.command(seconds))["best_ms"]


class FastestOnnxRuntime(contenders.OnnxRuntime):
    def time(self, seconds):
        once = min(self.net.time(self.input, 2))
        return min(self.net.time(self.input, max(contenders.FEWEST_RUNS,
                                                 round(1000 * seconds / once))))


class GraphMatch(Match):
    def __init__(self, network):
        super().__init__(network, PRECISIONS, [])
        self.contenders = [Fastest(p) for p in PRECISIONS] + [FastestOnnxRuntime()]

    def time(self, threads, rounds, seconds):
        entry = super().time(threads, rounds, seconds)
        entry["best_ms"] = {name: min(times) for name, times in entry["rounds_ms"].items()}
        return entry


def one(file, folder, options):
    """The entries of a file, one a number of threads; None where it cannot be had or converted."""
    try:
        network = Graph(file, folder)
    except (sources.Missing, contenders.Unavailable, ConvertError) as why:
        say("%s: left out: %s" % (file.name, why))
        return None
    match = GraphMatch(network)
    return [match.time(n, options.rounds, options.seconds) for n in options.threads]


def measure(options):
    contenders.worst_error = lambda ours, theirs: worst(ours, theirs)[0]
    host, entries = machine.describe(), []
    with tempfile.TemporaryDirectory() as folder:
        for file in graph_files.files():
            if not options.networks or file.name in options.networks:
                entries += one(file, folder, options) or []
    return {"date": datetime.date.today().isoformat(), "machine": host,
            "versions": machine.versions(), "rounds": options.rounds, "networks": entries,
            "defaults": []}


def unique(entries):
    return {entry["network"]: entry for entry in entries}.values()


def accuracy_table(results):
    lines = ["| graph | input | fp32 | bf16 | int8 |", "|---|---|---:|---:|---:|"]
    for entry in unique(results["networks"]):
        errors = [entry["relative_rms"].get("mien " + p) for p in PRECISIONS]
        cells = ["–" if e is None else "%.1e" % e if p == "fp32" else "%.3f" % e
                 for e, p in zip(errors, PRECISIONS)]
        lines.append("| %s | %dx%d | %s |" % (entry["label"], entry["side"], entry["side"],
                                             " | ".join(cells)))
    return lines


def speed_table(results):
    names = ["mien " + p for p in PRECISIONS] + ["ONNX Runtime"]
    lines = ["| graph | input | threads | %s | mien fp32 / ONNX Runtime |" % " | ".join(names),
             "|---|---|---:|" + "---:|" * (len(names) + 1)]
    for entry in results["networks"]:
        best = entry["best_ms"]
        ratio = "%.2f" % (best["mien fp32"] / best["ONNX Runtime"]) if "mien fp32" in best else "–"
        lines.append("| %s | %dx%d | %d | %s | %s |" % (
            entry["label"], entry["side"], entry["side"], entry["threads"],
            " | ".join(milliseconds(best.get(name)) for name in names), ratio))
    return lines


def sections(results):
    """{page: lines between its markers}."""
    how = "`bench/graphs.py` on %s" % results["date"]
    slow = [e["label"] for e in results["networks"]
            if e["best_ms"].get("mien fp32", 0) > SLOW * e["best_ms"]["ONNX Runtime"]]
    return {
        ACCURACY: ["Written by %s: %d files, one of the sample photos each, relative RMS of the worst "
                   "output from ONNX Runtime %s in fp32; int8 as calibrated on the sample photos." % (
                       how, len(unique(results["networks"])), results["versions"]["onnxruntime"]),
                   "", *accuracy_table(results)],
        report.PAGE: ["Measured by %s: %s. Milliseconds a picture, the fastest run of %d interleaved "
                      "rounds." % (how, report.machine_sentence(results), results["rounds"]),
                      *report.busy(results), "", *speed_table(results), "",
                      "More than 1/0.9 of ONNX Runtime's time in fp32: %s." % (
                          ", ".join(slow) or "none")]}


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--update", action="store_true", help="update the tables of the pages")
    options = parser.parse_args(arguments)
    if options.update and options.networks:
        parser.error("--update shows all graphs: name none")
    return options


def main():
    options = parse(sys.argv[1:])
    try:
        results = measure(options)
    except contenders.Unavailable as reason:
        print("graphs.py: %s" % reason, file=sys.stderr)
        return 1
    made = sections(results)
    say("\n" + "\n\n".join("\n".join(lines) for lines in made.values()))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    if options.update:
        for page, lines in made.items():
            changed = report.replace_section(page, *MARKERS[page], lines)
            say("%s: %s" % (os.path.relpath(page, ROOT), "updated" if changed else "as it was"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
