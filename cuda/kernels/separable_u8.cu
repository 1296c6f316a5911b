/* separable_u8.cu - separable convolutions of bytes (separable.cuh). */
#include "cuda/kernels/separable.cuh"

#define TILE(bm, bn, wm, wn, blocks)                                                               \
    SEPARABLE_KERNEL(u8, bm, bn, wm, wn, 1, blocks)                                                \
    SEPARABLE_KERNEL(u8, bm, bn, wm, wn, 2, blocks)

CUDA_SEPARABLE_TILES(TILE)
