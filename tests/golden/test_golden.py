"""The installed default networks against golden outputs of independent runtimes; and against
../shared/golden if there.

The goldens in this folder say how they were made. Those of ../shared are whole inputs and outputs
(tfjs, ONNX Runtime, TFLite, torch) of more networks; their inputs are normalised as each network
wants them, which is undone here.
"""
import glob
import hashlib
import json
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "reference"))
import compare  # noqa: E402
import sources  # noqa: E402
from picture import face  # noqa: E402


def check_own(report, path, folder):
    with open(path, encoding="utf-8") as f:
        golden = json.load(f)
    name, image = golden["network"], face(golden["width"], golden["height"])
    if hashlib.sha256(image.tobytes()).hexdigest() != golden["picture_sha256"]:
        report.check(name, False, "picture.py draws another picture than the golden was made with")
        return
    out = compare.run_mien(compare.blob(name, folder), image[None].astype(np.float32))
    if set(out) != set(golden["outputs"]):
        report.check(
            name, False, "outputs %s, expected %s" % (sorted(out), sorted(golden["outputs"]))
        )
        return
    worst = 0.0
    for key, want in golden["outputs"].items():
        values = out[key].ravel().astype(float)
        if len(values) != want["count"]:
            report.check(
                name, False, "%s has %d values, expected %d" % (key, len(values), want["count"])
            )
            return
        worst = max(
            worst,
            compare.relative_rms(values[want["at"]], want["values"]),
            abs(np.linalg.norm(values) / want["norm"] - 1),
        )
    report.check(name, worst <= compare.RMS_LIMIT, "rms %.1e" % worst)


# file: (network, how its input becomes RGB 0..255 NHWC, {our output: its arrays in the order of
# anchors})
def nhwc(x):
    return x.transpose(0, 2, 3, 1)


SHARED = {
    "resnet50": (
        "resnet50-imagenet",
        lambda x: (nhwc(x) + np.float32([103.939, 116.779, 123.68]))[..., ::-1],
        {"prob": "probs"},
    ),
    "tflite_mfn": ("mobilefacenet-192", lambda x: x * 128 + 127.5, {"embedding": "embedding"}),
    "fr_feature": ("mobilefacenet-512", lambda x: nhwc(x) * 128 + 127, {"embedding": "embedding"}),
    "y1": ("mobilefacenet-y1", nhwc, {"embedding": "embedding"}),
    "faceapi_age_gender": ("age-gender-faceapi", nhwc, {"age": "age", "gender": "gender"}),
    "genderage": ("insightface-genderage", nhwc, {"fc1": "fc1"}),
    "mnet_v2_256": ("retinaface-mnet025-v2", nhwc, None),
    "biubug6_256": (
        "retinaface-mnet025-biubug6",
        lambda x: (nhwc(x) + np.float32([104, 117, 123]))[..., ::-1],
        None,
    ),
    "scrfd2.5g_256": ("scrfd-2.5g-kps", lambda x: nhwc(x) * 128 + 127.5, None),
}


def shared_outputs(name, z):
    """The detectors' arrays of ../shared by our names, flat, in our order."""
    out, at = {}, 0
    for s in (8, 16, 32):
        count = 2 * (256 // s) ** 2
        if name == "mnet_v2_256":
            out["score_%d" % s] = nhwc(z["face_rpn_cls_prob_reshape_stride%d" % s][:, 2:])
            out["box_%d" % s] = nhwc(z["face_rpn_bbox_pred_stride%d" % s])
            out["landmark_%d" % s] = nhwc(z["face_rpn_landmark_pred_stride%d" % s])
        elif name == "biubug6_256":
            out["score_%d" % s] = z["conf"][:, at : at + count, 1]
            out["box_%d" % s], out["landmark_%d" % s] = (
                z["loc"][:, at : at + count],
                z["lmk"][:, at : at + count],
            )
            at += count
        else:
            out["score_%d" % s], out["box_%d" % s] = z["score_%d" % s], z["bbox_%d" % s]
            out["landmark_%d" % s] = z["kps_%d" % s]
    return out


def check_shared(report, name, folder):
    network, to_rgb, keys = SHARED[name]
    what = "%s (../shared/golden/%s.npz)" % (network, name)
    z = np.load(sources.shared("golden", name + ".npz"), allow_pickle=False)
    theirs = {k: z[v] for k, v in keys.items()} if keys else shared_outputs(name, z)
    if "embedding" in theirs:
        theirs["embedding"] = theirs["embedding"].reshape(1, -1)
    report.outputs(
        what, compare.run_mien(compare.blob(network, folder), to_rgb(z["input"])), theirs
    )


def main():
    report = compare.Report("mien and golden outputs")
    compare.tool("runnet", "MIEN_RUNNET")
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(glob.glob(os.path.join(HERE, "*.json"))):
            report.attempt(os.path.basename(path), check_own, report, path, folder)
        for name in SHARED:
            report.attempt(name, check_shared, report, name, folder)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
