#!/usr/bin/env python3
"""The load benchmark's own parts: what it calls a right answer, the tables, when memory is flat,
and that a service which answers wrongly is found out, with wrk and a made-up service."""
import http.server
import importlib.util
import io
import json
import shutil
import sys
import tempfile
import threading
import unittest
from contextlib import redirect_stdout
from pathlib import Path

if not importlib.util.find_spec("numpy"):
    print("skipped: python3-numpy is not installed")
    sys.exit(77)

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import answers  # noqa: E402
import load  # noqa: E402
import serve  # noqa: E402
import serve_report  # noqa: E402
import soak  # noqa: E402

MARKS = [[20.0, 20.0], [40.0, 20.0], [30.0, 30.0], [22.0, 40.0], [38.0, 40.0]]
CLI = {
    "faces": [{"box": [10.0, 10.0, 50.0, 60.0], "score": 0.9, "landmarks": MARKS}],
    "classes": [
        {"label": "cat", "score": 0.5}, {"label": "dog", "score": 0.3}, {"label": "hat", "score": 0.1}
    ],
}  # fmt: skip


def predict(box=(10, 10, 50, 60), score=0.9, classes=(("cat", 50), ("dog", 30), ("hat", 10))):
    """An answer of /predict, by default the one CLI asks for."""
    face = {"bbox": list(box), "landmark": MARKS, "confidence": score}
    return {
        "results": {
            "classification": [{"class": c, "confidence": p} for c, p in classes],
            "face_analysis": {"num_faces": 1, "details": [face]},
        }
    }


def judged(answer, exact):
    return answers.differs("/predict", json.dumps(answer), CLI, exact)


class Answers(unittest.TestCase):
    def test_the_same_is_right(self):
        for exact in (True, False):
            self.assertIsNone(judged(predict(), exact))

    def test_mien_may_round_and_no_more(self):
        self.assertIsNone(judged(predict(box=(10.01, 10, 50, 60)), True))
        for wrong in (
            predict(box=(10.2, 10, 50, 60)),
            predict(score=0.95),
            predict(classes=(("cat", 50), ("dog", 31), ("hat", 10))),
            predict(classes=(("cat", 50), ("dog", 30), ("cap", 10))),
        ):
            self.assertIsNotNone(judged(wrong, True))

    def test_a_rival_may_be_near(self):
        self.assertIsNone(judged(predict(box=(11.5, 9, 51, 60), score=0.85), False))
        self.assertIsNone(judged(predict(classes=(("cat", 44), ("dog", 36), ("cap", 1))), False))
        for wrong in (
            predict(box=(14, 10, 54, 60)),
            predict(score=0.7),
            predict(classes=(("dog", 50), ("cat", 30), ("hat", 10))),
        ):
            self.assertIsNotNone(judged(wrong, False))

    def test_faces_too_many_or_too_few(self):
        more, none = predict(), predict()
        analysis = more["results"]["face_analysis"]
        analysis["details"].append({"bbox": [70, 70, 90, 90], "landmark": MARKS, "confidence": 0.8})
        self.assertIn("num_faces", judged(more, True))
        analysis["num_faces"] = 2
        none["results"]["face_analysis"] = {"num_faces": 0, "details": []}
        for exact in (True, False):
            self.assertIn("a face at", judged(more, exact))
            self.assertIn("is not there", judged(none, exact))

    def test_other_shapes(self):
        for text in (b"", b"{}", b'{"results": null}', b'{"error": {"code": "queue_full"}}'):
            self.assertIn("shape", answers.differs("/predict", text, CLI, True))
        face = {
            "bounding_box": [10, 10, 50, 60],
            "confidence": 0.9,
            "landmarks": [{"position": p, "type": "nose"} for p in MARKS],
        }
        path, result = "/detect_faces_from_files/", {"faces_count": 1, "faces": [face]}
        self.assertIsNone(answers.differs(path, json.dumps({"result": [result]}), CLI, True))
        self.assertIn("shape", answers.differs(path, json.dumps({"result": []}), CLI, True))


def entry(service, rate, **more):
    return {
        "service": service, "path": "/predict", "size": "640x480", "clients": 8,
        "requests_per_s": rate, "p50_ms": 8.06, "p99_ms": 123.4, "failed": 0, "wrong": 0, **more
    }  # fmt: skip


RESULTS = {
    "date": "2026-01-02", "rounds": 3,
    "machine": {"cpu": "Some CPU", "flags": ["avx2"], "cores": 2, "virtual": False, "load_before": 0},
    "versions": {"fastapi": "0.92.0", "uvicorn": "0.17.6", "torch": "1.13.1"},
    "rival_settings": {"fp32": [{"settings": ["--workers", "1"], "requests_per_s": 9},
                                {"settings": ["--workers", "2"], "requests_per_s": 10}]},
    "memory_mib": {"mien fp32": {"idle": 100.4, "peak": 200}},
    "results": [entry("mien fp32", 25.0), entry("mien int8", 140.0, failed=2),
                entry("FastAPI + torch fp32", 10.0), entry("FastAPI + torch bf16", 20.0)],
}  # fmt: skip


