#!/usr/bin/env python3
"""openapi.json against its standard and against the server: it is valid, it names what the server
answers and nothing else, and what the server answers has the shapes it promises."""
import base64
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from npm import installed  # noqa: E402
from server import PHOTOS, Server, form, plain, skip_or_run  # noqa: E402
from tool import DEFAULT_SEARCH  # noqa: E402

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def merged():
    """The document: what all dialects share, and the part of each."""
    read = lambda path: json.loads(path.read_text(encoding="utf-8"))
    api = {**read(ROOT / "server" / "openapi.json"), "tags": [], "paths": {}}
    for path in sorted((ROOT / "server" / "apis" / "openapi").glob("*.json")):
        part = read(path)
        api["tags"] += part.pop("tags", [])
        for name, value in part.pop("paths", {}).items():
            assert api["paths"].setdefault(name, value) is value, f"{path}: {name} is there already"
        for kind, values in part.pop("components", {}).items():
            for name, value in values.items():
                members = api["components"].setdefault(kind, {})
                assert members.setdefault(name, value) is value, f"{path}: {name} is there already"
        assert not part, f"{path}: what is {list(part)}?"
    return api


API = merged()
OPERATIONS = [(path, method, operation) for path, item in API["paths"].items()
              for method, operation in item.items() if method != "parameters"]
PICTURES = ["/v1/analyze", "/v1/detect", "/v1/embed", "/v1/classify", "/predict"]
DIALECTS = {"DeepStack", "CompreFace"}  # whose errors have a form of their own; each has a test of its own
SEPARATE = ["face-age", "face-gender", "face-race"]  # for requests that ask for them
MODELS = ["retinaface-mnet025-v2", "mobilefacenet-192", "face-joint", "resnet50-imagenet"]


def resolve(node):
    """What a node means, and the JSON pointer of that; node: a pointer."""
    value = API
    for part in node.split("/")[1:]:
        value = value[int(part) if isinstance(value, list) else part.replace("~1", "/")]
    return resolve(value["$ref"][1:]) if "$ref" in value else (value, node)


def pointer(*parts):
    return "".join("/" + str(part).replace("/", "~1") for part in parts)


def validator():
    """The folder that holds the validator; None where it cannot be had."""
    return installed("openapi", HERE / "openapi" / "package.json")


class Cases:
    """Values that must fit a schema of the document."""

    def __init__(self, test):
        self.test = test
        self.cases = []

    def add(self, path, method, answer, what=""):
        """An answer of the server; returns its JSON value."""
        status, headers = answer.status, answer.headers
        name = f"{method.upper()} {path} {what} {status}"
        responses = API["paths"][path][method]["responses"]
        self.test.assertIn(str(status), responses, f"{name}: {answer}")
        response, at = resolve(pointer("paths", path, method, "responses", status))
        for header in response.get("headers", {}):
            if header in ("x-request-id", "retry-after"):
                self.test.assertIn(header, headers, name)
        kind = headers.get_content_type()
        self.test.assertIn(kind, response["content"], name)
        if kind != "application/json":
            return None
        value = answer.json
        self.cases.append({"what": name, "value": value,
                           "schema": at + pointer("content", kind, "schema")})
        return value

    def check(self):
        folder = validator()
        if not folder:
            self.test.skipTest("the validator of tests/server/openapi is not installed")
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as document:
            json.dump(API, document)
            document.flush()
            done = subprocess.run(["node", HERE / "openapi" / "check.mjs", folder, document.name],
                                  input=json.dumps(self.cases).encode(), capture_output=True,
                                  check=False)
        self.test.assertEqual((done.returncode, done.stderr), (0, b""))
        self.test.assertEqual(json.loads(done.stdout), [])


