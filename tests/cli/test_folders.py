#!/usr/bin/env python3
"""Folders into a folder: names, what is up to date, what failed, being killed, --watch.

The networks are of two layers (tests/failures/networks.py), so that only what is tested takes time.
MIEN_TEST_SIZE=small: fewer kills and files.
"""
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "failures")]
from networks import write_networks  # noqa: E402
from tool import (BASE_ENV, TOOL, Folder, PHOTOS, mien, needs_photos,  # noqa: E402
                  objects, on_terminal, png)

SMALL = os.environ.get("MIEN_TEST_SIZE") == "small"
SECONDS = 60  # until what does not come is taken not to


def answers(folder):
    """{name: object} of the answers in a folder; every one has to be whole."""
    return {str(p.relative_to(folder)): json.loads(p.read_text(encoding="utf-8"))
            for p in folder.rglob("*.json")}


def without_timing(answer):
    return {key: value for key, value in answer.items() if key != "timing_ms"}


class Folders(Folder):
    def setUp(self):
        super().setUp()
        write_networks(self.folder)
        self.source, self.out = self.folder / "in", self.folder / "out"
        self.source.mkdir()

    def args(self, *more, command="detect", source="in"):
        return [command, "--weights=.", "--detector=detect", "--output=out", *more, source]

    def detect(self, *more, status=0, **kwargs):
        result = mien(*self.args(*more, **kwargs), cwd=self.folder)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def put(self, *names, side=24):
        for name in names:
            self.write(f"in/{name}", png(side, side))

    def files(self, result):
        return [entry["file"] for entry in objects(result)]

    def written(self):
        return {str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file()}

    def start(self, *more, **kwargs):
        process = subprocess.Popen([os.path.abspath(TOOL), *self.args(*more)], cwd=self.folder,
                                   env=BASE_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   **kwargs)
        self.addCleanup(self.stop, process)
        return process

    def stop(self, process):
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


class Names(Folders):
    def test_each_picture_has_its_own(self):
        self.put("a.png", "a.bmp", "a.Png", "a.b.png", "a.png.png", "b.gif.png", "c.JPG",
                 "sub/a.png", "sub/deep er/x.png")
        self.detect()
        want = {"a.bmp": "a", "a.png": "a.png", "a.Png": "a.Png", "a.b.png": "a.b",
                "a.png.png": "a.png.png", "b.gif.png": "b.gif", "c.JPG": "c", "sub/a.png": "sub/a",
                "sub/deep er/x.png": "sub/deep er/x"}
        found = {answer["file"]: name for name, answer in answers(self.out).items()}
        self.assertEqual(found, {f"in/{k}": f"{v}.json" for k, v in want.items()})
        # One more of a name changes nobody's but that of the first.
        self.put("sub/a.bmp")
        self.assertEqual(self.files(self.detect()), ["in/sub/a.bmp", "in/sub/a.png"])
        self.assertEqual(answers(self.out)["sub/a.png.json"]["file"], "in/sub/a.png")

    def test_drawn_pictures_lie_beside(self):
        self.put("a.png", "a.bmp", "b.gif", "sub/c.png")
        self.detect("--draw=out")
        self.assertEqual(self.written(),
                         {"a.png", "a.bmp.png", "b.png", "sub/c.png", "a.json", "a.png.json",
                          "b.json", "sub/c.json"})
        self.assertEqual(self.files(self.detect("--draw=out")), [])
        (self.out / "b.png").unlink()
        self.assertEqual(self.files(self.detect("--draw=out")), ["in/b.gif"])
        refused = mien(*self.args("--draw=in"), cwd=self.folder)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("pictures would be overwritten", refused.stderr)

    def test_several_folders_and_files(self):
        self.put("x/a.png", "y/x/a.png", "a.png")
        result = mien("detect", "--weights=.", "--detector=detect", "--output=out", "in/x",
                      "in/y/x", "in/a.png", cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.written(), {"x/a.json", "x-2/a.json", "a.json"})

    def test_odd_names_and_loops(self):
        names = [b"caf\xe9.png", b"new\nline.png", "größe ☃.png".encode(), b"-dash.png",
                 b"x" * 240 + b".png"]
        for name in names:
            (self.source / os.fsdecode(name)).write_bytes(png(24, 24))
        os.symlink("..", self.source / "loop")
        os.symlink("me", self.source / "me")
        os.symlink("nowhere", self.source / "dangling.png")
        self.write("in/.hidden.png", png(24, 24))
        self.write("in/notes.txt", b"")
        result = self.detect(status=1)
        self.assertEqual({os.fsencode(p.name) for p in self.out.iterdir()},
                         {n[:-4] + b".json" for n in names} | {b"failed.jsonl", b"dangling.json"})
        self.assertEqual(len(objects(result)), 6)
        self.assertEqual(self.files(self.detect(status=1)), ["in/dangling.png"])
        too_long = self.source / ("y" * 251 + ".png")
        too_long.write_bytes(png(24, 24))
        result = self.detect(status=1)
        self.assertIn("File name too long", result.stderr)

    def test_what_is_written_is_never_read(self):
        self.put("a.png")
        for _ in range(2):  # the first makes the folder that is left out
            result = mien("detect", "--weights=.", "--detector=detect", "--output=in/out",
                          "--draw=in/drawn", "--force", "in", cwd=self.folder)
            self.assertEqual((result.returncode, self.files(result)), (0, ["in/a.png"]))
        self.assertEqual({str(p.relative_to(self.source)) for p in self.source.rglob("*.*")},
                         {"a.png", "out/a.json", "drawn/a.png"})


