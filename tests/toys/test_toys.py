#!/usr/bin/env python3
"""A task and a dialect that are a file and a row each work everywhere: option, help, JSON, drawing,
times, calibration, the server's answers, metrics and methods."""
import json
import os
import struct
import sys
import tempfile
import unittest
from pathlib import Path

TOYS = os.environ.get("MIEN_TOYS", "build/tests/toys/mien_toys")
os.environ["MIEN_TOOL"] = TOYS
sys.path.insert(0, str(Path(__file__).parents[1] / "server"))
from server import Server, mien, objects, skip_or_run  # noqa: E402
from tool import MODELS, PHOTOS  # noqa: E402

ATTRIBUTES = [
    {"name": "warmth", "kind": "value", "unit": "degrees", "output": "embedding", "scale": 10,
     "shift": 20},
    {"name": "mood", "kind": "distribution", "labels": ["sad", "so-so", "glad"],
     "output": "embedding", "at": 1, "decode": "softmax"},
    {"name": "real", "kind": "probability", "output": "embedding", "at": 4, "decode": "sigmoid"},
    {"name": "view", "kind": "angles", "output": "embedding", "at": 5, "scale": 90},
]


def toy_blob(folder):
    """The default embedder's blob as a network for the toy task."""
    data = Path(MODELS["weights"], "mobilefacenet-192.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header["__metadata__"].update(task="toy", name="toy", attributes=json.dumps(ATTRIBUTES))
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    path = Path(folder, "toy.safetensors")
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size:])
    return str(path)


class Toys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mien-toys-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.blob = toy_blob(cls.folder.name)
        cls.photo = str(PHOTOS[0])

    def run_tool(self, *args):
        result = mien(*args)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result

    def check_attributes(self, found):
        self.assertEqual(list(found), ["warmth", "mood", "real", "view"])
        mood = found["mood"]
        self.assertEqual(mood["value"], max(mood["distribution"], key=mood["distribution"].get))
        self.assertAlmostEqual(sum(mood["distribution"].values()), 1, places=4)
        self.assertAlmostEqual(mood["probability"], max(mood["distribution"].values()), places=5)
        self.assertTrue(0 < found["real"]["probability"] < 1)
        self.assertEqual(list(found["view"]), ["pitch", "yaw", "roll"])

    def test_help_names_its_option(self):
        for command in ("analyze", "bench analyze", "serve"):
            text = self.run_tool(command, "--help").stdout.decode()
            self.assertRegex(text, r"--toy NAME\|BLOB +looks at toys \[none\]")
        self.assertNotIn("--toy", self.run_tool("detect", "--help").stdout.decode())

    def test_analyze(self):
        (entry,) = objects(self.run_tool("analyze", "--toy", self.blob, "--classifier", "none",
                                         self.photo))
        self.check_attributes(entry["attributes"])
        self.assertGreater(entry["timing_ms"]["toy"], 0)
        self.assertTrue(entry["faces"])
        (plain,) = objects(self.run_tool("analyze", "--classifier", "none", self.photo))
        self.assertNotIn("attributes", plain)
        self.assertEqual(plain["faces"], entry["faces"])

    def test_it_alone(self):
        (entry,) = objects(self.run_tool("analyze", "--toy", self.blob, "--detector", "none",
                                         "--classifier", "none", self.photo))
        self.check_attributes(entry["attributes"])
        self.assertEqual(entry["faces"], [])

    def test_another_task_is_refused(self):
        result = mien("analyze", "--toy", "mobilefacenet-192", self.photo)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--toy: mobilefacenet-192 is a network for embed, not for toy", result.stderr)

    def test_info_bench_and_calibrate(self):
        text = self.run_tool("info", self.blob).stdout.decode()
        self.assertRegex(text, r"task +toy")
        bench = json.loads(self.run_tool("bench", "analyze", "--toy", self.blob, "--json",
                                         "--seconds", "0", self.photo).stdout)
        self.assertEqual(bench["toy"], "toy")
        self.assertGreater(bench["stages"]["toy"]["mean_ms"], 0)
        out = str(Path(self.folder.name, "calibrated.safetensors"))
        self.run_tool("calibrate", "--force", self.blob, "--output", out, self.photo)
        self.assertTrue(json.loads(self.run_tool("info", "--json", out).stdout)["calibrated"])

    def test_served(self):
        with Server("--toy", self.blob, "--classifier", "none") as server:
            photo = Path(self.photo).read_bytes()
            answer = server.post("/v1/analyze", photo)
            self.assertEqual(answer.status, 200)
            self.check_attributes(answer.json["attributes"])
            self.assertIn("toy", answer.json["timing_ms"])
            metrics = server.get("/metrics").body.decode()
            self.assertTrue('mien_batch_size_count{task="toy"} 1' in metrics)
            self.assertEqual(server.get("/v2/models/toy").status, 200)

            count = server.ask("PATCH", "/toy/count", photo,
                               {"Content-Type": "image/jpeg"})
            self.assertEqual((count.status, count.body.decode()),
                             (200, f"toy: {len(answer.json['faces'])}\n"))
            wrong = server.get("/toy/count")
            self.assertEqual((wrong.status, wrong.headers["Allow"]), (405, "PATCH, OPTIONS"))
            self.assertTrue(wrong.body.startswith(b"toy: "))
            self.assertEqual(server.get("/toy/nothing").body[:5], b"toy: ")
            self.assertTrue(b'route="/toy/count",status="200"' in server.get("/metrics").body)


if __name__ == "__main__":
    if not Path(TOYS).exists():
        print(f"{TOYS} is missing: is it built?")
        sys.exit(1)
    skip_or_run(unittest.main)
