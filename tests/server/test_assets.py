#!/usr/bin/env python3
"""The pages and openapi.json as the server sends them: whole, compressed, cached and fenced in."""
import gzip
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import Server, skip_or_run  # noqa: E402

ROOT = Path(__file__).parents[2]
BUILT = Path(os.environ.get("MIEN_BUILD_DIR", ROOT / "build"), "openapi.json")
FILES = [BUILT, *sorted(path for path in (ROOT / "server" / "web").iterdir()
                        if path.suffix in (".html", ".css", ".js", ".svg"))]
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript",
         ".json": "application/json", ".svg": "image/svg+xml"}


def url_of(path):
    name = {"index.html": "", "docs.html": "docs", "people.html": "people"}.get(path.name, path.name)
    return "/" + name


class Assets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--detector=none", "--embedder=none", "--classifier=none")
        cls.addClassCleanup(cls.server.stop)

    def get(self, path, **headers):
        answer = self.server.ask("GET", path, headers=headers)
        return answer.status, answer.headers, answer.body

    def test_every_file_is_there(self):
        self.assertGreater(len(FILES), 8)
        for path in FILES:
            status, headers, data = self.get(url_of(path))
            self.assertEqual((status, headers.get_content_type()), (200, TYPES[path.suffix]))
            self.assertEqual(data, path.read_bytes(), path.name)
            status, headers, data = self.get(url_of(path), **{"accept-encoding": "gzip"})
            self.assertEqual((status, headers["content-encoding"]), (200, "gzip"))
            self.assertEqual(gzip.decompress(data), path.read_bytes(), path.name)
            self.assertEqual(data[4:8], bytes(4), "equal files make equal binaries")

    def test_a_browser_that_has_it_is_told_so(self):
        tags = set()
        for path in FILES:
            _, headers, _ = self.get(url_of(path))
            tags.add(headers["etag"])
            status, _, data = self.get(url_of(path), **{"if-none-match": headers["etag"]})
            self.assertEqual((status, data), (304, b""))
            self.assertEqual(self.get(url_of(path), **{"if-none-match": '"other"'})[0], 200)
        self.assertEqual(len(tags), len(FILES))

    def test_pages_may_use_nothing_but_this_server(self):
        for path in FILES:
            _, headers, _ = self.get(url_of(path))
            policy = dict(rule.strip().split(" ", 1) for rule in
                          headers["content-security-policy"].split(";"))
            self.assertEqual(policy["default-src"], "'none'")
            for rule in ("script-src", "style-src", "connect-src"):
                self.assertEqual(policy[rule], "'self'")
            self.assertEqual(headers["x-content-type-options"], "nosniff")

    def test_nothing_else_is_there(self):
        for path in ("/index.html", "/../assets.c", "/web/app.js", "/APP.JS", "//"):
            self.assertEqual(self.get(path)[0], 404, path)


if __name__ == "__main__":
    skip_or_run(unittest.main)
