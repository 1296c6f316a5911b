/*
 * separable.h - depthwise convolutions and the 1x1 behind them as one kernel
 * (kernels/separable.cuh): which, in which tiles.
 *
 * Two launches become one, and what is between them never leaves a multiprocessor; but it is
 * computed again for every tile of channels. Which is faster depends on the shape and the device,
 * so that both are candidates (tune.h).
 */
#ifndef MIEN_CUDA_SEPARABLE_H
#define MIEN_CUDA_SEPARABLE_H

#include "cuda/algorithm.h"

/* The most promising algorithms, as cuda_mma_list(); none for other windows than 3x3, strides
 * beyond 2, types that differ on the way, channels that are no multiple of eight. Of pointers the
 * alignment counts; splits, partial and arrived are not looked at. */
int cuda_separable_list(const struct cuda_machine *m, const struct cuda_separable *p,
                        struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]);
/* One algorithm of many: tile `tile` of kernels/tiles.h, `splits` blocks a tile; 0: not this shape.
 */
enum { CUDA_SEPARABLE_TILE_COUNT = 4 };
int cuda_separable_shape(const struct cuda_separable *p, int tile, int splits,
                         struct cuda_launch *out);

/* Cycles, as an algorithm has them, of a depthwise convolution's own launch. */
double cuda_depthwise_cycles(const struct cuda_machine *m, const struct cuda_gconv *p);

#endif