class UpToDate(Folders):
    def test_only_what_has_changed_is_done(self):
        self.put("a.png", "b.png", "c.png", "sub/d.png")
        self.assertEqual(len(self.files(self.detect())), 4)
        result = self.detect()
        self.assertEqual((self.files(result), result.stderr),
                         ([], "mien: 0 pictures, 0 faces, 4 up to date\n"))
        b = self.source / "b.png"
        # another picture of the same time, and of another time and the same bytes
        times = b.stat()
        self.put("b.png", side=32)
        os.utime(b, ns=(times.st_atime_ns, times.st_mtime_ns))
        self.assertEqual(self.files(self.detect()), ["in/b.png"])
        self.assertEqual(answers(self.out)["b.json"]["width"], 32)
        os.utime(b, ns=(0, times.st_mtime_ns + 1))
        self.assertEqual(self.files(self.detect()), ["in/b.png"])
        # what was written for it is gone, empty, or somebody else's
        (self.out / "a.json").unlink()
        self.assertEqual(self.files(self.detect()), ["in/a.png"])
        stamp = (self.out / "a.json").stat().st_mtime_ns
        (self.out / "a.json").write_bytes(b"")
        os.utime(self.out / "a.json", ns=(0, stamp))
        (self.out / "c.json").write_text("{}")
        self.assertEqual(self.files(self.detect()), ["in/a.png", "in/c.png"])

    def test_options_and_networks_count(self):
        self.put("a.png")
        for more in ([], ["--threshold=0.6"], ["--pretty"], ["--format=seed"], []):
            self.assertNotEqual(self.detect(*more).stdout, b"", more)
            self.assertEqual(self.detect(*more, "--threads=1").stdout, b"", more)
        self.assertEqual(self.files(self.detect("--force")), ["in/a.png"])
        blob = self.folder / "detect.safetensors"
        data = bytearray(blob.read_bytes())
        data[-1] ^= 1  # a bit of a weight
        blob.write_bytes(data)
        self.assertEqual(self.files(self.detect()), ["in/a.png"])

    def test_files_that_were_named_are_always_done(self):
        self.put("a.png")
        for _ in range(2):
            self.assertEqual(self.files(self.detect(source="in/a.png")), ["in/a.png"])
        self.assertEqual(self.written(), {"a.json"})


