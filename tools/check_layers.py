#!/usr/bin/env python3
"""Checks that each layer keeps to its place.

usage: check_layers.py [TREE]    prints a line a violation; exit status 1 where there is one

Includes: a source file includes only headers of its own layer and of layers below it. The
programs (cli/, serve/, common/, which both share, and examples/) include nothing of the library but
include/mien.h: they contain no inference code.
Calls: the library never prints, exits or aborts, and kernels, being arithmetic on plain arrays, do
not allocate, open files or start threads either.
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
    "cuda": ["engine", "kernels"],
    "vision": ["models", "engine", "kernels"],
    "common": [],
    "serve": ["common"],
    "cli": ["serve", "common"],
    "examples": [],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)

NEVER_IN_LIBRARY = r"\b(?:v?printf|puts|putchar|perror|_?exit|abort) *\(|\b(?:stdout|stderr)\b"
NEVER_IN_KERNELS = (NEVER_IN_LIBRARY + r"|\b(?:[mc]alloc|realloc|free|aligned_alloc|posix_memalign"
                    r"|f?open|pthread_\w+) *\(")
FORBIDDEN = {
    "kernels": re.compile(NEVER_IN_KERNELS),
    "engine": re.compile(NEVER_IN_LIBRARY),
    "cuda": re.compile(NEVER_IN_LIBRARY),
    "models": re.compile(NEVER_IN_LIBRARY),
    "vision": re.compile(NEVER_IN_LIBRARY),
}


def resolve(tree, source, name):
    """The path, relative to the tree, a quoted include means; None where no such file exists."""
    for folder in (source.parent, tree, tree / "include"):
        path = (folder / name).resolve()
        if path.is_file():
            return path.relative_to(tree) if path.is_relative_to(tree) else path
    return None


def blank(match):
    """As many newlines as a comment or string had, so that line numbers stay."""
    return " " + "\n" * match.group().count("\n")


def file_violations(tree, layer, source):
    """Yields (line, what is wrong) for one file."""
    text = source.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        target = resolve(tree, source, match.group(1))
        if target is None:
            yield line, f'"{match.group(1)}" is not a file of this tree'
        elif str(target) != PUBLIC and target.parts[0] not in [layer, *ALLOWED[layer]]:
            yield line, f'{layer}/ may not include "{target}"'
    if layer in FORBIDDEN:
        code = COMMENT_OR_STRING.sub(blank, text)
        for match in FORBIDDEN[layer].finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            yield line, f"{layer}/ may not use {match.group().rstrip(' (')}"


def violations(tree):
    """Yields "file:line: what is wrong" for everything wrong below the tree."""
    for layer in ALLOWED:
        for source in sorted(tree.glob(f"{layer}/**/*.[ch]")):
            for line, text in file_violations(tree, layer, source):
                yield f"{source.relative_to(tree)}:{line}: {text}"


def main():
    tree = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    found = list(violations(tree))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
