"""Keras .h5 and .hdf5: one group a layer. Tensors are keyed by the outer group, `layer/kernel`: the
names inside are those of the session that trained the network and often those of another layer.
Names of Keras 1 (W, b, running_std) are given their later form."""

import json
import os
import re

import numpy as np

from ..errors import ConvertError
from ..source import Source
from .tfjs import keras_layers

# Weights are hardly compressed, if at all: tensors of many times the file's size are a claim.
MOST_EXPANDED = 8
SLACK = 1 << 20  # bytes; small files are mostly filled with zeros

# Keras 1 wrote the variance under the name running_std.
_LATER = {"W": "kernel", "b": "bias", "running_mean": "moving_mean",
          "running_std": "moving_variance"}
_LEAF = re.compile(r"(?:.*_)?(kernel|bias|gamma|beta|moving_mean|moving_variance|running_mean|"
                   r"running_std|depthwise_kernel|pointwise_kernel|W|b)(?:_\d+)?(?::0)?")


def read(path):
    try:
        import h5py
    except ImportError:
        raise ConvertError("reading .h5 needs Debian's python3-h5py") from None
    source = Source([path], {}, layout="HWIO")
    try:
        with h5py.File(path, "r") as file:
            root = file["model_weights"] if "model_weights" in file else file
            left = MOST_EXPANDED * os.path.getsize(path) + SLACK
            for layer in root:
                if isinstance(root.get(layer, getlink=True), h5py.HardLink):
                    left = _read_layer(h5py, source, root[layer], layer, left)
            if "model_config" in file.attrs:
                text = file.attrs["model_config"]
                keras_layers(source, json.loads(text))
    except ConvertError:
        raise
    except Exception:  # h5py raises nearly every type for a broken file
        raise ConvertError("the HDF5 file is broken or not one of Keras") from None
    if not source.tensors:
        raise ConvertError("the HDF5 file holds no Keras weights")
    return source


def _read_layer(h5py, source, group, layer, left):
    """Reads a group's tensors, of at most `left` bytes, and returns how many are left then."""
    stack = [group]
    while stack:
        item = stack.pop()
        if isinstance(item, h5py.Group):
            stack += [item[key] for key in item
                      if isinstance(item.get(key, getlink=True), h5py.HardLink)]
            continue
        leaf = item.name.rsplit("/", 1)[1]
        match = _LEAF.fullmatch(leaf)
        part = match.group(1) if match else leaf
        name = f"{layer}/{_LATER.get(part, part)}"
        # A dataset may live in another file, or claim an extent nobody has written.
        left -= item.nbytes
        if item.is_virtual or item.external or left < 0:
            raise ConvertError(f"tensor {name} is not stored in this file")
        if name in source.tensors:
            raise ConvertError(f"two tensors are called {name}")
        source.tensors[name] = np.asarray(item)
    return left
