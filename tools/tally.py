#!/usr/bin/env python3
"""How many tests ran, and whether that is enough: the last line is `N passed, N failed, N skipped`.

usage: tools/tally.py RESULTS TESTS [FLOOR RUN]

RESULTS is what `ctest --output-junit` wrote, TESTS what `ctest --show-only=json-v1` printed. FLOOR
(tests/floor) says of which label how many must have run in which RUN; fewer is a failure, so that no
group of tests vanishes unnoticed with something it needs. Without it any number will do.
"""
import collections
import json
import sys
from pathlib import Path
from xml.etree import ElementTree


def outcome(case):
    """passed, failed or skipped; a test whose program could not be started has failed."""
    if case.get("status") == "run":
        return "passed"
    skipped = case.find("skipped")
    said = skipped is not None and "SKIP_RETURN_CODE" in skipped.get("message", "")
    return "skipped" if said or case.get("status") == "disabled" else "failed"


def outcomes(path):
    """{name: outcome}"""
    return {case.get("name"): outcome(case)
            for case in ElementTree.parse(path).getroot().iter("testcase")}


def labels(path):
    """{name: labels}"""
    return {test["name"]: next((p["value"] for p in test.get("properties", ())
                                if p["name"] == "LABELS"), [])
            for test in json.loads(Path(path).read_text(encoding="utf-8"))["tests"]}


def floors(path, run):
    """{label: least}"""
    lines = (line.partition("#")[0].split()
             for line in Path(path).read_text(encoding="utf-8").splitlines())
    return {label: int(least) for name, label, least in filter(None, lines) if name == run}


def missing(found, known, wanted):
    """A sentence for each label of which too few tests ran."""
    ran = collections.Counter(label for name, how in found.items() if how != "skipped"
                              for label in known.get(name, ()))
    return [f"only {ran[label]} tests of '{label}' ran, at least {least} must"
            for label, least in wanted.items() if ran[label] < least]


def main(results, tests, floor=None, run=None):
    found = outcomes(results)
    complaints = missing(found, labels(tests), floors(floor, run)) if floor else []
    if complaints:
        for name, how in sorted(found.items()):
            if how == "skipped":
                print("skipped:", name)
        for complaint in complaints:
            print(f"FAILED: {complaint} ({floor})")
    count = collections.Counter(found.values())
    print(f"\n{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if complaints or count["failed"] or not found else 0


if __name__ == "__main__":
    if len(sys.argv) not in (3, 5):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
