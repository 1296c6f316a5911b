/*
 * resize.h - pictures to network inputs: scaled, cropped and letterboxed.
 *
 * A network reads rows of floats, or of bf16, in a tensor with a halo. So no resized picture is
 * ever made: a caller prepares tables once, and whoever runs the network then has any rows written
 * straight to where its first layer reads them, from as many threads as it likes. It is separable
 * and driven by tables of taps, which makes every filter, crop and border the same two passes
 * (kernels/kern.h: scale_rows, scale_columns). Two filters are offered because the networks'
 * publishers used two, and accuracy depends on using theirs: OpenCV's plain bilinear and Pillow's
 * antialiased triangle.
 */
#ifndef MIEN_VISION_RESIZE_H
#define MIEN_VISION_RESIZE_H

#include "engine/backend.h"
#include "kernels/kern.h"
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

/* Output i of an axis is the sum of weight[i * most + k] * input[first[i] + k], k < count[i]. */
struct resize_taps {
    int *first, *count;
    float *weight; /* [outputs][most] */
    int most;
};

/*
 * A picture as a network will see it: w x h pixels of floats 0..255, RGB, at the top left of rows
 * of `row` pixels, black beside and below. Start with zeros. It looks at the picture, which must
 * outlive it, until it is prepared for the next one, and keeps its memory, so that a loop over
 * pictures of one size allocates once.
 */
struct resized {
    const uint8_t *pixels;
    ptrdiff_t pitch;
    const mien_image *picture; /* whose pixels they are; NULL: nobody's */
    int w, h, row;
    int copied;    /* 1: pixel by pixel; what follows is unused */
    int taps;      /* columns: of every output */
    int *first;    /* [w] */
    float *weight; /* [ceil(w / 4)][taps][4] */
    struct resize_taps rows;
    float *blended; /* [workers][piece][4]: a piece of a row out of the first pass */
    int piece;
    void *memory; /* all of these */
    size_t size;  /* of memory, bytes */
    /* 1: resize_warp(); there are no rows, only what resize_describe() says: a, b, tx, ty */
    int warped;
    double warp[4];
};
/* Makes its memory at least `size` bytes; what it was prepared for is lost. MIEN_ENOMEM leaves it
 * as it is. */
int resize_grow(struct resized *r, size_t size);
void resize_free(struct resized *r);

/*
 * Prepares a box of src (NULL: the whole picture), resized to w x h pixels, for up to `workers`
 * threads. A box of exactly w x h whole pixels is copied exactly.
 */
int resize_picture(struct resized *r, const mien_image *src, const struct rect_f *box, int w, int h,
                   enum resize_filter filter, int workers);
/* Prepares w x h pixels as they are. pixels: [h][w][3], row pitch `pitch` bytes. */
void resize_none(struct resized *r, const uint8_t *pixels, ptrdiff_t pitch, int w, int h);
/* The same of pixels in memory of its own, which the caller fills: [h][w][3], contiguous. */
int resize_room(struct resized *r, int w, int h, uint8_t **pixels);

/* Prepares w x h samples of src at moved places, for devices that take them (struct
 * backend_picture); warp: a, b, tx, ty there. */
void resize_warp(struct resized *r, const mien_image *src, const double warp[4], int w, int h);

/* What was prepared, for a device that makes the rows itself. */
void resize_describe(const struct resized *r, struct backend_picture *out);

/*
 * Writes rows y0..y1-1 with the kernels k, as elements of `type` (fp32 or bf16). dst: [y1 - y0]
 * [row][3], row pitch dst_row elements; nothing else is written. Threads with different `worker`
 * (below those it was prepared for) may do so at once; a row is the same whoever makes it.
 */
void resize_rows(const struct resized *r, const struct kern *k, int y0, int y1, enum kern_type type,
                 void *dst, ptrdiff_t dst_row, int worker);

/* Where a picture lies in a letterbox: w x h pixels at the top left. A coordinate in the letterbox
 * divided by scale is one in the picture; the two differ by the rounding of w and h. */
struct letterbox {
    int w, h;
    double scale_x, scale_y;
};

/* The letterbox of a width x height picture whose long side becomes `side`. */
struct letterbox letterbox_fit(int width, int height, int side);

/* Prepares src resized to the box's size at the top left of w x h pixels, which may be larger than
 * what the box was fitted to. */
int resize_letterbox(struct resized *r, const mien_image *src, const struct letterbox *box, int w,
                     int h, enum resize_filter filter, int workers);

#endif
