"""gRPC: who may ask, TLS, deadlines, clients that go, full queues, the server's end, and a server
without the module. Detection alone, so that it is quick."""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grpc_client import MISSING, Client, error_of, metadata_of  # noqa: E402
from server import (BASE_ENV, PATIENCE, PHOTOS, HAVE_SERVER, Server, mien,  # noqa: E402
                    wait_for)

if MISSING or not HAVE_SERVER:
    print(MISSING or "no networks or photos")
    sys.exit(77)

import grpc  # noqa: E402
from grpc_client import HEALTH, INFER, MIEN  # noqa: E402

CODE = grpc.StatusCode
QUICK = ("--classifier=none", "--age-gender=none", "--grpc-port=0")
DETECTOR_ONLY = (*QUICK, "--embedder=none")
KEYS = """reader:reader-key-0000000:read@default
other:other-key-00000000:read@elsewhere
boss:boss-key-000000000
"""
PICTURE = Path(PHOTOS[0]).read_bytes()
SLOW = {"size": 800, "search": "thorough"}  # of work that takes a while


def ask(**options):
    return MIEN.PictureRequest(picture=PICTURE, options=options)


class Ends(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mien-grpc-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_keys_and_people(self):
        """Keys and scopes are HTTP's, and so is who somebody is."""
        keys, place = self.folder / "keys", self.folder / "g.db"
        keys.write_text(KEYS, encoding="utf-8")
        mien("enroll", "--force", "Ann", PHOTOS[0], f"--gallery={place}")
        with Server(*QUICK, "--keys", str(keys), "--gallery", str(place)) as server:
            identify = MIEN.IdentifyRequest(picture=PICTURE, options={"top": 2})
            with Client(server) as nobody:
                with error_of(CODE.UNAUTHENTICATED) as caught:
                    nobody.ask(nobody.mien, "Detect", ask())
                self.assertEqual(metadata_of(caught.error)["mien-error"], "unauthorized")
                with error_of(CODE.UNAUTHENTICATED):
                    nobody.ask(nobody.kserve, "ServerMetadata", INFER.ServerMetadataRequest())
                self.assertTrue(nobody.ask(nobody.kserve, "ServerLive",
                                           INFER.ServerLiveRequest()).live)
                self.assertEqual(nobody.ask(nobody.health, "Check", HEALTH.HealthCheckRequest(
                    service="mien.v1.Mien")).status, HEALTH.HealthCheckResponse.SERVING)
                answer, = nobody.mien.Pictures(iter([MIEN.PicturesRequest(detect=ask())]),
                                               timeout=PATIENCE)
                self.assertEqual(answer.error.status, CODE.UNAUTHENTICATED.value[0])
            with Client(server, "no-key-of-this-server") as stranger:
                with error_of(CODE.UNAUTHENTICATED):
                    stranger.ask(stranger.mien, "Detect", ask())
            with Client(server, "other-key-00000000") as other:
                with error_of(CODE.PERMISSION_DENIED):
                    other.ask(other.mien, "Identify", identify)
            with Client(server, "boss-key-000000000") as boss:
                got = boss.ask(boss.mien, "Identify", identify)
                metadata = [("authorization", "Bearer reader-key-0000000")]
                self.assertEqual(got, boss.mien.Identify(identify, timeout=PATIENCE,
                                                         metadata=metadata))
            http = server.ask("POST", "/v1/collections/default/identify?top=2", PICTURE,
                              {"Content-Type": "image/jpeg", "x-api-key": "boss-key-000000000"})
            self.assertEqual((got.width, got.threshold, got.prior),
                             tuple(http.json[k] for k in ("width", "threshold", "prior")))
            self.assertEqual(len(got.faces), len(http.json["faces"]))
            for mine, theirs in zip(got.faces, http.json["faces"]):
                self.assertEqual([mine.box.x1, mine.box.y1, mine.box.x2, mine.box.y2],
                                 theirs["box"])
                self.assertEqual((mine.verdict, mine.reason),
                                 (theirs["verdict"], theirs.get("reason", "")))
                for a, b in zip(mine.matches, theirs["matches"], strict=True):
                    self.assertEqual((a.person, a.name, a.sample, a.similarity),
                                     (b["person"], b["name"], b["sample"], b["similarity"]))
                    self.assertEqual(a.probability, b.get("probability", 0))
            self.assertIn("likely the same", [f.verdict for f in got.faces])
            self.assertNotIn("boss-key", server.log())

    def test_tls(self):
        cert, key = str(self.folder / "c.pem"), str(self.folder / "k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                        "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                       capture_output=True)
        with Server(*DETECTOR_ONLY, "--tls-cert", cert, "--tls-key", key) as server:
            trusted = grpc.ssl_channel_credentials(Path(cert).read_bytes())
            with Client(server, credentials=trusted) as client:
                self.assertTrue(client.ask(client.mien, "Detect", ask(size=320)).faces)
            with Client(server, credentials=grpc.ssl_channel_credentials()) as wary:
                with error_of(CODE.UNAVAILABLE):
                    wary.ask(wary.mien, "Detect", ask())

    def test_deadlines_and_clients_that_go(self):
        """Their work is given up, and everything is given back."""
        with Server(*DETECTOR_ONLY) as server, Client(server) as client:
            with error_of(CODE.DEADLINE_EXCEEDED):
                client.ask(client.mien, "Detect", ask(**SLOW), timeout=0.05)
            with error_of(CODE.DEADLINE_EXCEEDED):
                list(client.mien.Pictures(
                    iter([MIEN.PicturesRequest(detect=ask(**SLOW))] * 3), timeout=0.05))
            call = client.mien.Detect.future(ask(**SLOW))
            stream = client.mien.Pictures(iter([MIEN.PicturesRequest(detect=ask(**SLOW))] * 40))
            wait_for(lambda: server.metrics()["mien_requests_active"] >= 2, "the calls to begin")
            call.cancel()
            stream.cancel()
            with Client(server) as brief:  # and one whose connection ends
                calls = [brief.mien.Detect.future(ask(**SLOW)) for _ in range(8)]
                wait_for(lambda: server.metrics()["mien_requests_active"] > 1, "more to begin")
            self.assertTrue(all(c.done() for c in calls))
            # A request of HTTP that asks is the one that is left.
            wait_for(lambda: server.metrics()["mien_requests_active"] == 1, "all to be given up")
            self.assertGreater(server.rejected("client_gone") + server.rejected("deadline"), 5)
            self.assertEqual(server.metrics()["mien_body_bytes"], 0)
            self.assertTrue(client.ask(client.mien, "Detect", ask(size=320)).faces)

    def test_limits(self):
        """A full queue, a deadline of the server's, and what is too large."""
        with Server(*DETECTOR_ONLY, "--workers=1", "--queue=2", "--deadline=2",
                    "--max-bytes=1M", "--max-body=2M") as server, Client(server) as client:
            calls = [client.mien.Detect.future(ask(**SLOW), timeout=PATIENCE) for _ in range(12)]
            codes = [call.code() for call in calls]
            self.assertIn(CODE.RESOURCE_EXHAUSTED, codes)
            full = calls[codes.index(CODE.RESOURCE_EXHAUSTED)]
            self.assertEqual(metadata_of(full)["mien-error"], "queue_full")
            self.assertEqual(metadata_of(full)["retry-after"], "1")
            self.assertLessEqual(set(codes), {CODE.OK, CODE.RESOURCE_EXHAUSTED,
                                              CODE.DEADLINE_EXCEEDED})
            with error_of(CODE.INVALID_ARGUMENT) as caught:
                client.ask(client.mien, "Detect", MIEN.PictureRequest(
                    picture=PICTURE + bytes((1 << 20) - len(PICTURE) + 1)))
            self.assertEqual(metadata_of(caught.error)["mien-error"], "too_large")
            with error_of(CODE.RESOURCE_EXHAUSTED):  # gRPC's own limit
                client.ask(client.mien, "Detect", MIEN.PictureRequest(picture=bytes(3 << 20)))
            # A stream of more than may wait: none is refused for that.
            many = [MIEN.PicturesRequest(detect=ask(size=160, search="fast"))] * 8
            self.assertEqual([a.WhichOneof("result") for a in client.mien.Pictures(
                iter(many), timeout=PATIENCE)], ["analysis"] * 8)

    def test_the_end(self):
        """SIGTERM: health tells, what was sent is answered, streams that wait are ended."""
        server = Server(*DETECTOR_ONLY, "--drain-timeout=60")
        with server, Client(server) as client:
            told = client.health.Watch(HEALTH.HealthCheckRequest(), timeout=PATIENCE)
            self.assertEqual(next(told).status, HEALTH.HealthCheckResponse.SERVING)
            hold = threading.Event()

            def wait_with_it():
                yield MIEN.PicturesRequest(detect=ask(**SLOW))
                hold.wait(PATIENCE)

            stream = client.mien.Pictures(wait_with_it(), timeout=PATIENCE)
            call = client.mien.Detect.future(ask(**SLOW), timeout=PATIENCE)
            wait_for(lambda: server.metrics()["mien_requests_active"] >= 3, "both to begin")
            server.signal(signal.SIGTERM)
            self.assertEqual(next(told).status, HEALTH.HealthCheckResponse.NOT_SERVING)
            self.assertTrue(call.result().faces)
            self.assertTrue(next(stream).analysis.faces)
            with error_of(CODE.UNAVAILABLE):
                next(stream)
            hold.set()
            self.assertEqual(server.wait(), 0)

    def test_without_the_module(self):
        """The tool and the server do not miss it; who asks for it is told what is missing."""
        env = {**BASE_ENV, "MIEN_GRPC_MODULE": "/nowhere/libmien-grpc.so"}
        with Server("--classifier=none", "--age-gender=none", "--embedder=none",
                    env=env) as server:
            self.assertEqual(server.get("/ready").status, 200)
            with open(f"/proc/{server.pid}/maps", encoding="utf-8") as maps:
                self.assertNotIn("grpc", maps.read())
        cases = [("/nowhere/libmien-grpc.so", "gRPC needs the module"),
                 (str(Path(__file__)), "cannot be opened")]
        for module, words in cases:
            done = subprocess.run([os.path.abspath(os.environ["MIEN_TOOL"]), "serve", "--port=0",
                                   *DETECTOR_ONLY], capture_output=True, check=False, text=True,
                                  env={**env, "MIEN_GRPC_MODULE": module}, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)
        with Server(*DETECTOR_ONLY) as server:
            port = server.find(r"listening on grpc://\S+:(\d+)")[1]
            done = subprocess.run([os.path.abspath(os.environ["MIEN_TOOL"]), "serve", "--port=0",
                                   "--classifier=none", "--age-gender=none", "--embedder=none",
                                   "--grpc-port", port],
                                  capture_output=True, check=False, text=True, env=BASE_ENV,
                                  timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"cannot listen on 127.0.0.1 port {port}: Address already in use",
                          done.stderr)


if __name__ == "__main__":
    unittest.main()
