#!/usr/bin/env python3
"""Checks that each layer keeps to its place.

usage: check_layers.py [TREE]    prints a line a violation; exit status 1 where there is one
       check_layers.py --list    prints the folders that are checked

Includes: a source file includes only headers of its own layer and of layers below it, which
cmake/layers.cmake lists. The programs include nothing of the libraries but include/mien.h and
include/mien_gallery.h: they contain no inference code. What both need is in headers below both.
Circles: a module, a header and the code of its name, does not depend on one that depends on it,
directly or through others. A header without code of its own (types that several files share, what
they have in common inside a module) makes no circle.
Calls: the library never prints, exits or aborts, and kernels, being arithmetic on plain arrays, do
not allocate, open files or start threads either.
Image: what the container is built from, packaging/Dockerfile.dockerignore, has every layer.
"""
import re
import sys
from pathlib import Path

PUBLIC = ("include/mien.h", "include/mien_gallery.h")
LAYERS = "cmake/layers.cmake"
IMAGE = "packaging/Dockerfile.dockerignore"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)

NEVER_IN_LIBRARY = r"\b(?:v?printf|puts|putchar|perror|_?exit|abort) *\(|\b(?:stdout|stderr)\b"
NEVER_IN_KERNELS = (NEVER_IN_LIBRARY + r"|\b(?:[mc]alloc|realloc|free|aligned_alloc|posix_memalign"
                    r"|f?open|pthread_\w+) *\(")
def read_layers(tree):
    """Folder -> folders whose headers it may include besides its own and the public headers, and the
    libraries' folders."""
    text = (tree / LAYERS).read_text(encoding="utf-8")
    lists = {name: words.split() for name, words in
             re.findall(r"^set\((mien_\w+_layers) ([^)]*)\)", text, re.MULTILINE)}
    base = lists.get("mien_base_layers", [])
    library, programs = lists["mien_library_layers"], lists["mien_program_layers"]
    gallery = lists.get("mien_gallery_layers", [])
    allowed = {"include": [], "examples": [], **{layer: [] for layer in base}}
    for layers in (gallery, library, programs):
        for i, layer in enumerate(layers):
            allowed[layer] = base + layers[:i]
    return allowed, base + library + gallery


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


def file_violations(tree, allowed, forbidden, layer, source):
    """Yields (line, what is wrong) for one file."""
    text = source.read_text(encoding="utf-8")
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        target = resolve(tree, source, match.group(1))
        if target is None:
            yield line, f'"{match.group(1)}" is not a file of this tree'
        elif str(target) not in PUBLIC and target.parts[0] not in [layer, *allowed[layer]]:
            yield line, f'{layer}/ may not include "{target}"'
    if forbidden:
        code = COMMENT_OR_STRING.sub(blank, text)
        for match in forbidden.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            yield line, f"{layer}/ may not use {match.group().rstrip(' (')}"


def module_includes(tree, layers):
    """Module -> {module it includes: "file:line"}, of modules with code."""
    sources = [s for layer in layers for s in sorted(tree.glob(f"{layer}/**/*.[ch]"))]
    code = {str(s.relative_to(tree).with_suffix("")) for s in sources if s.suffix == ".c"}
    includes = {}
    for source in sources:
        module, text = str(source.relative_to(tree).with_suffix("")), source.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            target = resolve(tree, source, match.group(1))
            other = str(target.with_suffix("")) if target else ""
            if module in code and other in code and other != module:
                line = text.count("\n", 0, match.start(1)) + 1
                includes.setdefault(module, {}).setdefault(other, f"{source.relative_to(tree)}:{line}")
    return includes


def circles(includes):
    """Yields "file:line: circle" for each include that leads back to its own module."""
    for module, others in includes.items():
        for other, place in others.items():
            trail, seen = [[other]], {other}
            while trail:
                path = trail.pop(0)
                if path[-1] == module:
                    if module == min(path):  # once a circle
                        yield f"{place}: circle {' -> '.join([module, *path])}"
                    break
                for following in includes.get(path[-1], ()):
                    if following not in seen:
                        seen.add(following)
                        trail.append([*path, following])


def not_in_image(tree, layers):
    """Yields a line for each layer the container's build would lack; it has no CUDA."""
    path = tree / IMAGE
    copied = path.read_text(encoding="utf-8").splitlines() if path.exists() else None
    for layer in layers:
        if copied is not None and layer not in ("cuda", "examples") and f"!{layer}" not in copied:
            yield f"{IMAGE}:1: {layer}/ is not in the image's build"


def violations(tree):
    """Yields "file:line: what is wrong" for everything wrong below the tree."""
    allowed, library = read_layers(tree)
    for layer in allowed:
        forbidden = re.compile(NEVER_IN_KERNELS if layer == "kernels" else NEVER_IN_LIBRARY)
        for source in sorted(tree.glob(f"{layer}/**/*.[ch]")):
            for line, text in file_violations(tree, allowed, forbidden if layer in library else None,
                                              layer, source):
                yield f"{source.relative_to(tree)}:{line}: {text}"
    yield from circles(module_includes(tree, allowed))
    yield from not_in_image(tree, allowed)


def main():
    here = Path(__file__).parent.parent
    if sys.argv[1:] == ["--list"]:
        print("\n".join(folder for folder in read_layers(here)[0] if folder != "include"))
        return 0
    tree = Path(sys.argv[1] if len(sys.argv) > 1 else here).resolve()
    found = list(violations(tree))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
