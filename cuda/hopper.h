/*
 * hopper.h - which convolutions run as kernels/conv_wgmma.cuh, in which tiles, and their
 * parameters.
 *
 * Apart from mma.h because parameters here are more than pointers and numbers: the copy engine
 * wants tensors described by the driver. Everything here says 0 for what the kernel does not take;
 * mma.h or choose.h has a kernel for it.
 */
#ifndef MIEN_CUDA_HOPPER_H
#define MIEN_CUDA_HOPPER_H

#include "cuda/algorithm.h"
#include "cuda/driver.h"
#include "cuda/kernels/hopper_params.h"

/* The most promising algorithms, as cuda_mma_list(), of a convolution of fp16 of 16 channels and
 * more, or of bytes of 32, in pixels that start at multiples of 16 bytes, on a device of compute
 * capability 9.0. As in mma.h, splits, partial and arrived are not looked at; the launch says
 * what they should be. */
int cuda_hopper_list(const struct cuda_machine *m, const struct cuda_conv *p,
                     struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]);
/* One algorithm of many: tile `tile` of kernels/wgmma_tiles.h, those of clusters behind the others,
 * `splits` blocks a tile, as many blocks as `processors` multiprocessors have at a time. */
enum { CUDA_HOPPER_TILE_COUNT = 8 };
int cuda_hopper_shape(const struct cuda_conv *p, int tile, int splits, int processors,
                      struct cuda_launch *out);

/* What the chosen launch is given: p with its splits, partial and arrived filled in. A context is
 * current. */
int cuda_hopper_fill(const struct cuda_driver *driver, const struct cuda_conv *p,
                     const struct cuda_launch *launch, struct cuda_conv_wgmma *out);

#endif
