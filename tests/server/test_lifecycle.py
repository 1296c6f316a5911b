#!/usr/bin/env python3
"""From its start to its end: options and files, TLS, signals, reloads, draining, ports."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from scans import progressive  # noqa: E402
from server import (BASE_ENV, PATIENCE, PHOTOS, SMALL, TOOL, Server, cli, curl, form,  # noqa: E402
                    mien, photos, plain, read_all, scaled, skip_or_run, wait_for)
from tool import MODELS, ppm  # noqa: E402

DETECTOR_ONLY = ("--classifier=none", "--embedder=none", "--age-gender=none", "--no-cache")
# A server that would not give up on a client for longer than a test waits.
PATIENT = ("--read-timeout=3600", "--idle-timeout=3600")
# A sanitizer makes any start slow; without one, packing for plain C takes longest.
SLOW_START = DETECTOR_ONLY if SMALL else ("--no-cache", "--backend=c")


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mien-serve-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text, mode=0o600):
        """Replaces a file as an editor does: a reader sees the old one or the new one."""
        path = self.folder / name
        (self.folder / "new").write_text(text)
        os.chmod(self.folder / "new", mode)
        os.replace(self.folder / "new", path)
        return str(path)


class Refusals(Folder):
    """Servers that do not start: one sentence, and an exit status as the tool's."""

    def refuse(self, status, *args, env=None):
        result = mien("serve", "--port=0", *args, env=env)
        self.assertEqual((result.returncode, result.stdout), (status, b""), result.stderr)
        return result.stderr

    def test_wrong_command_lines(self):
        for args in (["--port=70000"], ["--port=-1"], ["--port=http"], ["--queue=-1"],
                     ["--workers=0"], ["--max-batch=0"], ["--deadline=0"], ["--deadline=nan"],
                     ["--max-bytes=10Q"], ["--max-bytes=-1"], ["--log=xml"], ["--tls-cert=x.pem"],
                     ["--tls-key=x.pem"], ["--no-such-option"], ["picture.jpg"],
                     ["--config=/nonexistent"], ["--max-pictures=1000"], ["--threshold=2"],
                     ["--detector=none", "--embedder=none", "--classifier=none",
                      "--age-gender=none"]):
            with self.subTest(args):
                said = self.refuse(2, *args)
                self.assertIn("mien serve", said)
                self.assertEqual(len(said.splitlines()), 2, "a sentence, and where help is")
        self.assertIn("MIEN_QUEUE", self.refuse(2, env={"MIEN_QUEUE": "many"}))

    def test_wrong_config_files(self):
        for text in ("nonsense\n", "queue = many\n", "no-such-option = 1\n", "queue\n", "= 3\n",
                     "embeddings = 1\n", "top = 3\0\n"):
            with self.subTest(text):
                said = self.refuse(2, "--config", self.write("config", text))
                self.assertIn(str(self.folder / "config"), said)

    def test_files_that_are_not_there(self):
        missing = str(self.folder / "missing")
        empty = self.write("empty", "")
        junk = self.write("junk", "junk\n" * 100)
        for args in (["--keys", missing], ["--keys", empty], ["--detector", missing],
                     ["--keys", self.write("short", "short\n")], ["--detector", junk],
                     ["--tls-cert", missing, "--tls-key", missing],
                     ["--tls-cert", junk, "--tls-key", junk],
                     ["--address=300.1.1.1"], ["--address=localhost"], ["--address=192.0.2.1"]):
            with self.subTest(args):
                said = self.refuse(1, *args).splitlines()
                said = [line for line in said if "listening" not in line and "draining" not in line]
                self.assertEqual(len(said), 1, said)
        said = self.refuse(1, "--detector=retinaface-mnet025-v2",
                           env={"MIEN_WEIGHTS": str(self.folder)})
        self.assertIn("retinaface-mnet025-v2", said)

    def test_port_in_use(self):
        with Server(*DETECTOR_ONLY) as server:
            said = self.refuse(1, f"--port={server.port}").splitlines()
            self.assertEqual(len(said), 1)
            self.assertRegex(said[0], rf"port {server.port}: Address already in use")
            self.assertEqual(server.get("/health").status, 200)


