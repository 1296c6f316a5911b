#!/usr/bin/env python3
"""CompreFace's clients: its published JavaScript SDK through every call it has, and by hand what that leaves
out: pages, embeddings, pictures, error codes, keys that are for a collection each."""
import base64
import io
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from npm import installed  # noqa: E402
from server import PHOTOS, Server, form, skip_or_run  # noqa: E402

HERE = Path(__file__).parent
R = "/api/v1/recognition"
KEYS = """everything:everything-key-000000
people:people-key-000000:read@people,write@people
reader:reader-key-000000:read@people
"""
PLUGINS = {"age", "gender", "landmarks", "embedding", "pose"}


def portraits(server):
    """Two pictures of Ann and one of Bob, a face each: cut out of the photos."""
    from PIL import Image, ImageEnhance

    def cut(photo):
        x1, y1, x2, y2 = server.post("/v1/detect", photo.read_bytes()).json["faces"][0]["box"]
        margin = 0.3 * (x2 - x1)
        return Image.open(photo).convert("RGB").crop((int(x1 - margin), int(y1 - margin),
                                                      int(x2 + margin), int(y2 + margin)))

    def jpeg(image):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=95)
        return out.getvalue()

    ann = cut(PHOTOS[2])
    return jpeg(ann), jpeg(ImageEnhance.Brightness(ann).enhance(0.8)), jpeg(cut(PHOTOS[3]))


class Case(unittest.TestCase):
    keys = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mien-compreface-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        Path(folder.name, "keys").write_text(KEYS, encoding="utf-8")
        keys = [f"--keys={folder.name}/keys"] if cls.keys else []
        cls.server = Server(f"--gallery={folder.name}/g.db", "--api=compreface", "--classifier=none",
                            "--keep-crops", *keys)
        cls.addClassCleanup(cls.server.stop)
        if not cls.keys:
            cls.ann, cls.again, cls.bob = portraits(cls.server)

    def ask(self, method, path, body=None, status=200, code=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        answer = self.server.ask(method, path, body, headers)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer}")
        if status >= 400:
            self.assertEqual(set(answer.json), {"message", "code"})
            self.assertTrue(answer.json["message"])
            self.assertEqual(answer.json["code"], code, answer)
        return answer.json

    def send(self, path, picture, status=200, code=None, **headers):
        body, kind = form([("file", "a.jpg", picture)])
        return self.ask("POST", path, body, status, code, Content_Type=kind, **headers)


