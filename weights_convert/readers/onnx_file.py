"""ONNX. The onnx package parses the protobuf; shapes and byte counts are checked here, and weights
that live in other files are refused, since their paths come from the file itself."""

import warnings

import numpy as np

from ..errors import ConvertError
from ..source import Node, Source

_OPS = {
    "Conv": "conv", "BatchNormalization": "batch_norm", "Relu": "relu", "PRelu": "prelu",
    "Add": "add", "Sub": "sub", "Mul": "mul", "MaxPool": "max_pool", "AveragePool": "avg_pool",
    "Gemm": "dense", "Reshape": "reshape", "Sigmoid": "sigmoid",
}


def read(path):
    try:
        import onnx
        import onnx.numpy_helper
        from google.protobuf.message import DecodeError
    except ImportError:
        raise ConvertError("reading ONNX needs Debian's python3-onnx") from None
    with open(path, "rb") as file:
        data = file.read()
    try:
        with warnings.catch_warnings(record=True) as complaints:  # "not all data was converted"
            graph = onnx.ModelProto.FromString(data).graph
    except (DecodeError, RuntimeError):
        graph = None
    if graph is None or complaints or not graph.node:
        raise ConvertError("the file is not ONNX, nor any other format that is read")
    source = Source([path], {})
    for tensor in graph.initializer:
        source.tensors[tensor.name] = _array(onnx, tensor)
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    source.tensors[node.output[0]] = _array(onnx, attribute.t, node.output[0])
            continue
        source.nodes.append(_node(node, source))
    for value in graph.input:
        if value.name not in source.tensors:
            dims = value.type.tensor_type.shape.dim
            source.inputs[value.name] = [d.dim_value if d.dim_value > 0 else None for d in dims]
    return source


def _array(onnx, tensor, name=None):
    name = name or tensor.name
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ConvertError(f"tensor {name} lies in another file, which is not supported")
    if any(extent < 0 for extent in tensor.dims):
        raise ConvertError(f"tensor {name} has a negative extent")
    try:
        array = onnx.numpy_helper.to_array(tensor)
    except Exception:  # to_array raises whatever numpy or protobuf raise
        raise ConvertError(f"tensor {name} does not have the bytes its shape "
                           f"{list(tensor.dims)} needs") from None
    if array.dtype.kind not in "fiub":
        raise ConvertError(f"tensor {name} holds no numbers")
    return array


def _node(node, source):
    attrs = {a.name: _attribute(a) for a in node.attribute}
    op = _OPS.get(node.op_type, node.op_type)
    # ONNX allows a convolution without bias to have an empty third input.
    inputs = list(node.input)
    while inputs and not inputs[-1]:
        inputs.pop()
    name = node.name or (node.output[0] if node.output else node.op_type)
    if op == "conv":
        attrs = _conv_attrs(name, attrs)
    elif op == "batch_norm" and len(inputs) == 5:
        source.eps[inputs[1]] = float(attrs.get("epsilon", 1e-5))
    return Node(op, name, inputs, list(node.output), attrs)


def _attribute(attribute):
    if attribute.ints:
        return list(attribute.ints)
    if attribute.HasField("f"):
        return float(np.float32(attribute.f))
    return attribute.s.decode("utf-8", "replace") if attribute.s else attribute.i


def _conv_attrs(name, attrs):
    strides, pads = attrs.get("strides", [1, 1]), attrs.get("pads", [0, 0, 0, 0])
    if len(set(strides)) != 1 or len(set(pads)) != 1 or set(attrs.get("dilations", [1])) != {1}:
        raise ConvertError(f"convolution {name} has uneven strides, padding or a dilation")
    if attrs.get("auto_pad", "NOTSET") not in ("NOTSET", ""):
        raise ConvertError(f"convolution {name} uses auto_pad")
    return {"stride": strides[0], "groups": attrs.get("group", 1), "padding": pads[0]}
