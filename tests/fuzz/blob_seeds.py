"""Writes the corpus blob_fuzz starts from: small blobs, sound ones and ones that lie.

usage: blob_seeds.py FOLDER
"""
import json
import struct
import sys
from pathlib import Path

META = {"mien": "1", "name": "seed", "arch": "resnet", "task": "classify",
        "input": '{"width":32,"height":32,"channels":"RGB","mean":[0,0,0],"scale":[1,1,1]}',
        "variant": '{"stride_on":"3x3"}', "bn_eps": '{"":0.001}'}


def blob(header, data, header_size=None):
    """The bytes of a safetensors file; header_size overrides the true one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text) if header_size is None else header_size) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def seeds():
    """Yields (name, bytes)."""
    sound = {"__metadata__": META, "fc.weight": tensor([2, 3], 0, 24),
             "fc.bias": tensor([2], 24, 32)}
    data = struct.pack("<8f", *range(8))
    yield "sound", blob(sound, data)
    yield "no_metadata", blob({"a": tensor([1], 0, 4)}, data[:4])
    yield "scalar", blob({"__metadata__": META, "a": tensor([], 0, 4)}, data[:4])
    yield "truncated_data", blob(sound, data[:-4])
    yield "truncated_header", blob(sound, data)[:40]
    yield "huge_header", blob(sound, data, header_size=2**63)
    yield "past_the_end", blob({"__metadata__": META, "a": tensor([8], 0, 4096)}, data)
    yield "wrong_size", blob({"__metadata__": META, "a": tensor([3, 3], 0, 32)}, data)
    yield "overlap", blob({"__metadata__": META, "a": tensor([8], 0, 32),
                           "b": tensor([4], 16, 32)}, data)
    yield "product_overflow", blob({"__metadata__": META,
                                    "a": tensor([2**32, 2**32, 2], 0, 0)}, data)
    yield "negative", blob({"__metadata__": META, "a": tensor([-1], 0, 4)}, data)
    yield "half", blob({"__metadata__": META, "a": tensor([2], 0, 4, "F16")}, data[:4])
    yield "nan", blob({"__metadata__": META, "a": tensor([1], 0, 4)},
                      struct.pack("<f", float("nan")))
    yield "not_json", blob(b"{]", data)
    yield "deep", blob(b"[" * 4000, data)
    yield "empty", b""
    yield "zeros", bytes(64)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
