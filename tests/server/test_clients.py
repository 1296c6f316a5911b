#!/usr/bin/env python3
"""Requests as ordinary clients send them, which the first version of the server did not take or
misread: forms, JSON, parameters, targets and ends of connections."""
import base64
import gzip
import http.server
import json
import socket
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import Server, cli, form, photos, plain, read_all, skip_or_run  # noqa: E402

INPUTS = Path("../shared/data/inputs")
BOM = b"\xef\xbb\xbf"
SERVER = PHOTO = EXPECTED = None


def setUpModule():
    global SERVER, PHOTO, EXPECTED
    SERVER = Server("--log=none", "--idle-timeout=5")  # which one of the broken requests waits for
    unittest.addModuleCleanup(lambda: SERVER.stop())
    PHOTO = photos(1)[0]
    EXPECTED = cli("detect", [PHOTO])[0]


class Case(unittest.TestCase):
    def is_found(self, answer):
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(plain(answer.json), EXPECTED)

    def refused(self, answer, status, code, *words):
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        for word in words:
            self.assertIn(word, answer.json["error"]["message"])


def send_form(body, kind, path="/v1/detect"):
    return SERVER.ask("POST", path, body, {"Content-Type": kind})


def one_part(head, data, end=b"\r\n--B--\r\n"):
    return b"--B\r\n" + head + b"\r\n\r\n" + data + end


class Forms(Case):
    def test_dispositions(self):
        for head in (b"Content-Disposition: form-data; name=file; filename=a.jpg; "
                     b"filename*=utf-8''a.jpg",
                     b'Content-Disposition: form-data;name="file";filename="a.jpg"',
                     b"Content-Disposition: form-data; name=photo; filename*=UTF-8''%c3%a4.jpg",
                     b"content-disposition: form-data; name=file",
                     b"Content-Type: image/jpeg\r\nContent-Disposition: form-data;\r\n name=file"):
            with self.subTest(head):
                self.is_found(send_form(one_part(head, PHOTO), "multipart/form-data; boundary=B"))

    def test_content_types(self):
        body = one_part(b'Content-Disposition: form-data; name="file"; filename="a"', PHOTO)
        for parameters in ("boundary=B; charset=utf-8", "Boundary=B", 'boundary="B"',
                           "charset=UTF-8;boundary=B"):
            with self.subTest(parameters):
                self.is_found(send_form(body, "multipart/form-data; " + parameters))

    def test_around_the_parts(self):
        head = b'Content-Disposition: form-data; name="file"; filename="a"'
        for body in (b"a preamble\r\n" + one_part(head, PHOTO), one_part(head, PHOTO, b"\r\n--B--"),
                     one_part(head, PHOTO) + b"bytes behind the last boundary"):
            self.is_found(send_form(body, "multipart/form-data; boundary=B"))

    def test_a_field_without_quotes_counts(self):
        head = b"Content-Disposition: form-data; name=threshold\r\n\r\nnonsense\r\n--B\r\n"
        body = one_part(head + b'Content-Disposition: form-data; name="file"', PHOTO)
        self.refused(send_form(body, "multipart/form-data; boundary=B"), 400, "bad_request",
                     "threshold")

    def test_what_is_not_understood(self):
        for head, word in ((b"Content-Disposition: form-data; name", "broken"),
                           (b"Content-Disposition: attachment; name=file", "form-data"),
                           (b"Content-Type: image/jpeg", "no name"),
                           (b"Content-Disposition: form-data; name=file\r\n"
                            b"Content-Transfer-Encoding: base64", "Content-Transfer-Encoding")):
            body = one_part(b'Content-Disposition: form-data; name="file"', PHOTO,
                            b"\r\n" + one_part(head, b"x"))
            for path in ("/v1/detect", "/predict", "/detect_faces_from_files"):
                self.refused(send_form(body, "multipart/form-data; boundary=B", path), 400,
                             "bad_request", word)

    def test_too_many_parts(self):
        body, kind = form([("file", "a", PHOTO)] + [("x", None, b"1")] * 70)
        self.refused(send_form(body, kind), 400, "bad_request", "64 parts")

    def test_forms_of_real_clients(self):
        if not INPUTS.is_dir():
            self.skipTest("no shared inputs beside the repository")
        for name in ("ordinary", "dotnet_unquoted", "no_space_after_semicolon"):
            body = (INPUTS / f"form_{name}.bin").read_bytes()
            answer = send_form(body, "multipart/form-data; boundary=XbX; charset=UTF-8")
            self.assertEqual((answer.status, answer.json["width"], answer.json["height"]),
                             (200, 64, 64), name)
        body = (INPUTS / "form_dotnet_unquoted_threshold.bin").read_bytes()
        self.refused(send_form(body, "multipart/form-data; boundary=XbX"), 400, "bad_request",
                     "threshold")


