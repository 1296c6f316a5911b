import unittest

import numpy as np

from .support import TestCase, packaged, shared
from weights_convert.families import convert
from weights_convert.readers import read

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    raise unittest.SkipTest("python3-onnx is not installed") from None


def model(initializers, nodes=None):
    nodes = nodes or [helper.make_node("Relu", ["x"], ["y"])]
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "h"])
    graph = helper.make_graph(nodes, "g", [value("x")], [value("y")], initializers)
    return helper.make_model(graph)


class Onnx(TestCase):
    def read(self, document):
        return read([self.write("x.onnx", document.SerializeToString())])

    def test_tensors(self):
        arrays = {"f": np.arange(6, dtype=np.float32).reshape(2, 3),
                  "h": np.array([0.5], np.float16), "i": np.array(4, np.int64)}
        source = self.read(model([numpy_helper.from_array(a, n) for n, a in arrays.items()]))
        for name, array in arrays.items():
            np.testing.assert_array_equal(source.tensors[name], array)
        self.assertEqual(source.inputs, {"x": [1, None]})

    def test_published_files(self):
        """Every initialiser as the onnx package itself reads it."""
        for path in (shared("scrfd_2.5g_kps_cospectrum", "scrfd.onnx"),
                     shared("scrfd_yukkki7", "scrfd_500m.onnx"),
                     packaged("retinaface@0.0.6", "*.onnx") + "/mnet.25_v2.onnx"):
            tensors = read([path]).tensors
            for tensor in onnx.load(path).graph.initializer:
                np.testing.assert_array_equal(tensors[tensor.name], numpy_helper.to_array(tensor))

    def test_nodes(self):
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1], group=3),
            helper.make_node("BatchNormalization", ["c", "g", "b", "m", "v"], ["y"],
                             epsilon=2e-5),
        ]
        source = self.read(model([numpy_helper.from_array(np.ones(1, np.float32), "g")], nodes))
        self.assertEqual(source.nodes[0].attrs, {"stride": 2, "groups": 3, "padding": 1})
        self.assertAlmostEqual(source.eps["g"], 2e-5, 11)

    def test_lies(self):
        short = numpy_helper.from_array(np.ones(3, np.float32), "t")
        short.dims[0] = 4
        negative = numpy_helper.from_array(np.ones(3, np.float32), "t")
        negative.dims[0] = -1
        outside = helper.make_tensor("t", TensorProto.FLOAT, [1], [1])
        outside.ClearField("float_data")
        outside.data_location = TensorProto.EXTERNAL
        outside.external_data.add(key="location", value="/etc/passwd")
        text = helper.make_tensor("t", TensorProto.STRING, [1], [b"x"])
        for tensor, message in ((short, "shape .4."), (negative, "negative"),
                                (outside, "another file"), (text, "no numbers")):
            with self.subTest(message), self.refused("tensor t", message):
                self.read(model([tensor]))

    def test_uneven_convolution(self):
        for attributes in ({"strides": [1, 2]}, {"pads": [0, 0, 1, 1]}, {"dilations": [2, 2]}):
            node = helper.make_node("Conv", ["x", "w"], ["y"], **attributes)
            with self.refused("uneven"):
                convert(self.read(model([], [node])), "scrfd")

    def test_not_onnx(self):
        for data in (b"hello world, this is text", b"\x08", bytes(range(1, 200))):
            with self.refused("not ONNX"):
                read([self.write("x.onnx", data)])

    def test_truncated_and_flipped(self):
        weight = numpy_helper.from_array(np.ones((2, 3, 3, 3), np.float32), "w")
        node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[1, 1], pads=[1, 1, 1, 1])
        data = model([weight], [node]).SerializeToString()
        self.survives(data, "x.onnx", lambda path: read([path]), 150)
