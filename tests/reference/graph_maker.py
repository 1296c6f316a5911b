"""Random ONNX graphs of the operators weights_convert/onnx_graph takes, as exporters write them: in
opsets 9 to 21, with constants, shapes computed in the graph, and heads seen through reshapes."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from graph_algebra import Algebra
from graph_moves import Moves

OPSETS = (9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 21)
MOST_PIXELS, MOST_CHANNELS = 64 * 64, 96
MOST_BLOCKS = 4  # a side of a map is that much longer before its pixels became channels
GRAY = 8  # of so many graphs one reads gray pictures
MOST_AVERAGED = 400  # pixels: of more, two orders of summing floats may differ by 1e-5


class Maker(Moves, Algebra):
    """One graph: values are (name, channels, height, width)."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.opset = int(self.pick(OPSETS))
        self.channels = 1 if seed % GRAY == 0 else 3  # no dice, so that seeds stay what they were
        self.nodes, self.tensors, self.outputs = [], [], []
        self.height, self.width = (int(n) for n in self.random.integers(16, 49, 2))
        self.values = []

    def pick(self, choices):
        return choices[int(self.random.integers(len(choices)))]

    def chance(self, share):
        return self.random.random() < share

    def name(self, kind):
        return "%s_%d" % (kind, len(self.nodes) + len(self.tensors))

    def constant(self, array):
        """A tensor: an initialiser, or a Constant node."""
        name = self.name("t")
        if self.chance(0.2):
            self.nodes.append(
                helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))
            )
        else:
            self.tensors.append(numpy_helper.from_array(array, name))
        return name

    def floats(self, *shape, low=-1.0, high=1.0):
        return np.float32(self.random.uniform(low, high, shape))

    def append(self, op, inputs, outputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, outputs, name="n_" + outputs[0],
                                           **attributes))

    def node(self, op, inputs, **attributes):
        out = self.name(op.lower())
        self.append(op, inputs, [out], **attributes)
        return out

    # What changes axes takes them as an attribute in old opsets, as an input in new ones.

    def with_axes(self, op, x, axes, since, **attributes):
        if self.opset < since:
            return self.node(op, [x], axes=axes, **attributes)
        return self.node(op, [x, self.constant(np.array(axes, np.int64))], **attributes)

    def keep(self, name, c, h, w):
        value = (name, c, h, w)
        self.values.append(value)
        return value

    # Layers.

    def input(self):
        x = "input"
        style = self.pick(("sub_div", "mul", "bn"))
        if style == "sub_div":
            shape = (self.channels, 1, 1)
            x = self.node("Sub", [x, self.constant(self.floats(*shape, low=90, high=130))])
            x = self.node("Div", [x, self.constant(self.floats(1, *shape, low=50, high=70))])
        elif style == "mul":
            x = self.node("Mul", [self.constant(np.float32(1 / 64)), x])
        elif style == "bn":
            x = self.batch_norm((x, self.channels, 0, 0), mean=(100, 140), variance=(3000, 5000))[0]
        return x, self.channels, self.height, self.width

    def pads(self, kernel):
        kh, kw = kernel
        if self.chance(0.5):
            return [kh // 2, kw // 2] * 2
        return [int(self.random.integers(0, k)) for k in (kh, kw, kh, kw)]

    def conv(self, x, kernel=None, out=None, stride=None):
        name, c, h, w = x
        kernel = kernel or self.pick(((1, 1), (3, 3), (3, 3), (5, 5), (1, 3), (3, 1), (2, 2)))
        groups = self.pick([g for g in (1, 1, 1, 2, 3, 4, c) if c % g == 0])
        out = out or groups * int(self.random.integers(1, 3 if groups == c else 1 + 24 // groups))
        groups = groups if out % groups == 0 else 1
        strides = [stride] * 2 if stride else self.pick(([1, 1], [1, 1], [1, 1], [2, 2], [1, 2]))
        dilations = [1, 1] if stride else self.pick(([1, 1], [1, 1], [1, 1], [2, 2], [1, 2]))
        scale = (c // groups * kernel[0] * kernel[1]) ** -0.5
        weight = self.floats(out, c // groups, *kernel) * np.float32(scale)
        attributes = {"kernel_shape": list(kernel), "strides": strides, "group": groups}
        if self.chance(0.15):
            attributes["auto_pad"] = self.pick(("SAME_UPPER", "SAME_LOWER"))
            size = [-(-n // strides[i]) for i, n in enumerate((h, w))]
        else:
            attributes["dilations"] = dilations
            pads = self.pads(kernel)
            size = [(n + pads[i] + pads[i + 2] - (kernel[i] - 1) * dilations[i] - 1) // strides[i]
                    + 1 for i, n in enumerate((h, w))]
            if self.chance(0.2):
                name, pads = self.padded(name, pads), [0] * 4
            attributes["pads"] = pads
        if min(size) < 1:
            return x
        inputs = [name, self.constant(weight)]
        if self.chance(0.5):
            inputs.append(self.constant(self.floats(out)))
        y = self.node("Conv", inputs, **attributes)
        if self.chance(0.15):
            y = self.node("Add", [y, self.constant(self.floats(1, out, 1, 1))])
        return y, out, *size

    def padded(self, x, pads):
        full = [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]
        if self.opset < 11:
            return self.node("Pad", [x], pads=full, mode="constant")
        return self.node("Pad", [x, self.constant(np.array(full, np.int64))])

    def batch_norm(self, x, mean=(-0.5, 0.5), variance=(0.3, 2)):
        name, c, h, w = x
        parts = [self.floats(c, low=0.5, high=1.5), self.floats(c),
                 self.floats(c, low=mean[0], high=mean[1]),
                 self.floats(c, low=variance[0], high=variance[1])]
        return (self.node("BatchNormalization", [name] + [self.constant(p) for p in parts],
                          epsilon=float(self.pick((1e-5, 1e-3)))), c, h, w)

    def activation(self, x):
        name, c, h, w = x
        kind = self.pick(("Relu", "Relu", "LeakyRelu", "PRelu", "Sigmoid", "Clip", "Clip6", "Tanh",
                          "Erf", "HardSigmoid", "HardSwish", "silu"))
        if kind == "HardSwish" and self.opset < 14:
            kind = "HardSigmoid"
        if kind == "silu":
            return self.node("Mul", [name, self.node("Sigmoid", [name])]), c, h, w
        if kind == "Clip6" and self.opset < 11:
            return self.node("Clip", [name], min=0.0, max=6.0), c, h, w
        if kind == "Clip6":
            bounds = [self.constant(np.float32(bound)) for bound in (-0.5, 0.7)]
            return self.node("Clip", [name] + bounds), c, h, w
        if kind == "LeakyRelu":
            return self.node(kind, [name], alpha=0.1), c, h, w
        if kind == "PRelu":
            slope = self.floats(*self.pick(((c, 1, 1), (1, 1, 1))))
            return self.node(kind, [name, self.constant(slope)]), c, h, w
        if kind == "Clip":
            if self.opset < 11:
                return self.node(kind, [name], min=0.0), c, h, w
            return self.node(kind, [name, self.constant(np.float32(0))]), c, h, w
        return self.node(kind, [name]), c, h, w

    def arithmetic(self, x):
        name, c, h, w = x
        shape = self.pick(((c, 1, 1), (1, c, 1, 1), (), (1,)))
        op = self.pick(("Add", "Sub", "Mul", "Div"))
        constant = self.constant(self.floats(*shape, low=0.5, high=2))
        inputs = [name, constant]
        if op != "Div" and self.chance(0.3):
            inputs.reverse()
        return self.node(op, inputs), c, h, w

    def pool(self, x):
        name, c, h, w = x
        op = self.pick(("MaxPool", "AveragePool"))
        kernel = self.pick(((2, 2), (3, 3), (2, 3)))
        strides, pads = self.pick(([1, 1], [2, 2], [2, 1])), self.pads(kernel)
        ceil = self.opset >= 10 and self.chance(0.3) and strides[0] == strides[1]
        size = []
        for i, n in enumerate((h, w)):
            span = n + pads[i] + pads[i + 2] - kernel[i]
            if span < 0:
                return x
            stride = strides[i]
            out = (-(-span // stride) if ceil else span // stride) + 1
            if (out - 1) * stride >= n + pads[i]:
                return x  # ONNX's shape inference and ONNX Runtime's pools do not agree on these
            size.append(out)
        attributes = {"kernel_shape": list(kernel), "strides": strides, "pads": pads}
        if ceil:
            attributes["ceil_mode"] = 1
        elif op == "AveragePool" and self.chance(0.4):
            attributes["count_include_pad"] = 1
        return self.node(op, [name], **attributes), c, *size

    def sum(self, x):
        same = [v for v in self.values if v[1:] == x[1:]]
        if not same:
            return x
        inputs = [x[0], self.pick(same)[0]]
        if self.chance(0.5):
            inputs.reverse()
        op = self.pick(("Add", "Add", "Sub"))
        if inputs[0] == inputs[1]:  # a map of zeros, whose norm is the noise of its rounding
            op = "Add"
        return self.node(op, inputs), *x[1:]

    def concat(self, x):
        parts = [x] + [v for v in self.values if v[2:] == x[2:] and self.chance(0.5)][:6]
        c = sum(v[1] for v in parts)
        if len(parts) < 2 or c > 80:
            return x
        return self.node("Concat", [v[0] for v in parts], axis=self.pick((1, -3))), c, *x[2:]

    def upsample(self, x):
        name, c, h, w = x
        doubled = [v for v in self.values if v[2:] == (2 * h, 2 * w)]
        if not doubled:
            return x
        scales = np.array([1, 1, 2, 2], np.float32)
        if self.opset < 10:
            y = self.node("Upsample", [name, self.constant(scales)], mode="nearest")
        elif self.opset < 11:
            y = self.node("Resize", [name, self.constant(scales)], mode="nearest")
        else:
            roi = self.constant(np.zeros(0, np.float32))
            style = {"mode": "nearest", **self.pick((
                {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
                {"coordinate_transformation_mode": "half_pixel"}))}
            if self.chance(0.5):
                y = self.node("Resize", [name, roi, self.constant(scales)], **style)
            else:
                empty = self.constant(np.zeros(0, np.float32)) if self.opset < 13 else ""
                y = self.node("Resize", [name, roi, empty, self.size_like(self.pick(doubled), c)],
                              **style)
        return y, c, 2 * h, 2 * w

    def size_like(self, x, c):
        """[1, c, h, w] of x, as torch's exporter writes it."""
        shape = self.node("Shape", [x[0]])
        start, end = (self.constant(np.array([n], np.int64)) for n in (2, 4))
        sides = self.node("Slice", [shape, start, end, self.constant(np.zeros(1, np.int64))])
        return self.node("Concat", [self.constant(np.array([1, c], np.int64)), sides], axis=0)

    def gate(self, x):
        """Squeeze and excitation."""
        name, c, h, w = x
        if h * w > MOST_AVERAGED:
            return x
        y = self.node("GlobalAveragePool", [name])
        y = self.node("Conv", [y, self.constant(self.floats(c, c, 1, 1))])
        y = self.node(self.pick(("Sigmoid", "HardSigmoid")), [y])
        inputs = [name, y]
        if self.chance(0.5):
            inputs.reverse()
        return self.node(self.pick(("Mul", "Mul", "Add")), inputs), c, h, w

    def product(self, x):
        same = [v for v in self.values if v[1:] == x[1:]]
        if not same:
            return x
        return self.node("Mul", [x[0], self.pick(same)[0]]), *x[1:]

    def nothing(self, x):
        return self.node(self.pick(("Identity", "Dropout")), [x[0]]), *x[1:]

    # Ends.

    def flat(self, x):
        """[1, c h w], by one of the ways exporters know."""
        name, c, h, w = x
        way = self.pick(("flatten", "reshape", "shape", "nhwc"))
        if way == "flatten":
            return self.node("Flatten", [name], axis=1)
        if way == "reshape":
            return self.node("Reshape", [name, self.constant(np.array(self.pick(
                ([1, -1], [0, -1], [-1, c * h * w])), np.int64))])
        if way == "nhwc":
            name = self.node("Transpose", [name], perm=[0, 2, 3, 1])
            return self.node("Reshape", [name, self.constant(np.array([1, c * h * w], np.int64))])
        batch = self.node("Gather", [self.node("Shape", [name]),
                                     self.constant(np.array(0, np.int64))], axis=0)
        batch = self.with_axes("Unsqueeze", batch, [0], 13)
        shape = self.node("Concat", [batch, self.constant(np.array([-1], np.int64))], axis=0)
        return self.node("Reshape", [name, shape])

    def dense(self, x, into):
        out = int(self.random.integers(4, 24))
        weight = self.floats(into, out) * np.float32(into**-0.5)
        if self.chance(0.5):
            bias = [self.constant(self.floats(out))]
            if self.chance(0.5):
                return self.node("Gemm", [x, self.constant(weight.T.copy())] + bias, transB=1), out
            return self.node("Gemm", [x, self.constant(weight)] + bias, alpha=0.5, beta=2.0), out
        x = self.node("MatMul", [x, self.constant(weight)])
        return self.node("Add", [x, self.constant(self.floats(out))]), out

    def classifier(self, x):
        name, c, h, w = x
        # Of a map of 32x32 at most, before blocks of pixels became channels, too.
        dense = max(h, w) <= 32 / MOST_BLOCKS and c * h * w < 20000 and self.chance(0.5)
        if dense:
            y, c = self.dense(self.flat(x), c * h * w)
        elif h * w > MOST_AVERAGED:
            return self.map(x)
        else:
            if self.chance(0.5):
                name = self.flat((self.node("GlobalAveragePool", [name]), c, 1, 1))
            else:
                keep = int(self.chance(0.5))
                name = self.with_axes("ReduceMean", name, self.pick(([2, 3], [-1, -2])), 18,
                                      keepdims=keep)
                if keep:
                    name = self.flat((name, c, 1, 1))
            y, c = self.dense(name, c)
        if self.chance(0.3):
            y = self.node("Relu", [y])
            y, c = self.dense(y, c)
        if self.chance(0.4):
            y = self.softmax(y, (1, -1))
        return self.outputs.append(y)

    def head(self, x):
        """A detector's: [1, h w anchors, values]."""
        values = self.pick((1, 2, 4))
        y, _, h, w = self.conv(x, (1, 1), values * 2, 1)
        y = self.node("Transpose", [y], perm=[0, 2, 3, 1])
        y = self.node("Reshape", [y, self.constant(np.array(self.pick(
            ([1, -1, values], [-1, values], [1, h * w * 2, values])), np.int64))])
        self.outputs.append(self.node("Sigmoid", [y]) if self.chance(0.5) else y)

    def map(self, x):
        self.outputs.append(x[0])

    def make(self):
        """The model, and the size of its input: (bytes, width, height)."""
        x = self.keep(*self.conv(self.input(), (3, 3)))
        steps = [self.conv] * 5 + [self.activation] * 4 + [self.batch_norm, self.batch_norm,
                 self.sum, self.sum, self.concat, self.concat, self.pool, self.arithmetic,
                 self.upsample, self.upsample, self.nothing, self.gate, self.product,
                 self.parts, self.slice, self.focus, self.shuffle, self.blocks, self.around,
                 self.resize, self.resize, self.attention, self.norm, self.beside, self.transposed,
                 self.reduced, self.soft, self.each, self.matrices, self.quotient,
                 self.written_norm, self.written_gelu]
        for _ in range(int(self.random.integers(3, 22))):
            y = self.pick(steps)(x)
            if y[2] * y[3] <= MOST_PIXELS and y[1] <= MOST_CHANNELS:
                x = self.keep(*y)
            if self.chance(0.25):
                x = self.pick(self.values)
        ends = [self.classifier, self.head, self.map, self.strung]
        for value in [x] + [self.pick(self.values) for _ in range(int(self.random.integers(3)))]:
            if value[0] not in self.outputs:
                self.pick(ends)(value)
        self.outputs = list(dict.fromkeys(self.outputs))
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT,
                                           [1, self.channels, self.height, self.width])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
             for name in self.outputs], self.tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 4 if self.opset < 10 else 7 if self.opset < 18 else 9
        return model.SerializeToString(), self.width, self.height
