/* What the kernels of emulator_kernels.cu are told by test_emulator.c. */
#ifndef MIEN_TESTS_CUDA_EMULATOR_PARAMS_H
#define MIEN_TESTS_CUDA_EMULATOR_PARAMS_H

#include <stdint.h>

/* a [16][32 bytes], b [8][32 bytes], sum [16][8] of 4 bytes; each product is added `times` times.
 */
struct multiply_params {
    const char *a, *b;
    char *sum;
    int32_t kind, times; /* 0 fp16, 1 TF32, 2 bytes */
};

/* out: [blocks][threads]. What happens is the test's choice. */
struct play_params {
    int32_t *out;
    const int32_t *in;
    int32_t play, n;
};

enum {
    PLAY_IDENTITY,   /* the number of the thread in the grid */
    PLAY_SHUFFLE,    /* the sum of a warp's in[thread], by shuffles */
    PLAY_BALLOT,     /* of in[thread] & 1 */
    PLAY_ANY,        /* block_any(in[thread] == n) */
    PLAY_REVERSE,    /* in[] of the block the other way round, through shared memory */
    PLAY_RACE,       /* the same without the barrier */
    PLAY_COPY,       /* in[] by copy_async(), of which the last n bytes of four are not valid */
    PLAY_COPY_EARLY, /* read without copy_async_wait() */
    PLAY_COPY_TWO,   /* two groups, the first waited for: out[0] of it, out[1] of the second */
    PLAY_COPY_MISALIGNED,
    PLAY_COUNT,        /* all add one to out[0] */
    PLAY_DEADLOCK,     /* thread 0 does not come to the barrier */
    PLAY_DIVERGED,     /* odd lanes shuffle, even ones vote */
    PLAY_SHARED_END,   /* writes byte n of shared memory */
    PLAY_GLOBAL_END,   /* writes out[n] */
    PLAY_MISALIGNED,   /* reads an int at byte 1 of in */
    PLAY_NO_GRID_WAIT, /* ends without it */
    PLAY_UNWRITTEN,    /* shared memory nobody wrote: static, then dynamic */
    PLAY_NAMED,        /* the upper half of the block waits at barrier 1 for the lower */
    PLAY_DEFERRED,     /* waits for what comes beside the threads */
    PLAY_NEIGHBOUR,    /* n of the other block of a cluster of two, through its shared memory */
    PLAY_HALF          /* in[thread] (float) to half and, shifted by 16, back */
};

#endif
