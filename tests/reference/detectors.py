"""Decoding of the published detectors' outputs in numpy, from their own Python sources.

A Detector maps an RGB picture (uint8 [h][w][3]) to (boxes [n][4], scores [n], landmarks [n][5][2])
in pixels of that picture. Sources: insightface/RetinaFace/retinaface.py,
biubug6/Pytorch_Retinaface/test_widerface.py, insightface/detection/scrfd/tools/scrfd.py,
opencv/modules/objdetect/src/face_detect.cpp (YuNet).
"""
import numpy as np

from pictures import letterbox, pad_to


def nms(boxes, scores, limit):
    """Greedy suppression above IoU `limit`. Returns kept indices, best first."""
    order = np.argsort(-scores, kind="stable")
    area = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        both = np.prod(np.maximum(high - low, 0), 1)
        order = order[both <= limit * (area[best] + area[order] - both)]
    return np.array(kept, int)


def grid(height, width, stride, anchors):
    """[height*width*anchors][2]: x, y of each cell's origin, anchors of a cell together."""
    ys, xs = np.mgrid[:height, :width] * stride
    return np.repeat(np.stack([xs, ys], -1).reshape(-1, 2), anchors, 0).astype(float)


def levels(out):
    """(stride, centres' grid [n][2], box values [n][4], landmark values [n][5][2] or None, scores
    [n]) of each level."""
    for stride in (8, 16, 32):
        score = out["score_%d" % stride]
        marks = out.get("landmark_%d" % stride)
        yield (
            stride,
            grid(score.shape[1], score.shape[2], stride, score.shape[3]),
            out["box_%d" % stride].reshape(-1, 4),
            None if marks is None else marks.reshape(-1, 5, 2),
            score.reshape(-1),
        )


# Sides of a cell's anchors by stride.
USUAL = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
ONE_MB = {8: (10, 20), 16: (32, 64), 32: (128, 256)}


def anchor_sizes(sides, count):
    """Side of each of `count` anchors."""
    return np.tile(np.array(sides, float), count // 2)[:, None]


def decode_insightface(out, landmark_scale):
    boxes, scores, points = [], [], []
    for stride, origin, delta, mark, score in levels(out):
        # Anchors of a cell stand from large to small in InsightFace's lists (scales 32,16 / 8,4 /
        # 2,1 of base 16).
        size = anchor_sizes(USUAL[stride], len(origin)).reshape(-1, 2)[:, ::-1].reshape(-1, 1)
        centre = origin + 7.5
        middle = centre + delta[:, :2] * size
        half = 0.5 * (np.exp(delta[:, 2:]) * size - 1)
        boxes.append(np.hstack([middle - half, middle + half]))
        scores.append(score)
        points.append(centre[:, None] + mark * landmark_scale * size[:, None])
    return np.vstack(boxes), np.concatenate(scores), np.vstack(points)


def decode_biubug6(out, sides):
    boxes, scores, points = [], [], []
    for stride, origin, delta, mark, score in levels(out):
        size, centre = anchor_sizes(sides[stride], len(origin)), origin + 0.5 * stride
        middle = centre + 0.1 * delta[:, :2] * size
        half = 0.5 * size * np.exp(0.2 * delta[:, 2:])
        boxes.append(np.hstack([middle - half, middle + half]))
        scores.append(score)
        points.append(centre[:, None] + 0.1 * mark * size[:, None])
    return np.vstack(boxes), np.concatenate(scores), np.vstack(points)


def decode_scrfd(out):
    boxes, scores, points = [], [], []
    for stride, origin, reach, mark, score in levels(out):
        boxes.append(np.hstack([origin - reach[:, :2] * stride, origin + reach[:, 2:] * stride]))
        scores.append(score)
        # Files without key points still have boxes; their landmarks are unknown.
        points.append(
            np.full((len(origin), 5, 2), np.nan)
            if mark is None
            else origin[:, None] + mark * stride
        )
    return np.vstack(boxes), np.concatenate(scores), np.vstack(points)


def decode_yunet(out):
    """Offsets and logarithms of sizes, in strides; the score is the root of a product."""
    boxes, scores, points = [], [], []
    for stride, origin, delta, mark, score in levels(out):
        middle = origin + delta[:, :2] * stride
        half = 0.5 * np.exp(delta[:, 2:]) * stride
        boxes.append(np.hstack([middle - half, middle + half]))
        scores.append(np.sqrt(score))
        points.append(origin[:, None] + mark * stride)
    return np.vstack(boxes), np.concatenate(scores), np.vstack(points)


def decode(name, out):
    """Every anchor of the network mien calls `name`; out: its outputs for one picture, in mien's
    layout."""
    if name.startswith("scrfd"):
        return decode_scrfd(out)
    if name.startswith("yunet"):
        return decode_yunet(out)
    if name.endswith("-v1") or name.endswith("-v2"):
        return decode_insightface(out, 0.2 if name.endswith("-v2") else 1.0)
    return decode_biubug6(out, ONE_MB if name.endswith("-1mb") else USUAL)


class Detector:
    """A network (runtimes.open_net) with its decoder."""

    def __init__(self, name, net):
        self.name, self.net = name, net

    def __call__(self, image, size=0, threshold=0.5, overlap=0.4, most=750, clip=True):
        """size 0: the picture as it is; else letterboxed into a square of that side. clip: cut
        boxes at the border."""
        fed, scale = letterbox(image, size) if size else (image, 1.0)
        fed = pad_to(fed, 32) if self.name.startswith(("scrfd", "yunet")) else fed
        boxes, scores, points = decode(self.name, self.net(fed[None].astype(np.float32)))
        good = np.flatnonzero(scores >= threshold)
        good = good[np.argsort(-scores[good], kind="stable")]
        good = good[nms(boxes[good], scores[good], overlap)][:most]
        boxes = boxes[good] / scale
        if clip:
            boxes = np.clip(boxes, 0, np.array([image.shape[1], image.shape[0]] * 2, float))
        return boxes, scores[good], points[good] / scale
