/*
 * places.h - which pixel and channel of one map another map's are copied from.
 *
 * Cutting, padding, shuffling and resizing are one thing: pixel y, x, channel j of the result is
 * pixel rows(y), columns(x) of what is read, channel channels(j), where each of the three is a rule
 * of a few numbers. The rules are the same for every device, so that they stand here, in words that
 * C and CUDA share, and no table of places travels anywhere.
 */
#ifndef MIEN_KERNELS_PLACES_H
#define MIEN_KERNELS_PLACES_H

#include <stdint.h>

#ifndef PLACES_FN /* what a function of a header is */
#include <math.h>
#define PLACES_FN static inline
#endif

enum {
    PLACES_STEP,    /* from + step i, zeros where there is no such place */
    PLACES_EDGE,    /* the same; beyond an edge, what is at it */
    PLACES_REFLECT, /* the same; beyond an edge, its mirror image without the edge itself */
    PLACES_NEAREST, /* the pixel nearest to where i lies */
    PLACES_LINEAR,  /* between the two neighbours of where i lies */
    PLACES_CUBIC,   /* between four of them */
    PLACES_FLAT     /* no rule a side: all values as they lie, rows of pixels of channels */
};

/* How a place between two becomes one of them. */
enum { PLACES_FLOOR, PLACES_CEIL, PLACES_HALF_DOWN, PLACES_HALF_UP };

/* Along rows or columns: of n there are, `out` are wanted. */
struct places {
    int32_t kind, round, n, out;
    int32_t from, step;   /* STEP, EDGE, REFLECT */
    int32_t block;        /* STEP: each place counts as that many, which differ in their channels */
    float half, num, den; /* NEAREST, LINEAR, CUBIC: i lies at (i + half) num / den - half */
    float bend;           /* CUBIC: the curve's second derivative at its neighbours, */
    int32_t inside;       /* and do places beyond the edge count for nothing? */
};

enum { PLACES_AXES = 4, PLACES_TAPS = 4 };

/* Channels as a nest of loops, the outermost first: j counts through all of them, and loop k adds
 * step[k] a turn. phase_*: added for each place within a block. */
struct places_channels {
    int32_t from, axes, count[PLACES_AXES], step[PLACES_AXES];
    int32_t phase_row, phase_column;
};

PLACES_FN float places_position(const struct places *p, int i) {
    return ((float)i + p->half) * p->num / p->den - p->half;
}

PLACES_FN int places_clamp(int i, int n) {
    return i < 0 ? 0 : i < n ? i : n - 1;
}

PLACES_FN int places_nearest(const struct places *p, int i) {
    float at = places_position(p, i);
    switch (p->round) {
    case PLACES_FLOOR: at = floorf(at); break;
    case PLACES_CEIL: at = ceilf(at); break;
    case PLACES_HALF_DOWN: at = ceilf(at - 0.5f); break;
    default: at = floorf(at + 0.5f); break;
    }
    return places_clamp((int)at, p->n);
}

/* The place i is copied from; -1: from none. Not for LINEAR, CUBIC and FLAT. */
PLACES_FN int places_at(const struct places *p, int i) {
    int at = p->from + p->step * i;
    if (p->kind == PLACES_NEAREST) return places_nearest(p, i);
    if (p->kind == PLACES_EDGE) return places_clamp(at, p->n);
    if (p->kind == PLACES_REFLECT) at = at < 0 ? -at : at < p->n ? at : 2 * (p->n - 1) - at;
    if (at < 0) return -1;
    at /= p->block;
    return at < p->n ? at : -1;
}

/* Which of a block's places i is. */
PLACES_FN int places_phase(const struct places *p, int i) {
    return p->block > 1 ? (p->from + p->step * i + p->block) % p->block : 0;
}

/* LINEAR: the first of the two places i is between, *next the second, *share what it counts. */
PLACES_FN int places_between(const struct places *p, int i, int *next, float *share) {
    float at = places_position(p, i), most = (float)(p->n - 1);
    at = at < 0 ? 0 : at < most ? at : most;
    int first = (int)at;
    *next = places_clamp(first + 1, p->n);
    *share = at - (float)first;
    return first;
}

/* R. Keys, "Cubic convolution interpolation for digital image processing", 1981: what a place
 * counts that is `away` from where a value is wanted, 0 <= away < 2. */
PLACES_FN float places_cubic_share(float bend, float away) {
    if (away <= 1) return ((bend + 2) * away - (bend + 3)) * away * away + 1;
    return ((bend * away - 5 * bend) * away + 8 * bend) * away - 4 * bend;
}

/* CUBIC: the four places around i, and what each counts. */
PLACES_FN void places_cubic(const struct places *p, int i, int at[PLACES_TAPS],
                            float share[PLACES_TAPS]) {
    float where = places_position(p, i), sum = 0;
    int first = (int)floorf(where) - 1;
    for (int k = 0; k < PLACES_TAPS; k++) {
        int tap = first + k;
        at[k] = places_clamp(tap, p->n);
        share[k] = places_cubic_share(p->bend, fabsf(where - (float)tap));
        if (p->inside && at[k] != tap) share[k] = 0;
        sum += share[k];
    }
    for (int k = 0; k < PLACES_TAPS && p->inside; k++) share[k] /= sum;
}

PLACES_FN int places_channel(const struct places_channels *c, int j, int row, int column) {
    int at = c->from + row * c->phase_row + column * c->phase_column;
    for (int k = c->axes - 1; k >= 0; k--) {
        at += j % c->count[k] * c->step[k];
        j /= c->count[k];
    }
    return at;
}

#endif
