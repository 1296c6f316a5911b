"""ONNX. The onnx package parses the protobuf; shapes and byte counts are checked here, and weights
that live in other files are refused, since their paths come from the file itself."""

import warnings

import numpy as np

from ..errors import ConvertError
from ..source import Model, Node, Operator, Source

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
            model = onnx.ModelProto.FromString(data)
            graph = model.graph
    except (DecodeError, RuntimeError):
        graph = None
    if graph is None or complaints or not graph.node:
        raise ConvertError("the file is not ONNX, nor any other format that is read")
    source = Source([path], {})
    for tensor in graph.initializer:
        source.tensors[tensor.name] = _array(onnx, tensor)
    for node in graph.node:
        if node.op_type == "Constant" and len(node.output) == 1:
            for attribute in node.attribute:
                value = _constant(onnx, attribute, node.output[0])
                if value is not None:
                    source.tensors[node.output[0]] = value
            continue
        source.nodes.append(_node(node, source))
    for value in graph.input:
        if value.name not in source.tensors:
            dims = value.type.tensor_type.shape.dim
            source.inputs[value.name] = [d.dim_value if d.dim_value > 0 else None for d in dims]
    source.model = _model(onnx, model, source)
    return source


def _model(onnx, model, source):
    opsets = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    opset = max(opsets, default=1)
    operators = []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[:1] and node.output[0] in source.tensors:
            continue
        attrs = {a.name: _exact_attribute(onnx, a) for a in node.attribute}
        operators.append(Operator(node.op_type, node.domain, node.name, list(node.input),
                                  list(node.output), attrs, opset))
    return Model(operators, source.inputs, [value.name for value in model.graph.output])


def _exact_attribute(onnx, attribute):
    """By the type the file states; what is neither number, text nor tensor is None."""
    kinds = onnx.AttributeProto
    if attribute.type == kinds.FLOAT:
        return float(np.float32(attribute.f))
    if attribute.type == kinds.INT:
        return attribute.i
    if attribute.type == kinds.STRING:
        return attribute.s.decode("utf-8", "replace")
    if attribute.type == kinds.TENSOR:
        return _array(onnx, attribute.t, attribute.name)
    return {kinds.FLOATS: list(attribute.floats), kinds.INTS: list(attribute.ints)}.get(
        attribute.type)


def _constant(onnx, attribute, name):
    """The array of a Constant's attribute; None where it holds none."""
    if attribute.name == "value":
        return _array(onnx, attribute.t, name)
    if attribute.name in ("value_float", "value_floats"):
        return np.array(attribute.f if attribute.name == "value_float" else attribute.floats,
                        np.float32)
    if attribute.name in ("value_int", "value_ints"):
        return np.array(attribute.i if attribute.name == "value_int" else attribute.ints, np.int64)
    return None


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
        attrs = _conv_attrs(name, attrs, source)
    elif op == "batch_norm" and len(inputs) == 5:
        source.eps[inputs[1]] = float(attrs.get("epsilon", 1e-5))
    return Node(op, name, inputs, list(node.output), attrs)


def _attribute(attribute):
    if attribute.ints:
        return list(attribute.ints)
    if attribute.HasField("f"):
        return float(np.float32(attribute.f))
    return attribute.s.decode("utf-8", "replace") if attribute.s else attribute.i


def _conv_attrs(name, attrs, source):
    strides, pads, dilations = (attrs.get(key, default) for key, default in (
        ("strides", [1, 1]), ("pads", [0, 0, 0, 0]), ("dilations", [1, 1])))
    if not all(isinstance(numbers, list) for numbers in (strides, pads, dilations)):
        raise ConvertError(f"convolution {name} has strides, pads or dilations that are no lists")
    if len(set(strides)) != 1 or len(set(pads)) != 1 or set(dilations) != {1}:
        source.uneven = f"convolution {name} has uneven strides, padding or a dilation"
    if attrs.get("auto_pad", "NOTSET") not in ("NOTSET", ""):
        source.uneven = f"convolution {name} uses auto_pad"
    return {"stride": strides[0] if strides else 1, "groups": attrs.get("group", 1),
            "padding": pads[0] if pads else 0}
