"""Files by URL, from a server on loopback: resumed, from mirrors, and refused where they are not
what they should be; entries of the registry that are published as files and zips."""

import contextlib
import hashlib
import io
import json
import os
import sys
import zipfile
from unittest import mock

import numpy as np

from .support import TestCase
from .test_commands import Command
from .web import Web
from weights_convert import download, fetch, published, safetensors

try:
    from . import shapes
except ImportError:
    shapes = None

DATA = np.random.default_rng(1).bytes(100_000)
SUM = hashlib.sha256(DATA).hexdigest()


class Serving(Command):
    def setUp(self):
        super().setUp()
        self.web = Web()
        self.addCleanup(self.web.close)
        self.web.files["/f"] = DATA
        self.target = self.path("f")
        self.enterContext(mock.patch.dict(os.environ, {
            "XDG_CACHE_HOME": self.path("cache"), "MIEN_WEIGHTS": self.path("w")}))
        self.enterContext(mock.patch.object(download, "PAUSE", 0))

    def get(self, *paths, sha256=SUM, size=None):
        return download.download([self.web.url(path) for path in paths], self.target, sha256, size)

    def check_file(self):
        with open(self.target, "rb") as file:
            self.assertEqual(file.read(), DATA)
        self.assertFalse(os.path.exists(self.target + ".part"))

    def cuts(self, at, **headers):
        """A server whose connection ends before its answer does; from `at` on it goes on well."""
        def answer(handler):
            if handler.headers.get("Range"):
                return handler.give(DATA)
            handler.send_response(200)
            handler.send_header("Content-Length", str(headers.get("length", len(DATA))))
            handler.end_headers()
            handler.wfile.write(DATA[:at])
            handler.close_connection = True
        return answer


class Download(Serving):
    def test_a_file(self):
        self.assertEqual(self.get("/f", size=len(DATA)), SUM)
        self.check_file()
        self.assertEqual(self.web.requests, [("/f", None)])

    def test_it_is_resumed(self):
        self.web.files["/f"] = self.cuts(40_000)
        self.get("/f")
        self.check_file()
        self.assertEqual(self.web.requests, [("/f", None), ("/f", "bytes=40000-")])

    def test_a_bar_where_people_look_on(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True
        shown = Terminal()
        with contextlib.redirect_stderr(shown):
            bar = download.Progress(4_000_000)
            bar.show(1_000_000)
            bar.end()
        self.assertRegex(shown.getvalue(), r"\A\r  \[#{6}\.{18}\] 25 % of 4.0 MB, [\d.]+ MB/s")
        self.assertTrue(shown.getvalue().endswith("\r\033[K"))
        with contextlib.redirect_stderr(io.StringIO()) as hidden:
            download.Progress(10).show(5)
        self.assertEqual(hidden.getvalue(), "")

    def test_what_an_earlier_run_left_is_not_asked_for_again(self):
        self.write("f.part", DATA[:70_000])
        self.get("/f", size=len(DATA))
        self.check_file()
        self.assertEqual(self.web.requests, [("/f", "bytes=70000-")])

    def test_what_is_whole_already(self):
        self.write("f.part", DATA)
        self.get("/f", size=len(DATA))
        self.check_file()
        self.assertEqual(self.web.requests, [])

    def test_a_part_of_another_file(self):
        """The sum tells; then it is fetched from the beginning."""
        self.write("f.part", b"x" * 50_000)
        self.get("/f")
        self.check_file()
        self.write("f.part", b"x" * 200_000)
        self.get("/f")
        self.check_file()

    def test_a_server_without_ranges(self):
        self.write("f.part", DATA[:70_000])
        self.web.files["/f"] = lambda handler: handler.give(DATA, status=203)
        self.get("/f")
        self.check_file()

    def test_another_part_than_the_one_asked_for(self):
        self.write("f.part", DATA[:10])
        self.web.files["/f"] = lambda handler: handler.give(
            DATA[5:], status=206, Content_Range=f"bytes 5-{len(DATA) - 1}/{len(DATA)}")
        with self.refused("gives another part"):
            self.get("/f")

    def test_mirrors_in_their_order(self):
        self.web.files["/bad"] = b"something else"
        self.get("/gone", "/bad", "/f")
        self.check_file()
        asked = [path for path, _ in self.web.requests]
        self.assertEqual(asked, ["/gone"] + ["/bad"] * download.ATTEMPTS + ["/f"])

    def test_a_mirror_goes_on_where_another_ended(self):
        self.web.files["/a"] = lambda handler: (
            handler.send_error(500) if handler.headers.get("Range") else self.cuts(30_000)(handler))
        self.get("/a", "/f")
        self.check_file()
        self.assertEqual(self.web.requests[-1], ("/f", "bytes=30000-"))

    def test_a_wrong_sum(self):
        with self.refused(f"has the sum {SUM}, not {'0' * 64}"):
            self.get("/f", sha256="0" * 64)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("f")], [])

    def test_lengths_that_are_lies(self):
        self.web.files["/f"] = self.cuts(len(DATA), length=len(DATA) + 5)
        with self.refused("of 100005 bytes, 100000 are expected"):
            self.get("/f", size=len(DATA))
        self.web.files["/f"] = self.cuts(len(DATA), length=1 << 60)
        with self.refused("MB are missing"):
            self.get("/f")
        self.web.files["/f"] = self.cuts(500, length=400)
        with self.refused("has the sum"):
            self.get("/f")

    def test_more_than_there_should_be(self):
        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(DATA)
            handler.close_connection = True
        self.web.files["/f"] = endless
        with mock.patch.object(download, "MOST_BYTES", 5000), self.refused("more than 5000 bytes"):
            self.get("/f")
        self.get("/f", size=len(DATA))
        self.check_file()

    def test_redirects(self):
        def to(place):
            return lambda handler: handler.give(b"", status=302, Location=place)
        self.web.files["/moved"] = to("/f")
        self.get("/moved")
        self.check_file()
        secret = self.write("secret", DATA)
        for place in (f"file://{secret}", "ftp://127.0.0.1/f", "http://example.org/f", "data:,x",
                      "//[/"):
            self.web.files["/moved"] = to(place)
            os.unlink(self.target) if os.path.exists(self.target) else None
            with self.refused("leads to", "no https:// URL"):
                self.get("/moved")
            self.assertFalse(os.path.exists(self.target))
        self.web.files["/moved"] = to("/moved")
        with self.refused("redirect"):
            self.get("/moved")

    def test_urls_that_are_none(self):
        for url in ("http://example.org/f", "file:///etc/passwd", "ftp://localhost/f", "https://",
                    "https://[", "http://127.0.0.1.example.org/f"):
            with self.refused("no (https:// )?URL"):
                download.download([url], self.target, SUM)


