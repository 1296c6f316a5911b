"""ONNX graphs as op lists: what each pattern of exporters becomes, and the sentence for what cannot
be converted. That the networks compute the same is for tests/reference/test_graphs.py."""

import contextlib
import io
import json
import os
import re
import unittest

import numpy as np

from .support import TestCase
from weights_convert import safetensors
from weights_convert.__main__ import main
from weights_convert.convert import convert
from weights_convert.errors import ConvertError
from weights_convert.onnx_graph import int8_ranges

try:
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    raise unittest.SkipTest("python3-onnx is not installed") from None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RANDOM = np.random.default_rng(1)


def floats(*shape):
    return np.float32(RANDOM.uniform(-1, 1, shape))


def model(nodes, tensors, outputs=("y",), shape=(1, 3, 32, 48), opset=13):
    value = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
    graph = helper.make_graph(
        nodes, "g", [value("x", shape)], [value(name, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in tensors.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


CONV = helper.make_node("Conv", ["x", "stem.weight"], ["c"], name="first", pads=[1, 1, 1, 1])
STEM = {"stem.weight": floats(4, 3, 3, 3)}


def node(op, inputs, **attributes):
    return helper.make_node(op, inputs, ["y"], name="n", **attributes)


class Graphs(TestCase):
    def convert(self, document, **options):
        path = self.write("x.onnx", document.SerializeToString())
        return convert([path], self.path("x.safetensors"), options=options)

    def ops(self, *nodes, tensors=None, **options):
        """[op, inputs, attributes] of all nodes behind the input and the stem."""
        net = self.convert(model([CONV, *nodes], {**STEM, **(tensors or {})}), **options)
        self.assertEqual(net.graph["nodes"][:2], [["input", [], {}], [
            "conv", [0], {"name": "stem", "stride": 1, "pad": 1}]])
        return net.graph["nodes"][2:]

    def test_blob(self):
        self.convert(model([CONV, node("Relu", ["c"])], STEM))
        tensors, meta = safetensors.read(self.path("x.safetensors"))
        self.assertEqual((meta["arch"], meta["task"]), ("graph", "raw"))
        self.assertEqual(json.loads(meta["graph"]), {
            "nodes": [["input", [], {}], ["conv", [0], {"name": "stem", "stride": 1, "pad": 1}],
                      ["relu", [1], {}]],
            "outputs": [["y", 2]], "size": "any", "multiple_of": 1})
        np.testing.assert_array_equal(tensors["stem.weight"], STEM["stem.weight"])
        self.assertEqual(json.loads(meta["input"]), {
            "width": 48, "height": 32, "channels": "RGB", "mean": [0, 0, 0], "scale": [1, 1, 1]})

    def test_uneven_padding_and_what_a_pad_adds(self):
        weight = {"w": floats(2, 4, 1, 3), "p": np.array([0, 0, 0, 1, 0, 0, 2, 0])}
        self.assertEqual(self.ops(node("Conv", ["c", "w"], pads=[0, 1, 0, 1]), tensors=weight),
                         [["conv", [1], {"name": "w", "stride": 1, "pad": [0, 1, 0, 1]}]])
        pad = helper.make_node("Pad", ["c", "p"], ["d"])
        self.assertEqual(self.ops(pad, node("Conv", ["d", "w"], pads=[1, 1, 0, 1]),
                                  tensors=weight),
                         [["conv", [1], {"name": "w", "stride": 1, "pad": [1, 2, 2, 1]}]])
        self.assertEqual(self.ops(node("Conv", ["c", "w"], auto_pad="SAME_UPPER",
                                       strides=[2, 2]), tensors=weight),
                         [["conv", [1], {"name": "w", "stride": 2, "pad": "same"}]])

    def test_an_average_that_counts_zeros(self):
        net = self.convert(model([CONV, node("AveragePool", ["c"], kernel_shape=[2, 3],
                                             pads=[1, 1, 1, 1], count_include_pad=1)], STEM))
        self.assertEqual(net.graph["nodes"][2:], [["average_pool", [1], {
            "kernel": [2, 3], "stride": 1, "pad": 1, "count_padding": True}]])

    def test_flatten_in_any_order(self):
        weight = floats(4 * 32 * 48, 5)
        flat = helper.make_node("Flatten", ["c"], ["f"])
        nhwc = [helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", ["t", "s"], ["f"])]
        conv = helper.make_node("Conv", ["x", "stem.weight"], ["c"], strides=[2, 2],
                                pads=[1, 1, 1, 1])
        weight = floats(4 * 16 * 24, 5)
        for before in ([flat], nhwc):
            net = self.convert(model([conv, *before, node("MatMul", ["f", "w"])], {
                **STEM, "w": weight, "s": np.array([1, -1])}))
            self.assertEqual(net.graph["nodes"][2],
                             ["fc", [1], {"name": "w", "height": 16, "width": 24}])
            self.assertEqual(net.graph["size"], "fixed")
            rows = weight.T if before == [flat] else (
                weight.T.reshape(5, 16, 24, 4).transpose(0, 3, 1, 2).reshape(5, -1))
            np.testing.assert_array_equal(net.tensors["w.weight"], rows)

    def test_matrix_products(self):
        # Of two values, and by a constant for each of an axis: groups of a convolution.
        heads = [helper.make_node("Reshape", ["c", "s"], ["h"]),
                 helper.make_node("Transpose", ["h"], ["t"], perm=[0, 1, 3, 2])]
        s = {"s": np.array([1, 2, 2, 1536])}
        net = self.convert(model([CONV, *heads, node("MatMul", ["h", "t"])], {**STEM, **s}))
        self.assertEqual(net.graph["nodes"][-1][::2], ["matmul", {"batch": 2, "inner": 1536}])
        self.assertNotIn("mul", [op for op, _, _ in net.graph["nodes"]])
        weight = floats(2, 1536, 3)
        net = self.convert(model([CONV, *heads, node("MatMul", ["h", "w"])],
                                 {**STEM, **s, "w": weight}))
        self.assertIn(["conv", {"name": "w", "stride": 1, "pad": 0}],
                      [made[::2] for made in net.graph["nodes"]])
        np.testing.assert_array_equal(net.tensors["w.weight"][..., 0, 0],
                                      weight.transpose(0, 2, 1).reshape(6, 1536))

    def test_shapes_computed_in_the_graph(self):
        nodes = [
            helper.make_node("Shape", ["c"], ["s"]),
            helper.make_node("Gather", ["s", "zero"], ["n"]),
            helper.make_node("Unsqueeze", ["n", "axis"], ["m"]),
            helper.make_node("Concat", ["m", "rest"], ["to"], axis=0),
            helper.make_node("GlobalAveragePool", ["c"], ["a"]),
            helper.make_node("Reshape", ["a", "to"], ["f"]),
            node("Gemm", ["f", "w", "b"], transB=1)]
        self.assertEqual(
            self.ops(*nodes, tensors={"zero": np.array(0), "axis": np.array([0]),
                                      "rest": np.array([-1]), "w": floats(5, 4), "b": floats(5)}),
            [["global_average", [1], {}], ["fc", [2], {"name": "w", "height": 1, "width": 1}]])

    def test_scales_before_the_first_layer_are_the_input_s(self):
        nodes = [helper.make_node("Sub", ["x", "m"], ["a"]),
                 helper.make_node("Div", ["a", "d"], ["b"]),
                 helper.make_node("Conv", ["b", "stem.weight"], ["y"])]
        net = self.convert(model(nodes, {**STEM, "m": np.float32([[[1]], [[2]], [[3]]]),
                                         "d": np.float32(4)}), input={"channels": "BGR"})
        self.assertEqual([node[0] for node in net.graph["nodes"]], ["input", "conv"])
        self.assertEqual(net.input, {"width": 48, "height": 32, "channels": "BGR",
                                     "mean": [1, 2, 3], "scale": [.25] * 3})

    def test_gray_pictures(self):
        """A convolution of gray is one of red, green and blue, whatever normalises it; what else
        reads the picture has it made."""
        w = {"w": floats(4, 1, 3, 3), "m": np.float32(10), "d": np.float32([[[4]]])}
        nodes = [helper.make_node("Sub", ["x", "m"], ["a"]),
                 helper.make_node("Div", ["a", "d"], ["b"])]
        for shape in ((1, 1, 32, 48), (1, None, None, None), (1, 32, 48, 1)):
            last = [helper.make_node("Transpose", ["b"], ["c"], perm=[0, 3, 1, 2])]
            ends = [*(last if shape[3] == 1 else []),
                    node("Conv", ["c" if shape[3] == 1 else "b", "w"])]
            net = self.convert(model([*nodes, *ends], w, shape=shape),
                               input={"width": 48, "height": 32, "channels": "GRAY"})
            self.assertEqual(net.graph["nodes"][1:], [
                ["conv", [0], {"name": "w.of_colours", "stride": 1, "pad": 0}]])
            self.assertEqual(net.input, {"width": 48, "height": 32, "channels": "RGB",
                                         "mean": [10] * 3, "scale": [.25] * 3})
            np.testing.assert_allclose(
                net.tensors["w.of_colours.weight"],
                w["w"] * np.float32([.299, .587, .114]).reshape(1, 3, 1, 1), 1e-6)
        net = self.convert(model([node("MaxPool", ["x"], kernel_shape=[2, 2])], {},
                                 shape=(1, 1, 32, 48)))
        self.assertEqual([op for op, _, _ in net.graph["nodes"]], ["input", "conv", "max_pool"])
        self.assertAlmostEqual(float(net.tensors["gray.weight"].sum()), 1, 6)
        gray = lambda **given: self.convert(model([node("Conv", ["x", "w"])], w,
                                                  shape=(1, 1, 32, 48)), input=given)
        with self.refused("a gray input has one mean"):
            gray(mean=[1, 2, 3])
        with self.refused("which is gray, not BGR"):
            gray(channels="BGR")
        with self.refused("has three channels, so it is not gray"):
            self.convert(model([CONV], STEM, ("c",)), input={"channels": "GRAY"})

    def test_sizes_a_network_takes(self):
        """A doubled map is added to one that was halved: any even size."""
        nodes = [CONV, helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2],
                                        strides=[2, 2]),
                 helper.make_node("Resize", ["p", "", "r"], ["u"], mode="nearest",
                                  coordinate_transformation_mode="asymmetric",
                                  nearest_mode="floor"),
                 node("Add", ["u", "c"])]
        net = self.convert(model(nodes, {**STEM, "r": np.float32([1, 1, 2, 2])}))
        self.assertEqual(net.graph["nodes"][3], ["upsample", [2, 1], {}])
        self.assertEqual((net.graph["size"], net.graph["multiple_of"]), ("any", 2))

    def test_quantised(self):
        """Weights are dequantised; a ReLU that only the rounding does is put back; what is rounded
        has its range for int8."""
        tensors = {"q": np.int8(RANDOM.integers(-127, 128, (4, 3, 3, 3))),
                   "s": floats(4) + 2, "z": np.zeros(4, np.int8), "as": np.float32(0.1),
                   "az": np.uint8(0)}
        nodes = [helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=0),
                 helper.make_node("Conv", ["x", "w"], ["c"]),
                 helper.make_node("QuantizeLinear", ["c", "as", "az"], ["cq"]),
                 node("DequantizeLinear", ["cq", "as", "az"])]
        net = self.convert(model(nodes, tensors))
        self.assertEqual([op for op, _, _ in net.graph["nodes"]], ["input", "conv", "clip"])
        self.assertEqual(net.graph["nodes"][2][2], {"low": 0.0, "high": np.float32(0.1) * 255})
        name = net.graph["nodes"][1][2]["name"]
        np.testing.assert_allclose(net.tensors[name + ".weight"],
                                   tensors["q"] * tensors["s"].reshape(4, 1, 1, 1), 1e-6)
        self.assertIn("in the steps the file states", net.notes[0])
        kept = safetensors.read(self.path("x.safetensors"))[0]
        np.testing.assert_allclose(kept["int8.3 activation"], [[0] * 4, [25.5] * 4, [0] * 4], 1e-6)

    def test_ranges_are_named_as_the_engine_counts(self):
        """input 0, its normalisation 1; a batch norm goes into the convolution before it; a value in
        two concatenations is copied; what shares storage with what is not rounded stays exempt."""
        rounding = lambda name, zero, to: [
            helper.make_node("QuantizeLinear", [name, "s", zero], [to + "q"]),
            helper.make_node("DequantizeLinear", [to + "q", "s", zero], [to])]
        nodes = [CONV, helper.make_node("Add", ["c", "shift"], ["b"]), *rounding("b", "z", "d"),
                 helper.make_node("Concat", ["d", "d"], ["e"], axis=1),
                 helper.make_node("Tanh", ["e"], ["f"]),
                 helper.make_node("MaxPool", ["f"], ["g"], kernel_shape=[2, 2]),
                 node("Conv", ["g", "w"])]
        net = self.convert(model(nodes, {**STEM, "shift": floats(4, 1, 1), "s": np.float32(.5),
                                         "z": np.int8(-28), "w": floats(2, 8, 1, 1)}))
        self.assertEqual([op for op, _, _ in net.graph["nodes"]], [
            "input", "conv", "affine", "concat", "tanh", "max_pool", "conv"])
        ends = [[-50] * 4, [77.5] * 4, [0] * 4]
        self.assertEqual(list(net.ranges), ["int8.2 stem", "int8.4 activation", "int8.exempt"])
        np.testing.assert_array_equal(net.ranges["int8.2 stem"], ends)
        np.testing.assert_array_equal(net.ranges["int8.4 activation"], ends)  # of the copy
        # 0 input, 1 normalise, 3 the shift, 6 tanh and the pool of it, 8 the last convolution.
        np.testing.assert_array_equal(net.ranges["int8.exempt"], [0, 1, 3, 6, 8])

    def test_a_file_that_rounds_only_the_picture(self):
        """Nothing has a range: all of it stays in the better type, and int8 has what it asks for."""
        nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
                 helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
                 helper.make_node("Conv", ["d", "stem.weight"], ["c"]), node("Tanh", ["c"])]
        net = self.convert(model(nodes, {**STEM, "s": np.float32(1), "z": np.int8(0)}))
        self.assertEqual(list(net.ranges), ["int8.exempt"])
        # 0 input, 1 normalise, 2 the convolution, 3 tanh
        np.testing.assert_array_equal(net.ranges["int8.exempt"], [0, 1, 2, 3])

    def test_every_operation_has_the_engine_s_name(self):
        made = []
        for source in ("graph.c", "graph_gather.c"):
            with open(os.path.join(ROOT, "models", source), encoding="utf-8") as file:
                made += re.findall(r'{"(\w+)", \d, [^,]+, make_', file.read())
        self.assertLess({"concat", "resize"}, set(made))
        named = {"conv", "fc", "bn", "affine", "prelu"}  # by their layers
        self.assertEqual(set(made) - named, set(int8_ranges.NAMES) - {"input"})

    def test_refusals(self):
        """Node, operator, why."""
        w = {"w": floats(2, 4, 3, 3)}
        for nodes, tensors, why in (
                ([node("Einsum", ["c"])], {}, "not supported"),
                ([node("Softmax", ["c"], axis=-2**63)], {}, "axis -9223372036854775808 of 4"),
                ([node("Conv", ["c", "w"], strides=[1, 17])], w, "strides of .1, 17."),
                ([node("Conv", ["c", "w"], group=3)], w, "in 3 groups over 4"),
                ([node("Add", ["c", "w"])], {"w": floats(1, 3, 32, 48)}, "do not fit"),
                ([node("Add", ["c", "late"])], {}, "nothing before it makes"),
                ([helper.make_node("Flatten", ["c"], ["f"]), node("Concat", ["f", "c"], axis=1)],
                 {}, "parts of shape"),
                ([helper.make_node("Flatten", ["c"], ["f"]), node("MatMul", ["f", "c"])], {},
                 "values of shape .1, 6144. and"),
                ([node("Split", ["c"], axis=1, split=[1, 2])], {}, "into .1, 2."),
                ([node("Slice", ["c", "z", "w", "i", "m"])],
                 {"z": np.array([-1]), "w": np.array([0]), "i": np.array([1]),
                  "m": np.array([-1])}, "steps of -1"),
                ([node("Resize", ["c", "", "w"], mode="cubic", cubic_coeff_a=0.5)],
                 {"w": np.float32([1, 1, 2, 2])}, "a cubic_coeff_a of 0.5"),
                ([node("ConvTranspose", ["c", "w"], dilations=[2, 2])], {"w": floats(4, 2, 3, 3)},
                 "a dilation"),
                ([node("Reshape", ["c", "w"])], {"w": np.array([1, 5, -1])}, "of 6144 values"),
                ([node("MaxPool", ["c"], kernel_shape=[2, 2], pads=[2, 0, 0, 0])], {},
                 "as large as its window"),
                ([node("Expand", ["w", "s"])], {"w": floats(1), "s": np.array([1 << 40])},
                 "more than")):
            with self.subTest(why), self.refused(f"node n .{nodes[-1].op_type}.: ", why):
                self.ops(*nodes, tensors=tensors)
        with self.refused("input x has 4 channels; pictures have 3, gray ones 1"):
            self.convert(model([CONV], STEM, ("c",), (1, 4, 32, 32)))
        two = model([CONV], STEM, ("c",))
        two.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4, 1, 1]))
        self.assertEqual(len(self.convert(two).graph["nodes"]), 2)  # nothing reads it
        two.graph.node.append(helper.make_node("Add", ["c", "z"], ["d"]))
        two.graph.output[0].name = "d"
        with self.refused("the graph reads 2 inputs, x, z; a network reads one, the picture"):
            self.convert(two)
        with self.refused("--input WIDTHxHEIGHT"):
            self.convert(model([CONV], STEM, ("c",), (1, 3, "h", "w")))

    def test_what_is_only_moved(self):
        """A shuffle of channels cut in two: a copy of each half; a cut alone: none."""
        nodes = [helper.make_node("Reshape", ["c", "to"], ["r"]),
                 helper.make_node("Transpose", ["r"], ["t"], perm=[0, 2, 1, 3, 4]),
                 helper.make_node("Reshape", ["t", "back"], ["s"]),
                 helper.make_node("Split", ["s"], ["a", "b"], axis=1), node("Add", ["a", "b"])]
        shapes = {"to": np.array([1, 2, 2, 32, 48]), "back": np.array([1, 4, 32, 48])}
        self.assertEqual(self.ops(*nodes, tensors=shapes), [
            ["channels", [1], {"from": 0, "order": [[2, 2]]}],
            ["channels", [1], {"from": 1, "order": [[2, 2]]}], ["add", [2, 3], {}]])
        cut = {"one": np.array([1]), "end": np.array([-1])}
        self.assertEqual(self.ops(node("Slice", ["c", "one", "end", "one"]), tensors=cut),
                         [["channels", [1], {"from": 1, "order": [[2, 1]]}]])

    def test_transposed_convolutions(self):
        """Of stride 2 and a kernel of 2: a 1x1 convolution and depth to space, of any size."""
        net = self.convert(model([CONV, node("ConvTranspose", ["c", "w"], strides=[2, 2])],
                                 {**STEM, "w": floats(4, 3, 2, 2)}))
        self.assertEqual(net.graph["nodes"][2:], [
            ["conv", [1], {"name": "w", "stride": 1, "pad": 0}],
            ["depth_to_space", [2], {"block": [2, 2], "mode": "CRD", "crop": [0, 0, 0, 0]}]])
        self.assertEqual((net.graph["size"], net.tensors["w.weight"].shape),
                         ("any", (12, 4, 1, 1)))

    def test_values_counted_anew(self):
        """What lies across a map's axes becomes one pixel, or pixels of what is wanted side by side:
        the parts of a Concat along rows and channels, what a softmax or a maximum is over, numbers
        that differ from pixel to pixel; a layer over a large map."""
        flat = {"size": [1, 1], "channels": 32 * 48 * 4}
        to = helper.make_node("Reshape", ["c", "to"], ["r"])
        shape = {"to": np.array([1, 4, 1536])}
        anew, order = ["reshape", [1], flat], {"from": 0, "order": [[4, 1], [1536, 4]]}
        self.assertEqual(self.ops(to, node("Concat", ["r", "r"], axis=2), tensors=shape), [
            anew, anew, ["concat", [2, 3], {}],
            ["channels", [4], {"from": 0, "order": [[4, 1], [3072, 4]]}]])
        self.assertEqual(self.ops(to, node("Softmax", ["r"], axis=2), tensors={**shape}), [
            anew, ["channels", [2], order], ["reshape", [3], {"size": [4, 1], "channels": 1536}],
            ["softmax", [4], {}]])
        self.assertEqual(
            self.ops(node("ReduceMax", ["c"], axes=[1]))[2:],
            [["reshape", [3], {"size": [4, 1], "channels": 1536}], ["global_max", [4], {}]])
        ops = self.ops(node("Add", ["c", "w"]), tensors={"w": floats(1, 1, 32, 48)})
        self.assertEqual([op for op, _, _ in ops], ["reshape", "affine", "reshape"])
        ops = self.ops(helper.make_node("Flatten", ["c"], ["f"]), node("Gemm", ["f", "w"]),
                       tensors={"w": floats(6144, 3)})
        self.assertEqual([anew, ["fc", [2], {"name": "w", "height": 1, "width": 1}]], ops)

    def test_pads_around_columns_that_lie_as_rows(self):
        """A softmax over rows has made columns the map's rows; zeros beside them are that map's."""
        nodes = [helper.make_node("Conv", ["c", "w"], ["p"]),
                 helper.make_node("Softmax", ["p"], ["s"], axis=2),
                 helper.make_node("Pad", ["s", "pads"], ["q"]), node("Relu", ["q"])]
        ops = self.ops(*nodes, tensors={"w": floats(1, 4, 1, 1),
                                        "pads": np.array([0, 0, 0, 2, 0, 0, 0, 0])})
        self.assertIn(["pad", [6], {"pad": [2, 0, 0, 0], "mode": "zero"}], ops)
        self.assertEqual(ops[-1][2], {"size": [32, 50], "channels": 1})

    def test_channels_in_any_order(self):
        """Five axes the other way round, brought to their places one by one: what moves is what
        numpy moves."""
        sizes = [2, 3, 2, 5, 2]
        nodes = [helper.make_node("GlobalAveragePool", ["p"], ["a"]),
                 helper.make_node("Reshape", ["a", "to"], ["r"]),
                 helper.make_node("Transpose", ["r"], ["t"], perm=[5, 4, 3, 2, 1, 0]),
                 node("Reshape", ["t", "back"])]
        net = self.convert(model([CONV, helper.make_node("Conv", ["c", "w"], ["p"]), *nodes], {
            **STEM, "w": floats(120, 4, 1, 1), "to": np.array([1, *sizes]),
            "back": np.array([1, -1])}))
        lie = np.arange(120)
        for op, _, attributes in net.graph["nodes"][4:]:
            self.assertEqual(op, "channels")
            where = np.zeros(1, int)
            for count, step in attributes["order"]:
                where = (where[:, None] + np.arange(count) * step).reshape(-1)
            lie = lie[where]
        np.testing.assert_array_equal(lie, np.arange(120).reshape(sizes).transpose().reshape(-1))

    def test_normalisations_that_are_written_out(self):
        """As torch exports LayerNorm below opset 17, its variance by Pow or by Mul."""
        for square in (helper.make_node("Pow", ["d", "two"], ["s"]),
                       helper.make_node("Mul", ["d", "d"], ["s"])):
            nodes = [helper.make_node("ReduceMean", ["c"], ["m"], axes=[1]),
                     helper.make_node("Sub", ["c", "m"], ["d"]), square,
                     helper.make_node("ReduceMean", ["s"], ["v"], axes=[1]),
                     helper.make_node("Add", ["v", "e"], ["a"]),
                     helper.make_node("Sqrt", ["a"], ["q"]), node("Div", ["d", "q"])]
            tensors = {"two": np.float32(2), "e": np.float32(0.125)}
            self.assertEqual(self.ops(*nodes, tensors=tensors), [
                ["norm_pixels", [1], {"groups": 1, "epsilon": 0.125}]])
            nodes[3] = helper.make_node("ReduceMean", ["s"], ["v"], axes=[2])  # of something else
            self.assertNotIn("norm_pixels", [op for op, _, _ in self.ops(*nodes, tensors=tensors)])

    def test_instances_of_values_that_lie_apart(self):
        """Groups whose channels are not neighbours, as those of one pixel's are not in [h][w][c]."""
        each = helper.make_node("Add", ["c", "each"], ["a"])
        seen = helper.make_node("Reshape", ["a", "seen"], ["s"])
        norm = node("InstanceNormalization", ["s", "scale", "shift"], epsilon=0.125)
        ops = self.ops(each, seen, norm, tensors={
            "each": floats(4, 32, 48), "seen": np.array([1, 2, -1]),
            "scale": np.ones(2, np.float32), "shift": np.zeros(2, np.float32)})
        self.assertEqual([op for op, _, _ in ops], ["reshape", "affine", "channels", "norm_map"])
        self.assertEqual(ops[2][2], {"from": 0, "order": [[4, 1], [1536, 4]]})
        self.assertEqual(ops[3][2], {"groups": 2, "epsilon": 0.125})
        seen.input[0] = "c"
        with self.refused("no batch of one"):
            self.ops(seen, norm, tensors={"seen": np.array([2, 2, -1]), "scale": np.ones(2, np.float32),
                                          "shift": np.zeros(2, np.float32)})

    def written_gelu(self, order, by, **numbers):
        """The ops of x times 1/2 times 1 + erf(x / sqrt(2)), its factors joined in such an order; by
        Div by the root or Mul with its inverse. x is itself a product, as a gate makes one."""
        tensors = {"two": np.float32(2), "half": np.float32(0.5), "one": np.float32([1]),
                   "root": np.float32(2**0.5 if by == "Div" else 0.5**0.5), "gate": floats(4, 1, 1),
                   **numbers}
        nodes = [helper.make_node("Mul", ["c", "gate"], ["g"]),
                 helper.make_node(by, ["g", "root"], ["r"]),
                 helper.make_node("Erf", ["r"], ["e"]),
                 helper.make_node("Add", ["one", "e"], ["t"])]
        for number, (a, b) in enumerate(order):
            end = "y" if number == len(order) - 1 else f"p{number}"
            nodes.append(helper.make_node("Div" if b == "two" else "Mul", [a, b], [end]))
        return self.ops(*nodes, tensors=tensors)[1:]

    def test_gelu_that_is_written_out(self):
        """As torch exports it below opset 20, and others, in whatever order of factors."""
        torch = (("g", "t"), ("p0", "half"))
        for order in (torch, (("half", "g"), ("p0", "t")), (("g", "half"), ("t", "p0")),
                      (("t", "half"), ("g", "p0")), (("half", "t"), ("p0", "g")),
                      (("t", "g"), ("p0", "two")), (("g", "two"), ("p0", "t"))):
            for by in ("Div", "Mul"):
                self.assertEqual(self.written_gelu(order, by), [["gelu", [2], {}]])
        for what in ({"half": np.float32(0.25)}, {"one": np.float32(2)}, {"root": np.float32(1.41)},
                     {"half": np.float32([[[[0.5]]]])}, {"one": np.float32([[[[1]]]])}):
            ops = [op for op, _, _ in self.written_gelu(torch, "Div", **what)]
            self.assertIn("erf", ops)
            self.assertNotIn("gelu", ops)
        for order in ((("c", "t"), ("p0", "half")), (("g", "t"), ("p0", "g"), ("p1", "half"))):
            self.assertNotIn(["gelu", [2], {}], self.written_gelu(order, "Div"))

    def test_broken_files(self):
        data = model([CONV, node("Relu", ["c"])], STEM).SerializeToString()
        self.survives(data, "x.onnx", lambda path: convert([path], self.path("y.safetensors")), 80)


