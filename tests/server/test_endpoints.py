#!/usr/bin/env python3
"""Every endpoint that looks at pictures: each way to send one, and the tool's numbers for it."""
import base64
import functools
import http.server
import json
import math
import shutil
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import (PHOTOS, Server, cli, crops, curl, photos, plain, quoted,  # noqa: E402
                    skip_or_run)
from tool import png, ppm  # noqa: E402

LANDMARKS = ["left_eye", "right_eye", "nose", "left_mouth", "right_mouth"]
SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server("--allow-urls", "--allow-private-urls")
    unittest.addModuleCleanup(lambda: SERVER.stop())


@functools.cache
def tool(command, *options):
    """What the tool says about all photos."""
    return cli(command, photos(), *options)


def text64(data):
    return base64.b64encode(data).decode()


class Case(unittest.TestCase):
    def check(self, answer, expected):
        """A good answer with the numbers of `expected`, to the last digit."""
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(plain(answer.json), expected)

    def refused(self, answer, status, code, message=""):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.code, code)
        self.assertIn(message, answer.json["error"]["message"])


class WaysToSend(Case):
    """One picture in every form a client may have it in."""

    def setUp(self):
        self.photo = photos()[1]
        self.expected = tool("detect")[1]

    def test_bodies(self):
        for kind in ("image/jpeg", "image/*", "application/octet-stream", "image/png; q=1",
                     "application/x-www-form-urlencoded"):
            with self.subTest(kind):
                self.check(SERVER.ask("POST", "/v1/detect", self.photo, {"Content-Type": kind}),
                           self.expected)

    def test_body_without_a_type(self):
        head = (f"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Content-Length: {len(self.photo)}\r\n\r\n")
        answer = SERVER.exchange(head.encode() + self.photo)
        self.assertEqual(plain(json.loads(answer.partition(b"\r\n\r\n")[2])), self.expected)

    def test_chunks(self):
        pieces = (self.photo[i:i + 10007] for i in range(0, len(self.photo), 10007))
        self.check(SERVER.ask("POST", "/v1/detect", pieces, {"Content-Type": "image/jpeg"}),
                   self.expected)

    def test_forms(self):
        for name, filename in [("file", "a.jpg"), ("file", None), ("files", None), ("image", None),
                               ("whatever", "a.jpg"), ("x", ""), ("file", "größe.jpg")]:
            with self.subTest(name=name, filename=filename):
                self.check(SERVER.post_form("/v1/detect", [(name, filename, self.photo)]),
                           self.expected)

    def test_json(self):
        encoded = text64(self.photo)
        broken = "\n".join(encoded[i:i + 76] for i in range(0, len(encoded), 76))
        for value in (encoded, broken, "data:image/jpeg;base64," + encoded):
            self.check(SERVER.post_json("/v1/detect", {"image": value}), self.expected)

    def test_json_lists(self):
        encoded = text64(self.photo)
        for value in ([encoded], {"images": [encoded]}, {"images": [{"image": encoded}]},
                      ["data:;base64," + encoded]):
            answer = SERVER.post_json("/v1/detect", value)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(set(answer.json), {"pictures"}, "a list is answered as a list")
            self.assertEqual([plain(p) for p in answer.json["pictures"]], [self.expected])

    def test_curl_as_users_type_it(self):
        folder = tempfile.mkdtemp(prefix="mien-serve-")
        self.addCleanup(shutil.rmtree, folder)
        Path(folder, "body.json").write_text(json.dumps({"image": text64(self.photo), "top": 2}))
        photo = str(PHOTOS[1])
        url = SERVER.url + "/v1/detect"
        for args in (["-F", f"file=@{photo}"], ["-F", f"image=@{photo};type=image/jpeg"],
                     ["--data-binary", f"@{photo}"], ["-T", photo, "-X", "POST"],
                     ["-H", "Content-Type: image/jpeg", "--data-binary", f"@{photo}"],
                     ["--json", f"@{folder}/body.json"],
                     ["-H", "Transfer-Encoding: chunked", "--data-binary", f"@{photo}"],
                     ["-H", "Expect: 100-continue", "--data-binary", f"@{photo}"],
                     ["--http1.0", "--data-binary", f"@{photo}"],
                     ["--compressed", "--data-binary", f"@{photo}"]):
            with self.subTest(args):
                self.check(curl(*args, url), self.expected)

    def test_formats(self):
        pictures = [ppm(60, 40), png(60, 40)]
        for picture, expected in zip(pictures, cli("detect", pictures)):
            self.check(SERVER.post("/v1/detect", picture), expected)


