#!/usr/bin/env python3
"""HEIC and AVIF, written by heif-enc: pixels as heif-convert gives them, turned once, limits."""
import os
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from reader import Refused, most_differ, needs, over_white, pattern, read

needs("heif-enc")
needs("heif-convert")
# The turn (irot, quarters against the clock) and mirror (imir, axis) of a file, and what it shows.
TURNED = [(b"irot\0", lambda a: a), (b"irot\1", np.rot90), (b"irot\2", lambda a: np.rot90(a, 2)),
          (b"irot\3", lambda a: np.rot90(a, 3)), (b"imir\0", np.flipud), (b"imir\1", np.fliplr)]


def deep_png(rgb):
    """The picture as a PNG of 16 bits, which Pillow does not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb.astype(int) * 257)
    head = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")))


def boxes(data, at, end):
    """(where, length, kind) of the boxes in data[at:end]."""
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        yield at, length, kind
        at += length or end


def find(data, *path, at=0, end=None):
    """Where the content of a box lies: (begin, end)."""
    end = len(data) if end is None else end
    for where, length, kind in boxes(data, at, end):
        if kind == path[0]:
            begin = where + (12 if kind == b"meta" else 8)
            if len(path) == 1:
                return begin, where + length
            return find(data, *path[1:], at=begin, end=where + length)
    raise KeyError(path)


def with_property(data, body):
    """The file with one more property, of the primary item; places in the file move behind it."""
    data = bytearray(data)
    box = struct.pack(">I", 4 + len(body)) + body
    _, ipco_end = find(data, b"meta", b"iprp", b"ipco")
    ipco, _ = find(data, b"meta", b"iprp", b"ipco")
    index = len(list(boxes(data, ipco, ipco_end))) + 1
    ipma, _ = find(data, b"meta", b"iprp", b"ipma")
    assert data[ipma:ipma + 4] == bytes(4) and data[ipma + 4:ipma + 8] == b"\0\0\0\1"
    count = ipma + 10
    grown = len(box) + 1
    data[count] += 1
    end = count + data[count]
    data[end:end] = bytes([0x80 | index])
    data[ipco_end:ipco_end] = box
    for path, more in (((b"meta",), grown), ((b"meta", b"iprp"), grown),
                       ((b"meta", b"iprp", b"ipco"), len(box)),
                       ((b"meta", b"iprp", b"ipma"), 1)):
        # Sizes are read while they are still the old ones of what lies inside.
        add_to_size(data, path, more)
    move_items(data, grown)
    return bytes(data)


def add_to_size(data, path, more):
    at, end = 0, len(data)
    for depth, wanted in enumerate(path):
        for where, length, kind in boxes(data, at, end):
            if kind == wanted:
                break
        else:
            raise KeyError(path)
        if depth + 1 == len(path):
            struct.pack_into(">I", data, where, length + more)
        at, end = where + (12 if wanted == b"meta" else 8), len(data)


def move_items(data, by):
    """Adds to the offsets of iloc, version 0 or 1 with 4-byte offsets."""
    at, _ = find(data, b"meta", b"iloc")
    version, sizes, base = data[at], data[at + 4], data[at + 5] >> 4
    assert version in (0, 1) and sizes == 0x44
    (count,) = struct.unpack_from(">H", data, at + 6)
    at += 8
    for _ in range(count):
        method = struct.unpack_from(">H", data, at + 2)[0] if version else 0
        at += (4 if version else 2) + 2 + base
        (extents,) = struct.unpack_from(">H", data, at)
        at += 2
        for _ in range(extents):
            if method == 0:
                struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + by)
            at += 8


class Heif(unittest.TestCase):
    kinds = (("HEIC", "heic", ()), ("AVIF", "avif", ("-A",)))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def encode(self, pixels, ending, *options):
        source, out = self.folder / "source.png", self.folder / f"a.{ending}"
        Image.fromarray(pixels).save(source)
        subprocess.run(["heif-enc", *options, "-o", out, source], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return out

    def refuse(self, path, says, *options, env=None):
        with self.assertRaisesRegex(Refused, says):
            read(path, *options, env=env)

    def converted(self, path):
        """As heif-convert reads it."""
        out = self.folder / "converted.png"
        subprocess.run(["heif-convert", path, out], check=True, stdout=subprocess.DEVNULL)
        return np.array(Image.open(out))

    def test_pixels(self):
        for _, ending, options in self.kinds:
            path = self.encode(pattern(96, 64), ending, "-q", "90", *options)
            got, alpha, _ = read(path)
            self.assertEqual(most_differ(got, self.converted(path)), 0)
            self.assertLess(most_differ(got, pattern(96, 64)), 24)
            self.assertFalse(alpha)

    def test_odd_sizes(self):
        for _, ending, options in self.kinds:
            path = self.encode(pattern(75, 53), ending, *options)
            self.assertEqual(read(path)[0].shape, (53, 75, 3))

    def test_alpha(self):
        rgba = np.concatenate([pattern(96, 64), pattern(96, 64)[..., :1]], 2)
        for _, ending, options in self.kinds:
            path = self.encode(rgba, ending, "-L", *options)
            got, alpha, _ = read(path)
            self.assertTrue(alpha)
            self.assertEqual(most_differ(got, over_white(self.converted(path))), 0)
            self.assertLess(most_differ(got, over_white(rgba)), 16)

    def test_ten_bits(self):
        source, out = self.folder / "source.png", self.folder / "deep.heic"
        source.write_bytes(deep_png(pattern(96, 64)))
        subprocess.run(["heif-enc", "-b", "10", "-o", out, source], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertEqual(most_differ(read(out)[0], self.converted(out)), 0)
        self.assertLess(most_differ(read(out)[0], pattern(96, 64)), 24)

    def test_turned_once(self):
        upright = self.encode(pattern(96, 64), "heic", "-q", "95")
        stored = read(upright)[0]
        exif = b"Exif\0\0" + struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x112, 3, 1, 6, 0, 0)
        for body, turn in TURNED:
            path = self.folder / "turned.heic"
            path.write_bytes(with_property(upright.read_bytes(), body))
            self.assertEqual(most_differ(read(path)[0], turn(stored)), 0, body)
            self.assertEqual(most_differ(read(path, "-k")[0], stored), 0, body)
        source = self.folder / "exif.jpg"
        Image.fromarray(pattern(96, 64)).save(source, exif=exif, quality=95)
        path = self.folder / "exif.heic"
        subprocess.run(["heif-enc", "-o", path, source], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.assertEqual(most_differ(read(path)[0], self.converted(path)), 0)

    def test_limits(self):
        for name, ending, options in self.kinds:
            path = self.encode(pattern(96, 64), ending, *options)
            read(path, "-m", 96 * 64)
            self.refuse(path, f"{name}: a picture of .* is over the limit", "-m", 96 * 64 - 1)
            data = bytearray(path.read_bytes())
            at = data.index(b"ispe") + 8
            data[at:at + 8] = struct.pack(">II", 30000, 30000)
            (self.folder / "huge").write_bytes(data)
            self.refuse(self.folder / "huge", r"900\.0 megapixels \(30000x30000\) is over")
            data[at:at + 8] = struct.pack(">II", 90000, 90000)
            (self.folder / "huge").write_bytes(data)
            self.refuse(self.folder / "huge", f"{name}: ")

    def test_cut_off(self):
        for name, ending, options in self.kinds:
            data = self.encode(pattern(96, 64), ending, *options).read_bytes()
            path = self.folder / "cut"
            for part in range(1, 16):
                path.write_bytes(data[:max(len(data) * part // 16, 24)])
                self.refuse(path, f"^[^:]*: {name}: ")

    def test_given_up(self):
        for name, ending, options in self.kinds:
            path = self.encode(pattern(96, 64), ending, *options)
            asked = read(path)[2]
            self.assertGreater(asked, 1)
            for n in 1, asked:
                self.refuse(path, f"{name}: given up while it was decoded", "-s", n)

    def test_without_the_library(self):
        for name, ending, options in self.kinds:
            path = self.encode(pattern(96, 64), ending, *options)
            self.refuse(path, rf"this is {name}; {name} is read by .*apt-get install libheif1\)$",
                        env={"MIEN_LIBHEIF": "/none"})


if __name__ == "__main__":
    os.environ.pop("MIEN_LIBHEIF", None)
    unittest.main()
