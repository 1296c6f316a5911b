/*
 * align.h - cutting faces out of pictures the way the networks were trained.
 *
 * Embedders see a face moved onto ArcFace's five template points by a similarity transform;
 * age-gender networks see a square around the box. Both map coordinates of the upright original to
 * a picture that may have been decoded at a reduced scale, which is why they live together.
 * mien_align() is defined here.
 */
#ifndef MIEN_VISION_ALIGN_H
#define MIEN_VISION_ALIGN_H

#include "vision/resize.h"

/* ArcFace's template: where the five landmarks lie in a 112x112 crop, pixel index coordinates. */
extern const float align_template[5][2];

/* A similarity: x' = a x - b y + tx, y' = b x + a y + ty. */
struct similarity {
    double a, b, tx, ty;
};

/* The similarity that moves from[i] onto to[i] with the least squared error (Umeyama 1991 for two
 * dimensions). MIEN_EINVAL where points are not finite or all of them coincide. */
int align_estimate(const float from[5][2], const float to[5][2], struct similarity *out);

/*
 * Samples img at inverse(t) of every pixel of dst, bilinear, zero outside, as
 * cv2.warpAffine(INTER_LINEAR, BORDER_CONSTANT): integer coordinates are pixel centres.
 * dst: [dh][dw][3], row pitch dst_row bytes. t must not be degenerate.
 */
void align_warp(const mien_image *img, const struct similarity *t, uint8_t *dst, ptrdiff_t dst_row,
                int dw, int dh);

/* The similarity that moves a face of img onto the template: pixel centres of img, which may be a
 * reduced picture, to those of the crop. MIEN_EINVAL. */
int align_face(const mien_image *img, const mien_face *face, struct similarity *out);

/* Prepares the aligned crop of a face, as mien_align() makes it. on_device: as a warp for a device
 * that makes rows itself; else as pixels. */
int align_prepare(struct resized *r, const mien_image *img, const mien_face *face, int on_device);

/* The square around the middle of a box (x1, y1, x2, y2) whose side is (1 + 2 margin) times the
 * box's longer one, in the box's pixels. */
struct rect_f square_around(const float box[4], float margin);

/*
 * Prepares a part of an image, in pixels of its upright original, resized to w x h; zero outside of
 * the image. r, workers: as resize_picture.
 */
int crop_part(struct resized *r, const mien_image *img, const struct rect_f *part,
              enum resize_filter filter, int w, int h, int workers);

#endif
