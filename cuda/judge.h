/*
 * judge.h - whether an algorithm to compute a convolution gives what the plain kernel gives, on
 * this device.
 *
 * Before an algorithm is timed (tune.h) it computes the step once from noise, and parts of its
 * output are compared with those of conv_plain or gconv_plain, which are a loop a thread and use
 * nothing a device or a driver could do differently from what its text says. Large layers, where
 * they would take too long, are compared with the first algorithm of mma.sync, and pairs with their
 * first algorithm, which is each alone as already judged. An algorithm that is wrong is not used.
 */
#ifndef MIEN_CUDA_JUDGE_H
#define MIEN_CUDA_JUDGE_H

#include "cuda/steps.h"

enum { CUDA_JUDGE_WINDOWS = 3 };

struct cuda_judge {
    const struct cuda_run *run; /* with memory; the caller's */
    CUdeviceptr noise;
    char *expected, *got; /* of all windows */
    struct {
        size_t at, bytes; /* in the arena */
    } window[CUDA_JUDGE_WINDOWS];
    int windows, pair, is_there; /* is_there: an expectation */
};

/* run stays the caller's, and algorithms is its run->algorithms. Where there is no memory,
 * everything agrees.
 */
void cuda_judge_open(struct cuda_judge *j, const struct cuda_run *run);
void cuda_judge_close(struct cuda_judge *j);

/* Fills the arena with noise and computes what `step`, or it and its producer (pair),
 * should give. list: its algorithms, [count]. */
void cuda_judge_expect(struct cuda_judge *j, int step, int pair, const struct cuda_algorithm *list,
                       int count, struct cuda_algorithm *algorithms);
/* Computes it as run->algorithms says: 0 where that is not what was expected, or cannot be. */
int cuda_judge_agrees(struct cuda_judge *j, int step);

/* Are n bytes of elements of a type the same but for the order of sums? exact: of products of fp32.
 */
int cuda_judge_same(int type, int exact, const char *expected, const char *got, size_t bytes);

#endif
