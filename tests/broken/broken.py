"""Broken inputs, each with the sentence it has to give, and sound ones to compare with.

usage: broken.py FOLDER    writes all of them, and expected.json: {file: part of its message}

Everything is made by hand from the formats' specifications with the standard library, so that the
folder can be made anywhere and no broken file lies in the repository. The network is the smallest
thing the engine takes for a ResNet: its stem and its classifier, two classes, random weights.
"""
import json
import random
import struct
import sys
import zlib
from pathlib import Path

SEED = 1

# Weights files: docs/blob.md

META = {
    "mien": "1", "name": "tiny", "arch": "resnet", "task": "classify", "license": "MIT",
    "source": "tests/broken", "variant": '{"stride_on":"3x3"}', "bn_eps": '{"":1e-05}',
    "input": '{"width":32,"height":32,"channels":"RGB","mean":[127.5,127.5,127.5],'
             '"scale":[0.0078125,0.0078125,0.0078125]}',
    "preprocess": '{"short_side":32}', "labels": '["left","right"]',
}
SHAPES = {"bn1.bias": [4], "bn1.running_mean": [4], "bn1.running_var": [4], "bn1.weight": [4],
          "conv1.weight": [4, 3, 7, 7], "fc.bias": [2], "fc.weight": [2, 4]}


def count(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def values(name, shape):
    noise = random.Random(f"{SEED} {name}")
    low, high = (0.5, 1.5) if "running_var" in name else (-1, 1)
    return [noise.uniform(low, high) for _ in range(count(shape))]


def blob(meta=None, shapes=None, entries=None, numbers=None, header_size=None):
    """Bytes of a weights file. meta, shapes and numbers replace parts of the sound one; entries
    overrides tensors' lines of the header; header_size is the length it claims."""
    shapes = SHAPES if shapes is None else shapes
    header, data = {"__metadata__": META if meta is None else meta}, b""
    for name, shape in shapes.items():
        tensor = (numbers or {}).get(name) or values(name, shape)
        part = struct.pack(f"<{len(tensor)}f", *tensor)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data),
                                                                         len(data) + len(part)]}
        header[name].update((entries or {}).get(name, {}))
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text) if header_size is None else header_size) + text + data


def without(mapping, key):
    return {k: v for k, v in mapping.items() if k != key}


def blobs():
    """Yields (name, bytes, part of the message)."""
    sound = blob()
    header_end = 8 + struct.unpack("<Q", sound[:8])[0]
    nan, inf = float("nan"), float("inf")
    yield "empty", b"", "0 bytes is too short"
    yield "seven_bytes", sound[:7], "7 bytes is too short"
    yield "zeros", bytes(4096), "the header is not valid JSON"
    yield "text", b"These are no weights at all, just words.\n" * 20, "not a safetensors file"
    yield "header_cut", sound[:header_end // 2], "its header is cut off"
    yield "header_length_lies", blob(header_size=len(sound)), "its header is cut off"
    yield "header_length_huge", blob(header_size=2**63), "not a safetensors file"
    yield "header_not_json", sound[:8] + b"{" * (header_end - 8) + sound[header_end:], \
        "the header is not valid JSON"
    yield "data_cut", sound[:-4], "lies outside the file"
    yield "no_metadata", blob(meta={"name": "tiny"}), "no mien metadata"
    yield "format_of_the_future", blob(meta={**META, "mien": "2"}), "blob format 2"
    yield "offset_outside", blob(entries={"fc.bias": {"data_offsets": [1 << 40, (1 << 40) + 8]}}), \
        "tensor fc.bias lies outside the file"
    yield "offset_negative", blob(entries={"fc.bias": {"data_offsets": [-8, 0]}}), \
        "tensor fc.bias lies outside the file"
    yield "offsets_swapped", blob(entries={"fc.bias": {"data_offsets": [16, 8]}}), \
        "tensor fc.bias lies outside the file"
    yield "overlap", blob(entries={"bn1.running_mean": {"data_offsets": [8, 24]}}), "overlap"
    yield "shape_and_size_differ", blob(entries={"fc.bias": {"shape": [1]}}), \
        "tensor fc.bias has data_offsets that do not match its shape"
    yield "shape_overflows", blob(entries={"fc.bias": {"shape": [2**62, 2**62]}}), \
        "tensor fc.bias has a shape that does not fit"
    yield "wrong_dtype", blob(entries={"fc.bias": {"dtype": "I32"}}), \
        "tensor fc.bias is I32, expected F32 or F16"
    yield "tensor_missing", blob(shapes=without(SHAPES, "fc.weight")), \
        "tensor fc.weight is missing"
    yield "batch_norm_torn", blob(shapes=without(SHAPES, "bn1.running_var")), "tensor bn1."
    yield "tensor_left_over", blob(shapes={**SHAPES, "head.weight": [2]}), \
        "tensor head.weight is not part of the network"
    yield "tensor_of_wrong_size", blob(shapes={**SHAPES, "fc.weight": [2, 5]}), "tensor fc.weight"
    yield "nan_weight", blob(numbers={"fc.bias": [0.0, nan]}), \
        "tensor fc.bias holds a value that is not a finite number"
    yield "infinite_weight", blob(numbers={"bn1.weight": [1.0, 1.0, inf, 1.0]}), \
        "tensor bn1.weight holds a value that is not a finite number"
    yield "unknown_arch", blob(meta={**META, "arch": "perceptron"}), \
        "no network family called 'perceptron'"
    yield "wrong_arch", blob(meta={**META, "arch": "iresnet"}), "tensor"
    yield "no_arch", blob(meta=without(META, "arch")), "no network family called ''"
    yield "no_input", blob(meta=without(META, "input")), "metadata input is missing"
    yield "input_of_nobody", blob(meta={**META, "input": META["input"].replace("RGB", "XYZ")}), \
        "metadata input.channels must be RGB or BGR"
    yield "variant_not_json", blob(meta={**META, "variant": "{"}), "metadata variant"
    yield "variant_unknown", blob(meta={**META, "variant": '{"stride_on":"5x5"}'}), \
        "metadata variant.stride_on must be 3x3 or 1x1"


# Pictures

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width=48, height=32, rows=None):
    """RFC 2083; 8-bit RGB, random pixels of the size given by rows where width and height lie."""
    w, h = rows or (width, height)
    noise = random.Random(SEED)
    raw = b"".join(b"\0" + bytes(noise.randrange(256) for _ in range(3 * w)) for _ in range(h))
    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def jpeg(width=64, height=64, blocks=64):
    """ITU T.81: one grey component, all coefficients zero, Huffman tables of one 1-bit code."""
    def segment(marker, body):
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    table = bytes([1]) + bytes(15) + b"\0"
    return (b"\xff\xd8" + segment(0xDB, b"\0" + bytes([1] * 64))
            + segment(0xC0, struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0))
            + segment(0xC4, b"\x00" + table) + segment(0xC4, b"\x10" + table)
            + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes(blocks // 4) + b"\xff\xd9")


def bmp(width=48, height=32, rows=b""):
    """BITMAPINFOHEADER, 24 bits a pixel."""
    return (b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54)
            + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0)
            + rows)