class Report(unittest.TestCase):
    def test_table(self):
        text = "\n".join(serve_report.section(RESULTS))
        self.assertIn(
            "| picture | clients | mien fp32 | mien int8 | FastAPI + torch fp32 | FastAPI + torch "
            "bf16 | mien fp32 / torch fp32 | mien int8 / torch bf16 |", text)
        self.assertIn("| 640x480 | 8 | 25.0 (8.1 / 123) | 140 (8.1 / 123), 2 failed | "
                      "10.0 (8.1 / 123) | 20.0 (8.1 / 123) | 2.5x | 7.0x |", text)
        self.assertIn("(fp32: `--workers 2`)", text)
        self.assertIn("mien fp32 200 (100)", text)
        self.assertNotIn("busy", text)

    def test_the_page_is_updated_in_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "speed.md")
            path.write_text("a\n%s\n%s\nb\n" % (serve_report.BEGIN, serve_report.END), "utf-8")
            self.assertTrue(serve_report.update_page(RESULTS, path))
            self.assertFalse(serve_report.update_page(RESULTS, path))
            text = path.read_text(encoding="utf-8")
            self.assertTrue(text.startswith("a\n<!--") and text.endswith("-->\nb\n"), text)

    def test_medians(self):
        one = {"requests": 5, "failed": 1, "compared": 2, "wrong": 0, "p50_ms": 1, "p99_ms": 2,
               "cpu_ms": 3}
        rounds = [{**one, "requests_per_s": rate} for rate in (1, 9, 5)]
        made = serve.cell_entry("s", "/predict", "1080p", 8, rounds)
        self.assertEqual((made["requests_per_s"], made["requests"], made["failed"]), (5, 15, 3))


class Flatness(unittest.TestCase):
    def test_growth_after_the_start_counts(self):
        start = [(second, 100 + second) for second in range(60)]
        flat = start + [(second, 160 + second % 2) for second in range(60, 600)]
        self.assertTrue(soak.flatness(flat, 600)["flat"])
        leak = start + [(second, 160 + second / 100) for second in range(60, 600)]
        self.assertFalse(soak.flatness(leak, 600)["flat"])


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers what its server's `answer` says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        status, answer = self.server.answer
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """wrk breaks off the requests under way when its time is over."""


class MadeUp:
    """A service as bench/services.py has them."""

    name, exact, precision, command = "made up", True, "fp32", []

    def __init__(self):
        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.server.answer, self.server.bodies = (200, predict()), []
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def memory(self):
        return {"now": 100, "peak": 100}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Loaded(unittest.TestCase):
    def setUp(self):
        self.service = MadeUp()
        self.addCleanup(self.service.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pictures = [str(Path(folder.name, name)) for name in ("a.jpg", "b.jpg")]
        for i, path in enumerate(self.pictures):
            Path(path).write_bytes(b"picture %d" % i)

    def sampler(self):
        wanted = {path: CLI for path in self.pictures}
        return serve.Sampler(self.service, "/predict", self.pictures, wanted)

    def test_wrong_answers_are_found(self):
        self.assertIsNone(self.sampler().all_once())
        self.service.server.answer = 200, predict(score=0.1)
        self.assertIn("a.jpg: the face at", self.sampler().all_once())
        self.service.server.answer = 503, {"error": {"code": "not_ready"}}
        self.assertIn("status 503", self.sampler().all_once())

    @unittest.skipUnless(shutil.which("wrk"), "wrk is not installed")
    def test_wrk_posts_every_picture_and_counts_failures(self):
        one = load.wrk(self.service.url, "/predict", self.pictures, 2, 1)
        self.assertGreater(one["requests"], 10)
        self.assertEqual(one["failed"], 0)
        self.assertGreaterEqual(one["p99_ms"], one["p50_ms"])
        for i, path in enumerate(self.pictures):
            body, _ = answers.body_of("file", [path])
            sent = [b for b in self.service.server.bodies if b"picture %d" % i in b]
            self.assertEqual(set(sent), {body})  # wrk's bodies are those of the comparison
        self.service.server.answer = 429, {}
        one = load.wrk(self.service.url, "/predict", self.pictures, 2, 1)
        self.assertEqual(one["failed"], one["requests"])

    def test_soak_counts_right_wrong_and_failed(self):
        body = answers.body_of("file", self.pictures[:1])
        jobs = [("/predict", self.pictures[0], *body, CLI)]
        options = serve.parse(["--soak", "0.3", "--clients", "2"])
        kept, soak.make_jobs = soak.make_jobs, lambda *_: jobs
        self.addCleanup(setattr, soak, "make_jobs", kept)
        for answer, good in (
            ((200, predict()), "right"),
            ((200, predict(score=0.1)), "wrong"),
            ((429, {}), "failed"),
        ):
            self.service.server.answer = answer
            with redirect_stdout(io.StringIO()):
                results, complaints = soak.run(self.service, options, {})
            self.assertGreater(results[good], 0)
            for other in {"right", "wrong", "failed"} - {good}:
                self.assertEqual(results[other], 0)
            self.assertEqual(complaints == [], good == "right")


if __name__ == "__main__":
    unittest.main()
