#!/usr/bin/env python3
"""--embedder A+B: two embedders as one, wherever one is taken. Similarities are the mean of both; a gallery keeps
what the pair makes apart from what either does, and a collection may go over to it. Faces are crops of noise."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from test_migrate import noise  # noqa: E402
from tool import HAVE_NETWORKS, MODELS, Folder, mien, objects  # noqa: E402

NAMES = "mobilefacenet-192", "mobilefacenet-512"
PAIR = f"--embedder={'+'.join(NAMES)}"
TURNED = f"--embedder={'+'.join(reversed(NAMES))}"


class Pair(Folder):
    def setUp(self):
        super().setUp()
        self.gallery = f"--gallery={self.folder}/g.db"
        self.ann, self.bob = (self.write(f"{i}.png", noise(i)) for i in (1, 7))

    def run_gallery(self, *args, fails=False):
        result = mien(*args, self.gallery)
        self.said = result.stderr
        self.assertEqual(result.returncode, int(fails), result.stderr)
        return objects(result) if result.stdout else []

    def embedded(self, *args):
        (line,) = objects(mien("embed", "--aligned", "--quality", *args))
        return line["faces"][0]

    def similarity(self, embedder):
        a, b = (self.embedded(embedder, path)["embedding"] for path in (self.ann, self.bob))
        return sum(x * y for x, y in zip(a, b, strict=True))

    def test_mean(self):
        mean = sum(self.similarity(f"--embedder={name}") for name in NAMES) / 2
        self.assertAlmostEqual(self.similarity(PAIR), mean, 5)
        self.assertAlmostEqual(self.similarity(TURNED), mean, 5)
        of = [self.embedded(f"--embedder={name}", self.ann) for name in NAMES]
        both = self.embedded(PAIR, self.ann)
        self.assertEqual(both["quality"]["feature_norm"], of[0]["quality"]["feature_norm"])
        self.assertEqual(both["quality"]["unified_score"], of[0]["quality"]["unified_score"])
        expected = [v * 0.5 ** 0.5 for one in of for v in one["embedding"]]
        self.assertEqual(len(expected), 192 + 512)
        for got, value in zip(both["embedding"], expected, strict=True):
            self.assertAlmostEqual(got, value, 6)

    def test_precisions(self):
        """Each network of the pair runs as it does alone."""
        for precision in "bf16", "int8":
            of = [self.embedded(f"--embedder={name}", f"--precision={precision}", self.ann)["embedding"]
                  for name in NAMES]
            both = self.embedded(PAIR, f"--precision={precision}", self.ann)["embedding"]
            for got, value in zip(both, (v * 0.5 ** 0.5 for one in of for v in one), strict=True):
                self.assertAlmostEqual(got, value, 6)

    def test_gallery(self):
        self.run_gallery("enroll", "--aligned", "--force", PAIR, "Ann", self.ann)
        self.run_gallery("enroll", "--aligned", "--force", PAIR, "Bob", self.bob)
        (line,) = self.run_gallery("identify", "--aligned", PAIR, self.bob)
        (best, other) = line["faces"][0]["matches"]
        self.assertEqual((best["name"], other["name"]), ("Bob", "Ann"))
        self.assertAlmostEqual(best["similarity"], 1, 5)
        self.assertGreater(best["probability"], .9)
        (table,) = objects(mien("thresholds", "--json", PAIR.split("=")[1]))
        self.assertAlmostEqual(line["threshold"], next(  # of ten faces here, of two there: less
            row["similarity"] for row in table["thresholds"] if (row["faces"], row["fpir"]) == (10, .01)), delta=.1)
        for other in (*(f"--embedder={name}" for name in NAMES), TURNED):
            self.run_gallery("identify", "--aligned", other, self.bob)
            self.assertIn("nobody was enrolled with", self.said)
        self.run_gallery("gallery doctor", PAIR)
        self.run_gallery("cluster", "--aligned", "--force", PAIR, self.write("c.png", noise(9)))

    def test_migration(self):
        """From one network to the pair; then the one is refused."""
        self.run_gallery("enroll", "--aligned", "--force", "Ann", self.ann)
        self.run_gallery("gallery migrate", PAIR, "--cut-over")
        (line,) = self.run_gallery("identify", "--aligned", PAIR, self.ann)
        self.assertEqual(line["faces"][0]["matches"][0]["name"], "Ann")
        self.run_gallery("identify", "--aligned", self.ann, fails=True)
        self.assertIn("goes by another network since it was migrated", self.said)

    def test_info_and_refusals(self):
        told = objects(mien("info", "--json", "+".join(NAMES)))
        self.assertEqual([one["name"] for one in told], list(NAMES))
        for name, sentence in (
                (NAMES[0] + "+nobody", "network nobody is not installed in"),
                ("nobody+" + NAMES[0], "network nobody is not installed in"),
                (NAMES[0] + "+", "is not NETWORK+NETWORK, two embedders that work as one"),
                (f"{NAMES[0]}+{NAMES[0]}", "that is one network twice"),
                (NAMES[0] + "+retinaface-mnet025-v2", "does not embed faces; it can detect faces")):
            result = mien("embed", "--aligned", f"--embedder={name}", self.ann)
            self.assertEqual(result.returncode, 1)
            self.assertIn(sentence, result.stderr)
        result = mien("bench", "+".join(NAMES))
        self.assertEqual(result.returncode, 1)
        self.assertIn("is two networks: ask each of them", result.stderr)


if __name__ == "__main__":
    if not HAVE_NETWORKS or not all(
            Path(MODELS["weights"], f"{name}.safetensors").exists() for name in NAMES):
        print("skipped: the networks are not installed")
        sys.exit(77)
    unittest.main()
