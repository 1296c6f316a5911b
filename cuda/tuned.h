/*
 * tuned.h - what measuring has found (tune.h), for all layers of the same shape: in the process,
 * and in a file of the user's cache folder.
 */
#ifndef MIEN_CUDA_TUNED_H
#define MIEN_CUDA_TUNED_H

#include "cuda/device.h"

#include <pthread.h>
#include <stdint.h>

enum { CUDA_TUNED_NAME = 48 };

/* What was found for a signature of algorithms.h. */
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

/* NULL: nothing is known of it. */
struct cuda_tuned *cuda_tuned_find(const struct cuda_tuning *t, uint64_t signature);
/* Where there is no room for it, it will be measured again. */
void cuda_tuned_keep(struct cuda_tuning *t, uint64_t signature, const char *kernel, int splits);
/* The whole file anew. */
void cuda_tuned_write(const struct cuda_tuning *t);

/* Lines of a file, "<signature> <kernel> <splits>", into what is known; what is no such line is
 * skipped. */
void cuda_tuning_read(struct cuda_tuning *t, const char *text);

#endif
