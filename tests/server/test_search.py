#!/usr/bin/env python3
"""How the server searches for faces: as the tool does, by default and by the parameter `search`."""
import io
import sys
import unittest
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from server import Server, plain, skip_or_run  # noqa: E402
from tool import DEFAULT_SEARCH, Folder, mien, objects  # noqa: E402

ASTRONAUT = Path(__file__).resolve().parents[2] / "docs" / "demo" / "astronaut.jpg"


class Search(Folder):
    def test_turned(self):
        turned = io.BytesIO()
        Image.open(ASTRONAUT).transpose(Image.Transpose.ROTATE_180).save(turned, "PNG")
        path = self.write("turned.png", turned.getvalue())
        with Server("--classifier=none", "--embedder=none", "--age-gender=none", "--log=none",
                    env=DEFAULT_SEARCH) as server:
            for search in ("", "fast", "auto", "thorough"):
                options = [f"--search={search}"] if search else []
                (line,) = objects(mien("detect", *options, path, env=DEFAULT_SEARCH))
                answer = server.ask("POST", f"/v1/detect?search={search}" if search else
                                    "/v1/detect", turned.getvalue(), {"Content-Type": "image/png"})
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(plain(answer.json), plain(line))
                self.assertEqual(answer.json.get("turned"), None if search == "fast" else 180)
            answer = server.ask("POST", "/v1/detect?search=twice", turned.getvalue(),
                                {"Content-Type": "image/png"})
            self.assertEqual(answer.status, 400, answer)
            self.assertIn("search", answer.json["error"]["message"])


if __name__ == "__main__":
    skip_or_run(unittest.main)
