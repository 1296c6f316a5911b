#!/usr/bin/env python3
"""The memory of the server: whatever shapes and bodies come, it stays within --memory, and what a
large picture took goes back to the system."""
import http.server
import json
import socket
import struct
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import SMALL, Server, black, skip_or_run, wait_for  # noqa: E402

MB = 1 << 20
DETECTOR = ("--classifier=none", "--embedder=none", "--age-gender=none")
NETWORK = "retinaface-mnet025-v2"
# What malloc keeps of a moment's peak, stacks, and buffers of connections.
SLACK = 128 * MB


def tensor_request(side, binary=True):
    """(body, headers) of a KServe request for one UINT8 image that asks for binary outputs."""
    values = bytes(i % 251 for i in range(997)) * (side * side * 3 // 997 + 1)
    head = json.dumps({"inputs": [{"name": "input", "shape": [1, side, side, 3], "datatype": "UINT8",
                                   "parameters": {"binary_data_size": side * side * 3}}],
                       "parameters": {"binary_data_output": binary}}).encode()
    return head + values[:side * side * 3], {"Inference-Header-Content-Length": str(len(head))}


def float_request(side):
    head = json.dumps({"inputs": [{"name": "input", "shape": [1, side, side, 3], "datatype": "FP32",
                                   "parameters": {"binary_data_size": side * side * 12}}],
                       "outputs": [{"name": "score_32"}]}).encode()
    return head + struct.pack("<f", 7) * (side * side * 3), {
        "Inference-Header-Content-Length": str(len(head))}


@unittest.skipIf(SMALL, "a sanitizer has a malloc of its own, which gives nothing back")
class Memory(unittest.TestCase):
    def test_a_sweep_of_shapes(self):
        """Plans of all these shapes together would take 1.3 GB."""
        with Server(*DETECTOR, "--max-side=2048") as server:
            self.assertEqual(server.post("/v1/detect?size=0", black(320)).status, 200)
            before = server.resident()
            for side in (2048, 1984, 1920, 1856, 1792, 1728, 1664, 1600):
                answer = server.post("/v1/detect?size=0", black(side))
                self.assertEqual(answer.status, 200, answer)
            self.assertEqual(server.post("/v1/detect?size=0", black(320)).status, 200)
            m = server.metrics()
            self.assertLessEqual(m["mien_plan_bytes"], 256 * MB)
            self.assertLess(server.resident() - before, m["mien_plan_bytes"] + SLACK)
            self.assertLessEqual(m["mien_memory_used_bytes"], m["mien_memory_limit_bytes"])

    def test_tensors_at_the_same_time(self):
        """Twelve requests of 48 MB wait for each other: their copies alone would take 576 MB."""
        with Server(*DETECTOR, "--memory=4G", "--body-memory=900M", "--picture-memory=200M") as server:
            body, headers = float_request(2048)
            before, most, answers = server.resident(), {"memory": 0, "tensors": 0}, []

            def ask():
                answers.append(server.ask("POST", f"/v2/models/{NETWORK}/infer", body, headers))

            threads = [threading.Thread(target=ask) for _ in range(12)]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                most["memory"] = max(most["memory"], server.resident() - before)
                most["tensors"] = max(most["tensors"], server.metrics()["mien_picture_bytes"])
                next(t for t in threads if t.is_alive() or t is threads[-1]).join(0.05)
            self.assertEqual({answer.status for answer in answers}, {200}, answers)
            self.assertGreater(most["tensors"], len(body) / 2)
            self.assertLessEqual(most["tensors"], 200 * MB)
            self.assertLess(most["memory"], 12 * len(body) + 200 * MB + 2 * 210 * MB + SLACK)
            wait_for(lambda: server.metrics()["mien_picture_bytes"] == 0, "tensors to be freed")
            self.assertEqual(server.metrics()["mien_body_bytes"], 0)

    def test_too_many_tensors_are_refused(self):
        """Each could be read, but has no room for its answer beside the others."""
        with Server(*DETECTOR, "--memory=400M", "--picture-memory=20M") as server:
            body, headers = tensor_request(640)
            answers = []

            def ask():
                for _ in range(3):
                    answers.append(server.ask("POST", f"/v2/models/{NETWORK}/infer", body, headers))

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            refused = [answer for answer in answers if answer.status != 200]
            self.assertLess(len(refused), len(answers))
            for answer in refused:
                self.assertEqual(answer.status, 503, answer)
                self.assertTrue(answer.headers["Retry-After"].isdigit())
                self.assertIn("memory", answer.tensor_error)
            self.assertEqual(server.rejected("memory"), len(refused))
            self.assertEqual(server.ask("POST", f"/v2/models/{NETWORK}/infer", body, headers).status,
                             200)

    def test_an_answer_is_counted_until_it_is_fetched(self):
        """The answer is larger than what the connection takes of it while nobody reads."""
        with Server(*DETECTOR) as server:
            body, headers = tensor_request(2048)
            head = (f"POST /v2/models/{NETWORK}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                    f"{len(body)}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n")
            with socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.connect(("127.0.0.1", server.port))
                sock.sendall(head.encode() + body)
                wait_for(lambda: server.metrics()['mien_stage_seconds_count{stage="encode"}'] == 1,
                         "the answer")
                self.assertGreater(server.metrics()["mien_picture_bytes"], MB)
            wait_for(lambda: server.metrics()["mien_picture_bytes"] == 0, "the answer to be freed")

    def test_little_memory_is_enough(self):
        """Fewer at a time, and the answers of a server that has all it wants."""
        with Server(*DETECTOR) as rich, Server(*DETECTOR, "--memory=100M") as poor:
            self.assertEqual(poor.metrics()["mien_memory_limit_bytes"], 100 * MB)
            for side in (640, 900, 640, 333):
                picture = black(side)
                answers = [server.post("/v1/detect?size=0&threshold=0.001", picture)
                           for server in (rich, poor)]
                self.assertEqual([answer.status for answer in answers], [200, 200], answers)
                self.assertEqual(answers[0].json["faces"], answers[1].json["faces"])
            answer = poor.post("/v1/detect?size=0", black(2048))
            self.assertEqual((answer.status, answer.code), (413, "too_large"), answer)
            self.assertLess(poor.metrics()["mien_memory_used_bytes"], 100 * MB)

    def test_json_is_counted_with_what_it_stands_for(self):
        with Server(*DETECTOR, "--body-memory=1M") as server:
            held = server.raw(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n"
                              b"\r\n" + bytes(300000))
            wait_for(lambda: server.metrics()["mien_body_bytes"] > 200000, "a body")
            answer = server.post_json("/v1/detect", {"image": "A" * 400000})
            self.assertEqual((answer.status, answer.code), (503, "overloaded"))
            held.close()
            wait_for(lambda: server.metrics()["mien_body_bytes"] == 0, "it to be freed")
            answer = server.post_json("/v1/detect", {"image": "A" * 400000})
            self.assertEqual(answer.status, 400, answer)

    def site(self, size, gate):
        """The URL of a site that sends so many bytes, less one that waits for the gate."""
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                self.wfile.write(bytes(size - 1))
                self.wfile.flush()
                gate.wait()
                try:
                    self.wfile.write(b"\0")
                except OSError:
                    pass  # the server has given it up

            def log_message(self, *args):
                pass

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        for end in (site.server_close, site.shutdown, gate.set):
            self.addCleanup(end)
        return f"http://127.0.0.1:{site.server_port}/"

    def test_fetched_pictures_are_counted(self):
        """What is fetched takes of the memory for bodies, and is refused where others have it."""
        gate = threading.Event()
        url = self.site(700000, gate)
        with Server(*DETECTOR, "--body-memory=1M", "--allow-urls", "--allow-private-urls",
                    "--url-timeout=600", "--deadline=600") as server:
            answers = []
            first = threading.Thread(target=lambda: answers.append(
                server.post_json("/v1/detect", {"url": url})))
            first.start()
            wait_for(lambda: server.metrics()["mien_body_bytes"] > 600000, "a fetch under way")
            answer = server.post_json("/v1/detect", {"url": url})
            self.assertEqual(answer.status, 503, answer)
            self.assertIn("memory", answer.json["error"]["message"])
            gate.set()
            first.join()
            self.assertEqual(answers[0].status, 400, answers[0])  # zeros are no picture
            wait_for(lambda: server.metrics()["mien_body_bytes"] == 0, "it to be freed")


if __name__ == "__main__":
    skip_or_run(unittest.main)
