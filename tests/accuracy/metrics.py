"""The measures of the accuracy scripts, in numpy: WIDER FACE's average precision, pair
verification, groups.

wider_ap follows WIDER FACE's evaluation code (wider_eval.m): scores stretched over the whole set to
0..1, 1000 thresholds, IoU 0.5, faces outside a difficulty neither help nor hurt.
"""
import numpy as np

LEVELS = ("easy", "medium", "hard")


def overlaps(boxes, truth):
    """IoU [n][m] of boxes [n][4] and truth [m][4], x1 y1 x2 y2, widths counted +1 as wider_eval.m
    does."""
    low = np.maximum(boxes[:, None, :2], truth[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], truth[None, :, 2:])
    both = np.prod(np.maximum(high - low + 1, 0), 2)
    area = [np.prod(b[:, 2:] - b[:, :2] + 1, 1) for b in (boxes, truth)]
    return both / (area[0][:, None] + area[1][None] - both)


def match(boxes, truth, counts):
    """For boxes best first: (faces found so far [n], whether the box is judged [n]).

    counts [m]: whether a face is of the difficulty that is measured.
    """
    found, judged = np.zeros(len(boxes)), np.ones(len(boxes), bool)
    seen = np.zeros(len(truth), bool)
    iou = overlaps(boxes, truth) if len(boxes) else None
    for i in range(len(boxes)):
        best = int(np.argmax(iou[i]))
        if iou[i, best] >= 0.5:
            if counts[best]:
                seen[best] = True
            else:
                judged[i] = False
        found[i] = np.count_nonzero(seen)
    return found, judged


def wider_ap(predictions, annotations, thresholds=1000):
    """{level: AP}. predictions: file -> (boxes [n][4], scores [n])."""
    scores = np.concatenate([s for _, s in predictions.values()])
    low, high = scores.min(), scores.max()
    result = {}
    for level in LEVELS:
        curve, faces = np.zeros((thresholds, 2)), 0
        for entry in annotations:
            counts = np.zeros(len(entry["boxes"]), bool)
            counts[entry[level]] = True
            faces += np.count_nonzero(counts)
            boxes, score = predictions[entry["file"]]
            if not len(boxes) or not len(counts):
                continue
            order = np.argsort(-score, kind="stable")
            score = (score[order] - low) / (high - low)
            found, judged = match(boxes[order], np.array(entry["boxes"], float), counts)
            judged = np.cumsum(judged)
            for t in range(thresholds):
                kept = np.count_nonzero(score >= 1 - (t + 1) / thresholds)
                if kept:
                    curve[t] += judged[kept - 1], found[kept - 1]
        result[level] = voc_ap(curve[:, 1] / faces, curve[:, 1] / np.maximum(curve[:, 0], 1))
    return result


def voc_ap(recall, precision):
    """Area under the precision envelope (Pascal VOC 2010)."""
    recall = np.concatenate([[0], recall, [1]])
    precision = np.concatenate([[0], precision, [0]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return float(np.sum((recall[steps + 1] - recall[steps]) * precision[steps + 1]))


def best_threshold(similarity, same):
    """The threshold with the most right decisions (similarity >= threshold means same)."""
    order = np.argsort(similarity, kind="stable")
    values, truth = similarity[order], same[order]
    right = np.concatenate([[truth.sum()], truth.sum() + np.cumsum(np.where(truth, -1, 1))])
    best = int(np.argmax(right))
    edges = np.concatenate([[values[0] - 1], values, [values[-1] + 1]])
    return (edges[best] + edges[best + 1]) / 2


def verification(similarity, same, folds):
    """(accuracy with each fold's threshold chosen on the others, TAR at 1 % FAR), in percent."""
    right = 0
    for fold in np.unique(folds):
        test = folds == fold
        threshold = best_threshold(similarity[~test], same[~test])
        right += np.count_nonzero((similarity[test] >= threshold) == same[test])
    limit = np.sort(similarity[~same])[::-1][int(0.01 * np.count_nonzero(~same))]
    return 100 * right / len(same), 100 * np.mean(similarity[same] > limit)


def all_pairs(people, vectors):
    """(similarity, same) of every two of the vectors [n][d], which have length 1."""
    first, second = np.triu_indices(len(people), 1)
    return (vectors @ vectors.T)[first, second], people[first] == people[second]


def threshold_at(similarity, share):
    """The lowest threshold that no more than `share` of the pairs of two people reach."""
    allowed = int(share * len(similarity))
    return float(np.nextafter(np.sort(similarity)[::-1][allowed], np.inf))
