/*
 * cudnn.h - convolutions by NVIDIA's cuDNN: the vendor that runs inside mien's own graph.
 *
 * A convolution and what fuses with it become one of cuDNN's operation graphs: product, bias,
 * residual, activation. Tensors are described where they lie: an input begins at its halo, which
 * holds what padding would, so that cuDNN pads nothing; halos of outputs are the caller's business.
 * What cuDNN cannot do in one go, or has no engine for, it does not do at all: then mien's kernels
 * do the step (choose.h).
 *
 * The library is opened when it is asked for, as the driver is (driver.h). MIEN_LIBCUDNN names
 * another one to open.
 */
#ifndef MIEN_CUDA_CUDNN_H
#define MIEN_CUDA_CUDNN_H

#include "cuda/choose.h"

#include <cuda.h>

struct cudnn;      /* the library and its handle for one device */
struct cudnn_plan; /* a convolution, compiled; its descriptors */

/* The library for the device whose context is current; MIEN_EDEVICE says what is missing. */
int cudnn_open(struct cudnn **out);
/* One that makes plans for a device that need not be there, and runs none: `device` is JSON with
 * the names cuDNN has for a device's properties. For tests. */
int cudnn_open_for(const char *device, struct cudnn **out);
void cudnn_close(struct cudnn *dnn);
/* cuDNN's version, 10000 * major + 100 * minor + patch. */
int cudnn_version(const struct cudnn *dnn);

/* In all that follows a convolution's weights are [outputs][kh][kw][c] without gaps, which is all
 * that cuDNN takes (layers.h: dense); c are all elements of a pixel where the layer reads a
 * picture.
 *
 * A plan for a convolution, of whose tensors only shapes and alignments are looked at; NULL where
 * there is none. Needs the workspace that it says, in bytes. */
struct cudnn_plan *cudnn_plan(struct cudnn *dnn, const struct cuda_conv *conv);
void cudnn_plan_free(struct cudnn *dnn, struct cudnn_plan *plan);
size_t cudnn_plan_workspace(const struct cudnn_plan *plan);
/* What it does, for people: "cudnn conv+bias+relu". */
const char *cudnn_plan_text(const struct cudnn_plan *plan);

/* Puts a plan into a stream, with the pointers of `conv`. */
int cudnn_run(struct cudnn *dnn, const struct cudnn_plan *plan, const struct cuda_conv *conv,
              CUstream stream, void *workspace);

#endif
