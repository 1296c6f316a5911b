"""An MXNet network (symbol.json + .params) run node by node in torch.

The .params format is NDArray::Save of mxnet/src/ndarray/ndarray.cc. Defaults that differ from
torch's and cost accuracy when forgotten: BatchNorm eps 1e-3, fix_gamma true (gamma is 1 whatever is
stored).
"""
import ast
import json
import struct

import numpy as np
import torch
import torch.nn.functional as F

DTYPES = {
    0: np.float32,
    1: np.float64,
    2: np.float16,
    3: np.uint8,
    4: np.int32,
    5: np.int8,
    6: np.int64,
}


def load_params(path):
    """{"arg:name" or "aux:name": float32 array} of a .params file."""
    with open(path, "rb") as f:
        data = f.read()
    magic, _, count = struct.unpack_from("<QQQ", data)
    if magic != 0x112:
        raise ValueError("%s is not an MXNet .params file" % path)
    at, arrays = 24, []
    for _ in range(count):
        version = struct.unpack_from("<I", data, at)[0]
        if version in (0xF993FAC9, 0xF993FACA):
            storage, dims = struct.unpack_from("<iI", data, at + 4)
            if storage != 0:
                raise ValueError("sparse arrays are not read")
            at += 12
            shape = struct.unpack_from("<%dq" % dims, data, at)
            at += 8 * dims
        elif version == 0xF993FAC8:
            dims = struct.unpack_from("<I", data, at + 4)[0]
            shape = struct.unpack_from("<%dq" % dims, data, at + 8)
            at += 8 + 8 * dims
        else:
            dims = version
            shape = struct.unpack_from("<%dI" % dims, data, at + 4)
            at += 4 + 4 * dims
        kind = struct.unpack_from("<i", data, at + 8)[0]
        dtype = np.dtype(DTYPES[kind])
        values = np.frombuffer(data, dtype, int(np.prod(shape, dtype=np.int64)), at + 12)
        at += 12 + values.nbytes
        arrays.append(values.reshape(shape).astype(np.float32))
    names = []
    count, at = struct.unpack_from("<Q", data, at)[0], at + 8
    for _ in range(count):
        length = struct.unpack_from("<Q", data, at)[0]
        names.append(data[at + 8 : at + 8 + length].decode())
        at += 8 + length
    return dict(zip(names, arrays))


class MxnetNet:
    """Call it with an NCHW float32 array; returns {output name: array}."""

    def __init__(self, symbol, params):
        with open(symbol, encoding="utf-8") as f:
            graph = json.load(f)
        self.nodes, self.heads = graph["nodes"], [h[0] for h in graph["heads"]]
        self.params = {
            k.split(":", 1)[1]: torch.from_numpy(v) for k, v in load_params(params).items()
        }

    def __call__(self, x):
        values = []
        with torch.no_grad():
            for node in self.nodes:
                if node["op"] == "null":
                    given = self.params.get(node["name"])
                    if given is None and node["name"] == "data":
                        given = torch.from_numpy(np.ascontiguousarray(x, np.float32))
                    values.append(given)
                else:
                    values.append(self._run(node, [values[i[0]] for i in node["inputs"]]))
        return {self.nodes[h]["name"]: values[h].numpy() for h in self.heads}

    def _run(self, node, v):
        text = node.get("attrs") or node.get("attr") or node.get("param") or {}
        attrs = {k: parse(value) for k, value in text.items()}
        op = node["op"]
        if op == "Convolution":
            return F.conv2d(
                v[0],
                v[1],
                v[2] if len(v) > 2 else None,
                attrs.get("stride", (1, 1)),
                attrs.get("pad", (0, 0)),
                groups=attrs.get("num_group", 1),
            )
        if op == "BatchNorm":
            return batch_norm(v, attrs)
        if op == "LeakyReLU":
            if attrs.get("act_type", "leaky") == "prelu":
                return F.prelu(v[0], v[1])
            return F.leaky_relu(v[0], attrs.get("slope", 0.25))
        if op == "Activation":
            return {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[
                attrs["act_type"]
            ](v[0])
        if op == "FullyConnected":
            return F.linear(v[0].reshape(v[0].shape[0], -1), v[1], v[2] if len(v) > 2 else None)
        if op in ("elemwise_add", "_Plus", "_plus", "broadcast_add"):
            return v[0] + v[1]
        if op == "_minus_scalar":
            return v[0] - float(attrs["scalar"])
        if op == "_mul_scalar":
            return v[0] * float(attrs["scalar"])
        if op in ("identity", "_copy", "Dropout", "BlockGrad"):
            return v[0]
        if op == "Flatten":
            return v[0].reshape(v[0].shape[0], -1)
        if op == "Pooling":
            return pooling(v[0], attrs)
        raise NotImplementedError("MXNet operator %s" % op)


def parse(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def batch_norm(v, attrs):
    x, gamma, beta, mean, var = v
    fixed = attrs.get("fix_gamma", True) in (True, "True", "true", 1)
    gamma = torch.ones_like(gamma) if fixed else gamma
    return F.batch_norm(x, mean, var, gamma, beta, eps=float(attrs.get("eps", 1e-3)))


def pooling(x, attrs):
    kind = attrs.get("pool_type", "max")
    if attrs.get("global_pool"):
        return x.mean((2, 3), True) if kind == "avg" else x.amax((2, 3), True)
    function = F.avg_pool2d if kind == "avg" else F.max_pool2d
    return function(
        x,
        attrs["kernel"],
        attrs.get("stride", (1, 1)),
        attrs.get("pad", (0, 0)),
        ceil_mode=attrs.get("pooling_convention") == "full",
    )