class Web(http.server.BaseHTTPRequestHandler):
    """A site with photos; /moved/N leads to /N."""

    def do_GET(self):
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path[6:])
            self.end_headers()
            return
        found = self.path[1:].isdigit()
        data = photos()[int(self.path[1:])] if found else b"nothing here"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


class Urls(Case):
    @classmethod
    def setUpClass(cls):
        cls.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        cls.site = f"http://127.0.0.1:{cls.web.server_port}"

    @classmethod
    def tearDownClass(cls):
        cls.web.shutdown()
        cls.web.server_close()

    def test_one(self):
        for path in ("/2", "/moved/2"):
            self.check(SERVER.post_json("/v1/detect", {"url": self.site + path}), tool("detect")[2])

    def test_several_of_which_some_fail(self):
        urls = [self.site + "/0", self.site + "/none", "ftp://127.0.0.1/1", self.site + "/1",
                "no address"]
        answer = SERVER.post_json("/detect_faces_from_urls/", urls)
        self.assertEqual(answer.status, 200, answer)
        result = answer.json["result"]
        self.assertEqual(["error" in one for one in result], [0, 1, 1, 0, 1])
        self.assertEqual(result[3], faces_shape(tool("detect")[1]))
        for one in (result[1], result[2], result[4]):
            self.assertEqual(set(one), {"error", "request_id"})
            self.assertEqual(one["error"]["code"], "bad_request")
        named = SERVER.post_json("/detect_faces_from_urls/", {"urls": urls[:1]})
        self.assertEqual(named.json["result"], [faces_shape(tool("detect")[0])])
        mixed = SERVER.post_json("/v1/detect", {"images": [{"url": self.site + "/0"},
                                                           text64(photos()[1])]})
        self.assertEqual([plain(p) for p in mixed.json["pictures"]], tool("detect")[:2])

    def test_one_that_fails(self):
        self.refused(SERVER.post_json("/v1/detect", {"url": self.site + "/none"}), 400,
                     "bad_request")

    def test_refused_unless_allowed(self):
        with Server() as server:
            self.refused(server.post_json("/v1/detect", {"url": self.site + "/0"}), 400,
                         "bad_request", "does not fetch")
        with Server("--allow-urls") as server:
            for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"):
                url = f"http://{host}:{self.web.server_port}/0"
                self.refused(server.post_json("/v1/detect", {"url": url}), 400, "bad_request")
            result = server.post_json("/detect_faces_from_urls/", [self.site + "/0"]).json["result"]
            self.assertEqual(result[0]["error"]["code"], "bad_request")


def faces_shape(entry):
    """An object of the tool in the shape of /detect_faces_from_files/."""
    faces = [{"bounding_box": face["box"], "confidence": face["score"],
              "landmarks": [{"position": point, "type": name}
                            for point, name in zip(face["landmarks"], LANDMARKS)]}
             for face in entry["faces"]]
    return {"faces_count": len(faces), "faces": faces}


class Shapes(Case):
    """The endpoints of services that mien replaces."""

    def test_predict(self):
        # Results of the tool's analyze, which decodes all pixels as /predict does.
        for photo, expected in zip(photos(), tool("analyze", "--top=3")):
            answer = SERVER.post_form("/predict", [("file", "a.jpg", photo)])
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(set(answer.json), {"results"})
            results = answer.json["results"]
            self.assertEqual(set(results), {"classification", "face_analysis"})
            details = [{"bbox": f["box"], "landmark": f["landmarks"], "confidence": f["score"]}
                       for f in expected["faces"]]
            self.assertEqual(results["face_analysis"],
                             {"num_faces": len(details), "details": details})
            self.assertEqual([c["class"] for c in results["classification"]],
                             [c["label"] for c in expected["classes"]])
            for got, want in zip(results["classification"], expected["classes"]):
                self.assertEqual(set(got), {"class", "confidence"})
                self.assertAlmostEqual(got["confidence"], 100 * want["score"], delta=1e-4)

    def test_detect_faces_from_files(self):
        for path in ("/detect_faces_from_files/", "/detect_faces_from_files"):
            parts = [("files", f"{i}.jpg", photo) for i, photo in enumerate(photos())]
            parts.insert(2, ("files", "broken.jpg", b"\xff\xd8\xff\xe0"))
            answer = SERVER.post_form(path, parts)
            self.assertEqual(answer.status, 200, answer)
            result = answer.json["result"]
            self.assertEqual(result.pop(2)["error"]["code"], "bad_request")
            self.assertEqual(result, [faces_shape(entry) for entry in tool("detect")])

    def test_detect_faces_from_base64(self):
        encoded = [text64(photo) for photo in photos(3)]
        expected = [faces_shape(entry) for entry in tool("detect")[:3]]
        for body in (encoded, {"images": encoded}):
            answer = SERVER.post_json("/detect_faces_from_base64/", body)
            self.assertEqual((answer.status, answer.json), (200, {"result": expected}))
        answer = SERVER.post_json("/detect_faces_from_base64/", [encoded[0], "%%%", ""])
        self.assertEqual(answer.json["result"][0], expected[0])
        self.assertIn("picture 2", answer.json["result"][1]["error"]["message"])
        self.assertIn("picture 3", answer.json["result"][2]["error"]["message"])


