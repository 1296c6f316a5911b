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
    def test_parameters(self):
        options = ("--classifier=none", "--age-gender=face-joint", "--search=fast")
        with Server(*options, "--log=none") as server:
            def ask(query):
                return server.ask("POST", f"/v1/analyze?{query}", ASTRONAUT.read_bytes(), JPEG)

            for names in None, "default,race", "gender", "all":
                query = f"embeddings=1&attributes={names}" if names else "embeddings=1"
                chosen = ["--attributes", names] if names else []
                (line,) = objects(mien("analyze", "--embeddings", *options, *chosen, ASTRONAUT))
                answer = ask(query)
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(plain(answer.json), plain(line))
            for query, status, sentence in (
                    ("attributes=mood", 400, "no network tells 'mood'; there are age, gender, race"),
                    ("attributes=age,,mood", 400, "no network tells ''"),
                    ("attributes=age,", 400, "no network tells ''"),
                    ("attributes=", 400, "attributes must be a text"),
                    ("method=each", 400, "method must be one of joint, separate"),
                    ("method=separate", 404, "without the networks of method separate")):
                answer = ask(query)
                self.assertEqual(answer.status, status, answer)
                self.assertIn(sentence, answer.json["error"]["message"])
            answer = server.ask("POST", "/v1/detect?attributes=all", ASTRONAUT.read_bytes(), JPEG)
            self.assertEqual(answer.status, 400, "what it finds has no attributes")


if __name__ == "__main__":
    skip_or_run(unittest.main)
