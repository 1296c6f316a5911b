#!/usr/bin/env python3
"""Where standard output is a terminal the picture commands print a line a picture for people, whose
columns stand below each other and which says of ages and genders how sure they are."""
import math
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import (Folder, HAVE_NETWORKS, PHOTOS, mien, needs_photos, objects,  # noqa: E402
                  on_terminal, png)


def lines(*args, **more):
    """The lines of results: no progress, nothing that begins with "mien: "."""
    text = on_terminal(*args, **more).decode().replace("\r\n", "\n")
    found = [re.split(r"\r|\x1b\[K", line)[-1] for line in text.splitlines()]
    return [line for line in found if line and not line.startswith("mien: ")]


def told(face):
    """The words for a face, from the JSON: docs/json.md says by which rule."""
    if min(face["box"][2] - face["box"][0], face["box"][3] - face["box"][1]) < 40:
        return None
    gender = face["gender"]
    sure = math.floor(100 * gender["probability"]) / 100
    first = f"{gender['value']} {sure:.2f}" if gender["probability"] >= 0.6 else "gender unsure"
    low, high = (face["age_range"][end] for end in ("low", "high"))
    return f"{first}, age {face['age']:.0f} ({low:.0f}-{high:.0f})"


class Lines(Folder):
    @needs_photos
    def test_what_matters_is_said(self):
        photos = [str(p) for p in PHOTOS[:3]]
        entries = objects(mien("analyze", *photos))
        found = lines("analyze", *photos, columns=400)
        self.assertEqual(len(found), 3)
        for line, entry in zip(found, entries):
            self.assertTrue(line.startswith(entry["file"] + "  "), line)
            self.assertIn(f" {len(entry['faces'])} face", line)
            best = entry["classes"][0]
            self.assertIn(f"{best['label']} {100 * best['score']:.0f} %", line)
            people = [told(face) for face in entry["faces"]]
            self.assertIn("; ".join(p for p in people if p), line)
            small = people.count(None)
            self.assertEqual(f"{small} too small to judge" in line, small > 0)
        columns = {line.index(" face") for line in found}
        self.assertEqual(len(columns), 1, found)

    @needs_photos
    def test_it_is_as_wide_as_the_terminal(self):
        names = [str(PHOTOS[0]), self.write("a-rather-long-name-" * 8 + ".png", png(60, 60))]
        for columns in (80, 100, 131):
            found = lines("analyze", *names, columns=columns)
            self.assertEqual(len(found), 2)
            self.assertLessEqual(max(map(len, found)), columns)
            self.assertRegex(found[1], r"^\.\.\..*name-\.png +no faces  ")

    @needs_photos
    def test_small_faces_are_not_judged(self):
        from PIL import Image
        with Image.open(PHOTOS[0]) as photo:
            photo.resize((photo.width // 8, photo.height // 8)).save(self.folder / "small.png")
        name = str(self.folder / "small.png")
        (entry,) = objects(mien("analyze", "--threshold=0.3", name))
        self.assertTrue(all(face.get("too_small") for face in entry["faces"]), entry["faces"])
        (line,) = lines("analyze", "--threshold=0.3", name, columns=200)
        self.assertTrue(line.endswith(f"  {len(entry['faces'])} too small to judge"), line)
        self.assertNotIn("male", line)

    @needs_photos
    def test_other_commands(self):
        photo = str(PHOTOS[0])
        (entry,) = objects(mien("detect", photo))
        (line,) = lines("detect", photo, columns=200)
        scores = [f"score {math.floor(100 * f['score']) / 100:.2f}" for f in entry["faces"]]
        self.assertTrue(line.endswith("  " + "; ".join(scores)), line)
        (entry,) = objects(mien("classify", "--top=2", photo))
        (line,) = lines("classify", "--top=2", photo, columns=200)
        classes = [f"{c['label']} {100 * c['score']:.0f} %" for c in entry["classes"]]
        self.assertTrue(line.endswith("  " + ", ".join(classes)), line)

    @needs_photos
    def test_programs_get_json(self):
        name = self.write("a.png", png(60, 60))
        for text in (on_terminal("detect", "--json", name), mien("detect", name).stdout):
            self.assertTrue(text.startswith(b'{"file":'), text)
        self.assertTrue(on_terminal("detect", "--pretty", "--json", name,
                                    env={"TERM": "dumb"}).startswith(b'{'))

    @needs_photos
    def test_a_terminal_obeys_no_file_name(self):
        name = self.write("a\x1b[2Jb.png", png(60, 60))
        (line,) = lines("detect", name)
        self.assertIn("a?[2Jb.png", line)

    @needs_photos
    def test_failures_are_told_once(self):
        text = on_terminal("detect", str(self.folder / "no.jpg"))
        self.assertEqual(text.count(b"No such file"), 1)
        self.assertNotIn(b"{", text)


if __name__ == "__main__":
    if not (HAVE_NETWORKS and PHOTOS):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
