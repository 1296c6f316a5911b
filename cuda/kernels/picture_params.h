/*
 * picture_params.h - what the kernels at both ends of a network are told: pictures and faces.
 *
 * A header beside params.h because these are not steps of a plan: they depend on the pictures of
 * one run, and are launched before and behind the plan's graph.
 */
#ifndef MIEN_CUDA_KERNELS_PICTURE_PARAMS_H
#define MIEN_CUDA_KERNELS_PICTURE_PARAMS_H

#include "cuda/kernels/params.h"

/* enum backend_making (engine/backend.h). */
enum { CUDA_COPIED, CUDA_SCALED, CUDA_WARPED };

/* struct backend_picture, in memory of the device. Of pixels only those that are used are there. */
struct cuda_picture {
    const uint8_t *pixels; /* pixel 0, 0, which need not be there */
    int64_t pitch;
    int32_t how, w, h, taps, most, width, height;
    const int32_t *first, *row_first, *row_count;
    const float *weight, *row_weight;
    double a, b, tx, ty;
};

/* The pictures of a run to where its first layer reads them, as struct cuda_input. */
struct cuda_pictures {
    const struct cuda_picture *pictures; /* [batch] */
    struct cuda_view out;
    float border[3];
    int32_t batch;
};

enum {
    CUDA_FACE_LEVELS = 5,
    CUDA_FACE_CELL = 4,       /* anchors a cell, at most */
    CUDA_FACE_VALUES = 15,    /* of a mien_face: box, score, landmarks */
    CUDA_CANDIDATES = 4096,   /* an image; more are left to the CPU. A power of two */
    CUDA_FACE_BATCH = 64,     /* images of a launch */
    CUDA_FACE_THREADS = 1024, /* of the block that sorts and suppresses */
};

/* A decoded anchor, in pixels of the picture. order: where it stood among all anchors. */
struct cuda_candidate {
    float value[CUDA_FACE_VALUES];
    int32_t order;
};

/* One level of a detector's anchors and its outputs, [batch][h][w][anchors] each. */
struct cuda_face_level {
    const float *score, *box, *landmark; /* landmark: NULL where there are none */
    int32_t h, w, stride, anchors;
    float size[CUDA_FACE_CELL], centre;
};

/* Anchors to candidates: [batch][CUDA_CANDIDATES], of which counts[batch] says how many there are,
 * or would be: those beyond the room are counted alone. */
struct cuda_decode {
    struct cuda_face_level level[CUDA_FACE_LEVELS];
    int32_t levels, distances, plus_one, root, batch;
    int32_t anchors; /* of an image, all levels */
    float variance[2], landmark_variance, threshold;
    float scale[CUDA_FACE_BATCH][2];
    struct cuda_candidate *candidates;
    unsigned *counts;
};

/* Candidates to faces: sorted, suppressed, clipped. found: [batch], -1 where there were more
 * candidates than room; faces: [batch][most][CUDA_FACE_VALUES]. */
struct cuda_select {
    const struct cuda_candidate *candidates;
    const unsigned *counts;
    float *boxes; /* [batch][4][CUDA_CANDIDATES], scratch */
    float size[CUDA_FACE_BATCH][2];
    float iou, plus;
    int32_t most;
    int32_t *found;
    float *faces;
};

#endif