class Own(Case):
    """/v1: the tool's objects, with the tool's options as parameters."""

    def test_analyze(self):
        for photo, expected in zip(photos(), tool("analyze")):
            answer = SERVER.post("/v1/analyze", photo)
            self.check(answer, expected)
            self.assertIn("total", answer.json["timing_ms"])
        self.check(SERVER.post("/v1/analyze?embeddings=1&top=2", photos()[3]),
                   tool("analyze", "--embeddings", "--top=2")[3])
        self.check(SERVER.post("/v1/analyze?quality=1", photos()[3]), tool("analyze", "--quality")[3])

    def test_embed(self):
        for photo, expected in zip(photos(), tool("embed")):
            self.check(SERVER.post("/v1/embed", photo), expected)
        for which in ("largest", "centre"):
            for photo, expected in zip(photos(), tool("embed", f"--face={which}")):
                self.check(SERVER.post(f"/v1/embed?face={which}", photo), expected)

    def test_aligned(self):
        (crop,) = crops(PHOTOS[0], 1, side=112)
        self.check(SERVER.post("/v1/embed?aligned=1", crop), cli("embed", [crop], "--aligned")[0])
        self.refused(SERVER.post("/v1/embed?aligned=1", ppm(113, 112)), 400, "bad_request",
                     "112x112")

    def test_classify(self):
        for top in (1, 7, 1000):
            self.check(SERVER.post(f"/v1/classify?top={top}", photos()[0]),
                       {k: v for k, v in tool("classify", f"--top={top}")[0].items()
                        if k != "faces"})

    def test_detect_with_options(self):
        photo = photos()[4]
        for parameters in ({"threshold": 0.9}, {"threshold": 0}, {"nms": 0.9, "threshold": 0.02},
                           {"max_faces": 1}, {"size": 320}, {"size": 0}, {"size": 1000}, {}):
            options = [f"--{k.replace('_', '-')}={v}" for k, v in parameters.items()]
            with self.subTest(parameters):
                (expected,) = cli("detect", [photo], *options)
                self.check(SERVER.post("/v1/detect" + quoted(**parameters), photo), expected)
                fields = [(k, None, str(v).encode()) for k, v in parameters.items()]
                self.check(SERVER.post_form("/v1/detect", [("file", "a", photo)] + fields),
                           expected)
                self.check(SERVER.post_json("/v1/detect", {"image": text64(photo), **parameters}),
                           expected)
                texts = {k: str(v) for k, v in parameters.items()}
                self.check(SERVER.post_json("/v1/detect", {"image": text64(photo), **texts}),
                           expected)

    def test_query_goes_before_the_body(self):
        answer = SERVER.post_form("/v1/detect?max_faces=1", [("file", "a", photos()[4]),
                                                             ("max_faces", None, b"2")])
        self.check(answer, tool("detect", "--max-faces=1")[4])

    def test_several_pictures(self):
        parts = [("file", f"{i}", photo) for i, photo in enumerate(photos())]
        answer = SERVER.post_form("/v1/analyze?embeddings=1", parts)
        self.assertEqual([plain(p) for p in answer.json["pictures"]],
                         tool("analyze", "--embeddings"))
        answer = SERVER.post_form("/v1/detect", [parts[0], ("file", "b", b"no picture"), parts[1]])
        first, broken, last = answer.json["pictures"]
        self.assertEqual([plain(first), plain(last)], tool("detect")[:2])
        self.assertEqual(broken["error"]["code"], "bad_request")

    def test_server_timing(self):
        answer = SERVER.post("/v1/analyze?embeddings=1", photos()[0])
        spent = dict(part.split(";dur=") for part in
                     answer.headers["Server-Timing"].split(", "))
        self.assertLessEqual({"queue", "decode", "detect", "align", "embed", "age_gender",
                              "classify", "encode"}, set(spent))
        for value in spent.values():
            self.assertTrue(0 <= float(value) < 1e5)

    def test_no_face(self):
        nobody = ppm(64, 64)
        self.refused(SERVER.post("/v1/embed", nobody), 422, "no_face")
        self.assertEqual(SERVER.post("/v1/detect", nobody).json["faces"], [])
        self.assertEqual(SERVER.post("/v1/analyze", nobody).json["faces"], [])
        answer = SERVER.post_form("/v1/embed", [("file", "a", nobody), ("file", "b", nobody)])
        self.assertEqual([p["faces"] for p in answer.json["pictures"]], [[], []])


