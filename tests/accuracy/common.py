"""What the accuracy scripts share: where data and the tool are, running the tool, comparing with a
reference.

A figure is right when it is no more than TOLERANCE points below the one an independent runtime
reaches with the same weights on the same pictures; a precision below fp32 may lose LOSS points more
(against the fp32 figure where the same run has it). Where it is known which pictures are right, it may
also lose what chance explains: of n pictures that only one of two precisions gets right, one of them
has sqrt(n) more than the other by chance (a standard deviation; McNemar, 1947); two are allowed.
Every script also takes
--predictions FILE, JSON lines of the form `mien` prints, made by something else: independent.py
makes them with other runtimes, which is how the scripts themselves were checked.
"""
import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOLERANCE = 0.3
LOSS = {"fp32": 0.0, "bf16": 0.2, "int8": 0.5}
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))


def data_dir():
    return os.environ.get("MIEN_DATA") or os.path.join(ROOT, "..", "shared", "data")


def find_mien():
    build = os.environ.get("MIEN_BUILD_DIR") or os.path.join(ROOT, "build")
    for path in (os.environ.get("MIEN_TOOL"), os.path.join(build, "mien")):
        if path and os.access(path, os.X_OK):
            return path
    sys.exit("accuracy: no mien in %s; build it, or set MIEN_TOOL or MIEN_BUILD_DIR" % build)


def parser(description):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--predictions", help="JSON lines to judge instead of running mien")
    p.add_argument(
        "--data", default=data_dir(), help="folder of labelled pictures (default: %(default)s)"
    )
    add_precision(p)
    p.add_argument("--limit", type=int, help="only the first N pictures (no pass or fail)")
    return p


def add_precision(p):
    p.add_argument(
        "--precision",
        nargs="+",
        choices=LOSS,
        default=["fp32"],
        help="a column each; int8 needs calibrated weights (default: fp32)",
    )


def need(folder):
    """Ends the program with "skipped" where the pictures are not there."""
    if not os.path.isdir(folder):
        print("skipped: no %s" % os.path.normpath(folder))
        sys.exit(0)


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            yield json.loads(line)


def run_mien(precision, command, files, *options, chunk=400):
    """What `mien COMMAND` prints for each file, in order. Broken pictures end the run: none here
    should be."""
    for start in range(0, len(files), chunk):
        part = files[start : start + chunk]
        done = subprocess.run(
            [find_mien(), command, "--precision", precision, *map(str, options), "--", *part],
            stdout=subprocess.PIPE,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode or len(lines) != len(part):
            broken = next((line["error"] for line in lines if "error" in line), "see above")
            sys.exit(
                "accuracy: mien %s ended with status %d: %s" % (command, done.returncode, broken)
            )
        yield from lines


def evaluate(precision, task, labels, *options):
    """What `mien eval TASK` says of labelled pictures: (its JSON, {(subject, figure): marks}), a mark
    a picture in the order of the labels."""
    with tempfile.TemporaryDirectory() as folder:
        answers = os.path.join(folder, "answers.csv")
        done = subprocess.run(
            [find_mien(), "eval", task, "--json", "--precision", precision, "--mistakes", "0",
             "--answers", answers, *map(str, options), "--", labels],
            stdout=subprocess.PIPE, check=False,
        )
        if done.returncode:
            sys.exit("accuracy: mien eval %s ended with status %d" % (task, done.returncode))
        marks = {}
        with open(answers, newline="", encoding="utf-8") as f:
            for row in csv.DictReader(f):
                if "mark" in row:
                    marks.setdefault((row["subject"], row["figure"]), []).append(float(row["mark"]))
    return json.loads(done.stdout), marks


class Table:
    """Figures of one network on one set of pictures, a column a precision; prints Markdown,
    remembers failures."""

    def __init__(self, columns=("fp32",), judge=True):
        self.columns, self.judge = list(columns), judge
        self.column = self.columns[0]  # which one add fills
        self.rows = {}  # (what, pictures, figure) -> (reference, {column: ours})
        self.right = {}  # (what, pictures, figure) -> {column: [pictures] of 0 and 1}

    def add(self, what, pictures, figure, reference, ours):
        """reference may be None: a figure without one is shown, not judged."""
        row = self.rows.setdefault((what, pictures, figure), (reference, {}))
        row[1][self.column] = ours

    def add_share(self, what, pictures, figure, reference, right):
        """The share of pictures that are right, in percent. right: [pictures] of 0 and 1, in one
        order for all columns."""
        right = np.asarray(right)
        self.add(what, pictures, figure, reference, 100 * right.mean())
        self.right.setdefault((what, pictures, figure), {})[self.column] = right

    def changes(self, row, column):
        """(right in fp32 alone, right in this precision alone, pictures); None where not known."""
        right = self.right.get(row, {})
        if column == "fp32" or not {"fp32", column} <= right.keys():
            return None
        exact, ours = right["fp32"], right[column]
        return int(np.sum(exact > ours)), int(np.sum(ours > exact)), len(ours)

    def each_precision(self, measure):
        """Fills all columns; measure(precision) adds the figures of one."""
        for self.column in self.columns:
            measure(self.column)

    def failures(self):
        for row, (reference, ours) in self.rows.items():
            for column, value in ours.items():
                known = ours.get("fp32") if column != "fp32" else None
                if known is None and reference is None:
                    continue
                least = (reference - TOLERANCE if known is None else known) - self.loss(row, column)
                if value < least:
                    yield "%s, %s: %.2f is below %.2f" % (", ".join(row), column, value, least)

    def loss(self, row, column):
        """Points that a precision may lose against fp32."""
        changes = self.changes(row, column)
        if changes is None:
            return LOSS[column]
        lost, won, count = changes
        return max(LOSS[column], 100 * 2 * (lost + won) ** 0.5 / count)

    def markdown(self):
        """A line for each network and set of pictures, its figures side by side."""
        names = ["mien" if c == "fp32" else c for c in self.columns]
        lines = ["| what | pictures | figures | reference | %s |" % " | ".join(names)]
        lines.append("|---" * (4 + len(names)) + "|")
        for (what, pictures), group in itertools.groupby(self.rows, key=lambda key: key[:2]):
            keys = list(group)
            cells = [what, pictures, ", ".join(key[2] for key in keys)]
            cells.append(together(self.rows[key][0] for key in keys))
            for column in self.columns:
                cells.append(together(self.rows[key][1].get(column) for key in keys))
            lines.append("| %s |" % " | ".join(cells))
        return "\n".join(lines)

    def flips(self):
        """A line for each share and precision: the pictures that changed sides."""
        for row, (_, ours) in self.rows.items():
            for column in ours:
                changes = self.changes(row, column)
                if changes:
                    yield "%s, %s: %d right in fp32 alone, %d in %s alone" % (
                        ", ".join(row), column, *changes[:2], column)

    def finish(self):
        """Prints the table; returns the exit status."""
        print(self.markdown())
        for line in self.flips():
            print(line)
        failed = list(self.failures()) if self.judge else []
        for failure in failed:
            print("FAILED %s" % failure)
        return 1 if failed else 0


def together(figures):
    return " / ".join("–" if f is None else "%.1f" % f for f in figures)
