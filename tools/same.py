#!/usr/bin/env python3
"""Shows that two builds of mien answer the same, every command and every endpoint.

usage: same.py [--count N] [--only REGEX] OLD NEW PICTURE|FOLDER...

OLD and NEW are the tools of two builds (build/mien). Of the pictures, N at most are taken, evenly
from each argument; a folder is searched with all below it. Both builds are asked the same questions
with the same weights. Status, standard error, drawn pictures, headers and bodies must be equal,
numbers as they are written; only times differ between two runs and are left out. What may differ
stands in ALLOWED.

Prints a line a difference: the question, the picture, where in the answer, old and new. Exit status
1 where there is one.
"""
import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Callable, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
from same_commands import ENV, Pictures, compare_commands, find_pictures  # noqa: E402
from same_server import compare_servers  # noqa: E402

ABSENT = "(absent)"


class Allowed(NamedTuple):
    """A difference that is meant. Questions and places in answers are regular expressions."""
    question: str
    place: str
    meant: Callable[[Any, Any], bool]  # of the old and the new value
    reason: str


ALLOWED = (
    Allowed(r"/detect_faces_from_", r"\.landmarks\[[34]\]\.type$",
            lambda old, new: (old, new) in (("mouth_left", "left_mouth"),
                                            ("mouth_right", "right_mouth")),
            "the names of the service these endpoints replace"),
    Allowed(r" /v2", r"^body\.error$",
            lambda old, new: isinstance(old, dict) and new == old["message"],
            "the Open Inference Protocol has errors that are a text"),
    Allowed(r" /v2", r"^body\.request_id$", lambda old, new: new is ABSENT,
            "the Open Inference Protocol has errors of one field"),
    Allowed(r"", r"^body\.error(\.message)?$",
            lambda old, new: new == f"{old['message'] if isinstance(old, dict) else old}, OPTIONS",
            "every path answers OPTIONS, too"),
    Allowed(r"^(models|info) .*--json", r"\.license$", lambda old, new: old is ABSENT,
            "American spelling beside the older `licence`"),
    Allowed(r"", r"^(.*: )?(stdout|body)(\.pictures\[\d+\])?\.main$",
            lambda old, new: old is ABSENT and int(new) >= 0, "which of the faces is the main one"),
    Allowed(r"biggest", r"^(stderr line 1|body\.error\.message)$",
            lambda old, new: new == old.replace("all, largest", "all, main, largest"),
            "the main face can be asked for"),
    Allowed(r"/v1/compare .* pictures/", r"^body\.(similarity|same_person|faces\[)",
            lambda old, new: True, "the main faces are compared; crops have but one"),
    Allowed(r"^(models|info) ?(?!.*--json)", r"^stdout line \d+$",
            lambda old, new: new == old.replace("licence", "license").replace("LICENCE", "LICENSE"),
            "American spelling"),
    Allowed(r"", r"^header allow$", lambda old, new: True, "computed from the table of routes"),
)

LISTED = 200  # differences that are printed; all are counted


class Number(str):
    """A number as it is written."""


def documents(text):
    """The JSON values a text is made of; None where it is not JSON."""
    decoder = json.JSONDecoder(parse_float=Number, parse_int=Number)
    found, at = [], 0
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
            at += len(text[at:]) - len(text[at:].lstrip())
    except ValueError:
        return None
    return found


def without_times(text):
    """Times of answers and logs, and ports the system chose, are no part of an answer."""
    text = re.sub(r'"timing_ms": ?\{[^}]*\}', lambda m: re.sub(r": ?[-+.\de]+", ": 0", m[0]), text)
    text = re.sub(r"^[-\d]{10}T[:.\d]+Z ", "", text, flags=re.MULTILINE)
    return re.sub(r"(listening on http://[^:]+):\d+", r"\1", text)


