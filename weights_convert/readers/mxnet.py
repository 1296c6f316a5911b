"""MXNet: symbol.json holds the graph, .params the arrays (an NDArray list, src/ndarray/ndarray.cc:
NDArray::Load). Two traps are resolved here: BatchNorm's epsilon defaults to 1e-3 where the symbol
does not state it, and fix_gamma (default True) means gamma is 1 whatever the file stores."""

import re
import struct

import numpy as np

from ..errors import ConvertError
from ..source import Node, Source
from . import load_json

_LIST_MAGIC = 0x112
_MAGIC_V1, _MAGIC_V2, _MAGIC_V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_DTYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "u1", 4: "<i4", 5: "i1", 6: "<i8"}
_OPS = {
    "Convolution": "conv", "BatchNorm": "batch_norm", "FullyConnected": "dense",
    "elemwise_add": "add", "_Plus": "add", "_plus": "add", "broadcast_add": "add",
    "_minus_scalar": "sub", "_MinusScalar": "sub", "_mul_scalar": "mul", "_MulScalar": "mul",
}


class _Bytes:
    """A cursor that never reads past the end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise ConvertError("the params file ends in the middle of an array")
        self.at += count
        return self.data[self.at - count : self.at]

    def numbers(self, kind, count=1):
        return struct.unpack(f"<{count}{kind}", self.take(count * struct.calcsize("<" + kind)))

    def number(self, kind):
        return self.numbers(kind)[0]


def read_params(path):
    """{name without arg: or aux:: array}"""
    with open(path, "rb") as file:
        cursor = _Bytes(file.read())
    if cursor.number("Q") != _LIST_MAGIC:
        raise ConvertError("the file is no MXNet parameter list")
    cursor.number("Q")
    count = cursor.number("Q")
    if count > len(cursor.data):
        raise ConvertError(f"the params file claims {count} arrays")
    arrays = [_read_array(cursor) for _ in range(count)]
    if cursor.number("Q") != count:
        raise ConvertError("the params file has not as many names as arrays")
    tensors = {}
    for array in arrays:
        name = bytes(cursor.take(cursor.number("Q"))).decode("utf-8", "replace")
        name = name.split(":", 1)[1] if name[:4] in ("arg:", "aux:") else name
        if name in tensors:
            raise ConvertError(f"two tensors are called {name}")
        tensors[name] = array
    return tensors


def _read_array(cursor):
    magic = cursor.number("I")
    if magic in (_MAGIC_V2, _MAGIC_V3):
        if cursor.number("i") != 0:
            raise ConvertError("sparse MXNet arrays are not supported")
    if magic in (_MAGIC_V1, _MAGIC_V2, _MAGIC_V3):
        dims = cursor.number("I")
        shape = cursor.numbers("q", _checked_rank(dims))
    else:  # before 0.11 the first word was the number of dimensions
        shape = cursor.numbers("I", _checked_rank(magic))
    if not shape:
        return np.zeros(0, np.float32)  # an array nobody has filled
    cursor.numbers("i", 2)  # the device it was saved from
    dtype = _DTYPES.get(cursor.number("i"))
    if dtype is None:
        raise ConvertError("an MXNet array has an unknown type")
    count = 1
    for extent in shape:
        if not 0 <= extent < 2**40:
            raise ConvertError(f"an MXNet array has the shape {list(shape)}")
        count *= extent
    data = cursor.take(count * np.dtype(dtype).itemsize)
    try:
        return np.frombuffer(data, dtype=dtype).reshape(shape)
    except ValueError:  # one extent is 0, and the others are more than numpy counts
        raise ConvertError(f"an MXNet array has the shape {list(shape)}") from None


def _checked_rank(dims):
    if dims > 8:
        raise ConvertError(f"an MXNet array claims {dims} dimensions")
    return dims


def read(symbol_path, params_path):
    symbol = load_json(symbol_path)
    source = Source([symbol_path, params_path], read_params(params_path))
    try:
        _read_graph(symbol["nodes"], source)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise ConvertError("the symbol file is not a graph of MXNet") from None
    return source


def _read_graph(nodes, source):
    for index, node in enumerate(nodes):
        if node["op"] == "null":
            if node["name"] not in source.tensors:
                source.inputs[node["name"]] = None
            continue
        for entry in node["inputs"]:
            if not 0 <= entry[0] < index:
                raise ValueError
        inputs = [nodes[entry[0]]["name"] for entry in node["inputs"]]
        raw = node.get("attrs") or node.get("param") or node.get("attr") or {}
        op = _OPS.get(node["op"], node["op"])
        attrs = {}
        if op == "conv":
            attrs = _conv_attrs(node["name"], raw)
        elif op == "batch_norm":
            _batch_norm(inputs, raw, source)
        elif op in ("sub", "mul"):
            attrs = {"scalar": float(raw["scalar"])}
        elif op == "Activation":
            op = raw.get("act_type", "relu")
        elif op == "LeakyReLU":
            op = "prelu" if raw.get("act_type") == "prelu" else "leaky"
        source.nodes.append(Node(op, node["name"], inputs, [node["name"]], attrs))


def _pair(raw, key, default):
    numbers = re.fullmatch(r"[(\[]?(\d{1,4}L?)(?:, ?(\d{1,4}L?),?)?[)\]]?", raw.get(key, default))
    if not numbers or (numbers[2] and numbers[1] != numbers[2]):
        raise ConvertError(f"a convolution has the {key} {raw.get(key)}")
    return int(numbers[1].rstrip("L"))


def _conv_attrs(name, raw):
    if _pair(raw, "dilate", "(1, 1)") != 1:
        raise ConvertError(f"convolution {name} has a dilation")
    return {"stride": _pair(raw, "stride", "(1, 1)"), "padding": _pair(raw, "pad", "(0, 0)"),
            "groups": int(raw.get("num_group", 1))}


def _batch_norm(inputs, raw, source):
    gamma = inputs[1]
    source.eps[gamma] = float(raw.get("eps", 1e-3))
    if str(raw.get("fix_gamma", "True")) in ("True", "1") and gamma in source.tensors:
        source.tensors[gamma] = np.ones_like(source.tensors[gamma])
        source.notes[gamma] = "fix_gamma: 1"
