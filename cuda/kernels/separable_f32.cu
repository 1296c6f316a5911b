/* separable_f32.cu - separable convolutions of fp32 (separable.cuh). */
#include "cuda/kernels/separable.cuh"

/* Sums of steps and of all (conv_mma.cuh) leave registers for half as many blocks. */
#define TILE(bm, bn, wm, wn, blocks)                                                               \
    SEPARABLE_KERNEL(f32, bm, bn, wm, wn, 1, (blocks + 1) / 2)                                     \
    SEPARABLE_KERNEL(f32, bm, bn, wm, wn, 2, (blocks + 1) / 2)

CUDA_SEPARABLE_TILES(TILE)
