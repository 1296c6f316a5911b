#!/usr/bin/env python3
"""calibrate, and what the picture commands print in int8 and bf16 compared with fp32."""
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import HAVE_NETWORKS, MODELS, PHOTOS, mien, objects  # noqa: E402

NETWORKS = {"retinaface-mnet025-v2": "detector", "mobilefacenet-192": "embedder",
            "age-gender-faceapi": "age-gender", "resnet50-imagenet": "classifier"}


def read(path):
    """(header, data) of a safetensors file."""
    data = Path(path).read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def without_ranges(source, target):
    """A copy of a blob as it was before any calibration."""
    header, data = read(source)
    kept, body, size = {"__metadata__": header.pop("__metadata__")}, [], 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if name.startswith("int8."):
            continue
        begin, end = entry["data_offsets"]
        kept[name] = {**entry, "data_offsets": [size, size + end - begin]}
        body.append(data[begin:end])
        size += end - begin
    text = json.dumps(kept).encode()
    text += b" " * (-(8 + len(text)) % 64)
    Path(target).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(body))


def iou(a, b):
    sides = [max(0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return sides[0] * sides[1] / (sum(areas) - sides[0] * sides[1])


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mien-calibrate-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.blobs = {name: str(cls.folder / f"{name}.safetensors") for name in NETWORKS}
        for name, path in cls.blobs.items():
            without_ranges(Path(MODELS["weights"], f"{name}.safetensors"), path)

    def calibrate(self, *args, says, env=None):
        result = mien("calibrate", "--force", *args, env=env)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(says, result.stdout.decode())

    def refuse(self, *args, says):
        result = mien(*args)
        self.assertEqual((result.returncode, result.stdout), (1, b""), args)
        self.assertIn(says, result.stderr)


class Calibrating(Folder):
    def test_a_network_becomes_calibrated_once(self):
        blob, other = self.blobs["mobilefacenet-192"], str(self.folder / "other.safetensors")
        before, source = read(blob)
        (info,) = objects(mien("info", "--json", blob))
        self.assertFalse(info["calibrated"])
        # An environment for int8 does not disturb what has to run in fp32.
        self.calibrate(blob, str(PHOTOS[0]), "--output", other, env={"MIEN_PRECISION": "int8"},
                       says=f"{other}: calibrated for int8 on 1 picture\n")
        self.assertEqual(read(blob)[0], before)
        self.calibrate(other, *map(str, PHOTOS[:2]), says="calibrated for int8 on 2 pictures\n")
        size = os.path.getsize(other)
        self.calibrate(other, *map(str, PHOTOS[:2]), says="calibrated for int8 on 2 pictures\n")
        self.assertEqual(os.path.getsize(other), size)
        (after,) = objects(mien("info", "--json", other))
        self.assertTrue(after["calibrated"])
        self.assertEqual(after["parameters"], info["parameters"])
        self.assertIn("calibrated", mien("info", other).stdout.decode())
        header, data = read(other)
        for name, entry in before.items():
            if name == "__metadata__":
                self.assertEqual(header[name], entry)
                continue
            (a, b), (c, d) = entry["data_offsets"], header[name]["data_offsets"]
            self.assertEqual(source[a:b], data[c:d], name)
        endings = {f.suffix for f in self.folder.iterdir()}
        self.assertLessEqual(endings, {".safetensors", ".packed"})  # no temporary file stays

    def test_detectors_need_no_faces(self):
        grey = self.folder / "grey.ppm"
        grey.write_bytes(b"P6 64 64 255\n" + b"\x80" * (64 * 64 * 3))
        out = str(self.folder / "grey.safetensors")
        self.calibrate(self.blobs["retinaface-mnet025-v2"], str(grey), "--output", out,
                       says="on 1 picture\n")
        self.refuse("calibrate", "--force", self.blobs["mobilefacenet-192"], str(grey), "--output", out,
                    says="no face was found in the pictures")

    def test_few_pictures_are_refused(self):
        blob = self.blobs["mobilefacenet-192"]
        before = Path(blob).read_bytes()
        self.refuse("calibrate", blob, *map(str, PHOTOS[:2]),
                    says="2 pictures are too few to measure ranges on: give 50 or more")
        # Enough files, of which too few show a face.
        grey = self.folder / "faceless.ppm"
        grey.write_bytes(b"P6 64 64 255\n" + b"\x80" * (64 * 64 * 3))
        self.refuse("calibrate", blob, str(PHOTOS[0]), *[str(grey)] * 49,
                    says="1 picture with a face is too few")
        self.assertEqual(Path(blob).read_bytes(), before)

    def test_a_calibrated_blob_stays_where_it_is(self):
        # What a link leads to is replaced, with its permissions.
        link, real = self.folder / "link.safetensors", self.folder / "real.safetensors"
        shutil.copy(self.blobs["age-gender-faceapi"], real)
        os.chmod(real, 0o604)
        os.symlink(real.name, link)
        self.calibrate(str(link), str(PHOTOS[0]), says="on 1 picture\n")
        self.assertTrue(link.is_symlink())
        self.assertEqual(os.stat(real).st_mode & 0o777, 0o604)
        self.assertTrue(objects(mien("info", "--json", str(real)))[0]["calibrated"])

    def test_errors(self):
        blob, photo = self.blobs["age-gender-faceapi"], str(PHOTOS[0])
        self.refuse("calibrate", "nobody", photo, says="nobody")
        self.refuse("calibrate", "--force", blob, str(self.folder / "no.jpg"),
                    says=f"mien: {self.folder}/no.jpg: No such file")
        self.refuse("calibrate", "--force", blob, photo, "--output", str(self.folder / "no" / "x.safetensors"),
                    says="cannot write: No such file or directory")
        self.refuse("classify", "--precision", "int8", "--backend", "c", "--classifier",
                    self.blobs["resnet50-imagenet"], photo,
                    says="not calibrated for int8; `mien calibrate` measures")
        result = mien("calibrate", blob)
        self.assertEqual((result.returncode, result.stdout), (2, b""))


class Results(Folder):
    """The sample photos, on networks calibrated on them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, path in cls.blobs.items():
            done = mien("calibrate", "--force", path, *map(str, PHOTOS))
            assert done.returncode == 0, done.stderr
        cls.options = [f"--{option}={cls.blobs[name]}" for name, option in NETWORKS.items()]
        cls.found = {p: objects(mien("analyze", "--search=fast", "--embeddings", "--precision", p,
                                     *cls.options, *map(str, PHOTOS)))
                     for p in ("fp32", "bf16", "int8")}

    def pairs(self, precision):
        """Faces of both that fp32 is sure of, each with the other's."""
        for ours, theirs in zip(self.found[precision], self.found["fp32"]):
            for face in theirs["faces"]:
                if face["score"] > 0.7:
                    middle = sum(face["box"])
                    yield min(ours["faces"], key=lambda f: abs(sum(f["box"]) - middle)), face

    def check(self, precision, overlap, cosine, years, score):
        pairs = list(self.pairs(precision))
        self.assertGreater(len(pairs), 5)
        for ours, theirs in pairs:
            self.assertGreaterEqual(iou(ours["box"], theirs["box"]), overlap)
            width = theirs["box"][2] - theirs["box"][0]
            for a, b in zip(sum(ours["landmarks"], []), sum(theirs["landmarks"], [])):
                self.assertAlmostEqual(a, b, delta=0.02 * width)
            self.assertGreaterEqual(
                sum(a * b for a, b in zip(ours["embedding"], theirs["embedding"])), cosine)
            self.assertAlmostEqual(ours["age"], theirs["age"], delta=years)
            if theirs["gender"]["probability"] > 0.8:
                self.assertEqual(ours["gender"]["value"], theirs["gender"]["value"])
        for ours, theirs in zip(self.found[precision], self.found["fp32"]):
            if theirs["classes"][0]["score"] > 0.5:
                self.assertEqual(ours["classes"][0]["index"], theirs["classes"][0]["index"])
            self.assertAlmostEqual(ours["classes"][0]["score"], theirs["classes"][0]["score"],
                                   delta=score)

    def test_bf16(self):
        self.check("bf16", 0.97, 0.996, 4, 0.02)

    def test_int8(self):
        self.check("int8", 0.95, 0.99, 5, 0.1)

    def test_commands_agree(self):
        photo = str(PHOTOS[0])
        for command, option in (("detect", "detector"), ("classify", "classifier"),
                                ("embed", "embedder")):
            network = next(self.blobs[n] for n, o in NETWORKS.items() if o == option)
            detector = f"--detector={self.blobs['retinaface-mnet025-v2']}"
            extra = [detector] if command == "embed" else []
            (entry,) = objects(mien(command, "--precision=int8", f"--{option}={network}", *extra,
                                    photo))
            (env,) = objects(mien(command, f"--{option}={network}", *extra, photo,
                                  env={"MIEN_PRECISION": "int8"}))
            self.assertEqual((entry["faces"], entry.get("classes")),
                             (env["faces"], env.get("classes")))


class Installed(unittest.TestCase):
    def test_default_networks_come_calibrated(self):
        for name in NETWORKS:
            (info,) = objects(mien("info", "--json", name))
            self.assertTrue(info["calibrated"], name)
            result = mien("info", "--plan", name)
            self.assertEqual(result.returncode, 0)
        result = mien("analyze", "--precision", "int8", "--backend", "c", "--classifier", "none",
                      str(PHOTOS[0]))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertGreater(len(objects(result)[0]["faces"]), 0)


if __name__ == "__main__":
    if not HAVE_NETWORKS or len(PHOTOS) < 2:
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
