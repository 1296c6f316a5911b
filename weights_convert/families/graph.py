"""Any other network whose file is an ONNX graph of supported operators (onnx_graph/)."""

from .. import onnx_graph

PRIORITY = -2  # only what nothing else knows
ANY_CONVOLUTION = True  # also what Source.uneven is about
OWN_OPTIONS = True  # what `options` say of the input is part of its conversion


def matches(source):
    return source.model is not None


def convert(source, options):
    return onnx_graph.convert(source, options)
