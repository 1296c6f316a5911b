"""What same.py asks the servers: every endpoint, with pictures sent in each way there is."""
import base64
import functools
import hashlib
import http.client
import http.server
import json
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, NamedTuple

from same_commands import ENV, PATIENCE

AT_ONCE = 4  # requests to the servers, so that batches form


class Server:
    """A build's server, on a port of its own."""

    def __init__(self, tool, folder, options):
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([tool, "serve", "--port=0", *options], cwd=folder,
                                            env=ENV, stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + PATIENCE
        while "ready after" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                sys.exit(f"same.py: {tool} does not serve:\n{self.log.read_text()}")
            time.sleep(0.05)
        self.port = int(re.search(r"listening on http://\S+:(\d+)", self.log.read_text())[1])

    def ask(self, question):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(question.method, question.path, question.body, question.headers)
            answer = connection.getresponse()
            return question.look({"status": answer.status, **headers(answer),
                                  "body": body(answer, answer.read())})
        except (OSError, http.client.HTTPException) as error:
            return {"status": f"no answer: {error}"}
        finally:
            connection.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return {"status": self.process.wait(PATIENCE)}


def headers(answer):
    """Those that two runs have in common. The length differs where times are longer."""
    found = {name.lower(): value for name, value in answer.getheaders()}
    for name in ("date", "content-length", "etag"):
        found.pop(name, None)
    if "server-timing" in found:
        found["server-timing"] = re.sub(r"dur=[\d.]+", "dur", found["server-timing"])
    return {f"header {name}": found[name] for name in sorted(found)}


def digest(data):
    return f"{len(data)} bytes {hashlib.sha256(data).hexdigest()[:12]}"


def body(answer, data):
    """A text, or the JSON of binary tensors followed by their digest."""
    length = answer.headers["Inference-Header-Content-Length"]
    if length:
        return data[:int(length)].decode() + json.dumps(digest(data[int(length):]))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return digest(data)


def all_of_it(answer):
    return answer


def no_body(answer):
    """Pages: they are looked at by tests."""
    return {**answer, "body": ""}


def operations(answer):
    """The description says what it wants of each operation."""
    paths = json.loads(answer["body"])["paths"]
    return {**answer, "body": json.dumps({path: {method: operation.get("operationId")
                                                 for method, operation in item.items()
                                                 if isinstance(operation, dict)}
                                          for path, item in sorted(paths.items())})}


def names_of_metrics(answer):
    """Values and the bounds of histograms are left out."""
    names = (re.sub(r'_bucket|,?le="[^"]*"', "", line.rpartition(" ")[0])
             for line in answer["body"].splitlines() if not line.startswith("#"))
    return {**answer, "body": json.dumps(dict.fromkeys(sorted(names), ""))}


class Question(NamedTuple):
    group: str
    name: str
    method: str
    path: str
    body: bytes = b""
    headers: dict = {}
    look: Callable[[dict], dict] = all_of_it


def get(path, look=all_of_it, method="GET"):
    return Question("other endpoints", f"{method} {path}", method, path, look=look)


def query(options):
    return "?" + "&".join(f"{k}={v}" for k, v in options.items()) if options else ""


def form(fields):
    """(bytes, content type) of a multipart form; fields: (name, file name or None, bytes)."""
    data = b""
    for name, filename, value in fields:
        head = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        data += f"--same\r\nContent-Disposition: {head}\r\n\r\n".encode() + value + b"\r\n"
    return data + b"--same--\r\n", "multipart/form-data; boundary=same"


class Sender:
    """Makes questions with pictures: each way to send them."""

    def __init__(self, p, site):
        self.p, self.site = p, site

    def ask(self, path, way, names, options=None):
        options = options or {}
        data, kind = getattr(self, way)(names, options)
        if way == "bare":
            path += query(options)
        shown = f"POST {path} ({way}) {' '.join(names[:2])}{' ...' * (len(names) > 2)}"
        if way != "bare" and options:
            shown += f" {options}"
        return Question(path.partition("?")[0].rstrip("/"), shown, "POST", path, data,
                        {"Content-Type": kind})

    def bare(self, names, _):
        return self.p.bytes(names[0]), "image/jpeg"

    def form(self, names, options):
        fields = [(k, None, str(v).encode()) for k, v in options.items()]
        return form(fields + [("file", Path(name).name, self.p.bytes(name)) for name in names])

    def base64(self, names, options):
        texts = [base64.b64encode(self.p.bytes(name)).decode() for name in names]
        value = {"image": texts[0]} if len(texts) == 1 else {"images": texts}
        return json.dumps({**value, **options}).encode(), "application/json"

    def urls(self, names, options):
        urls = [f"{self.site}/{name}" for name in names]
        value = {"url": urls[0]} if len(urls) == 1 else {"urls": urls}
        return json.dumps({**value, **options}).encode(), "application/json"


WAYS = ("bare", "form", "base64", "urls")
OPTIONS = ({}, {"threshold": 0.3}, {"size": 0}, {"max_faces": 2, "nms": 0.2}, {"top": 10},
           {"embeddings": "true"}, {"face": "largest"}, {"face": "centre"},
           {"embeddings": "true", "face": "all", "size": 320})
REFUSED = ({"threshold": 2}, {"size": -1}, {"size": 100000}, {"top": 0}, {"max_faces": "many"},
           {"face": "biggest"}, {"embeddings": "perhaps"}, {"nms": "x"}, {"unknown": 1})
V1 = ("/v1/analyze", "/v1/detect", "/v1/embed", "/v1/classify")


def ask_v1(p, sender):
    turn = 0
    for name in p.all:
        for path in V1:
            turn += 1
            yield sender.ask(path, WAYS[turn % 4], [name], OPTIONS[turn % len(OPTIONS)])
    for path in V1:
        for way in WAYS:
            for options in OPTIONS + REFUSED:
                yield sender.ask(path, way, p.few[:1], options)
            yield sender.ask(path, way, p.broken[:1])
        for way in WAYS[1:]:
            yield sender.ask(path, way, [*p.few, *p.broken, "missing.jpg"][:7 if way == "urls"
                                                                             else 5])
            yield sender.ask(path, way, p.all[:1] * 17)
    for crop in p.crops:
        yield sender.ask("/v1/embed", "bare", [crop], {"aligned": "true"})
    yield sender.ask("/v1/embed", "bare", p.few[:1], {"aligned": "true"})
    for i in range(0, len(p.all) - 1, 2):
        yield sender.ask("/v1/compare", WAYS[1 + i // 2 % 3], p.all[i:i + 2])
    for first in p.crops:
        for second in p.crops[:3]:
            yield sender.ask("/v1/compare", "form", [first, second])
    for names in (p.few[:1], p.all[:1] * 3, p.few[:1] + p.broken[:1]):
        for way in WAYS[1:]:
            yield sender.ask("/v1/compare", way, names)


def ask_seeds(p, sender):
    """The endpoints of the services that mien replaces."""
    for i, name in enumerate([*p.all, *p.broken]):
        yield sender.ask("/predict", WAYS[i % 4], [name])
    for i in range(0, len(p.all), 5):
        names = [*p.all[i:i + 5], p.broken[i // 5 % len(p.broken)]]
        for way, path in (("form", "files"), ("base64", "base64"), ("urls", "urls")):
            yield sender.ask(f"/detect_faces_from_{path}{'/' * (i % 2)}", way, names)
    for path in ("files", "base64", "urls"):
        for way in WAYS:
            yield sender.ask(f"/detect_faces_from_{path}", way, p.few[:1])
        for data in (b"[]", b"{}", b"[1]", b"{", b'["%%%", ""]', b'{"a": "x"}'):
            yield Question("broken bodies", f"POST /detect_faces_from_{path} {data.decode()}",
                           "POST", f"/detect_faces_from_{path}", data,
                           {"Content-Type": "application/json"})


def tensor_bodies(shape):
    """(what, body, length of its JSON or None) of requests for one network."""
    count = shape[0] * shape[1] * shape[2] * shape[3]
    pixels = bytes((i * 37 + i // 251 * 11) % 256 for i in range(count))
    floats = struct.pack(f"<{count}f", *pixels)
    one = {"name": "input", "shape": shape, "datatype": "FP32"}
    yield "JSON", json.dumps({"id": "7", "inputs": [{**one, "data": list(pixels)}]}).encode(), None
    for kind, data in (("UINT8", pixels), ("FP32", floats)):
        for answer in (False, True):
            head = json.dumps({"inputs": [{**one, "datatype": kind,
                                           "parameters": {"binary_data_size": len(data)}}],
                               "parameters": {"binary_data_output": answer}}).encode()
            yield f"binary {kind}, binary answer {answer}", head + data, len(head)
    for what, value in (("short", {"inputs": [{**one, "data": [1]}]}), ("no input", {}),
                        ("name", {"inputs": [{**one, "name": "x", "data": list(pixels)}]}),
                        ("shape", {"inputs": [{**one, "shape": [1, 1], "data": [1]}]}),
                        ("output", {"inputs": [{**one, "data": list(pixels)}],
                                    "outputs": [{"name": "nosuch"}]})):
        yield f"wrong: {what}", json.dumps(value).encode(), None


def ask_kserve(servers, names):
    for name in [*names, "nosuch"]:
        path = f"/v2/models/{name}"
        for end in ("", "/ready", "/versions/1", "/versions/1/ready", "/versions/2"):
            yield get(path + end)._replace(group="/v2/models")
        told, _ = (json.loads(server.ask(get(path))["body"]) for server in servers)
        shape = told["inputs"][0]["shape"] if "inputs" in told else [-1, 8, 8, 3]
        shape = [2, *(side if side > 0 else 64 for side in shape[1:3]), 3]
        for what, data, length in tensor_bodies(shape):
            kind = {"Content-Type": "application/json"} if length is None else {
                "Content-Type": "application/octet-stream",
                "Inference-Header-Content-Length": str(length)}
            yield Question("/v2/models/NAME/infer", f"POST {path}/infer {what}", "POST",
                           f"{path}/infer", data, kind)
    yield Question("/v2/models/NAME/infer", "POST /v2/models/nosuch/versions/2/infer", "POST",
                   "/v2/models/nosuch/versions/2/infer", b"{}")


def ask_others(p):
    for path in ("/health", "/health/", "/ready", "/ready/", "/v2", "/v2/health/live", "/nowhere",
                 "/v2/health/ready", "/v1", "/v1/nowhere", "/v2/models", "/v2/nowhere", "//"):
        yield get(path)
        yield get(path, method="HEAD")
    for path in ("/", "/docs", "/app.js", "/style.css", "/favicon.svg"):
        yield get(path, no_body)
    yield get("/openapi.json", operations)
    for path in (*V1, "/v1/compare", "/predict", "/detect_faces_from_files", "/health", "/v2",
                 "/v2/models/nosuch/infer"):
        for method in ("GET", "POST", "DELETE", "PUT"):
            yield get(path, method=method)._replace(group="methods")
    picture = p.bytes(p.few[0])
    for kind in ("text/plain", "image/png", "application/json", "multipart/form-data",
                 "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        for path in ("/v1/detect", "/predict"):
            yield Question("broken bodies", f"POST {path} as {kind}", "POST", path, picture,
                           {"Content-Type": kind})


class Site(http.server.SimpleHTTPRequestHandler):
    """The pictures, for those who fetch them."""

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


def compare_answers(servers, questions, report):
    def ask(numbered):
        i, question = numbered
        question.headers["X-Request-Id"] = f"same-{i}"
        old, new = (server.ask(question) for server in servers)
        report.compare(f"server: {question.group}", question.name, old, new)

    wanted = [(i, question._replace(headers=dict(question.headers)))
              for i, question in enumerate(questions) if report.wanted(question.name)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, wanted))


def compare_two(tools, folders, options, questions, report):
    """questions: a function of both servers."""
    servers = []
    try:
        servers += [Server(tool, folder, options) for tool, folder in zip(tools, folders)]
        compare_answers(servers, questions(servers), report)
        metrics = get("/metrics", names_of_metrics)
        compare_answers(servers, [metrics], report)
        old, new = (server.stop() for server in servers)
        report.compare("server: its end", "SIGTERM", old, new)
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()


def compare_servers(tools, folders, p, names, report):
    site = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Site, directory=str(p.folder)))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    sender = Sender(p, f"http://127.0.0.1:{site.server_port}")
    compare_two(
        tools, folders, ["--allow-urls", "--allow-private-urls"],
        lambda both: [*ask_others(p), *ask_kserve(both, names), *ask_seeds(p, sender),
                     *ask_v1(p, sender)], report)
    (p.folder / "keys").write_text("somebody:0123456789abcdef0123\n")
    compare_two(
        tools, folders, ["--classifier=none", "--age-gender=none", "--precision=bf16",
                         "--keys=../keys", "--max-pictures=2", "--max-bytes=30000"],
        lambda both: secured(p, sender), report)
    site.shutdown()
    site.server_close()


def secured(p, sender):
    """Questions to a server that has keys, limits and few networks."""
    questions = [get("/v2"), get("/health"), get("/metrics", names_of_metrics)]
    for path in (*V1, "/predict", "/v1/compare", "/detect_faces_from_files"):
        questions += [sender.ask(path, way, names) for way in WAYS
                      for names in (p.few[:1], p.few[:2], p.all[:3])]
    for question in questions:
        for key in ("", "0123456789abcdef0123", "wrong"):
            yield question._replace(name=f"{question.name}, key '{key}'", headers={
                **question.headers, **({"X-API-Key": key} if key else {})})
