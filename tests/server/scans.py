"""Progressive JPEGs of as many scans as one likes, of nothing but grey: few bytes, much work
(ITU T.81, annex G)."""
import struct

SIZES = 15  # EOB0..EOB14: a run of 2^n to 2^(n+1) - 1 blocks that end there
CODE = 4    # bits of each of their codes: 0000 to 1110


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def tables():
    flat = segment(0xDB, b"\0" + b"\1" * 64)
    # DC: one code, 0, for a difference of no bits. AC: the runs of blocks that end.
    dc = segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0")
    ac = segment(0xC4, b"\x10" + bytes([0] * (CODE - 1) + [SIZES] + [0] * (16 - CODE))
                 + bytes(size << 4 for size in range(SIZES)))
    return flat + dc + ac


def packed(bits):
    """Bits, as text, filled up with ones, with a zero behind each byte of ones."""
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return data.replace(b"\xff", b"\xff\0")


def runs(blocks):
    bits = ""
    while blocks:
        size = min(blocks.bit_length() - 1, SIZES - 1)
        run = min(blocks, (2 << size) - 1)
        bits += f"{size:0{CODE}b}" + (f"{run - (1 << size):0{size}b}" if size else "")
        blocks -= run
    return packed(bits)


def scan(first, last, before, after, data):
    return segment(0xDA, bytes([1, 1, 0, first, last, before << 4 | after])) + data


def progressive(width, height, scans):
    """A grey picture of that size; no scan repeats another. scans: 2 to 821."""
    blocks = -(-width // 8) * -(-height // 8)
    frame = segment(0xC2, struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0))
    out = b"\xff\xd8" + tables() + frame + scan(0, 0, 0, 0, packed("0" * blocks))
    rest = [(k, bit) for bit in range(13, 0, -1) for k in range(1, 64)] + [(1, 0)]
    data = runs(blocks)
    for k, bit in rest[:scans - 1]:
        out += scan(k, k, 0 if bit == 13 else bit + 1, bit, data)
    return out + b"\xff\xd9"
