#!/usr/bin/env python3
"""gallery migrate: samples of one embedder get embeddings of another, of the faces that are kept; both find
people meanwhile, each alone and both together; from the cut over on only the new one, until that is undone. Faces are crops of noise."""
import random
import sqlite3
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, MODELS, PHOTOS, Folder, mien, needs_photos, objects, png  # noqa: E402

NEW = "--embedder=mobilefacenet-512"
BOTH = "--embedder=mobilefacenet-192,mobilefacenet-512"


def noise(seed):
    rng = random.Random(seed)
    colours = [bytes(rng.randrange(256) for _ in range(3)) for _ in range(64)]
    return png(112, 112, b"".join(colours[y // 14 * 8 + x // 14] for y in range(112) for x in range(112)))


class Migrate(Folder):
    def setUp(self):
        super().setUp()
        self.gallery = f"--gallery={self.folder}/g.db"
        self.ann = [self.write(f"a{i}.png", noise(i)) for i in range(2)]
        self.bob = self.write("b.png", noise(7))

    def run_gallery(self, *args, fails=False):
        result = mien(*args, self.gallery)
        self.said = result.stderr
        self.assertEqual(result.returncode, int(fails), result.stderr)
        return objects(result) if result.stdout else []

    def enroll(self, *args, fails=False):
        return self.run_gallery("enroll", "--aligned", "--force", *args, fails=fails)

    def who(self, *args, fails=False):
        lines = self.run_gallery("identify", "--aligned", self.bob, *args, fails=fails)
        return [m["name"] for line in lines for m in line["faces"][0]["matches"][:1]]

    def test_there_and_back(self):
        self.enroll("Ann", *self.ann)
        (bob,) = self.enroll("Bob", self.bob)
        self.assertEqual(self.who(NEW), [])
        (report,) = self.run_gallery("gallery migrate", NEW)
        self.assertIn("3 samples were embedded, 0 have no face to embed", self.said)
        self.assertEqual((report["before"], report["samples"]), ("mobilefacenet-192", 3))
        self.assertEqual((self.who(), self.who(NEW)), (["Bob"], ["Bob"]))
        with sqlite3.connect(self.folder / "g.db") as db:
            (blob,), = db.execute("SELECT embedding FROM embeddings WHERE sample = ?", (int(bob["sample"], 16),))
        (embedded,) = objects(mien("embed", "--aligned", NEW, self.bob))
        self.assertEqual(list(struct.unpack(f"<{len(blob) // 4}f", blob)),
                         [struct.unpack("<f", struct.pack("<f", v))[0]
                          for v in embedded["faces"][0]["embedding"]])

        self.run_gallery("gallery migrate", NEW, "--cut-over")
        self.assertIn("0 samples were embedded", self.said)
        event = self.said.split("gallery undo ")[1].split("'")[0]
        self.assertEqual(self.who(NEW), ["Bob"])
        for command in [("identify", "--aligned", self.bob), ("cluster",),
                        ("enroll", "--aligned", "Cid", self.write("c.png", noise(9)))]:
            self.run_gallery(*command, fails=True)
            self.assertIn("goes by another network since it was migrated", self.said)
        self.run_gallery("gallery migrate", NEW, "--drop", fails=True)
        self.run_gallery("gallery undo", event)
        self.assertEqual(self.who(), ["Bob"])
        self.run_gallery("gallery migrate", NEW, "--drop")
        self.assertIn("3 embeddings were dropped", self.said)
        self.assertEqual((self.who(), self.who(NEW)), (["Bob"], []))

    def test_without_a_face(self):
        self.enroll("Ann", *self.ann)
        (bob,) = self.enroll("--keep-crops=no", "Bob", self.bob)
        line = self.run_gallery("gallery migrate", NEW, fails=True)[0]
        self.assertEqual((line["sample"], line["source"]), (bob["sample"], self.bob))
        self.assertIn("2 samples were embedded, 1 have no face to embed", self.said)

    def embedding(self, sample):
        with sqlite3.connect(self.folder / "g.db") as db:
            (blob,), = db.execute("SELECT embedding FROM embeddings WHERE sample = ?", (int(sample, 16),))
        return list(struct.unpack(f"<{len(blob) // 4}f", blob))

    @needs_photos
    def test_from_pictures(self):
        (ann,) = self.run_gallery("enroll", "--keep-crops=no", "--force", "Ann", str(PHOTOS[0]))
        (bob,) = self.enroll("--keep-crops=no", "Bob", self.bob)
        (cid,) = self.enroll("--keep-crops=no", "Cid", self.ann[0])
        self.write("all/deep/renamed.jpg", PHOTOS[0].read_bytes())
        self.write("all/also.jpg", PHOTOS[0].read_bytes())
        self.write("all/b.png", Path(self.bob).read_bytes())
        lines = self.run_gallery("gallery migrate", NEW, f"--folder={self.folder}/all", fails=True)
        self.assertEqual({line["sample"]: line["error"] for line in lines if "error" in line},
                         {bob["sample"]: "its face was not found in its picture",
                          cid["sample"]: "no face is kept with it, and its picture is not in the folder"})
        self.assertIn("1 samples were embedded, 2 have no face to embed", self.said)
        (whole,) = objects(mien("embed", NEW, "--face=largest", str(PHOTOS[0])))
        expected = whole["faces"][0]["embedding"]
        for value, right in zip(self.embedding(ann["sample"]), expected, strict=True):
            self.assertAlmostEqual(value, right, places=5)
        self.run_gallery("gallery migrate", NEW, f"--folder={self.folder}/all", fails=True)
        self.assertIn("0 samples were embedded, 2 have no face to embed", self.said)

    def test_both_at_once(self):
        """Who is known under one of the two is found, and who under both, too."""
        self.enroll("Ann", *self.ann)
        self.enroll(NEW, "Bob", self.bob)
        self.run_gallery("enroll", "--aligned", "--force", NEW, "Ann", self.ann[0])
        found = {}
        for picture in (self.ann[0], self.bob):
            (line,) = self.run_gallery("identify", "--aligned", BOTH, picture)
            self.assertEqual(line["also"]["embedder"], "mobilefacenet-512")
            found[picture] = line["faces"][0]
        self.assertEqual([found[p]["matches"][0]["name"] for p in found], ["Ann", "Bob"])
        self.assertEqual(found[self.bob]["matches"][0]["embedder"], "mobilefacenet-512")
        self.assertEqual([m["name"] for m in found[self.ann[0]]["matches"]], ["Ann", "Bob"])
        for face in found.values():
            self.assertLessEqual(sum(m["probability"] for m in face["matches"]), 1.0001)
        self.assertEqual({face["verdict"] for face in found.values()}, {"likely the same"})
        alone = self.run_gallery("identify", "--aligned", BOTH, "--same-person=0.5", self.bob)
        self.assertNotIn("also", alone[0])
        self.assertIn("--same-person is of the first embedder", self.said)

    @needs_photos
    def test_learn(self):
        """Off unless asked; who is somebody for sure gets one sample, by an event that can be undone."""
        photo = str(PHOTOS[0])
        self.run_gallery("enroll", "--keep-crops=no", "--force", "Ann", photo)
        self.run_gallery("identify", BOTH, photo)
        self.assertEqual(self.who_in(photo, NEW), [])
        self.run_gallery("identify", "--learn", BOTH, photo)
        self.assertIn("1 faces became samples", self.said)
        self.assertIn("Ann", self.who_in(photo, NEW))
        self.run_gallery("identify", "--learn", BOTH, photo)
        self.assertIn("0 faces became samples", self.said)
        event = self.run_gallery("gallery history", "--json")[-1]
        self.assertEqual((event["kind"], event["samples"]), ("samples added", 1))
        self.run_gallery("gallery undo", str(event["event"]))
        self.assertEqual(self.who_in(photo, NEW), [])
        self.assertEqual(mien("identify", "--learn", photo).returncode, 2)

    def who_in(self, photo, *args):
        (line,) = self.run_gallery("identify", photo, *args)
        return [f["matches"][0]["name"] for f in line["faces"] if f["verdict"] == "likely the same"]


if __name__ == "__main__":
    if not HAVE_NETWORKS or not Path(MODELS["weights"], "mobilefacenet-512.safetensors").exists():
        print("skipped: the networks are not installed")
        sys.exit(77)
    unittest.main()
