#!/usr/bin/env python3
"""Valid requests, broken in a thousand ways: the server answers or closes, never with an error of
its own, and goes on serving. The same seed makes the same requests.

usage: test_mutations.py [--count N] [--seed N]   (20000 requests take minutes)
"""
import argparse
import base64
import json
import random
import select
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import SMALL, Server, cli, form, photos, plain, skip_or_run, wait_for  # noqa: E402
from tool import png, ppm  # noqa: E402

AT_ONCE = 32    # connections
PATIENCE = 0.3  # seconds for answers of those that may get none
TOKENS = [b"\r\n", b"\r\n\r\n", b"\0", b"\xff\xff", b"-1", b"0", b"99999999999999999999", b"1e999",
          b"chunked", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"--bound",
          b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"--bound--", b"{", b"}", b"[",
          b"multipart/form-data; boundary=", b"]", b'"', b"\\u0000", b"\\ud800", b"null", b"%00",
          b"%", b"?", b"&", b"=", b"/", b"data:;base64,", b"filename=", b"HTTP/1.0", b"HTTP/1.1",
          b"GET ", b"POST "]
METHODS = [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"POST"]
PATHS = ("/predict", "/detect_faces_from_files/", "/v1/detect", "/v1/analyze", "/v1/embed",
         "/v1/classify", "/v1/compare", "/detect_faces_from_base64", "/metrics", "/v2", "/",
         "/docs")


