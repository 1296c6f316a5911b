"""Writes the corpus text_fuzz starts from: base64 of every shape that is taken, and files of keys.

usage: text_seeds.py FOLDER
"""
import base64
import sys
from pathlib import Path

BYTES = bytes(range(40, 90)) + b"\xff\xfe\xfb"
PLAIN = base64.b64encode(BYTES)
BASE64 = {"plain": PLAIN, "unpadded": PLAIN.rstrip(b"="), "lines": base64.encodebytes(BYTES),
          "url": base64.urlsafe_b64encode(b"\xff" * 9), "uri": b"data:image/png;base64," + PLAIN,
          "uri_type": b"DATA:image/svg+xml;charset=utf-8;base64,Zg==", "uri_text": b"data:,text",
          "one": b"Z", "bits": b"Zh==", "over": b"Zg===", "empty": b""}
KEYS = {"keys": b"0123456789abcdef\n", "names": b"anna:0123456789abcdef\nbob:fedcba9876543210\n",
        "comments": b"# keys\r\n\r\n  a:0123456789abcdef # b\n", "short": b"anna:short\n",
        "twice": b"0123456789abcdef\n0123456789abcdef\n", "none": b"#\n"}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in BASE64.items():
        (folder / f"base64_{name}").write_bytes(b"\xfe" + content)
    for name, content in KEYS.items():
        (folder / f"keys_{name}").write_bytes(b"\1" + content)


if __name__ == "__main__":
    main()
