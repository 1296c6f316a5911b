#!/usr/bin/env python3
"""What a server does not do: wrong paths, keys, parameters, sizes and pictures, each with its
status, its code and one sentence; and what every answer has."""
import io
import json
import os
import re
import shutil
import struct
import sys
import tempfile
import unittest
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from server import PHOTOS, Server, curl, photos, skip_or_run  # noqa: E402
from tool import png, ppm  # noqa: E402

SERVER = None
POSTS = ["/predict", "/detect_faces_from_files", "/detect_faces_from_base64",
         "/detect_faces_from_urls", "/v1/analyze", "/v1/detect", "/v1/embed", "/v1/classify",
         "/v1/compare"]
GETS = ["/health", "/ready", "/metrics", "/", "/docs", "/openapi.json", "/v2", "/v2/health/live",
        "/v2/health/ready", "/v1/status"]


def setUpModule():
    global SERVER
    SERVER = Server()
    unittest.addModuleCleanup(lambda: SERVER.stop())


class Case(unittest.TestCase):
    def refused(self, answer, status, code, message=""):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(answer.code, code)
        self.assertIn(message, answer.json["error"]["message"])


class EveryAnswer(Case):
    def test_get_and_head(self):
        for path in GETS + [p + "/" for p in GETS if p not in ("/", "/openapi.json", "/docs")]:
            with self.subTest(path):
                got = SERVER.get(path)
                self.assertEqual(got.status, 200, got)
                head = SERVER.ask("HEAD", path)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(head.headers["Content-Type"], got.headers["Content-Type"])
                if "metrics" not in path:
                    self.assertEqual(head.headers["Content-Length"], str(len(got.body)))
                self.assertEqual(got.headers["X-Content-Type-Options"], "nosniff")

    def test_plain_answers(self):
        self.assertEqual(SERVER.get("/health").json, {"status": "API is running"})
        for path in ("/ready", "/ready/"):
            self.assertEqual(SERVER.get(path).json, {"status": "ready"})
        self.assertEqual(SERVER.get("/openapi.json").json["openapi"][:2], "3.")
        self.assertEqual(curl(SERVER.url + "/health").json, {"status": "API is running"})
        self.assertEqual(curl("-I", SERVER.url + "/health").status, 200)

    def test_request_id(self):
        for given in ("a", "A-1_2.z", "x" * 64):
            for path in ("/health", "/nowhere"):
                self.assertEqual(SERVER.get(path, **{"x-request-id": given})
                                 .headers["x-request-id"], given)
        seen = set()
        for given in ("", "x" * 65, "two words", "a\tb", "quo\"te", "a;b", "ä"):
            answer = SERVER.get("/health", **{"X-Request-Id": given.encode("utf-8")})
            self.assertRegex(answer.headers["x-request-id"], r"^[0-9a-f]{32}$")
            seen.add(answer.headers["x-request-id"])
        self.assertEqual(len(seen), 7, "ids are random")
        answer = SERVER.ask("POST", "/v1/detect", b"?", {"x-request-id": "mine"})
        self.assertEqual(answer.json["request_id"], "mine")

    def test_the_connection_is_kept(self):
        connection = SERVER.connect()
        photo = photos()[0]
        for path in ("/health", "/nowhere", "/v1/detect"):
            SERVER.ask("GET", path, connection=connection)
            sock = connection.sock
            self.assertIsNotNone(sock)
        self.assertEqual(SERVER.post("/v1/detect", b"broken", connection).status, 400)
        self.assertEqual(SERVER.post("/v1/detect", photo, connection).status, 200)
        self.assertIs(connection.sock, sock)
        connection.close()


