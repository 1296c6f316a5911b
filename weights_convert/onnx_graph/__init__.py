"""Any ONNX graph of supported operators as a network of arch `graph`, whose metadata holds the op
list (docs/blob.md): what is converted where no family's names or shapes fit."""

from . import (arithmetic, gathers, layers, network, norms, pools, products, quantised, resizing,
               shapes, transposed)

OPERATORS = {name: function
             for module in (arithmetic, gathers, layers, norms, pools, products, quantised, resizing,
                            shapes, transposed)
             for name, function in module.OPERATORS.items()}


def convert(source, options):
    """The Network of a source that has a `model`."""
    return network.convert(source, options, OPERATORS)
