"""The command line: one sentence and status 1 for any wrong input, the same bytes every time, and
fetch against a registry and an npm of the test's own."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
from unittest import mock

import numpy as np

from . import published
from .support import ROOT, TestCase
from .torch_files import save_state
from weights_convert import fetch, safetensors
from weights_convert.__main__ import main


class Command(TestCase):
    def run_main(self, *arguments):
        """(status, standard output, standard error)"""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(argument) for argument in arguments])
        return status, out.getvalue(), err.getvalue()


class Convert(Command):
    def source(self):
        return save_state(self.path("r18.pth"), published.torchvision_resnet(18, 8, 4))

    def test_metadata(self):
        labels = self.write("labels.json", {"0": "great_white_shark", "1": "b", "2": "c", "3": "d"})
        status, out, err = self.run_main(
            "convert", self.source(), "-o", self.path("resnet18-x.safetensors"), "--labels", labels,
            "--license", "MIT", "--accuracy", "none", "--source-name", "npm:x@1/r18.pth")
        self.assertEqual((status, out, err), (0, "", ""))
        _, meta = safetensors.read(self.path("resnet18-x.safetensors"))
        with open(self.path("r18.pth"), "rb") as file:
            import hashlib

            sha256 = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual({key: meta[key] for key in (
            "mien", "name", "arch", "task", "license", "accuracy", "source", "source_sha256")}, {
            "mien": "1", "name": "resnet18-x", "arch": "resnet", "task": "classify",
            "license": "MIT", "accuracy": "none", "source": "npm:x@1/r18.pth",
            "source_sha256": sha256})
        self.assertEqual(json.loads(meta["labels"]), ["great white shark", "b", "c", "d"])
        self.assertEqual(json.loads(meta["preprocess"]), {"short_side": 256})
        self.assertEqual(json.loads(meta["bn_eps"]), {"": 1e-5})
        self.assertEqual(json.loads(meta["input"])["width"], 224)

    def test_the_older_spelling(self):
        status, _, err = self.run_main("convert", self.source(), "-o", self.path("x.safetensors"),
                                       "--licence", "MIT")
        self.assertEqual((status, err), (0, ""))
        _, meta = safetensors.read(self.path("x.safetensors"))
        self.assertEqual(meta["license"], "MIT")
        self.assertNotIn("licence", meta)

    def test_same_person(self):
        source = save_state(self.path("a.pth"), published.treb1en_mobilefacenet())
        command = ["convert", source, "-o", self.path("a.safetensors")]
        for text in ("1", "-1", "nan", "0,5", ""):
            with self.assertRaises(SystemExit):
                self.run_main(*command, "--same-person", text)
        self.assertFalse(os.path.exists(self.path("a.safetensors")))
        self.assertEqual(self.run_main(*command, "--same-person", "0.5")[0], 0)
        self.assertEqual(safetensors.read(self.path("a.safetensors"))[1]["same_person"], "0.5")
        self.assertEqual(self.run_main(*command)[0], 0)
        self.assertNotIn("same_person", safetensors.read(self.path("a.safetensors"))[1])

    def test_the_same_bytes_every_time(self):
        command = [sys.executable, "-m", "weights_convert", "convert", self.source(), "--name", "n",
                   "-o"]
        sums = set()
        for i, seed in enumerate(("0", "1")):
            path = self.path(f"{i}.safetensors")
            subprocess.run([*command, path], cwd=ROOT, check=True,
                           env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC+{i}"})
            sums.add(fetch.file_hash(path).hexdigest())
        self.assertEqual(len(sums), 1)

    def test_report(self):
        _, out, _ = self.run_main("convert", self.source(), "-o", self.path("x.safetensors"),
                                  "--report")
        lines = out.splitlines()
        state = published.torchvision_resnet(18, 8, 4)
        self.assertEqual(len(lines), len(state) + 2)
        row = next(line for line in lines if line.startswith("layer4.0.conv1.weight "))
        self.assertEqual(row.split(), ["layer4.0.conv1.weight", "64x32x3x3",
                                       "layer4.0.conv1.weight", "64x32x3x3", "as", "it", "is"])
        self.assertIn("num_batches_tracked", out)
        self.assertIn("dropped: training counter", out)

    def test_wrong_inputs(self):
        cases = [(self.write("empty", b""), "empty"), (self.path("gone"), "No such file"),
                 (self.write("text", b"hello"), "not ONNX"), (self.folder, "Is a directory")]
        for path, message in cases:
            status, out, err = self.run_main("convert", path, "-o", self.path("x.safetensors"))
            self.assertEqual((status, out), (1, ""))
            self.assertRegex(err, rf"\Aweights_convert: {path}: .*{message}.*\n\Z")
            self.assertEqual(err.count("\n"), 1)
            self.assertFalse(os.path.exists(self.path("x.safetensors")))

    def test_wrong_labels(self):
        labels = self.write("labels.json", ["a"])
        status, _, err = self.run_main("convert", self.source(), "-o", self.path("x.safetensors"),
                                       "--labels", labels)
        self.assertEqual(status, 1)
        self.assertIn("1 labels, the network 4 classes", err)

    def test_wrong_names(self):
        for name in ("Upper", "a/b", "", "a b"):
            status, _, err = self.run_main("convert", self.source(), "--name", name or "-",
                                           "-o", self.path("x.safetensors"))
            self.assertEqual(status, 1)
            self.assertIn("no name for a network", err)

    def test_an_unwritable_output(self):
        status, _, err = self.run_main("convert", self.source(), "-o", "/nowhere/x.safetensors")
        self.assertEqual(status, 1)
        self.assertIn("/nowhere/x.safetensors", err)


NPM = """#!/bin/sh
echo "$@" >> "{log}"
[ -e "{fail}" ] && {{ echo "npm error network is down" >&2; exit 1; }}
cp "{tarball}" "$4/x.tgz"
"""


class Fetch(Command):
    """fetch with a stub in npm's place that copies a tarball and keeps a log of its calls."""

    def setUp(self):
        super().setUp()
        state = published.torchvision_resnet(18, 8, 4)
        save_state(self.path("r18.pth"), state)
        self.write("labels.txt", b"a\nb\nc\nd\n")
        self.write("p1.jpg", b"a photo")
        self.make_tarball({"package/w/r18.pth": "r18.pth", "package/labels.txt": "labels.txt",
                           "package/p1.jpg": "p1.jpg"})
        os.mkdir(self.path("bin"))
        self.fill(self.path("bin/npm"), NPM.format(
            log=self.path("log"), fail=self.path("fail"), tarball=self.path("x.tgz")))
        os.chmod(self.path("bin/npm"), 0o755)
        environment = {"PATH": self.path("bin") + ":/usr/bin:/bin",
                       "XDG_CACHE_HOME": self.path("cache"), "MIEN_WEIGHTS": self.path("w")}
        self.enterContext(mock.patch.dict(os.environ, environment))
        self.enterContext(mock.patch.object(fetch, "PAUSE", 0))
        self.book = {
            "packages": {"x@1": {"integrity": fetch.integrity(self.path("x.tgz")),
                                 "megabytes": 1}},
            "networks": [{"name": "r18", "default": True, "package": "x@1", "file": "w/r18.pth",
                          "labels": "labels.txt", "family": "resnet", "license": "MIT",
                          "accuracy": "none", "sha256": self.expected_sum()}],
            "photos": {"default": True, "package": "x@1", "license": "MIT", "files": {
                "p1.jpg": fetch.file_hash(self.path("p1.jpg")).hexdigest()}},
        }
        self.enterContext(mock.patch.object(fetch, "registry", lambda: self.book))

    def fill(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def make_tarball(self, members):
        with tarfile.open(self.path("x.tgz"), "w:gz") as archive:
            for name, file in members.items():
                archive.add(self.path(file), name)

    def expected_sum(self):
        """The blob `convert` makes of the same file with the same words."""
        blob = self.path("expected.safetensors")
        status, _, err = self.run_main(
            "convert", self.path("r18.pth"), "-o", blob, "--name", "r18", "--license", "MIT",
            "--accuracy", "none", "--source-name", "npm:x@1/w/r18.pth", "--labels",
            self.path("labels.txt"))
        self.assertEqual(status, 0, err)
        return fetch.file_hash(blob).hexdigest()

    def calls(self):
        if not os.path.exists(self.path("log")):
            return 0
        with open(self.path("log"), encoding="utf-8") as file:
            return len(file.readlines())

    def test_fetches_everything_once(self):
        status, out, err = self.run_main("fetch")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("r18: installed", out)
        self.assertIn("npm:x@1/w/r18.pth", out)
        self.assertIn("license: MIT", out)
        self.assertEqual(sorted(os.listdir(self.path("w"))), ["photos", "r18.safetensors"])
        self.assertEqual(self.calls(), 1)  # two entries, one package, one download
        status, out, _ = self.run_main("fetch")
        self.assertEqual((status, self.calls()), (0, 1))
        self.assertIn("r18: ok", out)
        tensors, _ = safetensors.read(self.path("w/r18.safetensors"))
        np.testing.assert_array_equal(tensors["conv1.weight"],
                                      published.torchvision_resnet(18, 8, 4)["conv1.weight"])

    def test_a_blob_of_an_earlier_version_stays(self):
        self.run_main("fetch", "r18")
        entry = self.book["networks"][0]
        entry["earlier_sha256"], entry["sha256"] = ["1" * 64, entry["sha256"]], "0" * 64
        written = os.stat(self.path("w/r18.safetensors")).st_mtime_ns
        for arguments in ([], ["--verify"]):
            status, out, err = self.run_main("fetch", *arguments, "r18")
            self.assertEqual((status, err), (0, ""))
            self.assertIn("r18: ok", out)
        self.assertEqual(os.stat(self.path("w/r18.safetensors")).st_mtime_ns, written)
        self.assertEqual(self.calls(), 1)
        self.fill(self.path("w/r18.safetensors"), "half a file")
        self.assertEqual(self.run_main("fetch", "--verify", "r18")[0], 1)

    def test_a_damaged_blob_is_replaced_without_a_download(self):
        self.run_main("fetch")
        self.fill(self.path("w/r18.safetensors"), "half a file")
        self.assertEqual(self.run_main("fetch", "--verify")[0], 1)
        self.assertEqual(self.run_main("fetch")[0], 0)
        self.assertEqual(self.run_main("fetch", "--verify")[0], 0)
        self.assertEqual(self.calls(), 1)

    def test_a_damaged_tarball_is_not_reused(self):
        self.run_main("fetch")
        os.unlink(self.path("w/r18.safetensors"))
        self.fill(self.path("cache/mien/x@1.tgz"), "half a file")
        self.assertEqual(self.run_main("fetch")[0], 0)
        self.assertEqual(self.calls(), 2)

    def test_a_tarball_of_another_sum(self):
        self.book["packages"]["x@1"]["integrity"] = "sha512-wrong"
        status, _, err = self.run_main("fetch", "r18")
        self.assertEqual(status, 1)
        self.assertIn("not the sum of the registry (tried 3 times)", err)
        self.assertEqual((self.calls(), os.listdir(self.path("w"))), (3, []))

    def test_a_blob_of_another_sum(self):
        self.book["networks"][0]["sha256"] = "0" * 64
        status, _, err = self.run_main("fetch", "r18")
        self.assertEqual(status, 1)
        self.assertIn("converted blob has the sum", err)
        self.assertEqual(os.listdir(self.path("w")), [])

    def test_no_network(self):
        self.fill(self.path("fail"), "")
        status, _, err = self.run_main("fetch", "r18")
        self.assertEqual((status, self.calls()), (1, 3))
        self.assertIn("npm could not download it: npm error network is down (tried 3 times)", err)

    def test_no_npm(self):
        os.unlink(self.path("bin/npm"))
        with mock.patch.dict(os.environ, {"PATH": self.path("bin")}):
            status, _, err = self.run_main("fetch", "r18")
        self.assertEqual(status, 1)
        self.assertIn("npm is not installed", err)

    def test_names(self):
        status, _, err = self.run_main("fetch", "r19")
        self.assertEqual(status, 1)
        self.assertIn("the registry has no r19; it has r18, photos", err)

    def test_list_downloads_nothing(self):
        status, out, _ = self.run_main("fetch", "--list")
        self.assertEqual((status, self.calls()), (0, 0))
        self.assertIn("r18: missing", out)

    def test_members_cannot_leave_the_folder(self):
        for name in ("package/../../evil", "package//etc/evil", "package/a/../../../evil"):
            self.make_tarball({name: "labels.txt"})
            with self.refused("not safe"):
                fetch.extract(self.path("x.tgz"), ["*evil"], self.path("out"))
        info = tarfile.TarInfo("package/evil")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        with tarfile.open(self.path("x.tgz"), "w:gz") as archive:
            archive.addfile(info)
        with self.refused("has no .evil"):
            fetch.extract(self.path("x.tgz"), ["*evil"], self.path("out"))

    def test_a_truncated_tarball(self):
        with open(self.path("x.tgz"), "rb") as file:
            data = file.read()
        self.write("x.tgz", data[: len(data) // 2])
        with self.refused("cannot be unpacked|has no"):
            fetch.extract(self.path("x.tgz"), ["w/r18.pth"], self.path("out"))

    def test_the_folder(self):
        with mock.patch.dict(os.environ, {"MIEN_WEIGHTS": "/m", "XDG_DATA_HOME": "/x",
                                          "HOME": "/h"}):
            self.assertEqual(fetch.weights_dir("/d"), "/d")
            self.assertEqual(fetch.weights_dir(), "/m")
            os.environ["MIEN_WEIGHTS"] = ""
            self.assertEqual(fetch.weights_dir(), "/x/mien")
            os.environ["XDG_DATA_HOME"] = ""
            self.assertEqual(fetch.weights_dir(), "/h/.local/share/mien")


class Registry(TestCase):
    def test_entries_are_complete(self):
        book = fetch.registry()
        names = [entry["name"] for entry in book["networks"]]
        self.assertEqual(len(names), len(set(names)))
        for entry in [*book["networks"], book["photos"]]:
            self.assertIn(entry["package"], book["packages"])
            self.assertTrue(entry["license"])
        for entry in book["networks"]:
            self.assertRegex(entry["sha256"], r"\A[0-9a-f]{64}\Z")
            self.assertTrue(entry["accuracy"])
            self.assertNotIn(entry["sha256"], entry.get("earlier_sha256", []))
            if "same_person" in entry:
                self.assertTrue(-1 < entry["same_person"] < 1)
        for package in book["packages"].values():
            self.assertRegex(package["integrity"], r"\Asha512-[A-Za-z0-9+/]{86}==\Z")

    def test_cached_packages_give_the_registered_blobs(self):
        """Converts what is in npm's cache of earlier fetches and compares the sums."""
        book = fetch.registry()
        found = False
        for entry in book["networks"]:
            package = book["packages"][entry["package"]]
            path = os.path.join(fetch.cache_dir(),
                                entry["package"].replace("/", "-").lstrip("@") + ".tgz")
            if not os.path.exists(path) or fetch.integrity(path) != package["integrity"]:
                continue
            found = True
            fetch.install_network(entry, book["packages"], self.folder)
            _, meta = safetensors.read(self.path(entry["name"] + ".safetensors"))
            self.assertEqual(meta["license"], entry["license"])
            self.assertEqual(meta.get("same_person"),
                             str(entry["same_person"]) if "same_person" in entry else None)
        if not found:
            self.skipTest("no package is in the cache")
