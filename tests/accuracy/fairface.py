"""Gender and age group on FairFace validation pictures 1 to 2000 (224x224, one face each).

Crop "whole": the whole picture goes into the network (its blob, run on raw tensors by
tests/reference/runnet). Crop "found": what a user gets, by `mien eval attributes`: the face is found
and cut out; a picture without a face counts as wrong. An age of 2.9 years is in group 0-2.
"""
import csv
import os
import sys

import numpy as np
from PIL import Image

import common
import compare
import pictures

# Gender, age group, within one group in percent. face-api on TensorFlow.js on these 2000 pictures
# (on all 5000 of the validation set: 83.5, 45.2, 89.6); the cut-out face must not do worse than the
# whole picture.
REFERENCE = {
    ("age-gender-faceapi", "whole"): (84.1, 44.15, 89.6),
    ("age-gender-faceapi", "found"): (84.1, 44.15, 89.6),
}
# What a figure is called here, and by mien eval.
FIGURES = (
    ("gender %", ("gender", "accuracy")),
    ("age group %", ("age", "accuracy")),
    ("within one group %", ("age", "within_one")),
)
GROUPS = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
STARTS = np.array([0, 3, 10, 20, 30, 40, 50, 60, 70])


def load(data):
    """{file name: (male, group)} of the pictures that are there."""
    folder, truth = os.path.join(data, "fairface"), {}
    with open(os.path.join(folder, "fairface_label_val.csv"), encoding="utf-8") as f:
        for row in csv.DictReader(f):
            if os.path.exists(os.path.join(folder, row["file"])):
                truth[os.path.basename(row["file"])] = row["gender"] == "Male", GROUPS.index(
                    row["age"]
                )
    return truth


def group_of(age):
    return int(np.searchsorted(STARTS, max(age, 0), side="right")) - 1


def measure(lines, truth):
    """[pictures][3] of 0 and 1: is the gender right, the group, a group within one of it? Without a
    face nothing is."""
    right = []
    for line in lines:
        male, want = truth[os.path.basename(line["file"])]
        if line["faces"]:
            face = max(line["faces"], key=lambda f: f.get("score", 1))
            distance = abs(group_of(face["age"]) - want)
            gender = (face["gender"]["value"] == "male") == male
            right.append((gender, distance == 0, distance <= 1))
        else:
            right.append((0, 0, 0))
    return np.array(right, int)


def evaluate(table, name, crop, lines, truth):
    right = measure(lines, truth)
    reference = REFERENCE.get((name, crop), (None,) * 3)
    where = "FairFace %d, %s" % (len(right), crop)
    for i, (figure, _) in enumerate(FIGURES):
        table.add_share(name, where, figure, reference[i], right[:, i])


def found(precision, network, data, limit=None):
    """Marks of `mien eval attributes`: {(subject, figure): [pictures]}."""
    return common.evaluate(
        precision, "attributes", os.path.join(data, "fairface", "fairface_label_val.csv"),
        "--age-gender", network, "--face", "score", "--skip-missing",
        *(("--limit", limit) if limit else ()))[1]


def whole_pictures(precision, blob, files, chunk=100):
    """The network on whole pictures, as JSON objects."""
    for start in range(0, len(files), chunk):
        part = files[start : start + chunk]
        batch = []
        for path in part:
            with Image.open(path) as image:
                batch.append(
                    np.rint(pictures.resize_linear(np.asarray(image.convert("RGB")), 112, 112))
                )
        out = compare.run_mien(blob, np.array(batch), threads=0, precision=precision)
        for path, years, male in zip(part, out["age"][:, 0], out["gender"][:, 0]):
            yield {
                "file": path,
                "faces": [
                    {"age": float(years), "gender": {"value": "male" if male > 0.5 else "female"}}
                ],
            }


def run(table, data, precision, crops=("whole", "found"), limit=None):
    name = "age-gender-faceapi"
    truth = load(data)
    names = sorted(truth, key=lambda n: int(n.split(".")[0]))[:limit]
    files = [os.path.join(data, "fairface", "val", n) for n in names]
    if "whole" in crops:
        lines = whole_pictures(precision, compare.blob(name, None), files)
        evaluate(table, name, "whole", lines, truth)
    if "found" in crops:
        marks = found(precision, name, data, limit)
        where = "FairFace %d, found" % len(marks[FIGURES[0][1]])
        for (figure, key), reference in zip(FIGURES, REFERENCE[name, "found"]):
            table.add_share(name, where, figure, reference, marks[key])


def main():
    parser = common.parser(__doc__)
    parser.add_argument(
        "--net",
        default="age-gender-faceapi",
        help="network that made --predictions (default: %(default)s)",
    )
    parser.add_argument("--crop", action="append", help="whole or found (default: both)")
    options = parser.parse_args()
    common.need(os.path.join(options.data, "fairface"))
    table = common.Table(options.precision, judge=not options.limit)
    truth = load(options.data)
    if options.predictions:
        evaluate(
            table,
            options.net,
            (options.crop or ["whole"])[0],
            common.read_lines(options.predictions),
            truth,
        )
    else:
        crops = options.crop or ("whole", "found")
        table.each_precision(lambda p: run(table, options.data, p, crops, options.limit))
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
