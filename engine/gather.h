/*
 * gather.h - copies of pixels and channels: what cutting, padding, shuffling, depth to space and
 * resizing have in common, before the size of a map is known. kernels/places.h says which place is
 * copied from which once it is.
 */
#ifndef MIEN_ENGINE_GATHER_H
#define MIEN_ENGINE_GATHER_H

#include "kernels/places.h"

/* Where a resized pixel lies, as ONNX names it. */
enum net_coordinates {
    NET_HALF_PIXEL,
    NET_PYTORCH_HALF_PIXEL, /* the same; a map of one pixel is made of the first */
    NET_ALIGN_CORNERS,
    NET_ASYMMETRIC
};

/* Along rows or columns. */
struct net_places {
    int kind, round; /* kernels/places.h */
    /* STEP, EDGE, REFLECT: every step-th of the n * block places there are, from `from` (negative:
     * before the first) to `after` beyond the last (negative: before it); or, where stop is above
     * 0, to place stop. */
    int from, after, stop, step, block;
    /* NEAREST, LINEAR, CUBIC, FLAT, and of one row or column EDGE: to n * scale; to `size` where it
     * is above 0; to that of another value where it is below. */
    enum net_coordinates coordinates;
    float scale;
    int size;
    float bend; /* CUBIC */
    int inside;
};

struct net_gather {
    struct net_places rows, columns;
    struct places_channels channels;
};

/* Everything as it is: what a gather changes is set in this. */
struct net_gather gather_all(int channels);
/* Channels of the result. */
int gather_channels(const struct net_gather *g);
/* Are the result's values copies, channel by channel, of what is read? */
int gather_copies(const struct net_gather *g);
/* Are they the channels from channels.from on of all pixels, in their order? */
int gather_is_slice(const struct net_gather *g);
/* Is every channel it takes one of `channels`? */
int gather_fits(const struct net_gather *g, int channels);
/* Of n rows or columns, how many it makes; like: how many the other value has. Less than 1 where it
 * cannot. */
int gather_size(const struct net_places *p, int n, int like);
/* The rule for a map of n that becomes one of `out`. */
struct places gather_places(const struct net_places *p, int n, int out);

#endif
