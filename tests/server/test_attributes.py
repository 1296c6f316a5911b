#!/usr/bin/env python3
"""What the server tells of faces: the parameters `attributes` and `method`, and one run for the
embedder and what reads its features."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import Server, plain, skip_or_run  # noqa: E402
from tool import mien, objects  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"
JPEG = {"Content-Type": "image/jpeg"}


class Attributes(unittest.TestCase):
    OPTIONS = ("--classifier=none", "--search=fast")

    def analyze(self, server, query, status=200):
        answer = server.ask("POST", f"/v1/analyze?{query}", ASTRONAUT.read_bytes(), JPEG)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def test_parameters(self):
        with Server(*self.OPTIONS, "--log=none") as server:
            faces = {}
            for query, *options in (
                    ("",), ("attributes=default,race", "--attributes=default,race"),
                    ("attributes=gender", "--attributes=gender"),
                    ("attributes=all", "--attributes=all"),
                    ("method=joint", "--method=joint"),
                    ("method=separate", "--method=separate"),
                    ("method=separate&attributes=all", "--method=separate", "--attributes=all")):
                (line,) = objects(mien("analyze", "--embeddings", *self.OPTIONS, *options,
                                       ASTRONAUT))
                answer = self.analyze(server, f"embeddings=1&{query}")
                self.assertEqual(plain(answer), plain(line))
                (faces[query],) = answer["faces"]
            self.assertEqual(faces["method=joint"], faces[""])
            # Other networks tell the same things, each for itself.
            self.assertEqual(set(faces["method=separate"]), set(faces[""]))
            self.assertNotEqual(faces["method=separate"]["gender"], faces[""]["gender"])
            self.assertNotIn("race", faces[""])
            for query, sentence in (
                    ("attributes=mood", "no network tells 'mood'; there are age, gender, race"),
                    ("attributes=age,,mood", "no network tells ''"),
                    ("attributes=age,", "no network tells ''"),
                    ("attributes=", "attributes must be a text"),
                    ("method=each", "method must be one of joint, separate")):
                self.assertIn(sentence, self.analyze(server, query, 400)["error"]["message"])
            answer = server.ask("POST", "/v1/detect?attributes=all", ASTRONAUT.read_bytes(), JPEG)
            self.assertEqual(answer.status, 400, "what it finds has no attributes")

    def test_another_network_has_one_method(self):
        with Server(*self.OPTIONS, "--age-gender=face-gender", "--embedder=none",
                    "--log=none") as server:
            found = self.analyze(server, "method=separate", 404)
            self.assertIn("without the networks of method separate", found["error"]["message"])
            (face,) = self.analyze(server, "")["faces"]
            self.assertEqual(set(face), {"box", "score", "landmarks", "gender"})

    def test_what_a_server_tells_and_how_often_it_is_right(self):
        """/v1/status says it as `mien models` does."""
        with Server(*self.OPTIONS, "--attributes=gender,race", "--method=separate",
                    "--log=none") as server:
            status = server.get("/v1/status").json
        self.assertEqual(status["method"], "separate")
        networks = {n["name"]: n for n in status["networks"]}
        self.assertNotIn("method", networks["mobilefacenet-192"])
        self.assertNotIn("attributes", networks["mobilefacenet-192"])
        for names, method in ((["face-joint"], "joint"),
                              (["face-age", "face-gender", "face-race"], "separate")):
            told = {}
            for name in names:
                self.assertEqual(networks[name]["method"], method)
                (model,) = objects(mien("models", "--json", name))
                self.assertEqual({a["name"]: a["measured"] for a in networks[name]["attributes"]},
                                 model["measured"])
                told.update((a["name"], a["told"]) for a in networks[name]["attributes"])
            self.assertEqual(told, {"age": False, "gender": True, "race": True})


if __name__ == "__main__":
    skip_or_run(unittest.main)
