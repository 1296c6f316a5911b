"""Gender and age group on FairFace validation pictures 1 to 2000 (224x224, one face each)."""
import csv
import os
import sys

import numpy as np

import common

REFERENCE = {("age-gender-faceapi", "whole"): (83.5, 45.2, 89.6), ("insightface-genderage", "aligned"): (74.2, 34.9, 81.5)}
GROUPS = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
STARTS = np.array([0, 3, 10, 20, 30, 40, 50, 60, 70])


def load(data):
    """{file name: (male, group)} of the pictures that are there."""
    folder, truth = os.path.join(data, "fairface"), {}
    with open(os.path.join(folder, "fairface_label_val.csv"), encoding="utf-8") as f:
        for row in csv.DictReader(f):
            if os.path.exists(os.path.join(folder, row["file"])):
                truth[os.path.basename(row["file"])] = row["gender"] == "Male", GROUPS.index(row["age"])
    return truth


def group_of(age):
    """An age of 2.6 years is shown as 3 and counted so: groups start at whole years."""
    return int(np.searchsorted(STARTS, np.floor(max(age, 0) + 0.5), side="right")) - 1


def measure(lines, truth):
    """(gender %, group %, within one group %, pictures). A picture without a face counts as wrong."""
    gender = group = near = count = 0
    for line in lines:
        male, want = truth[os.path.basename(line["file"])]
        count += 1
        if line["faces"]:
            face = max(line["faces"], key=lambda f: f.get("score", 1))
            gender += (face["gender"]["value"] == "male") == male
            distance = abs(group_of(face["age"]) - want)
            group += distance == 0
            near += distance <= 1
    return 100 * gender / count, 100 * group / count, 100 * near / count, count


def evaluate(table, name, crop, lines, truth):
    gender, group, near, count = measure(lines, truth)
    reference = REFERENCE.get((name, crop), (None,) * 3)
    where = "FairFace %d, %s" % (count, crop)
    table.add(name, where, "gender %", reference[0], gender)
    table.add(name, where, "age group %", reference[1], group)
    table.add(name, where, "within one group %", reference[2], near)


def main():
    parser = common.parser(__doc__)
    parser.add_argument("--net", default="age-gender-faceapi", help="network (default: %(default)s)")
    parser.add_argument("--crop", default="whole")
    options = parser.parse_args()
    common.need(os.path.join(options.data, "fairface"))
    table = common.Table(judge=not options.limit)
    truth = load(options.data)
    if options.predictions:
        evaluate(table, options.net, options.crop, common.read_lines(options.predictions), truth)
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
