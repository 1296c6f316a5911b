/*
 * faces.h - what a device needs to find a detector's faces itself, as a backend's post-processing
 * (engine/backend.h) called "faces".
 *
 * It decodes, scales, sorts, suppresses and clips as anchors.h and nms.h do, so that of a run only
 * faces travel.
 */
#ifndef MIEN_VISION_FACES_H
#define MIEN_VISION_FACES_H

#include "mien.h"
#include "vision/anchors.h"

#include <stddef.h>

#define FACES_POST "faces"

/* Where a network's input lies in its picture: coordinates of the input times scale are pixels of
 * the picture, which ends at size. */
struct faces_place {
    float scale[2], size[2];
};

/* What backend_post.want points to. */
struct faces_post {
    const struct anchor_spec *anchors;
    struct {
        int score, box, landmark; /* net outputs; landmark -1: there are none */
    } head[ANCHOR_LEVELS];
    float threshold, iou;
    int plus_one; /* of the suppression */
    void (*place)(void *context, int image, struct faces_place *out);
    void *context;
    int most; /* faces of an image */
    ptrdiff_t row;
    mien_face *faces; /* out: [images][most], image to image `row` */
    /* [images], -1 before a run; out: faces found. Where it stays -1, as it does where there are
     * too many candidates, the device has found nothing and the outputs are there instead. */
    int *counts;
};

#endif
