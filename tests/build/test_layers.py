"""The layer order holds in this tree, and tools/check_layers.py notices where it does not."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"
LAYERS = "set(mien_library_layers kernels engine vision)\nset(mien_program_layers common server cli)\n"


def check(tree):
    """(exit status, output lines) of the checker on a tree."""
    done = subprocess.run([sys.executable, TOOL, tree], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


class Layers(unittest.TestCase):
    def check_tree(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {"cmake/layers.cmake": LAYERS, **files}.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check(folder)

    def test_this_tree(self):
        self.assertEqual(check(TOOL.parent.parent), (0, []))

    def test_downward_is_allowed(self):
        self.assertEqual(self.check_tree({
            "include/mien.h": "", "kernels/k.h": "", "engine/e.h": '#include "kernels/k.h"\n',
            "vision/v.c": '#include "engine/e.h"\n#include "mien.h"\n#include <stdio.h>\n',
            "cli/main.c": '#include "cli.h"\n#include "mien.h"\n', "cli/cli.h": "",
            "cli/s.c": '#include "server/s.h"\n#include "common/c.h"\n', "common/c.h": "",
            "server/s.h": '#include "common/c.h"\n',
        }), (0, []))

    def test_the_image_has_every_layer(self):
        copied = "*\n!include\n!kernels\n!engine\n!vision\n!common\n!server\n"
        self.assertEqual(self.check_tree({"packaging/Dockerfile.dockerignore": copied}), (
            1, ["packaging/Dockerfile.dockerignore:1: cli/ is not in the image's build"]))
        self.assertEqual(self.check_tree(
            {"packaging/Dockerfile.dockerignore": copied + "!cli\n"}), (0, []))

    def test_upward_is_named(self):
        status, lines = self.check_tree({
            "vision/v.h": "", "engine/e.c": '\n#include "../vision/v.h"\n'})
        self.assertEqual(status, 1)
        self.assertEqual(lines, ['engine/e.c:2: engine/ may not include "vision/v.h"'])

    def test_programs_see_the_public_header_only(self):
        status, lines = self.check_tree({"engine/e.h": "", "cli/a.c": '#include "engine/e.h"\n'})
        self.assertEqual(status, 1)
        self.assertEqual(lines, ['cli/a.c:1: cli/ may not include "engine/e.h"'])

    def test_what_is_below_both_sees_neither(self):
        layers = {"cmake/layers.cmake": "set(mien_base_layers base)\n" + LAYERS, "base/b.h": ""}
        self.assertEqual(self.check_tree({**layers, "engine/e.c": '#include "base/b.h"\n',
                                          "cli/a.c": '#include "base/b.h"\n'}), (0, []))
        status, lines = self.check_tree({**layers, "base/c.h": '#include "engine/e.h"\n',
                                         "engine/e.h": ""})
        self.assertEqual((status, lines), (1, ['base/c.h:1: base/ may not include "engine/e.h"']))

    def test_the_server_sees_no_command(self):
        status, lines = self.check_tree({"cli/c.h": "", "server/s.c": '#include "cli/c.h"\n'})
        self.assertEqual((status, lines), (1, ['server/s.c:1: server/ may not include "cli/c.h"']))

    def test_circles_are_named(self):
        status, lines = self.check_tree({
            "engine/a.h": "", "engine/a.c": '#include "engine/a.h"\n#include "engine/b.h"\n',
            "engine/b.h": "", "engine/b.c": '#include "engine/b.h"\n\n#include "engine/c.h"\n',
            "engine/c.h": '#include "engine/a.h"\n', "engine/c.c": '#include "engine/c.h"\n'})
        self.assertEqual((status, lines), (1, [
            "engine/a.c:2: circle engine/a -> engine/b -> engine/c -> engine/a"]))

    def test_a_header_alone_makes_no_circle(self):
        self.assertEqual(self.check_tree({
            "engine/a.h": "", "engine/a.c": '#include "engine/a.h"\n#include "engine/inside.h"\n',
            "engine/inside.h": '#include "engine/a.h"\n',
            "engine/a_more.c": '#include "engine/inside.h"\n'}), (0, []))

    def test_the_library_is_silent(self):
        status, lines = self.check_tree({
            "engine/e.c": '/* abort(\n) */ int f(void) { return snprintf(a, 1, "exit(1)"); }\n'
                          "void g(void) { abort(); }\n"})
        self.assertEqual((status, lines), (1, ["engine/e.c:3: engine/ may not use abort"]))

    def test_kernels_do_not_allocate(self):
        status, lines = self.check_tree({"kernels/k.c": "void *p = malloc(4);\n"})
        self.assertEqual((status, lines), (1, ["kernels/k.c:1: kernels/ may not use malloc"]))


if __name__ == "__main__":
    unittest.main()
