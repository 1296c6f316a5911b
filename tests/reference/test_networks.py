"""Published networks in mien and in an independent runtime, on real photographs.

Photographs are the sample pictures of npm's @vladmandic/face-api. Networks whose files are not on
this machine are skipped. Detectors run at several sizes: square, long, odd multiples of 32 and
sizes that are no multiple of 32. MIEN_TEST_SIZE=small: only the default networks.
"""
import os
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

DETECTOR_SIZES = [(640, 640), (416, 288), (224, 352), (96, 32)]
FACE_NETS = [
    "mobilefacenet-192",
    "mobilefacenet-512",
    "mobilefacenet-y1",
    "mobilefacenet-gear",
    "age-gender-faceapi",
    "insightface-genderage",
]
DEFAULT_FACE_NETS = ["mobilefacenet-192", "age-gender-faceapi"]
SMALL = os.environ.get("MIEN_TEST_SIZE") == "small"


def scene(path, width, height):
    """[1][height][width][3]: the photograph resized to cover, cut at the middle."""
    with Image.open(path) as image:
        scale = max(width / image.width, height / image.height)
        image = image.convert("RGB").resize(
            [int(np.ceil(d * scale)) for d in image.size], Image.BILINEAR
        )
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return np.asarray(image.crop((left, top, left + width, top + height)), np.float32)[None]


def face_crops(server, wanted=3):
    """Aligned 112x112 crops of the photographs' best faces [n][112][112][3]."""
    detector = Detector("retinaface-mnet025-v2", open_net("retinaface-mnet025-v2", server))
    crops = []
    for path in sources.sample_photos():
        image = np.uint8(scene(path, 640, 640)[0])
        crops += [pictures.align(image, marks) for marks in detector(image)[2]]
    return np.array(crops[:wanted], np.float32)


def compare_net(report, name, server, folder, inputs, backend=None):
    """inputs: what -> batch."""
    blob, net = compare.blob(name, folder), open_net(name, server)
    for what, x in inputs.items():
        what = "%s, %s%s" % (name, what, ", --backend %s" % backend if backend else "")
        report.outputs(what, compare.run_mien(blob, x, backend=backend), net(x))


def same_bits(report, name, folder, x, backend=None):
    """The three pictures of x one by one, together, and with two threads."""
    blob = compare.blob(name, folder)
    together = compare.run_mien(blob, x, backend=backend)
    # A race shows now and then: OpenBLAS's sequential build failed one run in ten.
    twice = [compare.run_mien(blob, x, threads=2, backend=backend) for _ in range(5)]
    single = [compare.run_mien(blob, x[i : i + 1], backend=backend) for i in range(len(x))]
    stacked = {k: np.concatenate([s[k] for s in single]) for k in together}
    batch = all(np.array_equal(stacked[k], together[k]) for k in together)
    threads = all(np.array_equal(t[k], together[k]) for t in twice for k in together)
    what = "%s, batch 1 and %d, threads 1 and 2" % (name, len(x))
    report.check(
        what + (", --backend %s" % backend if backend else ""),
        batch and threads,
        "bit for bit" if batch and threads else "batch %s, threads %s" % (batch, threads),
    )


def main():
    report = compare.Report("mien and independent runtimes: ONNX Runtime, TensorFlow.js, torch")
    compare.tool("runnet", "MIEN_RUNNET")
    try:
        server = NodeServer()
        photos, crops = sources.sample_photos(), face_crops(server)
    except Unavailable as reason:
        print("skipped: %s" % reason)
        return compare.SKIPPED
    sizes = {"%dx%d" % s: scene(photos[i % len(photos)], *s) for i, s in enumerate(DETECTOR_SIZES)}
    odd = {"250x170": scene(photos[1], 250, 170), "333x477": scene(photos[2], 333, 477)}
    squares = np.concatenate([scene(p, 224, 224) for p in photos[:3]])
    three = np.concatenate([scene(p, 160, 96) for p in photos[:3]])
    with tempfile.TemporaryDirectory() as folder:
        for name in list(sources.DETECTORS)[: 1 if SMALL else None]:
            inputs = {**sizes, **odd} if name in sources.detectors("any size") else sizes
            report.attempt(name, compare_net, report, name, server, folder, inputs)
            report.attempt(name, same_bits, report, name, folder, three)
        for name in DEFAULT_FACE_NETS if SMALL else FACE_NETS:
            report.attempt(
                name, compare_net, report, name, server, folder, {"%d faces" % len(crops): crops}
            )
            report.attempt(name, same_bits, report, name, folder, crops)
        for backend in compare.backends():
            for name, x in (("retinaface-mnet025-v2", three), ("mobilefacenet-192", crops)):
                inputs = {"three pictures": x}
                report.attempt(name, compare_net, report, name, server, folder, inputs, backend)
                report.attempt(name, same_bits, report, name, folder, x, backend)
        name = "resnet50-imagenet"
        report.attempt(name, compare_net, report, name, server, folder, {"3 photographs": squares})
        report.attempt(name, same_bits, report, name, folder, squares)
    server.close()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
