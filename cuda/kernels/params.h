/*
 * params.h - what each CUDA kernel is told: plain structs, shared by the host's C and the kernels.
 *
 * A kernel takes one struct by value and nothing else, so that a launch is a name, a grid and some
 * bytes. Pointers are device pointers. Distances are in elements. What a tensor, a halo and an
 * epilogue are is said in engine/plan.h and kernels/kern.h; the order of sums is the kernel's own.
 * The last member of a struct is a pointer or small: beside a large number the bytes that fill the
 * struct up, which nobody sets, make what the emulator takes for an address (check_params()).
 */
#ifndef MIEN_CUDA_KERNELS_PARAMS_H
#define MIEN_CUDA_KERNELS_PARAMS_H

#include "kernels/places.h"

#include <stdint.h>

/* Element types, numbered as enum kern_type. */
enum { CUDA_F32, CUDA_BF16, CUDA_U8, CUDA_F16 };

/* A tensor: a batch of maps with a halo around each (struct plan_view). */
struct cuda_view {
    char *data;         /* channel 0 of pixel 0, 0 of image 0 */
    const float *scale; /* [c]; CUDA_U8: the value is scale[channel] (stored - zero) */
    int64_t image;      /* from image to image */
    int32_t row, px;    /* from row to row, from pixel to pixel */
    int32_t h, w, c;
    int32_t top, left, bottom, right; /* halo, pixels; written by whoever writes the tensor */
    int32_t type, zero;
};

/* What happens to sums on their way out: struct kern_epi, with the tensors it is between. */
struct cuda_epilogue {
    struct cuda_view out, res;
    const float *bias;      /* [bias_classes][c] or NULL; classes as fold_bias() says */
    const float *slope;     /* [c], PReLU, or NULL */
    const float *acc_scale; /* [c] where sums are integers, else NULL */
    const float *inverse;   /* [c], 1 / scale of an output of bytes, else NULL */
    float alpha, beta;      /* of activations that have them */
    int32_t bias_classes, act;
    int32_t has_res, res_after, res_mul, res_shift;
    int32_t batch;
};

/*
 * A convolution of groups == 1, or a fully connected layer, as a matrix product: output pixels by
 * output channels, summed over `taps` runs of `depth` neighbouring elements of the input. Run t of
 * the window of output pixel y, x starts at
 *     pixel(y * stride - pad_top, x * stride - pad_left) + t / across * in.row + t % across * in.px
 * (in.row and in.px times 1 + gap for dilated windows), where across is kw; or 1 for layers of few
 * channels, where a run is a whole row of the window.
 *
 * Weights: [outputs rounded up to CUDA_PACK_ROWS][k_pad], zeros in the padding: row o has run t at
 * t * depth_pad, where depth_pad is depth rounded up to 16 bytes, and k_pad is taps * depth_pad
 * rounded up to 128 bytes. fp32 and fp16 are of the input's type, bytes are multiplied with int8.
 */
struct cuda_conv {
    struct cuda_view in;
    struct cuda_epilogue e;
    const char *weights;
    int32_t taps, across, depth, depth_pad, k_pad;
    int32_t stride, pad_top, pad_left;
    int32_t gap; /* pixels between taps, which only dilated windows have */
    /* Several blocks a tile (split-K): each sums a part of k into partial, and the last that
     * arrives adds the parts up in their order. */
    int32_t splits;
    float *partial;    /* [tiles][splits][tile] sums, of int32_t for bytes; NULL for one split */
    unsigned *arrived; /* [tiles] counters, zero between launches */
};
enum { CUDA_PACK_ROWS = 128 };

/* Any other grouped convolution; the window's taps are pixels. Weights are floats, with the scales
 * of an input of bytes in them: depthwise [kh*kw][c], else [kh*kw][cin/groups][cout]. */
struct cuda_gconv {
    struct cuda_view in;
    struct cuda_epilogue e;
    const float *weights;
    int32_t kh, kw, stride, pad_top, pad_left, groups;
    int32_t gap; /* pixels between taps, which only dilated windows have */
};

/* A depthwise convolution of 3x3 and the 1x1 that alone reads it. What is between them has a shape,
 * a type and scales (depthwise.e.out, pointwise.in), but no memory. */
struct cuda_separable {
    struct cuda_gconv depthwise;
    struct cuda_conv pointwise;
};

/* A step that looks at one pixel (affine, activation, sum) or at none of them twice. */
struct cuda_pointwise {
    struct cuda_view in;
    struct cuda_epilogue e;
    const float *scale, *shift; /* [c] or NULL: value scale + shift comes first */
};

/* Windows are cut at the map's edges: what lies outside neither wins a maximum nor counts. */
struct cuda_pool {
    struct cuda_view in;
    struct cuda_epilogue e;
    int32_t kh, kw, stride, pad_top, pad_left, average; /* a global one: the whole map */
    int32_t count; /* pixels an average divides by; 0: those inside the map */
};

/* Pixel y, x, channel c of the output is pixel rows(y), columns(x), channel channels(c) of the
 * input, or between its neighbours. */
struct cuda_gather {
    struct cuda_view in;
    struct cuda_epilogue e;
    struct places rows, columns;
    struct places_channels channels;
    int32_t run; /* are an output pixel's channels neighbours in the input? */
};

/* To a mean of 0 and a variance of 1 over groups of channels, of each pixel or of the map. */
struct cuda_norm {
    struct cuda_view in;
    struct cuda_epilogue e;
    float epsilon;
    int32_t groups, pixels;
};

/* Products of pairs of matrices that are counted out in a pixel's channels: [rows][inner] by the
 * transpose of [columns][inner]. */
struct cuda_matmul {
    struct cuda_view a, b;
    struct cuda_epilogue e;
    int32_t rows, columns, inner;
};

/* The pictures of a run: [batch][h][w][3] floats, RGB, to where the first layer reads them, with
 * the border colour around them and zeros in channels beyond the third. */
struct cuda_input {
    const float *src;
    struct cuda_view out;
    float border[3];
    int32_t batch;
};

/* The halo of a tensor. */
struct cuda_halo {
    struct cuda_view out;
    int32_t batch;
};

/* A tensor of any type as contiguous floats [batch][h][w][c]. */
struct cuda_output {
    struct cuda_view in;
    float *dst;
    int32_t batch;
};

#endif
