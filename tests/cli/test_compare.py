#!/usr/bin/env python3
"""compare: what it says of two pictures is what embed's numbers say."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import (Folder, HAVE_NETWORKS, PHOTOS, mien, needs_photos, objects,  # noqa: E402
                  on_terminal, png)


def embedding(photo):
    return objects(mien("embed", "--face=main", str(photo)))[0]["faces"][0]


class Compare(Folder):
    @needs_photos
    def test_the_similarity_is_the_cosine(self):
        a, b = map(str, PHOTOS[:2])
        first, second = embedding(a), embedding(b)
        (found,) = objects(mien("compare", a, b))
        cosine = sum(x * y for x, y in zip(first["embedding"], second["embedding"]))
        self.assertAlmostEqual(found["similarity"], cosine, places=5)
        self.assertEqual(found["files"], [a, b])
        self.assertEqual([f["box"] for f in found["faces"]], [first["box"], second["box"]])
        (info,) = objects(mien("info", "--json", "mobilefacenet-192"))
        self.assertEqual(found["threshold"], info["same_person"])
        self.assertEqual(found["same_person"], cosine >= found["threshold"])

    @needs_photos
    def test_three_verdicts(self):
        a, b = map(str, PHOTOS[:2])
        similarity = objects(mien("compare", a, b))[0]["similarity"]
        for threshold, verdict in [(similarity - 0.01, "likely the same"),
                                   (similarity + 0.01, "unsure"), (similarity + 0.09, "unsure"),
                                   (similarity + 0.11, "different")]:
            args = ["compare", f"--same-person={threshold}", a, b]
            self.assertEqual(objects(mien(*args))[0]["verdict"], verdict)
            line = on_terminal(*args).decode().strip()
            self.assertEqual(line, f"{verdict}: similarity {similarity:.2f}, one person from "
                                   f"{threshold:.2f} on")

    @needs_photos
    def test_failures(self):
        empty = self.write("empty.png", png(60, 60))
        result = mien("compare", str(PHOTOS[0]), empty)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertEqual(result.stderr, f"mien: {empty}: no face was found\n")
        result = mien("compare", "no.jpg", str(PHOTOS[0]))
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertEqual(result.stderr, "mien: no.jpg: No such file or directory\n")
        result = mien("compare", str(self.folder), empty)
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    if not (HAVE_NETWORKS and len(PHOTOS) > 1):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
