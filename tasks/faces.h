/*
 * faces.h - how networks that look at one face want it cut out of its image.
 *
 * Either moved onto ArcFace's template by its landmarks (vision/align.h), or as the square around
 * its box; a blob's metadata says which: {"crop": "aligned"} or {"crop": "box", "margin": 0.05}.
 */
#ifndef MIEN_TASKS_FACES_H
#define MIEN_TASKS_FACES_H

#include "tasks/task.h"

struct face_crop {
    int aligned;
    float margin; /* of a square: its side is 1 + 2 margin times the box's longer side */
};

/* Reads the blob's `preprocess`. MIEN_EWEIGHTS. */
int face_crop_read(const struct mien_net *net, struct face_crop *out);
/* Item i, which is a face of an image or a crop. */
int face_crop_fill(const struct face_crop *f, const struct task_call *c, int i, int workers,
                   struct resized *image);
/* MIEN_EUNSUPPORTED unless the network takes aligned crops as mien_align() makes them. */
int face_crop_check_side(const struct mien_net *net);
/* MIEN_EINVAL unless there are n images, each good, and n faces where there have to be. */
int face_crop_check_items(const mien_image *const *images, const mien_face *faces, int n,
                          const void *out);

#endif
