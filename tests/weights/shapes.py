"""ONNX files with the inputs and outputs of published networks and few layers, for what goes by
their shapes alone."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Maker:
    def __init__(self, seed=1):
        self.random = np.random.default_rng(seed)
        self.nodes, self.tensors, self.outputs = [], [], []

    def tensor(self, name, array):
        self.tensors.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, name, *shape):
        return self.tensor(name, np.float32(self.random.uniform(-0.2, 0.2, shape)))

    def node(self, op, inputs, out, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [out], name="n_" + out, **attributes))
        return out

    def conv(self, x, out, channels, to, stride, bias=None):
        """A 3x3 convolution; with a bias [to] its weights are zeros and it gives nothing else."""
        weight = (self.floats(out + ".weight", to, channels, 3, 3) if bias is None else
                  self.tensor(out + ".weight", np.zeros((to, channels, 3, 3), np.float32)))
        biases = [] if bias is None else [self.tensor(out + ".bias", np.float32(bias))]
        return self.node("Conv", [x, weight, *biases], out, pads=[1, 1, 1, 1],
                         strides=[stride] * 2)

    def bytes(self, shape):
        value = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        graph = helper.make_graph(self.nodes, "g", [value("data", shape)],
                                  [value(name, None) for name in self.outputs], self.tensors)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()


def detector(heads, shape, joined=False):
    """heads: (name, values an anchor, anchors, biases or None, is a score), of each an output at
    strides 8, 16 and 32, as [1, cells * anchors, values] of the exporters. One whose biases are
    given gives them everywhere. joined: as Pytorch_Retinaface exports them, one output a head."""
    m, x, channels = Maker(), "data", 3
    m.tensor("tail", np.array([1, -1, 1]))
    maps = {}
    for i, stride in enumerate((2, 4, 8, 16, 32)):
        x = m.node("Relu", [m.conv(x, f"stage{i}", channels, 8, 2)], f"relu{i}")
        maps[stride], channels = x, 8
    for name, per_anchor, anchors, values, is_score in heads:
        parts = []
        for stride in (8, 16, 32):
            to = per_anchor * anchors
            y = m.conv(maps[stride], f"{name}{stride}.raw", 8, to, 1,
                       None if values is None else np.resize(values, to))
            y = m.node("Transpose", [y], f"{name}{stride}.nhwc", perm=[0, 2, 3, 1])
            shape_name = m.tensor(f"{name}{stride}.shape", np.array([1, -1, per_anchor]))
            y = m.node("Reshape", [y, shape_name], f"{name}{stride}.flat")
            parts.append(y)
        if joined:
            y = m.node("Concat", parts, f"{name}.joined", axis=1)
            m.outputs.append(m.node("Softmax", [y], name, axis=-1) if is_score else y)
            continue
        for stride, part in zip((8, 16, 32), parts):
            m.outputs.append(m.node("Sigmoid" if is_score else "Identity", [part],
                                    f"{name}_{stride}"))
    return m.bytes(shape)


def yunet(score=2.0, shape=(1, 3, 640, 640)):
    """Boxes of four strides around the cell's corner."""
    return detector([("cls", 1, 1, [score], True), ("obj", 1, 1, [score], True),
                     ("bbox", 4, 1, [0, 0, np.log(4), np.log(4)], False),
                     ("kps", 10, 1, [-1, -1, 1, -1, 0, 0, -1, 1, 1, 1], False)], shape)


def scrfd(shape=(1, 3, "?", "?"), landmarks=True):
    heads = [("score", 1, 2, [2.0], True), ("bbox", 4, 2, [2, 2, 2, 2], False)]
    return detector(heads + [("kps", 10, 2, [0] * 10, False)] * landmarks, shape)


def vector(side, values, bias=None, first=(), batch="None"):
    """A face of side x side to a vector. first: names of nodes that scale the picture."""
    m, x = Maker(2), "data"
    for name in first:
        op = "Sub" if "minus" in name or name.startswith("Sub") else "Mul"
        m.nodes.append(helper.make_node(op, [x, m.tensor(name + ".c", np.float32(1.5))],
                                        [name + ".out"], name=name))
        x = name + ".out"
    x = m.conv(x, "stem", 3, 8, 2)
    x = m.node("Flatten", [m.node("GlobalAveragePool", [x], "pool")], "flat")
    weight = (m.floats("fc.weight", values, 8) if bias is None else
              m.tensor("fc.weight", np.zeros((values, 8), np.float32)))
    biases = [] if bias is None else [m.tensor("fc.bias", np.float32(bias))]
    m.node("Gemm", [x, weight, *biases], "fc1", transB=1)
    m.outputs.append("fc1")
    return m.bytes((batch, 3, side, side))
