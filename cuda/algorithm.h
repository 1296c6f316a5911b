/*
 * algorithm.h - an algorithm for a convolution, lists of them, and what a model of the machine
 * expects them to take.
 *
 * Who lists algorithms is a file each: mma.h, hopper.h, depthwise.h, separable.h. algorithms.h
 * makes one list of theirs for a plan's step.
 */
#ifndef MIEN_CUDA_ALGORITHM_H
#define MIEN_CUDA_ALGORITHM_H

#include "cuda/choose.h"

/* A kernel, one of its tiles, and how many blocks share a tile's sum. */
enum cuda_family {
    CUDA_PLAIN, /* in no list: a loop a thread, for where no other is there or right */
    CUDA_FC,
    CUDA_MMA,
    CUDA_WGMMA,
    CUDA_DEPTHWISE,
    CUDA_SEPARABLE /* together with its producer, a depthwise convolution (separable.h) */
};
struct cuda_algorithm {
    enum cuda_family family;
    int tile, splits; /* CUDA_DEPTHWISE: tile is its form (depthwise.h) */
    double cycles;    /* by the model, which is no measurement (tune.h is) */
};
enum { CUDA_MOST_ALGORITHMS = 8 };

/* Keeps a list of the best: inserts one where its cycles belong, and drops one that is too many or,
 * of the same tile, the third. */
void cuda_add_algorithm(struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int *count,
                        const struct cuda_algorithm *algorithm);
/* Drops those at the end that seem to take three times as long as the first; returns how many are
 * left. */
int cuda_trim_algorithms(const struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int count);

/* Has `splits` blocks share each of `count` tiles of `sums` sums. */
void cuda_share_tiles(struct cuda_launch *out, int64_t count, int sums, int splits);

/* What blocks cost: each takes `steps`, of `step` cycles a multiprocessor where enough of them
 * share it, or `alone` where it waits for memory and for itself. Begin and end depend on its sums,
 * and on how many blocks share a tile's. resident: blocks that share a multiprocessor. */
struct cuda_cost {
    int64_t blocks;
    int resident, splits;
    double steps, step, alone, sums;
};
double cuda_cycles(const struct cuda_machine *m, const struct cuda_cost *c);

#endif