class Paths(Case):
    def test_no_such_path(self):
        for path in ("/nowhere", "/v1", "/v1/", "/v1/detect/x", "//health", "/health/x",
                     "/HEALTH", "/v3", "/v2/models/none", "/%2e%2e/etc/passwd",
                     "/../etc/passwd", "/index.html/..", "/v2/models/" + "m" * 300,
                     "/a" * 1000, "/%00", "/health%00", "/\xff"):
            with self.subTest(path):
                answer = SERVER.exchange(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                                         % path.encode("latin-1"))
                self.assertIn(b"HTTP/1.1 404 ", answer[:20])
                self.assertIn(b'{"error":"' if path.startswith("/v2/") else b'"not_found"', answer)

    def test_wrong_method(self):
        for path in POSTS:
            for method in ("GET", "PUT", "DELETE", "HEAD", "PATCH", "FOO"):
                answer = SERVER.ask(method, path)
                self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST, OPTIONS"))
                if method != "HEAD":
                    self.refused(answer, 405, "method_not_allowed")
        for path in GETS:
            for method in ("POST", "PUT", "DELETE"):
                answer = SERVER.ask(method, path, b"a body")
                self.assertEqual((answer.status, answer.headers["Allow"]),
                                 (405, "GET, HEAD, OPTIONS"))
                if path.startswith("/v2"):
                    self.assertIn("GET", answer.tensor_error)
                else:
                    self.refused(answer, 405, "method_not_allowed")

    def test_options(self):
        for path, methods in [*((path, "POST, OPTIONS") for path in POSTS),
                              *((path, "GET, HEAD, OPTIONS") for path in GETS)]:
            answer = SERVER.ask("OPTIONS", path, headers={"Origin": "https://a.example"})
            self.assertEqual((answer.status, answer.body), (204, b""), path)
            self.assertEqual(answer.headers["Allow"], methods, path)
            self.assertIn("x-request-id", answer.headers)
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
            self.assertNotIn("Content-Length", answer.headers)
        answer = SERVER.exchange(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertIn(b"HTTP/1.1 204 ", answer[:20])
        self.assertEqual(set(re.search(rb"\r\nAllow: (.*)\r\n", answer)[1].split(b", ")),
                         {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
        self.refused(SERVER.ask("OPTIONS", "/nowhere"), 404, "not_found")
        self.refused(SERVER.ask("GET", "*"), 404, "not_found")
        answer = SERVER.ask("OPTIONS", "/v1/detect", b"a body nobody reads" * 1000)
        self.assertEqual(answer.status, 204)


class Parameters(Case):
    def test_bad_values(self):
        photo = ppm(40, 40)
        bad = {"threshold": ["2", "-0.1", "x", "", "nan", "inf", "0x1", "1e400", " 0.5", "0.5 "],
               "nms": ["1.01", "abc"], "max_faces": ["0", "-1", "1.5", "1e3", "99999999999999"],
               "size": ["-1", "1000000", "640x640"], "top": ["0", "1001", "five"],
               "face": ["biggest", ""], "embeddings": ["2", "maybe", ""], "aligned": ["ja"],
               "quality": ["high", ""]}
        for name, values in bad.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    text = value.replace(" ", "%20")
                    self.refused(SERVER.post(f"/v1/embed?{name}={text}", photo), 400,
                                 "bad_request", name)
                    self.refused(SERVER.post_form("/v1/embed", [("file", "a", photo),
                                                                (name, None, value.encode())]),
                                 400, "bad_request", name)
        for value in ([], {}, [0.5], True):
            body = {"image": "UDYgMSAxIDI1NSAAAAA=", "threshold": value}
            answer = SERVER.post_json("/v1/detect", body)
            self.assertIn(answer.status, (200, 400) if value is True else (400,), answer)

    def test_long_and_binary_fields(self):
        photo = ppm(40, 40)
        for value in (b"0." + b"5" * 100, b"0.5\0", b"\0", b"\xff\xfe", b"0.5" + b" " * 70):
            self.refused(SERVER.post_form("/v1/detect", [("file", "a", photo),
                                                         ("threshold", None, value)]), 400,
                         "bad_request", "threshold")

    def test_good_values(self):
        photo = ppm(40, 40)
        for query in ("threshold=.5", "threshold=1", "threshold=0", "threshold=5e-1", "size=0",
                      "max_faces=1", "&&=&="):
            self.assertEqual(SERVER.post(f"/v1/detect?{query}", photo).status, 200, query)
        for word in ("1", "0", "yes", "No", "TRUE", "off"):
            self.assertEqual(SERVER.post(f"/v1/analyze?embeddings={word}", photo).status, 200)


class Bodies(Case):
    def test_no_picture(self):
        for path in POSTS:
            answer = SERVER.ask("POST", path, b"", {"Content-Type": "image/jpeg"})
            self.refused(answer, 400, "bad_request")
        self.refused(SERVER.post_form("/v1/detect", []), 400, "bad_request")
        self.refused(SERVER.post_form("/v1/detect", [("note", None, b"hello")]), 400, "bad_request")
        self.refused(SERVER.post_form("/v1/detect", [("file", "a.jpg", b"")]), 400, "bad_request")

    def test_broken_pictures(self):
        photo = photos()[0]
        whole = png(32, 32)
        for data in (b"no picture", photo[:300], photo[:len(photo) // 2], whole[:30], whole[:-30],
                     b"GIF89a", b"RIFF\0\0\0\0WEBP", b"P6\n-1 5\n255\n", b"BM" + bytes(60),
                     b"\0" * 1000, b"<svg xmlns='x'/>", b"%PDF-1.4"):
            with self.subTest(data[:12]):
                self.refused(SERVER.post("/v1/analyze", data), 400, "bad_request")

    def test_media_types(self):
        for kind in ("text/plain", "application/xml", "video/mp4", "application/jsonx", "image",
                     "multipart/mixed; boundary=x", ""):
            answer = SERVER.ask("POST", "/v1/detect", photos()[0], {"Content-Type": kind})
            self.refused(answer, 415, "unsupported_media_type")

    def test_bad_json(self):
        for body in ("", "{", "[", "nonsense", "1", "null", '"text"', "{}", "[]", '{"image":1}',
                     '{"image":"x","url":"y"}', '{"images":"x"}', '{"images":[1]}',
                     '{"image":"not base64 !"}', '{"image":"data:image/png,abc"}', "[[]]",
                     '{"image":""}', '{"a":"x"}', '[""]', '{"image":"http://x/y.jpg"}'):
            with self.subTest(body):
                answer = SERVER.ask("POST", "/predict", body,
                                    {"Content-Type": "application/json"})
                self.refused(answer, 400, "bad_request")

    def test_too_many_pictures(self):
        with Server("--max-pictures=2") as server:
            three = [("file", f"{i}", ppm(20, 20)) for i in range(3)]
            self.assertEqual(server.post_form("/v1/detect", three[:2]).status, 200)
            self.refused(server.post_form("/v1/detect", three), 413, "too_large")
            self.refused(server.post_json("/v1/detect", ["UDY="] * 3), 413, "too_large")
        self.refused(SERVER.post_form("/predict", three[:2]), 413, "too_large")


def huge_png(width, height):
    """A PNG that says it is that large, and ends after its header."""
    return png(1, 1)[:16] + struct.pack(">II", width, height) + png(1, 1)[24:]


class Sizes(Case):
    def test_pixels_are_counted_before_they_are_decoded(self):
        before = SERVER.resident()
        for picture in (huge_png(100000, 100000), b"P6\n100000 100000\n255\n" + bytes(100),
                        huge_png(1, 2 ** 31 - 1), huge_png(2 ** 31 - 1, 2 ** 31 - 1)):
            answer = SERVER.post("/v1/detect", picture)
            self.assertIn(answer.status, (400, 413), answer)
        self.refused(SERVER.post("/v1/detect", huge_png(100000, 100000)), 413, "too_large")
        self.assertLess(SERVER.resident() - before, 64 << 20)

    def test_pixels_limit(self):
        with Server("--max-megapixels=0.01") as server:
            self.assertEqual(server.post("/v1/detect", ppm(100, 100)).status, 200)
            self.refused(server.post("/v1/detect", ppm(101, 100)), 413, "too_large")
            # A JPEG is decoded at half its size; its answer is in pixels of the original.
            jpeg = io.BytesIO()
            Image.new("RGB", (200, 190)).save(jpeg, "JPEG")
            answer = server.post("/v1/detect", jpeg.getvalue())
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual((answer.json["width"], answer.json["height"]), (200, 190))
            jpeg = io.BytesIO()
            Image.new("RGB", (900, 900)).save(jpeg, "JPEG")
            self.refused(server.post("/v1/detect", jpeg.getvalue()), 413, "too_large",
                         "a picture of 0.8 megapixels (900x900) is over the limit of 0.01 megapixels")

    def test_cut_jpegs_are_refused_or_salvaged(self):
        jpeg = io.BytesIO()
        Image.effect_noise((320, 240), 60).save(jpeg, "JPEG")
        cut = jpeg.getvalue()[:len(jpeg.getvalue()) // 2]
        self.refused(SERVER.post("/v1/detect", cut), 400, "bad_request", "the data ends before")
        with Server("--salvage") as server:
            answer = server.post("/v1/detect", cut)
            self.assertEqual(answer.status, 200, answer)
            self.assertRegex(answer.json["warning"], r"the data ends at row 1[12]\d of 240")
            self.assertNotIn("warning", server.post("/v1/detect", jpeg.getvalue()).json)

    def test_body_limit(self):
        picture = ppm(100, 100)  # 30015 bytes
        with Server("--max-bytes=30000", "--max-body=100000") as server:
            self.refused(server.post("/v1/detect", picture), 413, "too_large")
            self.refused(server.post_form("/v1/detect", [("file", "a", picture)]), 413, "too_large")
            self.refused(server.post_form("/predict", [("file", "a", picture)]), 413, "too_large")
            for data in (bytes(100001), bytes(45001)):
                path = "/v1/detect" if len(data) > 100000 else "/predict"
                self.refused(server.post(path, data), 413, "too_large")
                chunks = (data[i:i + 5000] for i in range(0, len(data), 5000))
                self.refused(server.ask("POST", path, chunks), 413, "too_large")
            self.assertEqual(server.post("/v1/detect", ppm(99, 99)).status, 200)
            self.assertGreater(server.rejected("too_large"), 5)

    def test_expect_is_answered_before_the_body_is_sent(self):
        head = (b"POST /predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                b"Content-Length: %d\r\n\r\n")
        with SERVER.raw(head % (1 << 30)) as sock:
            self.assertIn(b"413", sock.recv(65536).split(b"\r\n")[0])
        photo = photos()[0]
        with SERVER.raw(head % len(photo)) as sock:
            self.assertIn(b"100 Continue", sock.recv(25))
            sock.sendall(photo)
            self.assertIn(b"200 OK", sock.recv(65536))

    def test_a_length_no_machine_has(self):
        for length in (b"99999999999999999999999999", b"18446744073709551615", b"-1", b"1x", b""):
            answer = SERVER.exchange(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                                     + length + b"\r\nConnection: close\r\nExpect: 100-continue"
                                     b"\r\n\r\n")
            self.assertRegex(answer[:20], rb"^(HTTP/1.1 4(00|13) |$)")

    def test_memory_of_bodies(self):
        with Server("--body-memory=100000") as server:
            answers = [server.ask("POST", "/v1/detect", bytes(300000)) for _ in range(3)]
            for answer in answers:
                # Alone it may have all memory at once, as a picture larger than it must pass.
                self.assertEqual(answer.status, 400, answer)
            held = [server.raw(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n"
                               b"\r\n" + bytes(80000)) for _ in range(2)]
            answer = server.ask("POST", "/v1/detect", bytes(80000))
            self.refused(answer, 503, "overloaded")
            self.assertTrue(answer.headers["Retry-After"].isdigit())
            for sock in held:
                sock.close()
            self.assertEqual(server.post("/v1/detect", ppm(99, 99)).status, 200)
            self.assertGreater(server.rejected("memory"), 0)


class Keys(Case):
    SECRET, OTHER = "0123456789abcdef", "another-key-of-enough-length"

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mien-serve-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.keys = os.path.join(self.folder, "keys")
        Path(self.keys).write_text(f"# keys\n{self.SECRET}\nalice:{self.OTHER}\n")
        os.chmod(self.keys, 0o600)

    def test_who_may_ask(self):
        with Server("--keys", self.keys) as server:
            photo = ppm(40, 40)
            for headers in ({"Authorization": f"Bearer {self.SECRET}"}, {"x-api-key": self.SECRET},
                            {"authorization": f"bearer {self.OTHER}"}, {"X-API-Key": self.OTHER}):
                self.assertEqual(server.ask("POST", "/v1/detect", photo, headers).status, 200)
            for headers in ({}, {"Authorization": f"Basic {self.SECRET}"}, {"x-api-key": ""},
                            {"Authorization": "Bearer"}, {"Authorization": self.SECRET},
                            {"x-api-key": self.SECRET[:-1]}, {"x-api-key": self.SECRET + "x"},
                            {"x-api-key": "alice"}, {"x-api-key": f"alice:{self.OTHER}"},
                            {"x-api-key": "k" * 5000}):
                answer = server.ask("POST", "/v1/detect", photo, headers)
                self.refused(answer, 401, "unauthorized")
                self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")
            for path in POSTS + ["/v2/models/x/infer"]:
                self.assertEqual(server.post(path, b"").status, 401)
                self.assertEqual(server.ask("OPTIONS", path).status, 204)
            self.assertIn("API key", server.get("/v2").tensor_error)
            for path in ("/metrics", "/v2", "/v2/models/x"):
                self.assertEqual(server.get(path).status, 401)
            for path in ("/health", "/ready", "/ready/", "/", "/docs", "/openapi.json",
                         "/v2/health/live", "/v2/health/ready"):
                self.assertEqual(server.get(path).status, 200, path)
            self.assertEqual(curl("-H", f"Authorization: Bearer {self.SECRET}", "-F",
                                  f"file=@{PHOTOS[0]}", server.url + "/v1/detect").status, 200)
            self.assertEqual(server.get("/metrics", **{"x-api-key": self.SECRET}).status, 200)
        self.assertIsNotNone(server.find(r"POST /v1/detect 200 .*key=alice"), server.log())
        self.assertIsNone(server.find(f"{self.SECRET}|{self.OTHER}"), "a key in the log")

    def test_open_metrics(self):
        with Server("--keys", self.keys, "--open-metrics") as server:
            self.assertEqual(server.get("/metrics").status, 200)
            self.assertEqual(server.post("/v1/detect", ppm(40, 40)).status, 401)

    def test_a_large_body_without_a_key(self):
        with Server("--keys", self.keys) as server:
            before = server.resident()
            answer = server.ask("POST", "/v1/detect", bytes(20 << 20))
            self.refused(answer, 401, "unauthorized")
            self.assertLess(server.resident() - before, 8 << 20, "it is not kept")


class Metrics(Case):
    NAME = re.compile(r'^[a-z_]+(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? '
                      r'(\d+(\.\d+)?|\+Inf)$')

    def test_text(self):
        text = SERVER.get("/metrics")
        self.assertTrue(text.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        types, helped = {}, set()
        for line in text.body.decode().splitlines():
            if line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                self.assertNotIn(name, types, "described once")
                types[name] = kind
            elif line.startswith("# HELP "):
                helped.add(line.split()[2])
            else:
                self.assertRegex(line, self.NAME)
                family = re.sub(r"_(bucket|sum|count)$", "", re.split(r"[{ ]", line)[0])
                self.assertTrue(family in types or re.split(r"[{ ]", line)[0] in types, line)
        self.assertEqual(set(types), helped)
        self.assertLessEqual(set(types.values()), {"counter", "gauge", "histogram"})

    def histograms(self, metrics):
        """{name and labels: [(bound, count)]} in the order of the text."""
        found = {}
        for name, value in metrics.items():
            match = re.match(r'(\w+)_bucket\{(.*),?le="([^"]+)"\}', name)
            if match:
                key = (match[1], match[2].rstrip(","))
                found.setdefault(key, []).append((float(match[3]), value))
        return found

    def test_counts(self):
        with Server() as server:
            photo = photos()[0]
            faces = len(server.post("/v1/detect", photo).json["faces"])
            for _ in range(3):
                server.post("/v1/analyze", photo)
            server.post_form("/detect_faces_from_files/", [("file", "a", photo)] * 2)
            server.post("/predict", b"broken")
            server.get("/nowhere")
            server.ask("DELETE", "/predict")
            m = server.metrics()
            count = lambda route, status: m[
                f'mien_requests_total{{route="{route}",status="{status}"}}']
            self.assertEqual(count("/v1/detect", 200), 1)
            self.assertEqual(count("/v1/analyze", 200), 3)
            self.assertEqual(count("/detect_faces_from_files", 200), 1)
            self.assertEqual(count("/predict", 400), 1)
            self.assertEqual(count("none", 404), 1)
            self.assertEqual(count("none", 405), 1)
            # Faces of detection alone come from a picture decoded smaller: it may find other ones.
            analyzed = len(server.post("/v1/analyze", photo).json["faces"])
            self.assertEqual(m["mien_faces_total"], faces + 3 * analyzed + 2 * faces)
            self.assertEqual(m["mien_received_bytes_total"] // len(photo), 6)
            histograms = self.histograms(m)
            self.assertGreater(len(histograms), 15)
            for (name, labels), buckets in histograms.items():
                with self.subTest(name=name, labels=labels):
                    bounds, counts = zip(*buckets)
                    self.assertEqual(list(bounds), sorted(bounds))
                    self.assertEqual(list(counts), sorted(counts))
                    self.assertEqual(bounds[-1], float("inf"))
                    self.assertEqual(counts[-1], m[f"{name}_count{{{labels}}}"])
                    self.assertEqual(m[f"{name}_sum{{{labels}}}"] > 0, counts[-1] > 0)
            self.assertEqual(m['mien_stage_seconds_count{stage="decode"}'], 7)
            self.assertEqual(m['mien_batch_size_sum{task="classify"}'], 3)
            self.assertEqual(m['mien_batch_size_sum{task="detect"}'], 6)
            self.assertEqual(m['mien_batch_size_sum{task="age_gender"}'], 3 * analyzed)
            self.assertEqual((m["mien_ready"], m["mien_requests_active"]), (1, 1))
            for gauge in ("queue_depth", "batch_queue_depth", "body_bytes", "picture_bytes"):
                self.assertEqual(m[f"mien_{gauge}"], 0)
            self.assertLess(abs(m["mien_resident_memory_bytes"] - server.resident()), 32 << 20)


class Log(Case):
    def test_json_lines(self):
        with Server("--log=json") as server:
            server.post("/v1/detect", photos()[0])
            server.get('/"\\\n'.encode("unicode_escape").decode().replace(" ", ""))
        lines = [json.loads(line) for line in server.lines]
        requests = [line for line in lines if line["event"] == "request"]
        self.assertEqual(requests[0]["path"], "/v1/detect")
        self.assertEqual((requests[0]["status"], requests[0]["pictures"]), (200, 1))
        self.assertEqual(requests[0]["bytes_in"], len(photos()[0]))
        self.assertEqual({line["event"] for line in lines}, {"request", "server"})

    def test_none(self):
        with Server("--log=none") as server:
            server.get("/health")
        self.assertIsNone(server.find("GET /health"))


if __name__ == "__main__":
    skip_or_run(unittest.main)
