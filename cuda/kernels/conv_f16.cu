/* conv_f16.cu - convolutions of fp16 by fp16 (conv_mma.cuh). */
#include "cuda/kernels/conv_mma.cuh"

#define BLOCKS(bm, bn)                  CONV_BLOCKS(bm, bn)
#define WHOLE(bm, bn, wm, wn, stages)   CONV_KERNEL(f16, bm, bn, wm, wn, stages, 16, BLOCKS(bm, bn))
#define HALVES(bm, bn, wm, wn, stages)  CONV_KERNEL(f16, bm, bn, wm, wn, stages, 8, BLOCKS(bm, bn))
#define FOURTHS(bm, bn, wm, wn, stages) CONV_KERNEL(f16, bm, bn, wm, wn, stages, 4, BLOCKS(bm, bn))

CUDA_CONV_TILES(WHOLE)
CUDA_CONV_NARROW_TILES(HALVES)
CUDA_CONV_NARROW_TILES(FOURTHS)
