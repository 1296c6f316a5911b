#!/usr/bin/env python3
"""Pages that make a browser ask for them: forms posted to another origin, and names made to lead here
(DNS rebinding)."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import BASE_ENV, TOOL, Server, form, photos, skip_or_run  # noqa: E402

EVIL, HERE = "https://evil.example", "https://photos.example.org"


class Guard(unittest.TestCase):
    def post(self, server, path="/v1/detect", **headers):
        body, kind = form([("file", "a", photos(1)[0])])
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.ask("POST", path, body, {"Content-Type": kind, **headers})

    def is_refused(self, answer):
        self.assertEqual((answer.status, answer.code), (403, "forbidden"), answer)

    def test_on_loopback(self):
        with Server() as server:
            own = f"localhost:{server.port}"
            for headers in ({}, {"Sec_Fetch_Site": "same-origin", "Origin": "http://" + own},
                            {"Host": own, "Origin": "http://" + own}):
                self.assertEqual(self.post(server, **headers).status, 200, headers)
            for headers in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"},
                            {"Sec_Fetch_Site": "same-site", "Origin": "http://localhost:3000"},
                            {"Host": "evil.example"}, {"Host": f"evil.example:{server.port}"},
                            {"Host": "evil.example", "Origin": "http://evil.example"}):
                self.is_refused(self.post(server, **headers))
                self.is_refused(self.post(server, "/predict", **headers))
            answer = self.post(server, "/v2/models/x/infer", Origin=EVIL)
            self.assertEqual(answer.status, 403)
            self.assertIn("--cors-origin", answer.tensor_error)
            for path in ("/", "/health", "/nowhere", "/metrics"):
                self.is_refused(server.get(path, Host="evil.example"))
            # What only reads is answered: a browser keeps it from the page.
            self.assertEqual(server.get("/health", Origin=EVIL).status, 200)

    def test_options(self):
        with Server("--allowed-host=photos.example.org", f"--cors-origin={HERE}") as server:
            self.assertEqual(self.post(server, Host="photos.example.org").status, 200)
            self.assertEqual(self.post(server, Origin=HERE, Sec_Fetch_Site="cross-site").status,
                             200)
            self.is_refused(self.post(server, Host="evil.example"))
            self.is_refused(self.post(server, Origin=EVIL, Sec_Fetch_Site="cross-site"))

    def test_on_all_addresses(self):
        with Server("--address=0.0.0.0") as server:
            self.assertEqual(self.post(server, Host="any.example").status, 200)
            self.is_refused(self.post(server, Host="any.example", Origin=EVIL))

    def test_what_is_no_name(self):
        for text in ("https://a.example", "a:80", ",", "*,*"):
            done = subprocess.run([TOOL, "serve", "--check", f"--allowed-host={text}"],
                                  env=BASE_ENV, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, (text, done.stderr))
            self.assertIn("--allowed-host", done.stderr)


if __name__ == "__main__":
    skip_or_run(unittest.main)
