"""The ranges int8 needs, as tools/calibrate.py measured them for the networks of registry.json: one
ranges/NAME.npz a network, half floats under the tensors' names. `fetch` puts them into the blob it
makes, so that nobody has to calibrate the default networks, and the blob is the same everywhere."""

import os

import numpy as np

from . import safetensors

PREFIX = "int8."  # engine/precision.h
_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ranges")


def path(name):
    return os.path.join(_HERE, name + ".npz")


def load(name):
    """{tensor name: float32 array}, empty for a network nobody has calibrated."""
    if not os.path.exists(path(name)):
        return {}
    with np.load(path(name), allow_pickle=False) as file:
        return {tensor: file[tensor].astype(np.float32) for tensor in file.files}


def save(name, blob):
    """Keeps the ranges of a calibrated blob."""
    tensors = safetensors.read(blob)[0]
    kept = {key: value.astype(np.float16) for key, value in sorted(tensors.items())
            if key.startswith(PREFIX)}
    np.savez_compressed(path(name), **kept)
