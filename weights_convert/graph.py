"""Reads a network off its graph, for files whose tensors have no names worth mapping. layers()
turns the operators into a list of weighted layers, each with the batch norm and the activation that
follow it; a name map then walks that list in order and checks that every layer is of the kind it
expects."""

from collections import defaultdict
from dataclasses import dataclass

from .errors import ConvertError


@dataclass
class Layer:
    node: object  # the conv or dense node
    weight: str
    bias: str  # "" where there is none
    bn: object  # batch_norm node or None
    act: str  # "relu", "prelu" or ""
    slope: str  # PReLU's tensor
    slope_factor: float  # PReLU's slope is slope_factor * tensor
    source: str  # value it reads
    value: str  # value after batch norm and activation
    kind: str  # "dense", "pw" (1x1), "dw" (depthwise) or "conv"
    kernel: int
    stride: int
    padding: object  # int or "same"


class Graph:
    def __init__(self, source):
        self.source = source
        self.producer = {value: node for node in source.nodes for value in node.outputs}
        self.consumers = defaultdict(list)
        for node in source.nodes:
            for value in node.inputs:
                self.consumers[value].append(node)

    def next(self, value, op):
        """The only reader of `value`, where it is an `op`; else None."""
        readers = self.consumers[value]
        return readers[0] if len(readers) == 1 and readers[0].op == op else None

    def activation(self, value):
        """(act, slope tensor, factor, value after it) of what follows `value`."""
        node = self.next(value, "relu")
        if node:
            return "relu", "", 1.0, node.outputs[0]
        node = self.next(value, "prelu")
        if node:
            return "prelu", node.inputs[1], 1.0, node.outputs[0]
        return self.split_prelu(value) or ("", "", 1.0, value)

    def split_prelu(self, value):
        """TensorFlow's PReLU in parts: relu(x) + a * (x - |x|), which is PReLU with slope 2 a."""
        readers = {node.op: node for node in self.consumers[value]}
        if set(readers) != {"relu", "abs", "sub"}:
            return None
        mul = self.next(readers["sub"].outputs[0], "mul")
        if not mul or readers["sub"].inputs != [value, readers["abs"].outputs[0]]:
            return None
        slopes = [name for name in mul.inputs if name in self.source.tensors]
        add = self.next(mul.outputs[0], "add")
        if len(slopes) != 1 or not add or readers["relu"].outputs[0] not in add.inputs:
            return None
        return "prelu", slopes[0], 2.0, add.outputs[0]

    def layer(self, node):
        weight = node.inputs[1]
        bias = node.inputs[2] if len(node.inputs) > 2 else ""
        value = node.outputs[0]
        bn = self.next(value, "batch_norm")
        if bn:
            value = bn.outputs[0]
        act, slope, factor, value = self.activation(value)
        kind, kernel = "dense", 1
        if node.op == "conv":
            kernel = self.kernel(node)
            kind = "pw" if kernel == 1 else "conv"
            if node.attrs["groups"] != 1:
                kind = "dw"
        return Layer(node, weight, bias, bn, act, slope, factor, node.inputs[0], value, kind,
                     kernel, node.attrs.get("stride", 1), node.attrs.get("padding", 0))

    def kernel(self, node):
        array = self.source.tensors.get(node.inputs[1])
        if array is None or array.ndim != 4:
            raise ConvertError(f"convolution {node.name} has no constant 4-dimensional weight")
        sides = {"OIHW": array.shape[2:], "OHWI": array.shape[1:3], "HWIO": array.shape[:2]}
        height, width = sides[self.source.layout]
        if height != width:
            raise ConvertError(f"convolution {node.name} has a {height}x{width} kernel")
        return height

    def layers(self):
        """All weighted layers in the order of the graph."""
        found = [self.layer(node) for node in self.source.nodes if node.op in ("conv", "dense")]
        if not found:
            raise ConvertError("the file has no graph with convolutions in it")
        return found


def put_layer(net, target, layer, bn=None, prelu=None, eps=1e-3):
    """Stores a layer: weight and bias as `target`, batch norm and PReLU as `bn` and `prelu`."""
    if layer.kind == "dense":
        net.dense(target, layer.weight, layer.bias)
    else:
        net.conv(target, layer.weight, layer.bias, layer.kind == "dw")
    if layer.bn:
        net.bn(bn, *layer.bn.inputs[1:5], eps)
    if layer.act == "prelu":
        factor = layer.slope_factor
        how = "flattened" if factor == 1 else f"flattened, times {factor:g}"
        net.put(prelu + ".weight", layer.slope, lambda a: a.reshape(-1) * factor, how)
