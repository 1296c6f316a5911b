#!/usr/bin/env python3
"""--search: faces that one look at 640 pixels loses are found by auto, at any --size and however the
picture is held; `fast` stays one look. The pictures are made of the demo's astronaut."""
import sys
import unittest
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from tool import DEFAULT_SEARCH, Folder, HAVE_NETWORKS, mien, objects, without_timing  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"
TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180,
         270: Image.Transpose.ROTATE_90}
BACK = {0: 0, 90: 270, 180: 180, 270: 90}


def overlap(a, b):
    """Intersection over union."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def turn(point, degrees, width, height):
    """Where a point of a picture lies when that is turned clockwise."""
    x, y = point
    return {0: (x, y), 90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}[degrees]


@unittest.skipUnless(HAVE_NETWORKS, "no default networks")
class Search(Folder):
    @classmethod
    def setUpClass(cls):
        cls.astronaut = Image.open(ASTRONAUT).convert("RGB")
        (cls.upright,) = objects(mien("analyze", "--classifier", "none", str(ASTRONAUT),
                                      env=DEFAULT_SEARCH))
        (cls.face,) = cls.upright["faces"]

    def run_tool(self, command, paths, *options):
        result = mien(command, *options, *paths, env=DEFAULT_SEARCH)
        self.assertEqual(result.returncode, 0, result.stderr)
        return objects(result)

    def save(self, picture, name="picture.png"):
        picture.save(self.folder / name, compress_level=1)
        return str(self.folder / name)

    def detect(self, picture, *options):
        (line,) = self.run_tool("detect", [self.save(picture)], *options)
        return line

    def pasted(self, size, side, places):
        """The astronaut's head at these places, its face `side` pixels high, on grey."""
        box = self.face["box"]
        height, middle = box[3] - box[1], ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        head = self.astronaut.crop([round(middle[0] - height), round(middle[1] - height),
                                    round(middle[0] + height), round(middle[1] + height)])
        head = head.resize((2 * side, 2 * side), Image.Resampling.LANCZOS)
        canvas = Image.new("RGB", size, (120, 120, 120))
        for x, y in places:
            canvas.paste(head, (x - side, y - side))
        return canvas

    def found(self, line, side, places):
        """How many of the places have a face of about that size."""
        boxes = [[x - .37 * side, y - side / 2, x + .37 * side, y + side / 2] for x, y in places]
        return sum(any(overlap(b, f["box"]) > .4 for f in line["faces"]) for b in boxes)

    def test_turned(self):
        size = self.astronaut.size
        paths = [self.save(self.astronaut.transpose(how), f"{degrees}.png")
                 for degrees, how in TURNS.items()]
        lines = self.run_tool("analyze", paths, "--classifier", "none")
        for degrees, line in zip(TURNS, lines):
            self.assertEqual(line["turned"], BACK[degrees])
            (face,) = line["faces"]
            corners = [turn(self.face["box"][i:i + 2], degrees, *size) for i in (0, 2)]
            box = [min(c[0] for c in corners), min(c[1] for c in corners),
                   max(c[0] for c in corners), max(c[1] for c in corners)]
            self.assertGreater(overlap(face["box"], box), .9)
            for mine, upright in zip(face["landmarks"], self.face["landmarks"]):
                for got, want in zip(mine, turn(upright, degrees, *size)):
                    self.assertLess(abs(got - want), .05 * (box[3] - box[1]))
            # What looks at faces sees it upright.
            self.assertLess(abs(face["age"] - self.face["age"]), 3)
            self.assertEqual(face["gender"]["value"], self.face["gender"]["value"])
        for line in self.run_tool("detect", paths, "--search", "fast"):
            self.assertNotIn("turned", line)
        self.assertNotIn("turned", self.upright)

    def test_turned_and_large(self):
        """A picture that is scaled down before it is turned."""
        large = self.astronaut.resize((1600, 1600), Image.Resampling.BILINEAR)
        line = self.detect(large.transpose(TURNS[90]))
        self.assertEqual(line["turned"], 270)
        want = [3.125 * v for v in self.face["box"]]
        want = [1600 - want[3], want[0], 1600 - want[1], want[2]]
        self.assertGreater(overlap(line["faces"][0]["box"], want), .85)

    def test_several(self):
        """Each picture's answer is the one it has alone."""
        paths = [self.save(self.astronaut, "a.png"),
                 self.save(self.astronaut.transpose(TURNS[180]), "b.png"),
                 self.save(self.astronaut.resize((96, 96)), "c.png"),
                 self.save(self.astronaut.resize((1200, 1200)), "d.png"),
                 self.save(Image.new("RGB", (300, 200)), "e.png")]
        options = ("detect", "--threshold", "0.7")
        together = mien(*options, "--batch", "5", *paths, env=DEFAULT_SEARCH)
        alone = [without_timing(mien(*options, path, env=DEFAULT_SEARCH))[0] for path in paths]
        self.assertEqual(without_timing(together), alone)
        self.assertEqual([len(a["faces"]) for a in alone], [1, 1, 1, 1, 0])

    def test_small_in_large(self):
        """Faces of 32 pixels in a picture of 1600, of which a look at 640 leaves thirteen."""
        places = [(x, y) for y in range(60, 1200, 180) for x in range(60, 1600, 180)]
        picture = self.pasted((1600, 1200), 32, places)
        found = {how: self.found(self.detect(picture, "--search", how), 32, places)
                 for how in ("fast", "auto")}
        self.assertLess(found["fast"], .5 * len(places))
        self.assertGreaterEqual(found["auto"], .95 * len(places))

    def test_crowd(self):
        """Faces of 12 pixels, which want to be enlarged; each is found once where parts overlap."""
        places = [(x, y) for y in range(40, 500, 50) for x in range(40, 700, 50)]
        picture = self.pasted((700, 500), 12, places)
        lines = {how: self.detect(picture, "--search", how) for how in ("auto", "thorough")}
        found = {how: self.found(line, 12, places) for how, line in lines.items()}
        self.assertGreaterEqual(found["thorough"], .9 * len(places))
        self.assertLess(found["auto"], found["thorough"])
        boxes = [f["box"] for f in lines["thorough"]["faces"]]
        self.assertFalse([1 for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b) > .4])

    def test_small_pictures(self):
        """Faces of 24 pixels in pictures of 60."""
        picture = self.pasted((60, 60), 24, [(30, 30)])
        for search, faces in ("auto", 1), ("fast", 0):
            line = self.detect(picture, "--search", search, "--threshold", "0.97")
            self.assertEqual(self.found(line, 24, [(30, 30)]), faces, search)

    def test_large_faces(self):
        """Faces of 260 to 1200 pixels are found at any size, once each."""
        faces = [(260, (2000, 1500)), (700, (2000, 1500)), (1200, (2000, 2000))]
        middle = [[(width // 2, height // 2)] for _, (width, height) in faces]
        paths = [self.save(self.pasted(size, side, at), f"{side}.png")
                 for (side, size), at in zip(faces, middle)]
        for size in "0", "2048", "320", "160":
            lines = self.run_tool("detect", paths, "--size", size, "--threshold", "0.7")
            for (side, _), at, line in zip(faces, middle, lines):
                self.assertEqual(len(line["faces"]), 1, (side, size))
                self.assertEqual(self.found(line, side, at), 1, (side, size))


if __name__ == "__main__":
    unittest.main()