class Entries(Serving):
    """fetch NAME and fetch URL."""

    def setUp(self):
        super().setUp()
        if shapes is None:
            self.skipTest("python3-onnx is not installed")
        self.onnx, zipped = shapes.vector(96, 3), io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("pack/genderage.onnx", self.onnx)
            archive.writestr("pack/other.onnx", b"other")
        self.web.files.update({"/net.onnx": self.onnx, "/pack.zip": zipped.getvalue()})
        total = lambda data: hashlib.sha256(data).hexdigest()
        self.sum = total(self.onnx)
        entry = {"license": "MIT", "networks": [{"name": "net", "sha256": self.sum}],
                 "name": "file", "sha256": self.sum, "bytes": len(self.onnx),
                 "urls": [self.web.url("/gone.onnx"), self.web.url("/net.onnx")]}
        pack = {"license": "not for money", "accept_license": True, "name": "pack",
                "sha256": total(zipped.getvalue()), "urls": [self.web.url("/pack.zip")],
                "networks": [{"name": "pack-genderage", "file": "genderage.onnx",
                              "sha256": self.sum}]}
        self.book = {"packages": {}, "networks": [], "downloads": [entry, pack],
                     "photos": {"default": False, "package": "x", "license": "MIT", "files": {}}}
        self.enterContext(mock.patch.object(fetch, "registry", lambda: self.book))

    def meta(self, name):
        return safetensors.read(self.path(f"w/{name}.safetensors"))[1]

    def test_a_file(self):
        status, out, err = self.run_main("fetch", "net")
        self.assertEqual(status, 0, err)
        self.assertIn("net: installed", out)
        self.assertIn("looks like InsightFace's genderage", err)
        self.assertEqual((self.meta("net")["task"], self.meta("net")["license"]),
                         ("attributes", "MIT"))
        self.assertEqual(self.meta("net")["source_sha256"], self.sum)
        asked = len(self.web.requests)
        status, out, _ = self.run_main("fetch", "net")
        self.assertEqual((status, len(self.web.requests)), (0, asked))
        self.assertIn("net: ok", out)
        self.write("w/net.safetensors", b"half a file")
        self.assertEqual(self.run_main("fetch", "--verify", "net")[0], 1)
        self.assertEqual(self.run_main("fetch", "file")[0], 0)  # out of the cache
        self.assertEqual(len(self.web.requests), asked)

    def test_a_pack_whose_license_has_to_be_accepted(self):
        status, out, err = self.run_main("fetch", "pack")
        self.assertEqual((status, self.web.requests), (1, []))
        self.assertIn("license: not for money", out)
        self.assertIn("--accept-license", err)
        status, out, err = self.run_main("fetch", "--accept-license", "pack")
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(self.meta("pack-genderage")["preprocess"]),
                         {"crop": "box", "margin": 0.25})
        self.assertEqual(os.listdir(self.path("w")), ["pack-genderage.safetensors"])

    def test_a_person_is_asked(self):
        for answer, status in (("n", 1), ("yes", 0)):
            with mock.patch("builtins.input", return_value=answer), \
                    mock.patch.object(fetch, "sys", mock.Mock(wraps=sys)) as system:
                system.stdin.isatty.return_value = system.stdout.isatty.return_value = True
                self.assertEqual(self.run_main("fetch", "pack")[0], status)

    def test_all_leaves_out_what_has_to_be_accepted(self):
        os.makedirs(self.path("w/photos"))
        self.book["photos"]["files"] = {"p.jpg": SUM}
        self.write("w/photos/p.jpg", DATA)
        status, out, err = self.run_main("fetch", "--all")
        self.assertEqual(status, 0, err)
        self.assertIn("net: installed", out)
        self.assertNotIn("pack-genderage", out)

    def test_a_member_of_another_sum(self):
        self.book["downloads"][1]["networks"][0]["sha256"] = "0" * 64
        status, _, err = self.run_main("fetch", "--accept-license", "pack-genderage")
        self.assertEqual(status, 1)
        self.assertIn("genderage.onnx has not the sum", err)
        self.assertEqual(os.listdir(self.path("w")), [])

    def test_zips_that_are_none(self):
        for data, why in ((b"PK\3\4 and no more", "cannot be unpacked"),
                          (self.web.files["/pack.zip"].replace(b"genderage", b"somewhere"),
                           "has no genderage")):
            path = self.write("x.zip", data)
            with self.refused(why):
                published.unzip(path, "genderage.onnx", self.path("out"))

    def test_a_url(self):
        url = self.web.url("/net.onnx")
        status, _, err = self.run_main("fetch", url)
        self.assertEqual(status, 1)
        self.assertIn(f"run again with --sha256 {self.sum}", err)
        self.assertFalse(os.path.exists(self.path("w")))
        asked = len(self.web.requests)
        status, out, err = self.run_main("fetch", url, "--sha256", self.sum.upper())
        self.assertEqual(status, 0, err)
        self.assertIn("net.safetensors: graph, for attributes", out)
        self.assertEqual(len(self.web.requests), asked)  # it is in the cache
        self.assertEqual(self.meta("net")["source"], url)
        for arguments, why in (((url, "--sha256", "0" * 64), "has the sum"),
                               ((url, url), "alone"), ((url.replace("127.0.0.1", "example.org"),),
                                                       "no https"),
                               (("net", "--sha256", self.sum), "named by its URL")):
            status, _, err = self.run_main("fetch", *arguments)
            self.assertEqual(status, 1)
            self.assertIn(why, err)


class Registry(TestCase):
    def test_downloads_are_complete(self):
        for entry in fetch.registry()["downloads"]:
            for url in entry["urls"]:
                self.assertTrue(url.startswith("https://"))
            for item in (entry, *entry["networks"]):
                self.assertRegex(item["sha256"], r"\A[0-9a-f]{64}\Z")
            self.assertTrue(entry["license"])
            self.assertGreater(entry["bytes"], 0)
            free = "non-commercial" not in entry["license"]
            self.assertEqual(free, not entry.get("accept_license"))
        by_name = {}
        for entry in fetch.registry()["downloads"]:
            for network in entry["networks"]:
                self.assertEqual(by_name.setdefault(network["name"], network), network)
