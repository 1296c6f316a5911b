#!/usr/bin/env python3
"""The life of a server in which one allocation or system call fails: it starts or says why not,
answers with what is right or with an honest status, reads its keys and networks anew or stays with
those it has, ends when it is told to, and has freed everything then."""
import base64
import json
import re
import signal
import unittest

from calls import Program, Subject, fail_each, skip_or_run
from life import Life, reserve_port
from networks import write_networks
from tool import mien, ppm

EACH = 6
HONEST = (500, 503)  # of a request there is nothing wrong with
GONE = (499,)  # of one whose connection could not be read
KEY = "0123456789abcdef"
RELOADED = rb"read anew|stay as they were"
RELOADS = re.compile(rb'reloads_total\{result="\w+"\} 1')
BLAMED = "not valid JSON|broken|corrupt|memory.*mien-weights"
BARE, IMAGE = ("POST", "/v1/detect?size=64"), {"Content-Type": "image/jpeg"}
WRONG = {"no key": 401, "no path": 404, "bad parameter": 400, "broken picture": 400,
         "broken form": 400, "no model": 404}


def plain(body):
    """An answer less what differs from one to the next."""
    return re.sub(rb'"(timing_ms|request_id)": ?(\{[^}]*\}|"[^"]*")', rb'"\1":0', body)


def is_right(body, wanted):
    """Whether an answer is the wanted one, but for pictures of several with an honest error."""
    if plain(body) == plain(wanted):
        return True
    if not body.startswith(b"{"):
        return False
    found, right = (next((value for key, value in json.loads(text).items()
                          if key in ("pictures", "result")), [])
                    for text in (plain(body), plain(wanted)))
    return len(found) == len(right) > 1 and all(
        one == other or one.get("error", {}).get("code") in ("internal", "overloaded")
        for one, other in zip(found, right))


def form(parts):
    """(body, headers) of a multipart form of files."""
    body = b"".join(b"--edge\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"x\"\r\n\r\n"
                    b"%s\r\n" % (name.encode(), data) for name, data in parts) + b"--edge--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=edge"}


def as_json(value):
    return json.dumps(value).encode(), {"Content-Type": "application/json"}


def requests(jpeg, other):
    """(name, method, path, body, headers): a request of each kind, and of each kind of error."""
    text = base64.b64encode(jpeg).decode()
    tensor = {"name": "input", "shape": [1, 32, 32, 3], "datatype": "FP32",
              "parameters": {"binary_data_size": 4 * 3072}}
    head, kind = as_json({"inputs": [tensor]})
    yield "health", "GET", "/health", None, {}
    yield "bare", *BARE, jpeg, IMAGE
    yield "form", "POST", "/v1/analyze", *form([("file", jpeg), ("file", other)])
    yield "JSON", "POST", "/v1/embed", *as_json({"image": text, "max_faces": 2})
    yield "compare", "POST", "/v1/compare", *form([("a", jpeg), ("b", other)])
    yield "predict", "POST", "/predict", *form([("file", jpeg)])
    yield "list", "POST", "/detect_faces_from_base64/", *as_json([text, "%%%"])
    yield ("tensor", "POST", "/v2/models/classify/infer", head + bytes(4 * 3072),
           {**kind, "Inference-Header-Content-Length": str(len(head))})
    yield "page", "GET", "/", None, {}
    yield "no key", *BARE, jpeg, {**IMAGE, "X-API-Key": "wrong"}
    yield "no path", "GET", "/nowhere", None, {}
    yield "bad parameter", "POST", "/v1/detect?threshold=nonsense", jpeg, IMAGE
    yield "broken picture", "POST", "/v1/detect", jpeg[:100], IMAGE
    yield "broken form", "POST", "/v1/detect", b"--edge\r\nnothing", form([])[1]
    yield "no model", "POST", "/v2/models/x/infer", *as_json({"inputs": []})


