#!/usr/bin/env python3
"""enroll refuses what would spoil a person, and says why; --force enrols it and keeps the reasons; the
aligned face is kept; what was spoilt is found by gallery doctor. The pictures are made of the demo's
astronaut, and of noise."""
import base64
import io
import json
import shlex
import sys
import unittest
from pathlib import Path

from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).parent))
from tool import Folder, HAVE_NETWORKS, mien, objects, on_terminal  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"


@unittest.skipUnless(HAVE_NETWORKS, "no default networks")
class Gate(Folder):
    @classmethod
    def setUpClass(cls):
        cls.picture = Image.open(ASTRONAUT).convert("RGB")

    def save(self, name, picture):
        path = str(self.folder / f"{name}.png")
        picture.save(path, compress_level=1)
        return path

    def enroll(self, *args, fails=0):
        result = mien("enroll", f"--gallery={self.folder}/g.db", *args)
        self.assertEqual(result.returncode, fails, result.stderr)
        return objects(result)

    def samples(self):
        path = self.folder / "e.jsonl"
        path.unlink(missing_ok=True)
        result = mien("gallery export", str(path), f"--gallery={self.folder}/g.db")
        self.assertEqual(result.returncode, 0, result.stderr)
        return [line["sample"] for line in map(json.loads, path.read_text().splitlines())
                if "sample" in line]

    def test_what_is_wrong_with_the_picture(self):
        worse = {
            "blurred": self.picture.filter(ImageFilter.GaussianBlur(3)),
            "dark": self.picture.point(lambda v: v // 14),
            "too_small": self.picture.resize((170, 170)).crop((25, 0, 125, 100)),
        }
        paths = {reason: self.save(reason, picture) for reason, picture in worse.items()}
        lines = self.enroll("Ann", *paths.values(), fails=1)
        for reason, line in zip(paths, lines):
            self.assertEqual(line["outcome"], "refused")
            self.assertIn(reason, line["reasons"])
            self.assertRegex(line["error"], r"^the face is .*: --force enrols it nevertheless$")
            self.assertNotIn("sample", line)
        forced = self.enroll("--force", "Ann", paths["blurred"], paths["dark"])
        for refused, line in zip(lines, forced):
            self.assertEqual((line["outcome"], line["reasons"]), ("enrolled", refused["reasons"]))
            self.assertEqual(line["forced"], refused["error"].removesuffix(
                ": --force enrols it nevertheless"))
        self.assertEqual([s["forced"] for s in self.samples()], [line["forced"] for line in forced])

    def test_what_the_others_say(self):
        good, again = self.save("good", self.picture), self.save("again", self.picture.crop(
            (4, 0, 512, 512)))
        line, = self.enroll("Ann", good)
        self.assertEqual((line["outcome"], line["forced"], line["reasons"]), ("enrolled", None, []))
        line, = self.enroll("Bob", again, fails=1)
        self.assertEqual(line["reasons"], ["like_another"])
        self.assertRegex(line["error"], r"^the face is like Ann \(similarity 0\.9\d\): --force ")
        line, = self.enroll("Ann", again)
        self.assertEqual(line["outcome"], "enrolled")
        noise = self.save("noise", Image.effect_noise((112, 112), 90).convert("RGB"))
        line, = self.enroll("--aligned", "--force", "Cid", noise)
        self.assertIn("weak_features", line["reasons"])
        line, = self.enroll("Cid", self.save("third", self.picture.crop((8, 0, 512, 512))), fails=1)
        self.assertEqual(line["reasons"], ["not_like_others", "like_another"])

    def test_the_aligned_face_is_kept(self):
        """It is what the embedder saw: its embedding is the sample's."""
        self.enroll("Ann", str(ASTRONAUT))
        sample, = self.samples()
        crop = base64.b64decode(sample["crop"])
        self.assertEqual(Image.open(io.BytesIO(crop)).size, (112, 112))
        path = self.write("crop.png", crop)
        embedded, = objects(mien("embed", "--aligned", path))
        self.assertEqual(embedded["faces"][0]["embedding"], sample["embedding"])
        self.enroll("--aligned", "--force", "Bob", path)
        self.assertEqual([base64.b64decode(s["crop"]) for s in self.samples()], [crop, crop])

    def test_or_not(self):
        self.enroll("--keep-crops=no", "Ann", str(ASTRONAUT))
        self.assertNotIn("crop", {k for s in self.samples() for k, v in s.items() if v})

    def test_compared_with_a_person(self):
        good = self.save("good", self.picture)
        sample, = self.enroll("Ann", good)
        again = self.save("again", self.picture.crop((9, 5, 512, 512)))
        result = mien("compare", "--person=Ann", again, f"--gallery={self.folder}/g.db")
        self.assertEqual(result.returncode, 0, result.stderr)
        told, = objects(result)
        pair, = objects(mien("compare", again, good))
        self.assertEqual({k: told[k] for k in ("similarity", "verdict", "threshold")},
                         {k: pair[k] for k in ("similarity", "verdict", "threshold")})
        self.assertEqual((told["name"], told["sample"]), ("Ann", sample["sample"]))
        for args in [("--person=Ann", again, good), (again,)]:
            self.assertEqual(mien("compare", *args).returncode, 2)
        result = mien("compare", "--person=Zoe", again, f"--gallery={self.folder}/g.db")
        self.assertEqual((result.returncode, result.stderr), (1, "mien: nobody is called Zoe\n"))

    def doctor(self):
        result = mien("gallery doctor", f"--gallery={self.folder}/g.db")
        self.assertEqual(result.returncode, 0, result.stderr)
        return objects(result)

    def test_the_doctor_finds_what_was_forced_and_its_repairs_repair_it(self):
        good = self.save("good", self.picture)
        again = self.save("again", self.picture.crop((9, 5, 512, 512)))
        noise = [self.save(f"noise{i}", Image.effect_noise((112, 112), 90 + i).convert("RGB"))
                 for i in range(2)]
        self.enroll("Ann", good)
        self.assertEqual(self.doctor(), [])
        odd, = self.enroll("--aligned", "--force", "Ann", noise[0])
        other, = self.enroll("--force", "Bob", again)
        self.enroll("--aligned", "--force", "O'Cid", noise[1])
        twin = self.write("twin.png", Path(noise[1]).read_bytes() + b"more")
        twice, = self.enroll("--aligned", "--force", "O'Cid", twin)
        found = {f["kind"]: f for f in self.doctor()}
        self.assertEqual(set(found), {"mislabelled", "confusable", "duplicate"})
        self.assertEqual(found["mislabelled"]["samples"], [odd["sample"]])
        self.assertEqual((found["mislabelled"]["name"], found["mislabelled"]["other_name"]),
                         ("Ann", "O'Cid"))
        self.assertEqual((found["confusable"]["person"], found["confusable"]["other"]),
                         (self.samples()[0]["person"], other["person"]))
        self.assertEqual(found["duplicate"]["samples"], [twice["sample"]])
        told = on_terminal("gallery", "doctor", f"--gallery={self.folder}/g.db").decode()
        self.assertIn(f"Ann: {odd['sample']} is not like the others (similarity ", told)
        self.assertIn("Ann and Bob may be one person: their samples ", told)
        for finding in found.values():
            self.assertIn(f"    {finding['repair']}\r\n", told)
            words = shlex.split(finding["repair"])
            result = mien(" ".join(words[1:3]), *words[3:])
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([f for f in self.doctor() if f["kind"] != "duplicate"], [])


if __name__ == "__main__":
    unittest.main()
