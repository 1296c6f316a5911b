"""Measures the gate of `mien enroll` on blurred faces: docs/gallery.md.

Every picture of the LFW pairs is embedded as it is and blurred (a Gaussian over the whole picture).
Of the blurred faces that the gate lets in, how many are still recognised: the pairs of one of them
and another, clean picture of the person whose similarity one in a thousand such pairs of two people
reaches. And how many of the clean ones it refuses.
"""
import argparse
import os
import tempfile

import numpy as np
from PIL import Image, ImageFilter

import common
import lfw
import metrics

FALSE_ACCEPTS = 0.001
SHARPNESS, UNIFIED, SIDE = 0.30, 0.4, 40  # analysis/gate.c, analysis/judge.h
OTHERS = {"small", "noisy", "dark", "bright", "flat", "turned", "cut_off"}


class Faces:
    """The face in the middle of each picture that has one."""

    def __init__(self, files, names, embedder):
        lines = common.run_mien("fp32", "embed", files, "--embedder", embedder, "--quality",
                                "--face", "centre")
        found = [(name, line["faces"][0]) for name, line in zip(names, lines) if line["faces"]]
        self.name = np.array([name for name, _ in found])
        self.person = np.array([name.split("/")[0] for name, _ in found])
        self.vector = np.array([face["embedding"] for _, face in found], np.float32)
        self.accepted = np.array([self.passes(face) for _, face in found])

    @staticmethod
    def passes(face):
        quality, (x1, y1, x2, y2) = face["quality"], face["box"]
        return (min(x2 - x1, y2 - y1) >= SIDE and quality["sharpness"] >= SHARPNESS
                and quality.get("unified_score", 1) >= UNIFIED
                and not OTHERS & set(quality["reasons"]))


def blurred(files, sigma, folder):
    paths = []
    for i, file in enumerate(files):
        paths.append(os.path.join(folder, "%d.ppm" % i))
        with Image.open(file) as image:
            image.convert("RGB").filter(ImageFilter.GaussianBlur(sigma)).save(paths[-1])
    return paths


def pairs(some, clean):
    """Similarities of pairs of one person, and of two."""
    similarity = some.vector[some.accepted] @ clean.vector.T
    same = some.person[some.accepted][:, None] == clean.person[None]
    itself = some.name[some.accepted][:, None] == clean.name[None]
    return similarity[same & ~itself], similarity[~same]


def row(what, accepted, one, two):
    if len(one) == 0:
        return "| %s | %.1f | 0 | |" % (what, 100 * accepted)
    tar = np.mean(one >= metrics.threshold_at(two, FALSE_ACCEPTS))
    return "| %s | %.1f | %d | %.1f |" % (what, 100 * accepted, len(one), 100 * tar)


def refused_by_others(clean, same_person):
    """The share of clean faces that are unlike all other pictures of the person."""
    similarity = clean.vector @ clean.vector.T
    np.fill_diagonal(similarity, -2)
    similarity[clean.person[:, None] != clean.person[None]] = -2
    best = similarity.max(axis=1)
    return np.mean(best[best > -2] < same_person - 0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", default="mobilefacenet-192")
    parser.add_argument("--same-person", type=float, default=0.4, help="of the embedder")
    parser.add_argument("--sigma", type=float, nargs="+", default=[1.5, 2, 3, 4])
    parser.add_argument("--data", default=common.data_dir(),
                        help="folder of labelled pictures (default: %(default)s)")
    options = parser.parse_args()
    common.need(os.path.join(options.data, "lfw"))
    names = lfw.pictures(lfw.load_pairs(options.data))
    files = [lfw.find(os.path.join(options.data, "lfw", "original250"), name) for name in names]
    clean = Faces(files, names, options.embedder)
    print("| blur | accepted % | pairs of one person | TAR % at FAR 0.1 % |\n|---|---:|---:|---:|")
    print(row("none", np.mean(clean.accepted), *pairs(clean, clean)))
    all_of = []
    for sigma in options.sigma:
        with tempfile.TemporaryDirectory() as folder:
            some = Faces(blurred(files, sigma, folder), names, options.embedder)
        all_of.append((np.sum(some.accepted), *pairs(some, clean)))
        print(row("%g" % sigma, np.sum(some.accepted) / len(names), *all_of[-1][1:]), flush=True)
    counts, one, two = zip(*all_of)
    print(row("all blurred", np.sum(counts) / len(names) / len(counts), np.concatenate(one),
              np.concatenate(two)))
    print("\nOf clean pictures refused %.2f %%; not like the person's others: %.2f %%" % (
        100 * np.mean(~clean.accepted), 100 * refused_by_others(clean, options.same_person)))


if __name__ == "__main__":
    main()