class Parameters(Case):
    def test_unknown_ones_are_named(self):
        for path in ("/v1/detect", "/v1/analyze", "/v1/embed", "/v1/classify"):
            self.refused(SERVER.post(path + "?treshold=0.5", PHOTO), 400, "bad_request",
                         "treshold")
            self.refused(SERVER.post_form(path, [("file", "a", PHOTO), ("max_face", None, b"1")]),
                         400, "bad_request", "max_face")
            self.refused(SERVER.post_json(path, {"image": "", "topp": 1, "a": None}), 400,
                         "bad_request")
        self.refused(SERVER.post("/v1/detect?aligned=1", PHOTO), 400, "bad_request", "aligned")
        self.refused(SERVER.post("/v1/detect?%0A%3Cb%3E=1", PHOTO), 400, "bad_request", "'??b?'")

    def test_repeated_ones_are_named(self):
        self.refused(SERVER.post("/v1/detect?threshold=0.5&nms=0.4&threshold=0.6", PHOTO), 400,
                     "bad_request", "threshold is given twice")
        answer = SERVER.post_form("/v1/detect", [("file", "a", PHOTO), ("size", None, b"640"),
                                                 ("size", None, b"640")])
        self.refused(answer, 400, "bad_request", "size is given twice")

    def test_one_without_a_value(self):
        self.refused(SERVER.post("/v1/detect?threshold", PHOTO), 400, "bad_request", "threshold")
        self.is_found(SERVER.post("/v1/detect?", PHOTO))

    def test_other_dialects_ignore_what_they_do_not_know(self):
        for path in ("/predict?x=1&x=2", "/detect_faces_from_files?threshold=none"):
            answer = SERVER.post_form(path, [("file", "a", PHOTO), ("unknown", None, b"1")])
            self.assertEqual(answer.status, 200, answer)


class Json(Case):
    def ask(self, body, **headers):
        return SERVER.ask("POST", "/v1/detect", body,
                          {"Content-Type": "application/json", **headers})

    def body(self, **options):
        return json.dumps({"image": base64.b64encode(PHOTO).decode(), **options}).encode()

    def test_null_is_absent(self):
        self.is_found(self.ask(self.body(threshold=None, nms=None, max_faces=None, size=None,
                                         top=None, embeddings=None, face=None, url=None)))
        self.refused(self.ask(self.body(unknown=None)), 400, "bad_request", "unknown")

    def test_byte_order_mark(self):
        self.is_found(self.ask(BOM + self.body()))
        self.refused(self.ask(BOM + BOM + self.body()), 400, "bad_request")

    def test_of_another_type(self):
        for kind in ("application/x-www-form-urlencoded", "application/octet-stream"):
            for body in (self.body(), BOM + b" \n" + self.body(), b'["x"]'):
                answer = SERVER.ask("POST", "/v1/detect", body, {"Content-Type": kind})
                self.refused(answer, 415, "unsupported_media_type", "application/json")
        answer = SERVER.ask("POST", "/v1/detect", b"image=Zm9v&threshold=1",
                            {"Content-Type": "application/x-www-form-urlencoded"})
        self.refused(answer, 415, "unsupported_media_type", "multipart/form-data")

    def test_packed(self):
        for path in ("/v1/detect", "/predict"):
            answer = SERVER.ask("POST", path, gzip.compress(self.body()),
                                {"Content-Type": "application/json", "Content-Encoding": "gzip"})
            self.refused(answer, 415, "unsupported_media_type", "Content-Encoding")
        self.is_found(self.ask(self.body(), **{"Content-Encoding": "identity"}))


class Targets(Case):
    def test_absolute_form(self):
        for target, status in (("http://a.example/health", b"200"), ("HTTP://a:80/health", b"200"),
                               ("http://a", b"200"), ("http://a/nowhere", b"404"),
                               ("http://a/ready?x=/health", b"200")):
            with self.subTest(target):
                answer = SERVER.exchange(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n"
                                         "Connection: close\r\n\r\n".encode())
                self.assertEqual(answer[9:12], status, answer)

    def test_a_slash_at_the_end(self):
        for path in ("/docs", "/openapi.json", "/docs.js", "/health"):
            self.assertEqual(SERVER.get(path + "/").body, SERVER.get(path).body, path)
            self.assertEqual(SERVER.get(path + "/").status, 200, path)
        self.assertEqual(SERVER.get("/docs//").status, 404)

    def test_list_of_models(self):
        models = SERVER.get("/v2/models").json["models"]
        self.assertGreater(len(models), 2)
        for name in models:
            self.assertEqual(SERVER.get(f"/v2/models/{name}").json["name"], name)


