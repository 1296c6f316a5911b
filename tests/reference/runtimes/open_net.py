"""Opens a network by mien's name in an independent runtime, as a function of an RGB picture batch.

The function takes float32 [n][h][w][3], RGB, 0..255, and returns the outputs by mien's names and in
mien's layout (NHWC, two anchors a cell), so callers compare arrays without knowing who made them.
The normalisations are those the publishers state, written down here once more and on purpose: they
are not read from our blobs.
"""
import os

import numpy as np

import sources
from runtimes.node_runtime import cache_dir


def nchw(x, mean, scale, bgr=False):
    """Normalised planes of an RGB batch; mean is in the network's channel order."""
    x = x[..., ::-1] if bgr else x
    return np.ascontiguousarray(
        ((x - np.asarray(mean, np.float32)) * np.float32(scale)).transpose(0, 3, 1, 2)
    )


def one_by_one(run, x):
    """Some files have a batch of 1 frozen in: run pictures singly and stack."""
    parts = [run(x[i : i + 1]) for i in range(len(x))]
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def onnx_any_size(server, path):
    from runtimes.onnx_files import any_size

    target = os.path.join(
        cache_dir(),
        "onnx",
        "any-%s-%s" % (os.path.basename(os.path.dirname(path)), os.path.basename(path)),
    )
    return server.open("onnx", any_size(path, target))


def open_retinaface_insightface(server, path):
    net = onnx_any_size(server, path)

    def run(x):
        raw, out = net(nchw(x, 0, 1)), {}
        for s in (8, 16, 32):
            out["score_%d" % s] = raw["face_rpn_cls_prob_reshape_stride%d" % s][:, 2:].transpose(
                0, 2, 3, 1
            )
            out["box_%d" % s] = raw["face_rpn_bbox_pred_stride%d" % s].transpose(0, 2, 3, 1)
            out["landmark_%d" % s] = raw["face_rpn_landmark_pred_stride%d" % s].transpose(
                0, 2, 3, 1
            )
        return out

    return lambda x: one_by_one(run, x)


def open_retinaface_biubug6(path, slope):
    from runtimes import torch_nets

    net = sources.torch_callable(
        torch_nets.load_checkpoint(torch_nets.RetinaFace("mobilenet0.25", slope), path)
    )

    def run(x):
        out = net(nchw(x, (104, 117, 123), 1, bgr=True))
        return {k: v.reshape(*v.shape[:3], -1) for k, v in out.items()}

    return run


# Newer exports name their outputs; older ones number them, in this order.
SCRFD_OUTPUTS = ["%s_%d" % (kind, s) for kind in ("score", "bbox", "kps") for s in (8, 16, 32)]


def open_scrfd(server, path):
    net = onnx_any_size(server, path)

    def run(x):
        raw = net(nchw(x, 127.5, 1 / 128))
        raw = dict(zip(SCRFD_OUTPUTS, raw.values())) if "score_8" not in raw else raw
        out = {}
        for s in (8, 16, 32):
            cells = (-(-x.shape[1] // s), -(-x.shape[2] // s))
            for theirs, ours in (("score", "score"), ("bbox", "box"), ("kps", "landmark")):
                values = raw.get("%s_%d" % (theirs, s))
                if values is not None:
                    # A size that is no multiple of 32 is rounded down by the 2.5G's pool: left
                    # flat.
                    whole = values.size % (cells[0] * cells[1]) == 0
                    out["%s_%d" % (ours, s)] = (
                        values.reshape(1, *cells, -1) if whole else values.reshape(1, -1)
                    )
        return out

    return lambda x: one_by_one(run, x)


def open_yunet(server, path):
    """Its scores as mien has them: class times objectness."""
    net = onnx_any_size(server, path)

    def run(x):
        raw, out = net(nchw(x, 0, 1, bgr=True)), {}
        for s in (8, 16, 32):
            cells = (x.shape[1] // s, x.shape[2] // s)
            score = raw["cls_%d" % s] * raw["obj_%d" % s]
            out["score_%d" % s] = score.reshape(1, *cells, 1)
            out["box_%d" % s] = raw["bbox_%d" % s].reshape(1, *cells, 4)
            out["landmark_%d" % s] = raw["kps_%d" % s].reshape(1, *cells, 10)
        return out

    return lambda x: one_by_one(run, x)


def open_mobilefacenet_tflite(path):
    from runtimes.tflite_torch import TfliteNet

    net = TfliteNet(path)
    return lambda x: {
        "embedding": next(iter(net((x - np.float32(127.5)) / np.float32(128)).values()))
    }


def open_fr_feature(server, path):
    net = server.open("onnx", path)
    return lambda x: one_by_one(lambda y: {"embedding": net(nchw(y, 127, 1 / 128))["output"]}, x)


def open_mxnet(files, output):
    """InsightFace's MXNet networks: raw RGB in, normalisation inside the graph."""
    from runtimes.mxnet_torch import MxnetNet

    net = MxnetNet(*files)
    return lambda x: {output: next(iter(net(nchw(x, 0, 1)).values()))}


def open_gear_mobileface(server, path):
    net = server.open("tfjs-graph", path)
    return lambda x: {"embedding": next(iter(net(x).values()))}


def open_resnet50(server, path):
    net = server.open("tfjs-layers", path)
    mean = np.array([103.939, 116.779, 123.68], np.float32)
    return lambda x: {"prob": next(iter(net(x[..., ::-1] - mean).values()))}


def open_age_gender(server, path):
    net = server.open("faceapi-age-gender", path)

    def run(x):
        out = net(x)
        return {"age": out["age"].reshape(len(x), 1), "gender": out["gender"]}

    return run


def open_net(name, server):
    """Raises sources.Missing or node_runtime.Unavailable where the network cannot be had."""
    if name in ("retinaface-mnet025-v1", "retinaface-mnet025-v2"):
        return open_retinaface_insightface(server, sources.retinaface(name[-2:]))
    if name in ("retinaface-mnet025-biubug6", "retinaface-mnet025-1mb"):
        slope = 0 if name.endswith("1mb") else 0.1
        return open_retinaface_biubug6(sources.shared_files(name)[0], slope)
    if name.startswith("scrfd"):
        return open_scrfd(server, sources.shared_files(name)[0])
    if name.startswith("yunet"):
        return open_yunet(server, sources.shared_files(name)[0])
    if name == "mobilefacenet-192":
        return open_mobilefacenet_tflite(sources.mobilefacenet_tflite())
    if name == "mobilefacenet-512":
        return open_fr_feature(server, sources.fr_feature())
    if name == "mobilefacenet-y1":
        return open_mxnet(sources.shared_files(name), "embedding")
    if name == "insightface-genderage":
        return open_mxnet(sources.shared_files(name), "fc1")
    if name == "mobilefacenet-gear":
        return open_gear_mobileface(server, sources.shared_files(name)[0])
    if name == "resnet50-imagenet":
        return open_resnet50(server, sources.resnet50_tfjs())
    if name == "age-gender-faceapi":
        return open_age_gender(server, sources.face_api())
    raise KeyError(name)
