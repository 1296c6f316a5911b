/*
 * scale.h - our similarities on the scales of other programs, by what they mean.
 *
 * A cosine of ours is no score of theirs, but the threshold their clients usually set means some
 * rate of false accepts. So a scale is tied to rates: `usual` is the score of one pair of strangers
 * in a thousand. Below it the score falls evenly with the logarithm of the rate, to `low` where
 * every pair is accepted; above it what is left to `high` is halved with each tenth of the rate.
 */
#ifndef MIEN_RECOGNITION_SCALE_H
#define MIEN_RECOGNITION_SCALE_H

#include "mien.h"

struct scale {
    double low, usual, high;
};

/* The score of a similarity of two faces, or of a face and a template, by an embedder. One that was
 * not measured (docs/thresholds.md) has the similarity of one person for `usual`, and the rest lies
 * evenly on both sides. Rises with the similarity. */
double scale_score(const struct scale *scale, const mien_net *embedder, double similarity);
/* The similarity of a score: the least that has at least that. */
double scale_similarity(const struct scale *scale, const mien_net *embedder, double score);

#endif
