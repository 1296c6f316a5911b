/* separable_f16.cu - separable convolutions of fp16 (separable.cuh). */
#include "cuda/kernels/separable.cuh"

#define TILE(bm, bn, wm, wn, blocks)                                                               \
    SEPARABLE_KERNEL(f16, bm, bn, wm, wn, 1, blocks)                                               \
    SEPARABLE_KERNEL(f16, bm, bn, wm, wn, 2, blocks)

CUDA_SEPARABLE_TILES(TILE)
CUDA_SEPARABLE_MORE_TILES(TILE)
