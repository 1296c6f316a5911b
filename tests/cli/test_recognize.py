#!/usr/bin/env python3
"""recognize: who is in pictures, by pictures of those who are known. No gallery is made of them."""
import os
import sys
import unittest
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from tool import BASE_ENV, Folder, HAVE_NETWORKS, MODELS, mien, objects, on_terminal  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"


@unittest.skipUnless(HAVE_NETWORKS, "no default networks")
class Recognize(Folder):
    def setUp(self):
        super().setUp()
        self.known, self.unknown = self.folder / "known", self.folder / "unknown"
        self.picture = Image.open(ASTRONAUT).convert("RGB")

    def save(self, path, picture):
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, compress_level=1)
        return str(path)

    def noise(self, path, strength):
        return self.save(path, Image.effect_noise((112, 112), strength).convert("RGB"))

    def test_by_folder_and_by_name(self):
        self.save(self.known / "Ann" / "1.png", self.picture)
        self.save(self.unknown / "a.png", self.picture.crop((5, 9, 512, 512)))
        before = {path for path in self.folder.rglob("*")}
        home = {**BASE_ENV, "XDG_DATA_HOME": str(self.folder), "MIEN_WEIGHTS": str(MODELS["weights"])}
        result = mien("recognize", str(self.known), str(self.unknown), env=home, cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        line, = objects(result)
        face = line["faces"][0]
        self.assertEqual((face["verdict"], face["matches"][0]["name"]), ("likely the same", "Ann"))
        self.assertEqual({path for path in self.folder.rglob("*")}, before)
        os.rename(self.known / "Ann" / "1.png", self.known / "Dr. Bob.png")
        told = on_terminal("recognize", str(self.known), str(self.unknown)).decode()
        self.assertRegex(told, r"a\.png: face at \d+,\d+: Dr\. Bob \(similarity 0\.9\d\b")

    def test_who_is_not_shown_well(self):
        noise = self.noise(self.known / "Cid.png", 90)
        unknown = self.noise(self.unknown / "b.png", 20)
        result = mien("recognize", "--aligned", str(self.known), unknown)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        first, second = result.stderr.splitlines()
        self.assertTrue(first.startswith(f"mien: {noise}: the face is "), first)
        self.assertTrue(first.endswith(": --force enrols it nevertheless"), first)
        self.assertEqual(second, f"mien: {self.known}: no picture shows who is known")
        result = mien("recognize", "--aligned", "--force", "--top=1", str(self.known), noise)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(objects(result)[0]["faces"][0]["matches"][0]["name"], "Cid")
        broken = self.write("known/Dan.png", b"no picture")
        result = mien("recognize", "--aligned", "--force", str(self.known), noise, "no.jpg")
        self.assertEqual(result.returncode, 1)
        self.assertIn(broken, result.stderr)
        first, second = objects(result)
        self.assertEqual((len(first["faces"]), second["file"]), (1, "no.jpg"))
        self.assertEqual(mien("recognize", str(self.known)).returncode, 2)


if __name__ == "__main__":
    unittest.main()
