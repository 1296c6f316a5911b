"""How right logits are, and how right they say they are: accuracy by group of people, expected
calibration error, and the temperature that makes it small."""

import numpy as np

from .manifest import MISSING

BINS = 15  # of the expected calibration error: Guo et al. 2017, "On Calibration of Modern ..."


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def calibration_error(probabilities, right):
    """Mean distance of what is said from what is so, over bins of what is said; in percent."""
    said = probabilities.max(-1)
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    error = 0.0
    for i in range(BINS):
        in_bin = bins == i
        if in_bin.any():
            error += in_bin.mean() * abs(said[in_bin].mean() - right[in_bin].mean())
    return 100 * error


def likelihood(logits, labels, temperature):
    """Mean negative logarithm of the probability of what is so."""
    p = softmax(logits / temperature)
    return float(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean())


def fit_temperature(logits, labels):
    """The one of the highest likelihood, by golden section over 0.25 to 4."""
    low, high, ratio = np.log(0.25), np.log(4.0), (5**0.5 - 1) / 2
    for _ in range(40):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if likelihood(logits, labels, np.exp(a)) < likelihood(logits, labels, np.exp(b)):
            high = b
        else:
            low = a
    return round(float(np.exp((low + high) / 2)), 4)


def years(probabilities, prior, power, means):
    """The blob's decoding of groups (docs/blob.md): what the training pictures had more of counts
    less, then the mean."""
    p = probabilities / np.asarray(prior) ** power
    return (p / p.sum(-1, keepdims=True)) @ np.asarray(means)


def years_off(told, labels, edges):
    """Years outside of the right group, the mean over groups of the mean over their pictures: every
    age counts alike, however many pictures it has."""
    edges = np.asarray(edges)
    off = np.maximum(edges[labels] - told, 0) + np.maximum(told - edges[labels + 1], 0)
    return float(np.mean([off[labels == g].mean() for g in np.unique(labels)]))


def fit_power(probabilities, prior, labels, entry):
    """How much of the prior is divided out: of 0, 0.1 ... 1 the one with the fewest years off."""
    return min((i / 10 for i in range(11)),
               key=lambda power: years_off(years(probabilities, prior, power, entry["means"]),
                                           labels, entry["edges"]))


def groups_of(manifest):
    """[rows] text, as `white female`; empty where a label of it is missing."""
    by = [a for name in manifest.by for a in manifest.attributes if a.name == name]
    codes = [a.codes(manifest.rows) for a in by]
    return np.array([
        "" if any(c[i] == MISSING for c in codes)
        else " ".join(a.labels[c[i]] for a, c in zip(by, codes)) for i in range(len(manifest))
    ])


def measure(logits, labels, groups, ordered, temperature=1.0):
    """What `measured` of a blob holds: n, accuracy and ece in percent, accuracy of each group; of
    ordered labels also how often the right one or its neighbour is told."""
    known = labels != MISSING
    logits, labels, groups = logits[known], labels[known], groups[known]
    p = softmax(logits / temperature)
    told = p.argmax(-1)
    right = told == labels
    result = {"n": int(known.sum()), "accuracy": round(100 * float(right.mean()), 2),
              "ece": round(calibration_error(p, right), 2)}
    if ordered:
        result["within_one"] = round(100 * float((abs(told - labels) <= 1).mean()), 2)
    result["groups"] = {
        str(g): {"n": int((groups == g).sum()),
                 "accuracy": round(100 * float(right[groups == g].mean()), 2)}
        for g in sorted(set(groups) - {""})
    }
    return result


def line(measured):
    """A measurement in one line."""
    text = f"{measured['accuracy']:.2f} %"
    if "within_one" in measured:
        text += f" (within one {measured['within_one']:.2f})"
    if measured["groups"]:
        worst = min(measured["groups"], key=lambda g: measured["groups"][g]["accuracy"])
        text += f", worst {worst} {measured['groups'][worst]['accuracy']:.1f}"
    return f"{text}, ece {measured['ece']:.2f}, n {measured['n']}"
