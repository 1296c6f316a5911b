"""The measures of `mien eval` against their twins in numpy, on random data: average precision with
its curve, calibration, and intervals by their definitions.
"""
import json
import os
import subprocess
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import metrics  # noqa: E402

SEED = int(os.environ.get("MIEN_TEST_SEED", "1"))
MEASURE = os.environ.get("MIEN_MEASURE", "build/tests/measure")


def measure(**given):
    done = subprocess.run([MEASURE], input=json.dumps(given).encode(), stdout=subprocess.PIPE,
                          check=True)
    return json.loads(done.stdout)


def boxes_near(random, faces, n):
    """n boxes, most of which lie on a face, moved and scaled a little."""
    boxes = random.uniform(0, 300, (n, 2)).repeat(2, axis=0).reshape(n, 4)
    boxes[:, 2:] += random.uniform(5, 60, (n, 2))
    for i in range(n):
        if len(faces) and random.random() < 0.7:
            boxes[i] = faces[random.integers(len(faces))] + random.normal(0, 4, 4)
    return boxes


def picture(random):
    faces = random.uniform(0, 300, (random.integers(0, 6), 2)).repeat(2, axis=0).reshape(-1, 4)
    faces[:, 2:] += random.uniform(10, 60, (len(faces), 2))
    boxes = boxes_near(random, faces, random.integers(0, 12))
    # Some scores are equal, and some lie on a threshold.
    scores = np.sort(random.choice([random.random(), 0.25, 0.5, 0.9], len(boxes))
                     if random.random() < 0.5 else random.random(len(boxes)))[::-1]
    return faces, random.random(len(faces)) < 0.7, boxes, scores


class Twins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("seed", SEED)
        cls.random = np.random.default_rng(SEED)

    def test_average_precision(self):
        for _ in range(8):
            found = [picture(self.random) for _ in range(int(self.random.integers(2, 12)))]
            # Each has faces that count, and scores that differ: else there is no figure.
            found.append((np.array([[0, 0, 9, 9.0]]), np.array([True]),
                          np.array([[0, 0, 9, 9.0], [50, 50, 60, 60]]), np.array([0.97, 0.01])))
            ours = measure(pictures=[{"faces": f.tolist(), "count": [int(x) for x in c],
                                      "boxes": b.tolist(), "scores": s.tolist()}
                                     for f, c, b, s in found])
            predictions = {str(i): (b, s) for i, (_, _, b, s) in enumerate(found)}
            annotations = [{"file": str(i), "boxes": f.tolist(),
                            **dict.fromkeys(metrics.LEVELS, np.flatnonzero(c))}
                           for i, (f, c, _, _) in enumerate(found)]
            twin = metrics.wider_ap(predictions, annotations)["easy"]
            self.assertAlmostEqual(ours["ap"], twin, 12)
            recall, precision = np.array(ours["curve"]).T
            self.assertAlmostEqual(metrics.voc_ap(recall, precision), twin, 12)

    def test_calibration(self):
        for n in (1, 10, 3000):
            confidence, right = self.random.random(n), self.random.random(n) < 0.6
            bins = np.minimum((confidence * 15).astype(int), 14)
            twin = sum(abs(confidence[bins == b].mean() - right[bins == b].mean())
                       * np.mean(bins == b) for b in np.unique(bins))
            ours = measure(answers=[[c, int(r)] for c, r in zip(confidence, right)])
            self.assertAlmostEqual(ours["ece"], twin, 12)

    def test_wilson(self):
        """At an end of the interval what was found lies just 1.96 deviations from that end."""
        shares = [(int(self.random.integers(0, n + 1)), int(n)) for n in
                  self.random.integers(1, 4000, 60)]
        for (right, n), ends in zip(shares, measure(shares=shares)["shares"]):
            for end in ends:
                if 0 < end < 1:
                    deviations = abs(right / n - end) / np.sqrt(end * (1 - end) / n)
                    self.assertAlmostEqual(deviations, 1.959963984540054, 6)

    def test_mean(self):
        values = self.random.normal(30, 12, 500)
        half = 1.959963984540054 * values.std(ddof=1) / np.sqrt(len(values))
        np.testing.assert_allclose(measure(values=values.tolist())["mean"],
                                   [values.mean(), values.mean() - half, values.mean() + half])


if __name__ == "__main__":
    if not os.access(MEASURE, os.X_OK):
        print("skipped: no", MEASURE)
        sys.exit(77)
    unittest.main()
