#!/usr/bin/env python3
"""`mien service`: pictures of a folder through Redis and four processes, whatever is killed when.
What comes out is compared with what `mien analyze` prints. MIEN_TEST_SIZE= (empty) for 200 pictures
and a kill of each service again and again."""
import importlib
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fleet import Fleet, Process, ROLES, free_port, missing  # noqa: E402
from server import PATIENCE, SMALL, wait_for  # noqa: E402
from tool import BASE_ENV, PHOTOS, TOOL, mien  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("MIEN_TEST_SEED") or random.randrange(1 << 30))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


def make_pictures(folder, n, rng):
    """n small pictures that differ, of which some show nobody."""
    from PIL import Image, ImageEnhance

    photos = []
    for path in PHOTOS[:3]:
        with Image.open(path) as image:
            image.thumbnail((240, 240))
            photos.append(image.convert("RGB"))
    for i in range(n):
        image = photos[i % len(photos)]
        if i % 10 == 9:
            image = Image.new("RGB", (64, 64), (i % 256, 100, 50))
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
        image.save(folder / f"picture{i:03}.jpg", quality=90)


def expected(folder):
    """What the tool says of each picture, by its name below the folder, without the time."""
    found = {}
    with tempfile.TemporaryDirectory() as out:
        mien("analyze", "--format", "seed", "--output", out, "--classifier", "none", "--threads", "1",
             str(folder))
        for path in Path(out).rglob("*.json"):
            one = json.loads(path.read_text(encoding="utf-8"))
            del one["processing_time"]
            name = str(path.relative_to(out).parent / Path(one["image_id"]).name)
            found[name] = {**one, "image_id": name}
    return found


class Case(unittest.TestCase):
    def compare(self, fleet, want, faces=None):
        """Each picture has one result, the tool's; nothing else is in the folder."""
        names = {str(Path(name).with_suffix(".json")): name for name in want}
        wait_for(lambda: fleet.results() >= set(names), "all results")
        self.assertEqual({str(p.relative_to(fleet.output)) for p in fleet.output.rglob("*")
                          if p.is_file()}, set(names))
        for path, name in names.items():
            got = json.loads((fleet.output / path).read_text(encoding="utf-8"))
            self.assertRegex(got.pop("processing_time"), TIME)
            for face in got["faces"] if faces else []:
                faces(face)
            self.assertEqual(got, want[name], f"seed {SEED}")
            self.assertEqual(list(got), ["image_id", "faces"])


