#!/usr/bin/env python3
"""More than there is room for: connections, slow web servers, lines of a log that nobody reads.
Whoever has too much of it loses by that, and nobody else."""
import fcntl
import http.client
import http.server
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import (BASE_ENV, PATIENCE, TOOL, Server, cli, photos, plain, read_all,  # noqa: E402
                    scaled, skip_or_run, wait_for)

# Nothing ends by itself while a test runs.
PATIENT = ("--read-timeout=3600", "--idle-timeout=3600", "--log=none")
DETECTOR_ONLY = ("--classifier=none", "--embedder=none", "--age-gender=none")
PHOTO = EXPECTED = None


def setUpModule():
    global PHOTO, EXPECTED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    PHOTO = photos(1)[0]
    EXPECTED = cli("detect", [PHOTO])[0]


def connect(server, address="127.0.0.1"):
    """A connection from another address of loopback."""
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE, (address, 0))


def is_open(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


class Case(unittest.TestCase):
    def ask_rightly(self, server, address="127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE,
                                                source_address=(address, 0))
        answer = server.post("/v1/detect", PHOTO, connection)
        connection.close()
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(plain(answer.json), EXPECTED)

    def metrics(self, server, address):
        """As an address whose connections do not count."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE,
                                                source_address=(address, 0))
        text = server.ask("GET", "/metrics", connection=connection).body.decode()
        connection.close()
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    def several(self, server, count, addresses=("127.0.0.1",)):
        socks = [connect(server, addresses[i % len(addresses)]) for i in range(count)]
        for sock in socks:
            self.addCleanup(sock.close)
        return socks


class Connections(Case):
    def test_of_one_address(self):
        with Server(*PATIENT, *DETECTOR_ONLY) as server:
            for _ in range(11):
                self.several(server, 100)
                self.ask_rightly(server)
                self.ask_rightly(server, "127.0.0.2")
            wait_for(lambda: server.metrics()["mien_connections"] <= 500, "all above to be closed")
            self.assertGreaterEqual(server.rejected("connections"), 600)

    def test_the_oldest_idle_goes_first(self):
        addresses = [f"127.0.0.{i}" for i in range(10, 30)]
        with Server(*PATIENT, *DETECTOR_ONLY, "--connections=200") as server:
            kept = self.several(server, 1)[0]
            first = self.several(server, 150, addresses)
            wait_for(lambda: server.metrics()["mien_connections"] >= 152, "all to be accepted")
            kept.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b"200 OK", kept.recv(4096))  # it is not the oldest any more
            last = self.several(server, 150, addresses)
            self.ask_rightly(server, "127.0.0.200")
            # 301 and the one that has just asked: 102 had to go, or one more where the one that
            # asked for the metrics had not ended yet.
            wait_for(lambda: sum(map(is_open, first)) <= 48, "the oldest to be closed")
            left = [is_open(sock) for sock in first]
            self.assertIn(left.count(True), (47, 48))
            self.assertEqual(left, sorted(left))
            self.assertTrue(all(map(is_open, [kept, *last])))

    def test_what_works_is_kept(self):
        """Requests under way are not idle. An address that has nothing else gets no more; others
        do."""
        head = (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n" % len(PHOTO))
        with Server(*PATIENT, *DETECTOR_ONLY, "--connections=20",
                    "--connections-per-address=8") as server:
            sending = self.several(server, 8)
            for sock in sending:
                sock.sendall(head + PHOTO[:100])
            wait_for(lambda: self.metrics(server, "127.0.0.5")["mien_requests_active"] == 9,
                     "them to have begun")
            self.several(server, 40, ("127.0.0.2", "127.0.0.3", "127.0.0.4"))
            ninth, = self.several(server, 1)
            self.assertEqual(read_all(ninth), b"")
            self.ask_rightly(server, "127.0.0.5")
            for sock in sending:
                sock.sendall(PHOTO[100:])
                self.assertEqual(read_all(sock)[9:12], b"200")


class Urls(Case):
    def site(self):
        """A web server that has the photo, and the address of one that never says a word."""
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
        silent = socket.create_server(("127.0.0.1", 0), backlog=500)
        for end in (site.server_close, site.shutdown, silent.close):
            self.addCleanup(end)
        return (f"http://127.0.0.1:{site.server_port}/",
                f"http://127.0.0.1:{silent.getsockname()[1]}/")

    def test_slow_ones_hold_no_worker(self):
        good, silent = self.site()
        count = 40
        with Server(*PATIENT, *DETECTOR_ONLY, "--allow-urls", "--allow-private-urls",
                    "--url-timeout=600", "--deadline=600", "--workers=2") as server:
            answers = []
            asks = [threading.Thread(target=lambda: answers.append(
                server.post_json("/v1/detect", {"url": silent}))) for _ in range(count)]
            for ask in asks:
                ask.start()
            wait_for(lambda: server.metrics()["mien_requests_fetching"] == count, "all to wait")
            self.ask_rightly(server)
            for body in ({"url": good}, {"urls": [good, good]}):
                answer = server.post_json("/v1/detect", body)
                self.assertEqual(answer.status, 200, answer)
            self.assertEqual([plain(p) for p in answer.json["pictures"]], [EXPECTED] * 2)
            self.assertEqual(answers, [])
            self.assertEqual(server.metrics()["mien_requests_fetching"], count)
            server.signal(signal.SIGTERM)  # and none of them holds up the end
            self.assertEqual(server.wait(), 0)
            for ask in asks:
                ask.join()
            self.assertEqual({(answer.status, answer.code) for answer in answers},
                             {(503, "not_ready")})

    def test_as_many_as_may_wait(self):
        good, silent = self.site()
        with Server(*PATIENT, *DETECTOR_ONLY, "--allow-urls", "--allow-private-urls",
                    "--url-timeout=600", "--deadline=600", "--queue=3") as server:
            body = b'{"url": "%s"}' % silent.encode()
            waiting = [server.raw(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\n"
                                  b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                                  % len(body) + body) for _ in range(3)]
            wait_for(lambda: server.metrics()["mien_requests_fetching"] == 3, "all to wait")
            answer = server.post_json("/v1/detect", {"url": good})
            self.assertEqual((answer.status, answer.code), (429, "queue_full"))
            self.ask_rightly(server)
            for sock in waiting:  # who goes is not waited for
                sock.close()
            wait_for(lambda: server.metrics()["mien_requests_fetching"] == 0, "them to be gone")
            self.assertEqual(server.post_json("/v1/detect", {"url": good}).status, 200)


class Log(Case):
    """Standard error is a pipe of a page that is read at the beginning, and then no more."""

    def start(self):
        out, err = os.pipe()
        fcntl.fcntl(err, fcntl.F_SETPIPE_SZ, 4096)
        process = subprocess.Popen([os.path.abspath(TOOL), "serve", "--port=0", *DETECTOR_ONLY],
                                   stderr=err, env=BASE_ENV)
        os.close(err)
        said = b""
        while b"ready after" not in said:
            chunk = os.read(out, 4096)
            self.assertTrue(chunk, said)
            said += chunk
        server = Server.__new__(Server)
        server.port = int(said.split(b"listening on http://127.0.0.1:")[1].split()[0])
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process, server, out

    def ask_often(self, server, count=5000):
        data = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * count
        with server.raw() as sock:
            threading.Thread(target=sock.sendall, args=(data,)).start()
            answered = b""
            while answered.count(b"API is running") < count:
                chunk = sock.recv(1 << 20)
                self.assertTrue(chunk, "it was cut off")
                answered += chunk

    def test_nobody_waits_for_who_does_not_read(self):
        process, server, out = self.start()
        self.ask_often(server)
        self.ask_rightly(server)
        dropped = server.metrics()["mien_log_dropped_total"]
        self.assertGreater(dropped, 100)
        # Read again, it says what is missing, and loses nothing more.
        said = []
        def read():
            with open(out, "rb") as lines:
                said.extend(lines)
        reader = threading.Thread(target=read)
        reader.start()
        wait_for(lambda: len(said) > 4000, "what was kept")
        self.ask_rightly(server)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)
        reader.join()
        counts = [int(line.split()[3]) for line in said if b"were dropped" in line]
        self.assertGreaterEqual(sum(counts), dropped)
        self.assertTrue(any(b"POST /v1/detect" in line for line in said))
        self.assertTrue(said[-1].endswith(b"ended\n"), said[-1])

    def test_the_end_does_not_wait_either(self):
        process, server, out = self.start()
        self.ask_often(server, scaled(1000))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)
        os.close(out)


if __name__ == "__main__":
    skip_or_run(unittest.main)
