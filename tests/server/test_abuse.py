#!/usr/bin/env python3
"""Clients that mean no good: whatever they send, the server lives, serves the others meanwhile, and
keeps neither their memory nor their sockets."""
import json
import re
import socket
import struct
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import (SMALL, Server, cli, form, photos, plain, read_all, scaled,  # noqa: E402
                    skip_or_run, wait_for)
from tool import png, ppm  # noqa: E402

CONNECTIONS = 1100
GROWTH = 96 << 20  # bytes of memory all of this file's abuse may leave behind, sanitizers apart
WHILE = 2 if SMALL else 0.5  # seconds in which a further answer would have come
POST = b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"
SERVER = None


def setUpModule():
    global SERVER
    # One look at a picture: plans for the sizes of several would be memory that is kept on purpose.
    SERVER = Server("--search=fast", "--read-timeout=3", "--idle-timeout=3",
                    f"--connections={CONNECTIONS}", "--log=none")
    unittest.addModuleCleanup(lambda: SERVER.stop())


class Case(unittest.TestCase):
    """After each test the server answers a normal request rightly, with nothing left behind."""

    @classmethod
    def setUpClass(cls):
        cls.expected = cli("detect", photos(1))[0]
        for _ in range(3):
            cls.ask_rightly(cls)
        wait_for(lambda: SERVER.metrics()["mien_connections"] == 1, "connections to end")
        cls.descriptors = SERVER.descriptors()
        cls.memory = SERVER.resident()

    def ask_rightly(self):
        answer = SERVER.post("/v1/detect", photos(1)[0])
        assert answer.status == 200 and plain(answer.json) == self.expected, answer

    def tearDown(self):
        self.ask_rightly()
        wait_for(lambda: SERVER.metrics()["mien_connections"] == 1, "connections to end")
        wait_for(lambda: SERVER.metrics()["mien_requests_active"] == 1, "requests to end")
        m = SERVER.metrics()
        self.assertEqual((m["mien_body_bytes"], m["mien_picture_bytes"]), (0, 0))
        wait_for(lambda: SERVER.descriptors() <= self.descriptors, "descriptors to be closed")
        if not SMALL:
            self.assertLess(SERVER.resident() - self.memory, GROWTH)

    def statuses(self, data):
        """The statuses of all answers to data, until the server closes the connection, or there was
        an answer and then none for a while. A client that still sends when the server closes may
        see none; one that is neither answered nor cut off is a failure."""
        with SERVER.raw() as sock:
            answers = b""
            try:
                sock.sendall(data)
                while chunk := sock.recv(65536):
                    answers += chunk
                    sock.settimeout(WHILE)
            except TimeoutError:
                self.assertTrue(answers, "neither answered nor cut off")
            except OSError:
                pass
        return [int(s) for s in re.findall(rb"^HTTP/1\.1 (\d{3})", answers, re.M) if s != b"100"]

    def refused(self, data, *allowed):
        """data gets no answer 200 and none of 500; where any, one of those allowed."""
        for status in self.statuses(data):
            self.assertIn(status, allowed or (400, 413, 431, 501, 505), data[:200])


