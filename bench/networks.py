"""The networks that are timed: random weights, one file for each runtime, the same values in all.

torch fills a network with weights on the scale of trained ones and writes a .pth in published key
names, which weights_convert turns into our blob, and an ONNX file for ONNX Runtime. All three are
kept in the cache folder of the reference runtimes.
"""
import copy
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
import compare as reference  # noqa: E402
from runtimes.node_runtime import Unavailable, cache_dir  # noqa: E402
from runtimes.open_net import nchw  # noqa: E402

CALIBRATION_PICTURES = 8
IMAGENET = ((123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375), False)
ARCFACE = (127.5, 1 / 127.5, False)
RETINAFACE = ((104, 117, 123), 1, True)


class Network:
    """make: torch_nets module -> torch network; normal: mean, scale and BGR of its input; shift:
    random_state's."""

    def __init__(self, name, label, family, side, normal, shift, make):
        self.name, self.label, self.family, self.side = name, label, family, side
        self.normal, self.shift, self.make = normal, shift, make
        folder = os.path.join(cache_dir(), "bench")
        self.checkpoint, self.onnx, self.blob = (
            os.path.join(folder, name + end) for end in (".pth", ".onnx", ".safetensors")
        )

    def torch(self):
        """The network in torch, with the weights of the files."""
        import torch
        from runtimes import torch_nets

        net = self.make(torch_nets)
        net.load_state_dict(torch.load(self.checkpoint))
        return net.eval()

    def make_files(self, onnx=True):
        """Makes the files that are not there yet."""
        files = [self.checkpoint, self.blob, *([self.onnx] if onnx else [])]
        if all(map(os.path.exists, files)):
            return
        try:
            import torch
        except ImportError as error:
            raise Unavailable("python3-torch makes the networks and is not installed") from error
        from runtimes import torch_nets

        os.makedirs(os.path.dirname(self.blob), exist_ok=True)
        for path in (self.checkpoint, self.onnx, self.blob):  # never one old file among new ones
            if os.path.exists(path):
                os.remove(path)
        # Statistics of real inputs: with others a detector's logits would be in the thousands.
        sample = torch.from_numpy(self.normalised(self.picture(4, min(self.side, 128))))
        net = torch_nets.random_state(self.make(torch_nets), 1, sample, self.shift)
        part = os.path.join(os.path.dirname(self.blob), "part-%d" % os.getpid())
        if onnx:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the exporter's, about shapes it does not need
                torch.onnx.export(
                    net,
                    torch.zeros(1, 3, self.side, self.side),
                    part,
                    opset_version=13,
                    output_names=self.output_names(),
                )
            os.rename(part, self.onnx)
        torch.save(net.state_dict(), part)
        os.rename(part, self.checkpoint)
        part += ".safetensors"
        reference.convert([self.checkpoint], part, "--family", self.family, "--name", self.name)
        os.rename(part, self.blob)

    def output_names(self):
        """What mien calls the outputs, in the order the torch network gives them."""
        if self.family == "retinaface":
            return [
                "%s_%d" % (what, stride)
                for stride in (8, 16, 32)
                for what in ("score", "box", "landmark")
            ]
        return ["prob" if self.family == "resnet" else "embedding"]

    def int8_blob(self):
        """A copy of the blob calibrated on pictures like those that are timed, made once."""
        path = self.blob.replace(".safetensors", "-int8.safetensors")
        if os.path.exists(path) and os.path.getmtime(path) > os.path.getmtime(self.blob):
            return path
        with tempfile.TemporaryDirectory() as folder:
            for i, pixels in enumerate(self.picture(CALIBRATION_PICTURES)):
                with open(os.path.join(folder, f"{i}.ppm"), "wb") as f:
                    f.write(b"P6 %d %d 255\n" % (self.side, self.side))
                    f.write(pixels.astype(np.uint8).tobytes())
            command = [reference.tool("mien", "MIEN_TOOL"), "calibrate", self.blob, folder]
            if self.family in ("iresnet", "mobilefacenet"):
                command.append("--aligned")
            subprocess.run([*command, "--output", path], check=True, capture_output=True)
        return path

    def picture(self, count=1, side=None):
        """[count][side][side][3], RGB, 0..255: noise of all sizes, as in photographs, the same each
        time."""
        side = side or self.side
        rng, total, weight, cells = np.random.default_rng(7), 0.0, 1.0, 2
        while cells <= side:
            coarse = rng.uniform(-1, 1, (count, cells, cells, 3))
            at = np.arange(side) * cells // side
            total, weight, cells = total + weight * coarse[:, at][:, :, at], weight * 0.8, cells * 2
        return np.clip(127.5 + 80 * total, 0, 255).round().astype(np.float32)

    def normalised(self, x):
        """The same as the other runtimes take it."""
        mean, scale, bgr = self.normal
        return nchw(x, mean, 1, bgr) * np.reshape(np.asarray(scale, np.float32), (-1, 1, 1))


NETWORKS = [
    Network("resnet50", "ResNet50", "resnet", 224, IMAGENET, 0, lambda nets: nets.resnet(50)),
    Network("iresnet50", "IResNet50", "iresnet", 112, ARCFACE, 0, lambda nets: nets.iresnet(50)),
    Network(
        "mobilefacenet",
        "MobileFaceNet",
        "mobilefacenet",
        112,
        ARCFACE,
        1,
        lambda nets: nets.MobileFaceNet(),
    ),
    Network(
        "retinaface-resnet50",
        "RetinaFace-R50",
        "retinaface",
        640,
        RETINAFACE,
        1,
        lambda nets: nets.RetinaFace("resnet50"),
    ),
    Network(
        "retinaface-mnet025",
        "RetinaFace-mnet0.25",
        "retinaface",
        640,
        RETINAFACE,
        1,
        lambda nets: nets.RetinaFace("mobilenet0.25"),
    ),
]

# Those that only bench/cuda.py times: half a minute a picture elsewhere.
LARGE = [Network("iresnet100", "IResNet100", "iresnet", 112, ARCFACE, 0, lambda nets: nets.iresnet(100))]


def find(name, side=None):
    """A network by its name, at another size than its own where `side` is given."""
    for network in NETWORKS + LARGE:
        if network.name == name:
            found = copy.copy(network)
            found.side = side or network.side
            return found
    raise KeyError("no network is called %s" % name)
