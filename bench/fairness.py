"""Times an ordinary client of `mien serve` alone, and beside one that sends the dearest uploads.

    python3 bench/fairness.py [--tool build/mien] [--uploads 6] [--seconds 20] [--rounds 3] [serve's options]

The ordinary client asks for one photo after the other from 127.0.0.1. From 127.0.0.2 six others
send, again and again, progressive JPEGs of 494 scans, as many as the server takes of their size.
Both kinds of round take turns; the answers of the ordinary client are compared with each other.
Prints median and p99 of his requests in both, and what the others got.
"""
import argparse
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "server"))
from scans import progressive  # noqa: E402

PATIENCE = 600


class Server:
    def __init__(self, tool, options):
        self.process = subprocess.Popen([tool, "serve", "--port=0", "--log=none", *options],
                                        stderr=subprocess.PIPE, text=True)
        self.port = None
        for line in self.process.stderr:
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
            self.port = int(found[1]) if found else self.port
            if "ready after" in line:
                return
        sys.exit("the server did not start")

    def connect(self, address):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE,
                                          source_address=(address, 0))


def post(connection, body):
    connection.request("POST", "/v1/analyze", body, {"Content-Type": "image/jpeg"})
    answer = connection.getresponse()
    return answer.status, answer.read()


class Uploads:
    """So many clients of one address that send a body again and again."""

    def __init__(self, server, body, count):
        self.answers = {}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(server, body))
                        for _ in range(count)]

    def run(self, server, body):
        connection = server.connect("127.0.0.2")
        while not self.ended.is_set():
            status, _ = post(connection, body)
            self.answers[status] = self.answers.get(status, 0) + 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def ask(server, photos, seconds):
    """Seconds of each request; fails where an answer is not the one the picture has."""
    connection = server.connect("127.0.0.1")
    took, known, end = [], {}, time.monotonic() + seconds
    while time.monotonic() < end:
        photo = len(took) % len(photos)
        start = time.monotonic()
        status, text = post(connection, photos[photo])
        took.append(time.monotonic() - start)
        answer = json.loads(text)
        answer.pop("timing_ms", None)
        if status != 200 or known.setdefault(photo, answer) != answer:
            sys.exit(f"a wrong answer: {status} {text[:300]!r}")
    return took


def percentile(values, part):
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", default="build/mien")
    parser.add_argument("--uploads", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args, options = parser.parse_known_args()
    listed = json.loads(subprocess.run([args.tool, "models", "--json"], capture_output=True,
                                       check=True).stdout)
    photos = [path.read_bytes()
              for path in sorted(Path(listed["weights"], "photos").glob("sample*.jpg"))]
    dear = progressive(1408, 1408, 494)
    server = Server(args.tool, options)
    alone, beside, others = [], [], {}
    try:
        ask(server, photos, 3)
        for _ in range(args.rounds):
            alone += ask(server, photos, args.seconds)
            with Uploads(server, dear, args.uploads) as uploads:
                beside += ask(server, photos, args.seconds)
            for status, count in uploads.answers.items():
                others[status] = others.get(status, 0) + count
    finally:
        server.process.terminate()
        server.process.wait()
    for name, took in (("alone", alone), (f"beside {args.uploads} uploads", beside)):
        print(f"{name:18} {len(took):5} requests, median {1e3 * percentile(took, .5):7.1f} ms, "
              f"p99 {1e3 * percentile(took, .99):7.1f} ms")
    print(f"p99 {percentile(beside, .99) / percentile(alone, .99):.2f} times; the others: {others}")


if __name__ == "__main__":
    main()