class Slow(Case):
    """Clients that take their time."""

    def test_slow_loris(self):
        # A byte at a time, of headers or of a body: cut after --read-timeout all the same.
        starts = [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
                  POST + b"Content-Length: 100000\r\n\r\n",
                  POST + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n"]
        socks = [SERVER.raw(start) for start in starts for _ in range(10)]
        cut = set()

        def all_are_cut():
            for sock in set(socks) - cut:
                try:
                    sock.sendall(b"x")
                    sock.settimeout(0)
                    if sock.recv(1000) == b"":
                        cut.add(sock)
                except BlockingIOError:
                    pass
                except OSError:
                    cut.add(sock)
            self.ask_rightly()
            return len(cut) == len(socks)
        wait_for(all_are_cut, "them to be cut")
        self.assertGreaterEqual(SERVER.rejected("slow_client"), len(socks) // 2)
        for sock in socks:
            sock.close()

    def test_slow_readers(self):
        # Answers that nobody fetches: more than socket buffers hold. /openapi.json is large enough
        # when it is asked for often over one connection.
        many = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2000
        socks = []
        for _ in range(20):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(2)
            sock.connect(("127.0.0.1", SERVER.port))
            try:
                sock.sendall(many)
            except TimeoutError:
                pass
            socks.append(sock)
            self.ask_rightly()
        wait_for(lambda: SERVER.metrics()["mien_connections"] == 1, "they are cut")
        for sock in socks:
            sock.close()

    def test_idle_connections(self):
        # More than there may be: those above the limit are closed, none harms a later client.
        count = CONNECTIONS + 50
        socks = []
        for _ in range(count):
            try:
                socks.append(SERVER.raw())
            except OSError:
                break
        self.assertGreater(len(socks), 1000)
        wait_for(lambda: self.is_open_again(), "idle connections to be closed")
        for sock in socks:
            sock.close()

    def is_open_again(self):
        try:
            self.ask_rightly()
            return True
        except (OSError, EOFError):
            time.sleep(0.2)
            return False


class Lines(Case):
    """Request lines and headers."""

    def test_not_http(self):
        for data in (b"\0" * 5000, b"\xff" * 70000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"HELO there\r\n\r\n", b"\r\n" * 10000, b"GET\r\n\r\n", b"GET /\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                     b"GET  /  HTTP/1.1\r\n\r\n", b" / HTTP/1.1\r\n\r\n", b"\n\n\n",
                     b"GET /health HTTP/1.1\nHost x\n\n", b"SSH-2.0-x\r\n",
                     b"GET /\0 HTTP/1.1\r\n\r\n",
                     b"GET http://other/health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"A" * 100000,
                     b"CONNECT x:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"* / \x00 HTTP/1.1\r\n\r\n"):
            with self.subTest(data[:30]):
                for status in self.statuses(data):
                    self.assertIn(status, (200, 400, 404, 405, 414, 431, 501, 505))

    def test_huge_headers(self):
        for data in (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200000 + b"\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50000 + b"\r\n",
                     b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"G" * 200000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"GET /health?" + b"a=b&" * 50000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a=b;" * 40000
                     + b"\r\n\r\n"):
            self.refused(data, 400, 413, 414, 431, 500, 503)

    def test_headers_of_our_own(self):
        photo = photos(1)[0]
        for header in (b"x-request-id: " + b"\xff" * 60, b"Authorization: Bearer " + b"x" * 20000,
                       b"Content-Type: " + b"m" * 5000, b"x-api-key:", b"Content-Type: multipart/"
                       b"form-data; boundary=", b"Expect: 200-maybe", b"If-None-Match: *",
                       b"Inference-Header-Content-Length: -5", b"Content-Encoding: gzip",
                       b"Accept-Encoding: \xff, gzip;q=nan", b"Range: bytes=0-0",
                       b"Content-Type: multipart/form-data; boundary=" + b"b" * 10000):
            data = (POST + header + b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                    % len(photo) + photo)
            for status in self.statuses(data):
                self.assertIn(status, (200, 400, 415, 417), header[:40])

    def test_pipelined_requests(self):
        # Answered in their order, one after the other.
        photo, nobody = photos(1)[0], ppm(32, 32)
        data = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for body in (photo, nobody, b"broken"):
            data += POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        data += b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with SERVER.raw(data) as sock:
            answers = read_all(sock).split(b"HTTP/1.1 ")[1:]
        self.assertEqual([answer[:3] for answer in answers], [b"200", b"200", b"200", b"400",
                                                              b"404"])
        bodies = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
        self.assertEqual(plain(bodies[1]), self.expected)
        self.assertEqual(bodies[2]["faces"], [])

    def test_smuggling(self):
        # A request hidden in the body of another, for a proxy that counts differently: it must not
        # be answered as a second one. (RFC 9112, 6.1 and 6.3.)
        hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
        for headers, body in (
                (b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nG" + hidden),
                (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", chunk),
                (b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(hidden), hidden),
                (b"Content-Length: %d\r\nContent-Length: 0\r\n" % len(hidden), hidden),
                (b"Content-Length: +0\r\n", hidden), (b"Content-Length: 0x0\r\n", hidden),
                (b"Content-Length: 0, %d\r\n" % len(hidden), hidden),
                (b"Content-Length : %d\r\n" % len(hidden), hidden),
                (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + hidden),
                (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + hidden),
                (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
                (b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n" + hidden)):
            with self.subTest(headers):
                before = self.not_found()
                self.statuses(POST + headers + b"\r\n" + body)
                self.assertEqual(self.not_found(), before, "the hidden request was answered")

    def not_found(self):
        return SERVER.metrics().get('mien_requests_total{route="none",status="404"}', 0)


class Bodies(Case):
    def test_chunks(self):
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for body in (b"zz\r\n", b"-1\r\nx\r\n", b"ffffffffffffffffff\r\nx\r\n", b"5\r\nabc",
                     b"1\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n", b"10000000000\r\n" + b"x" * 1000,
                     b"1;" + b"e" * 100000 + b"\r\nx\r\n0\r\n\r\n", b"0x5\r\nabcde\r\n0\r\n\r\n",
                     b"5 \r\nabcde\r\n0\r\n\r\n", b"0\r\n" + b"X: y\r\n" * 50000 + b"\r\n",
                     b"1\r\nx\r\n" * 50000 + b"0\r\n\r\n", b"0\r\n\r\n", b"1\nx\n0\n\n"):
            with self.subTest(body[:20]):
                for status in self.statuses(head + body):
                    self.assertIn(status, (400, 413, 431, 500), body[:20])

    def test_endless_chunks(self):
        with SERVER.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n") as sock:
            chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
            with self.assertRaises(OSError):
                for _ in range(1000):
                    sock.sendall(chunk)
        self.assertLess(SERVER.metrics()["mien_body_bytes"], 128 << 20)

    def test_forms(self):
        whole, kind = form([("file", "a", ppm(32, 32))])
        bound, start = "multipart/form-data; boundary=bound", b"--bound\r\n"
        end, name = b"\r\n--bound--\r\n", b"Content-Disposition: form-data"
        inner = b"--c\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
        for kind, body in [
                ("multipart/form-data", whole), ("multipart/form-data; boundary=", whole),
                ("multipart/form-data; boundary=other", whole), (kind, whole[:-30]),
                (kind, whole[:50]), (kind, b""), (kind, b"\r\n" * 1000), (kind, b"--" * 50000),
                (bound, start * 20000), (bound, start + b"X: y\r\n" * 20000 + b"\r\n"),
                (bound, (start + name + b'; name="file"\r\n\r\nx\r\n') * 5000 + end),
                (bound, start + name + b'; name="file"\r\n\r\n' + start * 3 + whole),
                (bound, start + name + b'; name="' + b"n" * 100000 + b'"\r\n\r\nx' + end),
                (bound, start + b"\r\nno header" + end),
                (bound, start + name + b"\r\n\r\nno name" + end),
                (bound, start + name + b'; name="file"; filename="x\0y"\r\n\r\n\0' + end),
                (bound, start + b"Content-Type: multipart/mixed; boundary=c\r\n\r\n"
                 + inner * 1000 + end)]:
            with self.subTest(kind=kind, body=body[:60]):
                head = (POST + b"Connection: close\r\nContent-Type: " + kind.encode()
                        + b"\r\nContent-Length: %d\r\n\r\n" % len(body))
                for status in self.statuses(head + body):
                    self.assertIn(status, (400, 413))

    def test_a_form_that_is_cut_off_is_no_picture(self):
        # Its last part has no boundary behind it: nobody knows whether that was all of it.
        body, kind = form([("file", "a", photos(1)[0])])
        cut = body[:-40]
        answer = SERVER.ask("POST", "/v1/detect", cut, {"Content-Type": kind})
        self.assertEqual(answer.status, 400, answer)

    def test_json(self):
        deep = 100000
        for body in (b"[" * deep, b"[" * deep + b"]" * deep, b'{"a":' * deep,
                     b'{"image":"x","image":"y"}', b'{"image":"\\ud800"}',
                     b'{"image":"\\u0000"}', b'["\xff\xfe"]',
                     b'{"image":"' + b"A" * 9000000 + b'"}', b"\0" * 1000, b"[" + b"0," * 100000
                     + b"0]", b'{"images":[' + b'"",' * 20000 + b'""]}', b"\xef\xbb\xbf{}",
                     b'{"image":"QUJD","top":1e999}',
                     b'{"image":"QUJD","top":' + b"9" * 5000 + b"}",
                     b'{"' + b"k" * 100000 + b'":1}', b'"' + b"\\u0041" * 100000, b"nul",
                     b'{"image":"QUJD"} trailing', b'{"url":"' + b"h" * 100000 + b'"}',
                     b'{"image":{"image":"QUJD"}}', b'{"url":"http://\\r\\nX: y/"}'):
            with self.subTest(body[:40]):
                answer = SERVER.ask("POST", "/v1/detect", body,
                                    {"Content-Type": "application/json"})
                self.assertIn((answer.status, answer.code),
                              ((400, "bad_request"), (413, "too_large")))
                self.assertLess(len(answer.body), 1000)

    def test_pictures_that_are_bombs(self):
        # A great picture of few bytes, as often as a form may hold it.
        picture = png(6000, 6000, bytes(6000 * 6000 * 3))  # 36 MP, the limit is 40
        self.assertLess(len(picture), 200000)
        answer = SERVER.post_form("/v1/detect", [("file", "x", picture)] * 4)
        self.assertEqual([p["faces"] for p in answer.json["pictures"]], [[]] * 4)

    def test_half_closed(self):
        # Whoever ends his side gets an answer if his request was whole, and none if it was not.
        photo = photos(1)[0]
        data = POST + b"Content-Length: %d\r\n\r\n" % len(photo) + photo
        good = self.ended("200")
        for cut in (1, 20, len(POST), len(POST) + 10, len(data) - 1):
            with self.subTest(cut), SERVER.raw(data[:cut]) as sock:
                sock.shutdown(socket.SHUT_WR)
                self.assertIn(read_all(sock)[9:12], (b"", b"400", b"499"))
        self.assertEqual(self.ended("200"), good)
        with SERVER.raw(data) as sock:
            sock.shutdown(socket.SHUT_WR)
            answer = read_all(sock).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(answer[9:12], b"200")
        self.assertEqual(self.ended("200"), good + 1)

    def ended(self, *statuses):
        """Requests for detection that have ended so."""
        m = SERVER.metrics()
        return sum(m.get(f'mien_requests_total{{route="/v1/detect",status="{status}"}}', 0)
                   for status in statuses)

    def test_resets(self):
        photo = photos(1)[0]
        data = POST + b"Content-Length: %d\r\n\r\n" % len(photo) + photo
        for i in range(scaled(100)):
            sock = SERVER.raw(data[:i * len(data) // 80])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()


if __name__ == "__main__":
    skip_or_run(unittest.main)
