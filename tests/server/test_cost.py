#!/usr/bin/env python3
"""The most a request can cost, in counted work, and who is kept waiting by it: nobody."""
import json
import signal
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import Server, black, photos, skip_or_run, wait_for  # noqa: E402

# What anyone may ask for that makes every anchor of the detector a face.
DEAREST = "threshold=0&nms=1&size=320"
MAX_BATCH = 8
CLASSIFIER = "resnet50-imagenet"


def work(metrics, task):
    """(runs of a task's network, pictures or faces of all of them)."""
    return tuple(metrics[f'mien_batch_size_{what}{{task="{task}"}}'] for what in ("count", "sum"))


class Cost(unittest.TestCase):
    def test_faces_are_bounded(self):
        with Server() as server:
            answer = server.post("/v1/detect?max_faces=5001", photos()[0])
            self.assertEqual((answer.status, answer.code), (400, "bad_request"))
            answer = server.post(f"/v1/detect?{DEAREST}&max_faces=5000", photos()[0])
            self.assertEqual(answer.status, 200)
            self.assertGreater(len(answer.json["faces"]), 1000)
            self.assertLessEqual(len(answer.json["faces"]), 5000)

    def test_work_an_endpoint(self):
        """As many runs as faces fill, none larger than a batch."""
        faces = 5 * MAX_BATCH + 1
        with Server(f"--max-batch={MAX_BATCH}") as server:
            # Who tells ages reads the embedder's features: the two together are the embedder's runs.
            for path, tasks in (("detect", ()), ("embed", ("embed",)), ("analyze", ("age_gender",)),
                                ("analyze?embeddings=1", ("embed",))):
                with self.subTest(path):
                    before = server.metrics()
                    path += "&" if "?" in path else "?"
                    answer = server.post(f"/v1/{path}{DEAREST}&max_faces={faces}", photos()[0])
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(len(answer.json["faces"]), faces)
                    after = server.metrics()
                    for task in ("detect", "embed", "age_gender"):
                        runs, units = (a - b for a, b in
                                       zip(work(after, task), work(before, task)))
                        expected = (1, 1) if task == "detect" else \
                            (6, faces) if task in tasks else (0, 0)
                        self.assertEqual((runs, units), expected, task)

    def test_nobody_waits_for_a_run(self):
        """Plain C and many images: one run takes far longer than the deadline. Its request is
        answered, the server says that it is not ready, and ends without the run."""
        images, deadline = 32, 5
        size = images * 224 * 224 * 3
        head = json.dumps({"inputs": [{"name": "input", "shape": [images, 224, 224, 3],
                                       "datatype": "UINT8",
                                       "parameters": {"binary_data_size": size}}]}).encode()
        with Server("--backend=c", f"--deadline={deadline}", f"--max-batch={images}",
                    "--detector=none", "--embedder=none", "--age-gender=none") as server:
            answers = []
            asks = threading.Thread(target=lambda: answers.append(server.ask(
                "POST", f"/v2/models/{CLASSIFIER}/infer", head + bytes(size),
                {"Inference-Header-Content-Length": str(len(head))})))
            asks.start()
            wait_for(lambda: server.metrics()["mien_batch_running_seconds"] > deadline,
                     "a long run")
            answer = server.get("/ready")
            self.assertEqual((answer.status, answer.json), (503, {"status": "busy"}))
            self.assertFalse(server.get("/v2/health/ready").json["ready"])
            asks.join()
            self.assertEqual(answers[0].status, 504, answers)
            self.assertGreater(server.metrics()["mien_batch_running_seconds"], 0)
            self.assertGreater(server.metrics()["mien_picture_bytes"], 0, "the run looks at them")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.assertTrue(server.find("a run of a network that had not was left"), server.log())

    def test_what_a_run_held_is_freed(self):
        with Server("--backend=c", "--deadline=1", "--max-side=4096", "--classifier=none", "--embedder=none",
                    "--age-gender=none") as server:
            self.assertEqual(server.post("/v1/detect?size=0", black(2048)).status, 504)
            wait_for(lambda: server.metrics()["mien_picture_bytes"] == 0, "the run to end")
            self.assertEqual(server.metrics()["mien_batch_running_seconds"], 0)
            self.assertEqual(server.get("/ready").status, 200)


if __name__ == "__main__":
    skip_or_run(unittest.main)