class Compare(Case):
    def similarity(self, a, b):
        """The cosine of the main faces' embeddings, which have length 1, from its definition."""
        faces = tool("embed", "--face=main")
        u, v = (faces[i]["faces"][0]["embedding"] for i in (a, b))
        return sum(x * y for x, y in zip(u, v)) / math.hypot(*u) / math.hypot(*v)

    def check_pair(self, answer, a, b):
        self.assertEqual(answer.status, 200, answer)
        got = answer.json
        self.assertEqual(set(got), {"similarity", "same_person", "verdict", "threshold", "faces"})
        self.assertAlmostEqual(got["similarity"], self.similarity(a, b), delta=2e-6)
        self.assertEqual(got["same_person"], got["similarity"] >= got["threshold"])
        below = got["threshold"] - got["similarity"]
        self.assertEqual(got["verdict"], "likely the same" if below <= 0 else
                         "unsure" if below <= 0.1 else "different")
        for face, i in zip(got["faces"], (a, b)):
            want = tool("embed", "--face=main")[i]["faces"][0]
            self.assertEqual(face, {k: want[k] for k in ("box", "score", "landmarks")})

    def test_pairs(self):
        for a, b in [(0, 1), (2, 2), (3, 5)]:
            x, y = photos()[a], photos()[b]
            self.check_pair(SERVER.post_form("/v1/compare", [("a", "x", x), ("b", "y", y)]), a, b)
            self.check_pair(SERVER.post_form("/v1/compare", [("b", None, y), ("a", None, x)]), b, a)
            self.check_pair(SERVER.post_form("/v1/compare", [("file", "x", x), ("file", "y", y)]),
                            a, b)
            self.check_pair(SERVER.post_json("/v1/compare", {"a": text64(x), "b": text64(y)}), a, b)
            self.check_pair(SERVER.post_json("/v1/compare", {"images": [text64(x), text64(y)]}),
                            a, b)

    def test_one_person(self):
        same = SERVER.post_form("/v1/compare", [("a", "x", photos()[0]), ("b", "y", photos()[0])])
        self.assertTrue(same.json["same_person"])
        self.assertGreater(same.json["similarity"], 0.999)

    def test_refusals(self):
        photo, nobody = photos()[0], ppm(64, 64)
        self.refused(SERVER.post_form("/v1/compare", [("a", "x", photo)]), 400, "bad_request")
        self.refused(SERVER.post_form("/v1/compare", [("a", "x", photo)] * 3), 413, "too_large")
        self.refused(SERVER.post_form("/v1/compare", [("a", "x", nobody), ("b", "y", photo)]), 422,
                     "no_face", "picture 1")
        self.refused(SERVER.post_form("/v1/compare", [("a", "x", photo), ("b", "y", nobody)]), 422,
                     "no_face", "picture 2")
        self.refused(SERVER.post_form("/v1/compare", [("a", "x", photo), ("b", "y", b"?")]), 400,
                     "bad_request", "picture 2")
        self.refused(SERVER.post_json("/v1/compare", {"a": text64(photo)}), 400, "bad_request")


class LeftOut(Case):
    """Networks a server runs without."""

    def test_endpoints_without_their_network(self):
        with Server("--classifier=none", "--embedder=none", "--age-gender=none") as server:
            photo = photos()[0]
            self.check(server.post("/v1/analyze", photo),
                       cli("analyze", [photo], "--classifier=none", "--age-gender=none")[0])
            for path in ("/v1/classify", "/v1/embed", "/v1/compare", "/predict",
                         "/v1/analyze?embeddings=1"):
                self.refused(server.post(path, photo), 404, "not_found")
        with Server("--detector=none") as server:
            self.check(server.post("/v1/classify", photo),
                       {k: v for k, v in tool("classify")[0].items() if k != "faces"})
            for path in ("/v1/detect", "/detect_faces_from_files/"):
                self.refused(server.post(path, photo), 404, "not_found")

    def test_defaults_of_the_server_are_options(self):
        with Server("--threshold=0.99", "--top=2", "--max-faces=2") as server:
            options = ("--threshold=0.99", "--max-faces=2")
            for photo, expected in zip(photos(), tool("detect", *options)):
                self.check(server.post("/v1/detect", photo), expected)
            self.assertEqual(len(server.post("/v1/classify", photos()[0]).json["classes"]), 2)
            self.check(server.post("/v1/detect?threshold=0.5&max_faces=750", photos()[4]),
                       tool("detect")[4])


if __name__ == "__main__":
    skip_or_run(unittest.main)
