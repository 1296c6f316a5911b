#!/usr/bin/env python3
"""analyze, detect, classify and embed on pictures: the JSON contract, inputs, --draw, pipes."""
import io
import json
import math
import os
import subprocess
import sys
import unittest
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from tool import (BASE_ENV, Folder, HAVE_NETWORKS, PHOTOS, TOOL, mien, needs_photos, objects,  # noqa: E402
                  on_terminal, png, ppm, read_ppm, without_timing)

STAGES = {"start", "decode", "detect", "align", "embed", "age_gender", "classify", "landmarks",
          "total"}


class Contract(Folder):
    """The shape of the objects (docs of the tool: `mien help analyze`)."""

    def check_numbers(self, values, count):
        self.assertEqual(len(values), count)
        for value in values:
            self.assertIsInstance(value, float)

    def check_face(self, face, width, height, keys):
        small = keys and "age" in keys and min(face["box"][2] - face["box"][0],
                                               face["box"][3] - face["box"][1]) < 40
        self.assertEqual(set(face), {"box", "score", "landmarks"} | keys
                         | ({"too_small"} if small else set()))
        self.check_numbers(face["box"], 4)
        x1, y1, x2, y2 = face["box"]
        self.assertTrue(0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height, face["box"])
        self.assertTrue(0.5 <= face["score"] <= 1)
        self.assertEqual(len(face["landmarks"]), 5)
        for point in face["landmarks"]:
            self.check_numbers(point, 2)
        (left, _), (right, _) = face["landmarks"][:2]
        self.assertLess(left, right, "the left eye, as seen, is left of the right one")
        if "age" in keys:
            self.assertTrue(0 <= face["age"] <= 120)
            unsure = face["gender"]["probability"] < 0.6
            self.assertEqual(set(face["gender"]), {"value", "probability", "distribution"}
                             | ({"unsure"} if unsure else set()))
            shares = face["gender"]["distribution"]
            self.assertEqual(set(shares), {"male", "female"})
            self.assertEqual(shares[face["gender"]["value"]], face["gender"]["probability"])
            self.assertAlmostEqual(sum(shares.values()), 1, places=5)
            self.assertIn(face["gender"]["value"], ("male", "female"))
            self.assertTrue(0.5 <= face["gender"]["probability"] <= 1)
        if "embedding" in keys:
            self.check_numbers(face["embedding"], 192)
            self.assertAlmostEqual(math.hypot(*face["embedding"]), 1, places=5)

    def check_classes(self, classes, count):
        self.assertEqual(len(classes), count)
        for entry in classes:
            self.assertLessEqual({"index", "label", "score"}, set(entry))
            self.assertLessEqual(set(entry), {"index", "label", "score", "wnid"})
            self.assertIn(entry["index"], range(1000))
            self.assertIsInstance(entry["label"], str)
        scores = [entry["score"] for entry in classes]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertTrue(0 <= scores[-1] and sum(scores) <= 1.0001)

    def check(self, args, face_keys, classes):
        photo = str(PHOTOS[0])
        result = mien(*args, photo)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (entry,) = objects(result)
        self.assertEqual(entry["format_version"], 1)
        self.assertEqual(set(entry), {"file", "format_version", "width", "height", "faces",
                                      "timing_ms"}
                         | ({"main"} if entry["faces"] else set())
                         | ({"classes"} if classes else set()))
        self.assertEqual(entry["file"], photo)
        self.assertEqual((entry["width"], entry["height"]), jpeg_size(PHOTOS[0].read_bytes()))
        self.assertEqual(set(entry["timing_ms"]), STAGES)
        steps = [v for k, v in entry["timing_ms"].items() if k not in ("start", "total")]
        self.assertAlmostEqual(sum(steps), entry["timing_ms"]["total"], delta=0.01)
        if face_keys is None:
            self.assertEqual(entry["faces"], [])
        else:
            self.assertGreater(len(entry["faces"]), 0, "a photo of people")
            for face in entry["faces"]:
                self.check_face(face, entry["width"], entry["height"], face_keys)
            scores = [face["score"] for face in entry["faces"]]
            self.assertEqual(scores, sorted(scores, reverse=True))
        if classes:
            self.check_classes(entry["classes"], classes)

    @needs_photos
    def test_analyze(self):
        told = {"age", "age_range", "gender"}
        self.check(["analyze"], told, 5)
        self.check(["analyze", "--embeddings", "--top", "2"], told | {"embedding"}, 2)
        self.check(["analyze", "--classifier=none"], told, 0)
        self.check(["analyze", "--age-gender=none", "--top=1000"], set(), 1000)
        self.check(["analyze", "--detector=none"], None, 5)

    @needs_photos
    def test_detect_classify_embed(self):
        self.check(["detect"], set(), 0)
        self.check(["classify", "--top", "3"], None, 3)
        self.check(["embed"], {"embedding"}, 0)

    @needs_photos
    def test_pretty_holds_the_same(self):
        line = without_timing(mien("embed", str(PHOTOS[0])))[0]
        text = mien("embed", "--pretty", str(PHOTOS[0])).stdout.decode()
        pretty = json.loads(text)
        del pretty["timing_ms"]
        self.assertEqual(pretty, line)
        self.assertGreater(len(text.splitlines()), 10)
        self.assertLessEqual(max(map(len, text.splitlines())), 120)
        self.assertNotIn("\033", text)

    @needs_photos
    def test_environment_does_what_options_do(self):
        photo = str(PHOTOS[0])
        for command, option, value in [("classify", "top", "2"), ("detect", "max-faces", "1"),
                                       ("detect", "threshold", "0.999"), ("detect", "size", "160"),
                                       ("detect", "search", "auto"),
                                       ("embed", "face", "largest"), ("analyze", "embeddings", "1"),
                                       ("analyze", "classifier", "none"),
                                       ("detect", "backend", "c")]:
            variable = {"MIEN_" + option.upper().replace("-", "_"): value}
            with self.subTest(option):
                asked = without_timing(mien(command, f"--{option}={value}", photo))
                self.assertEqual(asked, without_timing(mien(command, photo, env=variable)))
                if option != "backend":
                    self.assertNotEqual(asked, without_timing(mien(command, photo)))
        self.assertEqual(len(objects(mien("classify", "--top", "3", photo,
                                          env={"MIEN_TOP": "2"}))[0]["classes"]), 3)

    @needs_photos
    def test_options_that_limit_faces(self):
        photo = max(PHOTOS, key=lambda p: len(objects(mien("detect", str(p)))[0]["faces"]))
        every = without_timing(mien("detect", str(photo)))[0]["faces"]
        best = without_timing(mien("detect", "--max-faces=1", str(photo)))[0]["faces"]
        self.assertEqual(best, every[:1])
        cut = (every[0]["score"] + every[-1]["score"]) / 2
        some = without_timing(mien("detect", f"--threshold={cut}", str(photo)))[0]["faces"]
        self.assertEqual(some, [face for face in every if face["score"] > cut])
        more = without_timing(mien("detect", "--threshold=0", str(photo)))[0]["faces"]
        self.assertGreater(len(more), len(every), "0 means next to nothing, not the default")

    @needs_photos
    def test_embed_picks_a_face(self):
        for photo in map(str, PHOTOS):
            entry = without_timing(mien("embed", photo))[0]
            if len(entry["faces"]) < 2:
                continue
            area = max(entry["faces"], key=lambda f: (f["box"][2] - f["box"][0])
                       * (f["box"][3] - f["box"][1]))
            centre = min(entry["faces"], key=lambda f: math.hypot(
                f["box"][0] + f["box"][2] - entry["width"],
                f["box"][1] + f["box"][3] - entry["height"]))
            for which, face in [("largest", area), ("centre", centre)]:
                (picked,) = without_timing(mien("embed", f"--face={which}", photo))[0]["faces"]
                self.assertEqual(picked["box"], face["box"])

    @needs_photos
    def test_aligned_crops(self):
        good = self.write("crop.ppm", ppm(112, 112))
        bad = self.write("large.ppm", ppm(250, 250))
        result = mien("embed", "--aligned", good, bad)
        self.assertEqual(result.returncode, 1)
        crop, large = objects(result)
        self.assertEqual(crop["faces"][0]["box"], [0, 0, 112, 112])
        self.check_face(crop["faces"][0], 112, 112, {"embedding"})
        self.assertEqual(large, {"file": bad, "format_version": 1, "code": "einval",
                                 "error": f"{bad}: 250x250 pixels, --aligned takes crops of 112x112"})

    @needs_photos
    def test_a_face_is_itself_and_nobody_else(self):
        # The cosine from its definition; different people of the photos are far below 0.9.
        faces = [objects(mien("embed", "--face=largest", str(p)))[0]["faces"] for p in PHOTOS[:3]]
        vectors = [f[0]["embedding"] for f in faces if f]
        for i, a in enumerate(vectors):
            for j, b in enumerate(vectors):
                cosine = sum(x * y for x, y in zip(a, b))
                self.assertTrue(cosine > 0.9 if i == j else cosine < 0.9, (i, j, cosine))


