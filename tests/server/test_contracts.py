#!/usr/bin/env python3
"""The names clients of the replaced services read, letter by letter.

The shapes below are what those services publish of themselves: paths, field names, order of
landmarks, default ports. They are data, not what this server happens to answer; a client written
against one of them must work unchanged.
"""
import base64
import json
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import PHOTOS, Server, skip_or_run  # noqa: E402
from tool import mien  # noqa: E402

NUMBER = (int, float)
POINT = [NUMBER, NUMBER]
BOX = [NUMBER, NUMBER, NUMBER, NUMBER]


class Each:
    """A list of any length whose members have one shape."""

    def __init__(self, shape, length=None):
        self.shape, self.length = shape, length


# A: attributes and classes. Its details have these two members; confidence is an addition of ours.
HEALTH = {"status": "API is running"}
PREDICT = {"results": {
    "classification": Each({"class": str, "confidence": NUMBER}, 3),
    "face_analysis": {
        "num_faces": int,
        "details": Each({"bbox": BOX, "landmark": Each(POINT, 5)})}}}
ADDED = {"$.results.face_analysis.details[]": {"confidence"}}

# B: face detection.
TYPES = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"]
FACES = {"result": Each({
    "faces_count": int,
    "faces": Each({
        "bounding_box": BOX,
        "landmarks": [{"position": POINT, "type": name} for name in TYPES],
        "confidence": float})})}
PORT = 8080

# C: recognition; D: a page; E: gRPC services around folders. What of these is asked over HTTP and
# is not here is refused in so many words, and never half answered.
PAGES = ["/docs", "/"]
NOT_HERE = [("POST", "/add_identity?name=Alice")]


def differences(shape, value, at="$"):
    """Yields what of a value is not of a shape: the same members, no more and no less."""
    if isinstance(shape, Each):
        if not isinstance(value, list) or shape.length not in (None, len(value)):
            yield f"{at}: {value!r} is no list of {shape.length or 'them'}"
            return
        for member in value:
            yield from differences(shape.shape, member, at + "[]")
    elif isinstance(shape, dict):
        names = set(value) if isinstance(value, dict) else set()
        for name in set(shape) ^ (names - ADDED.get(at, set())):
            yield f"{at}.{name}: {'missing' if name in shape else 'not theirs'}"
        for name in set(shape) & names:
            yield from differences(shape[name], value[name], f"{at}.{name}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or len(value) != len(shape):
            yield f"{at}: {value!r} is no list of {len(shape)}"
            return
        for i, (wanted, member) in enumerate(zip(shape, value)):
            yield from differences(wanted, member, f"{at}[{i}]")
    elif isinstance(shape, (type, tuple)):
        if not isinstance(value, shape) or isinstance(value, bool):
            yield f"{at}: {value!r} is no {shape}"
    elif value != shape:
        yield f"{at}: {value!r} is not {shape!r}"


class Contracts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.photos = [path.read_bytes() for path in PHOTOS[:2]]

    def fits(self, shape, answer):
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(list(differences(shape, answer.json)), [])
        return answer.json

    def test_attributes_and_classes(self):
        self.fits(HEALTH, self.server.get("/health"))
        answer = self.server.post_form("/predict", [("file", "photo.jpg", self.photos[0])])
        results = self.fits(PREDICT, answer)["results"]
        faces = results["face_analysis"]
        self.assertEqual(faces["num_faces"], len(faces["details"]))
        self.assertGreater(faces["num_faces"], 0)
        confidence = [one["confidence"] for one in results["classification"]]
        self.assertEqual(confidence, sorted(confidence, reverse=True))
        self.assertGreater(confidence[0], 1)  # percent
        self.assertLessEqual(sum(confidence), 100)

    def test_face_detection(self):
        self.assertEqual(self.server.get("/ready/").status, 200)
        texts = [base64.b64encode(photo).decode() for photo in self.photos]
        files = [("files", f"{i}.jpg", photo) for i, photo in enumerate(self.photos)]
        answers = [self.server.post_form("/detect_faces_from_files/", files),
                   self.server.post_json("/detect_faces_from_base64/", texts)]
        for answer in answers:
            result = self.fits(FACES, answer)["result"]
            self.assertEqual(len(result), 2)
            for one in result:
                self.assertEqual(one["faces_count"], len(one["faces"]))
            self.assertGreater(sum(one["faces_count"] for one in result), 0)
        self.assertEqual(answers[0].json, answers[1].json)
        # The left eye is the one on the left of the picture, and so are the corners of the mouth.
        found = [face for one in result for face in one["faces"]]
        face = max(found, key=lambda face: face["bounding_box"][2] - face["bounding_box"][0])
        at = {one["type"]: one["position"] for one in face["landmarks"]}
        self.assertLess(at["left_eye"][0], at["right_eye"][0])
        self.assertLess(at["left_mouth"][0], at["right_mouth"][0])

    def test_urls_are_answered_in_place(self):
        answer = self.server.post_json("/detect_faces_from_urls/", ["http://127.0.0.1/a.jpg"] * 2)
        self.assertEqual((answer.status, set(answer.json)), (200, {"result"}))
        self.assertEqual(len(answer.json["result"]), 2)

    def test_default_port(self):
        text = mien("serve", "--help").stdout.decode()
        self.assertTrue(re.search(rf"--port N.*\[{PORT}\]", " ".join(text.split())), text)

    def test_documentation(self):
        for path in PAGES:
            answer = self.server.get(path)
            self.assertEqual((answer.status, answer.headers.get_content_type()), (200, "text/html"))
        schema = json.dumps(self.server.get("/openapi.json").json["components"]["schemas"])
        self.assertIn(json.dumps(TYPES), schema)
        self.assertNotIn("mouth_left", schema)

    def test_what_is_not_here(self):
        for method, path in NOT_HERE:
            answer = self.server.ask(method, path, b"")
            self.assertEqual((answer.status, answer.code), (404, "not_found"))


class Shapes(unittest.TestCase):
    """That a wrong letter is noticed."""

    def test_differences(self):
        face = {"bounding_box": [1, 2.5, 3, 4], "confidence": 0.5,
                "landmarks": [{"position": [1, 2], "type": name} for name in TYPES]}
        good = {"result": [{"faces_count": 1, "faces": [face]}]}
        self.assertEqual(list(differences(FACES, good)), [])
        for wrong in ({"boundingBox": [1, 2, 3, 4]}, {"bounding_box": [1, 2, 3]},
                      {"confidence": "0.5"}, {"landmarks": face["landmarks"][:4]}, {"more": 1},
                      {"landmarks": [{**one, "type": one["type"][::-1]} for one in face["landmarks"]]}):
            bad = {"result": [{"faces_count": 1, "faces": [{**face, **wrong}]}]}
            self.assertTrue(list(differences(FACES, bad)), wrong)


if __name__ == "__main__":
    skip_or_run(unittest.main)