class Document(unittest.TestCase):
    def test_it_is_valid_and_its_examples_fit(self):
        cases = Cases(self)

        def walk(node, at):
            if isinstance(node, dict):
                if "schema" in node and "example" in node:
                    cases.cases.append({"what": at, "value": node["example"],
                                        "schema": at + "/schema"})
                for key, value in node.items():
                    walk(value, at + pointer(key))
            elif isinstance(node, list):
                for i, value in enumerate(node):
                    walk(value, at + pointer(i))

        walk(API, "")
        self.assertGreater(len(cases.cases), 20)
        cases.check()

    def test_a_wrong_value_is_noticed(self):
        if not validator():
            self.skipTest("the validator of tests/server/openapi is not installed")
        cases = Cases(self)
        cases.cases = [{"what": "a face without a box", "value": {"score": 1, "landmarks": []},
                        "schema": "/components/schemas/Face"}]
        with self.assertRaises(AssertionError):
            cases.check()

    def test_the_version_is_the_header_s(self):
        header = (ROOT / "include" / "mien.h").read_text(encoding="utf-8")
        self.assertEqual(API["info"]["version"], re.search(r'MIEN_VERSION +"(.*)"', header)[1])

    def test_references_and_names(self):
        text = json.dumps(API)
        for reference in set(re.findall(r'"\$ref": "#([^"]+)"', text)):
            resolve(reference)
        for kind, parts in API["components"].items():
            for name in parts:
                if kind != "securitySchemes":
                    self.assertIn(f'"#/components/{kind}/{name}"', text, "is never used")
        codes = set(API["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"])
        self.assertEqual(set(re.findall(r'"code": "(\w+)"', text)) | {"method_not_allowed", "overloaded"},
                         codes)
        names = [operation["operationId"] for _, _, operation in OPERATIONS]
        self.assertEqual(len(names), len(set(names)))
        tags = {tag["name"] for tag in API["tags"]}
        for _, _, operation in OPERATIONS:
            self.assertLessEqual(set(operation["tags"]), tags)


def example_url(path):
    """A path with values in its braces: of people such as nobody has."""
    for name, value in (("model", MODELS[0]), ("version", "1"), ("collection", "default"),
                        ("event", "1"), ("identity", "nobody")):
        path = path.replace("{" + name + "}", value)
    return re.sub(r"\{\w+\}", "000d11737f3cf000", path)


