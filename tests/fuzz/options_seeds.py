"""Writes the corpus options_fuzz starts from: lines of every command, and files of options.

usage: options_seeds.py FOLDER
"""
import sys
from pathlib import Path

COMMANDS = ("analyze", "detect", "classify", "embed", "bench", "bench analyze", "calibrate", "info",
            "models", "serve")
LINES = ["a.jpg --pretty --draw out.png --threshold 0.25 --top=3", "--size 640 --nms 1 -", "--help",
         "--precision int8 --threads 4 --device cuda:1 --backend avx2 a b c", "-- --odd", "--size 0x1",
         "--size=640x480 --batch 8 name", "--max-bytes 10M --body-memory 2G --max-body 512K",
         "--deadline 1e3 --port 0 --log json --address ::", "--threshold nan", "--thresold 1",
         "--no-cache=off --check", "--top 99999999999999999999", "--detector ''", "-x", "--"]
FILES = ["threshold = 0.5\n# comment\nport=0 # behind\n\n", "\ufeffsize = 640x480\r\n", "top\n",
         "config = other\n", "nothing = 1\n", "keys = a#b\n", "= 1\n", "log =\n"]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, _ in enumerate(COMMANDS):
        for k, line in enumerate(LINES[i % 3::3]):
            words = b"".join(word.encode() + b"\0" for word in line.split())
            (folder / f"line{i}-{k}").write_bytes(bytes([i]) + words)
    for i, text in enumerate(FILES):
        (folder / f"file{i}").write_bytes(bytes([9]) + b"--top\x005\0\0" + text.encode())


if __name__ == "__main__":
    main()
