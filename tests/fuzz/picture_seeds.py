#!/usr/bin/env python3
"""Makes the seed corpus of picture_fuzz: one small file of every kind the decoders tell apart.

    /usr/bin/python3 tests/fuzz/picture_seeds.py FOLDER

Needs Pillow (Debian: python3-pil). Files that exist already are replaced.
"""
import io
import os
import struct
import sys
import zlib

from PIL import Image


def picture(mode="RGB", size=(21, 17)):
    """A gradient, so that every code path of the coders has something to do."""
    image = Image.new("RGB", size)
    image.putdata([(x * 12 % 256, y * 15 % 256, (x * y) % 256)
                   for y in range(size[1]) for x in range(size[0])])
    return image.convert(mode)


def exif(orientation):
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def save(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpegs():
    yield "rgb", save(picture(), "JPEG", quality=90)
    yield "turned", save(picture(), "JPEG", exif=b"Exif\0\0" + exif(6))
    yield "progressive", save(picture(), "JPEG", progressive=True)
    yield "444", save(picture(), "JPEG", subsampling=0)
    yield "gray", save(picture("L"), "JPEG")
    yield "cmyk", save(picture("CMYK"), "JPEG")
    yield "large", save(picture(size=(64, 48)), "JPEG", quality=30)


def pngs():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I"):
        yield mode.lower(), save(picture(mode) if mode != "I" else picture("L").convert("I"), "PNG")
    yield "turned", save(picture(), "PNG", exif=exif(8))
    yield "transparent", save(picture("P"), "PNG", transparency=3)
    interlaced = bytearray(save(Image.new("L", (1, 1)), "PNG"))  # one pixel: the passes agree
    interlaced[28] = 1
    interlaced[29:33] = struct.pack(">I", zlib.crc32(bytes(interlaced[12:29])))
    yield "interlaced", bytes(interlaced)


def webps():
    yield "lossy", save(picture(), "WEBP")
    yield "lossless", save(picture(), "WEBP", lossless=True)
    alpha = picture()
    alpha.putalpha(picture("L"))
    yield "alpha", save(alpha, "WEBP")
    yield "turned", save(picture(), "WEBP", exif=exif(3))
    yield "animated", save(picture(), "WEBP", save_all=True,
                           append_images=[picture().transpose(Image.Transpose.ROTATE_180)])


def others():
    yield "rgb.bmp", save(picture(), "BMP")
    yield "palette.bmp", save(picture("P"), "BMP")
    yield "bits.bmp", save(picture("1"), "BMP")
    yield "one.gif", save(picture("P"), "GIF")
    yield "interlaced.gif", save(picture("P"), "GIF", interlace=1, transparency=2)
    yield "animated.gif", save(picture("P"), "GIF", save_all=True, append_images=[picture("P")])
    yield "rgb.tga", save(picture(), "TGA")
    yield "rle.tga", save(picture(), "TGA", compression="tga_rle")
    yield "palette.tga", save(picture("P"), "TGA")
    yield "bits.pbm", save(picture("1"), "PPM")
    yield "gray.pgm", save(picture("L"), "PPM")
    yield "rgb.ppm", save(picture(), "PPM")
    yield "deep.pgm", b"P5 3 2 65535\n" + bytes(range(12))
    yield "text.ppm", b"P3 # text\n2 2 15\n" + b" ".join(b"%d" % i for i in range(12)) + b"\n"
    yield "text.pbm", b"P1\n4 2\n0101\n1 0 1 0\n"


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    files = [(name + ".jpg", data) for name, data in jpegs()]
    files += [(name + ".png", data) for name, data in pngs()]
    files += [(name + ".webp", data) for name, data in webps()]
    for name, data in files + list(others()):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


main()