class Serve(Subject):
    def __init__(self, folder):
        super().__init__(folder)
        write_networks(self.folder)
        picture = self.folder / "b.ppm"
        picture.write_bytes(ppm(64, 48))
        drawn = mien("detect", "--weights=.", "--detector=detect", "--threshold=1",
                     "--draw=a.jpg", "b.ppm", cwd=self.folder)
        assert drawn.returncode == 0, drawn.stderr
        self.pictures = (self.folder / "a.jpg").read_bytes(), picture.read_bytes()
        (self.folder / "keys").write_text(f"someone:{KEY}\n")
        (self.folder / "keys").chmod(0o600)
        self.reserved = reserve_port()
        self.port = self.reserved.getsockname()[1]
        self.program = Program(
            self.folder, "serve", f"--port={self.port}", "--threads=2", "--workers=2",
            "--weights=.", "--detector=detect", "--embedder=embed", "--classifier=classify",
            "--age-gender=attributes", "--keys=keys", "--max-wait=0",
            libraries=["libmicrohttpd.so.12"])
        self.live()
        self.good, ended = self.live()
        assert ended.status == 0, ended.err.decode()
        self.live_at_end = ended.live
        wrong = {what: answer for what, answer in self.good.answers.items()
                 if answer[0] != WRONG.get(what, 200)}
        assert not wrong, wrong

    def live(self, point="none"):
        """(the life, how it ended)"""
        for path in self.folder.glob("*.packed"):
            path.unlink()
        self.program.start(point)
        life = Life(self.program, self.port)
        if life.wait_until_ready():
            for what, method, path, body, headers in requests(*self.pictures):
                life.ask(what, method, path, body, {"X-API-Key": KEY, **headers})
            self.program.signal(signal.SIGHUP)
            life.wait_for(RELOADED, lambda: RELOADS.search(self.metrics(life)))
            life.ask("after", *BARE, self.pictures[0], {**IMAGE, "X-API-Key": KEY})
        self.program.signal(signal.SIGTERM)
        return life, self.program.wait()

    def metrics(self, life):
        return life.send("GET", "/metrics", headers={"X-API-Key": KEY})[1]

    def count(self):
        calls = [self.live()[1].calls for _ in range(3)]
        return {kind: max(some[kind] for some in calls) for kind in calls[0]}

    def judge(self, point):
        kind, number = point.split(":")
        life, ended = self.live(point)
        log = ended.err.decode("utf-8", "replace")
        assert not ended.hung, f"it hangs: {log}"
        # glibc ends the process where a library's thread-local data find no room; GnuTLS has such.
        if ended.status == 127 and re.search(r"\bended\n.*thread-local data: ABORT", log):
            return True, "the end of glibc"
        assert ended.status in (0, 1), (ended.status, log)
        # Without libmicrohttpd the program ends where it stands.
        assert "not enough memory: " in log or ended.live <= self.live_at_end, (ended.live - self.live_at_end, "are not freed", log)
        assert not re.search(BLAMED, log), log
        for what, (status, body) in life.answers.items():
            self.check_answer(what, status, body, log, GONE if kind == "read" else ())
        made = ended.calls[kind] >= int(number)
        if ended.status == 1:
            assert re.search(r"mien( serve)?: .*\w", log), log
            return made, "it says why not"
        found = {status for status, _ in life.answers.values()}
        return made, ("an honest status" if found & set(HONEST) else
                      "a lost connection" if None in found else "all is well")

    def check_answer(self, what, status, body, log, more):
        right, wanted = self.good.answers[what]
        if status == right:
            assert is_right(body, wanted), (what, body, log)
        else:
            assert status in (None, *HONEST, *more), (what, status, body, log)


class Server(unittest.TestCase):
    def test_one_call_fails(self):
        self.assertEqual(fail_each("serve", Serve, (), EACH), [])


if __name__ == "__main__":
    skip_or_run(unittest.main)