def walk(old, new, place=""):
    """(place, old, new) of what differs between two JSON values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from walk(old.get(key, ABSENT), new.get(key, ABSENT), f"{place}.{key}")
        both = [[key for key in one if key in other] for one, other in ((old, new), (new, old))]
        if both[0] != both[1]:
            yield f"{place} order of keys", both[0], both[1]
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            yield from walk(old[i] if i < len(old) else ABSENT, new[i] if i < len(new) else ABSENT,
                            f"{place}[{i}]")
    elif type(old) is not type(new) or old != new:
        yield place, old, new


def walk_lines(old, new, place):
    old, new = old.splitlines(), new.splitlines()
    for i in range(max(len(old), len(new))):
        a, b = (lines[i] if i < len(lines) else ABSENT for lines in (old, new))
        if a != b:
            yield f"{place} line {i + 1}", a, b


def walk_text(old, new, place):
    """As walk(), of two texts, JSON or not."""
    old, new = without_times(old), without_times(new)
    if old == new:
        return
    values = documents(old), documents(new)
    if not all(values):
        yield from walk_lines(old, new, place)
        return
    found = []
    if len(values[0]) != len(values[1]):
        found.append((f"{place} objects", len(values[0]), len(values[1])))
    for a, b in zip(*values):
        name = a.get("file") if isinstance(a, dict) and len(values[0]) > 1 else None
        found += walk(a, b, f"{name}: {place}" if name else place)
    yield from found or walk_lines(old, new, place)


def digest(data):
    return f"{len(data)} bytes {hashlib.sha256(data).hexdigest()[:12]}"


def differences(old, new):
    """(place, old, new) of what differs between two answers: objects of texts, JSON and bytes."""
    for key in [*old, *(key for key in new if key not in old)]:
        a, b = old.get(key, ABSENT), new.get(key, ABSENT)
        if a == b:
            continue
        if isinstance(a, bytes) and isinstance(b, bytes):
            yield key, digest(a), digest(b)
        elif key in ("stdout", "stderr", "body") and isinstance(a, str) and isinstance(b, str):
            yield from walk_text(a, b, key)
        else:
            yield from walk(a, b, key)


class Report:
    """Counts what was compared, and prints what differs."""

    def __init__(self, only):
        self.only = re.compile(only)
        self.compared = {}
        self.found = 0
        self.allowed = {}
        self.lock = threading.Lock()

    def wanted(self, question):
        return self.only.search(question)

    def compare(self, group, question, old, new):
        with self.lock:
            self.compared.setdefault(group, Counter())[old["status"]] += 1
            for place, a, b in differences(old, new):
                row = next((row for row in ALLOWED if re.search(row.question, question)
                            and re.search(row.place, place) and row.meant(a, b)), None)
                if row:
                    self.allowed[row.reason] = self.allowed.get(row.reason, 0) + 1
                else:
                    self.add(question, place, a, b)

    def add(self, question, place, old, new):
        self.found += 1
        if self.found <= LISTED:
            print(f"{question}: {place}: {short(old)} -> {short(new)}", flush=True)

    def end(self):
        for group, statuses in self.compared.items():
            counts = ", ".join(f"{count} of status {status}"
                               for status, count in sorted(statuses.items(), key=str))
            print(f"compared  {statuses.total():5} {group}: {counts}")
        for reason, count in self.allowed.items():
            print(f"allowed   {count:5} {reason}")
        print(f"different {self.found:5}" +
              (f" ({LISTED} are listed)" if self.found > LISTED else ""))
        return 1 if self.found or not self.compared else 0


def short(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--count", type=int, default=100, help="pictures at most [100]")
    parser.add_argument("--only", default="", help="questions this regular expression is found in")
    args = parser.parse_args()
    tools = [str(Path(tool).resolve()) for tool in (args.old, args.new)]
    report = Report(args.only)
    with tempfile.TemporaryDirectory(prefix="mien-same-") as name:
        p = Pictures(Path(name), find_pictures(args.pictures, args.count), tools[0])
        folders = [p.folder / side for side in ("old", "new")]
        for folder in folders:
            folder.mkdir()
            for shared in ("pictures", "crops", "broken", "empty"):
                (folder / shared).symlink_to(p.folder / shared)
        listed = subprocess.run([tools[0], "models", "--json"], env=ENV, capture_output=True,
                                check=True)
        names = [model["name"] for model in json.loads(listed.stdout)["models"]]
        compare_commands(tools, folders, p, names, report)
        compare_servers(tools, folders, p, names, report)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
