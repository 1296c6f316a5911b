"""What a reader hands to a name map: the tensors of a checkpoint under the names its publisher gave
them, and, where the format has one, its graph. Readers normalise the operators a name map looks at
to a small vocabulary, so that one map serves ONNX, MXNet and TensorFlow Lite files alike; they
leave tensor shapes as published and say in `layout` what the axes of a convolution mean."""

from dataclasses import dataclass, field

import numpy as np

from .errors import ConvertError


@dataclass
class Node:
    """One operator. Common ops: conv (attrs stride, groups, padding: an int or "same"), dense,
    batch_norm, prelu, relu, add, sub, mul, abs, max_pool, avg_pool; others keep their own name.
    `inputs` and `outputs` are value names; weights are names in Source.tensors."""

    op: str
    name: str
    inputs: list
    outputs: list
    attrs: dict = field(default_factory=dict)


@dataclass
class Operator:
    """One operator of an ONNX graph as the file has it: nothing is renamed, and inputs that are
    left out are empty names."""

    op: str
    domain: str
    name: str
    inputs: list
    outputs: list
    attrs: dict
    opset: int  # of the file


@dataclass
class Model:
    """An ONNX graph, for the import of any (onnx_graph/)."""

    operators: list  # topological order
    inputs: dict  # those that are no tensors -> shape, None for a free dimension
    outputs: list


@dataclass
class Source:
    """A checkpoint as read. Nothing in it has been transformed but quantised weights, which are
    expanded, and MXNet's fix_gamma, which is resolved; `notes` says so tensor by tensor."""

    files: list  # paths, in the order their bytes are hashed
    tensors: dict  # name -> numpy array, in the file's order
    layout: str = "OIHW"  # axes of convolutions: OIHW, HWIO (dense is [in][out]) or OHWI
    nodes: list = field(default_factory=list)  # topological order; empty where there is no graph
    inputs: dict = field(default_factory=dict)  # graph input -> shape, None for a free dimension
    eps: dict = field(default_factory=dict)  # gamma (or beta) tensor's name -> epsilon
    layers: dict = field(default_factory=dict)  # Keras: layer name -> its config
    notes: dict = field(default_factory=dict)  # tensor name -> what the reader did to it
    model: Model = None  # ONNX files
    uneven: str = ""  # a convolution that `nodes` cannot say, as a sentence; only graph takes it

    @property
    def path(self):
        return self.files[0]

    def has(self, *names):
        return all(name in self.tensors for name in names)

    def renamed(self, rename):
        """The same source with every tensor under rename(name)."""
        tensors = {rename(name): value for name, value in self.tensors.items()}
        if len(tensors) != len(self.tensors):
            raise ConvertError("two tensors have the same name")
        self.tensors = tensors
        return self


def as_float32(array):
    """Weights as fp32, whatever the file stored; float64 keeps its range or becomes inf."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)