class Tasks(TestCase):
    HEAD = [helper.make_node("GlobalAveragePool", ["c"], ["a"]),
            helper.make_node("Flatten", ["a"], ["f"]), node("Gemm", ["f", "w"], transB=1)]

    def add(self, *arguments):
        path = self.write("My_Net.onnx", model([CONV, *self.HEAD], {
            **STEM, "w": floats(5, 4)}).SerializeToString())
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["add", path, "--dir", self.path("weights"), *arguments])
        return status, out.getvalue(), err.getvalue()

    def meta(self, name="my-net"):
        return safetensors.read(os.path.join(self.path("weights"), name + ".safetensors"))[1]

    def test_add(self):
        status, out, err = self.add("--channels", "BGR", "--mean", "127.5", "--scale", "1,2,3")
        self.assertEqual((status, err), (0, ""))
        self.assertTrue(out.endswith("my-net.safetensors: graph, for raw\n"))
        self.assertEqual(json.loads(self.meta()["input"]), {
            "width": 48, "height": 32, "channels": "BGR", "mean": [127.5] * 3,
            "scale": [1, 2, 3]})
        status, _, err = self.add()
        self.assertEqual(status, 1)
        self.assertIn("--replace", err)
        self.assertEqual(self.add("--replace")[0], 0)

    def test_a_blob_is_copied(self):
        self.add()
        blob = os.path.join(self.path("weights"), "my-net.safetensors")
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(main(["add", blob, "--name", "other", "--dir",
                                   self.path("weights")]), 0)
        with open(blob, "rb") as one, open(blob.replace("my-net", "other"), "rb") as two:
            self.assertEqual(one.read(), two.read())

    def test_embed_and_classify(self):
        self.add("--task", "embed")
        self.assertEqual(json.loads(self.meta()["graph"])["outputs"], [["embedding", 3]])
        labels = self.write("l.json", ["a", "b", "c", "d", "e"])
        self.add("--task", "classify", "--labels", labels, "--name", "k")
        graph = json.loads(self.meta("k")["graph"])
        self.assertEqual((graph["nodes"][-1], graph["outputs"]),
                         (["softmax", [3], {}], [["prob", 4]]))
        self.assertEqual(json.loads(self.meta("k")["labels"]), ["a", "b", "c", "d", "e"])

    def test_tails(self):
        """Operators behind the graph: what they are made of are outputs no longer, and their
        weights say what places are worth."""
        vectors = [helper.make_node("GlobalAveragePool", ["c"], ["p"]),
                   helper.make_node("Flatten", ["p"], ["y"])]
        heads = {"attributes": [{"name": "angle", "kind": "value", "output": "mean"}],
                 "tails": [{"op": "expectation", "of": ["y"], "values": [[-9, 3]], "name": "mean"}]}
        graph, tensors, _ = self.tail(vectors, heads)
        self.assertEqual([node[0] for node in graph["nodes"][-2:]], ["softmax", "fc"])
        self.assertEqual([name for name, _ in graph["outputs"]], ["mean"])
        self.assertEqual(tensors["tail.mean.0.weight"].tolist(), [[-9, -6, -3, 0, 3, 6, 9, 12]])
        heads["tails"] = [{"op": "softmax", "of": ["y"], "name": "prob"}]
        graph, _, _ = self.tail(vectors, heads)
        self.assertEqual(graph["outputs"], [["prob", len(graph["nodes"]) - 1]])
        for tails, why in ((7, "a list"), ([7], "a tail has"), ([{"op": "sum"}], "a tail has"),
                           ([{"op": "softmax", "of": ["z"], "name": "p"}], "which is no output"),
                           ([{"op": "expectation", "of": ["y"], "name": "p"}], "first, step")):
            with self.assertRaisesRegex(ConvertError, why):
                self.tail(vectors, {**heads, "tails": tails})

    def tail(self, nodes, heads):
        tensors = {"stem.weight": floats(8, 3, 3, 3)}
        source = self.path("m.onnx")
        with open(source, "wb") as file:
            file.write(model([CONV, *nodes], tensors).SerializeToString())
        target = self.path("m.safetensors")
        convert([source], target, "graph", options={"task": "attributes", "heads": heads})
        tensors, meta = safetensors.read(target)
        return json.loads(meta["graph"]), tensors, meta

    def test_attributes(self):
        heads = [{"name": "smile", "kind": "probability", "output": "y", "at": 2, "count": 1}]
        self.add("--task", "attributes", "--heads", self.write("h.json", heads))
        self.assertEqual(json.loads(self.meta()["attributes"]), heads)
        status, _, err = self.add("--task", "attributes", "--name", "k")
        self.assertEqual(status, 1)
        self.assertIn("--heads", err)

    def test_detect(self):
        status, _, err = self.add("--task", "detect", "--decoder", "scrfd")
        self.assertEqual(status, 1)
        self.assertIn("SCRFD has 2 or 3 outputs at each of the strides", err)
