/*
 * cublas.h - fully connected layers by NVIDIA's cuBLASLt, beside cudnn.h and opened like it
 * (MIEN_LIBCUBLASLT names another library).
 *
 * Only what is one product of two matrices as they lie: a map of one pixel out of a window without
 * gaps, with a bias and perhaps a ReLU, into floats.
 */
#ifndef MIEN_CUDA_CUBLAS_H
#define MIEN_CUDA_CUBLAS_H

#include "cuda/choose.h"

#include <cuda.h>

struct cublas;
struct cublas_plan;

/* MIEN_EDEVICE says what is missing. A context is current, here and below. */
int cublas_open(struct cublas **out);
void cublas_close(struct cublas *blas);

/* A plan for a layer in mien's own packing, NULL where it is none of these. */
struct cublas_plan *cublas_plan(struct cublas *blas, const struct cuda_conv *conv);
void cublas_plan_free(struct cublas *blas, struct cublas_plan *plan);
size_t cublas_plan_workspace(const struct cublas_plan *plan);
const char *cublas_plan_text(const struct cublas_plan *plan);

/* Puts it into a stream, with the pointers of `conv`. */
int cublas_run(struct cublas *blas, const struct cublas_plan *plan, const struct cuda_conv *conv,
               CUstream stream, void *workspace);

#endif
