"""safetensors as a source: the names are expected to be those of the PyTorch checkpoint."""

from .. import safetensors
from ..source import Source


def read(path):
    tensors, _ = safetensors.read(path)
    return Source([path], tensors)