def bare_request(server, path, method):
    """An operation without parameters, asked with an empty body."""
    return server.ask(method.upper(), example_url(path), b"" if method == "post" else None)


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mien-openapi-")
        cls.addClassCleanup(folder.cleanup)
        cls.server = Server(f"--gallery={folder.name}/g.db", "--api=all", env=DEFAULT_SEARCH)
        cls.addClassCleanup(cls.server.stop)
        cls.photo = PHOTOS[0].read_bytes()
        cls.base64 = base64.b64encode(cls.photo).decode()

    def post(self, path, body, kind=None, query=""):
        if not isinstance(body, bytes):
            body, kind = json.dumps(body).encode(), "application/json"
        return self.server.ask("POST", path + query, body, {"content-type": kind})

    def test_every_operation_is_answered(self):
        for path, method, operation in OPERATIONS:
            answer = bare_request(self.server, path, method)
            self.assertIn(str(answer.status), operation["responses"], f"{method} {path}: {answer}")
            self.assertNotIn(answer.status, (405, 500), f"{method} {path}: {answer}")
            if not re.search(r"\{(person|sample|event|identity|collection|image_id|subject_name)\}", path):
                self.assertNotEqual(answer.status, 404, f"{method} {path}: {answer}")
            others = {"get", "post", "put", "delete"} - set(API["paths"][path])
            other = bare_request(self.server, path, sorted(others)[-1])
            self.assertEqual(other.status, 405)
            if path.startswith("/v2"):
                self.assertTrue(other.tensor_error)
            elif not DIALECTS & set(operation["tags"]):
                self.assertEqual(other.code, "method_not_allowed")
            self.assertIn(method.upper(), other.headers["allow"])

    def test_any_operation_may_be_forbidden(self):
        cases = Cases(self)
        for path, method, _ in OPERATIONS:
            answer = self.server.ask(method.upper(), example_url(path),
                                     b"" if method == "post" else None,
                                     {"Host": "rebound.example"})
            self.assertEqual(answer.status, 403, f"{method} {path}: {answer}")
            cases.add(path, method, answer)
        cases.check()

    def test_service(self):
        cases = Cases(self)
        for path in ("/health", "/ready", "/ready/", "/metrics", "/openapi.json", "/docs", "/"):
            cases.add(path, "get", self.server.get(path))
        served = self.server.get("/openapi.json").json
        tags = served.pop("tags")
        self.assertEqual(tags[0]["name"], "Analysis")
        by_name = lambda tag: tag["name"]
        self.assertEqual(sorted(tags, key=by_name), sorted(API["tags"], key=by_name))
        self.assertEqual(served, {key: value for key, value in API.items() if key != "tags"})
        cases.check()

    def test_pictures(self):
        cases = Cases(self)
        for path in PICTURES:
            raw = cases.add(path, "post", self.post(path, self.photo, "image/jpeg"), "raw")
            for body, kind in (form([("file", "a.jpg", self.photo)]),
                               (self.photo, "application/octet-stream"),
                               ({"image": self.base64}, None),
                               ({"image": "data:image/jpeg;base64," + self.base64}, None)):
                same = cases.add(path, "post", self.post(path, body, kind), "of another kind")
                self.assertEqual(plain(same), plain(raw))
        cases.check()

    def test_several_pictures(self):
        cases = Cases(self)
        body = form([("file", "a.jpg", self.photo), ("file", "b.jpg", b"not a picture")])
        for path in PICTURES[:4]:
            found = cases.add(path, "post", self.post(path, *body), "several")["pictures"]
            self.assertEqual(["error" in entry for entry in found], [False, True])
            listed = {"images": [self.base64, {"image": self.base64}]}
            cases.add(path, "post", self.post(path, listed), "list")
        path = "/detect_faces_from_files/"
        cases.add(path, "post", self.post(path, *body))
        path = "/detect_faces_from_base64/"
        for value in ([self.base64, "AAAA"], {"images": [self.base64]}):
            cases.add(path, "post", self.post(path, value))
        path = "/detect_faces_from_urls/"
        cases.add(path, "post", self.post(path, ["http://127.0.0.1/"]))
        cases.check()

    def test_parameters(self):
        cases = Cases(self)
        path = "/v1/analyze"
        query = "?embeddings=1&top=2&max_faces=1&threshold=0.2&nms=0.3&size=320"
        found = cases.add(path, "post", self.post(path, self.photo, "image/jpeg", query))
        self.assertEqual((len(found["classes"]), len(found["faces"])), (2, 1))
        self.assertIn("embedding", found["faces"][0])
        for path in PICTURES[:3]:
            found = cases.add(path, "post", self.post(path, self.photo, "image/jpeg", "?quality=1"))
            self.assertLess({"pose", "quality"}, set(found["faces"][0]))
        path = "/v1/embed"
        found = cases.add(path, "post", self.post(path, self.photo, "image/jpeg", "?face=largest"))
        self.assertEqual(len(found["faces"]), 1)
        for path, method, operation in OPERATIONS:
            if {"People", "Identities", *DIALECTS} & set(operation["tags"]):
                continue  # test_collections.py, test_dialects.py
            for i, _ in enumerate(operation.get("parameters", [])):
                parameter, _ = resolve(pointer("paths", path, method, "parameters", i))
                if parameter["in"] == "query":
                    self.check_limits(path, parameter["name"], parameter["schema"], cases)
        cases.check()

    def check_limits(self, path, name, schema, cases):
        """Values beyond those of the schema are refused, its own default is taken."""
        body = (self.photo, "image/jpeg")
        if path == "/v1/compare":
            body = form([("a", "a.jpg", self.photo), ("b", "b.jpg", self.photo)])
        wrong = ["x"]
        if "maximum" in schema:
            wrong.append(schema["maximum"] + 1)
        if "minimum" in schema:
            wrong.append(schema["minimum"] - 1)
        for value in wrong:
            answer = self.post(path, *body, query=f"?{name}={value}")
            self.assertEqual(answer.status, 400, f"{path}?{name}={value}")
            self.assertIn(name, cases.add(path, "post", answer)["error"]["message"])
        if "default" in schema:
            given, left_out = (cases.add(path, "post", self.post(path, *body, query=query))
                               for query in (f"?{name}={schema['default']}", ""))
            self.assertEqual(plain(given), plain(left_out),
                             f"{path}: the default of {name}")

    def test_compare(self):
        cases = Cases(self)
        body = form([("a", "a.jpg", self.photo), ("b", "b.jpg", PHOTOS[1].read_bytes())])
        path = "/v1/compare"
        found = cases.add(path, "post", self.post(path, *body))
        self.assertEqual(found["same_person"], found["similarity"] >= found["threshold"])
        same = {"a": self.base64, "b": {"image": self.base64}}
        found = cases.add(path, "post", self.post(path, same))
        self.assertAlmostEqual(found["similarity"], 1, places=5)
        cases.check()

    def test_status(self):
        cases = Cases(self)
        found = cases.add("/v1/status", "get", self.server.get("/v1/status"))
        self.assertEqual({n["name"] for n in found["networks"]}, {*MODELS, *SEPARATE})
        self.assertEqual(found["precision"], "fp32")
        photo = {"a": self.base64, "b": self.base64}
        compared = self.post("/v1/compare", photo).json
        self.assertEqual(found["same_person"], compared["threshold"])
        self.assertEqual(found["limits"]["megapixels"], 40)
        cases.check()

    def test_errors(self):
        cases = Cases(self)
        grey = b"P6\n64 64\n255\n" + b"\x80" * (64 * 64 * 3)
        for status, path, body, kind in (
                (400, "/v1/analyze", b"not a picture", "image/jpeg"),
                (400, "/v1/analyze", b"{", "application/json"),
                (413, "/v1/analyze", bytes(11 << 20), "image/jpeg"),
                (415, "/predict", b"x", "text/plain"),
                (422, "/v1/embed", grey, "image/x-portable-pixmap"),
                (422, "/v1/compare", *form([("a", "a.ppm", grey), ("b", "b.ppm", grey)]))):
            answer = self.post(path, body, kind)
            self.assertEqual(answer.status, status, f"{path}: {answer}")
            cases.add(path, "post", answer)
        cases.check()

    def test_keys(self):
        cases = Cases(self)
        with tempfile.NamedTemporaryFile("w") as keys:
            keys.write("a-key-of-the-test-0123456789\n")
            keys.flush()
            server = Server(f"--keys={keys.name}", "--api=all")
        self.addCleanup(server.stop)
        for path, method, operation in OPERATIONS:
            answer = bare_request(server, path, method)
            needs_key = operation.get("security") != []
            refused = 400 if "CompreFace" in operation["tags"] else 401  # a header that is missing there
            self.assertEqual(answer.status == refused, needs_key, f"{method} {path}: {answer}")
            if needs_key:
                cases.add(path, method, answer)
        cases.check()

    def test_kserve(self):
        cases = Cases(self)
        for path in ("/v2", "/v2/health/live", "/v2/health/ready"):
            cases.add(path, "get", self.server.get(path))
        for model in MODELS:
            for base in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
                url = base.replace("{model}", model).replace("{version}", "1")
                about = cases.add(base, "get", self.server.get(url))
                cases.add(base + "/ready", "get", self.server.get(url + "/ready"))
                height, width, channels = (64 if v < 0 else v
                                           for v in about["inputs"][0]["shape"][1:])
                kind = "UINT8" if channels == 3 else "FP32"  # a picture, or features of another
                tensor = {"name": "input", "shape": [1, height, width, channels], "datatype": kind,
                          "data": [(7 * i) % 256 for i in range(height * width * channels)]}
                answer = self.post(url + "/infer", {"id": "42", "inputs": [tensor]})
                got = cases.add(base + "/infer", "post", answer)
                self.assertEqual({output["name"] for output in got["outputs"]},
                                 {output["name"] for output in about["outputs"]})
                self.assertEqual(got["id"], "42")
        path = "/v2/models/{model}"
        cases.add(path, "get", self.server.get("/v2/models/nobody"))
        cases.check()


if __name__ == "__main__":
    skip_or_run(unittest.main)
