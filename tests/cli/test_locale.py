#!/usr/bin/env python3
"""Under the locales where i and I are no pair (Turkish, Azeri): options, file names and the words of
HTTP mean what they mean everywhere. The locales are made with localedef for this test."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "server"))
from server import HAVE_SERVER, Server, cli, form, photos, plain  # noqa: E402
from tool import mien, objects, ppm  # noqa: E402

FOLDER = None


def setUpModule():
    global FOLDER
    FOLDER = Path(tempfile.mkdtemp(prefix="mien-locale-"))
    unittest.addModuleCleanup(shutil.rmtree, FOLDER)


def locale(name):
    """The environment of a locale; made where it is not there yet. None where it cannot be made."""
    path = FOLDER / f"{name}.UTF-8"
    if not path.is_dir():
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", str(path)], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not path.is_dir():
        return None
    return {"LOCPATH": str(FOLDER), "LC_ALL": f"{name}.UTF-8"}


class Locale(unittest.TestCase):
    name = "tr_TR"

    def setUp(self):
        self.env = locale(self.name)
        if not self.env:
            self.skipTest(f"localedef cannot make {self.name}")

    def test_it_is_in_force(self):
        # Without this the other tests would prove nothing.
        told = subprocess.run(["locale", "charmap"], env={**os.environ, **self.env},
                              capture_output=True, check=True).stdout
        self.assertEqual(told.strip(), b"UTF-8")

    def test_options_of_the_environment(self):
        result = mien("detect", "no-such-file", env={**self.env, "MIEN_SIZE": "nonsense"})
        self.assertIn("MIEN_SIZE", result.stderr)

    def test_extensions(self):
        folder = FOLDER / f"pictures-{self.name}"
        folder.mkdir()
        for name in ("A.PPM", "B.GIF", "C.TIF", "D.JFIF"):
            (folder / name).write_bytes(ppm(40, 40))
        found = objects(mien("detect", str(folder), env=self.env))
        plain_found = objects(mien("detect", str(folder)))
        self.assertEqual([Path(entry["file"]).name for entry in found],
                         [Path(entry["file"]).name for entry in plain_found])
        self.assertIn("B.GIF", [Path(entry["file"]).name for entry in found])

    def test_server(self):
        photo = photos(1)[0]
        expected = cli("detect", [photo])[0]
        body, kind = form([("file", "a", photo)])
        with Server(env={**self.env, "MIEN_ALLOW_URLS": "YES"}) as server:
            for content_type in (kind.replace("multipart", "MULTIPART"),
                                 kind.replace("boundary=", "BOUNDARY=")):
                answer = server.ask("POST", "/v1/detect",
                                    body.replace(b"Content-Disposition", b"CONTENT-DISPOSITION"),
                                    {"CONTENT-TYPE": content_type})
                self.assertEqual((answer.status, plain(answer.json)), (200, expected))
            answer = server.ask("POST", "/v1/detect", b'["FILE://"]',
                                {"Content-Type": "APPLICATION/JSON"})
            self.assertEqual(answer.status, 200, answer)
            for lines in (b"TRANSFER-ENCODING: chunked\r\nCONTENT-LENGTH: 5\r\n",
                          b"transfer-encoding: CHUNKED, identity\r\n"):
                answer = server.exchange(b"POST /v1/detect HTTP/1.1\r\nHOST: localhost\r\n" + lines
                                         + b"\r\n0\r\n\r\n")
                self.assertEqual(answer[9:12], b"400", answer)


class Azeri(Locale):
    name = "az_AZ"


if __name__ == "__main__":
    if not HAVE_SERVER or not shutil.which("localedef"):
        print("skipped: no networks, no photos or no localedef")
        sys.exit(77)
    unittest.main()
