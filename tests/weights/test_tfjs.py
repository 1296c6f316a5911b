import struct

import numpy as np

from .support import TestCase
from weights_convert.readers import read


def weight(name, shape, dtype="float32", **quantization):
    entry = {"name": name, "shape": shape, "dtype": dtype}
    return {**entry, "quantization": quantization} if quantization else entry


class Tfjs(TestCase):
    def model(self, weights, shards, **document):
        for name, data in shards.items():
            self.write(name, data)
        manifest = [{"paths": list(shards), "weights": weights}]
        return self.write("model.json", {"weightsManifest": manifest, **document})

    def test_shards_join_in_manifest_order(self):
        """Ten shards of one model: shard10 follows shard9, and a value may straddle two."""
        values = np.arange(5, dtype=np.float32)
        data = values.tobytes()
        shards = {f"s{i}of10.bin": data[2 * (i - 1) : 2 * i] for i in range(1, 11)}
        source = read([self.model([weight("a", [2]), weight("b", [3, 1])], shards)])
        self.assertEqual(source.tensors["a"].tolist(), [0, 1])
        self.assertEqual(source.tensors["b"].tolist(), [[2], [3], [4]])
        self.assertEqual([f.rsplit("/")[-1] for f in source.files], ["model.json", *shards])

    def test_quantised(self):
        """value = q * scale + min, by hand."""
        weights = [weight("u8", [3], dtype="float32", scale=0.5, min=-1.0) | {"quantization": {
            "dtype": "uint8", "scale": 0.5, "min": -1.0}},
            weight("u16", [2]) | {"quantization": {"dtype": "uint16", "scale": 0.25, "min": 2}},
            weight("f16", [1]) | {"quantization": {"dtype": "float16"}}, weight("i", [1], "int32")]
        data = bytes([0, 2, 255]) + struct.pack("<2H", 1, 65535) + struct.pack("<e", -0.125)
        source = read([self.model(weights, {"w.bin": data + struct.pack("<i", -9)})])
        self.assertEqual(source.tensors["u8"].tolist(), [-1.0, 0.0, 126.5])
        self.assertEqual(source.tensors["u16"].tolist(), [2.25, 16385.75])
        self.assertEqual(source.tensors["f16"].tolist(), [-0.125])
        self.assertEqual(source.tensors["i"].tolist(), [-9])
        self.assertIn("uint8", source.notes["u8"])

    def test_a_bare_manifest(self):
        self.write("w.bin", struct.pack("<f", 4))
        path = self.write("m.json", [{"paths": ["w.bin"], "weights": [weight("x/y", [1])]}])
        self.assertEqual(read([path]).tensors["x/y"].tolist(), [4])

    def test_keras_layers(self):
        layers = [{"class_name": "Conv2D", "config": {"name": "c", "strides": [2, 2]}},
                  {"class_name": "BatchNormalization", "config": {"name": "bn", "epsilon": 0.002}}]
        topology = {"model_config": {"config": {"layers": layers}}}
        source = read([self.model([weight("x", [])], {"w.bin": b"\0" * 4}, modelTopology=topology)])
        self.assertEqual(source.eps, {"bn/gamma": 0.002})
        self.assertEqual(source.layers["c"]["strides"], [2, 2])

    def test_lies(self):
        four = {"w.bin": b"\0" * 4}
        twice = [weight("x", []), weight("x", [])]
        cases = [
            ([weight("x", [2])], four, "x lies behind the end"),
            ([weight("x", [])], {"w.bin": b"\0" * 5}, "hold 5 bytes, the manifest describes 4"),
            ([weight("x", [-1])], four, "x has a broken shape"),
            ([weight("x", [1.5])], four, "x has a broken shape"),
            ([weight("x", [2**40, 2**40])], four, "x lies behind the end"),
            ([weight("x", [], "complex64")], four, "complex64"),
            (twice, {"w.bin": b"\0" * 8}, "two tensors are called x"),
            ([{"name": "x"}], four, "not a TensorFlow.js model"),
        ]
        for weights, shards, message in cases:
            with self.subTest(message), self.refused(message):
                read([self.model(weights, shards)])

    def test_shards_stay_in_the_folder(self):
        for name in ("../w.bin", "/etc/passwd", "a/../../w.bin"):
            path = self.write("m.json", [{"paths": [name], "weights": []}])
            with self.refused("outside"):
                read([path])

    def test_a_missing_shard(self):
        path = self.write("m.json", [{"paths": ["gone.bin"], "weights": []}])
        with self.refused("gone.bin", "No such file"):
            read([path])

    def test_not_a_model(self):
        for document in ({}, [], {"weightsManifest": 3}, [1], {"nodes": []}, [{"paths": [1]}]):
            with self.subTest(document=document), self.refused("not a TensorFlow.js model"):
                read([self.write("m.json", document)])
        with self.refused("not valid JSON"):
            read([self.write("m.json", b"[" * 100000)])
        with self.refused("not valid JSON"):
            read([self.write("m.json", b'{"weightsManifest":')])
