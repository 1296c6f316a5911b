"""Writes the corpus receipt_fuzz starts from: receipts, whole and broken, and bytes to delete.

usage: receipt_seeds.py FOLDER
"""
import sys
from pathlib import Path

MARK = "0a1b " + "00112233445566778899aabbccddeeff" + "\n"
HEAD = "mien-gallery receipt 1\nevent 7\nsamples 1\npieces {}\nsalt " + "0123456789abcdef" * 2 + "\n"
TEXTS = [HEAD.format(0), HEAD.format(2) + 2 * MARK, HEAD.format(3) + 2 * MARK, HEAD.format(1) + MARK[:-5],
         HEAD.format(-1), HEAD.format("99999999999999999999"), "mien-gallery receipt 2\n", "",
         HEAD.format(1) + MARK.upper(), HEAD.format(1) + MARK + "\n"]
BYTES = [bytes(range(64)) + bytes(range(32)), bytes(96), bytes(range(40)) * 3,
         b"x" * 31 + bytes(range(100, 200)) * 2]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, text in enumerate(TEXTS):
        (folder / f"text{i}").write_bytes(b"\0" + text.encode())
    for i, deleted in enumerate(BYTES):
        (folder / f"bytes{i}").write_bytes(b"\1" + bytes([64]) + deleted)


if __name__ == "__main__":
    main()
