import json
import struct

import numpy as np

from .support import TestCase, shared
from weights_convert.readers import read
from weights_convert.readers.mxnet import read_params


def array(values, magic=0xF993FAC9):
    """An NDArray as MXNet saves it: V2 by default, V1, or with the rank as its first word (V0)."""
    values = np.asarray(values, np.float32)
    head = struct.pack("<I", magic) if magic else b""
    if magic == 0xF993FAC9:
        head += struct.pack("<i", 0)
    kind = "q" if magic else "I"
    head += struct.pack(f"<I{values.ndim}{kind}", values.ndim, *values.shape)
    return head + struct.pack("<3i", 1, 0, 0) + values.tobytes()


def params(named, magic=0xF993FAC9):
    names = b"".join(struct.pack("<Q", len(n)) + n.encode() for n in named)
    return (struct.pack("<3Q", 0x112, 0, len(named))
            + b"".join(array(a, magic) for a in named.values())
            + struct.pack("<Q", len(named)) + names)


def symbol(*nodes):
    """nodes: (op, name, [input names], attrs); variables are made for names no node has."""
    listed, index = [], {}
    for op, name, inputs, attrs in nodes:
        for value in inputs:
            if value not in index:
                index[value] = len(listed)
                listed.append({"op": "null", "name": value, "inputs": []})
        index[name] = len(listed)
        listed.append({"op": op, "name": name, "attrs": attrs,
                       "inputs": [[index[v], 0, 0] for v in inputs]})
    return {"nodes": listed, "arg_nodes": [], "heads": []}


BN = ["c", "g", "b", "m", "v"]


class Mxnet(TestCase):
    def model(self, named, *nodes):
        return [self.write("m.params", params(named)),
                self.write("m-symbol.json", symbol(*nodes))]

    def test_the_three_array_headers(self):
        named = {"arg:a": [[1, 2, 3]], "aux:b": [4.5]}
        for magic in (0xF993FAC9, 0xF993FAC8, 0):
            found = read_params(self.write("m.params", params(named, magic)))
            self.assertEqual(found["a"].tolist(), [[1, 2, 3]])
            self.assertEqual(found["b"].tolist(), [4.5])

    def test_batch_norm_defaults(self):
        """No eps means 1e-3; no fix_gamma means True, and then gamma is 1 whatever is stored."""
        named = {f"arg:{n}": [5.0] for n in "gbmv"}
        source = read(self.model(named, ("BatchNorm", "bn", BN, {})))
        self.assertEqual(source.eps["g"], 1e-3)
        self.assertEqual(source.tensors["g"].tolist(), [1.0])
        self.assertEqual(source.tensors["b"].tolist(), [5.0])
        source = read(self.model(named, ("BatchNorm", "bn", BN,
                                         {"eps": "2e-05", "fix_gamma": "False"})))
        self.assertEqual(source.eps["g"], 2e-5)
        self.assertEqual(source.tensors["g"].tolist(), [5.0])

    def test_graph(self):
        source = read(self.model(
            {"arg:w": np.ones((2, 1, 3, 3))},
            ("_minus_scalar", "s", ["data"], {"scalar": "127.5"}),
            ("Convolution", "c", ["s", "w"], {"kernel": "(3, 3)", "stride": "(2, 2)",
                                              "pad": "(1, 1)", "num_group": "2"}),
            ("LeakyReLU", "r", ["c", "slope"], {"act_type": "prelu"})))
        self.assertEqual([node.op for node in source.nodes], ["sub", "conv", "prelu"])
        self.assertEqual(source.nodes[1].attrs, {"stride": 2, "padding": 1, "groups": 2})
        self.assertEqual(source.nodes[0].attrs, {"scalar": 127.5})
        self.assertIn("data", source.inputs)

    def test_published_file(self):
        """Figures of the file itself: gammas of fixed batch norms become 1, others stay."""
        folder = "insightface_genderage_mxnet"
        source = read([shared(folder, "model-symbol.json"), shared(folder, "model-0000.params")])
        self.assertEqual(len(source.tensors), 146)
        self.assertTrue((source.tensors["fc1_gamma"] == 1).all())
        self.assertFalse((source.tensors["bn1_gamma"] == 1).all())
        self.assertEqual(source.eps["bn1_gamma"], 2e-5)
        self.assertEqual(source.eps["conv_1_batchnorm_gamma"], 1e-3)

    def test_both_files_are_needed(self):
        both = self.model({"arg:w": [1.0]})
        for one in both:
            with self.refused("two files"):
                read([one])

    def test_lies(self):
        good = params({"arg:w": [1.0, 2.0]})
        sparse = good.replace(struct.pack("<Ii", 0xF993FAC9, 0), struct.pack("<Ii", 0xF993FAC9, 1))
        cases = [
            (good[:50], "ends in the middle"),
            (struct.pack("<3Q", 0x112, 0, 2**50), "claims"),
            (sparse, "sparse"),
            (good.replace(struct.pack("<Iq", 1, 2), struct.pack("<Iq", 1, -2)), "shape .-2."),
            (good.replace(struct.pack("<Iq", 1, 2), struct.pack("<Iq", 1, 2**39)), "ends in"),
            (good.replace(struct.pack("<Iq", 1, 2), struct.pack("<Iq", 99, 2)), "99 dimensions"),
            (good.replace(struct.pack("<3i", 1, 0, 0), struct.pack("<3i", 1, 0, 77)), "unknown"),
        ]
        for data, message in cases:
            with self.subTest(message), self.refused(message):
                read_params(self.write("m.params", data))

    def test_symbols_that_are_none(self):
        weights = self.write("m.params", params({"arg:w": [1.0]}))
        loop = symbol(("Flatten", "f", ["w"], {}))
        loop["nodes"][1]["inputs"] = [[5, 0, 0]]
        for document in ({"nodes": 1, "arg_nodes": []}, {"nodes": [{}], "arg_nodes": []}, loop,
                         symbol(("_minus_scalar", "s", ["w"], {"scalar": "x"}))):
            with self.subTest(json.dumps(document)), self.refused("not a graph"):
                read([weights, self.write("m.json", document)])
        with self.refused("stride"):
            read([weights, self.write("m.json", symbol(
                ("Convolution", "c", ["d", "w"], {"stride": "__import__('os')"})))])

    def test_truncated_and_flipped(self):
        self.survives(params({"arg:w": np.ones((2, 3)), "aux:v": [1.0]}), "m.params",
                      read_params, 150)
