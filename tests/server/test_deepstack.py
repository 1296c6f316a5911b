#!/usr/bin/env python3
"""The clients of DeepStack and CodeProject.AI: every call and field of theirs, what is unknown or wrong, keys
in fields, and thresholds that mean the same rate of false accepts on each scale."""
import json
import math
import statistics
import sys
import tempfile
import threading
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import PHOTOS, Server, form, skip_or_run  # noqa: E402

FACE = "/v1/vision/face"
RATES = [.199, .353, .456, .540, .611]  # docs/thresholds.md: 1 pair of strangers in 10, ... 100,000
BOX = {"x_min", "y_min", "x_max", "y_max"}
KEYS = "reader:reader-key-000000:read\nowner:owner-key-0000000\n"


class Dialect(unittest.TestCase):
    options = ("--api=deepstack",)

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mien-deepstack-")
        cls.addClassCleanup(folder.cleanup)
        keys = Path(folder.name, "keys")
        keys.write_text(KEYS, encoding="utf-8")
        cls.server = Server(f"--gallery={folder.name}/g.db", "--classifier=none", "--age-gender=none",
                            *(word.replace("KEYS", str(keys)) for word in cls.options))
        cls.addClassCleanup(cls.server.stop)
        cls.photo, cls.other = PHOTOS[0].read_bytes(), PHOTOS[2].read_bytes()

    def post(self, path, files=(), status=200, **fields):
        """A form as these clients send it: in parts where there are files, else encoded as of a page."""
        if files:
            body, kind = form([(name, "a.jpg", data) for name, data in files]
                              + [(name, None, value.encode()) for name, value in fields.items()])
        else:
            body = urllib.parse.urlencode(fields).encode()
            kind = "application/x-www-form-urlencoded"
        answer = self.server.ask("POST", FACE + path, body, {"Content-Type": kind})
        self.assertEqual(answer.status, status, answer)
        value = answer.json
        self.assertIs(value["success"], status == 200)
        self.assertGreaterEqual(value["duration"], 0)
        if status != 200:
            self.assertTrue(value["error"])
        return value


