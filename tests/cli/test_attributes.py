#!/usr/bin/env python3
"""--attributes and --method: what is told of a face, and by which networks, with the network that
comes with mien and reads features of the embedder."""
import os
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, MODELS, PHOTOS, mien, objects  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"
WITH = ("--age-gender", "face-joint", "--classifier", "none", "--json")


def face(*options):
    result = mien("analyze", *WITH, *options, str(PHOTOS[0]))
    if result.returncode:
        raise AssertionError(result.stderr)
    return objects(result)[0]["faces"][0]


def covered(path, found, target):
    """The picture with a plain mask before the face."""
    left, right, nose, *mouth = (np.array(p) for p in found["landmarks"])
    across, middle = right - left, (left + right) / 2
    down = (mouth[0] + mouth[1]) / 2 - middle
    place = lambda x, y: tuple(middle + x * across + y * down)
    picture = Image.open(path).convert("RGB")
    ImageDraw.Draw(picture).polygon(
        [place(x, y) for x, y in ((0, .25), (.9, .45), (.85, 1.1), (.4, 1.5), (0, 1.55),
                                  (-.4, 1.5), (-.85, 1.1), (-.9, .45))], fill=(150, 190, 215))
    picture.save(target)


class Attributes(unittest.TestCase):
    def told(self, *options):
        return set(face(*options)) - {"box", "score", "landmarks", "too_small"}

    def test_race_is_told_only_by_name(self):
        self.assertEqual(self.told(), {"age", "age_range", "gender"})
        self.assertEqual(self.told("--attributes", "gender"), {"gender"})
        self.assertEqual(self.told("--attributes", "race,gender"), {"race", "gender"})
        everything = {"age", "age_range", "gender", "race"}
        self.assertEqual(self.told("--attributes", "default,race"), everything)
        self.assertEqual(self.told("--attributes", "all"), everything)

    def test_certainty(self):
        found = face("--attributes", "all")
        age = found["age_range"]
        self.assertTrue(age["low"] <= found["age"] <= age["high"])
        self.assertEqual(age["interval"], 0.8)
        for told, label in ((age, age["group"]), (found["gender"], found["gender"]["value"]),
                            (found["race"], found["race"]["value"])):
            shares = told["distribution"]
            self.assertAlmostEqual(sum(shares.values()), 1, places=4)
            self.assertEqual(max(shares, key=shares.get), label)
            self.assertEqual(shares[label], told["probability"])
        self.assertEqual(len(found["race"]["distribution"]), 7)

    def test_embeddings_are_what_they_are_without(self):
        both = face("--embeddings")
        (entry,) = objects(mien("embed", str(PHOTOS[0])))
        self.assertEqual(both["embedding"], entry["faces"][0]["embedding"])
        self.assertEqual(both["gender"], face()["gender"])

    def test_networks_of_their_own(self):
        """--method separate: a network for each, which the default option then stands for."""
        options = ("--classifier", "none", "--json", "--attributes", "all")
        (entry,) = objects(mien("analyze", *options, "--method", "separate", str(PHOTOS[0])))
        (listed,) = objects(mien("analyze", *options, "--age-gender",
                                 "face-age,face-gender,face-race", str(PHOTOS[0])))
        keys = {"age", "age_range", "gender", "race"}
        for one in entry, listed:
            self.assertLessEqual(keys, set(one["faces"][0]))
        for key in keys:
            self.assertEqual(entry["faces"][0][key], listed["faces"][0][key])

    def test_masks_only_where_they_are_asked_for(self):
        """The network that tells them is then loaded beside the others, of either method."""
        self.assertEqual(self.told("--attributes", "mask"), {"mask"})
        both = face("--attributes", "default,mask", "--method", "separate")
        self.assertLessEqual({"age", "gender", "mask"}, set(both))
        with tempfile.TemporaryDirectory(prefix="mien-attributes-") as folder:
            picture = os.path.join(folder, "masked.png")
            covered(ASTRONAUT, self.analyze(ASTRONAUT), picture)
            self.assertGreater(self.analyze(picture)["mask"]["probability"], 0.9)
        self.assertLess(self.analyze(ASTRONAUT)["mask"]["probability"], 0.1)

    def analyze(self, path):
        (entry,) = objects(mien("analyze", *WITH, "--attributes", "mask", str(path)))
        return max(entry["faces"], key=lambda f: f["score"])

    def test_what_is_not_there(self):
        for options, status, sentence in (
                (("--attributes", "mood"), 2, "no network tells 'mood'; there are age, gender, race"),
                (("--attributes", "m" * 99), 2, "too long"),
                (("--method", "each"), 2, "not one of joint, separate"),
                (("--age-gender", "face-joint,face-none"), 1, "face-none is not installed")):
            with self.subTest(options):
                result = mien("analyze", *WITH, *options, str(PHOTOS[0]))
                self.assertEqual(result.returncode, status)
                self.assertIn(sentence, result.stderr)

    def test_without_the_network_whose_features_are_read(self):
        with tempfile.TemporaryDirectory(prefix="mien-attributes-") as folder:
            name = "retinaface-mnet025-v2.safetensors"
            os.symlink(Path(MODELS["weights"], name).resolve(), Path(folder, name))
            result = mien("analyze", "--no-cache", "--weights", folder, *WITH, str(PHOTOS[0]))
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn("network face-joint reads features of mobilefacenet-192, which is not "
                      f"installed in {folder}: run 'mien-weights fetch mobilefacenet-192'",
                      result.stderr)

    def test_figures(self):
        text = mien("models", "face-joint").stdout.decode()
        for name in ("age", "gender", "race"):
            self.assertRegex(text, rf"{name} is right, on ")
        (entry,) = objects(mien("models", "--json", "face-joint"))
        self.assertEqual(set(entry["measured"]), {"age", "gender", "race"})
        self.assertEqual(mien("models", "face-none").returncode, 1)


if __name__ == "__main__":
    if not (HAVE_NETWORKS and PHOTOS):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
