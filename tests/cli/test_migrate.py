#!/usr/bin/env python3
"""gallery migrate: samples of one embedder get embeddings of another, of the faces that are kept; both find
people meanwhile; from the cut over on only the new one, until that is undone. Faces are crops of noise."""
import random
import sqlite3
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, MODELS, Folder, mien, objects, png  # noqa: E402

NEW = "--embedder=mobilefacenet-512"


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


if __name__ == "__main__":
    if not HAVE_NETWORKS or not Path(MODELS["weights"], "mobilefacenet-512.safetensors").exists():
        print("skipped: the networks are not installed")
        sys.exit(77)
    unittest.main()