class Lines(Case):
    """RFC 9112: what others may read otherwise is refused, and ends the connection."""

    def test_refused(self):
        for lines in (b"Host: localhost\r\nX: a\r\n b\r\n", b"Host: localhost\r\nX: a\r\n\tb\r\nY: c\r\n",
                      b"Host: localhost\nX: a\r\n", b"Host: localhost\r\nX: a\n", b"Host: localhost\n",
                      b"Host: localhost\r\nX:\n", b"Host: localhost\r\nHost: localhost\r\n", b"",
                      b"Host: localhost\r\nX : a\r\n", b"Host: localhost\r\nTransfer-Encoding:\r\n chunked\r\n",
                      b"Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\n",
                      b"Host: localhost\r\nTRANSFER-ENCODING: chunked\r\ncontent-length: 0\r\n",
                      b"Host: localhost\r\nContent-Length: 0\r\n 0\r\n"):
            with self.subTest(lines):
                # It would be answered 200 if it were not refused.
                answer = SERVER.exchange(b"GET /health HTTP/1.1\r\n" + lines + b"\r\n")
                self.assertEqual(answer[9:12], b"400", answer)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
        for request in (b"GET /health HTTP/1.1\nHost: localhost\r\n\r\n",
                        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\n",
                        b"GET /health HTTP/1.0\n\r\n", b"GET /health HTTP/1.0\n\n"):
            with self.subTest(request):
                self.assertEqual(SERVER.exchange(request)[9:12], b"400")

    def test_bad_lengths(self):
        """One answer, in our words, and the end: libmicrohttpd's own has two heads."""
        for value in (b"abc", b"-1", b"+1", b"1e3", b"0x5", b"5, 5", b"", b"18446744073709551616",
                      b"9" * 40, b"5\r\nContent-Length: 5", b"5\r\nContent-Length: 6"):
            for before in (b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"):
                with self.subTest(value=value, before=before), SERVER.raw(before) as sock:
                    while before and b"API is running" not in sock.recv(65536):
                        pass
                    sock.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                                 + value + b"\r\n\r\nhello")
                    answer = read_all(sock)
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1, answer)
                    head, _, body = answer.partition(b"\r\n\r\n")
                    self.assertEqual(head[9:12], b"400")
                    self.assertIn(b"Connection: close", head)
                    self.assertIn(b"Content-Length: %d\r\n" % len(body), head + b"\r\n")
                    body = json.loads(body)
                    self.assertEqual(body["error"]["code"], "bad_request")
                    self.assertIn(body["request_id"].encode(), head)

    def test_a_bad_length_is_nobody_else_s(self):
        parts = [b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n",
                 b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: y\r\n", b"GET /health HT", b""]
        socks = [SERVER.raw(part) for part in parts]
        SERVER.get("/health")  # they have been read by then
        self.assertEqual(SERVER.exchange(b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
                                         b"Content-Length: x\r\n\r\n")[9:12], b"400")
        ends = (b"\r\n", b"\r\n", b"TP/1.1\r\nHost: localhost\r\n\r\n",
                b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for sock, end in zip(socks, ends):
            with sock:
                sock.sendall(end)
                self.assertIn(b"200 OK", sock.recv(65536))

    def test_taken(self):
        for lines in (b"Host: localhost\r\n", b"Host: localhost\r\nX:\r\nY: \t z \r\nZ:a\r\n", b"hOST:localhost\r\n"):
            with self.subTest(lines):
                answer = SERVER.exchange(b"GET /health HTTP/1.1\r\nConnection: close\r\n" + lines
                                         + b"\r\n")
                self.assertEqual(answer[9:12], b"200", answer)
        answer = SERVER.exchange(b"GET /health HTTP/1.0\r\n\r\n")
        self.assertEqual(answer[9:12], b"200", answer)

    def test_in_two_pieces(self):
        # Headers that arrive bit by bit lie in memory as those that arrive at once.
        data = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: yy\r\nConnection: close\r\n\r\n"
        for cut in range(1, len(data), 3):
            with SERVER.raw(data[:cut]) as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                SERVER.get("/health")  # the first piece has been read by then
                sock.sendall(data[cut:])
                self.assertEqual(read_all(sock)[9:12], b"200", cut)


class Ends(Case):
    def test_half_closed(self):
        """Who ends his side after the request still gets the answer."""
        for version in (b"1.1", b"1.0"):
            for path in (b"/v1/detect", b"/v1/analyze"):
                with SERVER.raw(b"POST " + path + b" HTTP/" + version + b"\r\nHost: localhost\r\n"
                                b"Content-Length: %d\r\n\r\n" % len(PHOTO) + PHOTO) as sock:
                    sock.shutdown(socket.SHUT_WR)
                    answer = read_all(sock)
                answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.assertEqual(answer[9:12], b"200", answer)


class Urls(Case):
    def test_a_silent_host_does_not_lose_the_others(self):
        # One after the other, the silent ones would take more than the deadline.
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(PHOTO)))
                self.end_headers()
                self.wfile.write(PHOTO)

            def log_message(self, *args):
                pass

        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        with socket.create_server(("127.0.0.1", 0), backlog=100) as silent, Server(
                "--allow-urls", "--allow-private-urls", "--url-timeout=10",
                "--deadline=60") as server:
            bad = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            good = f"http://127.0.0.1:{site.server_port}/"
            answer = server.post_json("/v1/detect", {"urls": [bad] * 7 + [good]})
        self.assertEqual(answer.status, 200, answer)
        pictures = answer.json["pictures"]
        self.assertEqual([p["error"]["code"] for p in pictures[:7]], ["deadline"] * 7)
        self.assertEqual(plain(pictures[7]), EXPECTED)


if __name__ == "__main__":
    skip_or_run(unittest.main)
