#!/usr/bin/env python3
"""cluster: faces become groups whoever they are, once; what is found later joins; names, links. Faces are
crops of noise, those of one person the same but for a square."""
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, PHOTOS, Folder, mien, needs_photos, objects, png  # noqa: E402

ALIKE = "--join=0.97"  # noise is more alike than people are


def face(person, n=0):
    """An "aligned face" as a PNG: eight by eight squares of random colours, one of which is another for each n."""
    rng, other = random.Random(person), random.Random(1000 + n)
    colours = [bytes(rng.randrange(256) for _ in range(3)) for _ in range(64)]
    colours[other.randrange(64)] = bytes(other.randrange(256) for _ in range(3))
    return png(112, 112, b"".join(colours[y // 14 * 8 + x // 14] for y in range(112) for x in range(112)))


class Cluster(Folder):
    def setUp(self):
        super().setUp()
        self.gallery = f"--gallery={self.folder}/g.db"

    def run_gallery(self, *args, fails=False):
        result = mien(*args, self.gallery)
        self.assertEqual(result.returncode, int(fails), result.stderr)
        self.said = result.stderr
        return objects(result) if result.stdout else []

    def cluster(self, *args, fails=False):
        """{name or id: names of its faces' files}"""
        lines = self.run_gallery("cluster", "--aligned", "--force", ALIKE, *args, fails=fails)
        self.ids = [line["person"] for line in lines]
        return {line["name"] or line["person"]: [Path(f["file"]).name for f in line["faces"]]
                for line in lines}

    def two_persons(self):
        for n in range(3):
            self.write(f"in/a{n}.png", face(1, n))
            self.write(f"in/b{n}.png", face(2, n))
        self.write("in/c.png", face(3))
        return self.cluster(f"{self.folder}/in")

    def test_groups_and_again(self):
        groups = self.two_persons()
        self.assertEqual(sorted(map(sorted, groups.values())),
                         [["a0.png", "a1.png", "a2.png"], ["b0.png", "b1.png", "b2.png"]])
        self.assertIn("4 of 7 faces joined others, 2 groups are new, 1 faces wait", self.said)
        self.write("in/a9.png", face(1, 9))
        self.write("in/c1.png", face(3, 1))
        later = self.cluster(f"{self.folder}/in")
        self.assertIn("2 faces new, 0 left out, of 2 pictures", self.said)
        self.assertEqual({key: set(value) for key, value in later.items() if key in groups},
                         {key: set(value) | ({"a9.png"} if "a0.png" in value else set())
                          for key, value in groups.items()})
        self.assertEqual(sorted(map(len, later.values())), [2, 3, 4])
        self.assertEqual(self.cluster(), later)  # of what the gallery has
        event = [e["event"] for e in self.run_gallery("gallery history") if e["kind"] == "grouped"][-1]
        self.run_gallery("gallery undo", str(event))
        self.assertNotEqual(self.cluster("--join=1"), later)

    def test_names(self):
        groups = self.two_persons()
        ann = next(key for key, files in groups.items() if "a0.png" in files)
        self.run_gallery("gallery rename", ann, "Ann")
        (shown,) = self.run_gallery("gallery show", "Ann")
        self.assertTrue(all(s["crop_bytes"] for s in shown["samples"]))
        new = self.write("new.png", face(1, 7))
        self.assertEqual(len(self.cluster(new)["Ann"]), 3)
        self.assertEqual(len(self.cluster("--join-named")["Ann"]), 4)
        (line,) = self.run_gallery("identify", "--aligned", new)
        self.assertEqual(line["faces"][0]["matches"][0]["name"], "Ann")

    def test_links(self):
        groups = self.two_persons()
        ann = next(key for key, files in groups.items() if "a0.png" in files)
        self.run_gallery("gallery rename", ann, "../A/n")
        again = self.write("other/a0.png", face(1, 8))
        out = self.folder / "out"
        for _ in range(2):  # links that are there already stay
            self.cluster("--join-named", f"--output={out}", f"{self.folder}/in", again)
            self.assertEqual(sorted(p.name for p in (out / "_._A_n").iterdir()),
                             ["a0-2.png", "a0.png", "a1.png", "a2.png"])
            self.assertEqual(len(list(out.iterdir())), 2)
        self.assertEqual((out / "_._A_n" / "a0-2.png").readlink(), Path(again).resolve())
        (self.folder / "in" / "a1.png").unlink()
        self.cluster(f"--output={self.folder}/late", fails=True)
        self.assertIn("a1.png: No such file or directory", self.said)
        self.assertEqual(len(list((self.folder / "late" / "_._A_n").iterdir())), 3)

    def test_who_is_there_without_a_name_is_renamed_not_enrolled(self):
        self.two_persons()
        (line,) = self.run_gallery("enroll", "--aligned", "--force", "Ann", f"{self.folder}/in/c.png", fails=True)
        self.assertRegex(line["error"],
                         r"^is in the gallery already, for person [0-9a-f]{16} without a name$")

    def test_a_broken_picture_does_not_stop_the_others(self):
        self.write("in/0.png", b"no picture")
        self.write("in/1.png", face(1))
        self.assertEqual(self.cluster(f"{self.folder}/in", fails=True), {})
        self.assertIn("1 face new", self.said)

    @needs_photos
    def test_poor_faces_are_left_out(self):
        photo = str(PHOTOS[1])
        self.run_gallery("cluster", photo)
        self.assertRegex(self.said, r"\d faces new, 1 left out, of 1 pictures")
        faces = len(objects(mien("embed", photo))[0]["faces"])
        self.run_gallery("cluster", "--collection=all", "--force", photo)
        self.assertIn(f"{faces} faces new, 0 left out, of 1 pictures", self.said)


if __name__ == "__main__":
    if not HAVE_NETWORKS:
        print("skipped: the default networks are not installed")
        sys.exit(77)
    unittest.main()
