"""Networks that read a gray picture. The engine's pictures have three channels; gray is a weighted sum
of them, a convolution of one pixel, and the convolutions that read it are made such of the picture
itself, so that a network for gray pictures runs as any other does."""

import numpy as np

from ..errors import ConvertError
from .build import Tensor

# Of R, G and B: ITU-R BT.601, as OpenCV's cvtColor has it for floats (modules/imgproc/src/color.hpp,
# R2YF, G2YF, B2YF).
LUMA = (0.299, 0.587, 0.114)
_NAME = "gray"


def begin(build):
    """Makes the gray picture what the file's input is."""
    build.nodes.append(["conv", [0], {"name": _NAME, "stride": 1, "pad": 0}])
    build.sizes.append((1, *build.sizes[0][1:]))
    weight = np.float32(LUMA).reshape(1, 3, 1, 1)
    build.tensors[_NAME + ".weight"] = Tensor(weight, "", "gray of red, green and blue")
    build.picture = 1


def into_layers(build):
    """Convolutions of the gray picture become such of the colours."""
    layers = {}  # name -> that of the layer over colours; others may read the one over one channel
    for node in build.nodes:
        if node[0] == "conv" and node[1] == [build.picture]:
            name = node[2]["name"]
            if name not in layers:
                layers[name] = _of_colours(build, name)
            node[1] = [0]
            node[2] = {**node[2], "name": layers[name]}


def _of_colours(build, name):
    wide = build.unused(f"{name}.of_colours")
    weight = build.tensors[name + ".weight"]
    build.tensors[wide + ".weight"] = Tensor(
        np.float32(weight.array * np.float64(LUMA).reshape(1, 3, 1, 1)), weight.origin,
        "of gray to red, green and blue")
    if name + ".bias" in build.tensors:
        build.tensors[wide + ".bias"] = build.tensors[name + ".bias"]
    return wide


def normalised(given):
    """The input's metadata as given: gray has one mean and one scale, and is made of RGB."""
    for key in ("mean", "scale"):
        if len(set(np.atleast_1d(given.get(key, 0)).tolist())) > 1:
            raise ConvertError(f"a gray input has one {key}, not one a channel")
    if given.get("channels", "GRAY") != "GRAY":
        raise ConvertError(f"the input has one channel, which is gray, not {given['channels']}")
    return {**given, "channels": "RGB"}
