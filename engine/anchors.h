/*
 * anchors.h - what the outputs of a face detector mean, as plain constants.
 *
 * A blob says it, vision/anchors.c reads and decodes it; it stands here because a device may decode
 * its outputs itself (backend.h: find) instead of handing all of them over.
 */
#ifndef MIEN_ENGINE_ANCHORS_H
#define MIEN_ENGINE_ANCHORS_H

#define ANCHOR_LEVELS   5
#define ANCHOR_PER_CELL 4

enum anchor_kind {
    ANCHORS_OFFSETS,  /* RetinaFace: offsets from the anchor's centre, logarithms of its size */
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
};

#endif
