/*
 * verification.h - how often it is told rightly whether two faces are of one person: arithmetic on
 * the similarities of pairs, which knows of no pictures.
 *
 * Accuracy is LFW's (Huang et al., 2007): pairs lie in folds, and of each fold those are right that
 * the threshold which is best on all other folds tells rightly. TAR and FAR are the shares of pairs
 * of one person and of two that a threshold takes for one (ISO/IEC 19795-1).
 */
#ifndef MIEN_EVAL_VERIFICATION_H
#define MIEN_EVAL_VERIFICATION_H

#include "eval/metrics.h"

struct verification_pair {
    int same; /* 1: one person */
    int fold; /* 0 .. */
    double similarity;
};

struct verification {
    int n, nsame, nothers, folds;
    const struct verification_pair **falling; /* [n] by similarity */
    double *others;                           /* [nothers] similarities of two persons, falling */
};

/* Sorts the pairs, which must stay. Returns a MIEN_E code; free in any case. */
int verification_make(struct verification *v, const struct verification_pair *pairs, int n);
void verification_free(struct verification *v);
/* Of all pairs, in turn each fold's; of one fold NAN: there is nothing to choose a threshold on. */
struct figure verification_accuracy(const struct verification *v);
/* The threshold that is best on all but a fold; -1: on all. From it on a pair is of one person. */
double verification_best(const struct verification *v, int left_out);
/* Above this similarity are no more than a share `far` of the pairs of two persons. */
double verification_threshold(const struct verification *v, double far);
/* The share of pairs of one person above a threshold. */
struct figure verification_tar(const struct verification *v, double threshold);
/* The equal error rate: where the shares told wrongly of both kinds are nearest, their mean; NAN
 * without both. */
double verification_eer(const struct verification *v);

#endif
