/*
 * anchors.h - what the outputs of face detectors mean.
 *
 * A detector says, for every anchor of every cell of three grids, how likely a face is there and
 * how its box and landmarks differ from the anchor's. RetinaFace, SCRFD and YuNet differ only in
 * constants (sizes, centre, variances, whether widths count the last pixel), in whether a box is an
 * offset or four distances and in what a score is the root of, so one struct describes them all and
 * it is filled from the blob's metadata (docs/blob.md).
 */
#ifndef MIEN_VISION_ANCHORS_H
#define MIEN_VISION_ANCHORS_H

#include "mien.h"

#include <stdint.h>

#define ANCHOR_LEVELS   5
#define ANCHOR_PER_CELL 4

enum anchor_kind {
    ANCHORS_OFFSETS,  /* RetinaFace, YuNet: offsets from the anchor's centre, logarithms of its size
                       */
    ANCHORS_DISTANCES /* SCRFD: distances from the centre to the four sides, in strides */
};

struct anchor_level {
    int stride;                  /* pixels of the input from cell to cell */
    int anchors;                 /* anchors a cell, 1..ANCHOR_PER_CELL */
    float size[ANCHOR_PER_CELL]; /* side of the square anchor, pixels; unused for distances */
};

struct anchor_spec {
    enum anchor_kind kind;
    int levels;
    struct anchor_level level[ANCHOR_LEVELS];
    float centre[ANCHOR_LEVELS]; /* centre of cell 0 of a level, pixels: 7.5, stride / 2 or 0 */
    float variance[2];           /* factors of a box's centre and size offsets */
    float landmark_variance;     /* factor of landmark offsets */
    int plus_one;                /* 1: a width is x2 - x1 + 1, as in Caffe and MXNet code */
    int root;                    /* 1: a score is the square root of what the network gives */
};

/* The raw outputs of one level: NHWC, batch 1, contiguous; A = the level's anchors. */
struct anchor_output {
    int h, w;
    const float *score;    /* [h][w][A], probability of a face, or its square (anchor_spec.root) */
    const float *box;      /* [h][w][A][4] */
    const float *landmark; /* [h][w][A][5][2]; NULL: the network has none, they are set to 0 */
};

/* A face that may still be suppressed; coordinates are pixels of the network's input. order: where
 * it stood among all anchors, to break ties between equal scores. */
struct candidate {
    mien_face face;
    int order;
};

struct candidates {
    struct candidate *at; /* [n], room for capacity; the owner frees it with candidates_free() */
    int n, capacity;
};
/* Makes room for `capacity`; what is there stays. MIEN_ENOMEM. */
int candidates_grow(struct candidates *c, int capacity);
void candidates_free(struct candidates *c);

/* Fills *spec from the text of the blob's `variant`, which may be NULL; arch: the blob's, whose
 * anchors are known where the text has none. MIEN_EWEIGHTS names the field that is missing or
 * wrong. */
int anchor_spec_from_json(const char *arch, const char *variant, struct anchor_spec *spec);

/* Number of anchors of a whole input: what the outputs of all levels hold together. */
int64_t anchor_count(const struct anchor_spec *spec, const struct anchor_output *out);

/* Adds every anchor with a score of at least threshold to *c, in the order of levels, cells and
 * anchors. Anchors whose box or landmarks are not finite are left out. out: [spec->levels]. */
int anchors_decode(const struct anchor_spec *spec, const struct anchor_output *out, float threshold,
                   struct candidates *c);

#endif
