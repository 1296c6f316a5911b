#!/usr/bin/env python3
"""Pictures decoded in a process of their own: the same pixels, and whatever becomes of that process
is one sentence in ours."""
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from reader import Refused, pattern, read

DECODER = str(Path(os.environ.get("MIEN_BUILD_DIR", "build")) / "mien-decode")
VERSION = subprocess.run([os.environ["MIEN_TOOL"], "--version"], capture_output=True, text=True,
                         check=True).stdout.split()[1]


def answer(rc=0, width=1, height=1, sentence=b"", version=VERSION):
    """What stands before the pixels: struct isolate_answer."""
    return struct.pack("=16siiii512s", version.encode(), rc, width, height, 0, sentence)


class Isolate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "a.tif"
        Image.fromarray(pattern(640, 480)).save(self.path)

    def script(self, text):
        """A program in the place of the decoder."""
        path = self.folder / "decoder"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return {"MIEN_DECODER": str(path)}

    def answers(self, data, then="exit 0"):
        (self.folder / "answer").write_bytes(data)
        return self.script(f"cat '{self.folder}/answer'\n{then}")

    def refuse(self, sentence, *options, env):
        with self.assertRaisesRegex(Refused, sentence):
            read(self.path, *options, env=env)

    def test_same_pixels(self):
        turned = Image.fromarray(pattern(63, 47))
        exif = turned.getexif()
        exif[0x112] = 6
        turned.save(self.folder / "turned.tif", exif=exif)
        paths = [self.path, self.folder / "turned.tif"]
        if shutil.which("heif-enc"):
            Image.fromarray(pattern(96, 64)).save(self.folder / "a.png")
            paths.append(self.folder / "a.heic")
            subprocess.run(["heif-enc", "-o", paths[-1], self.folder / "a.png"], check=True,
                           stdout=subprocess.DEVNULL)
        for path in paths:
            for options in (), ("-k",):
                here, alpha, asked = read(path, *options, env={"MIEN_DECODER": "none"})
                self.assertGreater(asked, 1)
                there, its_alpha, _ = read(path, *options, env={"MIEN_DECODER": DECODER})
                np.testing.assert_array_equal(here, there)
                self.assertEqual(alpha, its_alpha)

    def test_its_sentences(self):
        for name, cut, options in (("limit", None, ("-m", 1000)), ("cut", 3000, ())):
            with self.subTest(name):
                if cut:
                    self.path.write_bytes(self.path.read_bytes()[:cut])
                said = []
                for program in "none", DECODER:
                    with self.assertRaises(Refused) as refused:
                        read(self.path, *options, env={"MIEN_DECODER": program})
                    said.append(str(refused.exception))
                self.assertEqual(said[0], said[1])

    def test_no_program(self):
        self.refuse("TIFF: /none, which decodes it, cannot be run: No such file",
                    env={"MIEN_DECODER": "/none"})

    def test_it_breaks_off(self):
        broke_off = "TIFF: its decoder broke off"
        self.refuse(f"{broke_off} by signal Segmentation fault: ", env=self.script("kill -SEGV $$"))
        self.refuse(f"{broke_off} by signal Aborted: ",
                    env=self.answers(answer() + bytes(3), "kill -ABRT $$"))
        self.refuse(f"{broke_off}: the file", env=self.script("exit 1"))
        self.refuse(f"{broke_off}: the file", env=self.answers(answer()[:-1]))

    def test_its_answer_is_not_trusted(self):
        self.refuse("TIFF: its decoder left no pixels", env=self.answers(answer() + bytes(2)))
        self.refuse("over the limit", env=self.answers(answer(width=1 << 20, height=1 << 20)))
        self.refuse("the header gives a size of 0x1", env=self.answers(answer(width=-5)))
        self.refuse("is of version 0.0 of mien, not of", env=self.answers(answer(version="0.0")))
        self.refuse(f"^[^ ]+: {'x' * 400}", env=self.answers(answer(rc=-3, sentence=b"x" * 512)))
        pixels, _, _ = read(self.path, env=self.answers(answer() + b"\1\2\3"))
        self.assertEqual(pixels.tolist(), [[[1, 2, 3]]])

    def test_given_up(self):
        """One that never ends is ended when nobody wants the picture, and leaves nothing behind."""
        env = self.script(f"echo $$ >'{self.folder}/pid'\nexec sleep 600")
        self.refuse("TIFF: given up while it was decoded", "-s", 40, env=env)
        pid = (self.folder / "pid").read_text().strip()
        self.assertFalse(Path(f"/proc/{pid}").exists())

    def test_it_ends_with_its_parent(self):
        """The decoder ends when whoever asked it is killed, even while a library never returns."""
        (self.folder / "hangs.c").write_text(
            '#include <unistd.h>\n__attribute__((constructor)) static void hang(void)'
            '{ for (;;) pause(); }\n')
        library = self.folder / "libhangs.so"
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", library,
                        self.folder / "hangs.c"], check=True)
        env = {**os.environ, "MIEN_DECODER": DECODER, "MIEN_LIBTIFF": str(library)}
        with subprocess.Popen([os.environ["MIEN_PICTURE_READER"], self.path], env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            while not (child := children.read_text().split()):
                time.sleep(0.01)
            exe = Path(f"/proc/{child[0]}/exe")
            maps = Path(f"/proc/{child[0]}/maps")
            while "libhangs" not in maps.read_text():
                time.sleep(0.01)
            self.assertEqual(exe.resolve(), Path(DECODER).resolve())
            process.kill()
            process.wait()
            while exe.exists():
                time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
