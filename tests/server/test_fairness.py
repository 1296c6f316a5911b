#!/usr/bin/env python3
"""One client that sends far more than the server can work on, and one that asks now and then: he is
never refused, and never waits behind all that the other has sent. In counts; how long it takes is
measured by bench/fairness.py. Who goes first where is tested alone: test_workers.c, test_turns.c,
test_batch.c."""
import http.client
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from scans import progressive  # noqa: E402
from server import PATIENCE, Server, cli, photos, plain, skip_or_run, wait_for  # noqa: E402

DETECTOR_ONLY = ("--classifier=none", "--embedder=none", "--age-gender=none", "--log=none")
KEYS = {"hostile": "hostile-key-hostile", "ordinary": "ordinary-key-ordinary"}
ASKS, MANY, QUEUE = 8, 24, 4


class Fairness(unittest.TestCase):
    def setUp(self):
        self.done = threading.Event()
        self.refused = self.taken = 0

    def ask(self, server, body, address, key=None, behind=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE,
                                                source_address=(address, 0))
        headers = {"Content-Type": "image/jpeg", **({"x-api-key": key} if key else {}),
                   **({"X-Forwarded-For": behind} if behind else {})}
        answer = server.ask("POST", "/v1/detect", body, headers, connection)
        connection.close()
        return answer

    def flood(self, server, body, *who):
        while not self.done.is_set():
            answer = self.ask(server, body, *who)
            self.refused += answer.status == 429
            self.taken += answer.status == 200

    def check(self, server, hostile, ordinary):
        expected = cli("detect", photos(1))[0]
        threads = [threading.Thread(target=self.flood,
                                    args=(server, progressive(1408, 1408, 494), *hostile))
                   for _ in range(MANY)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: self.refused > MANY, "the queue to be full")
            for _ in range(ASKS):
                answer = self.ask(server, photos(1)[0], *ordinary)
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(plain(answer.json), expected)
            wait_for(lambda: self.taken, "the other to be served, too")
        finally:
            self.done.set()
            for thread in threads:
                thread.join()

    def test_addresses(self):
        with Server(*DETECTOR_ONLY, "--workers=1", f"--queue={QUEUE}") as server:
            self.check(server, ("127.0.0.2",), ("127.0.0.1",))

    def test_addresses_behind_a_proxy(self):
        """What a client claims itself stands before what its proxy says, and is no other client."""
        with Server(*DETECTOR_ONLY, "--workers=1", f"--queue={QUEUE}",
                    "--trusted-proxy=127.0.0.1") as server:
            self.check(server, ("127.0.0.1", None, "198.51.100.7, 203.0.113.1"),
                       ("127.0.0.1", None, "198.51.100.7"))

    def test_keys(self):
        with tempfile.NamedTemporaryFile("w") as keys:
            keys.write("".join(f"{name}:{key}\n" for name, key in KEYS.items()))
            keys.flush()
            with Server(*DETECTOR_ONLY, "--workers=1", f"--queue={QUEUE}",
                        f"--keys={keys.name}") as server:
                self.check(server, ("127.0.0.1", KEYS["hostile"]), ("127.0.0.1", KEYS["ordinary"]))


if __name__ == "__main__":
    skip_or_run(unittest.main)
