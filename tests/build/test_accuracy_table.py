"""tools/accuracy.py: what `mien eval` tells becomes the table of docs/accuracy.md, and nothing else of
the page changes. The tool is made up, so that the rows can be written by hand."""
import os
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import accuracy  # noqa: E402

# Prints a report of attributes or of detection, by its second argument.
TOOL = """\
    #!/usr/bin/env python3
    import json, sys
    share = lambda v: {"value": v, "low": v - 0.1, "high": v + 0.1, "n": 50, "unit": "share"}
    report = {"networks": {"detector": "finder", "age-gender": "teller"}, "precision": "fp32"}
    if sys.argv[2] == "attributes":
        assert "--skip-missing" in sys.argv
        report["all"] = {"n": 50, "age": {"accuracy": share(0.5), "within_one": share(0.75)}}
        report["groups"] = [{"by": {"race": "White"}, "age": {"accuracy": share(0.9)}}]
    else:
        report["networks"] = {"detector": "finder"}
        report["groups"] = [{"by": {"level": "easy"}, "n": 50, "faces": {"ap": share(0.6)}}]
    print(json.dumps(report))
    sys.exit(%d)
"""
ROWS = """\
By `finder`, `teller` in fp32.

| pictures | what | n | %, with its 95 % interval |
|---|---|---:|---:|
| FairFace validation, pictures 1-2000 | age: right | 50 | 50.0 (40.0 to 60.0) |
| FairFace validation, pictures 1-2000 | age: within one group | 50 | 75.0 (65.0 to 85.0) |
| 77 pictures of WIDER FACE | easy faces: average precision | 50 | 60.0 (50.0 to 70.0) |
"""


class Table(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = Path(made.name)
        self.page = self.folder / "page.md"
        self.page.write_text("before\n<!-- eval:begin -->\nold\n<!-- eval:end -->\nafter\n")
        for _, _, labels in accuracy.RUNS:
            path = self.folder / labels
            path.parent.mkdir()
            path.write_text("")

    def run_tool(self, status=0):
        tool = self.folder / "tool"
        tool.write_text(textwrap.dedent(TOOL % status))
        tool.chmod(0o755)
        with mock.patch.multiple(accuracy, DATA=str(self.folder), PAGE=str(self.page)), \
                mock.patch.object(sys, "argv", ["accuracy.py", "--tool", str(tool)]):
            accuracy.main()

    def test_rows(self):
        self.run_tool()
        self.assertEqual(self.page.read_text(),
                         f"before\n<!-- eval:begin -->\n{ROWS}<!-- eval:end -->\nafter\n")

    def test_nothing_is_written_where_nothing_was_measured(self):
        before = self.page.read_text()
        with self.assertRaises(SystemExit):
            self.run_tool(1)
        for _, _, labels in accuracy.RUNS:
            os.unlink(self.folder / labels)
        with self.assertRaises(SystemExit):
            self.run_tool()
        self.assertEqual(self.page.read_text(), before)

    def test_the_page_has_the_table(self):
        page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
        self.assertEqual(len(accuracy.MARKED.findall(page)), 1)
        self.assertIn("| FairFace validation, pictures 1-2000 | gender: right | 2000 |", page)


if __name__ == "__main__":
    unittest.main()
