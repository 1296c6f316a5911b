"""Top-1 and top-5 of the classifier on 250 ImageNet pictures, one of every fourth class.

The class of a picture is 4 times its position in sorted file order. They are probably training
pictures: compare with the reference, not with validation accuracy.
"""
import csv
import glob
import os
import sys
import tempfile

import common

REFERENCE = (92.4, 98.4)


def load(data):
    return sorted(glob.glob(os.path.join(data, "imagenet", "*.JPEG")))


def labels(data):
    """[(file, class)]"""
    return [(path, 4 * i) for i, path in enumerate(load(data))]


def judge(precision, classifier, labelled):
    """Marks of `mien eval classify`: {("class", figure): [pictures]}."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "labels.csv")
        with open(path, "w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows([("file", "label"), *((os.path.abspath(n), k) for n, k in labelled)])
        return common.evaluate(precision, "classify", path, "--classifier", classifier)[1]


def evaluate(table, lines, files):
    """Of other programs' predictions."""
    truth = {os.path.basename(path): 4 * i for i, path in enumerate(files)}
    first, top = [], []
    for line in lines:
        indices = [c["index"] for c in line["classes"][:5]]
        label = truth[os.path.basename(line["file"])]
        first.append(int(indices[0] == label))
        top.append(int(label in indices))
    where = "ImageNet samples %d" % len(first)
    table.add_share("resnet50-imagenet", where, "top-1 %", REFERENCE[0], first)
    table.add_share("resnet50-imagenet", where, "top-5 %", REFERENCE[1], top)


def run(table, data, precision, limit=None, classifier="resnet50-imagenet"):
    marks = judge(precision, classifier, labels(data)[:limit])
    where = "ImageNet samples %d" % len(marks["class", "top_1"])
    for figure, reference in zip(("top-1", "top-5"), REFERENCE):
        table.add_share("resnet50-imagenet", where, figure + " %", reference,
                        marks["class", figure.replace("-", "_")])


def main():
    options = common.parser(__doc__).parse_args()
    common.need(os.path.join(options.data, "imagenet"))
    table = common.Table(options.precision, judge=not options.limit)
    if options.predictions:
        evaluate(table, common.read_lines(options.predictions), load(options.data))
    else:
        table.each_precision(lambda p: run(table, options.data, p, options.limit))
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
