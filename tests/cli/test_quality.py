#!/usr/bin/env python3
"""--quality: every face has `pose` and `quality`, nothing else changes, and what makes a picture
worse makes its score no better and names the reason. The pictures are made of the demo's
astronaut."""
import sys
import unittest
from pathlib import Path

from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).parent))
from tool import DEFAULT_SEARCH, Folder, HAVE_NETWORKS, mien, without_timing  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"
PLAIN = ("--age-gender", "none", "--classifier", "none")
FEATURES = {"feature_norm", "unified_score"}  # where an embedder runs
NUMBERS = {"eye_distance", "sharpness", "noise", "dark", "bright", "contrast", "turned", "inside"}


@unittest.skipUnless(HAVE_NETWORKS, "no default networks")
class Quality(Folder):
    @classmethod
    def setUpClass(cls):
        cls.picture = Image.open(ASTRONAUT).convert("RGB")

    def run_tool(self, *args, env=None):
        result = mien(*args, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        return without_timing(result)

    def ask(self, pictures, command="detect", *options, env=None):
        """The best face of each picture."""
        paths = []
        for i, picture in enumerate(pictures):
            paths.append(str(self.folder / f"{i}.png"))
            picture.save(paths[-1], compress_level=1)
        return [line["faces"][0] for line in self.run_tool(command, "--quality", *options, *paths,
                                                           env=env)]

    def test_nothing_else_changes(self):
        for command in ("analyze", "detect", "embed"):
            with self.subTest(command):
                options = PLAIN if command == "analyze" else ()
                (plain,) = self.run_tool(command, *options, "--size", "640", str(ASTRONAUT))
                (told,) = self.run_tool(command, *options, "--size", "640", "--quality",
                                        str(ASTRONAUT))
                for face in told["faces"]:
                    quality = face.pop("quality")
                    features = FEATURES if command == "embed" else set()
                    self.assertEqual(set(quality), NUMBERS | {"score", "reasons"} | features)
                    self.assertEqual(set(face.pop("pose")), {"pitch", "yaw", "roll"})
                    self.assertGreater(quality["score"], 0.9)
                    self.assertEqual(quality["reasons"], [])
                if command != "detect":  # which decodes at a reduced scale without
                    self.assertEqual(told, plain)

    def test_compare_tells_both(self):
        (answer,) = self.run_tool("compare", "--quality", str(ASTRONAUT), str(ASTRONAUT))
        for face in answer["faces"]:
            self.assertLess({"pose", "quality"}, set(face))

    def test_worse_and_worse(self):
        """As aligned crops, so that no detector has to find what is left of them."""
        (found,) = self.ask([self.picture])
        left, top, right, bottom = found["box"]
        middle, half = ((left + right) / 2, (top + bottom) / 2), (bottom - top) / 2
        head = self.picture.crop([round(m + s * half) for s in (-1, 1) for m in middle])
        head = head.resize((112, 112), Image.Resampling.LANCZOS)
        kinds = {
            "blurred": [head.filter(ImageFilter.GaussianBlur(r)) for r in (0, 1, 2, 3)],
            "dark": [head.point(lambda v, k=k: int(v * k)) for k in (1, .5, .2, .08)],
            "bright": [head.point(lambda v, k=k: min(255, int(v * k))) for k in (1, 1.5, 2.2, 3)],
            "flat": [head.point(lambda v, k=k: int(128 + (v - 128) * k)) for k in (1, .4, .15, .08)],
        }
        measures = {"blurred": "sharpness", "dark": "dark", "bright": "bright", "flat": "contrast"}
        for reason, pictures in kinds.items():
            with self.subTest(reason):
                found = [face["quality"] for face in self.ask(pictures, "embed", "--aligned")]
                scores = [quality["score"] for quality in found]
                self.assertEqual(scores, sorted(scores, reverse=True))
                self.assertNotIn(reason, found[0]["reasons"])
                self.assertIn(reason, found[-1]["reasons"])
                values = [quality[measures[reason]] for quality in found]
                falls = reason in ("blurred", "flat")
                self.assertEqual(values, sorted(values, reverse=falls))

    def test_features_of_what_is_hardly_a_face(self):
        """A face that is hidden: all that is measured without a network finds nothing wrong."""
        hidden = self.picture.resize((112, 112)).copy()
        hidden.paste((120, 90, 80), (0, 30, 112, 100))
        for options in (), ("--precision", "int8"):
            blurred = self.picture.resize((112, 112)).filter(ImageFilter.GaussianBlur(4))
            found = [face["quality"] for face in
                     self.ask([blurred, hidden], "embed", "--aligned", *options)]
            for quality in found:
                self.assertLess(quality["unified_score"], .3)
                self.assertEqual(quality["reasons"][-1], "weak_features")
        (whole,) = self.ask([self.picture], "analyze", *PLAIN, "--embeddings")
        self.assertGreater(whole["quality"]["unified_score"], .9)
        self.assertEqual(whole["quality"]["reasons"], [])

    def test_turned_pictures(self):
        """The face is measured upright, as networks see it, and mirrored it looks the other way."""
        upright, lying, mirrored = self.ask(
            [self.picture, self.picture.transpose(Image.Transpose.ROTATE_90),
             self.picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)],
            "detect", "--size", "0", env=DEFAULT_SEARCH)
        for angle in ("pitch", "yaw", "roll"):
            self.assertAlmostEqual(lying["pose"][angle], upright["pose"][angle], delta=5)
        self.assertAlmostEqual(lying["quality"]["sharpness"], upright["quality"]["sharpness"],
                               delta=.05)
        self.assertAlmostEqual(mirrored["pose"]["yaw"], -upright["pose"]["yaw"], delta=8)
        self.assertAlmostEqual(mirrored["pose"]["pitch"], upright["pose"]["pitch"], delta=5)

    def test_aligned_crops(self):
        crop = self.picture.resize((112, 112))
        (face,) = self.ask([crop], "embed", "--aligned")
        self.assertAlmostEqual(face["quality"]["eye_distance"], 73.5318 - 38.2946, delta=.6)
        self.assertEqual(face["quality"]["inside"], 1)


if __name__ == "__main__":
    unittest.main()
