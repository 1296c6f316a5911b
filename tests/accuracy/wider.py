"""Average precision of the detectors on WIDER FACE validation pictures, by `mien eval detect`; of
other programs' predictions by its twin in metrics.py.

The pictures are 77 validation pictures restored from 416x416 copies, so the figures compare with
the reference beside them, not with published ones.
"""
import json
import os
import sys

import numpy as np

import common
import metrics

# AP easy, medium, hard at the original size and at 640 (letterbox), measured with ONNX Runtime and
# torch; of "auto" that of mien's own boxes of both sizes (--search fast), merged by one suppression.
REFERENCE = {
    "retinaface-mnet025-v2": {
        0: (81.9, 75.2, 58.4),
        640: (79.3, 67.7, 34.9),
        "auto": (84.0, 76.8, 57.9),
    },
    "retinaface-mnet025-v1": {
        0: (83.6, 77.5, 62.8),
        640: (79.8, 69.2, 36.1),
        "auto": (84.6, 77.7, 61.5),
    },
    "retinaface-mnet025-biubug6": {0: (85.1, 79.4, 66.0), 640: (82.7, 72.8, 45.8)},
    "scrfd-2.5g-kps": {0: (86.1, 83.0, 76.9), 640: (87.6, 81.6, 68.8)},
    "yunet-2023mar": {0: (81.2, 77.0, 67.4), 640: (82.7, 75.0, 53.0)},
}


def measure(lines, annotations):
    """{level: AP in percent} of the tool's JSON objects."""
    predictions = {}
    for line in lines:
        boxes = np.array([f["box"] for f in line["faces"]], float).reshape(-1, 4)
        scores = np.array([f["score"] for f in line["faces"]], float)
        predictions[os.path.basename(line["file"])] = boxes, scores
    result = metrics.wider_ap(predictions, annotations)
    return {level: 100 * value for level, value in result.items()}


def load(data):
    with open(annotations_of(data), encoding="utf-8") as f:
        annotations = json.load(f)
    return annotations, [os.path.join(data, "wider", "images", a["file"]) for a in annotations]


def annotations_of(data):
    return os.path.join(data, "wider", "annotations.json")


def add(table, detector, size, count, ours):
    """ours: {level: AP in percent} of count pictures."""
    reference = REFERENCE.get(detector, {}).get(size, (None,) * 3)
    where = "WIDER %d, %s" % (
        count,
        {0: "original size", "auto": "--search auto"}.get(size, "long side %s" % size),
    )
    for level, figure in zip(metrics.LEVELS, reference):
        table.add(detector, where, "AP " + level if level == "easy" else level, figure, ours[level])


def figures(precision, annotations, blob, size):
    """({level: AP in percent}, pictures) by mien eval. size: of one look, None its own; or "auto"."""
    one_look = ["--search", "fast", *([] if size is None else ["--size", size])]
    found, _ = common.evaluate(
        precision,
        "detect",
        annotations,
        "--detector",
        blob,
        *(["--search", "auto"] if size == "auto" else one_look),
        "--nms",
        0.4,
        "--max-faces",
        750,
    )
    levels = {g["by"]["level"]: 100 * g["faces"]["ap"]["value"] for g in found["groups"]}
    return levels, found["pictures"]


def run(table, data, precision, detectors, sizes=(0, 640, "auto")):
    """detectors: name -> name or blob that --detector takes; sizes: of one look, or "auto"."""
    for name, blob in detectors.items():
        for size in sizes:
            ours, count = figures(precision, annotations_of(data), blob, size)
            add(table, name, size, count, ours)


def main():
    parser = common.parser(__doc__)
    parser.add_argument(
        "--detector", default="retinaface-mnet025-v2", help="network (default: %(default)s)"
    )
    parser.add_argument("--blob", help="its blob, where it is not in the weights folder")
    parser.add_argument(
        "--size",
        type=lambda text: text if text == "auto" else int(text),
        action="append",
        choices=(0, 640, "auto"),
        help="of one look, or how --search auto looks (default: all)",
    )
    options = parser.parse_args()
    common.need(os.path.join(options.data, "wider"))
    table = common.Table(options.precision)
    sizes = options.size or [0, 640, "auto"]
    if options.predictions:
        annotations, _ = load(options.data)
        ours = measure(common.read_lines(options.predictions), annotations)
        add(table, options.detector, sizes[0], len(annotations), ours)
    else:
        detectors = {options.detector: options.blob or options.detector}
        table.each_precision(lambda p: run(table, options.data, p, detectors, sizes))
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
