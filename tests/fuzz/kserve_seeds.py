"""Writes the corpus kserve_fuzz starts from: sound requests of both forms, and ones that lie.

usage: kserve_seeds.py FOLDER
"""
import json
import struct
import sys
from pathlib import Path


def tensor(shape, data, datatype="FP32", **more):
    return {"name": "input", "shape": shape, "datatype": datatype, "data": data, **more}


def binary(shape, size, datatype="FP32", name="input"):
    return {"name": name, "shape": shape, "datatype": datatype,
            "parameters": {"binary_data_size": size}}


OUTPUTS = [{"name": "x"}, {"name": "y", "parameters": {"binary_data": True}}]
JSON = [{"id": "42", "inputs": [tensor([2, 2], [1, 2.5, -3, 1e-3])], "outputs": OUTPUTS},
        {"inputs": [tensor([1, 2, 3], [[[1, 2, 3], [4, 5, 255]]], "UINT8")]},
        {"inputs": [tensor([2], [1, 2])], "parameters": {"binary_data_output": True}},
        {"inputs": [tensor([2, 2], [[1, 2], [3]])]}, {"inputs": [tensor([-1], [1])]},
        {"inputs": [tensor([2**62, 4], [1])]}, {"inputs": [tensor([1], [1], "BYTES")]},
        {"inputs": [tensor([1], [3.5e38])]}, {"inputs": []}, {"id": 7, "inputs": [tensor([1], [1])]}]
FLOATS = struct.pack("<4f", 1, -2.5, 3, 0.15625)
BINARY = [({"inputs": [binary([2, 2], 16)], "outputs": OUTPUTS}, FLOATS),
          ({"inputs": [binary([1], 4), binary([3], 3, "UINT8", "b")]}, FLOATS[:4] + b"\1\2\3"),
          ({"inputs": [tensor([1], [1]), binary([3], 3, "UINT8", "b")]}, b"\1\2\3"),
          ({"inputs": [binary([2, 2], 16)]}, FLOATS[:9]), ({"inputs": [binary([1], 4)]}, FLOATS),
          ({"inputs": [binary([1], 4)]}, struct.pack("<f", float("nan")))]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, request in enumerate(JSON):
        (folder / f"json{i:02}").write_bytes(b"\xff\xff" + json.dumps(request).encode())
    for i, (request, data) in enumerate(BINARY):
        text = json.dumps(request).encode()
        (folder / f"binary{i:02}").write_bytes(struct.pack(">H", len(text)) + text + data)


if __name__ == "__main__":
    main()
