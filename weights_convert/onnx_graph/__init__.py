"""Any ONNX graph of supported operators as a network of arch `graph`, whose metadata holds the op
list (docs/blob.md): what is converted where no family's names or shapes fit."""

from . import arithmetic, layers, network, pools, quantised, resizing, shapes

OPERATORS = {name: function
             for module in (arithmetic, layers, pools, quantised, resizing, shapes)
             for name, function in module.OPERATORS.items()}


def convert(source, options):
    """The Network of a source that has a `model`."""
    return network.convert(source, options, OPERATORS)
