"""The accuracy measures on cases small enough to work out by hand, and on chance."""
import os
import sys
import unittest

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common  # noqa: E402
import fairface  # noqa: E402
import metrics  # noqa: E402

SEED = 1


def picture(name, boxes, counted):
    return {"file": name, "boxes": boxes, **{level: counted for level in metrics.LEVELS}}


class Overlaps(unittest.TestCase):
    def test_half(self):
        # Inclusive widths: 10 wide, 10 high each, 5 columns shared: 50 / 150.
        boxes, truth = np.array([[0, 0, 9, 9.0]]), np.array([[5, 0, 14, 9.0]])
        self.assertAlmostEqual(metrics.overlaps(boxes, truth)[0, 0], 1 / 3)

    def test_apart(self):
        boxes, truth = np.array([[0, 0, 9, 9.0]]), np.array([[20, 0, 29, 9.0]])
        self.assertEqual(metrics.overlaps(boxes, truth)[0, 0], 0)


class WiderAp(unittest.TestCase):
    face, other = [0.0, 0, 20, 20], [100.0, 0, 120, 20]

    def ap(self, boxes, scores, truth, counted):
        predictions = {"a": (np.array(boxes, float).reshape(-1, 4), np.array(scores, float))}
        return metrics.wider_ap(predictions, [picture("a", truth, counted)])["easy"]

    def test_all_found(self):
        ap = self.ap([self.face, self.other], [0.9, 0.1], [self.face, self.other], [0, 1])
        self.assertAlmostEqual(ap, 1)

    def test_false_alarm_first(self):
        # Precision 0, then 1/2 at recall 1.
        ap = self.ap([self.other, self.face], [0.9, 0.1], [self.face], [0])
        self.assertAlmostEqual(ap, 0.5)

    def test_half_found(self):
        # Recall stops at 1/2 with precision 1.
        ap = self.ap([self.face, [200, 0, 220, 20]], [0.9, 0.1], [self.face, self.other], [0, 1])
        self.assertAlmostEqual(ap, 0.5)

    def test_ignored_face_is_no_false_alarm(self):
        ap = self.ap([self.other, self.face], [0.9, 0.1], [self.face, self.other], [0])
        self.assertAlmostEqual(ap, 1)

    def test_second_box_on_a_face_is_a_false_alarm(self):
        boxes = [self.face, [1.0, 0, 21, 20], self.other]
        ap = self.ap(boxes, [0.9, 0.5, 0.1], [self.face, self.other], [0, 1])
        # Precision 1 up to recall 1/2, then 2/3.
        self.assertAlmostEqual(ap, 0.5 + 0.5 * 2 / 3)


class Verification(unittest.TestCase):
    def test_threshold_between(self):
        similarity, same = np.array([0.1, 0.2, 0.6, 0.7]), np.array([False, False, True, True])
        self.assertAlmostEqual(metrics.best_threshold(similarity, same), 0.4)

    def test_separable(self):
        similarity = np.array([0.8, 0.1, 0.9, 0.2, 0.7, 0.0])
        same = np.array([True, False] * 3)
        folds = np.array([0, 0, 1, 1, 2, 2])
        self.assertEqual(metrics.verification(similarity, same, folds), (100, 100))

    def test_threshold_is_not_chosen_on_its_own_fold(self):
        # Fold 1 lies 1 higher than fold 0: each other's threshold gets half of it right.
        similarity = np.array([0.0, 0.5, 1.0, 1.5])
        same = np.array([False, True, False, True])
        accuracy, _ = metrics.verification(similarity, same, np.array([0, 0, 1, 1]))
        self.assertEqual(accuracy, 50)

    def test_chance(self):
        print("seed", SEED)
        random = np.random.default_rng(SEED)
        same = np.arange(4000) % 2 == 0
        accuracy, tar = metrics.verification(random.random(4000), same, np.arange(4000) // 400)
        self.assertLess(abs(accuracy - 50), 3)
        self.assertLess(abs(tar - 1), 1)


class Pairs(unittest.TestCase):
    def test_all_pairs(self):
        vectors = np.array([[1.0, 0], [0, 1], [0.6, 0.8]])
        similarity, same = metrics.all_pairs(np.array(["a", "b", "a"]), vectors)
        np.testing.assert_allclose(similarity, [0, 0.6, 0.8])
        self.assertEqual(same.tolist(), [False, True, False])

    def test_threshold_at(self):
        similarity = np.arange(1000) / 1000
        threshold = metrics.threshold_at(similarity, 0.01)
        self.assertEqual(np.count_nonzero(similarity >= threshold), 10)
        self.assertAlmostEqual(threshold, 0.989)
        self.assertGreater(metrics.threshold_at(similarity, 0), 0.999)


class Groups(unittest.TestCase):
    def test_edges(self):
        ages = (-1, 0, 2.9, 3, 9.9, 10, 19.9, 20, 69.9, 70, 110)
        groups = (0, 0, 0, 1, 1, 2, 2, 3, 7, 8, 8)
        self.assertEqual(tuple(fairface.group_of(a) for a in ages), groups)

    def test_counts(self):
        def line(age, gender):
            return {"file": "x.jpg", "faces": [{"age": age, "gender": {"value": gender}}]}

        lines = [
            line(25, "male"),
            line(35, "male"),
            line(55, "female"),
            {"file": "x.jpg", "faces": []},
        ]
        right = fairface.measure(lines, {"x.jpg": (True, 3)})
        self.assertEqual(right.tolist(), [[1, 1, 1], [1, 0, 1], [0, 0, 0], [0, 0, 0]])


class Precisions(unittest.TestCase):
    def failures(self, lost, won, column="int8"):
        """Of a network that is right on 800 of 1000 pictures in fp32."""
        exact = np.arange(1000) < 800
        ours = exact.copy()
        ours[:lost], ours[800 : 800 + won] = False, True
        table = common.Table(["fp32", column])
        for table.column, right in (("fp32", exact), (column, ours)):
            table.add_share("net", "pictures", "top-1 %", None, right.astype(int))
        return list(table.failures())

    def test_loss(self):
        self.assertEqual(self.failures(5, 0), [])  # 0.5 points
        self.assertEqual(len(self.failures(6, 0)), 1)
        self.assertEqual(len(self.failures(5, 0, "bf16")), 1)

    def test_chance(self):
        self.assertEqual(self.failures(30, 18), [])  # 12 of 48: less than two deviations of 6.9
        self.assertEqual(len(self.failures(32, 17)), 1)  # 15 of 49: more than two of 7


if __name__ == "__main__":
    unittest.main()
