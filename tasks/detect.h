/*
 * detect.h - looking for faces in images, each scaled as it is told: one pass of a detector.
 *
 * What is looked at, and how often, is decided above: by mien_detect() where it is once (find.c),
 * else by search.c.
 */
#ifndef MIEN_TASKS_DETECT_H
#define MIEN_TASKS_DETECT_H

#include "mien.h"

enum { LOOK_PLUS_ONE = 1 }; /* of suppression: widths count the last pixel (vision/nms.h) */

/* An image and the scale it is looked at. */
struct look {
    const mien_image *image;
    int side; /* what its long side is scaled to, up or down, pixels; 0: it is run as it is */
};

/* What comes out of all looks of a call. */
struct look_want {
    float threshold, nms;
    int most; /* faces of a look, best first; row: from those of one look to the next's */
    int row;
    int (*stop)(void *stop_context); /* as in mien_detect_options */
    void *stop_context;
};

/* The task they are of (task.h). */
extern const struct task task_detect;

/* The side that makes an image no larger than `size` pixels, and never enlarges it; size as in
 * mien_detect_options. */
int look_side(const mien_net *net, const mien_image *image, int size);
/* The size of the input a look is run as. Those of one size run together where they follow each
 * other. */
void look_input(const mien_net *net, const struct look *look, int *width, int *height);
/* Runs n looks. faces: [n][want->row], in pixels of the upright original that each look's image is
 * of; counts: [n]. */
int looks_run(mien_net *net, const struct look *looks, int n, const struct look_want *want,
              mien_face *faces, int *counts);

#endif
