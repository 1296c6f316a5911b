/*
 * tune.h - which algorithm a convolution runs by, found by measuring.
 *
 * A convolution can be computed by several kernels, in tiles of several sizes, by one block a tile
 * or by more (choose.h, hopper.h). Which is fastest depends on the device, its clocks and its
 * driver in ways no model of ours knows. So a plan's first making tries the most promising
 * algorithms on the device itself, a few launches each in a graph as they will run, and keeps the
 * fastest of those that are right there (judge.h). What was found is kept for all layers of the
 * same shape, in the process and in a file of the user's cache folder: a device is measured once,
 * not at every start.
 *
 * Algorithms differ in the order of their sums, so results may differ in their last bits from one
 * device's file to another's; with the same file they are the same.
 */
#ifndef MIEN_CUDA_TUNE_H
#define MIEN_CUDA_TUNE_H

#include "cuda/steps.h"

#include <pthread.h>

enum { CUDA_TUNED_NAME = 48 };

/* What was found for a signature of cuda_step_algorithms(). */
struct cuda_tuned {
    uint64_t signature;
    char kernel[CUDA_TUNED_NAME];
    int splits;
};

struct cuda_tuning {
    pthread_mutex_t lock;
    int on;
    char *path; /* of the file; NULL: nothing is kept */
    struct cuda_tuned *known;
    int count, capacity;
};

/* For a device that is open. use_cache: there is a file. $MIEN_CUDA_TUNE 0 turns it off, and so
 * does a driver that $MIEN_LIBCUDA names, unless $MIEN_CUDA_TUNE is 1: such a one's time says
 * nothing. */
void cuda_tuning_open(struct cuda_tuning *t, const struct cuda_device *dev, int use_cache);
void cuda_tuning_close(struct cuda_tuning *t);

/* Fills algorithms: [run->graph->nsteps], zeroed, for a plan whose memory is not there yet, and
 * whose run->algorithms is NULL. What cannot be measured is left to the model. A context is
 * current. */
void cuda_tune(struct cuda_tuning *t, const struct cuda_run *run,
               struct cuda_algorithm *algorithms);

/* Lines of a file, "<signature> <kernel> <splits>", into what is known; what is no such line is
 * skipped. */
void cuda_tuning_read(struct cuda_tuning *t, const char *text);

#endif
