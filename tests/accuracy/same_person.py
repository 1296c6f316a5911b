"""Measures from which similarity two faces are one person: `same_person` of weights_convert's
registry.

Every picture of the LFW pairs is detected, aligned and embedded as in lfw.py's path "original", and
compared with every other one: some thousands of pairs of one person, millions of two. The figure is
the similarity that no more than one in a thousand pairs of two people reaches, to three digits.
"""
import argparse
import math
import os

import numpy as np

import common
import lfw
import metrics

FALSE_ACCEPTS = 0.001
RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # of tasks/impostors.h
MARGIN = 0.1  # below the threshold the verdict is "unsure" (analysis/judge.h)


def embeddings(data, embedder, detector):
    """(people [n], vectors [n][d] of length 1) of the pictures a face was found in, and how many
    it was not found in."""
    names = lfw.pictures(lfw.load_pairs(data))
    files = [lfw.find(os.path.join(data, "lfw", "original250"), name) for name in names]
    lines = common.run_mien("fp32", "embed", files, "--embedder", embedder, "--detector", detector,
                            "--face", "centre", "--threshold", 0.5)
    found = [(name.split("/")[0], line["faces"][0]["embedding"])
             for name, line in zip(names, lines) if line["faces"]]
    vectors = np.array([vector for _, vector in found])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.array([person for person, _ in found]), vectors, len(names) - len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("embedders", nargs="*", metavar="EMBEDDER", help="name or blob",
                        default=["mobilefacenet-192", "mobilefacenet-512"])
    parser.add_argument("--detector", default="retinaface-mnet025-v2")
    parser.add_argument("--data", default=common.data_dir(),
                        help="folder of labelled pictures (default: %(default)s)")
    options = parser.parse_args()
    common.need(os.path.join(options.data, "lfw"))
    print("| embedder | pictures | without a face | pairs of one person | of two | threshold | "
          "false accepts % | true accepts % | 0.1 below: false % | true % | at 0.4: false % | "
          "true % |")
    print("|---" * 12 + "|")
    impostors = []
    for embedder in options.embedders:
        people, vectors, missing = embeddings(options.data, embedder, options.detector)
        similarity, same = metrics.all_pairs(people, vectors)
        threshold = metrics.threshold_at(similarity[~same], FALSE_ACCEPTS)
        threshold = math.ceil(1000 * threshold) / 1000
        shares = [100 * np.mean(similarity[part] >= t) for t in (threshold, threshold - MARGIN, 0.4)
                  for part in (~same, same)]
        print("| %s | %d | %d | %d | %d | %.3f | %.4f | %.2f | %.4f | %.2f | %.4f | "
              "%.2f |" % (
            embedder, len(people), missing, same.sum(), (~same).sum(), threshold, *shares))
        impostors.append((embedder, *(metrics.threshold_at(similarity[~same], rate)
                                      for rate in RATES)))
    print("\nThe similarity that a share of pairs of two people reaches (docs/thresholds.md):\n")
    print("| embedder | " + " | ".join("%g" % rate for rate in RATES) + " |")
    print("|---" * (1 + len(RATES)) + "|")
    for row in impostors:
        print("| %s | %.3f | %.3f | %.3f | %.3f | %.3f |" % row)


if __name__ == "__main__":
    main()