def request(path, body, kind, *headers):
    """The bytes of a POST, as two parts: what is before the body, and the body."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", *headers,
             f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode(), body


def chunked(body, size):
    pieces = (body[i:i + size] for i in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def tensor(detector, binary):
    """A request of the Open Inference Protocol with a picture of 32x32 for the detector."""
    values = [float(i % 251) for i in range(32 * 32 * 3)]
    one = {"name": "input", "shape": [1, 32, 32, 3], "datatype": "FP32"}
    path = f"/v2/models/{detector}/infer"
    if not binary:
        return request(path, json.dumps({"id": "1", "inputs": [{**one, "data": values}]}).encode(),
                       "application/json")
    one["parameters"] = {"binary_data_size": 4 * len(values)}
    head = json.dumps({"inputs": [one], "parameters": {"binary_data_output": True}}).encode()
    return request(path, head + struct.pack(f"<{len(values)}f", *values),
                   "application/octet-stream", f"Inference-Header-Content-Length: {len(head)}")


def seeds(detector):
    """Valid requests: (head, body)."""
    small, other = ppm(40, 30), png(32, 32)
    text = base64.b64encode(other).decode()
    body, kind = form([("file", "a.png", other), ("threshold", None, b"0.5")], boundary="bound")
    pair, _ = form([("a", "a", small), ("b", "b", other)], boundary="bound")
    as_json = [("/v1/detect", {"image": text, "size": 320, "threshold": 0.3}),
               ("/v1/detect", {"images": [text, {"image": "data:image/png;base64," + text}]}),
               ("/detect_faces_from_base64/", [text]), ("/v1/compare", {"a": text, "b": text}),
               ("/detect_faces_from_urls/", ["http://127.0.0.1:1/x"])]
    made = [request("/v1/detect?threshold=0.5&size=320", small, "image/x-portable-pixmap"),
            request("/v1/embed?aligned=1", ppm(112, 112), "application/octet-stream"),
            request("/predict", body, kind), request("/v1/detect", body, kind),
            request("/v1/compare", pair, kind), tensor(detector, False), tensor(detector, True),
            (b"GET /v2/models/%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % detector.encode(), b""),
            (b"GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\nx-request-id: a\r\n\r\n", b""),
            (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
             chunked(small, 1000))]
    return made + [request(path, json.dumps(value).encode(), "application/json")
                   for path, value in as_json]


def mutate_bytes(draw, data):
    """One change somewhere."""
    at = draw.randrange(len(data) + 1)
    end = min(len(data), at + draw.choice([1, 1, 2, 4, 16, 200]))
    match draw.randrange(7):
        case 0:
            return data[:at] + bytes([draw.randrange(256)]) + data[at + 1:]
        case 1:
            return data[:at] + data[end:]
        case 2:
            return data[:end] + data[at:]
        case 3:
            return data[:at] + draw.choice(TOKENS) + data[at:]
        case 4:
            return data[:at] + draw.choice(TOKENS) + data[end:]
        case 5:
            return data[:at]
        case _:
            digits = [i for i, c in enumerate(data[:5000]) if 48 <= c <= 57]
            if not digits:
                return data
            at = draw.choice(digits)
            return data[:at] + draw.choice([b"0", b"-", b"9", b"99999999", b"."]) + data[at + 1:]


def mutate(draw, head, body):
    """The bytes of a broken request. Often its length is made right again, so that what is wrong
    with the body is met by whoever parses it."""
    for _ in range(draw.choice([1, 1, 2, 3, 6])):
        kind = draw.random()
        if kind < 0.25:
            head = mutate_bytes(draw, head)
        elif kind < 0.85 and body:
            body = mutate_bytes(draw, body)
        elif kind < 0.9:
            head = draw.choice(METHODS) + head[head.find(b" "):]
        elif kind < 0.95:
            path, rest = head.find(b" ") + 1, head.find(b" HTTP")
            head = head[:path] + draw.choice(PATHS).encode() + head[max(rest, path):]
        else:
            head, body = head + body, b""
    start = head.find(b"Content-Length: ")
    if start >= 0 and draw.random() < 0.8:
        end = head.find(b"\r\n", start)
        head = head[:start] + b"Content-Length: %d" % len(body) + head[max(end, start):]
    return head + body


def read_answers(socks):
    """What came back on each within PATIENCE, or until it was closed."""
    answers, open_ones = {sock: b"" for sock in socks}, set(socks)
    end = time.monotonic() + (10 if SMALL else 1) * PATIENCE
    while open_ones and time.monotonic() < end:
        for sock in select.select(list(open_ones), [], [], 0.05)[0]:
            try:
                data = sock.recv(1 << 20)
            except OSError:
                data = b""
            answers[sock] += data
            if not data:
                open_ones.discard(sock)
        if all(a for a in answers.values()):
            break
    return [answers[sock] for sock in socks]


def send(server, data):
    sock = server.raw()
    try:
        sock.sendall(data)
    except OSError:
        pass  # closed before it had all of it
    return sock


def check(data, answer, seen):
    """An answer is one of HTTP, and says that the request was wrong, not the server."""
    if answer.startswith(b"HTTP/1.1 100 "):
        answer = answer.partition(b"\r\n\r\n")[2]
    if not answer:
        seen["none"] = seen.get("none", 0) + 1
        return
    assert answer.startswith(b"HTTP/1."), (data, answer[:200])
    status = int(answer[9:12])
    seen[status] = seen.get(status, 0) + 1
    assert status < 500 or status in (501, 505), (data, answer[:500])
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"Content-Type: application/json" in head and status >= 400 and not data.startswith(b"HEAD"):
        assert b'"error":{"code":"' in body or b'{"error":"' in body, (data, answer[:500])


def run(count, seed):
    detector = "retinaface-mnet025-v2"
    expected = cli("detect", photos(1), f"--detector={detector}")[0]
    print(f"{count} requests, seed {seed}", flush=True)
    made, draw, seen = seeds(detector), random.Random(seed), {}
    with Server(f"--detector={detector}", "--read-timeout=3", "--log=none",
                "--allow-urls") as server:
        for head, body in made:
            sock = send(server, head + body)
            answer = sock.recv(1 << 20)
            sock.close()
            assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 422")), (head, answer)
        for first in range(0, count, AT_ONCE):
            broken = [mutate(draw, *draw.choice(made)) for _ in range(min(AT_ONCE, count - first))]
            socks = [send(server, data) for data in broken]
            for data, answer in zip(broken, read_answers(socks)):
                check(data, answer, seen)
            for sock in socks:
                sock.close()
            assert server.get("/health").status == 200
        answer = server.post("/v1/detect", photos(1)[0])
        assert plain(answer.json) == expected, answer
        wait_for(lambda: server.metrics()["mien_requests_active"] == 1, "requests to end")
        m = server.metrics()
        assert m["mien_body_bytes"] == 0 and m["mien_picture_bytes"] == 0, m
    print("answers by status:",
          ", ".join(f"{k}: {v}" for k, v in sorted(seen.items(), key=str)))
    assert seen.get(200, 0) and seen.get(400, 0), "neither all good nor all bad"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=320 if SMALL else 960)
    parser.add_argument("--seed", type=int, default=1)
    run(**vars(parser.parse_args()))


if __name__ == "__main__":
    skip_or_run(main)
