#!/usr/bin/env python3
"""Many clients at once: every answer is the tool's whatever it shared a batch with, limits are
kept, and nobody gets a wrong answer because the server was busy or a neighbour went away."""
import base64
import json
import random
import socket
import struct
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import (PHOTOS, Server, cli, crops, form, photos, plain, scaled,  # noqa: E402
                    skip_or_run, wait_for)
from tool import png, ppm  # noqa: E402

CLIENTS = scaled(200)
EACH = 2  # requests a client
SEED = 1


class Request:
    """A request and what must be answered: a JSON value without times, or None for an error 400."""

    def __init__(self, path, body, kind, expected):
        self.path, self.body, self.kind, self.expected = path, body, kind, expected

    def check(self, answer):
        if self.expected is None:
            assert answer.status == 400, (self.path, answer)
            assert answer.code == "bad_request", answer
            return
        assert answer.status == 200, (self.path, answer)
        value = answer.json
        if "pictures" in value:
            value = [plain(one) for one in value["pictures"]]
        elif isinstance(value, dict):
            value = plain(value)
        assert value == self.expected, (self.path, value, self.expected)


def json_request(path, picture, expected, **options):
    body = json.dumps({"image": base64.b64encode(picture).decode(), **options}).encode()
    return Request(path, body, "application/json", expected)


def make_requests():
    """Different pictures through different endpoints with different options."""
    pictures = (crops(PHOTOS[0], 6) + crops(PHOTOS[3], 6, side=250) + photos(1)
                + [ppm(64, 48), png(200, 100)])
    kind = "application/octet-stream"
    made = []
    detections = cli("detect", pictures)
    for query, options in [("", ()), ("?threshold=0.9", ["--threshold=0.9"]),
                           ("?max_faces=1", ["--max-faces=1"]), ("?size=320", ["--size=320"])]:
        for picture, expected in zip(pictures, cli("detect", pictures, *options)):
            made.append(Request("/v1/detect" + query, picture, kind, expected))
    for picture, expected in zip(pictures, cli("analyze", pictures, "--embeddings", "--top=3")):
        made.append(Request("/v1/analyze?embeddings=1&top=3", picture, kind, expected))
        made.append(json_request("/v1/classify", picture,
                                 {k: v for k, v in expected.items() if k not in ("faces", "main")}, top=3))
    for picture, expected in zip(pictures, cli("embed", pictures, "--face=largest")):
        if expected["faces"]:
            made.append(Request("/v1/embed?face=largest", picture, kind, expected))
    for i in range(0, len(pictures) - 2, 3):
        body, multipart = form([("file", "x", p) for p in pictures[i:i + 3]])
        made.append(Request("/v1/detect", body, multipart, detections[i:i + 3]))
    made.append(Request("/v1/analyze", photos(1)[0][:20000], "image/jpeg", None))
    made.append(Request("/v1/detect", b"not a picture", "image/jpeg", None))
    return made


