#!/usr/bin/env python3
"""The files a run writes: --output and --draw, their names, and what was there before."""
import json
import os
import stat
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import (Folder, HAVE_NETWORKS, PHOTOS, mien, needs_photos, objects,  # noqa: E402
                  png, read_ppm)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Output(Folder):
    @needs_photos
    def test_each_picture_has_a_file(self):
        pictures = [self.write(name, png(40, 40)) for name in ("a/x.png", "b/x.png", "b/x.bmp")]
        pictures += [str(PHOTOS[0]), self.write("bad.jpg", b"nothing")]
        out = self.folder / "new" / "out"
        result = mien("detect", *pictures, "--output", str(out))
        self.assertEqual(result.returncode, 1)
        written = {p.name: json.loads(p.read_text(encoding="utf-8")) for p in out.iterdir()}
        self.assertEqual(set(written), {"x.json", "x-2.json", "x-3.json", PHOTOS[0].stem + ".json",
                                        "bad.json"})
        # What is printed is what is written, also of a picture that failed.
        self.assertEqual([written[name] for name in ("x.json", "x-2.json", "x-3.json",
                                                     PHOTOS[0].stem + ".json", "bad.json")],
                         objects(result))
        self.assertEqual(written["bad.json"]["code"], "eformat")

    @needs_photos
    def test_folders_are_kept_and_never_read(self):
        for name in ("in/a.png", "in/sub/a.png"):
            self.write(name, png(50, 40))
        args = ["detect", str(self.folder / "in"), "--output", str(self.folder / "in" / "out"),
                "--draw", str(self.folder / "in" / "out")]
        for _ in range(2):
            result = mien(*args, "--force")
            self.assertEqual((result.returncode, result.stderr), (0, "mien: 2 pictures, 0 faces\n"))
        out = self.folder / "in" / "out"
        self.assertEqual({str(p.relative_to(out)) for p in out.rglob("*.*")},
                         {"a.json", "a.png", "sub/a.json", "sub/a.png"})

    @needs_photos
    def test_pretty_files(self):
        out = self.folder / "out"
        mien("detect", "--pretty", str(PHOTOS[0]), "--output", str(out))
        text = (out / (PHOTOS[0].stem + ".json")).read_text(encoding="utf-8")
        self.assertIn('\n  "faces": [', text)
        self.assertNotIn("\x1b", text)

    @needs_photos
    def test_whole_or_not_at_all(self):
        name = self.write("a.png", png(40, 40))
        # A folder stands where the file should go: what cannot be replaced stays, and is told.
        os.makedirs(self.folder / "blocked" / "a.json")
        result = mien("detect", name, "--output", str(self.folder / "blocked"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("blocked/a.json: ", result.stderr)
        self.assertEqual(os.listdir(self.folder / "blocked"), ["a.json"])
        # A link is followed; permissions stay.
        far = Path(self.write("far.json", b"old"))
        os.chmod(far, 0o640)
        os.mkdir(self.folder / "out")
        os.symlink("../far.json", self.folder / "out" / "a.json")
        self.assertEqual(mien("detect", name, "--output", str(self.folder / "out")).returncode, 0)
        self.assertTrue((self.folder / "out" / "a.json").is_symlink())
        self.assertEqual(mode(far), 0o640)
        self.assertIn('"faces"', far.read_text(encoding="utf-8"))
        self.assertEqual(os.listdir(self.folder / "out"), ["a.json"])


class Drawn(Folder):
    def draw(self, target, *args):
        result = mien("detect", str(PHOTOS[0]), "--draw", str(target), *args)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return target

    @needs_photos
    def test_permissions_and_links_stay(self):
        old = self.folder / "old.ppm"
        old.write_bytes(b"old")
        os.chmod(old, 0o604)
        self.draw(old)
        self.assertEqual(mode(old), 0o604)
        for text, target in [("old.ppm", old), ("new.ppm", self.folder / "new.ppm"),
                             ("hop.ppm", self.folder / "sub" / "far.ppm")]:
            (self.folder / "sub").mkdir(exist_ok=True)
            link = self.folder / "link.ppm"
            link.unlink(missing_ok=True)
            if text == "hop.ppm":
                os.symlink("sub/far.ppm", self.folder / "hop.ppm")
            os.symlink(text, link)
            self.draw(link)
            self.assertEqual(os.readlink(link), text)
            self.assertFalse(target.is_symlink())
            self.assertGreater(read_ppm(target.read_bytes())[0], 100)
        self.assertEqual(mode(old), 0o604)
        self.assertEqual({p.suffix for p in self.folder.rglob("*.*")}, {".ppm"})

    @needs_photos
    def test_a_loop_of_links_is_told(self):
        os.symlink("loop.png", self.folder / "loop.png")
        result = mien("detect", str(PHOTOS[0]), "--draw", str(self.folder / "loop.png"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("loop.png: ", result.stderr)


if __name__ == "__main__":
    if not (HAVE_NETWORKS and PHOTOS):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
