/* conv_f32.cu - convolutions of fp32 by fp32, as three products of TF32 (conv_mma.cuh). */
#include "cuda/kernels/conv_mma.cuh"

/* Its sums take twice the registers (conv_mma.cuh). */
#define BLOCKS(bm, bn)                  (bm * bn > 64 * 64 ? 1 : 2)
#define WHOLE(bm, bn, wm, wn, stages)   CONV_KERNEL(f32, bm, bn, wm, wn, stages, 16, BLOCKS(bm, bn))
#define HALVES(bm, bn, wm, wn, stages)  CONV_KERNEL(f32, bm, bn, wm, wn, stages, 8, BLOCKS(bm, bn))
#define FOURTHS(bm, bn, wm, wn, stages) CONV_KERNEL(f32, bm, bn, wm, wn, stages, 4, BLOCKS(bm, bn))

CUDA_CONV_TILES(WHOLE)
CUDA_CONV_NARROW_TILES(HALVES)
CUDA_CONV_NARROW_TILES(FOURTHS)
