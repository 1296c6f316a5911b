"""Quantised models as ONNX Runtime's static quantisation writes them (QDQ, opset 13 and later):
every value that a layer reads is rounded to 8 bits in the range it was seen in, weights to signed
bytes with a scale a channel, biases to 32 bits, and a ReLU that the rounding does as well is left
out. Written here because the Python package that does it is none of Debian's."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS = ("Conv", "Gemm", "MatMul", "ConvTranspose")
READERS = LAYERS + ("Add", "Mul", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat")
TYPES = {"uint8": (np.uint8, 0, 255), "int8": (np.int8, -128, 127)}


def is_reader(node):
    """Shapes, which graphs compute, are joined along axis 0."""
    return node.op_type in READERS and not any(a.name == "axis" and a.i == 0
                                               for a in node.attribute)


class Quantiser:
    """One model. kind: what values are rounded to."""

    def __init__(self, model, kind="uint8"):
        self.model, self.kind, graph = model, kind, model.graph
        self.tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self.tensors[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self.nodes, self.added, self.done = [], [], {}
        self.readers = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node.op_type)

    def values(self):
        """Names of what is to be rounded."""
        return list(dict.fromkeys(
            name for node in self.model.graph.node if is_reader(node)
            for i, name in enumerate(node.input)
            if name and name not in self.tensors and (node.op_type not in LAYERS or i == 0)))

    def measure(self, server, folder, inputs):
        """{value: (lowest, highest)} over inputs, by ONNX Runtime."""
        known = {value.name for value in self.model.graph.output}
        model, names = onnx.ModelProto(), self.values()
        model.CopyFrom(self.model)
        model.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in names if name not in known | {self.model.graph.input[0].name})
        path = os.path.join(folder, "measured.onnx")
        onnx.save(model, path)
        net, ends = server.open("onnx", path), {}
        for x in inputs:
            for name, value in {self.model.graph.input[0].name: x, **net(x)}.items():
                low, high = ends.get(name, (0.0, 0.0))
                ends[name] = min(low, float(value.min())), max(high, float(value.max()))
        return {name: ends[name] for name in names}

    def constant(self, name, array):
        self.added.append(numpy_helper.from_array(array, name))
        return name

    def rounded(self, name, ends):
        """The name of the value after rounding."""
        if name not in self.done:
            kind, least, most = TYPES[self.kind]
            low, high = ends[name]
            scale = np.float32(max(high - low, 1e-6) / (most - least))
            zero = kind(np.clip(round(least - low / scale), least, most))
            parts = [self.constant(name + "_scale", scale), self.constant(name + "_zero", zero)]
            self.nodes += [
                helper.make_node("QuantizeLinear", [name, *parts], [name + "_q"]),
                helper.make_node("DequantizeLinear", [name + "_q", *parts], [name + "_dq"])]
            self.done[name] = name + "_dq", scale
        return self.done[name][0]

    def weight(self, name, axis):
        """(its name after rounding, its scales)."""
        array = self.tensors[name]
        others = tuple(i for i in range(array.ndim) if i != axis)
        scale = np.maximum(np.abs(array).max(others), 1e-3).astype(np.float32) / np.float32(127)
        shape = [1] * array.ndim
        shape[axis] = scale.size
        bytes_ = np.clip(np.round(array / scale.reshape(shape)), -127, 127).astype(np.int8)
        new = "%s_%d" % (name, len(self.added))
        self.nodes.append(helper.make_node("DequantizeLinear", [
            self.constant(new + "_q", bytes_), self.constant(new + "_scale", scale),
            self.constant(new + "_zero", np.zeros(scale.size, np.int8))], [new], axis=axis))
        return new, scale

    def bias(self, name, scale):
        new = "%s_%d" % (name, len(self.added))
        whole = np.round(self.tensors[name].astype(np.float64) / scale)
        whole = np.clip(whole, -(2**31), 2**31 - 1).astype(np.int32)
        self.nodes.append(helper.make_node("DequantizeLinear", [
            self.constant(new + "_q", whole),
            self.constant(new + "_scale", scale.astype(np.float32)),
            self.constant(new + "_zero", np.zeros(scale.size, np.int32))], [new], axis=0))
        return new

    def layer(self, node, ends):
        """Its weight is rounded, and its bias where it adds one a channel."""
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        plain = attributes.get("alpha", 1) == attributes.get("beta", 1) == 1
        axis = {"Conv": 0, "ConvTranspose": 1, "MatMul": 1}.get(
            node.op_type, 0 if attributes.get("transB") else 1)
        inputs = [self.rounded(node.input[0], ends), node.input[1], *node.input[2:]]
        if node.input[1] in self.tensors:
            inputs[1], scale = self.weight(node.input[1], axis)
            if inputs[2:] and plain and self.tensors[inputs[2]].size == scale.size:
                step = scale.astype(np.float64) * self.done[node.input[0]][1]
                inputs[2] = self.bias(inputs[2], step)
        return inputs

    def leaves_out(self, node, ends):
        """Is it a ReLU behind a layer that rounding its result does, too?"""
        name, result = node.input[0], node.output[0]
        makers = [n.op_type for n in self.model.graph.node if name in n.output]
        return (node.op_type in ("Relu", "Clip") and makers and makers[0] in LAYERS + ("Add",)
                and result in ends and ends[result][0] == 0 and len(self.readers[name]) == 1
                and set(self.readers.get(result, [])) <= set(READERS))

    def make(self, ends):
        """The quantised model."""
        graph, outputs = self.model.graph, {value.name for value in self.model.graph.output}
        for node in graph.node:
            if node.op_type == "Constant":
                continue
            if not outputs & {node.input[0], node.output[0]} and self.leaves_out(node, ends):
                maker = next(n for n in self.nodes if node.input[0] in n.output)
                maker.output[0] = node.output[0]
                continue
            inputs = list(node.input)
            if node.op_type in LAYERS and node.input[0] in ends:  # else a constant times a value
                inputs = self.layer(node, ends)
            elif is_reader(node):
                inputs = [self.rounded(name, ends) if name in ends else name for name in inputs]
            new = onnx.NodeProto()
            new.CopyFrom(node)
            del new.input[:]
            new.input.extend(inputs)
            self.nodes.append(new)
        constants = [numpy_helper.from_array(array, name) for name, array in self.tensors.items()]
        made = onnx.ModelProto()
        made.CopyFrom(self.model)
        del made.graph.node[:], made.graph.initializer[:], made.graph.value_info[:]
        made.graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        made.graph.initializer.extend(t for t in constants + self.added if t.name in used)
        return made


def quantise(model, server, folder, inputs, kind="uint8"):
    """The QDQ form of an fp32 model, measured on inputs [1][3][h][w]."""
    quantiser = Quantiser(model, kind)
    return quantiser.make(quantiser.measure(server, folder, inputs))
