/*
 * tiles.h - the tiles of the fast kernels, once for the kernels and for the host that picks among
 * them (cuda/choose.c).
 */
#ifndef MIEN_CUDA_KERNELS_TILES_H
#define MIEN_CUDA_KERNELS_TILES_H

/*
 * Convolutions (conv_mma.cuh): a block sums `pixels` x `channels` with warps side by side in both
 * directions and a ring of `stages` steps of k, CONV_STEP bytes each.
 * X(pixels, channels, warps along pixels, along channels, stages)
 *
 * A warp of the two large tiles has 64 x 32 sums in registers: six loads of fragments for sixteen
 * products, and two blocks of the largest fit a multiprocessor's shared memory (192 KB of 227 on
 * sm_90; one on sm_80; the 96 KB are within the 99 of sm_86). Small tiles are for maps that have
 * too few pixels to fill the device with large ones: there a block waits for memory, and deeper
 * rings keep more of it under way.
 */
#define CUDA_CONV_TILES(X)                                                                         \
    X(128, 128, 2, 4, 3)                                                                           \
    X(128, 64, 2, 2, 3)                                                                            \
    X(64, 64, 2, 2, 4)                                                                             \
    X(64, 32, 2, 2, 5)                                                                             \
    X(32, 32, 2, 2, 6)
/* Those there are also for inputs aligned to 8 and 4 bytes: first layers, which have few channels.
 */
#define CUDA_CONV_NARROW_TILES(X)                                                                  \
    X(128, 64, 2, 2, 3)                                                                            \
    X(64, 64, 2, 2, 4)                                                                             \
    X(64, 32, 2, 2, 5)

/*
 * Depthwise and 1x1 convolution in one (separable.cuh), tiles as above but for the ring, which has
 * SEPARABLE_STAGES steps of weights.
 * X(pixels, channels, warps along pixels, along channels, blocks a multiprocessor)
 *
 * What the depthwise part costs is paid again for every tile of channels, so tiles are as wide as
 * the layers that follow one, and with 64 or 32 pixels each thread has some to compute.
 */
#define CUDA_SEPARABLE_TILES(X)                                                                    \
    X(64, 64, 2, 2, 3)                                                                             \
    X(32, 64, 1, 2, 6)
/* Those there are for fp16, too. */
#define CUDA_SEPARABLE_MORE_TILES(X)                                                               \
    X(64, 128, 2, 2, 2)                                                                            \
    X(64, 32, 4, 1, 3)

enum {
    SEPARABLE_STAGES = 3,
    SEPARABLE_RUN = 4, /* neighbouring pixels a thread computes; rows of a tile are whole runs */
    CONV_STEP = 128,   /* bytes of k; params.h pads k to it */
    CONV_SUM_PAD = 8,  /* floats after a row of sums in shared memory */
    FC_THREADS = 256,
    FC_MOST_ROWS = 8,
    WIDE = 8, /* channels a thread computes together in all other kernels */
    WIDE_THREADS = 128,
    SHARE_LANES = 32, /* threads that share the window of one output of a depthwise convolution */
    SHARE_GROUPS = 8, /* outputs, or groups of WIDE channels of one, of a block of those */
    POOL_LANES = 32,  /* threads that share the map of a global pool's WIDE channels */
    POOL_GROUPS = 8   /* times WIDE: channels of a block of a global pool */
};

/* Blocks a multiprocessor that registers are rationed for. */
#define CONV_BLOCKS(pixels, channels) ((pixels) * (channels) > 64 * 64 ? 2 : 3)

/* Shared memory of a tile: its ring, or its sums on their way out. */
#define CONV_RING(pixels, channels, stages) ((stages) * ((pixels) + (channels)) * CONV_STEP)
#define CONV_SUMS(pixels, channels)         ((pixels) * ((channels) + CONV_SUM_PAD) * 4)
#define CONV_SHARED(pixels, channels, stages)                                                      \
    (CONV_RING(pixels, channels, stages) > CONV_SUMS(pixels, channels)                             \
         ? CONV_RING(pixels, channels, stages)                                                     \
         : CONV_SUMS(pixels, channels))

/* Two steps of pixels, for one to be computed while others are multiplied, and a ring of weights;
 * or sums. */
#define SEPARABLE_RING(pixels, channels, stages)                                                   \
    ((2 * (pixels) + (stages) * (channels)) * CONV_STEP)
#define SEPARABLE_SHARED(pixels, channels, stages)                                                 \
    (SEPARABLE_RING(pixels, channels, stages) > CONV_SUMS(pixels, channels)                        \
         ? SEPARABLE_RING(pixels, channels, stages)                                                \
         : CONV_SUMS(pixels, channels))

#endif
