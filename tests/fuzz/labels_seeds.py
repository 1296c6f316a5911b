"""Writes the corpus labels_fuzz starts from: tables, annotations and years as data sets have them.

usage: labels_seeds.py FOLDER
"""
import json
import sys
from pathlib import Path

TABLES = [b"file,age,gender\r\nval/1.jpg,3-9,Male\r\n", b'a,"b ""c"", d"\n"x\ny",\n', b'"a"x\n',
          b"\xef\xbb\xbffile\n\n\"\"\n", b"a,b\n1\n", b'a,"b\n', b"a\rb", b"a\0b"]
BOXES = [b"0--Parade/0.jpg\n2\n1 2 30 40 2 0 0 0 0 0 \n1 2 30 400 0 0 0 1 0 0\n",
         b"a.jpg\r\n0\r\n0 0 0 0 0 0 0 0 0 0 \r\nb.jpg\r\n1\r\n-1 2 3 4\r\n", b"a.jpg\n3\n1 2\n",
         json.dumps([{"file": "a.jpg", "boxes": [[1, 2, 3.5, 4], [0, 0, 9, 9]], "easy": [1],
                      "hard": [0, 1]}, {"file": "b", "boxes": [], "easy": [], "hard": []}]).encode(),
         b'[{"file":"a","boxes":[[1,2,3,1e400]]}]', b'[{"file":"a","boxes":[],"e":[0]}]', b"[", b"{}"]
YEARS = [b"20-29", b"(25, 32)", b"more than 70", b"70+", b"34.5", b"-3", b"29-20", b">= 60"]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind, texts in enumerate((TABLES, BOXES, YEARS)):
        for i, text in enumerate(texts):
            (folder / f"seed{kind}{i:02}").write_bytes(bytes([kind]) + text)


if __name__ == "__main__":
    main()
