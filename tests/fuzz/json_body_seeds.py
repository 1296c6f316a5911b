"""Writes the corpus json_body_fuzz starts from: each shape of a body, and each way to miss it.

usage: json_body_seeds.py FOLDER
"""
import json
import sys
from pathlib import Path

BODIES = [["Zm9v"], ["Zm9v", {"image": "Zm8="}, {"url": "https://e.org/a"}], {"images": ["Zm9v"]},
          {"urls": ["http://e.org/", "http://e.org/b"]}, {"image": "data:image/png;base64,Zg=="},
          {"url": "http://e.org/", "top": 3, "embeddings": True}, {"a": "Zm9v", "b": {"url": "u"}},
          {"image": "Zm9v", "url": None}, {"a": "Zm9v"}, {"images": []}, ["Zm9v", 7, None],
          {"image": "https://e.org/"}, {"images": ["Zg=="] * 4}, {"image": "Zm9vYmFyZm9v"}, {}, []]
TEXTS = [b'{"image":"Zg==","image":"Zg=="}', b'{"image":"Zg\\u003d\\u003d"}', b'{"image":"Z\\ng"}',
         b'[[[[[[[[', b'{"image":"\xff"}', b'{"a":1e999}', b'["Zg==",]', b'{"image":"\\u0000"}']


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, text in enumerate([json.dumps(body).encode() for body in BODIES] + TEXTS):
        (folder / f"seed{i:02}").write_bytes(bytes([i % 8]) + text)


if __name__ == "__main__":
    main()
