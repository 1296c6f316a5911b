/*
 * resize.h - pictures to network inputs: scaled, cropped and letterboxed.
 *
 * A network is fed floats 0..255 in the interior of a tensor that may have a halo, so the resizer
 * writes straight to that layout instead of through an 8-bit picture. It is separable and driven by
 * tables of taps, which makes every filter, crop and border the same two loops. Two filters are
 * offered because the networks' publishers used two, and accuracy depends on using theirs:
 * OpenCV's plain bilinear and Pillow's antialiased triangle.
 */
#ifndef MIEN_VISION_RESIZE_H
#define MIEN_VISION_RESIZE_H

#include "mien.h"

enum resize_filter {
    RESIZE_BILINEAR = 0, /* as cv2.INTER_LINEAR: two neighbours, half-pixel centres, no antialias */
    RESIZE_TRIANGLE = 1, /* as Pillow's Image.BILINEAR: support grows with the reduction */
    RESIZE_ZERO_OUTSIDE = 2 /* or-ed in: pixels outside the picture count as black, instead of the
                               nearest edge pixel being repeated */
};

/* A box in pixels of the picture, counted from the outer corner of the top left pixel. May be
 * fractional and may reach outside the picture. The filter reads beyond its edges, as it would if
 * the whole picture were resized and then cropped. */
struct rect_f {
    double x0, y0, x1, y1;
};

/* Memory kept between calls, so that a loop over pictures allocates once. Start with zeros. */
struct resize_scratch {
    void *memory;
    size_t size; /* bytes */
};
/* Makes it at least `size` bytes. MIEN_ENOMEM leaves it as it is. */
int resize_scratch_grow(struct resize_scratch *s, size_t size);
void resize_scratch_free(struct resize_scratch *s);

/*
 * Resizes a box of src (NULL: the whole picture) to dw x dh pixels of floats 0..255, RGB.
 * dst: [dh][dw][3], row pitch dst_row floats; nothing else is written. Results do not depend on
 * the pitch, and a box of exactly dw x dh whole pixels is copied exactly.
 */
int resize_f32(const mien_image *src, const struct rect_f *box, float *dst, ptrdiff_t dst_row,
               int dw, int dh, enum resize_filter filter, struct resize_scratch *s);

/* Where a picture lies in a letterbox: w x h pixels at the top left. A coordinate in the letterbox
 * divided by scale is one in the picture; the two differ by the rounding of w and h. */
struct letterbox {
    int w, h;
    double scale_x, scale_y;
};

/* The letterbox of a width x height picture in dw x dh; never scales up. */
struct letterbox letterbox_fit(int width, int height, int dw, int dh);

/* Resizes src to the box's size at the top left of dw x dh pixels, which may be larger than what
 * the box was fitted to, and fills the rest with 0. dst as in resize_f32. */
int resize_letterbox(const mien_image *src, const struct letterbox *box, float *dst,
                     ptrdiff_t dst_row, int dw, int dh, enum resize_filter filter,
                     struct resize_scratch *s);

#endif
