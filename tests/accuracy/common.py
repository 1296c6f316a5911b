"""What the accuracy scripts share: where data and the tool are, running the tool, comparing with a
reference.

A figure is right when it is no more than TOLERANCE points below the one an independent runtime
reaches with the same weights on the same pictures. Every script also takes
--predictions FILE, JSON lines of the form `mien` prints, made by something else: independent.py
makes them with other runtimes, which is how the scripts themselves were checked.
"""
import argparse
import itertools
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOLERANCE = 0.3
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
    p.add_argument("--limit", type=int, help="only the first N pictures (no pass or fail)")
    return p


def need(folder):
    """Ends the program with "skipped" where the pictures are not there."""
    if not os.path.isdir(folder):
        print("skipped: no %s" % os.path.normpath(folder))
        sys.exit(0)


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            yield json.loads(line)


def run_mien(command, files, *options, chunk=400):
    """What `mien COMMAND` prints for each file, in order. Broken pictures end the run: none here
    should be."""
    for start in range(0, len(files), chunk):
        part = files[start : start + chunk]
        done = subprocess.run(
            [find_mien(), command, *map(str, options), "--", *part],
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


class Table:
    """Rows of (what, pictures, figure, reference, ours); prints Markdown, remembers failures."""

    def __init__(self, judge=True):
        self.rows, self.failed, self.judge = [], [], judge

    def add(self, what, pictures, figure, reference, ours):
        """reference may be None: a figure without one is shown, not judged."""
        self.rows.append((what, pictures, figure, reference, ours))
        if self.judge and reference is not None and ours < reference - TOLERANCE:
            self.failed.append(
                "%s, %s: %.2f is more than %.1f below %.2f"
                % (what, figure, ours, TOLERANCE, reference)
            )

    def markdown(self):
        """A line for each network and set of pictures, its figures side by side."""
        lines = ["| what | pictures | figures | reference | mien |", "|---|---|---|---|---|"]
        for (what, pictures), group in itertools.groupby(self.rows, key=lambda row: row[:2]):
            _, _, figures, references, ours = zip(*group)
            shown = ["–" if r is None else "%.1f" % r for r in references]
            cells = [what, pictures, ", ".join(figures), " / ".join(shown)]
            lines.append("| %s | %s |" % (" | ".join(cells), " / ".join("%.1f" % o for o in ours)))
        return "\n".join(lines)

    def finish(self):
        """Prints the table; returns the exit status."""
        print(self.markdown())
        for failure in self.failed:
            print("FAILED %s" % failure)
        return 1 if self.failed else 0
