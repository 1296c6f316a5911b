/* conv_wgmma.cu - convolutions of fp16 by fp16 (conv_wgmma.cuh). */
#include "cuda/kernels/conv_wgmma.cuh"

#define TILE(pixels, channels, groups, turns, copiers, blocks)                                     \
    CONV_WGMMA(conv_wgmma, type_f16, pixels, channels, groups, turns, copiers, blocks)
#define CLUSTER_TILE(pixels, channels, blocks)                                                     \
    CONV_CLUSTER(conv_wgmma, type_f16, pixels, channels, blocks)

CUDA_WGMMA_TILES(TILE)
CUDA_WGMMA_CLUSTER_TILES(CLUSTER_TILE)
