"""TensorFlow Lite: a flatbuffer (tensorflow/lite/schema/schema.fbs). The few tables a float network
needs are read with a bounds-checked cursor of our own; field numbers below are the schema's."""

import struct

import numpy as np

from ..errors import ConvertError
from ..source import Node, Source

_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 9: "i1"}
_OPS = {0: "add", 3: "conv", 4: "conv", 9: "dense", 17: "max_pool", 1: "avg_pool", 18: "mul",
        19: "relu", 22: "reshape", 41: "sub", 54: "prelu", 101: "abs"}
_CONV, _DEPTHWISE = 3, 4
MAX_NUMBERS = 4096  # inputs of a graph or an operator, or extents of a shape


class Table:
    """A flatbuffer table: field i is found through the vtable, and may be absent."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - self.unpack("i", at)
        self.fields = (self.unpack("H", self.vtable) - 4) // 2

    def unpack(self, kind, at):
        size = struct.calcsize("<" + kind)
        if at < 0 or at + size > len(self.data):
            raise ConvertError("the flatbuffer points outside the file")
        return struct.unpack_from("<" + kind, self.data, at)[0]

    def _offset(self, field):
        return self.unpack("H", self.vtable + 4 + 2 * field) if field < self.fields else 0

    def scalar(self, field, kind, default=0):
        offset = self._offset(field)
        return self.unpack(kind, self.at + offset) if offset else default

    def _target(self, field):
        offset = self._offset(field)
        at = self.at + offset
        return at + self.unpack("I", at) if offset else None

    def table(self, field):
        at = self._target(field)
        return Table(self.data, at) if at is not None else None

    def raw(self, field, item):
        """(position of the first item, count) of a vector; (0, 0) where it is absent."""
        at = self._target(field)
        if at is None:
            return 0, 0
        count = self.unpack("I", at)
        if at + 4 + count * item > len(self.data):
            raise ConvertError("a vector of the flatbuffer reaches behind the file's end")
        return at + 4, count

    def numbers(self, field, kind):
        at, count = self.raw(field, struct.calcsize("<" + kind))
        if count > MAX_NUMBERS:
            raise ConvertError(f"a list of the flatbuffer has {count} numbers")
        return list(struct.unpack_from(f"<{count}{kind}", self.data, at))

    def tables(self, field):
        at, count = self.raw(field, 4)
        return [Table(self.data, at + 4 * i + self.unpack("I", at + 4 * i)) for i in range(count)]

    def text(self, field):
        at, count = self.raw(field, 1)
        return self.data[at : at + count].decode("utf-8", "replace")


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    try:
        return _read_model(path, data)
    except (struct.error, IndexError, OverflowError):
        raise ConvertError("the flatbuffer is broken") from None


def _read_model(path, data):
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ConvertError("the file is not TensorFlow Lite")
    model = Table(data, struct.unpack_from("<I", data)[0])
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise ConvertError(f"the model has {len(graphs)} subgraphs, not one")
    # Codes beyond 127 are in field 3; older files have only field 0.
    codes = [max(code.scalar(0, "b"), code.scalar(3, "i")) for code in model.tables(1)]
    buffers = [buffer.raw(0, 1) for buffer in model.tables(4)]
    source = Source([path], {}, layout="OHWI")
    names = []
    for tensor in graphs[0].tables(0):
        name = tensor.text(3)
        names.append(name)
        _read_tensor(source, data, tensor, name, buffers[tensor.scalar(2, "I")])
    if len(set(names)) != len(names):
        raise ConvertError("two tensors have the same name")
    for index in graphs[0].numbers(1, "i"):
        source.inputs[names[index]] = graphs[0].tables(0)[index].numbers(0, "i")
    for operator in graphs[0].tables(3):
        source.nodes.append(_node(operator, codes[operator.scalar(0, "I")], names))
    return source


def _read_tensor(source, data, tensor, name, buffer):
    at, size = buffer
    if size == 0:
        return  # an activation
    dtype = _DTYPES.get(tensor.scalar(1, "b"))
    if dtype in (None, "u1", "i1"):
        raise ConvertError(f"tensor {name} is quantised or of an unknown type")
    shape = tensor.numbers(0, "i")
    count = 1
    for extent in shape:
        count *= extent
    if len(shape) > 8 or min(shape, default=0) < 0 or count * np.dtype(dtype).itemsize != size:
        raise ConvertError(f"tensor {name} has {size} bytes, not what its shape {shape} needs")
    source.tensors[name] = np.frombuffer(data, dtype, count, at).reshape(shape)


def _node(operator, code, names):
    inputs = [names[i] for i in operator.numbers(1, "i") if i >= 0]
    outputs = [names[i] for i in operator.numbers(2, "i")]
    attrs = {}
    options = operator.table(4)
    if code in (_CONV, _DEPTHWISE):
        if options is None:
            raise ConvertError(f"convolution {outputs[0]} has no options")
        # Conv2DOptions: padding, stride_w, stride_h, activation, dilations;
        # DepthwiseConv2DOptions has a depth multiplier after the strides.
        first = 3 if code == _CONV else 4
        activation = options.scalar(first, "b")
        dilations = {options.scalar(first + 1, "i", 1), options.scalar(first + 2, "i", 1)}
        if options.scalar(1, "i") != options.scalar(2, "i") or dilations != {1}:
            raise ConvertError(f"convolution {outputs[0]} has uneven strides or a dilation")
        if activation:
            raise ConvertError(f"convolution {outputs[0]} has a fused activation")
        attrs = {"stride": options.scalar(1, "i"), "groups": 1 if code == _CONV else 0,
                 "padding": "same" if options.scalar(0, "b") == 0 else 0}
    return Node(_OPS.get(code, f"operator {code}"), outputs[0], inputs, outputs, attrs)
