/*
 * mma.h - which convolutions run as kernels/conv_mma.cuh or as fc.cu, in which tiles.
 */
#ifndef MIEN_CUDA_MMA_H
#define MIEN_CUDA_MMA_H

#include "cuda/algorithm.h"

/* The most promising algorithms, the best first: of each tile two at most, none that seems to take
 * three times as long as the first. Returns how many there are; none where only the plain kernel
 * computes this. p is as it will be launched, with its pointers: their alignment decides, too.
 * splits, partial and arrived are not looked at. */
int cuda_mma_list(const struct cuda_machine *m, const struct cuda_conv *p,
                  struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]);
/* The launch of such an algorithm; 0 where it does not take this convolution. */
int cuda_mma_launch(const struct cuda_conv *p, const struct cuda_algorithm *algorithm,
                    struct cuda_launch *out);

/* One of many, for tests and for who measures: tile `tile` of kernels/tiles.h with `splits` blocks
 * a tile; the fully connected kernel. 0: that kernel does not take such a shape. */
enum { CUDA_CONV_TILE_COUNT = 5 };
int cuda_mma_shape(const struct cuda_conv *p, int tile, int splits, struct cuda_launch *out);
int cuda_fc_shape(const struct cuda_conv *p, struct cuda_launch *out);

#endif