class Failed(Folders):
    def failed(self):
        path = self.out / "failed.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def test_a_failure_is_listed_and_not_tried_again(self):
        self.put("a.png", "b.png")
        self.write("in/empty.jpg", b"")
        self.write("in/text.png", b"no picture")
        result = self.detect(status=1)
        self.assertRegex(result.stderr,
                         r"mien: 4 pictures, \d+ faces, 2 failed: empty.jpg, text.png\n")
        self.assertEqual([(f["file"], f["code"]) for f in self.failed()],
                         [("in/empty.jpg", "eformat"), ("in/text.png", "eformat")])
        before = (self.out / "failed.jsonl").read_bytes()
        result = self.detect()
        self.assertEqual((result.stdout, result.stderr),
                         (b"", "mien: 0 pictures, 0 faces, 2 up to date, 2 in failed.jsonl\n"))
        self.assertEqual((self.out / "failed.jsonl").read_bytes(), before)
        self.assertEqual(self.files(self.detect("--retry", status=1)),
                         ["in/empty.jpg", "in/text.png"])
        self.assertEqual(len(self.failed()), 2)
        # One is mended, then one is gone.
        self.put("text.png")
        self.assertEqual(self.files(self.detect()), ["in/text.png"])
        self.assertEqual([f["file"] for f in self.failed()], ["in/empty.jpg"])
        (self.source / "empty.jpg").unlink()
        self.detect()
        self.assertNotIn("failed.jsonl", self.written())

    def test_in_the_seeds_shape_it_has_no_file(self):
        self.put("a.png", "b.png")
        self.detect("--format=seed")
        self.write("in/a.png", b"no picture any more")
        result = self.detect("--format=seed", status=1)
        self.assertEqual((result.stdout, self.written()), (b"", {"b.json", "failed.jsonl"}))

    def test_a_line_that_was_cut_off(self):
        self.write("in/a.png", b"")
        self.write("in/b.png", b"")
        self.detect(status=1)
        path = self.out / "failed.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(lines[0] + lines[1][:40])
        self.assertEqual(self.files(self.detect(status=1)), ["in/b.png"])
        self.assertEqual([f["file"] for f in self.failed()], ["in/a.png", "in/b.png"])

    def test_a_folder_that_cannot_be_written_to(self):
        self.put("a.png", "b.png")
        self.write("file", b"")
        result = mien("detect", "--weights=.", "--detector=detect", "--output=file/out", "in",
                      cwd=self.folder)
        self.assertEqual((result.returncode, result.stderr),
                         (1, "mien: file/out: Not a directory\n"))
        self.out.mkdir()
        lock = os.open(self.out, os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = self.detect(status=1)
        self.assertEqual((result.stdout, result.stderr),
                         (b"", "mien: out: another mien is writing to this folder\n"))

    def test_a_full_disk_ends_the_run(self):
        self.out.mkdir()
        os.symlink("/dev/full", self.out / "failed.jsonl")
        self.write("in/0.png", b"")
        self.put(*(f"{i}.png" for i in range(1, 100)))
        result = self.detect("--threads=1", status=1)
        self.assertEqual([line for line in result.stderr.splitlines() if "No space" in line],
                         ["mien: out/failed.jsonl: No space left on device"])
        self.assertLess(len(objects(result)), 20)

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_what_may_not_be_read(self):
        self.put("a.png", "shut/b.png")
        os.chmod(self.source / "shut", 0)
        self.addCleanup(os.chmod, self.source / "shut", 0o700)
        for _ in range(2):  # it may be right the next time
            self.assertEqual(self.detect(status=1).stderr.count("Permission denied"), 1)
        os.chmod(self.source / "shut", 0o700)
        self.assertEqual(self.files(self.detect()), ["in/shut/b.png"])


class Ended(Folders):
    """A run whose standard output nobody reads stands still, in the middle."""
    COUNT = 600  # lines of more than a pipe holds

    def setUp(self):
        super().setUp()
        self.put("0000.png")
        for i in range(1, self.COUNT):
            os.link(self.source / "0000.png", self.source / f"{i:04}.png")

    def test_pictures_that_go_meanwhile_are_no_failures(self):
        process = self.start()
        process.stdout.readline()
        for i in range(self.COUNT - 100, self.COUNT):
            (self.source / f"{i:04}.png").unlink()
        lines = process.stdout.read().splitlines()
        self.assertEqual(process.wait(SECONDS), 0, process.stderr.read())
        self.assertEqual(len(lines) + 1, self.COUNT - 100)
        self.assertEqual(len(self.written()), self.COUNT - 100)

    def test_a_signal_ends_it_and_the_next_run_goes_on(self):
        process = self.start()
        first = [process.stdout.readline()]
        process.send_signal(signal.SIGTERM)
        first += process.stdout.read().splitlines()
        self.assertEqual(process.wait(SECONDS), 1)
        self.assertIn(b"stopped before the end", process.stderr.read())
        self.assertEqual(len(self.written()), len(first))
        self.assertLess(len(first), self.COUNT)
        rest = self.detect()
        self.assertEqual(len(first) + len(objects(rest)), self.COUNT)
        self.assertIn(f"{len(first)} up to date", rest.stderr)

    def test_killed_again_and_again(self):
        self.write("in/bad.png", b"")
        for i in range(200 if SMALL else self.COUNT, self.COUNT):
            (self.source / f"{i:04}.png").unlink()
        count = sum(1 for _ in self.source.iterdir())
        dice = random.Random(18)
        seen, kills = [], 20 if SMALL else 200
        log = self.folder / "log"
        for _ in range(kills):
            with open(log, "wb") as out, subprocess.Popen(
                    [os.path.abspath(TOOL), *self.args("--threads=2")], cwd=self.folder,
                    env=BASE_ENV, stdout=out, stderr=subprocess.DEVNULL) as process:
                time.sleep(dice.uniform(0.005, 0.05))
                process.kill()
                process.wait()
            answers(self.out)  # all are whole
            # a line is printed when its file is there: none is done twice
            seen += [json.loads(line)["file"] for line in log.read_bytes().splitlines(True)
                     if line.endswith(b"\n")]
        seen += self.files(mien(*self.args(), cwd=self.folder))
        doubles = len(seen) - len(set(seen))
        found = answers(self.out)
        self.assertEqual(len(found), count)
        self.assertEqual(doubles, 0)
        self.assertEqual({a["file"] for a in found.values()},
                         {f"in/{p.name}" for p in self.source.iterdir()})
        right = without_timing(found["0000.json"])
        for answer in found.values():
            if "error" not in answer:
                self.assertEqual({**without_timing(answer), "file": 0}, {**right, "file": 0})
        self.assertEqual(len((self.out / "failed.jsonl").read_text().splitlines()), 1)
        self.assertFalse([p for p in self.out.iterdir() if p.name.startswith(".")])


class Watch(Folders):
    def setUp(self):
        super().setUp()
        self.put("before.png")
        self.process = None

    def begin(self, *more):
        self.process = self.start("--watch", *more)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def lines(self, count):
        """The next lines, which have to be that many."""
        end = time.monotonic() + SECONDS
        while self.text.count(b"\n") < count and time.monotonic() < end:
            time.sleep(0.01)
            self.text += self.process.stdout.read() or b""
            self.assertIsNone(self.process.poll())
        lines = self.text.splitlines()
        self.text = b""
        return [json.loads(line) for line in lines]

    def names(self, count):
        return sorted(entry["file"] for entry in self.lines(count))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(SECONDS), 0)
        return self.process.stderr.read().decode()

    def test_what_comes_is_done_once(self):
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "moved.png").write_bytes(png(24, 24))
        (outside / "folder" / "deep").mkdir(parents=True)
        (outside / "folder" / "deep" / "x.png").write_bytes(png(24, 24))
        self.begin()
        self.assertEqual(self.names(1), ["in/before.png"])
        # half a copy is waited for
        data = png(40, 40)
        with open(self.source / "slow.png", "wb") as file:
            file.write(data[:60])
            file.flush()
            self.put("quick.png")
            self.assertEqual(self.names(1), ["in/quick.png"])
            time.sleep(1.2)
            file.write(data[60:])
        (slow,) = self.lines(1)
        self.assertEqual((slow["file"], slow["width"]), ("in/slow.png", 40))
        os.rename(outside / "moved.png", self.source / "moved.png")
        self.assertEqual(self.names(1), ["in/moved.png"])
        os.rename(outside / "folder", self.source / "folder")
        self.assertEqual(self.names(1), ["in/folder/deep/x.png"])
        self.put("folder/y.png", "new/z.png")
        self.assertEqual(self.names(2), ["in/folder/y.png", "in/new/z.png"])
        os.link(self.source / "quick.png", self.source / "linked.png")
        os.symlink("quick.png", self.source / "symlink.png")
        self.assertEqual(self.names(2), ["in/linked.png", "in/symlink.png"])
        # replaced by a file that was moved over it, and written anew
        (outside / "other.png").write_bytes(png(32, 32))
        os.rename(outside / "other.png", self.source / "quick.png")
        self.assertEqual([(a["file"], a["width"]) for a in self.lines(1)], [("in/quick.png", 32)])
        self.put("quick.png", side=48)
        self.assertEqual([(a["file"], a["width"]) for a in self.lines(1)], [("in/quick.png", 48)])
        # a folder that was moved away is watched no more; hidden ones and others never
        os.rename(self.source / "folder", outside / "folder")
        (outside / "folder" / "late.png").write_bytes(png(24, 24))
        self.write("in/.hidden.png", png(24, 24))
        self.write("in/notes.txt", b"")
        self.put("quick.bmp", "last.png")  # quick.bmp: has the better right to quick.json
        self.assertEqual(self.names(2), ["in/last.png", "in/quick.bmp"])
        said = self.end()
        self.assertNotIn("failed", said)
        self.assertIn("1 pictures", said)
        # What changed hands a run finds, and what a link leads to, of which nothing is told.
        self.assertEqual(self.files(self.detect()), ["in/quick.png", "in/symlink.png"])

    def test_what_came_while_it_was_down(self):
        for _ in range(2):
            self.begin()
            self.assertEqual(len(self.lines(1)), 1)
            self.end()
            self.put("later.png")
        self.begin()
        self.put("now.png")
        self.assertEqual(self.names(2), ["in/later.png", "in/now.png"])
        self.end()
        self.assertEqual(self.written(), {"before.json", "later.json", "now.json"})

    def test_output_inside_and_a_folder_that_goes(self):
        process = subprocess.Popen(
            [os.path.abspath(TOOL), "detect", "--weights=.", "--detector=detect", "--watch",
             "--output=in/out", "--draw=in/out", "in"], cwd=self.folder, env=BASE_ENV,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.stop, process)
        self.assertEqual(json.loads(process.stdout.readline())["file"], "in/before.png")
        self.put("next.png")
        self.assertEqual(json.loads(process.stdout.readline())["file"], "in/next.png")
        shutil.rmtree(self.source)
        self.assertEqual(process.wait(SECONDS), 1)
        self.assertEqual(process.stdout.read(), b"")
        self.assertIn(b"mien: in: the folder is gone\n", process.stderr.read())

    @unittest.skipIf(SMALL, "of many files")
    def test_more_than_the_kernel_keeps(self):
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            events = int(file.read())
        if events > 20000:
            self.skipTest("the queue is long here")
        self.begin()
        self.assertEqual(self.names(1), ["in/before.png"])
        self.process.send_signal(signal.SIGSTOP)
        for i in range(events + 1):  # each of another name: events that are equal are one
            twin = self.source / f"{i % 2}.txt"
            os.link(self.source / "before.png", twin)
            os.unlink(twin)
        self.put("lost.png")
        (self.source / "lost").mkdir()
        self.put("lost/x.png")
        self.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.names(2), ["in/lost.png", "in/lost/x.png"])
        self.put("lost/y.png")
        self.assertEqual(self.names(1), ["in/lost/y.png"])
        self.end()

    def test_wrong_command_lines(self):
        for args, says in [(["detect", "--watch", "in"], "--watch needs a folder to write to"),
                           (["detect", "--retry", "in"], "--retry needs a folder to write to"),
                           (["detect", "--watch", "--output=out", "in/before.png"],
                            "--watch: in/before.png is no folder"),
                           (["classify", "--format=seed", "in"], "unknown option --format")]:
            result = mien(*args, cwd=self.folder)
            self.assertEqual(result.returncode, 2)
            self.assertIn(says, result.stderr)


