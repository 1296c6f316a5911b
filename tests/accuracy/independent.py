"""JSON lines of the form `mien` prints, made by other runtimes: what the accuracy scripts were
checked with.

    python3 independent.py detect retinaface-mnet025-v2 --size 640 > v2-640.jsonl
    python3 wider.py --detector retinaface-mnet025-v2 --size 640 --predictions v2-640.jsonl

Tasks: detect NET, classify NET, embed NET (--path original|aligned), age NET (--crop
whole|box|aligned).
"""
import argparse
import json
import os
import sys

import numpy as np
from PIL import Image

import common
import fairface
import imagenet
import lfw
import wider

import pictures
from detectors import Detector
from runtimes.node_runtime import NodeServer
from runtimes.open_net import open_net


def detect(options, server):
    detector = Detector(options.net, open_net(options.net, server))
    for path in wider.load(options.data)[1]:
        boxes, scores, points = detector(
            pictures.load_rgb(path), options.size, threshold=0.02, clip=not options.no_clip
        )
        yield path, {
            "faces": [
                {"box": b.tolist(), "score": float(s), "landmarks": p.tolist()}
                for b, s, p in zip(boxes, scores, points)
            ]
        }


def short_side(image, side):
    """Pillow's (antialiased) bilinear resize of the short side, then the centre 224x224."""
    scale = side / min(image.size)
    image = image.resize([round(d * scale) for d in image.size], Image.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    return image.crop((left, top, left + 224, top + 224))


def classify(options, server):
    net = open_net(options.net, server)
    for path in imagenet.load(options.data):
        crop = short_side(Image.fromarray(pictures.load_rgb(path)), 256)
        prob = net(np.asarray(crop, np.float32)[None])["prob"][0]
        best = np.argsort(-prob, kind="stable")[:5]
        yield path, {"classes": [{"index": int(i), "score": float(prob[i])} for i in best]}


def nearest_centre(image, boxes):
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array(image.shape[1::-1]) / 2
    return int(np.argmin((middle**2).sum(1)))


def embed(options, server):
    net = open_net(options.net, server)
    detector = Detector(options.detector, open_net(options.detector, server))
    for name in lfw.pictures(lfw.load_pairs(options.data)):
        crops = []
        if options.path == "original":
            path = lfw.find(os.path.join(options.data, "lfw", "original250"), name)
            image = pictures.load_rgb(path)
            boxes, _, points = detector(image, options.size)
            if len(boxes):
                crops = [pictures.align(image, points[nearest_centre(image, boxes)])]
        else:
            path = lfw.find(os.path.join(options.data, "lfw", "aligned112"), name)
            image = pictures.load_rgb(path)
            crops = [np.pad(image, ((0, 0), (8, 0), (0, 0)))[:, :112]]
        yield path, {
            "faces": [
                {"embedding": net(c[None].astype(np.float32))["embedding"][0].tolist()}
                for c in crops
            ]
        }


def square(image, box, margin):
    """The square around the box, side (1 + 2 margin) of its longer side, black outside."""
    side = (1 + 2 * margin) * max(box[2] - box[0], box[3] - box[1])
    centre = (box[:2] + box[2:]) / 2
    scale = 112 / side
    offset = 55.5 - scale * (centre - 0.5)
    return pictures.warp(image, np.array([[scale, 0, offset[0]], [0, scale, offset[1]]]), 112, 112)


def age(options, server):
    net = open_net(options.net, server)
    detector = Detector(options.detector, open_net(options.detector, server))
    for name in sorted(fairface.load(options.data), key=lambda n: int(n.split(".")[0])):
        path = os.path.join(options.data, "fairface", "val", name)
        image = pictures.load_rgb(path)
        if options.crop == "whole":
            crop = np.rint(pictures.resize_linear(image, 112, 112))
        else:
            boxes, _, points = detector(image, options.size, threshold=options.threshold)
            if not len(boxes):
                yield path, {"faces": []}
                continue
            best = nearest_centre(image, boxes)
            crop = (
                square(image, boxes[best], options.margin)
                if options.crop == "box"
                else pictures.align(image, points[best])
            )
        out = net(crop[None].astype(np.float32))
        if "fc1" in out:
            male, years = out["fc1"][0, 1] > out["fc1"][0, 0], float(
                np.sum(out["fc1"][0, 3::2] > out["fc1"][0, 2::2])
            )
        else:
            male, years = out["gender"][0, 0] > 0.5, float(out["age"][0, 0])
        yield path, {"faces": [{"age": years, "gender": {"value": "male" if male else "female"}}]}


def main():
    tasks = {"detect": detect, "classify": classify, "embed": embed, "age": age}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=tasks)
    parser.add_argument("net")
    parser.add_argument("--data", default=common.data_dir())
    parser.add_argument("--detector", default="retinaface-mnet025-v2")
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument(
        "--no-clip", action="store_true", help="leave boxes that reach over the border"
    )
    parser.add_argument("--path", choices=("original", "aligned"), default="original")
    parser.add_argument("--crop", choices=("whole", "box", "aligned"), default="whole")
    parser.add_argument("--margin", type=float, default=0.2)
    options = parser.parse_args()
    server = NodeServer()
    for path, line in tasks[options.task](options, server):
        print(json.dumps({"file": path, **line}))
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
