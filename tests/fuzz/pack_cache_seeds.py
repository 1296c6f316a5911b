"""Writes the corpus pack_cache_fuzz starts from: a sound file, and ones that lie.

usage: pack_cache_seeds.py FOLDER

The layout is that of struct header in engine/pack_cache.c; the header's own hash is left to the
fuzzer, which puts it right where the first byte of the input is odd.
"""
import struct
import sys
from pathlib import Path

HEADER, BYTES, FORMAT = 4096, 320, 2
IDENTITY = (1, 2, 3, 4, 5, 6)  # device, inode, size, owner, modified, changed
WEIGHTS = 0xC3E028BA4F2478AA  # XXH64 of 320 zeros


def cache_file(layout=7, size=BYTES, identity=IDENTITY, magic=b"MIENPACK", body=BYTES, form=FORMAT):
    head = magic + struct.pack("<12Q", form, layout, size, *identity, 0, WEIGHTS, 0)
    return head.ljust(HEADER, b"\0") + bytes(body)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {"sound": cache_file(), "other_layout": cache_file(layout=8),
             "other_blob": cache_file(identity=(9,) * 6), "short": cache_file(body=BYTES - 64),
             "long": cache_file(body=BYTES + 64), "lying_size": cache_file(size=2**63),
             "other_order": cache_file(magic=b"KCAPNEIM"), "future": cache_file(form=3),
             "no_weights": cache_file(body=0), "header_cut": cache_file()[:100], "empty": b""}
    for name, content in seeds.items():
        (folder / name).write_bytes(b"\1" + content)


if __name__ == "__main__":
    main()
