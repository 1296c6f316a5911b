#!/usr/bin/env python3
"""Writes the table of docs/accuracy.md that `mien eval` makes, between its markers.

usage: tools/accuracy.py [--tool build/mien]

$MIEN_DATA is the folder of pictures (default ../shared/data); what is not there has no row, and
where nothing is, the table stays as it is."""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.environ.get("MIEN_DATA", os.path.join(ROOT, "..", "shared", "data"))
PAGE = os.path.join(ROOT, "docs", "accuracy.md")
MARKED = re.compile(r"(<!-- eval:begin -->\n).*?(<!-- eval:end -->)", re.S)

# What is measured: its name, the command, and the labels below DATA.
RUNS = (
    ("FairFace validation, pictures 1-2000", ("attributes", "--skip-missing"),
     "fairface/fairface_label_val.csv"),
    ("77 pictures of WIDER FACE", ("detect", "--pictures", "{}/wider/images"),
     "wider/annotations.json"),
)
NAMES = {"accuracy": "right", "within_one": "within one group", "ap": "average precision",
         "recall": "recall", "precision": "precision"}


def percent(share):
    return f"{100 * share['value']:.1f} ({100 * share['low']:.1f} to {100 * share['high']:.1f})"


def figures(part):
    """{what: {figure: share}} of a report's `all` or of one of its groups."""
    return {what: found for what, found in part.items() if isinstance(found, dict) and what != "by"}


def rows(name, report):
    """The table's rows of a report: all, then where there is no such thing each level."""
    parts = [("", report["all"])] if "all" in report else [
        (next(iter(group["by"].values())) + " ", group) for group in report["groups"]]
    for label, part in parts:
        for what, found in figures(part).items():
            for figure, share in found.items():
                if figure in NAMES:
                    yield (f"| {name} | {label}{what.replace('_', ' ')}: {NAMES[figure]} | "
                           f"{share['n']} | {percent(share)} |")


def measure(tool, options, labels):
    command = [tool, "eval", options[0], "--json", *(o.format(DATA) for o in options[1:]), labels]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        sys.exit(f"accuracy.py: {' '.join(command)} failed")
    return json.loads(done.stdout)


def table(tool):
    lines, networks = [], {}
    for name, options, labels in RUNS:
        path = os.path.join(DATA, labels)
        if not os.path.exists(path):
            print(f"accuracy.py: {path} is not there", file=sys.stderr)
            continue
        report = measure(tool, options, path)
        lines += rows(name, report)
        networks |= report["networks"]
    if not lines:
        sys.exit(77)
    return "\n".join([
        f"By {', '.join(f'`{n}`' for n in networks.values())} in {report['precision']}.", "",
        "| pictures | what | n | %, with its 95 % interval |", "|---|---|---:|---:|", *lines, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "mien"))
    text = table(parser.parse_args().tool)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(MARKED.sub(lambda found: found[1] + text + found[2], page))


if __name__ == "__main__":
    main()
