#!/usr/bin/env python3
"""Checks that each source file includes only headers of its own layer and of layers below it.

usage: check_layers.py [TREE]    prints a line a violation; exit status 1 where there is one

A program (cli/, examples/) may include include/mien.h and its own headers, nothing else: the command
line contains no inference code. Kernels are arithmetic on plain arrays, so they may not include the
headers of I/O and threads either.
"""
import re
import sys
from pathlib import Path

PUBLIC = "include/mien.h"
# Folder -> folders whose headers it may include, besides its own and the public header.
ALLOWED = {
    "include": [],
    "kernels": [],
    "engine": ["kernels"],
    "models": ["engine", "kernels"],
    "vision": ["models", "engine", "kernels"],
    "cli": [],
    "examples": [],
}
FORBIDDEN_SYSTEM = {"kernels": {"stdio.h", "pthread.h", "threads.h", "semaphore.h"}}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def resolve(tree, source, name):
    """The path, relative to the tree, a quoted include means; None where no such file exists."""
    for folder in (source.parent, tree, tree / "include"):
        path = (folder / name).resolve()
        if path.is_file():
            return path.relative_to(tree) if path.is_relative_to(tree) else path
    return None


def violations(tree):
    """Yields "file:line: what is wrong" for every bad include below the tree."""
    for layer, below in ALLOWED.items():
        for source in sorted(tree.glob(f"{layer}/**/*.[ch]")):
            text = source.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                kind, name = match.groups()
                where = f"{source.relative_to(tree)}:{text.count(chr(10), 0, match.start(1)) + 1}"
                if kind == "<":
                    if name in FORBIDDEN_SYSTEM.get(layer, ()):
                        yield f"{where}: {layer}/ may not include <{name}>"
                    continue
                target = resolve(tree, source, name)
                if target is None:
                    yield f'{where}: "{name}" is not a file of this tree'
                elif str(target) != PUBLIC and target.parts[0] not in [layer, *below]:
                    yield f'{where}: {layer}/ may not include "{target}"'


def main():
    tree = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    found = list(violations(tree))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
