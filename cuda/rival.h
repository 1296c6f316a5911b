/*
 * rival.h - a network's convolutions by NVIDIA's own libraries, inside mien's graph.
 *
 * What `--backend cudnn` means: every other step, memory, fusing and the captured graph stay
 * mien's, so that the two differ in nothing but these kernels. A step the libraries refuse stays
 * mien's as well; `mien plan` names who does it. Made without their headers (cmake/cuda.cmake) mien
 * has rival_none.c in place of all this, which only says so.
 */
#ifndef MIEN_CUDA_RIVAL_H
#define MIEN_CUDA_RIVAL_H

#include "cuda/choose.h"

#include <cuda.h>

struct cuda_rival;      /* the libraries, for one device */
struct cuda_rival_plan; /* the steps of a plan they do */

/* A context is current in all calls. MIEN_EDEVICE says what is missing. */
int cuda_rival_open(struct cuda_rival **out);
void cuda_rival_close(struct cuda_rival *rival);

int cuda_rival_plan_new(struct cuda_rival *rival, int steps, struct cuda_rival_plan **out);
void cuda_rival_plan_free(struct cuda_rival_plan *plan);
/* Takes a step over where it can. Of pointers only the alignment counts; dense: the weights as
 * layers.h has them for this. */
void cuda_rival_take(struct cuda_rival_plan *plan, int step, const struct cuda_conv *conv,
                     const char *dense);
/* Bytes a run needs for all steps, one after the other. */
size_t cuda_rival_workspace(const struct cuda_rival_plan *plan);
/* What is done for a step, "cudnn conv+bias+relu"; NULL where it is mien's. */
const char *cuda_rival_text(const struct cuda_rival_plan *plan, int step);
/* Puts a step that was taken over into a stream. Its output's halo is left as it was. */
int cuda_rival_run(const struct cuda_rival_plan *plan, int step, const struct cuda_conv *conv,
                   const char *dense, CUstream stream, void *workspace);

#endif
