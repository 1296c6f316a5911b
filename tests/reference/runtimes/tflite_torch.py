"""A .tflite file run op by op in torch.

Reads the flatbuffer with the few lines it takes (the layout is google.github.io/flatbuffers'
"internals" page, the field numbers are those of tensorflow/lite/schema/schema.fbs) and walks the
operator list as the file orders it. Only float networks and the operators of the face networks are
known; any other is an error that names it.
"""
import struct

import numpy as np
import torch
import torch.nn.functional as F

ADD, AVERAGE_POOL_2D, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D = 0, 1, 2, 3, 4
FULLY_CONNECTED, L2_NORM, MAX_POOL_2D, MUL, RELU, RESHAPE = 9, 11, 17, 18, 19, 22
PAD, MEAN, SUB, SPLIT, PRELU, ABS = 34, 40, 41, 49, 54, 101
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}


class Table:
    """A flatbuffer table: fields are looked up by number through its vtable."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        self.slots = (struct.unpack_from("<H", data, self.vtable)[0] - 4) // 2

    def _field(self, number):
        if number >= self.slots:
            return 0
        offset = struct.unpack_from("<H", self.data, self.vtable + 4 + 2 * number)[0]
        return self.at + offset if offset else 0

    def scalar(self, number, code, default=0):
        at = self._field(number)
        return struct.unpack_from("<" + code, self.data, at)[0] if at else default

    def _target(self, number):
        at = self._field(number)
        return at + struct.unpack_from("<I", self.data, at)[0] if at else 0

    def table(self, number):
        at = self._target(number)
        return Table(self.data, at) if at else None

    def tables(self, number):
        at = self._target(number)
        count = struct.unpack_from("<I", self.data, at)[0] if at else 0
        places = [at + 4 + 4 * i for i in range(count)]
        return [Table(self.data, p + struct.unpack_from("<I", self.data, p)[0]) for p in places]

    def vector(self, number, dtype):
        at = self._target(number)
        if not at:
            return np.zeros(0, dtype)
        count = struct.unpack_from("<I", self.data, at)[0]
        return np.frombuffer(self.data, dtype, count, at + 4)

    def string(self, number):
        return self.vector(number, np.uint8).tobytes().decode()


def same_padding(size, kernel, stride, dilation=1):
    """TensorFlow's SAME: (before, after); the odd pixel goes after."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


class TfliteNet:
    """Call it with an NHWC float32 array; returns {output name: array}."""

    def __init__(self, path):
        with open(path, "rb") as f:
            data = f.read()
        if data[4:8] != b"TFL3":
            raise ValueError("%s is not a .tflite file" % path)
        model = Table(data, struct.unpack_from("<I", data)[0])
        buffers = model.tables(4)
        self.codes = [max(c.scalar(0, "b"), c.scalar(3, "i")) for c in model.tables(1)]
        graph = model.tables(2)[0]
        self.tensors, self.constants = graph.tables(0), {}
        for i, t in enumerate(self.tensors):
            raw = buffers[t.scalar(2, "I")].vector(0, np.uint8)
            if raw.size:
                values = np.frombuffer(raw.tobytes(), DTYPES[t.scalar(1, "b")])
                self.constants[i] = torch.from_numpy(values.reshape(t.vector(0, np.int32)).copy())
        self.inputs, self.outputs = graph.vector(1, np.int32), graph.vector(2, np.int32)
        self.operators = graph.tables(3)

    def __call__(self, x):
        values = dict(self.constants)
        values[self.inputs[0]] = torch.from_numpy(np.ascontiguousarray(x, np.float32))
        with torch.no_grad():
            for op in self.operators:
                names = op.vector(1, np.int32)
                out = self._run(
                    self.codes[op.scalar(0, "I")], op.table(4), [values.get(i) for i in names]
                )
                for i, value in zip(op.vector(2, np.int32), out):
                    values[i] = value
        return {self.tensors[i].string(3): values[i].numpy() for i in self.outputs}

    def _run(self, code, options, v):
        if code in (CONV_2D, DEPTHWISE_CONV_2D):
            return [convolve(code, options, *v)]
        if code in (MAX_POOL_2D, AVERAGE_POOL_2D):
            return [pool(code, options, v[0])]
        if code == PRELU:
            return [torch.where(v[0] > 0, v[0], v[0] * v[1])]
        if code in (ADD, SUB, MUL):
            function = {ADD: torch.add, SUB: torch.sub, MUL: torch.mul}[code]
            return [activate(function(v[0], v[1]), options.scalar(0, "b"))]
        if code == FULLY_CONNECTED:
            return [
                activate(
                    F.linear(v[0].reshape(v[0].shape[0], -1), v[1], v[2]), options.scalar(0, "b")
                )
            ]
        if code == RESHAPE:
            # Sizes are frozen in the file; the batch the file was exported with is not ours.
            shape = options.vector(0, np.int32) if options else v[1].numpy()
            return [v[0].reshape(v[0].shape[0], *[int(s) for s in shape[1:]])]
        if code == SPLIT:
            return list(torch.chunk(v[1], options.scalar(0, "i"), int(v[0])))
        if code == CONCATENATION:
            return [torch.cat(v, options.scalar(0, "i"))]
        if code == MEAN:
            return [v[0].mean([int(a) for a in v[1].reshape(-1)], bool(options.scalar(0, "b")))]
        if code == PAD:
            return [F.pad(v[0], [int(p) for p in v[1].flip(0).reshape(-1)])]
        if code == RELU:
            return [F.relu(v[0])]
        if code == ABS:
            return [v[0].abs()]
        if code == L2_NORM:
            return [F.normalize(v[0], dim=-1)]
        raise NotImplementedError("tflite operator %d" % code)


def activate(x, code):
    if code == 0:
        return x
    if code == 1:
        return F.relu(x)
    if code == 3:
        return x.clamp(0, 6)
    raise NotImplementedError("tflite activation %d" % code)


def padded(x, options, kernel, strides, fill):
    """NHWC to NCHW with the padding the operator asks for."""
    x = x.permute(0, 3, 1, 2)
    if options.scalar(0, "b") != 0:
        return x
    top, bottom = same_padding(x.shape[2], kernel[0], strides[0])
    left, right = same_padding(x.shape[3], kernel[1], strides[1])
    return F.pad(x, (left, right, top, bottom), value=fill)


def convolve(code, options, x, weight, bias=None):
    strides = (options.scalar(2, "i", 1), options.scalar(1, "i", 1))
    activation = options.scalar(4 if code == DEPTHWISE_CONV_2D else 3, "b")
    channels = x.shape[3]
    if code == DEPTHWISE_CONV_2D:
        kernel, groups = weight.permute(3, 0, 1, 2), channels
    else:
        kernel, groups = weight.permute(0, 3, 1, 2), channels // weight.shape[3]
    x = padded(x, options, kernel.shape[2:], strides, 0.0)
    y = F.conv2d(x, kernel, bias, strides, groups=groups)
    return activate(y.permute(0, 2, 3, 1), activation)


def pool(code, options, x):
    strides = (options.scalar(2, "i"), options.scalar(1, "i"))
    size = (options.scalar(4, "i"), options.scalar(3, "i"))
    if code == MAX_POOL_2D:
        y = F.max_pool2d(padded(x, options, size, strides, float("-inf")), size, strides)
    else:
        if options.scalar(0, "b") == 0 and x.shape[1:3] != torch.Size(size):
            raise NotImplementedError("average pool with SAME padding")
        y = F.avg_pool2d(x.permute(0, 3, 1, 2), size, strides)
    return activate(y.permute(0, 2, 3, 1), options.scalar(5, "b"))
