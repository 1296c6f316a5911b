#!/usr/bin/env python3
"""Pages of other origins: what their browser is told with --cors-origin, and without."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import BASE_ENV, TOOL, Server, photos, skip_or_run  # noqa: E402

ALLOWED = "Access-Control-Allow-Origin"
HERE, THERE, EVIL = "https://photos.example.org", "http://localhost:3000", "https://evil.example"
KEY = "a-key-of-the-test-0123456789"
PREFLIGHT = {"Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,x-api-key"}


def names(answer, header):
    return {name.strip().lower() for name in (answer.headers[header] or "").split(",")}


def cors_headers(answer):
    return [name for name in answer.headers if name.lower().startswith("access-control-")]


class Listed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w") as keys:
            keys.write(KEY + "\n")
            keys.flush()
            cls.server = Server(f"--cors-origin={HERE}, {THERE}", f"--keys={keys.name}")
        cls.addClassCleanup(cls.server.stop)

    def test_who_may_read(self):
        for origin in (HERE, THERE):
            answer = self.server.get("/health", Origin=origin)
            self.assertEqual((answer.status, answer.headers[ALLOWED]), (200, origin))
            self.assertEqual(answer.headers["Vary"], "Origin")
            self.assertLessEqual({"x-request-id", "retry-after", "server-timing",
                                  "inference-header-content-length"},
                                 names(answer, "Access-Control-Expose-Headers"))
            self.assertNotIn("Access-Control-Allow-Credentials", answer.headers)

    def test_who_may_not(self):
        for origin in (EVIL, "null", "*", HERE + "/", HERE + ".evil.example", HERE.upper(), "",
                       HERE[:-1], f"{HERE}, {THERE}", HERE + ":443", "http" + HERE[5:]):
            for method in ("GET", "OPTIONS"):
                answer = self.server.ask(method, "/health", headers={**PREFLIGHT, "Origin": origin})
                self.assertIn(answer.status, (200, 204))
                self.assertEqual(cors_headers(answer), [], origin)
                self.assertEqual(answer.headers["Vary"], "Origin")
        self.assertEqual(cors_headers(self.server.get("/health")), [])

    def test_preflight_needs_no_key(self):
        for path, methods in (("/v1/detect", {"post", "options"}),
                              ("/v2/models/x/infer", {"post", "options"}),
                              ("/metrics", {"get", "head", "options"})):
            answer = self.server.ask("OPTIONS", path, headers={**PREFLIGHT, "Origin": HERE})
            self.assertEqual((answer.status, answer.headers[ALLOWED]), (204, HERE))
            self.assertEqual(names(answer, "Access-Control-Allow-Methods"), methods)
            self.assertLessEqual({"authorization", "content-type", "x-api-key", "x-request-id",
                                  "inference-header-content-length"},
                                 names(answer, "Access-Control-Allow-Headers"))
            self.assertGreater(int(answer.headers["Access-Control-Max-Age"]), 0)
        answer = self.server.ask("OPTIONS", "/v1/detect", headers={"Origin": HERE})
        self.assertEqual(answer.headers[ALLOWED], HERE)
        self.assertNotIn("Access-Control-Allow-Methods", answer.headers)

    def test_errors_and_results_can_be_read(self):
        for method, path, headers, status in (
                ("POST", "/v1/detect", {}, 401), ("GET", "/nowhere", {}, 404),
                ("DELETE", "/v1/detect", {}, 405), ("POST", "/v1/detect", {"x-api-key": KEY}, 200)):
            answer = self.server.ask(method, path, photos(1)[0] if method == "POST" else None,
                                     {**headers, "Content-Type": "image/jpeg", "Origin": HERE})
            self.assertEqual((answer.status, answer.headers[ALLOWED]), (status, HERE))

    def test_pages_vary_by_both(self):
        answer = self.server.get("/app.js", Origin=HERE)
        self.assertEqual(names(answer, "Vary"), {"accept-encoding", "origin"})


class Others(unittest.TestCase):
    def test_all(self):
        with Server("--cors-origin=*") as server:
            for headers in ({"Origin": EVIL}, {"Origin": "null"}):
                answer = server.ask("OPTIONS", "/v1/detect", headers={**PREFLIGHT, **headers})
                self.assertEqual((answer.status, answer.headers[ALLOWED]), (204, "*"))
                self.assertNotIn("Access-Control-Allow-Credentials", answer.headers)
                self.assertNotIn("Vary", answer.headers)

    def test_none(self):
        with Server() as server:
            for method in ("GET", "OPTIONS"):
                answer = server.ask(method, "/health", headers={**PREFLIGHT, "Origin": HERE})
                self.assertEqual(cors_headers(answer), [])
                self.assertNotIn("Vary", answer.headers)

    def test_what_is_no_origin(self):
        for text in ("example.org", "https://example.org/", "https://", "://x", "null", ",", "*,*",
                     "https://example.org/path", f"{HERE} *", "https://a@b", "HTTPS://example.org"):
            done = subprocess.run([TOOL, "serve", "--check", f"--cors-origin={text}"], env=BASE_ENV,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, (text, done.stderr))
            self.assertIn("--cors-origin", done.stderr)


if __name__ == "__main__":
    skip_or_run(unittest.main)
