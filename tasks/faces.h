/*
 * faces.h - how networks that look at one face want it cut out of its image.
 *
 * Moved onto ArcFace's template by its landmarks (vision/align.h), as a part of the image around
 * its box, or as one around a landmark; a blob's metadata `preprocess` says which (docs/blob.md).
 */
#ifndef MIEN_TASKS_FACES_H
#define MIEN_TASKS_FACES_H

#include "tasks/task.h"

enum face_crop_kind {
    CROP_ALIGNED,
    CROP_SQUARE,   /* around the box: its side is 1 + 2 margin times the box's longer side */
    CROP_BOX,      /* the box with margins, stretched to the input */
    CROP_LANDMARK, /* a square around a landmark */
};

struct face_crop {
    enum face_crop_kind kind;
    float margin;
    float margins[4]; /* left, top, right, bottom: parts of the box's width or height */
    int landmark;
    float side; /* of CROP_LANDMARK: in distances between the eyes */
    int inside; /* shrunk and moved to lie inside the image; else what lies outside is black */
    enum resize_filter filter;
};

/* Reads the blob's `preprocess`. MIEN_EWEIGHTS. */
int face_crop_read(const struct mien_net *net, struct face_crop *out);
/* Item i, which is a face of an image or a crop. */
int face_crop_fill(const struct face_crop *f, const struct task_call *c, int i, int workers,
                   struct resized *image);
/* The part of the image that is cut out, in pixels of its upright original; not of aligned ones. */
struct rect_f face_crop_rect(const struct face_crop *f, const mien_image *img,
                             const mien_face *face);
/* MIEN_EUNSUPPORTED unless the network takes aligned crops as mien_align() makes them. */
int face_crop_check_side(const struct mien_net *net);
/* MIEN_EINVAL unless there are n images, each good, and n faces where there have to be. */
int face_crop_check_items(const mien_image *const *images, const mien_face *faces, int n,
                          const void *out);

#endif
