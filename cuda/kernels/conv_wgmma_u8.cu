/* conv_wgmma_u8.cu - convolutions of bytes by int8_t (conv_wgmma.cuh). */
#include "cuda/kernels/conv_wgmma.cuh"

#define TILE(pixels, channels, groups, turns, copiers, blocks)                                     \
    CONV_WGMMA(conv_wgmma_u8, type_u8, pixels, channels, groups, turns, copiers, blocks)
#define CLUSTER_TILE(pixels, channels, blocks)                                                     \
    CONV_CLUSTER(conv_wgmma_u8, type_u8, pixels, channels, blocks)

CUDA_WGMMA_TILES(TILE)
CUDA_WGMMA_CLUSTER_TILES(CLUSTER_TILE)
