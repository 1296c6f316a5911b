#!/usr/bin/env python3
"""Packed weights kept in files: the same results with and without, and none packed a second time.

How long a start takes is measured by bench/start.py."""
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, MODELS, PHOTOS, mien, without_timing  # noqa: E402

def cached(folder):
    return sorted(p.name for p in Path(folder).iterdir() if ".packed" in p.name)


class Cache(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mien-cache-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for blob in Path(MODELS["weights"]).glob("*.safetensors"):
            Path(self.folder, blob.name).symlink_to(blob.resolve())

    def run_tool(self, *args, command="analyze"):
        result = mien(command, "--weights", self.folder, *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"^(mien: \d+ pictures(, \d+ faces?)?\n)?$")
        return result

    def check_same(self, networks, *args, command="analyze"):
        photos = [str(p) for p in PHOTOS[:2]]
        plain = without_timing(self.run_tool(*args, "--no-cache", *photos, command=command))
        self.assertEqual(cached(self.folder), [])
        first = without_timing(self.run_tool(*args, *photos, command=command))
        files = cached(self.folder)
        stamps = [Path(self.folder, f).stat().st_ino for f in files]
        second = without_timing(self.run_tool(*args, *photos, command=command))
        self.assertEqual(len(files), networks)
        self.assertEqual(cached(self.folder), files)
        self.assertEqual([Path(self.folder, f).stat().st_ino for f in files], stamps)
        self.assertEqual(first, plain)
        self.assertEqual(second, plain)

    def test_same_results_fp32(self):
        # Of the detector, the embedder and the classifier: what comes with mien lies elsewhere.
        self.check_same(3, "--embeddings")

    def test_same_results_bf16(self):
        self.check_same(3, "--embeddings", "--precision", "bf16")

    def test_same_results_int8(self):
        blob = Path(self.folder, "retinaface-mnet025-v2.safetensors")
        installed = blob.resolve()
        blob.unlink()  # through the link the installed one would be calibrated anew
        shutil.copy(installed, blob)
        self.run_tool("retinaface-mnet025-v2", "--force", "--output", str(blob), str(PHOTOS[0]),
                      command="calibrate")
        for file in cached(self.folder):
            Path(self.folder, file).unlink()
        self.check_same(1, "--precision", "int8", command="detect")

    def test_a_changed_blob_is_packed_again(self):
        photo, name = str(PHOTOS[0]), "retinaface-mnet025-v2.safetensors"
        blob = Path(self.folder, name)
        data = bytearray(blob.read_bytes())
        self.run_tool(photo, command="detect")
        before = without_timing(self.run_tool(photo, command="detect"))
        start = 8 + int.from_bytes(data[:8], "little")
        begin, end = json.loads(data[8:start])["body.stage1.0.0.weight"]["data_offsets"]
        data[start + begin:start + end] = bytes(end - begin)
        blob.unlink()
        blob.write_bytes(data)
        after = without_timing(self.run_tool(photo, command="detect"))
        self.assertNotEqual(before, after)
        self.assertEqual(after, without_timing(self.run_tool(photo, "--no-cache",
                                                             command="detect")))
        self.assertEqual(len(cached(self.folder)), 1)


if __name__ == "__main__":
    if not HAVE_NETWORKS or not PHOTOS:
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
