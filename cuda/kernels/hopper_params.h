/*
 * hopper_params.h - what the kernels of Hopper's own instructions are told: params.h and tensor
 * maps.
 */
#ifndef MIEN_CUDA_KERNELS_HOPPER_PARAMS_H
#define MIEN_CUDA_KERNELS_HOPPER_PARAMS_H

#include "cuda/kernels/params.h"

/* A CUtensorMap: a tensor as the copy engine wants it described. Opaque, and cuda.h is not for
 * kernels, so its bytes. */
struct cuda_tensor_map {
    uint64_t words[16];
} __attribute__((aligned(64)));

/*
 * A convolution for conv_wgmma.cuh, filled by cuda/hopper.c. k is walked in steps of
 * CUDA_WGMMA_LINE bytes of channels of one tap, of which a tap has `chunks`; a tap's last step may
 * reach beyond its channels, where `a` reads as zeros, and so may meet the next tap's weights or,
 * beyond k_pad, zeros.
 */
struct cuda_conv_wgmma {
    /* The input from the first window's first pixel on: a box is the same tap's pixels, in as many
     * neighbouring windows as a tile has rows; windows follow each other along rows, maps and
     * images. */
    struct cuda_tensor_map a;
    struct cuda_tensor_map
        b; /* the packed weights: a box is a step's columns of a tile's channels */
    struct cuda_conv conv;
    int32_t chunks;
    int32_t tiles_m, tiles_n; /* of pixels, of channels */
    int32_t stages;           /* of the ring; by how much dynamic shared memory there is */
};
enum { CUDA_WGMMA_LINE = 128 };

/* Dynamic shared memory of a kernel of tiles of m by n: the ring, each stage's two barriers, and
 * for each of two groups a barrier and a word. A stage is m + n rows. */
#define CUDA_WGMMA_SHARED(m, n, stages)                                                            \
    ((stages) * (((m) + (n)) * CUDA_WGMMA_LINE + 16) + CUDA_WGMMA_REST)
enum { CUDA_WGMMA_REST = 32 };

#endif
