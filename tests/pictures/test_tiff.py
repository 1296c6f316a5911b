#!/usr/bin/env python3
"""TIFF: every kind of sample, order and compression, written byte by byte or by libtiff's tools."""
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

needs("tiffcp")
WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, INK, YCBCR = 0, 1, 2, 3, 5, 6
PREMULTIPLIED, ALPHA = 1, 2
ORIENTED = [None, lambda a: a, np.fliplr, lambda a: np.rot90(a, 2), np.flipud,
            lambda a: a.transpose(1, 0, 2), lambda a: np.rot90(a, -1),
            lambda a: np.rot90(a.transpose(1, 0, 2), 2), np.rot90]


def tiff(width, height, tags, parts, order="<", tiled=False):
    """A file of one page; tags {number: (type, values)}, parts: its strips or tiles, coded."""
    sizes = {1: "B", 2: "B", 3: "H", 4: "I"}
    tags = {256: (4, [width]), 257: (4, [height]), 259: (3, [1]), 277: (3, [1]), **tags}
    at, offsets, data = 8, [], b""
    for part in parts:
        offsets.append(at + len(data))
        data += part + b"\0" * (len(part) & 1)
    tags[324 if tiled else 273] = (4, offsets)
    tags[325 if tiled else 279] = (4, [len(part) for part in parts])
    if not tiled:
        tags.setdefault(278, (4, [-(-height // len(parts))]))
    ifd = at + len(data)
    behind, entries = ifd + 2 + 12 * len(tags) + 4, b""
    more = b""
    for tag in sorted(tags):
        kind, values = tags[tag]
        value = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        if len(value) > 4:
            value, more = struct.pack(order + "I", behind + len(more)), more + value
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + value.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", ifd)
    return (head + data + struct.pack(order + "H", len(tags)) + entries
            + struct.pack(order + "I", 0) + more)


def plain(samples, photometric, bits=8, order="<", **more):
    """An uncompressed file of samples [height][width][n] of 8 or 16 bits."""
    height, width, n = samples.shape
    raw = samples.astype(order + ("u2" if bits == 16 else "u1")).tobytes()
    tags = {258: (3, [bits] * n), 262: (3, [photometric]), 277: (3, [n]), **more.pop("tags", {})}
    return tiff(width, height, tags, [raw], order, **more)


def packed(values, bits):
    """Rows of samples of fewer than 8, or of 12, bits; each begins with a byte."""
    rows = b""
    for row in values:
        text = "".join(format(int(v), f"0{bits}b") for v in row)
        text += "0" * (-len(text) % 8)
        rows += int(text, 2).to_bytes(len(text) // 8, "big")
    return rows


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, content, name="a.tif"):
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def check(self, content, wanted, most=0, alpha=False):
        got, has_alpha, _ = read(self.write(content))
        self.assertLessEqual(most_differ(got, wanted), most)
        self.assertEqual(has_alpha, alpha)

    def refuse(self, path, says, *options, env=None):
        with self.assertRaisesRegex(Refused, says):
            read(path, *options, env=env)


class Samples(Files):
    def test_rgb(self):
        rgb = pattern()
        for order in "<>":
            self.check(plain(rgb, RGB, order=order), rgb)
            self.check(plain(rgb.astype(int) * 257, RGB, 16, order), rgb)

    def test_grey(self):
        grey = pattern()[..., :1]
        three = grey.repeat(3, 2)
        for order in "<>":
            self.check(plain(grey, BLACK_IS_0, order=order), three)
            self.check(plain(grey, WHITE_IS_0, order=order), 255 - three)
            self.check(plain(grey.astype(int) * 257, BLACK_IS_0, 16, order), three)
        for bits in 1, 2, 4, 12:
            most = (1 << bits) - 1
            values = grey[..., 0].astype(int) * most // 255
            wanted = ((values * 255 + most // 2) // most)[..., None].repeat(3, 2)
            for photometric in BLACK_IS_0, WHITE_IS_0:
                tags = {258: (3, [bits]), 262: (3, [photometric])}
                self.check(tiff(61, 47, tags, [packed(values, bits)]),
                           wanted if photometric == BLACK_IS_0 else 255 - wanted)

    def test_palette(self):
        colours = np.random.default_rng(1).integers(0, 256, (256, 3))
        for bits in 1, 2, 4, 8:
            n = 1 << bits
            index = pattern()[..., 0] % n
            for scale in 257, 1:  # 16 bits a colour, and the bytes some writers put there
                table = (colours[:n] * scale).T.reshape(-1).tolist()
                tags = {258: (3, [bits]), 262: (3, [PALETTE]), 320: (3, table)}
                self.check(tiff(61, 47, tags, [packed(index, bits)]), colours[index])

    def test_alpha(self):
        rgb, alpha = pattern(), pattern()[..., 1:2]
        rgba = np.concatenate([rgb, alpha], 2)
        extra = {338: (3, [ALPHA])}
        self.check(plain(rgba, RGB, tags=extra), over_white(rgba), alpha=True)
        premultiplied = np.concatenate([rgb.astype(int) * alpha // 255, alpha], 2)
        self.check(plain(premultiplied, RGB, tags={338: (3, [PREMULTIPLIED])}), over_white(rgba), 1,
                   alpha=True)
        self.check(plain(rgba, RGB, tags={338: (3, [0])}), rgb)
        grey = np.concatenate([rgb[..., :1], alpha], 2)
        self.check(plain(grey, BLACK_IS_0, tags=extra), over_white(grey[..., [0, 0, 0, 1]]),
                   alpha=True)

    def test_cmyk(self):
        rgb, black = pattern().astype(int), pattern()[..., :1].astype(int) // 2
        ink = np.concatenate([255 - rgb, black], 2)
        wanted = (rgb * (255 - black) + 127) // 255
        self.check(plain(ink, INK), wanted)
        self.check(plain(ink * 257, INK, 16), wanted)

    def test_planes(self):
        rgb, alpha = pattern(), pattern()[..., 1:2]
        samples = np.concatenate([rgb, alpha], 2)
        for photometric, n in (RGB, 3), (RGB, 4), (INK, 4):
            tags = {258: (3, [8] * n), 262: (3, [photometric]), 277: (3, [n]), 284: (3, [2]),
                    338: (3, [ALPHA]), 278: (4, [47])}
            if n == 3 or photometric == INK:
                del tags[338]
            together = plain(samples[..., :n], photometric, tags={k: v for k, v in tags.items()
                                                                  if k != 284})
            wanted, has_alpha, _ = read(self.write(together))
            parts = [samples[..., i].tobytes() for i in range(n)]
            self.check(tiff(61, 47, tags, parts), wanted, alpha=has_alpha)

    def test_tiles(self):
        rgb = pattern()
        room = np.zeros((64, 64, 3), np.uint8)
        room[:47, :61] = rgb
        parts = [room[y:y + 32, x:x + 16].tobytes() for y in (0, 32) for x in (0, 16, 32, 48)]
        tags = {258: (3, [8] * 3), 262: (3, [RGB]), 277: (3, [3]), 322: (3, [16]), 323: (3, [32])}
        self.check(tiff(61, 47, tags, parts, tiled=True), rgb)

    def test_strips_and_deflate(self):
        rgb = pattern()
        tags = {258: (3, [8] * 3), 259: (3, [8]), 262: (3, [RGB]), 277: (3, [3]), 278: (4, [10])}
        parts = [zlib.compress(rgb[y:y + 10].tobytes()) for y in range(0, 47, 10)]
        self.check(tiff(61, 47, tags, parts), rgb)

    def test_orientations(self):
        rgb = pattern()
        for turn in range(1, 9):
            content = plain(rgb, RGB, tags={274: (3, [turn])})
            self.check(content, ORIENTED[turn](rgb))
            got, _, _ = read(self.write(content), "-k")
            self.assertEqual(most_differ(got, rgb), 0)

    def test_first_page(self):
        first, second = Image.fromarray(pattern()), Image.new("RGB", (9, 9))
        first.save(self.folder / "a.tif", save_all=True, append_images=[second])
        self.assertEqual(most_differ(read(self.folder / "a.tif")[0], pattern()), 0)


class OtherWriters(Files):
    """What Pillow and tiffcp write is read as Pillow reads it."""

    def same_as_pillow(self, path, most=1):
        with Image.open(path) as image:
            wanted = np.array(image.convert("RGB"))
        self.assertLessEqual(most_differ(read(path)[0], wanted), most, path)

    def test_modes_and_compressions(self):
        picture = Image.fromarray(pattern())
        for mode, kinds in (("1", ("group3", "group4", "packbits", "tiff_lzw")),
                            ("L", ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg")),
                            ("P", ("packbits", "tiff_lzw")),
                            ("RGB", ("packbits", "tiff_lzw", "tiff_deflate", "jpeg")),
                            ("CMYK", ("tiff_lzw",)), ("YCbCr", ("jpeg",))):
            for kind in (None, *kinds):
                if (mode, kind) == ("YCbCr", None):
                    continue
                path = self.folder / f"{mode}-{kind}.tif"
                picture.convert(mode).save(path, compression=kind)
                self.same_as_pillow(path)

    def test_layouts(self):
        Image.fromarray(pattern(400, 300)).save(self.folder / "a.tif")
        for options in ("-t -w 64 -l 32", "-p separate", "-p separate -t -w 48 -l 64 -c lzw",
                        "-c lzw:2 -r 7", "-c jpeg:90 -r 16", "-c jpeg:90 -t -w 64 -l 64", "-8", "-B",
                        "-c zip -B", "-c zstd", "-c lzma", "-c packbits -f lsb2msb"):
            subprocess.run(["tiffcp", *options.split(), self.folder / "a.tif",
                            self.folder / "b.tif"], check=True, stderr=subprocess.DEVNULL)
            self.same_as_pillow(self.folder / "b.tif", 2 if "jpeg" in options else 0)

    def test_ycbcr_without_jpeg(self):
        rgb = pattern(80, 60)
        ycbcr = np.array(Image.fromarray(rgb).convert("YCbCr"))
        units = [np.concatenate([ycbcr[y:y + 2, x:x + 2, 0].reshape(-1), ycbcr[y, x, 1:]]).tobytes()
                 for y in range(0, 60, 2) for x in range(0, 80, 2)]
        tags = {258: (3, [8] * 3), 262: (3, [YCBCR]), 277: (3, [3]), 530: (3, [2, 2])}
        for content, most in ((plain(ycbcr, YCBCR, tags={530: (3, [1, 1])}), 3),
                              (tiff(80, 60, tags, [b"".join(units)]), 12)):
            self.assertLessEqual(most_differ(read(self.write(content))[0], rgb), most)


class Refusals(Files):
    def test_without_the_library(self):
        self.refuse(self.write(plain(pattern(), RGB)), r"this is TIFF; .*apt-get install libtiff6\)$",
                    env={"MIEN_LIBTIFF": "/none"})

    def test_limits(self):
        path = self.write(plain(pattern(), RGB))
        read(path, "-m", 61 * 47)
        self.refuse(path, "TIFF: a picture of .* over the limit of", "-m", 61 * 47 - 1)
        small = {258: (3, [8]), 262: (3, [BLACK_IS_0])}
        self.refuse(self.write(tiff(10000, 10000, small, [b"abc"])), "too many for")
        tiles = {**small, 259: (3, [50000]), 322: (4, [65536]), 323: (4, [65536])}
        self.refuse(self.write(tiff(4, 4, tiles, [b"abc"], tiled=True)), "has tiles of 65536x65536")

    def test_cut_off(self):
        Image.fromarray(pattern()).save(self.folder / "lzw.tif", compression="tiff_lzw")
        Image.fromarray(pattern()).save(self.folder / "jpeg.tif", compression="jpeg")
        for content in (plain(pattern(), RGB), (self.folder / "lzw.tif").read_bytes(),
                        (self.folder / "jpeg.tif").read_bytes()):
            for part in range(1, 16):
                self.refuse(self.write(content[:len(content) * part // 16]), "TIFF: ")

    def test_a_strip_that_ends_early(self):
        """The counts are right, the pixels are not all there."""
        Image.fromarray(pattern()).save(self.folder / "a.tif", compression="jpeg")
        with Image.open(self.folder / "a.tif") as image:
            at, n = image.tag_v2[273][0], image.tag_v2[279][0]
        content = bytearray((self.folder / "a.tif").read_bytes())
        half = n // 4
        content[at + n - 2 * half:at + n] = b"\xff\xd9" * half
        self.refuse(self.write(bytes(content)), "TIFF: .*(Corrupt|Premature)")

    def test_not_read(self):
        one = pattern()[..., :1]
        for content, says in (
                (plain(one, BLACK_IS_0, tags={259: (3, [34677])}), "compression 34677 is not read"),
                (plain(one, BLACK_IS_0, tags={259: (3, [34661])}), "compression 34661 is not read"),
                (plain(one.repeat(4, 2), BLACK_IS_0, tags={258: (3, [32]), 277: (3, [1]),
                                                           339: (3, [3])}), "floating-point"),
                (plain(one.repeat(4, 2), INK, tags={332: (3, [2])}), "other than CMYK"),
                (tiff(8, 4, {258: (3, [4]), 262: (3, [PALETTE])}, [bytes(16)]), "olormap"),
                (plain(one, RGB), "1 samples a pixel make no picture"),
                (tiff(4, 4, {258: (3, [8]), 262: (3, [32803])}, [bytes(16)]), "TIFF: ")):
            with self.subTest(says):
                self.refuse(self.write(content), says)

    def test_progressive_jpeg(self):
        Image.fromarray(pattern()).save(self.folder / "a.jpg", progressive=True)
        data = (self.folder / "a.jpg").read_bytes()
        tags = {258: (3, [8] * 3), 259: (3, [7]), 262: (3, [YCBCR]), 277: (3, [3]),
                530: (3, [2, 2])}
        self.refuse(self.write(tiff(61, 47, tags, [data])), "progressive JPEG is not read in it")

    def test_given_up(self):
        rgb = pattern(64, 200)
        _, _, asked = read(self.write(plain(rgb, RGB)))
        self.assertEqual(asked, 200)
        self.refuse(self.folder / "a.tif", "TIFF: given up while it was decoded", "-s", 100)
        subprocess.run(["tiffcp", "-t", "-w", "16", "-l", "16", self.folder / "a.tif",
                        self.folder / "b.tif"], check=True)
        self.assertEqual(read(self.folder / "b.tif")[2], 4 * 13)
        self.refuse(self.folder / "b.tif", "given up", "-s", 52)


if __name__ == "__main__":
    os.environ.pop("MIEN_LIBTIFF", None)
    unittest.main()
