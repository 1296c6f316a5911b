/*
 * open_set.h - how often people of a gallery are found, and strangers taken for them: arithmetic on
 * embeddings, which knows of no pictures.
 *
 * Half of the people, drawn at random, are strangers. Of the others some faces each are enrolled,
 * as their mean of length 1; all other faces are probes, each compared with everybody enrolled (the
 * open set of ISO/IEC 19795-1: false positives are strangers who are like somebody, false negatives
 * people who are not found).
 */
#ifndef MIEN_EVAL_OPEN_SET_H
#define MIEN_EVAL_OPEN_SET_H

#include "eval/metrics.h"

enum open_set_role { OPEN_SET_LEFT_OUT, OPEN_SET_ENROLLED, OPEN_SET_KNOWN, OPEN_SET_STRANGER };

struct open_set_face {
    enum open_set_role role;
    int best;          /* of probes: the person enrolled who is most like it */
    int rank;          /* of known ones: how many are more alike than the person it is */
    double similarity; /* to the best */
};

struct open_set {
    int n, people, dims;
    const float *embeddings;  /* [n][dims] of length 1 */
    const int *person;        /* [n] 0 .. people - 1; -1: there is no face */
    struct open_set_face *at; /* [n] */
    double *strangers;        /* [nstrangers] their similarities, falling */
    int nstrangers, nknown;
};

/* Draws and compares, with n, people, dims, embeddings and person set. Returns a MIEN_E code; free
 * in any case. */
int open_set_run(struct open_set *o, int samples, uint64_t seed);
void open_set_free(struct open_set *o);
/* Above this similarity are no more than a share `fpir` of the strangers. */
double open_set_threshold(const struct open_set *o, double fpir);
/* The share of known faces that are not found above a similarity, as the person they are. */
struct figure open_set_fnir(const struct open_set *o, double threshold);
/* Of all who are named above it, who are named rightly. */
struct figure open_set_precision(const struct open_set *o, double threshold);
/* The share of known faces whose person is among the first `rank`. */
struct figure open_set_top(const struct open_set *o, int rank);

#endif
