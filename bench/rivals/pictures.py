"""Pictures to network inputs and network outputs to answers, as mien has them: the half of the
service that is the same whatever runs the networks. Each step is done by whichever of Pillow and
OpenCV takes less time for it."""
import io

import cv2
import numpy as np
from PIL import Image, ImageOps

SIDE = 640  # the long side a detector sees; smaller pictures are not scaled up
STEP = 16  # sides of the detector's input are multiples of this
SHORT_SIDE, CROP = 256, 224
THRESHOLD, OVERLAP = 0.5, 0.4
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


class BadPicture(ValueError):
    """The bytes are no picture."""


def decode(data, side=0):
    """(upright RGB picture of Pillow, its full width and height). side: a JPEG may come out at 1/2,
    1/4 or 1/8 of its size while its long side stays at least this; 0: all pixels."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) >= 5
            reduction = 1
            while side and reduction < 8 and max(width, height) >= 2 * reduction * side:
                reduction *= 2
            if reduction > 1:
                image.draft("RGB", (width // reduction, height // reduction))
            image = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadPicture("this picture cannot be read") from error
    return image, (height, width) if turned else (width, height)


def detector_input(image):
    """float32 [1][3][h][w], 0..255, channels last: the picture at the top left, the rest black; and
    the size of the picture in it."""
    width, height = image.size
    scale = min(1.0, SIDE / max(width, height))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    rows, columns = (max(32, -(-n // STEP) * STEP) for n in (h, w))
    fed = np.zeros((1, rows, columns, 3), np.float32)
    pixels = np.asarray(image)
    if (w, h) != (width, height):  # two neighbours, or the mean where pixels would be skipped
        method = cv2.INTER_AREA if 2 * w < width else cv2.INTER_LINEAR
        pixels = cv2.resize(pixels, (w, h), interpolation=method)
    fed[0, :h, :w] = pixels
    return fed.transpose(0, 3, 1, 2), (w, h)


def classifier_input(image):
    """float32 [1][3][224][224], 0..255, channels last: the centre of the picture at short side 256,
    as torchvision's Resize and CenterCrop give it, without resizing what is cropped away."""
    width, height = image.size
    short = min(width, height)
    scaled = [SHORT_SIDE * n // short for n in (width, height)]
    corner = [int((n - CROP) / 2 + 0.5) for n in scaled]
    scale = [width / scaled[0], height / scaled[1]]
    box = [c * s for c, s in zip(corner, scale)] + [(c + CROP) * s for c, s in zip(corner, scale)]
    crop = np.asarray(image.resize((CROP, CROP), Image.BILINEAR, box), np.float32)
    return crop[None].transpose(0, 3, 1, 2)


class Anchors:
    """centres [k][2] and sides [k][1] of all anchors of an input, kept between pictures of one
    size. InsightFace's: base 16, scales 32, 16 | 8, 4 | 2, 1, centre 7.5."""

    LEVELS = ((8, (32, 16)), (16, (128, 64)), (32, (512, 256)))

    def __init__(self):
        self.made = {}

    def __call__(self, height, width):
        if (height, width) not in self.made:
            centres, sides = [], []
            for stride, sizes in self.LEVELS:
                ys, xs = np.mgrid[: -(-height // stride), : -(-width // stride)] * stride + 7.5
                cells = np.stack([xs, ys], -1).reshape(-1, 1, 2)
                centres.append(np.repeat(cells, 2, 1).reshape(-1, 2))
                sides.append(np.tile(sizes, len(cells))[:, None])
            made = np.concatenate(centres), np.concatenate(sides)
            self.made[height, width] = tuple(a.astype(np.float32) for a in made)
        return self.made[height, width]


ANCHORS = Anchors()


def suppress(boxes, order):
    """Greedy non-maximum suppression; order: best first. Returns what is kept."""
    area, kept = np.prod(boxes[:, 2:] - boxes[:, :2], 1), []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        both = np.prod(np.maximum(high - low, 0), 1)
        order = order[both <= OVERLAP * (area[best] + area[order] - both)]
    return kept


def faces(outputs, shape, fitted, full):
    """Faces of one picture. outputs: score [k], box [k][4], landmark [k][10]; shape: height, width
    of the input; fitted: width, height of the picture in it; full: of the picture itself."""
    score, box, landmark = outputs
    good = np.flatnonzero(score >= THRESHOLD)
    centre, side = (a[good] for a in ANCHORS(*shape))
    score, box, landmark = score[good], box[good], landmark[good].reshape(-1, 5, 2)
    middle = centre + box[:, :2] * side
    half = 0.5 * (np.exp(box[:, 2:]) * side - 1)
    boxes = np.hstack([middle - half, middle + half])
    points = centre[:, None] + 0.2 * landmark * side[:, None]
    kept = suppress(boxes, np.argsort(-score, kind="stable"))
    scale = np.array(full, np.float32) / fitted
    boxes = np.clip(boxes[kept] * np.tile(scale, 2), 0, np.tile(full, 2))
    return [
        {"box": b, "landmarks": p, "score": s}
        for b, p, s in zip(boxes.tolist(), (points[kept] * scale).tolist(), score[kept].tolist())
    ]


def predict_answer(found, probabilities, labels):
    """What /predict says; probabilities [classes]."""
    best = np.argsort(-probabilities)[:3]
    return {
        "results": {
            "classification": [
                {"class": labels[i], "confidence": 100 * float(probabilities[i])} for i in best
            ],
            "face_analysis": {
                "num_faces": len(found),
                "details": [
                    {"bbox": f["box"], "landmark": f["landmarks"], "confidence": f["score"]}
                    for f in found
                ],
            },
        }
    }


def detect_answer(found):
    """A picture's place in what /detect_faces_from_files/ says."""
    return {
        "faces_count": len(found),
        "faces": [
            {
                "bounding_box": f["box"],
                "landmarks": [
                    {"position": p, "type": t} for p, t in zip(f["landmarks"], LANDMARKS)
                ],
                "confidence": f["score"],
            }
            for f in found
        ],
    }
