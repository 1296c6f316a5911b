import json
import struct

import numpy as np

from .support import TestCase
from weights_convert import safetensors


def raw(header, data=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Safetensors(TestCase):
    def test_round_trip(self):
        tensors = {"b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
                   "a": np.array([1.5], np.float32)}
        safetensors.write(self.path("x"), tensors, {"name": "é", "mien": "1"})
        found, metadata = safetensors.read(self.path("x"))
        self.assertEqual(metadata, {"name": "é", "mien": "1"})
        self.assertEqual(list(found), ["b.weight", "a"])
        for name, array in tensors.items():
            np.testing.assert_array_equal(found[name], array)

    def test_half_precision_stays(self):
        tensors = {"h": np.array([0.5, -2, 65504], np.float16), "f": np.array([1 / 3], np.float32)}
        safetensors.write(self.path("x"), tensors, {})
        found, _ = safetensors.read(self.path("x"))
        for name, array in tensors.items():
            self.assertEqual(found[name].dtype, array.dtype)
            np.testing.assert_array_equal(found[name], array)

    def test_bytes_are_the_format(self):
        """The file taken apart by hand, as the format's page describes it."""
        safetensors.write(self.path("x"), {"t": np.array([1, 2], np.float32)}, {"k": "v"})
        with open(self.path("x"), "rb") as file:
            data = file.read()
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        self.assertEqual((8 + length) % 64, 0)
        self.assertEqual(header, {"__metadata__": {"k": "v"}, "t": {
            "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})
        self.assertEqual(data[8 + length :], struct.pack("<2f", 1, 2))

    def test_halves_come_last(self):
        """An odd number of halves before floats would leave those at no multiple of four."""
        safetensors.write(self.path("x"), {"h": np.array([1, 2, 0.5], np.float16),
                                           "f": np.array([7], np.float32)}, {})
        with open(self.path("x"), "rb") as file:
            data = file.read()
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        self.assertEqual(header["f"]["data_offsets"], [0, 4])
        self.assertEqual(header["h"], {"dtype": "F16", "shape": [3], "data_offsets": [4, 10]})
        self.assertEqual(data[8 + length :], struct.pack("<f3e", 7, 1, 2, 0.5))

    def test_a_failed_write_leaves_nothing(self):
        with self.assertRaises(ValueError):
            safetensors.write(self.path("x"), {"t": np.array(["no number"])}, {})
        import os

        self.assertEqual(os.listdir(self.folder), [])

    def test_types(self):
        data = struct.pack("<H", 0x3FC0) + struct.pack("<e", 0.5) + struct.pack("<q", 7)
        header = {"b": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]},
                  "h": {"dtype": "F16", "shape": [], "data_offsets": [2, 4]},
                  "l": {"dtype": "I64", "shape": [1, 1], "data_offsets": [4, 12]}}
        found, _ = safetensors.read(self.write("x", raw(header, data)))
        self.assertEqual(found["b"].tolist(), [1.5])
        self.assertEqual(found["h"].item(), 0.5)
        self.assertEqual(found["l"].tolist(), [[7]])

    def test_lies_are_refused(self):
        def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
            return {"t": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}

        cases = [
            (b"\0" * 4, "too short"),
            (struct.pack("<Q", 2**60) + b"{", "claims"),
            (struct.pack("<Q", 2) + b"[]", "not a JSON object"),
            (struct.pack("<Q", 2) + b"{x", "not JSON"),
            (raw({"__metadata__": {"a": 1}}), "__metadata__"),
            (raw(entry(dtype="F31"), b"\0" * 8), "unknown type"),
            (raw(entry(shape=(-2,)), b"\0" * 8), "broken shape"),
            (raw(entry(shape=(3,)), b"\0" * 8), "needs 12"),
            (raw(entry(offsets=(0, 80)), b"\0" * 8), "outside the file"),
            (raw(entry(offsets=(8, 0)), b"\0" * 8), "outside the file"),
            (raw(entry(), b"\0" * 12), "bytes follow"),
            (raw({**entry(), "u": entry()["t"]}, b"\0" * 8), "overlaps"),
            (raw(entry(shape=(1,) * 9, offsets=(0, 4)), b"\0" * 4), "9 dimensions"),
        ]
        for data, message in cases:
            with self.subTest(message), self.refused(message):
                safetensors.read(self.write("x", data))

    def test_a_name_twice(self):
        entry = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
        text = b'{"t":' + entry + b',"t":' + entry + b"}"
        with self.refused("'t' twice"):
            safetensors.read(self.write("x", struct.pack("<Q", len(text)) + text + b"\0" * 4))
