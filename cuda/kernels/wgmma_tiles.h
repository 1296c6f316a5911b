/*
 * wgmma_tiles.h - the tiles of conv_wgmma.cuh, once for the kernel and for the host that picks
 * among them (cuda/hopper.c).
 */
#ifndef MIEN_CUDA_KERNELS_WGMMA_TILES_H
#define MIEN_CUDA_KERNELS_WGMMA_TILES_H

/*
 * X(pixels, channels, groups, turns, copiers, blocks): `groups` of four warps share a tile's
 * pixels, 64 or 128 each, or, with `turns`, have a tile each and take turns at multiplying: one
 * stores its sums while the other multiplies. Beside them are `copiers` warps of which a thread
 * starts the copies; registers are rationed for `blocks` blocks a multiprocessor.
 *
 * Large tiles are for throughput: a step of 128 x 256 reads 48 KB for 2 M products, a third of what
 * 64 x 64 tiles would, and the L2 cache, not the multiplier, is the narrow place. Where k is short,
 * stores are, and turns hide them. Small tiles give small maps enough blocks to fill the device; of
 * those several share a multiprocessor, and take turns by themselves.
 *
 * Warps are dealt out to four register files, so a ninth costs the registers of three more. The
 * large tiles need those: there, four warps copy and hand theirs to the others, which needs four.
 */
#define CUDA_WGMMA_TILES(X)                                                                        \
    X(128, 256, 2, 0, 4, 1)                                                                        \
    X(256, 128, 2, 0, 4, 1)                                                                        \
    X(128, 128, 2, 1, 4, 1)                                                                        \
    X(128, 64, 1, 0, 1, 2)                                                                         \
    X(64, 64, 1, 0, 1, 3)                                                                          \
    X(64, 32, 1, 0, 1, 4)

/*
 * X(pixels, channels, blocks): tiles of one group whose sum the blocks of a cluster share, each a
 * part of k, as splits do. They add up through each other's shared memory, and each stores a share
 * of the tile: no trip through memory, and nobody waits to come last.
 */
#define CUDA_WGMMA_CLUSTER_TILES(X)                                                                \
    X(64, 64, 3)                                                                                   \
    X(64, 32, 4)

#define CUDA_WGMMA_THREADS(groups, copiers) (128 * (groups) + 32 * (copiers))

#endif