def pictures():
    """Yields (name, bytes, part of the message)."""
    p, j = png(), jpeg()
    not_one = "not a JPEG, PNG, WebP, BMP, GIF, PNM, HEIC, AVIF, TIFF or TGA picture"
    yield "empty.jpg", b"", "the picture is empty (0 bytes)"
    yield "one_byte.png", b"\x89", not_one
    yield "zeros.png", bytes(1000), not_one
    yield "text.jpg", b"A thousand words are worth no picture.\n" * 30, not_one
    yield "wrong_magic.png", b"\x88" + p[1:], not_one
    yield "header_cut.png", p[:20], "PNG: the header is cut off"
    yield "data_cut.png", p[:len(p) // 2], "PNG: "
    yield "bad_checksum.png", p[:60] + bytes([p[60] ^ 1]) + p[61:], "PNG: "
    yield "no_rows.png", p[:33] + chunk(b"IEND", b""), "PNG: "
    yield "zero_size.png", png(0, 32, rows=(48, 32)), "PNG: "
    yield "huge.png", png(100000, 100000, rows=(4, 4)), "100000x100000"
    yield "lying.png", png(9000, 9000, rows=(4, 4)), "PNG: "
    yield "header_cut.jpg", j[:30], "JPEG: "
    yield "only_magic.jpg", j[:3], "JPEG: "
    yield "data_cut.jpg", jpeg(64, 64, blocks=24)[:-2], "JPEG: the data ends before the picture"
    yield "huge.jpg", jpeg(65500, 65500), "65500x65500"
    yield "zero_size.jpg", jpeg(0, 64), "JPEG: "
    yield "no_tables.jpg", j[:2] + j[71:], "JPEG: "
    yield "header_cut.bmp", bmp()[:40], "BMP: "
    yield "data_cut.bmp", bmp(rows=bytes(48 * 3 * 8)), "BMP: "
    yield "huge.bmp", bmp(100000, 100000, bytes(64)), "100000x100000"
    yield "header_cut.gif", b"GIF89a\x30\x00", "GIF"
    yield "data_cut.gif", b"GIF89a" + struct.pack("<HHBBB", 48, 32, 0x80, 0, 0) + bytes(6), "GIF: "
    yield "huge.gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6), \
        "65535x65535"
    yield "huge.ppm", b"P6 100000 100000 255\n" + bytes(48), "100000x100000"
    yield "huge_number.ppm", b"P6 99999999999999999999 1 255\n" + bytes(48), "PNM"
    yield "lying.ppm", b"P6 300 300 255\n" + bytes(48), "PNM: the data ends before the picture does"
    yield "negative.ppm", b"P6 -3 -3 255\n" + bytes(48), "PNM: the header is broken"
    yield "header_cut.webp", b"RIFF\x24\x00\x00\x00WEBPVP8 ", "WebP: "
    yield "zeros.webp", b"RIFF" + struct.pack("<I", 64) + b"WEBPVP8L" + bytes(52), "WebP: "
    yield "header_only.tga", struct.pack("<3B5x4H2B", 0, 0, 2, 0, 0, 48, 32, 24, 0), "TGA: "


def write_all(folder):
    """Writes everything into folder; returns {name: part of the message}, None for sound files."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    expected = {"sound.safetensors": None, "sound.png": None, "sound.jpg": None, "sound.bmp": None}
    (folder / "sound.safetensors").write_bytes(blob())
    (folder / "sound.png").write_bytes(png())
    (folder / "sound.jpg").write_bytes(jpeg())
    (folder / "sound.bmp").write_bytes(bmp(rows=bytes(48 * 3 * 32)))
    for name, content, message in blobs():
        expected[f"{name}.safetensors"] = message
        (folder / f"{name}.safetensors").write_bytes(content)
    for name, content, message in pictures():
        expected[name] = message
        (folder / name).write_bytes(content)
    return expected


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    made = write_all(sys.argv[1])
    Path(sys.argv[1], "expected.json").write_text(json.dumps(made, indent=1), encoding="utf-8")