class Services(Case):
    def test_folder(self):
        """New, moved in, in folders, replaced; broken ones; and the trace of each."""
        rng = random.Random(SEED)
        with Fleet() as fleet:
            staging = fleet.folder / "staging"
            (staging / "sub").mkdir(parents=True)
            make_pictures(staging, 6, rng)
            shutil.move(staging / "picture005.jpg", staging / "sub" / "deep.jpg")
            want = expected(staging)
            self.assertTrue(any(one["faces"] for one in want.values()))
            (fleet.input / "broken.jpg").write_bytes(b"this is no picture")
            (fleet.input / "empty.jpg").write_bytes(b"")
            (fleet.input / "note.txt").write_bytes(b"not a picture's name")
            for i, name in enumerate(sorted(want)):
                if i % 2 or "/" in name:
                    os.makedirs((fleet.input / name).parent, exist_ok=True)
                    shutil.copy(staging / name, fleet.input / name)
                else:
                    os.rename(shutil.copy(staging / name, fleet.folder / "moving"),
                              fleet.input / name)
            self.compare(fleet, want)
            log = fleet.services["image-input"]
            for bad in ("broken.jpg", "empty.jpg"):
                wait_for(lambda: log.find(bad + ": failed: "), bad)  # noqa: B023
            self.check_traces(fleet, sorted(want)[0])
            # Replaced by one with another result.
            first, last = sorted(want)[0], sorted(want)[1]
            os.replace(shutil.copy(staging / last, fleet.folder / "moving"), fleet.input / first)
            want[first] = {**want[last], "image_id": first}
            result = (fleet.output / first).with_suffix(".json")
            wait_for(lambda: json.loads(result.read_text())["faces"] == want[first]["faces"],
                     "the new result")
            self.compare(fleet, want)
            # What is done is not asked for again, and all end when they are told to.
            self.assertEqual(log.end(), 0)
            seen = len(fleet.services["data-storage"].lines)
            log.start()
            # Moved in: copy() changes the mode of what it has closed, and then it is done again.
            os.rename(shutil.copy(staging / first, fleet.folder / "moving"),
                      fleet.input / "one more.jpg")
            want["one more.jpg"] = {**expected(staging)[first], "image_id": "one more.jpg"}
            self.compare(fleet, want)
            stored = [line for line in fleet.services["data-storage"].lines[seen:]
                      if "AggregateData" in line]
            self.assertEqual(len(stored), 1, stored)
            for role in ROLES:
                self.assertEqual(fleet.services[role].end(), 0, fleet.services[role].log())

    def check_traces(self, fleet, name):
        """The picture's trace is in the logs of all four."""
        said = wait_for(lambda: fleet.services["image-input"].find(
            re.escape(name) + r": .*trace=([0-9a-f]{32})$"), "a trace")
        for role in ROLES:
            wait_for(lambda: fleet.services[role].find(f"trace={said[1]}"), role)  # noqa: B023

    def test_kills(self):
        """Each service is killed again and again, and Redis forgets all, while pictures pass."""
        rng = random.Random(SEED)
        kills = 6 if SMALL else 60
        with Fleet() as fleet:
            staging = fleet.folder / "staging"
            staging.mkdir()
            make_pictures(staging, 40 if SMALL else 200, rng)
            want = expected(staging)
            names = sorted(want)
            for i, name in enumerate(names):
                os.rename(shutil.copy(staging / name, fleet.folder / "moving"), fleet.input / name)
                if i % (len(names) // kills + 1) == 3:
                    victim = rng.choice((*ROLES, "redis"))
                    process = fleet.redis if victim == "redis" else fleet.services[victim]
                    process.kill()
                    time.sleep(rng.uniform(0, 0.2))
                    process.start()
            self.compare(fleet, want)

    def test_order_of_start(self):
        """image-input waits for the others, and Redis, and says so once."""
        with Fleet(roles=("image-input",)) as fleet:
            shutil.copy(PHOTOS[0], fleet.input / "a.jpg")
            log = fleet.services["image-input"]
            wait_for(lambda: log.find(r"a\.jpg: waits: landmark_detection"), "the first sentence")
            fleet.redis.kill()
            fleet.begin("face-landmark")
            wait_for(lambda: log.find(r"a\.jpg: waits: landmark.*redis"), "the second")
            fleet.redis.start()
            fleet.begin("age-gender")
            fleet.begin("data-storage")
            wait_for(lambda: fleet.results() == {"a.json"}, "the result")


class Clients(Case):
    """Clients that are not ours: Debian's python3-grpcio with the published protos."""

    @classmethod
    def setUpClass(cls):

        folder = tempfile.mkdtemp()
        names = ("landmark_detection", "age_gender", "aggregator")
        try:
            for name in names:
                subprocess.run(["protoc", "-I", str(ROOT / "proto"), "--python_out", folder,
                                f"{name}.proto"], check=True)
            sys.path.append(folder)
            cls.landmark, cls.age, cls.store = (importlib.import_module(f"{name}_pb2")
                                                for name in names)
        finally:
            shutil.rmtree(folder)

    def method(self, fleet, role, path, request, response):
        import grpc

        channel = grpc.insecure_channel(f"127.0.0.1:{fleet.ports[role]}")
        self.addCleanup(channel.close)
        return channel.unary_unary(path, request_serializer=request.SerializeToString,
                                   response_deserializer=response.FromString)

    def test_calls(self):
        import grpc

        with Fleet(roles=ROLES[:3]) as fleet:
            detect = self.method(fleet, "face-landmark",
                                 "/landmark_detection.LandmarkDetection/DetectLandmarks",
                                 self.landmark.ImageRequest, self.landmark.LandmarkResponse)
            estimate = self.method(fleet, "age-gender",
                                   "/age_gender.AgeGenderEstimation/EstimateAgeGender",
                                   self.age.ImageRequest, self.age.AgeGenderResponse)
            store = self.method(fleet, "data-storage", "/aggregator.DataAggregator/AggregateData",
                                self.store.AggregateRequest, self.store.AggregateResponse)
            picture, name = PHOTOS[0].read_bytes(), "550e8400-e29b-41d4-a716-446655440000"
            # Ages before faces: it finds them itself, and the same.
            told = estimate(self.age.ImageRequest(image_data=picture, image_id=name),
                            timeout=PATIENCE)
            self.assertTrue(told.success, told)
            request = self.store.AggregateRequest(redis_key=told.redis_key, image_id=name)
            half = store(request, timeout=PATIENCE)
            self.assertFalse(half.success)
            self.assertIn("not all", half.message)
            found = detect(self.landmark.ImageRequest(image_data=picture, image_id=name),
                           timeout=PATIENCE)
            self.assertEqual((found.success, found.image_id, found.redis_key),
                             (True, name, told.redis_key))
            saved = store(request, timeout=PATIENCE)
            self.assertTrue(saved.success, saved)
            self.assertEqual(Path(saved.saved_path), fleet.output / f"{name}.json")
            got = json.loads(Path(saved.saved_path).read_text())
            want = expected(PHOTOS[0].parent)[PHOTOS[0].name]
            self.assertEqual(got["faces"], want["faces"])

            bad = detect(self.landmark.ImageRequest(image_data=b"no picture", image_id="b.jpg"),
                         timeout=PATIENCE)
            self.assertFalse(bad.success)
            self.assertTrue(bad.error_message)
            for wrong in ("", "../a.jpg", "/etc/passwd", "a/.b.jpg"):
                self.refused(grpc.StatusCode.INVALID_ARGUMENT, detect,
                             self.landmark.ImageRequest(image_data=picture, image_id=wrong))
            for key in ("", "session:1", "face:"):
                self.refused(grpc.StatusCode.INVALID_ARGUMENT, store,
                             self.store.AggregateRequest(redis_key=key, image_id="a.jpg"))
            self.assertEqual(fleet.results(), {f"{name}.json"})
            fleet.redis.kill()
            self.refused(grpc.StatusCode.UNAVAILABLE, detect,
                         self.landmark.ImageRequest(image_data=picture, image_id=name))
            self.refused(grpc.StatusCode.UNAVAILABLE, store, request)

    def refused(self, code, method, request):
        import grpc

        with self.assertRaises(grpc.RpcError) as caught:
            method(request, timeout=PATIENCE)
        self.assertEqual(caught.exception.code(), code, caught.exception)
        self.assertNotIn("secret", caught.exception.details())

    def test_password(self):
        with Fleet(roles=(), redis_options=("--requirepass", "secret")) as fleet:
            fleet.begin("face-landmark")
            detect = self.method(fleet, "face-landmark",
                                 "/landmark_detection.LandmarkDetection/DetectLandmarks",
                                 self.landmark.ImageRequest, self.landmark.LandmarkResponse)
            request = self.landmark.ImageRequest(image_data=PHOTOS[0].read_bytes(),
                                                 image_id="a.jpg")
            import grpc
            self.refused(grpc.StatusCode.UNAVAILABLE, detect, request)
            self.assertEqual(fleet.services["face-landmark"].end(), 0)
            url = f"redis://:secret@127.0.0.1:{fleet.redis.port}/2"
            service = fleet.begin("face-landmark", "--redis", url)
            self.assertTrue(detect(request, timeout=PATIENCE).success)
            self.assertNotIn("secret", service.log().replace(url, ""))

    def test_a_service_of_somebody_else(self):
        """The example of docs/services.md, as a process beside mien's."""
        if not importlib.util.find_spec("redis"):
            self.skipTest("Python has no redis")
        port = free_port()
        with Fleet(roles=ROLES[:3]) as fleet:
            example = fleet.add(Process(
                [os.environ.get("MIEN_PYTHON") or sys.executable,
                 str(ROOT / "examples/services/face_size.py"), "--listen", f"127.0.0.1:{port}",
                 "--redis", f"127.0.0.1:{fleet.redis.port}"], "^ready"))
            fleet.begin("image-input", "--also",
                        f"127.0.0.1:{port}/face_size.FaceSize/MeasureFaces")
            shutil.copy(PHOTOS[0], fleet.input / "a.jpg")
            want = {"a.jpg": {**expected(PHOTOS[0].parent)[PHOTOS[0].name], "image_id": "a.jpg"}}
            sizes = []
            self.compare(fleet, want, faces=lambda face: sizes.append(face.pop("face_size")))
            self.assertTrue(sizes and all(0 < size <= 1 for size in sizes), sizes)
            trace = fleet.services["image-input"].find(r"a\.jpg: .*trace=([0-9a-f]{32})")
            self.assertTrue(example.find(f"trace={trace[1]}"), example.log())


class Words(unittest.TestCase):
    def refuse(self, *args, says):
        done = subprocess.run([os.path.abspath(TOOL), "service", *args], env=BASE_ENV, check=False,
                              stderr=subprocess.PIPE, stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(says, done.stderr.decode())
        self.assertEqual(done.stderr.count(b"\n"), 2, done.stderr)  # and where the help is

    def test_wrong_command_lines(self):
        self.refuse("face-finder", says="they are image-input, face-landmark")
        self.refuse("image-input", says="needs --input")
        self.refuse("data-storage", says="needs --output")
        self.refuse("face-landmark", "--redis", "localhost", says="redis://")
        self.refuse("face-landmark", "--redis", "rediss://h", says="TLS")
        self.refuse("face-landmark", "--listen", "x", says="[IP:]PORT")
        self.refuse("face-landmark", "--listen", "::1:50051", says="[IP:]PORT")
        self.refuse("face-landmark", "--detector", "none", says="cannot do without --detector")
        self.refuse("face-landmark", "--check", says="--metrics-port")
        self.refuse("image-input", "--input", "/", "--also", "host/x", says="PACKAGE.SERVICE")
        self.refuse("image-input", "more", says="unexpected argument")


if __name__ == "__main__":
    why = missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    print(f"seed {SEED}")
    unittest.main()
