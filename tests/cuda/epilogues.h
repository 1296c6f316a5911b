/*
 * epilogues.h - running kernels between tensors, for tests.
 *
 * Every kernel ends with the same epilogue: bias, scale, residual, activation, type, halo. Here one
 * is drawn at random, kernels are launched with it, and all of the output is compared with sums in
 * double precision that went through the same.
 */
#ifndef MIEN_TESTS_CUDA_EPILOGUES_H
#define MIEN_TESTS_CUDA_EPILOGUES_H

#include "cuda/choose.h"
#include "tests/cuda/tensors.h"

/* A random epilogue, with its arrays on both sides. */
struct epilogue {
    struct cuda_epilogue e;
    struct tensor out, res;
    float *bias, *slope, *acc_scale, *inverse;
    double largest; /* of sums, as they come */
};

int random_type(void);
/* integers: sums are, and may stay unscaled; `magnitude` is what they are of. */
void epilogue_make(struct epilogue *x, int batch, int h, int w, int c, int integers,
                   double magnitude);
void epilogue_free(struct epilogue *x);
/* Room for all its sums, zeros; the caller's to free(). */
double *sums_for(const struct epilogue *x);

extern const struct cuda_machine plain; /* with no kernels but those */
struct cuda_machine random_machine(void);

/* Adds a sentence to test_case. */
void describe(const char *what, const struct tensor *in, const struct epilogue *x);

extern const char *run_only; /* run() passes over kernels without this in their names */
extern int run_verbose;      /* it says what it runs */
void launch(const struct cuda_launch *l, void *params);
/* Runs a kernel twice, and compares both times. tolerance: of the sums, relative to 1. */
void run(const struct cuda_launch *l, void *params, struct epilogue *x, const double *sums,
         double tolerance);
/* Counts launches of a kernel for the report, which prints all with the largest error of fp32
 * outputs, and returns how many kernels there were. */
void run_count(const char *kernel, int launches);
int run_report(void);

#endif
