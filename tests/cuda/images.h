/*
 * images.h - the kernels that mien carries, for tests that launch them by themselves: on a GPU as
 * the library loads them (cuda/device.c); over the emulator, which has its own, any bytes do.
 */
#ifndef MIEN_TESTS_CUDA_IMAGES_H
#define MIEN_TESTS_CUDA_IMAGES_H

#include "cuda/choose.h"
#include "cuda/driver.h"

/* Loads all there are for the device of the current context. */
CUresult images_load(const struct cuda_driver *driver);
/* The kernel of a launch, allowed the shared memory it wants. */
CUresult images_find(const struct cuda_driver *driver, const struct cuda_launch *launch,
                     CUfunction *out);

#endif
