#!/usr/bin/env python3
"""packaging/nginx.conf in front of two `mien serve`: nginx accepts it, both instances get work, and
one may be killed and started again while clients go on posting, without one failed request."""
import contextlib
import http.client
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

ROOT = Path(__file__).parents[2]
BUILD = Path(os.environ.get("MIEN_BUILD_DIR") or ROOT / "build")
TOOL = os.environ.get("MIEN_TOOL") or str(BUILD / "mien")
WEIGHTS = Path(
    os.environ.get("MIEN_WEIGHTS")
    or Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "mien"
)
PHOTO = WEIGHTS / "photos" / "sample1.jpg"
CLIENTS = 4
PATIENCE = 120  # seconds anything may take on a busy machine
# Debian's nginx is in a folder only root has on PATH; setup.sh puts one into the build folder.
NGINX = shutil.which("nginx", path=os.pathsep.join(
    (os.environ.get("PATH", ""), "/usr/sbin", str(BUILD / "nginx" / "usr" / "sbin"))))

MAIN = """
daemon off;
worker_processes 1;
pid %(folder)s/nginx.pid;
error_log %(folder)s/error.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    include %(folder)s/mien.conf;
}
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for(what, seconds=PATIENCE):
    """Asks again until it is true."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("nothing after %d s" % seconds)
        time.sleep(0.05)


class Instance:
    """One `mien serve`, with the detector alone: it starts at once."""

    def __init__(self, folder, port):
        self.folder, self.port, self.process = folder, port, None
        self.log = os.path.join(folder, "mien-%d.log" % port)

    def start(self):
        none = [o for n in ("embedder", "age-gender", "classifier") for o in ("--" + n, "none")]
        env = {k: v for k, v in os.environ.items() if not k.startswith("MIEN_")}
        env["MIEN_WEIGHTS"] = str(WEIGHTS)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [TOOL, "serve", "--port", str(self.port), *none],
                env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self.ready)

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(Path(self.log).read_text(encoding="utf-8"))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def served(self):
        """Requests for faces it has answered, by its log."""
        with open(self.log, encoding="utf-8") as log:
            return sum(" POST /v1/detect 200 " in line for line in log)

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)


class Proxy:
    """nginx with the example, its names and ports replaced by ones of this machine."""

    def __init__(self, folder, instances):
        self.folder = folder
        self.http, self.https = free_ports(2)
        text = (ROOT / "packaging" / "nginx.conf").read_text(encoding="utf-8")
        for given, ours in (
            ("listen 80;", "listen 127.0.0.1:%d;" % self.http),
            ("listen 443 ssl http2;", "listen 127.0.0.1:%d ssl http2;" % self.https),
            ("listen [::]:80;", ""),
            ("listen [::]:443 ssl http2;", ""),
            ("127.0.0.1:8081", "127.0.0.1:%d" % instances[0]),
            ("127.0.0.1:8082", "127.0.0.1:%d" % instances[1]),
            ("/etc/mien/tls/fullchain.pem", folder + "/cert.pem"),
            ("/etc/mien/tls/privkey.pem", folder + "/key.pem"),
        ):
            if text.count(given) != 1:
                raise AssertionError("nginx.conf has %d times '%s'" % (text.count(given), given))
            text = text.replace(given, ours)
        Path(folder, "mien.conf").write_text(text, encoding="utf-8")
        Path(folder, "nginx.conf").write_text(MAIN % {"folder": folder}, encoding="utf-8")
        self.command = [NGINX, "-p", folder, "-e", folder + "/error.log", "-c", folder + "/nginx.conf"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=mien.example.org", "-keyout", "key.pem", "-out", "cert.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip

    def test(self):
        return subprocess.run([*self.command, "-t"], text=True, capture_output=True, check=False)

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        wait_for(self.listens, 20)

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.https)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def connect(self):
        trusting = ssl.create_default_context(cafile=self.folder + "/cert.pem")
        trusting.check_hostname = False  # the certificate is of the example's name
        return http.client.HTTPSConnection("127.0.0.1", self.https, timeout=PATIENCE, context=trusting)


