/*
 * vendor.h - a network's convolutions by NVIDIA's own libraries, inside mien's graph.
 *
 * What `--backend cudnn` means: every other step, memory, fusing and the captured graph stay
 * mien's, so that the two differ in nothing but these kernels. A step the libraries refuse stays
 * mien's as well; `mien plan` names who does it. Made without their headers (cmake/cuda.cmake) mien
 * has vendor_none.c in place of all this, which only says so.
 */
#ifndef MIEN_CUDA_VENDOR_H
#define MIEN_CUDA_VENDOR_H

#include "cuda/choose.h"

#include <cuda.h>

struct cuda_vendor;      /* the libraries, for one device */
struct cuda_vendor_plan; /* the steps of a plan they do */

/* A context is current in all calls. MIEN_EDEVICE says what is missing. */
int cuda_vendor_open(struct cuda_vendor **out);
void cuda_vendor_close(struct cuda_vendor *vendor);

int cuda_vendor_plan_new(struct cuda_vendor *vendor, int steps, struct cuda_vendor_plan **out);
void cuda_vendor_plan_free(struct cuda_vendor_plan *plan);
/* Takes a step over where it can. Of pointers only the alignment counts; dense: the weights as
 * layers.h has them for this. */
void cuda_vendor_plan_step(struct cuda_vendor_plan *plan, int step, const struct cuda_conv *conv,
                           const char *dense);
/* Bytes a run needs for all steps, one after the other. */
size_t cuda_vendor_workspace(const struct cuda_vendor_plan *plan);
/* What is done for a step, "cudnn conv+bias+relu"; NULL where it is mien's. */
const char *cuda_vendor_text(const struct cuda_vendor_plan *plan, int step);
/* Puts a step that was taken over into a stream. Its output's halo is left as it was. */
int cuda_vendor_run(const struct cuda_vendor_plan *plan, int step, const struct cuda_conv *conv,
                    const char *dense, CUstream stream, void *workspace);

#endif
