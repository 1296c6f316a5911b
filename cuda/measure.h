/*
 * measure.h - how long a step takes by each of some algorithms, on the device itself: a few
 * launches each in a graph, as they will run.
 */
#ifndef MIEN_CUDA_MEASURE_H
#define MIEN_CUDA_MEASURE_H

#include "cuda/judge.h"

enum { CUDA_MOST_LISTED = CUDA_MOST_ALGORITHMS + 1 }; /* all of a pair, and apart */

/* A plan with memory of its own, for one step at a time. */
struct cuda_bench {
    struct cuda_run run;
    CUdeviceptr memory;
    CUevent begin, end;
    struct cuda_judge judge;
    size_t counters; /* bytes of run.arrived */
    int warm;
};

/* b->run is a plan without memory, algorithms its run->algorithms; the rest is zeros. 0: there is
 * no memory, or no clock. To be closed in any case. */
int cuda_bench_open(struct cuda_bench *b, struct cuda_algorithm *algorithms);
void cuda_bench_close(struct cuda_bench *b);

/* The fastest of a step's algorithms, or a pair's, that are right. Each is timed once a round, so
 * that whatever changes meanwhile changes for all, and its best time counts; the first round counts
 * only to see who is hopeless. Without a clock it is the first that is right; -1: none is. */
int cuda_bench_fastest(struct cuda_bench *b, int step, int pair, const struct cuda_algorithm *list,
                       int count, struct cuda_algorithm *algorithms);

#endif
