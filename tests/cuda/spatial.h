/*
 * spatial.h - cases of test_kernels.c for steps that look at more than a pixel, without weights.
 */
#ifndef MIEN_TESTS_CUDA_SPATIAL_H
#define MIEN_TESTS_CUDA_SPATIAL_H

void test_gather(void);
void test_reshape(void);
void test_norm(void);

#endif
