/*
 * algorithms.h - by which algorithm each convolution of a plan runs.
 *
 * The one place where that is listed and chosen: here by the model, in tune.h by measuring what
 * these lists name. What launches steps (steps.h) is told, and chooses nothing.
 */
#ifndef MIEN_CUDA_ALGORITHMS_H
#define MIEN_CUDA_ALGORITHMS_H

#include "cuda/describe.h"

#include <stdint.h>

/* The algorithms to compute step `step`, the most promising first: how many; 0 where there is no
 * choice. Steps of the same signature are the same to them. */
int cuda_step_algorithms(const struct cuda_run *run, int step,
                         struct cuda_algorithm out[CUDA_MOST_ALGORITHMS], uint64_t *signature);
/* The algorithms to compute it and the depthwise convolution in front of it, plan_step.producer,
 * together: how many, 0 where that cannot be. */
int cuda_pair_algorithms(const struct cuda_run *run, int step,
                         struct cuda_algorithm out[CUDA_MOST_ALGORITHMS], uint64_t *signature);

/* The model's choice for each step, [run->graph->nsteps]. With a vendor there are no pairs: what
 * differs from it is to be its kernels alone. */
void cuda_choose_algorithms(const struct cuda_run *run, struct cuda_algorithm *out);

#endif