class DeepStack(Dialect):
    usual = 0.67

    def test_1_nobody_is_registered(self):
        self.assertEqual(self.post("/list")["faces"], [])
        found = self.post("/recognize", [("image", self.photo)])
        self.assertEqual([(one["userid"], one["confidence"]) for one in found["predictions"]],
                         [("unknown", 0)] * found["count"])
        self.assertGreaterEqual(found["count"], 1)

    def test_2_faces_are_found(self):
        found = self.post("", [("image", self.photo)])
        self.assertEqual(set(found), {"success", "predictions", "count", "message", "inferenceMs",
                                      "processMs", "duration", "code"})
        first = found["predictions"][0]
        self.assertEqual(set(first), {"confidence", *BOX})
        self.assertTrue(all(isinstance(first[side], int) for side in BOX))
        self.assertLess(first["x_min"], first["x_max"])
        ours = self.server.post("/v1/detect", self.photo).json["faces"]
        self.assertEqual(len(ours), found["count"])
        self.assertEqual(first["confidence"], ours[0]["score"])
        for side, value in zip(("x_min", "y_min", "x_max", "y_max"), ours[0]["box"]):
            self.assertLessEqual(abs(first[side] - value), 0.5)
        self.assertEqual(self.post("", [("image", self.photo)], min_confidence="1")["predictions"], [])

    def test_3_a_user_is_registered_recognised_and_deleted(self):
        self.assertEqual(self.post("/register", [("image", self.photo)], userid="Ann")["message"],
                         "face added")
        again = self.post("/register", [("image1", self.photo), ("image2", self.photo)], userid="Ann")
        self.assertEqual(again["message"], "face updated")
        self.assertEqual(self.post("/list")["faces"], ["Ann"])
        found = self.post("/recognize", [("image", self.photo)])["predictions"]
        known = [one for one in found if one["userid"] == "Ann"]
        self.assertEqual([set(one) for one in known], [{"confidence", "userid", *BOX}])
        self.assertGreater(known[0]["confidence"], 0.95)
        strict = self.post("/recognize", [("image", self.other)], min_confidence="0.67")["predictions"]
        self.assertEqual({one["userid"] for one in strict}, {"unknown"})
        loose = self.post("/recognize", [("image", self.other)], min_confidence="0")["predictions"]
        self.assertEqual({one["userid"] for one in loose}, {"Ann"})
        self.assertLess(max(one["confidence"] for one in loose), self.usual)
        self.assertEqual(set(self.post("/delete", userid="Ann")),
                         {"success", "duration", "inferenceMs", "processMs", "code"})
        self.assertEqual(self.post("/list")["faces"], [])
        self.post("/delete", userid="Ann")

    def test_4_two_pictures_match_or_do_not(self):
        same = self.post("/match", [("image1", self.photo), ("image2", self.photo)])["similarity"]
        others = self.post("/match", [("image1", self.photo), ("image2", self.other)])["similarity"]
        self.assertGreater(same, 0.99)
        self.assertLess(others, self.usual)

    def test_4_scores_are_rates_of_false_accepts(self):
        """By a table of normal quantiles, as docs/thresholds.md says similarities follow from rates."""
        quantile = lambda decades: -statistics.NormalDist().inv_cdf(10 ** -decades)

        def decades(similarity):
            i = max(1, min(4, 1 + sum(similarity > rate for rate in RATES[1:])))
            share = (similarity - RATES[i - 1]) / (RATES[i] - RATES[i - 1])
            at = quantile(i) + share * (quantile(i + 1) - quantile(i))
            return -math.log10(statistics.NormalDist().cdf(-at))

        for other in PHOTOS[1:]:
            pair = [("a", "a.jpg", self.photo), ("b", "b.jpg", other.read_bytes())]
            body, kind = form(pair)
            ours = self.server.ask("POST", "/v1/compare", body, {"Content-Type": kind}).json["similarity"]
            score = self.post("/match", [("image1", self.photo), ("image2", pair[1][2])])["similarity"]
            if ours > -.05:  # below that half of all strangers pass, and nothing was measured
                d = decades(ours)
                wanted = self.usual * d / 3 if d <= 3 else 1 - (1 - self.usual) * 2 ** (3 - d)
                self.assertAlmostEqual(score, wanted, delta=.01)

    def test_5_what_is_wrong_is_said(self):
        say = lambda *args, **fields: self.post(*args, 400, **fields)["error"]
        self.assertIn("userid", say("/register", [("image", self.photo)]))
        self.assertIn("userid", say("/delete", ()))
        self.assertIn("min_confidence", say("", [("image", self.photo)], min_confidence="2"))
        self.assertIn("picture", say("/match", [("image1", self.photo)]))
        for path in ("", "/recognize", "/register"):
            self.post(path, [("image", b"no picture")], 400, userid="Bob")
        self.assertEqual(self.post("/list")["faces"], [])
        answer = self.server.ask("GET", FACE)
        self.assertEqual((answer.status, answer.json["success"]), (405, False))
        answer = self.server.ask("POST", FACE + "/list", b"a=1&" * 100,
                                 {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual((answer.status, answer.json["error"]), (400, "the form has more than 64 fields"))

    def test_6_it_answers_pings(self):
        for path in ("/v1/status/ping", "/v1/server/status/ping"):
            self.assertIs(self.server.get(path).json["success"], True)

    def test_7_many_at_once(self):
        wanted = self.post("", [("image", self.photo)])["predictions"]
        wrong = []

        def ask():
            for _ in range(3):
                if self.post("", [("image", self.photo)])["predictions"] != wanted:
                    wrong.append(1)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class CodeProject(DeepStack):
    options = ("--api=codeproject",)
    usual = 0.4


class Keys(Dialect):
    options = ("--api=all", "--keys=KEYS")

    def test_keys_in_fields_and_headers(self):
        self.post("/list", status=401)
        self.post("/list", status=401, api_key="wrong-key-00000000")
        self.assertEqual(self.post("/list", api_key="reader-key-000000")["faces"], [])
        self.post("", [("image", self.photo)], 401)
        self.post("", [("image", self.photo)], api_key="reader-key-000000")
        picture = [("image", self.photo)]
        self.post("/register", picture, 403, userid="Ann", api_key="reader-key-000000")
        self.post("/register", picture, userid="Ann", api_key="owner-key-0000000")
        for key, status in (("owner-key-0000000", 200), ("nobody-s-key-0000", 401)):
            answer = self.server.ask("POST", FACE + "/list", b"", {"x-api-key": key})
            self.assertEqual(answer.status, status)
        body, kind = form([("api_key", None, b"owner-key-0000000"), ("file", "a.jpg", self.photo)])
        answer = self.server.ask("POST", "/v1/detect", body, {"Content-Type": kind})
        self.assertEqual(answer.status, 401)


class Off(unittest.TestCase):
    def test_a_dialect_that_was_not_asked_for_is_not_there(self):
        with Server("--classifier=none", "--embedder=none", "--age-gender=none") as server:
            answer = server.ask("POST", FACE, b"")
            self.assertEqual((answer.status, json.loads(answer.body)["error"]["code"]), (404, "not_found"))


if __name__ == "__main__":
    skip_or_run(unittest.main)