class Options(Folder):
    def classes(self, *args, env=None):
        with Server("--detector=none", "--embedder=none", "--age-gender=none", *args,
                    env=env) as server:
            return len(server.post("/v1/classify", ppm(32, 32)).json["classes"])

    def test_what_goes_before_what(self):
        config = self.write("config", "# of a test\n\n  top = 2   # classes\n port=1\nlog=none\n")
        self.assertEqual(self.classes("--config", config), 2)
        self.assertEqual(self.classes(env={"MIEN_CONFIG": config}), 2)
        self.assertEqual(self.classes("--config", config, env={"MIEN_TOP": "3"}), 3)
        self.assertEqual(self.classes("--config", config, "--top=4", env={"MIEN_TOP": "3"}), 4)

    def test_a_byte_order_mark_is_skipped(self):
        self.assertEqual(self.classes("--config", self.write("config", "\ufefftop = 2\n")), 2)

    def test_addresses(self):
        with Server("--address=::1", *DETECTOR_ONLY) as server:
            self.assertEqual(curl(f"http://[::1]:{server.port}/health").status, 200)
        with Server("--address=::", *DETECTOR_ONLY) as server:
            for host in ("127.0.0.1", "[::1]"):
                self.assertEqual(curl(f"http://{host}:{server.port}/health").status, 200)

    def test_check(self):
        with Server(*DETECTOR_ONLY) as server:
            self.assertEqual(mien("serve", "--check", f"--port={server.port}").returncode, 0)
        self.assertEqual(mien("serve", "--check", f"--port={server.port}").returncode, 1)


class StandardFiles(unittest.TestCase):
    """Started with standard input, output and error closed, as some supervisors do."""

    def start(self, *args, **files):
        process = subprocess.Popen([os.path.abspath(TOOL), *args], env=BASE_ENV, **files)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def paths(self, process, wanted):
        return [os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in wanted]

    def test_server(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = self.start("serve", f"--port={port}", *DETECTOR_ONLY,
                             preexec_fn=lambda: [os.close(fd) for fd in range(3)])

        def is_ready():
            return mien("serve", "--check", f"--port={port}").returncode == 0
        wait_for(is_ready, "the server to be ready")
        self.assertEqual(self.paths(process, range(3)), ["/dev/null"] * 3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_tool(self):
        # It waits for its picture; what it opened before is behind the standard ones.
        process = self.start("detect", "-", stdin=subprocess.PIPE,
                             preexec_fn=lambda: [os.close(fd) for fd in (1, 2)])
        wait_for(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 1, "the network to run")
        self.assertEqual(self.paths(process, (1, 2)), ["/dev/null"] * 2)
        process.communicate(photos(1)[0])
        self.assertEqual(process.returncode, 1)  # the results could not be written


class Tls(Folder):
    def certificate(self, name):
        key, cert = str(self.folder / f"{name}.key"), str(self.folder / f"{name}.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "2", "-subj", "/CN=test", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True,
                       capture_output=True)
        return cert, key

    def test_https(self):
        cert, key = self.certificate("server")
        other, other_key = self.certificate("other")
        with Server("--tls-cert", cert, "--tls-key", key, *DETECTOR_ONLY) as server:
            self.assertEqual(server.scheme, "https")
            self.assertEqual(curl("--cacert", cert, server.url + "/health").status, 200)
            answer = curl("--cacert", cert, "-F", f"file=@{PHOTOS[0]}", server.url + "/v1/detect")
            self.assertEqual(plain(answer.json), cli("detect", photos(1))[0])
            for args in ([], ["--cacert", other], ["--cacert", cert, "--tls-max", "1.1"]):
                with self.assertRaises(AssertionError):
                    curl(*args, server.url + "/health")
            plain_text = server.exchange(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertNotIn(b"API is running", plain_text)
            server.raw(b"\x16\x03\x01\x40\x00" + bytes(1000)).close()
            # curl and Python may refuse 1.1 themselves: openssl at its lowest level does not.
            for version, is_taken in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True),
                                      ("-tls1_3", True)):
                done = subprocess.run(
                    ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", version,
                     "-cipher", "DEFAULT:@SECLEVEL=0"], stdin=subprocess.DEVNULL,
                    capture_output=True, check=False)
                self.assertEqual(b"Cipher is (NONE)" not in done.stdout, is_taken, version)
            context = ssl.create_default_context(cafile=cert)
            for _ in range(3):  # connections that end in the middle of their handshake
                server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20)).close()
            with context.wrap_socket(server.raw(), server_hostname="localhost") as sock:
                sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200 OK", sock.recv(4096))
        result = mien("serve", "--port=0", "--tls-cert", cert, "--tls-key", other_key)
        self.assertEqual(result.returncode, 1, "a key of another certificate")


