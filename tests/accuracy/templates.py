"""Measures what several samples of a person are worth, and how true probabilities are: the tables
of docs/thresholds.md.

Every picture of the LFW pairs is detected, aligned and embedded as in same_person.py. Templates are
means of faces of one person that are drawn at random; the person's other faces are probes, and all
other people's are strangers.
"""
import argparse
import math
import os
from statistics import NormalDist

import numpy as np

import common
import same_person

RATES = (1e-1, 1e-3, 1e-5)
SAMPLES = (1, 2, 3, 5)
GALLERIES = ((1, 800), (1, 200), (2, 200), (3, 100))  # samples a person, persons
# Of tasks/embed.c: strangers at 1e-1 .. 1e-5, and mean and deviation of one face and of very many.
MEASURED = {
    "mobilefacenet-192": ((.199, .353, .456, .540, .611), (.741, .108, .841, .068)),
    "mobilefacenet-512": ((.134, .254, .346, .423, .490), (.640, .124, .778, .084)),
}


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def draw(own, vectors, names, samples, rng):
    """(templates, best [persons][samples], rows left of each person)."""
    rows = [rng.permutation(own[name]) for name in names]
    used = np.array([row[:samples] for row in rows])
    return unit(vectors[used].mean(1)), vectors[used], [row[samples:] for row in rows]


def similarities(own, people, vectors, samples, rng):
    """By what is compared: similarities of strangers, and of the person."""
    names = [name for name in own if len(own[name]) >= samples]
    templates, each, left = draw(own, vectors, names, samples, rng)
    mine = people[:, None] == np.array(names)[None]
    probes = [(row, k) for k, rows in enumerate(left) for row in rows]
    rows, owners = np.array(probes).T
    found = {"template": vectors @ templates.T,
             "most alike sample": np.max(np.einsum("nd,kmd->nkm", vectors, each), axis=2)}
    return {how: (s[~mine], s[rows, owners]) for how, s in found.items()}


def log_ratio(embedder, similarity, samples):
    """As tasks/genuine.c."""
    points, (mean1, deviation1, mean, deviation) = MEASURED[embedder]
    mean += (mean1 - mean) / samples
    scale = (deviation + (deviation1 - deviation) / samples) * math.sqrt(4 / 6)
    places = [-NormalDist().inv_cdf(10.0 ** -(i + 1)) for i in range(5)]
    slopes = np.diff(places) / np.diff(points)
    middle = points[0] - places[0] / slopes[0]
    similarity = np.maximum(similarity, middle)
    part = np.clip(np.searchsorted(points, similarity) - 1, 0, 3)
    z = np.array(places)[part] + (similarity - np.array(points)[part]) * slopes[part]
    student = (math.lgamma(3.5) - math.lgamma(3) - math.log(math.sqrt(6 * math.pi) * scale)
               - 3.5 * np.log1p(((similarity - mean) / scale) ** 2 / 6))
    slope = (points[4] - middle) / places[4]
    return student + z * z / 2 + math.log(math.sqrt(2 * math.pi) * slope)


def probabilities(embedder, own, vectors, samples, persons, rng):
    """(how likely the likeliest person was said to be, whether it was), half of them strangers."""
    names = rng.permutation([name for name in own if len(own[name]) >= samples])[:persons]
    templates, _, left = draw(own, vectors, names, samples, rng)
    probes = [(rows[0], k) for k, rows in enumerate(left) if len(rows)]
    strangers = [(rng.choice(own[name]), -1) for name in sorted(set(own) - set(names))]
    n = min(len(probes), len(strangers))
    rows, owners = np.array([probes[i] for i in rng.permutation(len(probes))[:n]]
                            + [strangers[i] for i in rng.permutation(len(strangers))[:n]]).T
    found = vectors[rows] @ templates.T
    best = np.argsort(-found, axis=1)[:, :3]
    ratio = np.exp(log_ratio(embedder, np.take_along_axis(found, best, 1), samples)) / 2 / persons
    return ratio[:, 0] / (0.5 + ratio.sum(1)), best[:, 0] == owners


def print_templates(own, people, vectors, rng):
    for samples in SAMPLES:
        drawn = [similarities(own, people, vectors, samples, rng) for _ in range(6)]
        for how in drawn[0]:
            strangers = np.sort(np.concatenate([d[how][0] for d in drawn]))[::-1]
            mine = np.concatenate([d[how][1] for d in drawn])
            at = [strangers[int(rate * len(strangers))] for rate in (*RATES, 1e-4)]
            print("| %s | %d | %.3f %.3f %.3f | %.1f | %.1f | %.1f | %.3f | %.3f |" % (
                how, samples, *at[:3], *(100 * np.mean(mine >= at[i]) for i in (1, 3, 2)),
                mine.mean(), mine.std()))


def print_probabilities(embedder, own, vectors, rng):
    edges = (0, .1, .5, .9, .99, 1.01)
    for samples, persons in GALLERIES:
        said, right = map(np.concatenate, zip(*[
            probabilities(embedder, own, vectors, samples, persons, rng) for _ in range(20)]))
        cells = []
        error = 0
        for low, high in zip(edges, edges[1:]):
            part = (said >= low) & (said < high)
            error += abs(said[part].sum() - right[part].sum()) / len(said)
            cells.append("%.1f / %.1f (%d)" % (100 * said[part].mean(), 100 * right[part].mean(),
                                               part.sum()))
        print("| %d | %d | %s | %.1f |" % (persons, samples, " | ".join(cells), 100 * error))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("embedders", nargs="*", metavar="EMBEDDER", default=list(MEASURED))
    parser.add_argument("--detector", default="retinaface-mnet025-v2")
    parser.add_argument("--data", default=common.data_dir(),
                        help="folder of labelled pictures (default: %(default)s)")
    options = parser.parse_args()
    common.need(os.path.join(options.data, "lfw"))
    for embedder in options.embedders:
        people, vectors, _ = same_person.embeddings(options.data, embedder, options.detector)
        own = {name: np.flatnonzero(people == name) for name in np.unique(people)}
        print("\n%s\n\n| compared with | samples | strangers at 1e-1, 1e-3, 1e-5 | TAR at FAR 1e-3 %% | "
              "1e-4 | 1e-5 | mean | deviation |\n%s|" % (embedder, "|---" * 8))
        print_templates(own, people, vectors, np.random.default_rng(0))
        print("\n| persons | samples | said / so %%: to 10 | to 50 | to 90 | to 99 | above | error |\n"
              "%s|" % ("|---" * 8))
        print_probabilities(embedder, own, vectors, np.random.default_rng(0))


if __name__ == "__main__":
    main()
