"""TensorFlow.js: a JSON file with a weights manifest and the shards it names, joined in manifest
order. Layers models (Keras) give layer configs, graph models give nodes; a bare manifest (face-api)
gives only weights. Quantised weights are expanded as tfjs does: value = q * scale + min
(tfjs-core/src/io/io_utils.ts, decodeWeights)."""

import base64
import os

import numpy as np

from ..errors import ConvertError
from ..source import Node, Source
from . import load_json

_DTYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2",
           "bool": "u1"}
_OPS = {"Conv2D": "conv", "DepthwiseConv2dNative": "conv", "MatMul": "dense", "Sub": "sub",
        "Mul": "mul", "AddV2": "add", "Add": "add", "BiasAdd": "add", "Maximum": "maximum",
        "Minimum": "minimum", "Pad": "pad", "Reshape": "reshape", "Placeholder": "placeholder"}


def read(path):
    document = load_json(path)
    manifest = document.get("weightsManifest") if isinstance(document, dict) else document
    source = Source([path], {}, layout="HWIO")
    try:
        for group in manifest:
            _read_group(source, path, group)
        topology = document.get("modelTopology") if isinstance(document, dict) else None
        if topology and "node" in topology:
            source.nodes = [_node(node) for node in topology["node"] if node["op"] != "Const"]
        elif topology:
            keras_layers(source, topology["model_config"])
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        raise ConvertError("the file is not a TensorFlow.js model") from None
    if not source.tensors:
        raise ConvertError("the file is not a TensorFlow.js model")
    return source


def _read_group(source, path, group):
    data = bytearray()
    for name in group["paths"]:
        if os.path.isabs(name) or ".." in name.split("/"):
            raise ConvertError(f"the shard {name!r} lies outside the model's folder")
        shard = os.path.join(os.path.dirname(path), name)
        if shard in source.files:  # a short manifest could ask for any amount of memory
            raise ConvertError(f"the shard {name!r} is named twice")
        try:
            if os.path.exists(shard) and not os.path.isfile(shard):
                raise ConvertError(f"the shard {name!r} is no file")
            with open(shard, "rb") as file:
                data += file.read()
        except OSError as error:
            raise ConvertError(f"shard {name}: {error.strerror}") from None
        source.files.append(shard)
    offset = 0
    for weight in group["weights"]:
        name = weight["name"]
        if name in source.tensors:
            raise ConvertError(f"two tensors are called {name}")
        source.tensors[name], offset = _decode(source, weight, data, offset)
    if offset != len(data):
        raise ConvertError(f"the shards hold {len(data)} bytes, the manifest describes {offset}")


def _decode(source, weight, data, offset):
    name, quantization = weight["name"], weight.get("quantization")
    stored = quantization["dtype"] if quantization else weight["dtype"]
    if stored not in _DTYPES or weight["dtype"] not in _DTYPES:
        raise ConvertError(f"tensor {name} has the type {stored}, which is not supported")
    shape = weight["shape"]
    count = 1
    for extent in shape:
        if type(extent) is not int or extent < 0:
            raise ConvertError(f"tensor {name} has a broken shape")
        count *= extent
    size = count * np.dtype(_DTYPES[stored]).itemsize
    if size > len(data) - offset:
        raise ConvertError(f"tensor {name} lies behind the end of the shards")
    array = np.frombuffer(bytes(data[offset : offset + size]), dtype=_DTYPES[stored])
    if quantization and stored in ("uint8", "uint16"):
        scale, low = float(quantization["scale"]), float(quantization["min"])
        array = (array.astype(np.float64) * scale + low).astype(np.float32)
        source.notes[name] = f"{stored} * {scale:.6g} + {low:.6g}"
    return array.reshape(shape), offset + size


def keras_layers(source, model_config):
    """Layer configs by name, and every batch norm's epsilon, from a Keras model_config."""
    config = model_config["config"]
    for layer in config["layers"] if isinstance(config, dict) else config:
        settings = layer["config"]
        source.layers[settings["name"]] = settings
        if layer["class_name"].startswith("BatchNorm"):
            source.eps[settings["name"] + "/gamma"] = float(settings["epsilon"])


def _node(node):
    attrs = {}
    raw = node.get("attr", {})
    if node["op"] in ("Conv2D", "DepthwiseConv2dNative"):
        strides = [int(i) for i in raw["strides"]["list"]["i"]]
        padding = base64.b64decode(raw["padding"]["s"]).decode()
        if strides[1] != strides[2] or padding not in ("SAME", "VALID"):
            raise ConvertError(f"convolution {node['name']} has uneven strides or padding")
        attrs = {"stride": strides[1], "padding": "same" if padding == "SAME" else 0,
                 "groups": 0 if node["op"].startswith("Depthwise") else 1}
    inputs = [name.split(":")[0] for name in node.get("input", [])]
    return Node(_OPS.get(node["op"], node["op"]), node["name"], inputs, [node["name"]], attrs)
