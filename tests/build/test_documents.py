#!/usr/bin/env python3
"""The documents: links and names of files lead somewhere; the README is short and its commands exist."""
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOL = os.environ.get("MIEN_TOOL", str(ROOT / "build" / "mien"))
FOLDERS = ("", "docs", "docs/models", "training", "weights_convert", "tests/accuracy")
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
MOST_WORDS, MOST_PICTURE_BYTES = 900, 120 * 1024


def pages():
    return [page for folder in FOLDERS for page in sorted((ROOT / folder).glob("*.md"))]


def anchors(text):
    """What a browser may be sent to: headings in lower case, without punctuation, with dashes."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


class Links(unittest.TestCase):
    def test_links_lead_somewhere(self):
        seen = 0
        for page in pages():
            text = page.read_text(encoding="utf-8")
            for match in LINK.finditer(re.sub(r"`[^`]*`", "", text)):
                link = match[1] or match[2]
                if "://" in link:
                    continue
                seen += 1
                name, _, anchor = link.partition("#")
                target = page.parent / name if name else page
                with self.subTest(page=page.relative_to(ROOT), link=link):
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(target.read_text(encoding="utf-8")))
        self.assertGreater(seen, 40)


class Promises(unittest.TestCase):
    def test_what_holds_a_promise_is_there(self):
        """docs/reliability.md names files of tests, and after each the tests of it."""
        seen = 0
        for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines():
            if not line.startswith("|") or line.startswith(("|---", "| promise")):
                continue
            with self.subTest(line):
                held = re.findall(r"`([^`]+)`", line.split("|")[2])
                self.assertTrue(held and held[0].startswith("tests/"))
                text = ""
                for name in held:
                    if name.startswith("tests/"):
                        text = (ROOT / name).read_text(encoding="utf-8")
                    elif re.fullmatch(r"[a-z_]+", name):
                        seen += 1
                        self.assertRegex(text, rf"\b{name}\b")
        self.assertGreater(seen, 40)


class Files(unittest.TestCase):
    def test_files_that_are_named_are_there(self):
        """But SPEED.md, which tells of the past, and files to be: NAME.c."""
        folders = "|".join(p.name for p in ROOT.iterdir() if p.is_dir() and p.name[0] not in "._")
        named = re.compile(r"(?<![\w/.])(?:%s)/[\w/.-]+\.(?:c|h|cu|py|sh|cmake|json|md)\b" % folders)
        seen = 0
        for page in pages():
            for name in named.findall(page.read_text(encoding="utf-8")):
                if page.name == "SPEED.md" or "NAME" in name or name.startswith("build"):
                    continue
                seen += 1
                with self.subTest(page=page.relative_to(ROOT)):
                    self.assertTrue((ROOT / name).exists() or (page.parent / name).exists(), name)
        self.assertGreater(seen, 60)


class Readme(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "README.md").read_text(encoding="utf-8")

    def test_is_short(self):
        self.assertLess(len(self.text.split()), MOST_WORDS)

    def test_begins_with_small_pictures(self):
        pictures = re.findall(r"<img src=\"([^\"]+)\"", self.text)
        self.assertTrue(pictures)
        self.assertLess(self.text.index("<img"), 10)
        self.assertLess(sum((ROOT / p).stat().st_size for p in pictures), MOST_PICTURE_BYTES)

    def test_commands_name_what_the_demo_leaves_and_options_there_are(self):
        photos = re.search(r'^photos="(.*)"$', (ROOT / "tools/photos.sh").read_text(), re.MULTILINE)[1]
        left = {"demo/photos", *("demo/photos/" + name for name in photos.split())}
        commands = re.findall(r"^    (mien|curl|cc|demo/detect)( .*)$", self.text, re.MULTILINE)
        self.assertGreater(len(commands), 10)
        for program, rest in commands:
            words = rest.split("#")[0].split()
            with self.subTest(command=program + rest):
                self.assertLessEqual(set(re.findall(r"demo/photos[^\s'\"]*", rest)), left)
                if program == "mien":
                    shown = subprocess.run([TOOL, words[0], "--help"], capture_output=True,
                                           text=True, check=False)
                    self.assertEqual(shown.returncode, 0, shown.stderr)
                    for option in (word for word in words if word.startswith("--")):
                        self.assertIn(option + " ", shown.stdout.replace("\n", " "))


if __name__ == "__main__":
    if not Path(TOOL).exists():
        print("skipped: the tool is not built")
        sys.exit(77)
    unittest.main()