class Start(Folder):
    def test_not_ready_is_said_until_it_is(self):
        # The time between socket and networks is short: a server may be ready before it is asked.
        photo = ppm(64, 64)
        for _ in range(10):
            with Server(*SLOW_START, until="listening") as server:
                seen = []
                while not seen or seen[-1].status != 200:
                    self.assertEqual(server.get("/health").json, {"status": "API is running"})
                    self.assertIn(server.get("/ready").status, (200, 503))
                    self.assertIn(server.get("/metrics").status, (200,))
                    seen.append(server.post("/v1/detect", photo))
                self.assertEqual(server.get("/ready/").status, 200)
            if len(seen) > 1:
                break
        self.assertGreater(len(seen), 1, "it was never seen starting")
        for answer in seen[:-1]:
            self.assertEqual((answer.status, answer.code), (503, "not_ready"))
            self.assertGreater(int(answer.headers["Retry-After"]), 0)

    def test_a_signal_during_the_start(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server(*SLOW_START, until="listening") as server:
                server.signal(number)
                self.assertEqual(server.wait(), 0)


class End(Folder):
    def slow_requests(self, server, count):
        """Requests that are queued or worked on, by threads that keep what was answered."""
        body, kind = form([("file", "x", p) for p in photos(2)])
        answers = []
        ask = lambda: answers.append(server.ask("POST", "/v1/detect?size=0", body,
                                                {"Content-Type": kind}))
        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        wait_for(lambda: server.metrics()["mien_requests_active"] > count, "all to have begun")
        wait_for(lambda: server.metrics()["mien_queue_depth"] > 0, "some to wait")
        return threads, answers

    def test_requests_under_way_are_answered(self):
        expected, count = cli("detect", photos(2), "--size=0"), scaled(10)
        with Server("--workers=1", "--deadline=600", "--drain-timeout=600",
                    *DETECTOR_ONLY) as server:
            kept = server.connect()
            self.assertEqual(server.ask("GET", "/ready", connection=kept).status, 200)
            threads, answers = self.slow_requests(server, count)
            server.signal(signal.SIGTERM)
            wait_for(lambda: server.find("draining"), "the server to drain")
            late = server.ask("POST", "/v1/detect", photos()[0], connection=kept)
            self.assertEqual((late.status, late.code), (503, "not_ready"))
            self.assertEqual(late.headers["Connection"], "close")
            self.assertTrue(late.headers["Retry-After"])
            with self.assertRaises(ConnectionRefusedError):
                server.get("/health")
            for thread in threads:
                thread.join()
            self.assertEqual(server.wait(), 0)
            self.assertEqual(len(answers), count)
            for answer in answers:
                self.assertEqual(answer.status, 200)
                self.assertEqual([plain(p) for p in answer.json["pictures"]], expected)

    def test_a_second_signal_ends_it_at_once(self):
        with Server("--workers=1", "--deadline=600", "--drain-timeout=600",
                    *DETECTOR_ONLY) as server:
            body, kind = form([("file", "x", p) for p in photos()])
            head = (f"POST /v1/detect?size=0 HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode()
            socks = [server.raw(head + body) for _ in range(40)]
            wait_for(lambda: server.metrics()["mien_queue_depth"] > 30, "all to be queued")
            server.signal(signal.SIGTERM)
            wait_for(lambda: server.find("draining"), "the server to drain")
            time.sleep(0.1)
            self.assertIsNone(server.process.poll(), "it waits for them")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            answers = [read_all(sock)[:20] for sock in socks]
            for sock in socks:
                sock.close()
            # The one whose picture is decoded just then may see the end instead, on a slow machine.
            told = [answer for answer in answers if answer]
            self.assertGreaterEqual(len(told), len(answers) - 1)
            self.assertLessEqual({answer[9:12] for answer in told}, {b"200", b"503"})
            self.assertIn(b"HTTP/1.1 503", told[-1], "who waited is told")

    def test_whoever_does_not_end_is_not_waited_for(self):
        with Server("--drain-timeout=1", *PATIENT, *DETECTOR_ONLY) as server:
            half = server.raw(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
            idle, silent = server.raw(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"), server.raw()
            wait_for(lambda: server.metrics()["mien_requests_active"] == 2, "it to have begun")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            for sock in (half, idle, silent):
                sock.close()

    def test_whatever_runs(self):
        """A run of minutes, decodes, uploads that stand still, servers elsewhere that are silent,
        answers nobody fetches: none of them is waited for beyond --drain-timeout and some seconds.
        Without an end to each of them this takes an hour."""
        black = b"P5\n4096 4096\n255\n" + bytes(4096 * 4096)
        with socket.create_server(("127.0.0.1", 0), backlog=50) as silent, Server(
                "--backend=c", "--deadline=3600", "--url-timeout=600", "--allow-urls",
                "--allow-private-urls", "--max-side=4096", "--max-bytes=20M", "--log=none",
                *PATIENT, *DETECTOR_ONLY) as server:
            def begin(path, body, kind, sent=None):
                return server.raw(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}"
                                  f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:sent])
            url = b'{"url": "http://127.0.0.1:%d/"}' % silent.getsockname()[1]
            socks = [begin("/v1/detect?size=0", black, "image/x-portable-graymap")]
            socks += [begin("/v1/detect", url, "application/json") for _ in range(3)]
            socks += [begin("/v1/detect", progressive(1408, 1408, 494), "image/jpeg")
                      for _ in range(6)]
            socks += [begin("/v1/detect", black, "image/x-portable-graymap", 1000)]
            socks += [server.raw(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)]
            wait_for(lambda: server.metrics()["mien_batch_running_seconds"] > 0
                     and server.metrics()["mien_requests_fetching"] == 3, "all to be under way")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(60), 0)
            for sock in socks:
                sock.close()

    def test_an_idle_server_ends_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Server("--drain-timeout=3600", *PATIENT, *DETECTOR_ONLY) as server:
                idle = server.connect()
                server.ask("GET", "/health", connection=idle)
                server.signal(number)
                self.assertEqual(server.wait(), 0)
                idle.close()

    def test_killed_and_started_again_on_the_same_port(self):
        server = Server(*DETECTOR_ONLY)
        for _ in range(3):
            held = [server.connect() for _ in range(5)]
            for connection in held:
                server.ask("GET", "/health", connection=connection)
            server.kill()
            server = Server(*DETECTOR_ONLY, port=server.port)
            for connection in held:
                connection.close()
        with server:
            self.assertEqual(server.get("/ready").status, 200)


class Reload(Folder):
    def reload(self, server, result):
        """SIGHUP, and waits for it to have been good or failed."""
        name = f'mien_reloads_total{{result="{result}"}}'
        before = server.metrics()[name]
        server.signal(signal.SIGHUP)
        wait_for(lambda: server.metrics()[name] > before, f"a reload: {result}")

    def test_keys(self):
        first, second = "first-key-first-key", "second-key-second-key"
        keys = self.write("keys", first)
        with Server("--keys", keys, "--open-metrics", *DETECTOR_ONLY) as server:
            ask = lambda key: server.get("/v2", **{"x-api-key": key}).status
            self.assertEqual((ask(first), ask(second)), (200, 401))
            self.write("keys", second)
            self.assertEqual((ask(first), ask(second)), (200, 401))
            self.reload(server, "good")
            self.assertEqual((ask(first), ask(second)), (401, 200))
            for text in ("short\n", "", "# nothing\n", second + "\n" + "x" * 9999):
                self.write("keys", text)
                self.reload(server, "failed")
                self.assertEqual((ask(first), ask(second)), (401, 200))
            os.remove(keys)
            self.reload(server, "failed")
            self.assertEqual((ask(first), ask(second)), (401, 200))
            self.assertIsNotNone(server.find("keys stay as they were"))
            self.assertIsNone(server.find("first-key|second-key"), "a key in the log")
            self.write("keys", f"{first}\n{second}")
            self.reload(server, "good")
            self.assertEqual((ask(first), ask(second)), (200, 200))

    def install(self, name):
        """Puts a detector where the server reads it, as one that is installed."""
        shutil.copy(Path(MODELS["weights"], name + ".safetensors"), self.folder / "new")
        os.replace(self.folder / "new", self.folder / "net.safetensors")

    def test_networks_under_load(self):
        names = ["retinaface-mnet025-v2", "retinaface-mnet025-v1"]
        if not Path(MODELS["weights"], names[1] + ".safetensors").exists():
            names[1] = names[0]
        photo = photos()[2]
        known = [cli("detect", [photo], f"--detector={name}")[0] for name in names]
        net = self.folder / "net.safetensors"
        self.install(names[0])
        with Server("--detector", str(net), "--log=none", *DETECTOR_ONLY) as server:
            stop, wrong, count = threading.Event(), [], [0]

            def ask():
                connection = server.connect()
                while not stop.is_set():
                    answer = server.post("/v1/detect", photo, connection)
                    count[0] += 1
                    if answer.status != 200 or plain(answer.json) not in known:
                        wrong.append(answer)
                connection.close()
            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            try:
                for i in range(scaled(20)):
                    self.install(names[(i + 1) % 2])
                    self.reload(server, "good")
                    self.assertEqual(plain(server.post("/v1/detect", photo).json),
                                     known[(i + 1) % 2])
                for text in ("junk" * 99, ""):
                    self.write("net.safetensors", text)
                    self.reload(server, "failed")
                net.unlink()
                self.reload(server, "failed")
                self.assertIn(plain(server.post("/v1/detect", photo).json), known)
                self.assertIsNotNone(server.find("networks stay as they were"))
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(wrong, [])
            self.assertGreater(count[0], 20)
            resident = server.resident()
            for _ in range(10):
                self.install(names[0])
                self.reload(server, "good")
            self.assertLess(server.resident() - resident, 64 << 20, "old networks are let go")


if __name__ == "__main__":
    skip_or_run(unittest.main)