class Large(Folders):
    def peak(self, count):
        """Peak resident memory of a run over so many files, KiB."""
        for i in range(sum(1 for _ in self.source.iterdir()), count):
            (self.source / f"{i:07}.png").touch()
        with subprocess.Popen([os.path.abspath(TOOL), *self.args("--format=seed", "--threads=2")],
                              cwd=self.folder, env=BASE_ENV, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 1)
        with open(self.out / "failed.jsonl", "rb") as file:
            self.assertEqual(sum(1 for _ in file), count)
        return usage.ru_maxrss

    @unittest.skipIf(SMALL, "sanitizers keep what was freed")
    def test_memory_does_not_grow_with_the_folder(self):
        few, many = 4000, 100000
        before = self.peak(few)
        grown = self.peak(many) - before
        # A name takes 32 bytes and its place at the least: all of them at once would be more.
        # failed.jsonl is known by 24 bytes a line in a table at most a quarter full.
        self.assertLess(grown, 1500 + (16384 * 40 + 4 * 24 * many) / 1024, f"KiB, of {before}")

    def test_progress_counts_what_was_done_before(self):
        self.put(*(f"{i:02}.png" for i in range(20)))  # they come before the others
        self.detect()
        self.put(*(f"{i}.png" for i in range(20, 30)))
        cwd = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, cwd)
        shown = on_terminal(*self.args()).decode()
        self.assertIn(" 30/30 ", shown)
        self.assertIn("/s  0:00:00 left", shown)
        self.assertIn("10 pictures, ", shown)