class Inputs(Folder):
    @needs_photos
    def test_standard_input(self):
        photo = PHOTOS[0]
        named = without_timing(mien("detect", str(photo)))[0]
        piped = without_timing(mien("detect", "-", stdin=photo.read_bytes()))[0]
        self.assertEqual(piped.pop("file"), "-")
        del named["file"]
        self.assertEqual(piped, named)
        for data in (b"", b"no picture", photo.read_bytes()[:500]):
            result = mien("detect", "-", stdin=data)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(set(objects(result)[0]), {"file", "format_version", "error", "code"})

    @needs_photos
    def test_pipes_by_name(self):
        """One a shell makes, and one nobody writes into: that one ends with a sentence."""
        quiet = str(self.folder / "quiet")
        os.mkfifo(quiet)
        command = 'exec "$0" detect --json <(cat "$1") "$2"'
        result = subprocess.run(["bash", "-c", command, os.path.abspath(TOOL), str(PHOTOS[0]), quiet],
                                capture_output=True, env=BASE_ENV, timeout=300, check=False)
        from_pipe, from_nobody = objects(result)
        (wanted,) = objects(mien("detect", str(PHOTOS[0])))
        self.assertEqual(from_pipe["faces"], wanted["faces"])
        self.assertEqual(result.returncode, 1)
        self.assertIn("nobody opened for writing", from_nobody["error"])

    @needs_photos
    def test_batches_and_threads_change_nothing(self):
        photos = [str(p) for p in PHOTOS[:3]]
        photos.insert(1, self.write("broken.jpg", b"\xff\xd8\xff\xe0"))
        args = ["analyze", "--embeddings", *photos]
        one = without_timing(mien(*args))
        self.assertEqual([e["file"] for e in one], photos)
        self.assertIn("error", one[1])
        self.assertEqual(without_timing(mien(*args, "--batch=3")), one)
        self.assertEqual(without_timing(mien(*args, "--batch=64", "--threads=1")), one)
        self.assertEqual(without_timing(mien(*args, "--batch=2", "--threads=5")), one)

    @needs_photos
    def test_broken_pictures_do_not_stop_the_rest(self):
        photo = PHOTOS[0].read_bytes()
        names = [self.write("good.jpg", photo), self.write("cut.jpg", photo[:len(photo) // 3]),
                 self.write("empty.jpg", b""), self.write("text.jpg", b"Dear picture,\n" * 9),
                 str(self.folder / "missing.jpg"), self.write("last.png", png(64, 48))]
        os.mkdir(self.folder / "nothing")
        names.append(str(self.folder / "nothing"))
        result = mien("detect", *names)
        self.assertEqual(result.returncode, 1)
        found = objects(result)
        self.assertEqual([e["file"] for e in found], names)
        self.assertEqual([e.get("code") for e in found],
                         [None, "eformat", "eformat", "eformat", "eio", None, "eio"])
        for entry in found:
            if "error" in entry:
                self.assertEqual(set(entry), {"file", "format_version", "error", "code"})
                self.assertIn(entry["file"], entry["error"])
        faces = sum(len(e.get("faces", [])) for e in found)
        self.assertEqual(result.stderr.splitlines(),
                         [f"mien: {e['error']}" for e in found if "error" in e]
                         + [f"mien: 7 pictures, {faces} faces, 5 failed: cut.jpg, empty.jpg, text.jpg, "
                            "missing.jpg, nothing"])
        self.assertIn("No such file", found[4]["error"])
        self.assertEqual((found[5]["width"], found[5]["height"]), (64, 48))
        self.assertIn("no pictures in this folder", found[6]["error"])

    @needs_photos
    def test_folders_are_walked_in_order(self):
        picture = png(40, 40)
        for name in ("b.png", "a/z.PNG", "a/y.png", "c/d/e.png", ".hidden.png", ".git/x.png"):
            self.write(name, picture)
        self.write("notes.txt", b"no picture")
        os.symlink("..", self.folder / "c" / "loop")
        os.symlink("nowhere", self.folder / "dangling.png")
        result = mien("classify", str(self.folder) + "/")
        self.assertEqual(result.returncode, 1)
        names = [os.path.relpath(e["file"], self.folder) for e in objects(result)]
        self.assertEqual(names, ["a/y.png", "a/z.PNG", "b.png", "c/d/e.png", "dangling.png"])
        self.assertIn("error", objects(result)[4])
        self.assertIn("mien: passed over 2 files in folders, hidden or without a picture's extension\n",
                      result.stderr)

    @needs_photos
    def test_every_extension_of_a_picture_counts(self):
        for name in ("a.pbm", "b.jpe", "c.mpo", "d.heic", "e.HEIF", "f.avif", "g.tif", "h.tiff"):
            self.write(name, png(40, 40))
        result = mien("classify", str(self.folder))
        self.assertEqual(len(objects(result)), 8)
        self.assertNotIn("passed over", result.stderr)

    @needs_photos
    def test_salvage(self):
        jpeg = io.BytesIO()
        Image.effect_noise((320, 240), 60).save(jpeg, "JPEG")
        cut = self.write("cut.jpg", jpeg.getvalue()[:len(jpeg.getvalue()) // 2])
        refused, read = mien("detect", cut), mien("detect", "--salvage", cut)
        self.assertEqual((refused.returncode, read.returncode), (1, 0))
        self.assertIn("the data ends before the picture does", objects(refused)[0]["error"])
        self.assertRegex(objects(read)[0]["warning"], r"the data ends at row 1[12]\d of 240")

    @needs_photos
    def test_odd_names(self):
        os.mkdir(os.fsencode(self.folder) + b"/odd")
        for name in (b"caf\xe9.png", b"cut\xe2\x82.png", b'quo"te\\\n\x01.png',
                     "größe ☃.png".encode(), b"-dash.png", b"\xed\xa0\x80.png"):
            with open(os.fsencode(self.folder) + b"/odd/" + name, "wb") as file:
                file.write(png(32, 32))
        result = mien("detect", "odd", cwd=self.folder)
        self.assertEqual(result.returncode, 0)
        self.assertEqual({e["file"] for e in objects(result)},
                         {"odd/caf\ufffd.png", "odd/cut\ufffd\ufffd.png", 'odd/quo"te\\\n\x01.png',
                          "odd/größe ☃.png", "odd/-dash.png", "odd/\ufffd\ufffd\ufffd.png"})
        result = mien("detect", "--", "-dash.png", cwd=self.folder / "odd")
        self.assertEqual(result.returncode, 0)
        # The error sentence carries the name, too.
        result = mien("detect", os.fsdecode(b"mis\xff.png"))
        self.assertEqual((result.returncode, objects(result)[0]["file"]), (1, "mis\ufffd.png"))


class Draw(Folder):
    @needs_photos
    def test_one_file(self):
        # Drawn as PPM, so that pixels can be compared: boxes and labels changed, most did not.
        target = self.folder / "new" / "out.ppm"
        result = mien("analyze", "--draw", str(target), str(PHOTOS[0]))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (entry,) = objects(result)
        width, height, drawn = read_ppm(target.read_bytes())
        self.assertEqual((width, height), (entry["width"], entry["height"]))
        blank = self.folder / "blank.ppm"
        mien("detect", "--threshold=1", "--draw", str(blank), str(PHOTOS[0]))
        plain = read_ppm(blank.read_bytes())[2]
        changed = sum(a != b for a, b in zip(drawn, plain)) / len(plain)
        self.assertTrue(0 < changed < 0.5, changed)
        x1, y1, _, y2 = (round(v) for v in entry["faces"][0]["box"])
        column = [plain[3 * (y * width + x):][:3] != drawn[3 * (y * width + x):][:3]
                  for y in range((y1 + y2) // 2 - 5, (y1 + y2) // 2 + 5)
                  for x in range(max(x1 - 2, 0), x1 + 3)]
        self.assertGreater(sum(column), 9, "the left edge of the box")

    @needs_photos
    def test_a_folder(self):
        for name in ("in/a.png", "in/sub/a.png", "in/b.bmp.gif"):
            self.write(name, png(50, 40))
        args = ["detect", str(self.folder / "in"), str(self.folder / "in" / "a.png"), "--draw",
                str(self.folder / "in" / "out")]
        for _ in range(2):  # the second time over, what was drawn is no input
            result = mien(*args)
            self.assertEqual(result.returncode, 0, result.stdout)
            self.assertEqual(len(objects(result)), 4)
        drawn = {str(p.relative_to(self.folder / "in" / "out"))
                 for p in (self.folder / "in" / "out").rglob("*.*")}
        self.assertEqual(drawn, {"a.png", "a-2.png", "sub/a.png", "b.bmp.png"})

    @needs_photos
    def test_inputs_are_never_overwritten(self):
        data = png(50, 40)
        one = self.write("one.png", data)
        os.link(one, self.folder / "twin.png")
        os.symlink("one.png", self.folder / "link.png")
        for target in ("one.png", "twin.png", "link.png", "", "./"):
            result = mien("detect", one, "--draw", f"{self.folder}/{target}")
            self.assertEqual((result.returncode, result.stdout), (2, b""), target)
            self.assertIn("is one of the pictures to be read", result.stderr)
            self.assertEqual(Path(one).read_bytes(), data)

    @needs_photos
    def test_a_drawing_that_fails_is_told(self):
        blocked = self.write("file", b"")
        one = self.write("one.png", png(50, 40))
        result = mien("detect", one, "--draw", blocked + "/x.png")
        self.assertEqual(result.returncode, 1)
        self.assertIn("faces", objects(result)[0])
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertIn(blocked, result.stderr)

    @needs_photos
    def test_standard_input_has_a_name(self):
        result = mien("classify", "-", "--draw", str(self.folder) + "/", stdin=png(50, 40))
        self.assertEqual(result.returncode, 0)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["stdin.png"])


class Streams(Folder):
    @needs_photos
    def test_a_closed_pipe_ends_quietly(self):
        names = [self.write(f"{i}.png", png(60, 60)) for i in range(30)]
        with subprocess.Popen([os.path.abspath(TOOL), "detect", *names], env=BASE_ENV,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            first = process.stdout.readline()
            process.stdout.close()
            errors = process.stderr.read()
            self.assertEqual((process.wait(60), errors), (0, b""))
        self.assertEqual(json.loads(first)["file"], names[0])

    @needs_photos
    def test_each_line_comes_when_it_is_done(self):
        first = self.write("a.png", png(40, 40))
        with subprocess.Popen([os.path.abspath(TOOL), "detect", first, "-"], env=BASE_ENV,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            # The tool waits for standard input: the first line must be here already.
            self.assertIn("faces", json.loads(process.stdout.readline()))
            process.stdin.write(png(40, 40))
            process.stdin.close()
            self.assertIn("faces", json.loads(process.stdout.readline()))
            self.assertEqual(process.wait(60), 0)

    @needs_photos
    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
    def test_a_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([os.path.abspath(TOOL), "detect",
                                     self.write("a.png", png(40, 40))], env=BASE_ENV, stdout=full,
                                    stderr=subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"No space left on device", result.stderr)

    @needs_photos
    def test_progress_on_a_terminal_only(self):
        names = [self.write(f"{i}.png", png(60, 60)) for i in range(8)]
        text = on_terminal("detect", *names, "missing", stdout=subprocess.DEVNULL)
        self.assertRegex(text, rb"\[-+\] 0/9")
        self.assertTrue(text.endswith(b"\r\x1b[K\r\x1b[Kmien: 9 pictures, 0 faces, 1 failed: missing"
                                      b"\r\n"), "the bar is wiped at the end")
        self.assertEqual(on_terminal("detect", names[0], stdout=subprocess.DEVNULL), b"")
        self.assertEqual(mien("detect", *names).stderr, "mien: 8 pictures, 0 faces\n")

    @needs_photos
    def test_pretty_is_coloured_on_a_terminal_only(self):
        name = self.write("a.png", png(60, 60))
        self.assertIn(b"\x1b[32m", on_terminal("detect", "--pretty", name))
        self.assertNotIn(b"\x1b", on_terminal("detect", "--json", name))


def jpeg_size(data):
    """(width, height) from the frame header of a JPEG (ITU T.81, B.2.2); no EXIF orientation."""
    at = 2
    while True:
        marker, length = data[at + 1], int.from_bytes(data[at + 2:at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return (int.from_bytes(data[at + 7:at + 9], "big"),
                    int.from_bytes(data[at + 5:at + 7], "big"))
        at += 2 + length


if __name__ == "__main__":
    if not (HAVE_NETWORKS and PHOTOS):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