class Sdk(Case):
    """Node runs once; the tests look at what came of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = installed("compreface", HERE / "compreface" / "package.json")
        if not folder:
            raise unittest.SkipTest("npm has no @exadel/compreface-js-sdk for us")
        pictures = []
        for name, data in (("ann.jpg", cls.ann), ("again.jpg", cls.again), ("bob.jpg", cls.bob)):
            (cls.folder / name).write_bytes(data)
            pictures.append(name)
        sdk = folder / "node_modules" / "@exadel" / "compreface-js-sdk" / "index.js"
        # The SDK takes for a path what begins with a dot.
        done = subprocess.run(["node", HERE / "compreface" / "calls.mjs", sdk, "http://127.0.0.1",
                               str(cls.server.port), "any-key", *(f"./{name}" for name in pictures)],
                              cwd=cls.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        cls.answers = {one["name"]: one for one in json.loads(done.stdout)}

    def value(self, name):
        self.assertIn("value", self.answers[name], self.answers[name])
        return self.answers[name]["value"]

    def error(self, name):
        answer = self.answers[name]
        self.assertIn("status", answer, answer)
        self.assertIsInstance(answer["error"], dict, answer)
        return answer["status"], answer["error"]["code"]

    def test_subjects(self):
        self.assertEqual(self.value("subjects.add"), {"subject": "Ann"})
        self.assertEqual(self.error("subjects.add again"), (400, 43))
        self.assertEqual(self.value("subjects.list"), {"subjects": ["Ann", "first last"]})
        self.assertEqual(self.value("subjects.rename"), {"updated": True})
        self.assertEqual(self.value("subjects.delete"), {"subject": "Anna"})
        self.assertEqual(self.error("subjects.delete nobody"), (404, 42))
        self.assertEqual(self.value("subjects.deleteAll"), {"deleted": 1})

    def test_examples(self):
        added = self.value("faces.add")
        self.assertEqual((set(added), added["subject"]), ({"image_id", "subject"}, "Ann"))
        self.assertRegex(added["image_id"], r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertEqual(self.value("faces.add spaced")["subject"], "first last")
        listed = self.value("faces.list")
        self.assertEqual({key: value for key, value in listed.items() if key != "faces"},
                         {"page_number": 0, "page_size": 20, "total_pages": 1, "total_elements": 3})
        self.assertEqual([one["subject"] for one in listed["faces"]], ["Ann", "Ann", "first last"])
        self.assertIn(added, listed["faces"])
        self.assertEqual(self.value("faces.delete"), {**added, "subject": "Anna"})
        self.assertEqual(self.error("faces.delete again"), (404, 11))
        self.assertEqual([one["subject"] for one in self.value("faces.delete_multiple")], ["Anna"])
        self.assertEqual(self.value("faces.delete_all_subject"), {"deleted": 1})
        self.assertEqual(self.value("faces.delete_all"), {"deleted": 0})

    def check_face(self, face, *more):
        self.assertEqual(set(face), {"box", "execution_time", *PLUGINS, *more})
        self.assertEqual(set(face["box"]), {"probability", "x_min", "y_min", "x_max", "y_max"})
        self.assertTrue(all(isinstance(value, int) for key, value in face["box"].items()
                            if key != "probability"))
        self.assertEqual(set(face["age"]), {"low", "high", "probability"})
        self.assertLess(face["age"]["low"], face["age"]["high"])
        self.assertEqual(set(face["gender"]), {"value", "probability"})
        self.assertIn(face["gender"]["value"], ("male", "female"))
        self.assertEqual(set(face["pose"]), {"pitch", "roll", "yaw"})
        self.assertEqual([len(point) for point in face["landmarks"]], [2] * 5)
        self.assertEqual(len(face["embedding"]), 192)
        self.assertEqual(set(face["execution_time"]), {"detector", "calculator", "age", "gender", "mask"})

    def test_recognition(self):
        found = self.value("recognize")
        self.assertEqual(set(found["plugins_versions"]),
                         {"detector", "calculator", "age", "gender", "landmarks", "mask", "pose"})
        face, = found["result"]
        self.check_face(face, "subjects")
        self.assertEqual([one["subject"] for one in face["subjects"]], ["Ann", "first last"])
        self.assertGreater(face["subjects"][0]["similarity"], .97)
        self.assertLess(face["subjects"][1]["similarity"], .5)
        plain, = self.value("recognize plain")["result"]
        self.assertEqual(set(plain), {"box", "subjects"})
        self.assertEqual([one["subject"] for one in plain["subjects"]], ["first last"])
        verified, = self.value("faces.verify")["result"]
        self.check_face(verified, "similarity")
        self.assertGreater(verified["similarity"], .9)

    def test_detection(self):
        face, = self.value("detect")["result"]
        self.check_face(face)
        linked = self.value("detect linked")  # ...?det_prob_threshold=0.5?face_plugins=...?status=true
        self.assertEqual(set(linked), {"result", "plugins_versions"})
        self.assertEqual(set(linked["result"][0]), {"box", "landmarks", "execution_time"})

    def test_verification(self):
        found, = self.value("verify")["result"]
        self.assertEqual(set(found), {"source_image_face", "face_matches", "plugins_versions"})
        self.check_face(found["source_image_face"])
        self.check_face(found["face_matches"][0], "similarity")
        self.assertGreater(found["face_matches"][0]["similarity"], .9)
        found, = self.value("verify base64")["result"]
        self.assertLess(found["face_matches"][0]["similarity"], .5)


class ByHand(Case):
    def test_embeddings(self):
        added = self.send(f"{R}/faces?subject=Ann", self.ann, 201)
        face, = self.send("/api/v1/detection/detect?face_plugins=calculator", self.again)["result"]
        other, = self.send("/api/v1/detection/detect?face_plugins=calculator", self.bob)["result"]
        vectors = [face["embedding"], [float(f"{3 * value:.8g}") for value in other["embedding"]]]
        by_picture = self.send(f"{R}/recognize", self.again)["result"][0]["subjects"]
        found = self.ask("POST", f"{R}/embeddings/recognize", {"embeddings": vectors})["result"]
        self.assertEqual(found[0]["similarities"], by_picture)
        self.assertEqual([one["embedding"] for one in found], vectors)
        image = added["image_id"]
        verified = self.ask("POST", f"{R}/embeddings/faces/{image}/verify", {"embeddings": vectors})["result"]
        self.assertEqual(verified[0]["similarity"], by_picture[0]["similarity"])
        self.assertLess(verified[1]["similarity"], .5)
        pairs = self.ask("POST", "/api/v1/verification/embeddings/verify",
                         {"source": vectors[0], "targets": vectors})["result"]
        self.assertEqual([set(one) for one in pairs], [{"embedding", "similarity"}] * 2)
        self.assertGreater(pairs[0]["similarity"], .999)
        for wrong in ({}, {"embeddings": []}, {"embeddings": [[1, 2]]}, {"embeddings": [[0] * 192]},
                      {"embeddings": [["x"] * 192]}, {"embeddings": 3}, []):
            self.ask("POST", f"{R}/embeddings/recognize", wrong, 400, 26)
        self.ask("POST", f"{R}/embeddings/faces/6d69656e-0000-8000-8001-000000000100/verify",
                 {"embeddings": vectors}, 404, 44)
        for path in (f"{R}/faces/{image}/img", f"/api/v1/static/any-key/images/{image}"):
            picture = self.server.get(path)
            self.assertEqual((picture.status, picture.body[:4]), (200, b"\x89PNG"))
        self.assertEqual(self.ask("DELETE", f"{R}/subjects"), {"deleted": 1})

    def test_pages(self):
        for name, picture in (("p0", self.ann), ("p0", self.again), ("p2", self.bob)):
            self.send(f"{R}/faces?subject={name}", picture, 201)
        seen = []
        for page in range(3):
            found = self.ask("GET", f"{R}/faces?page={page}&size=2")
            self.assertEqual((found["page_number"], found["page_size"], found["total_pages"],
                              found["total_elements"]), (page, 2, 2, 3))
            seen += [one["image_id"] for one in found["faces"]]
        self.assertEqual((len(seen), len(set(seen))), (3, 3))
        self.assertEqual(self.ask("GET", f"{R}/faces?subject=p0")["total_elements"], 2)
        self.assertEqual(self.ask("PUT", f"{R}/subjects/p2", {"subject": "p0"}), {"updated": True})
        self.assertEqual(self.ask("GET", f"{R}/subjects"), {"subjects": ["p0"]})
        self.assertEqual(self.ask("DELETE", f"{R}/faces?subject=p0"), {"deleted": 3})
        self.assertEqual(self.ask("DELETE", f"{R}/subjects"), {"deleted": 1})

    def test_largest_faces_first(self):
        photo = PHOTOS[0].read_bytes()
        area = lambda box: (box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"])
        boxes = [face["box"] for face in self.send("/api/v1/detection/detect", photo)["result"]]
        for limit in (1, 2, 100):
            found = [face["box"] for face in
                     self.send(f"/api/v1/detection/detect?limit={limit}", photo)["result"]]
            self.assertEqual(found, sorted(boxes, key=area, reverse=True)[:limit])

    def test_errors(self):
        noise = form([("file", "a.png", b"no picture")])
        self.ask("POST", f"{R}/recognize", noise[0], 400, 26, Content_Type=noise[1])
        self.ask("POST", f"{R}/recognize", b"", 400, 26)
        flat = base64.b64encode(self.flat()).decode()
        for path in (f"{R}/recognize", "/api/v1/detection/detect", f"{R}/faces?subject=X"):
            self.ask("POST", path, {"file": flat}, 400, 28)
        self.ask("POST", "/api/v1/verification/verify",
                 {"source_image": flat, "target_image": flat}, 400, 28)
        self.send(f"{R}/faces?subject=X", PHOTOS[0].read_bytes(), 400, 31)
        self.send(f"{R}/faces", self.ann, 400, 26)
        self.send(f"{R}/recognize?limit=-1", self.ann, 400, 26)
        self.send(f"{R}/recognize?det_prob_threshold=2", self.ann, 400, 26)
        self.send(f"{R}/recognize?face_plugins=hair", self.ann, 400, 26)
        self.ask("PUT", f"{R}/subjects/Nobody", {"subject": "Y"}, 404, 42)
        self.ask("DELETE", f"{R}/faces?subject=Nobody", None, 404, 42)
        self.ask("DELETE", f"{R}/faces/not-an-id", None, 404, 11)
        self.ask("POST", f"{R}/faces/delete", {"a": 1}, 400, 26)
        self.assertEqual(self.ask("POST", f"{R}/faces/delete", ["not-an-id"]), [])
        self.ask("GET", "/api/v1/nothing", None, 404, 0)
        self.ask("PATCH", f"{R}/subjects", None, 405, 0)

    @staticmethod
    def flat():
        from PIL import Image
        out = io.BytesIO()
        Image.new("RGB", (200, 200), (120, 130, 140)).save(out, "PNG")
        return out.getvalue()


class Keys(Case):
    keys = ("yes",)

    def test_a_key_is_a_collection(self):
        key = lambda name: {"x_api_key": f"{name}-key-000000"}
        self.ask("GET", f"{R}/subjects", None, 400, 20)
        self.ask("GET", f"{R}/subjects", None, 404, 10, x_api_key="nobody-s-key-0000")
        boss = key("everything")["x_api_key"]
        made = self.server.ask("PUT", "/v1/collections/people", b"", {"x-api-key": boss})
        self.assertEqual(made.status, 201, made)
        self.ask("POST", f"{R}/subjects", {"subject": "Ann"}, 201, **key("people"))
        self.assertEqual(self.ask("GET", f"{R}/subjects", **key("reader")), {"subjects": ["Ann"]})
        self.assertEqual(self.ask("GET", f"{R}/subjects", **key("everything")), {"subjects": []})
        self.ask("POST", f"{R}/subjects", {"subject": "Bob"}, 403, 26, **key("reader"))
        self.send(f"{R}/faces?subject=Bob", b"x", 403, 26, **key("reader"))
        self.ask("GET", "/api/v1/static/reader-key-000000/images/x", None, 404, 11)
        self.ask("GET", "/api/v1/static/nobody-s-key-0000/images/x", None, 404, 10, x_api_key="")


if __name__ == "__main__":
    skip_or_run(unittest.main)
