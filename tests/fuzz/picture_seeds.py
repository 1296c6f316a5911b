#!/usr/bin/env python3
"""Makes the seed corpus of picture_fuzz: one small file of every kind the decoders tell apart.

    /usr/bin/python3 tests/fuzz/picture_seeds.py FOLDER

Needs Pillow (Debian: python3-pil). Files that exist already are replaced.
"""
import io
import os
import shutil
import struct
import subprocess
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


def with_chunk(png, kind, body):
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def pngs():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I"):
        yield mode.lower(), save(picture(mode) if mode != "I" else picture("L").convert("I"), "PNG")
    yield "turned", save(picture(), "PNG", exif=exif(8))
    yield "transparent", save(picture("P"), "PNG", transparency=3)
    raw = b"\nexif\n      26\n" + exif(6).hex().encode() + b"\n"
    xmp = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b'<a tiff:Orientation="6"/>')
    for kind, body in ((b"tEXt", b"Raw profile type exif\0" + raw), (b"iTXt", xmp),
                       (b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(raw))):
        yield kind.decode().lower(), with_chunk(save(picture(), "PNG"), kind, body)
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
    yield "xmp", save(picture(), "WEBP", xmp=b"<tiff:Orientation>8</tiff:Orientation>")
    yield "animated", save(picture(), "WEBP", save_all=True,
                           append_images=[picture().transpose(Image.Transpose.ROTATE_180)])


def bmp(bits, compression, height, behind, pixels):
    """A bitmap three pixels wide, of kinds that Pillow does not write."""
    offset = 54 + len(behind)
    header = struct.pack("<2sIII", b"BM", offset + len(pixels), 0, offset)
    header += struct.pack("<IiiHHIIiiII", 40, 3, height, 1, bits, compression, 0, 0, 0, 2, 0)
    return header + behind + pixels


def others():
    yield "rgb.bmp", save(picture(), "BMP")
    yield "palette.bmp", save(picture("P"), "BMP")
    yield "bits.bmp", save(picture("1"), "BMP")
    for bits, compression, height, behind, pixels in (
            (8, 1, 2, b"abc\0def\0", b"\3\1\0\0\0\3\1\0\1\0\0\2\1\1\1\1\0\1"),
            (4, 2, 2, b"abc\0def\0", b"\3\x10\0\0\0\3\x10\x10\0\1"),
            (16, 0, -2, b"", bytes(range(16))),
            (16, 3, 2, struct.pack("<3I", 0xf800, 0x7e0, 0x1f), bytes(range(16))),
            (32, 6, 2, struct.pack("<4I", 255, 255 << 8, 255 << 16, 255 << 24), bytes(range(24))),
            (32, 0, 2, b"a gap", bytes(range(24)))):
        yield f"{bits}-{compression}.bmp", bmp(bits, compression, height, behind, pixels)
    yield "one.gif", save(picture("P"), "GIF")
    yield "interlaced.gif", save(picture("P"), "GIF", interlace=1, transparency=2)
    yield "animated.gif", save(picture("P"), "GIF", save_all=True, append_images=[picture("P")])
    gif = bytearray(save(picture("P"), "GIF"))
    gif[6:10] = struct.pack("<HH", 5, 30)  # a screen narrower and higher than the frame
    yield "screen.gif", bytes(gif)
    yield "wide.gif", (b"GIF89a\2\0\1\0\x80\0\0\xff\0\0\0\xff\0,\0\0\0\0\2\0\1\0\0"
                       b"\x09\5\0\6\0\x40\x80\0;")  # codes of 10 bits
    yield "rgb.tga", save(picture(), "TGA")
    yield "rle.tga", save(picture(), "TGA", compression="tga_rle")
    yield "palette.tga", save(picture("P"), "TGA")
    yield "bits.pbm", save(picture("1"), "PPM")
    yield "gray.pgm", save(picture("L"), "PPM")
    yield "rgb.ppm", save(picture(), "PPM")
    yield "deep.pgm", b"P5 3 2 65535\n" + bytes(range(12))
    yield "text.ppm", b"P3 # text\n2 2 15\n" + b" ".join(b"%d" % i for i in range(12)) + b"\n"
    yield "text.pbm", b"P1\n4 2\n0101\n1 0 1 0\n"


def by_heif_enc(folder):
    """HEIC and AVIF, where heif-enc is installed."""
    if not shutil.which("heif-enc"):
        return
    picture(size=(64, 64)).save(os.path.join(folder, "rgb.png"))
    for name, more in (("lossy.heic", ["-q", "10"]), ("lossy.avif", ["-A", "-q", "10"])):
        subprocess.run(["heif-enc", *more, "-o", os.path.join(folder, name),
                        os.path.join(folder, "rgb.png")], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def tiffs():
    for mode, kinds in (("1", ("group3", "group4")), ("L", (None, "packbits")), ("P", ("tiff_lzw",)),
                        ("RGB", (None, "jpeg", "tiff_adobe_deflate", "zstd", "webp")),
                        ("RGBA", ("tiff_lzw",)), ("CMYK", (None,)), ("YCbCr", ("jpeg",))):
        for kind in kinds:
            yield f"{mode}-{kind}.tif", save(picture(mode), "TIFF", compression=kind)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    files = [(name + ".jpg", data) for name, data in jpegs()]
    files += [(name + ".png", data) for name, data in pngs()]
    files += [(name + ".webp", data) for name, data in webps()]
    by_heif_enc(folder)
    for name, data in files + list(others()) + list(tiffs()):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


main()
