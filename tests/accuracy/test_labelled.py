"""Every conversion that ships or is tested is right on labelled pictures: a net whose anchors, order
of channels or activations were mistaken agrees with a twin that makes the same mistake, and finds
nothing. A few pictures each, and figures far below what the networks reach (accuracy.md has those)
and far above what such mistakes leave.
"""
import json
import os
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
import common  # noqa: E402
import compare  # noqa: E402
import fairface  # noqa: E402
import imagenet  # noqa: E402
import lfw  # noqa: E402
import metrics  # noqa: E402
import sources  # noqa: E402
import wider  # noqa: E402

SKIPPED = 77
PICTURES = 16  # of WIDER
PEOPLE = 50  # of LFW: pairs of one person, and as many of two
# AP of easy faces on those pictures; with wrong anchors or activations it is below 10.
DETECTORS = dict.fromkeys(sources.DETECTORS, 60)
# Percent of pairs that are told right with the best threshold.
EMBEDDERS = dict.fromkeys(
    ["mobilefacenet-192", "mobilefacenet-512", "mobilefacenet-y1", "mobilefacenet-gear"], 90
)
ATTRIBUTES = {"age-gender-faceapi": 75, "insightface-genderage": 65}  # percent of genders
CLASSIFIERS = {"resnet50-imagenet": 80}  # top-1


def detector(blob, data):
    annotations, files = wider.load(data)
    some = [{**a, "file": os.path.abspath(f)} for a, f in zip(annotations, files) if a["easy"]]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "annotations.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(some[:PICTURES], f)
        return wider.figures("fp32", path, blob, None)[0]["easy"]


def embedder(blob, data):
    pairs = lfw.load_pairs(data)
    some = [p for p in pairs if p[2]][:PEOPLE] + [p for p in pairs if not p[2]][:PEOPLE]
    names = lfw.pictures(some)
    with tempfile.TemporaryDirectory() as folder:
        files = lfw.shifted_copies(os.path.join(data, "lfw", "aligned112"), names, folder)
        lines = common.run_mien("fp32", "embed", files, "--embedder", blob, "--aligned")
        vectors = {n: np.array(line["faces"][0]["embedding"]) for n, line in zip(names, lines)}
    similarity = np.array([vectors[a] @ vectors[b] for a, b, _, _ in some])
    same = np.array([p[2] for p in some])
    threshold = metrics.best_threshold(similarity, same)
    return 100 * np.mean((similarity >= threshold) == same)


def attributes(blob, data):
    return 100 * np.mean(fairface.found("fp32", blob, data, 100)["gender", "accuracy"])


def classifier(blob, data):
    return 100 * np.mean(imagenet.judge("fp32", blob, imagenet.labels(data)[::5])["class", "top_1"])


KINDS = [
    ("wider", detector, DETECTORS),
    ("lfw", embedder, EMBEDDERS),
    ("fairface", attributes, ATTRIBUTES),
    ("imagenet", classifier, CLASSIFIERS),
]


def main():
    data, failed, judged = common.data_dir(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for pictures, measure, networks in KINDS:
            if not os.path.isdir(os.path.join(data, pictures)):
                print("left out: no %s pictures" % pictures)
                continue
            for name, least in networks.items():
                try:
                    figure = measure(compare.blob(name, folder), data)
                except sources.Missing as reason:
                    print("left out: %s (%s)" % (name, reason))
                    continue
                judged += 1
                failed += figure < least
                print("%-28s %-9s %5.1f, at least %d" % (name, pictures, figure, least))
    return SKIPPED if not judged else int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
