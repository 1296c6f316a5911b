/*
 * depthwise.h - which depthwise convolutions run as kernels/depthwise.cuh, in which form.
 */
#ifndef MIEN_CUDA_DEPTHWISE_H
#define MIEN_CUDA_DEPTHWISE_H

#include "cuda/algorithm.h"

/* The algorithms of a depthwise convolution: one or two, and none of other grouped ones. */
int cuda_depthwise_list(const struct cuda_machine *m, const struct cuda_gconv *p,
                        struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]);

/* One form of many: of 3x3 with one output a thread or four, or of any window with one, or with
 * threads that share an output. 0: that kernel does not take such a shape. */
enum { CUDA_ONE_OUTPUT = 1, CUDA_FOUR_OUTPUTS = 4, CUDA_ANY_WINDOW = 0, CUDA_SHARED_WINDOW = 32 };
int cuda_depthwise_shape(const struct cuda_gconv *p, int form, struct cuda_launch *out);

#endif