class Seed(Folders):
    @needs_photos
    def test_the_shape(self):
        shutil.copy(PHOTOS[0], self.source / "test_image_1.jpg")
        result = mien("analyze", "--classifier=none", "--output=out", "--format=seed", "in",
                      cwd=self.folder)
        ours = mien("analyze", "--classifier=none", str(PHOTOS[0]))
        (entry,), (found,) = objects(result), objects(ours)
        self.assertEqual(answers(self.out), {"test_image_1.json": entry})
        self.assertEqual(list(entry), ["image_id", "faces", "processing_time"])
        self.assertEqual(entry["image_id"], "test_image_1.jpg")
        self.assertRegex(entry["processing_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$")
        self.assertEqual(len(entry["faces"]), len(found["faces"]))
        self.assertGreater(len(entry["faces"]), 0)
        for face, other in zip(entry["faces"], found["faces"]):
            self.assertEqual(face, {
                "bbox": [int(v + 0.5) for v in other["box"]], "confidence": other["score"],
                "age": other["age_range"]["group"],
                "age_confidence": other["age_range"]["probability"],
                "gender": other["gender"]["value"].capitalize(),
                "gender_confidence": other["gender"]["probability"]})
            self.assertIn(face["gender"], ("Female", "Male"))

    def test_what_is_not_known_is_null(self):
        self.put("a.png", side=64)
        (entry,) = objects(self.detect("--format=seed", "--threshold=0"))
        self.assertGreater(len(entry["faces"]), 0)
        face = entry["faces"][0]
        self.assertEqual([face[k] for k in ("age", "age_confidence", "gender", "gender_confidence")],
                         [None] * 4)


if __name__ == "__main__":
    if not Path(TOOL).exists():
        print("skipped: there is no tool")
        sys.exit(77)
    unittest.main()
