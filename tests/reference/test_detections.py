"""`mien detect` and `mien embed` against an independent runtime with the publishers' decoding,
photograph to faces.

At the original size nothing but the network and the decoding is between the picture and the boxes,
so they must agree within 0.01 pixel. Scaled to 640 the resizing differs by rounding, and the faces
found must be the same ones.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import compare
import pictures
import sources
from detectors import Detector
from runtimes.node_runtime import NodeServer, Unavailable
from runtimes.open_net import open_net
from test_networks import scene

EMBEDDERS = ["mobilefacenet-192", "mobilefacenet-512"]


def mien(*arguments):
    """The tool's JSON objects."""
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("MIEN_") or k == "MIEN_WEIGHTS"
    }
    done = subprocess.run(
        [compare.tool("mien", "MIEN_TOOL"), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or done.stdout.strip()[-300:])
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_place(boxes, scores, marks):
    """In an order that does not hang on the last bit of a score."""
    order = np.lexsort((boxes[:, 1], boxes[:, 0]))
    return boxes[order], scores[order], marks[order]


def ours(line):
    faces = line["faces"]
    return by_place(
        np.array([f["box"] for f in faces]).reshape(-1, 4),
        np.array([f["score"] for f in faces]),
        np.array([f["landmarks"] for f in faces]).reshape(-1, 5, 2),
    )


def check_exact(report, what, line, detector, image):
    boxes, scores, marks = ours(line)
    want = by_place(*detector(image))
    if len(boxes) != len(want[0]):
        report.check(what, False, "%d faces, expected %d" % (len(boxes), len(want[0])))
        return 0
    box, score, mark = (
        np.abs(a - b).max() if len(a) else 0 for a, b in zip((boxes, scores, marks), want)
    )
    report.check(
        what,
        box <= 0.01 and mark <= 0.01 and score <= 1e-4,
        "%d faces, boxes %.4f px, landmarks %.4f px, scores %.1e" % (len(boxes), box, mark, score),
    )
    return len(boxes)


def missing(boxes, scores, others):
    """How many sure boxes have no counterpart: one whose score is near the threshold may fall on
    either side."""
    missed = 0
    for box in boxes[scores > 0.6]:
        low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
        both = np.prod(np.maximum(high - low, 0), 1)
        union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], 1) - both
        missed += not np.any(both > 0.9 * union)
    return missed


def check_same_faces(report, what, line, detector, path, size):
    boxes, scores, _ = ours(line)
    with Image.open(path) as image:
        full = image.size
        image.draft(
            "RGB", (size, size)
        )  # the JPEG decoder's own halving, as long as `size` is left
        fed = np.asarray(image.convert("RGB"))
    want, want_scores, _ = detector(fed, size)
    want = want * full[0] / fed.shape[1]
    lost, extra = missing(want, want_scores, boxes), missing(boxes, scores, want)
    report.check(
        what,
        lost == 0 and extra == 0,
        "%d faces, %d not found, %d too many" % (len(boxes), lost, extra),
    )


def compare_detector(report, name, server, folder, photos):
    blob, detector = compare.blob(name, folder), Detector(name, open_net(name, server))
    found = 0
    for path, image in photos.items():
        (line,) = mien("detect", "--search", "fast", "--detector", blob, "--size", 0, path)
        what = "%s, %s at its size" % (name, os.path.basename(path))
        found += check_exact(report, what, line, detector, image)
    for path in sources.sample_photos()[:3]:
        (line,) = mien("detect", "--search", "fast", "--detector", blob, "--size", 640, path)
        what = "%s, %s at 640" % (name, os.path.basename(path))
        check_same_faces(report, what, line, detector, path, 640)
    report.check("%s finds faces at all" % name, found >= 4, "%d" % found)


def compare_embedder(report, name, server, folder, photos):
    """Our alignment against ours: crops may differ by a rounding of a level, so the limit is that
    of a picture."""
    net = open_net(name, server)
    detector = Detector("retinaface-mnet025-v2", open_net("retinaface-mnet025-v2", server))
    path, image = next(iter(photos.items()))
    (line,) = mien(
        "embed", "--search", "fast", "--embedder", compare.blob(name, folder), "--size", 0, path
    )
    order = np.argsort([f["box"][0] for f in line["faces"]])
    got = np.array([line["faces"][i]["embedding"] for i in order])
    boxes, _, marks = by_place(*detector(image))
    crops = np.array([pictures.align(image, m) for m in marks], np.float32)
    want = net(crops)["embedding"]
    if len(got) != len(want):
        report.check(name, False, "%d faces, expected %d" % (len(got), len(want)))
        return
    lengths = np.abs(np.linalg.norm(got, axis=1) - 1).max()
    lowest = compare.cosine(got, want)
    report.check(
        "%s, detect, align and embed" % name,
        lowest >= 0.9995 and lengths < 1e-5,
        "%d faces, cosine %.6f" % (len(boxes), lowest),
    )
    paths = []
    for i, crop in enumerate(np.uint8(crops)):
        paths.append(os.path.join(folder, "crop%d.png" % i))
        Image.fromarray(crop).save(paths[-1])
    got = np.array(
        [
            line["faces"][0]["embedding"]
            for line in mien("embed", "--embedder", compare.blob(name, folder), "--aligned", *paths)
        ]
    )
    lowest = compare.cosine(got, want)
    report.check(
        "%s, the same crops with --aligned" % name,
        lowest >= compare.COSINE_LIMIT,
        "cosine %.8f" % lowest,
    )


def main():
    report = compare.Report("mien's tool and independent runtimes with the publishers' decoding")
    compare.tool("mien", "MIEN_TOOL")
    try:
        server = NodeServer()
        samples = sources.sample_photos()
    except Unavailable as reason:
        print("skipped: %s" % reason)
        return compare.SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        photos = {}
        for path, size in zip(samples, ((640, 448), (480, 640), (960, 672), (320, 320))):
            image = np.uint8(scene(path, *size)[0])
            target = os.path.join(folder, os.path.basename(path).replace(".jpg", ".png"))
            Image.fromarray(image).save(target)
            photos[target] = image
        for name in sources.detectors("measured"):
            report.attempt(name, compare_detector, report, name, server, folder, photos)
        for name in EMBEDDERS:
            report.attempt(name, compare_embedder, report, name, server, folder, photos)
    server.close()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
