"""Networks of the registry that tell attributes of faces, as the tool runs them on photographs: the
crop and what is done with the outputs are the publisher's JavaScript (lib/fr_*.js of the package),
written once more in numpy around ONNX Runtime. The package truncates boxes to whole pixels, which
the tool does not; so does nothing here."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import compare
import pictures
import sources
from runtimes.node_runtime import NodeServer, Unavailable

sys.path.insert(0, sources.ROOT)
from weights_convert.convert import convert  # noqa: E402
from weights_convert.fetch import registry  # noqa: E402

PHOTOS = 2
TOLERANCE = 0.002  # of a probability
DEGREES = 0.05
PACKAGE = ("faceplugin-face-recognition-js", "0.0.1")


def cut(image, rect, width, height):
    """A part of the picture, which may be fractional, by two neighbours each way; black outside."""
    x0, y0, x1, y1 = rect
    padded = np.zeros((image.shape[0] + 2, image.shape[1] + 2, 3), np.float32)
    padded[1:-1, 1:-1] = image

    def taps(start, end, count, size):
        at = np.clip(start + (np.arange(count) + 0.5) * (end - start) / count - 0.5, -1, size)
        low = np.floor(at).astype(int)
        return low + 1, np.minimum(low + 2, size + 1), (at - low).astype(np.float32)

    low, high, t = taps(y0, y1, height, image.shape[0])
    rows = padded[low] * (1 - t)[:, None, None] + padded[high] * t[:, None, None]
    low, high, t = taps(x0, x1, width, image.shape[1])
    return rows[:, low] * (1 - t)[None, :, None] + rows[:, high] * t[None, :, None]


def inside(x, y, w, h, image):
    """alignLivenessImage: as large as the picture at most, then moved into it."""
    height, width = image.shape[:2]
    scale = min(1, width / w, height / h)
    w, h = w * scale, h * scale
    x, y = (min(max(c, half), size - half) for c, half, size in
            ((x, w / 2, width), (y, h / 2, height)))
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def softmax(v):
    e = np.exp(np.float64(v).ravel() - np.max(v))
    return e / e.sum()


def emotion(net, image, face):
    x0, y0, x1, y1 = face["box"]
    w, h = 1.2 * (x1 - x0), 1.2 * (y1 - y0)
    part = cut(image, inside(x0 + w / 2, y0 + h / 2, w, h, image), 224, 224) / 255
    return softmax(net(pictures.planes(part[None]))["output"])


def pose(net, image, face):
    """Its yaw is positive to the left."""
    x0, y0, x1, y1 = face["box"]
    rect = inside((x0 + x1) / 2, (y0 + y1) / 2, 1.5 * (x1 - x0), 1.5 * (y1 - y0), image)
    part = (cut(image, rect, 224, 224) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    out = net(pictures.planes(part[None].astype(np.float32)))
    return [sign * (softmax(out[name]) @ np.arange(66) * 3 - 99)
            for sign, name in ((1, "617"), (-1, "output"), (1, "618"))]


def liveness(net, image, face):
    x0, y0, x1, y1 = face["box"]
    rect = inside((x0 + x1) / 2, (y0 + y1) / 2, 2.7 * (x1 - x0), 2.7 * (y1 - y0), image)
    return softmax(net(pictures.planes(cut(image, rect, 128, 128)[None]))["output"])[:1]


def eye(number):
    def run(net, image, face):
        eyes = np.array(face["landmarks"][:2])
        half = 0.58 * np.hypot(*(eyes[1] - eyes[0])) / 2
        part = cut(image, [*(eyes[number] - half), *(eyes[number] + half)], 24, 24) / 255
        return softmax(net(pictures.planes(part[None], 1))["output"])[1:]

    return run


# Network -> what the package computes, and that of a face of the tool's JSON.
NETWORKS = {
    "emotion-faceplugin": (emotion, lambda f: list(f["emotion"]["distribution"].values())),
    "pose-faceplugin": (pose, lambda f: [f["pose"][a] for a in ("pitch", "yaw", "roll")]),
    "left-eye-faceplugin": (eye(0), lambda f: [f["left_eye_open"]["probability"]]),
    "right-eye-faceplugin": (eye(1), lambda f: [f["right_eye_open"]["probability"]]),
    "liveness-faceplugin": (liveness, lambda f: [f["live"]["probability"]]),
}
# What is told where it is asked for only.
OPTIONS = {"emotion-faceplugin": ["--attributes=emotion"],
           "liveness-faceplugin": ["--attributes=live"]}


def check(report, entry, server, folder, photos):
    expected, told = NETWORKS[entry["name"]]
    file = os.path.join(sources.package(*PACKAGE), entry["file"])
    blob = os.path.join(folder, entry["name"] + ".safetensors")
    convert([file], blob, entry["family"], entry["name"], entry["options"])
    done = subprocess.run(
        [compare.tool("mien", "MIEN_TOOL"), "analyze", "--classifier=none", "--search=fast",
         *OPTIONS.get(entry["name"], ()), "--age-gender=" + blob, "--", *photos],
        stdout=subprocess.PIPE, check=True)
    net, worst, faces = server.open("onnx", file), 0, 0
    for line in done.stdout.splitlines():
        line = json.loads(line)
        image = pictures.load_rgb(line["file"])
        for face in line["faces"]:
            worst = max(worst, np.abs(np.subtract(told(face), expected(net, image, face))).max())
            faces += 1
    most = DEGREES if "pose" in entry["name"] else TOLERANCE
    report.check(entry["name"], faces > 0 and worst <= most,
                 "%d faces, within %.2g of %g" % (faces, worst, most))


def main():
    report = compare.Report("attributes of faces: mien and the publisher's own arithmetic")
    try:
        server = NodeServer()
        photos = sources.sample_photos()[:PHOTOS]
    except Unavailable as reason:
        print("skipped: %s" % reason)
        return compare.SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        for entry in registry()["networks"]:
            if entry["name"] in NETWORKS:
                report.attempt(entry["name"], check, report, entry, server, folder, photos)
    server.close()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