class Crowd:
    """Threads that all begin at once; what went wrong in any of them is raised at the end."""

    def __init__(self):
        self.threads, self.failures = [], []
        self.start = threading.Event()

    def add(self, function, *args):
        def run():
            self.start.wait()
            try:
                function(*args)
            except Exception as failure:  # pylint: disable=broad-except
                self.failures.append(failure)
        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def join(self):
        self.start.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise AssertionError(f"{len(self.failures)} failures, of which one is this") \
                from self.failures[0]


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.requests = make_requests()

    def client(self, server, requests, statuses=None):
        """Asks one after the other over a kept connection. statuses: what else may be answered,
        and a list of what was."""
        connection = server.connect(timeout=600)
        for request in requests:
            answer = server.ask("POST", request.path, request.body,
                                {"Content-Type": request.kind}, connection)
            if statuses is not None:
                statuses.append((answer.status, answer))
                if answer.status in (429, 504):
                    continue
            request.check(answer)
        connection.close()

    def test_every_answer_is_the_tools(self):
        draw = random.Random(SEED)
        with Server("--deadline=600", "--max-wait=5000", "--log=none") as server:
            crowd = Crowd()
            for _ in range(CLIENTS):
                crowd.add(self.client, server, draw.choices(self.requests, k=EACH))
            crowd.join()
            m = server.metrics()
            ok = sum(v for k, v in m.items() if k.startswith("mien_requests_total")
                     and 'status="200"' in k)
            bad = sum(v for k, v in m.items() if k.startswith("mien_requests_total")
                      and 'status="400"' in k)
            self.assertEqual(ok + bad, CLIENTS * EACH)
            for task in ("detect", "classify", "embed"):
                runs = m[f'mien_batch_size_count{{task="{task}"}}']
                self.assertGreater(m[f'mien_batch_size_sum{{task="{task}"}}'], runs,
                                   "there were batches of several")
            self.assertEqual(m["mien_queue_depth"], 0)
            self.assertEqual(m["mien_picture_bytes"], 0)
            self.assertEqual(m["mien_body_bytes"], 0)

    def test_little_memory_for_pictures(self):
        # Two photos do not fit at once; those of a request neither: they take turns.
        body, kind = form([("file", "x", p) for p in photos(3)])
        request = Request("/v1/detect?size=0", body, kind, cli("detect", photos(3), "--size=0"))
        small = self.requests[0]
        with Server("--picture-memory=8M", "--deadline=600", "--log=none") as server:
            crowd = Crowd()
            for i in range(scaled(10)):
                crowd.add(self.client, server, [request if i % 2 else small])
            crowd.join()
            self.assertEqual(server.metrics()["mien_picture_bytes"], 0)

    def test_the_queue_is_bounded(self):
        with Server("--queue=2", "--workers=1", "--deadline=600", "--log=none") as server:
            statuses = []
            crowd = Crowd()
            for i in range(scaled(60)):
                crowd.add(self.client, server, [self.requests[i % len(self.requests)]], statuses)
            crowd.join()
            refused = [answer for status, answer in statuses if status == 429]
            self.assertGreater(len(refused), 0)
            self.assertGreaterEqual(len(statuses) - len(refused), 3)
            for answer in refused:
                self.assertEqual(answer.code, "queue_full")
                self.assertGreater(int(answer.headers["Retry-After"]), 0)
            self.assertEqual(server.rejected("queue_full"), len(refused))
            self.client(server, self.requests[:3])

    def test_deadlines(self):
        with Server("--deadline=0.05", "--log=none") as server:
            statuses = []
            crowd = Crowd()
            heavy = [r for r in self.requests if "analyze" in r.path]
            for i in range(scaled(60)):
                crowd.add(self.client, server, [heavy[i % len(heavy)]], statuses)
            crowd.join()
            late = [answer for status, answer in statuses if status == 504]
            self.assertGreater(len(late), 0)
            for answer in late:
                self.assertEqual(answer.code, "deadline")
            m = server.metrics()
            self.assertEqual(m['mien_rejected_total{reason="deadline"}'], len(late))
            wait_for(lambda: server.metrics()["mien_batch_queue_depth"] == 0, "work to be dropped")
        self.assertLessEqual({status for status, _ in statuses}, {200, 400, 504})

    def test_clients_that_leave(self):
        with Server("--workers=1", "--log=none") as server:
            busy = threading.Thread(target=server.post_form, args=(
                "/v1/analyze", [("file", "x", p) for p in photos() * 2 + photos(4)]))
            busy.start()
            wait_for(lambda: server.metrics()["mien_picture_bytes"] > 0, "the worker to be busy")
            photo = photos()[0]
            head = (f"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\n"
                    f"Content-Length: {len(photo)}\r\n\r\n").encode()
            leaving = [server.raw(head + photo) for _ in range(6)]
            wait_for(lambda: server.metrics()["mien_queue_depth"] == 6, "all to be queued")
            for i, sock in enumerate(leaving):
                if i % 2:  # a reset rather than an end
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
            busy.join()
            wait_for(lambda: server.rejected("client_gone") == 6, "work to be dropped")
            m = server.metrics()
            self.assertEqual(m['mien_requests_total{route="/v1/analyze",status="499"}'], 6)
            self.assertEqual(m['mien_batch_size_sum{task="classify"}'], 16,
                             "the pictures of those who left were left out")
            self.client(server, self.requests[:3])

    def test_clients_that_leave_in_the_middle(self):
        # Of the headers, of the body, of the answer: nobody else notices.
        request = next(r for r in self.requests if "embeddings" in r.path)
        whole = (f"POST {request.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {request.kind}\r\n"
                 f"Content-Length: {len(request.body)}\r\n\r\n").encode() + request.body
        draw = random.Random(SEED)
        with Server("--read-timeout=3600", "--idle-timeout=3600", "--log=none") as server:
            stop = threading.Event()

            def leave():
                while not stop.is_set():
                    with server.raw(whole[:draw.randrange(len(whole) + 1)]):
                        time.sleep(draw.random() * 0.05)
            crowd = Crowd()
            leavers = [threading.Thread(target=leave) for _ in range(4)]
            for thread in leavers:
                thread.start()
            for _ in range(4):
                crowd.add(self.client, server, self.requests[:scaled(20)])
            try:
                crowd.join()
            finally:
                stop.set()
                for thread in leavers:
                    thread.join()
            # Not because --read-timeout has cut them.
            wait_for(lambda: server.metrics()["mien_requests_active"] == 1, "all to have ended")
            self.assertEqual(server.metrics()["mien_body_bytes"], 0)


if __name__ == "__main__":
    print("seed", SEED, flush=True)
    skip_or_run(unittest.main)