def post(connection, path, body, **headers):
    connection.request("POST", path, body, {"Content-Type": "image/jpeg", **headers})
    answer = connection.getresponse()
    return answer, answer.read()


class Clients:
    """Threads that post one picture over and over, each over a connection of its own."""

    def __init__(self, proxy, picture):
        self.proxy, self.picture = proxy, picture
        self.ended, self.answered, self.failed = threading.Event(), [0] * CLIENTS, []
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(CLIENTS)]

    def run(self, number):
        with contextlib.closing(self.proxy.connect()) as connection:
            self.post_until_the_end(connection, number)

    def post_until_the_end(self, connection, number):
        while not self.ended.is_set():
            try:
                answer, text = post(connection, "/v1/detect", self.picture)
                good = answer.status == 200 and b'"faces"' in text
                why = "%d %s" % (answer.status, text[:200])
            except (OSError, http.client.HTTPException) as error:
                good, why = False, repr(error)
                connection.close()
            self.answered[number] += good
            if not good:
                self.failed.append(why)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


@unittest.skipUnless(NGINX, "nginx is not installed")
@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Nginx(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mien-nginx-")
        self.addCleanup(shutil.rmtree, self.folder)
        # Its workers are another user's, where root starts it.
        os.chmod(self.folder, 0o755)
        self.instances = [Instance(self.folder, port) for port in free_ports(2)]
        self.proxy = Proxy(self.folder, [i.port for i in self.instances])

    def test_configuration(self):
        done = self.proxy.test()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("[warn]", done.stderr)

    def start_all(self):
        if not os.access(TOOL, os.X_OK):
            self.skipTest("mien is not built")
        if not PHOTO.exists() or not (WEIGHTS / "retinaface-mnet025-v2.safetensors").exists():
            self.skipTest("the default networks are not installed")
        for instance in self.instances:
            instance.start()
            self.addCleanup(instance.end, signal.SIGKILL)
        self.proxy.start()
        self.addCleanup(self.proxy.stop)
        self.picture = PHOTO.read_bytes()

    def test_passes_ids_redirects_and_keeps_metrics_inside(self):
        self.start_all()
        with contextlib.closing(self.proxy.connect()) as client:
            answer, _ = post(client, "/v1/detect", self.picture, **{"X-Request-Id": "a.1"})
            self.assertEqual((answer.status, answer.headers["x-request-id"]), (200, "a.1"))
            answer, _ = post(client, "/v1/detect", self.picture, **{"X-Request-Id": "a b"})
            self.assertRegex(answer.headers["x-request-id"], r"^[0-9a-f]{32}$")
            client.request("GET", "/metrics")
            self.assertEqual(client.getresponse().status, 404)
        plain = http.client.HTTPConnection("127.0.0.1", self.proxy.http, timeout=PATIENCE)
        with contextlib.closing(plain):
            plain.request("GET", "/docs", headers={"Host": "mien.example.org"})
            answer = plain.getresponse()
        self.assertEqual(
            (answer.status, answer.headers["location"]), (301, "https://mien.example.org/docs")
        )

    def test_one_of_two_may_die_and_come_back(self):
        self.start_all()
        first, second = self.instances
        with Clients(self.proxy, self.picture) as clients:
            wait_for(lambda: first.served() >= 5 and second.served() >= 5)
            for number in (signal.SIGKILL, signal.SIGTERM):
                status = first.end(number)
                if number == signal.SIGTERM:
                    self.assertEqual(status, 0)
                before = second.served()
                wait_for(lambda: second.served() >= before + 10)
                before = first.served()
                first.start()
                wait_for(lambda: first.served() >= before + 5)
        self.assertEqual(clients.failed, [])
        for answered in clients.answered:
            self.assertGreater(answered, 0)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == len(result.skipped) else 0)
