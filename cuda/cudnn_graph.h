/*
 * cudnn_graph.h - a convolution and what fuses with it as one of cuDNN's operation graphs.
 *
 * cuDNN's descriptors, as cudnn.h says: tensors where they lie, without padding.
 */
#ifndef MIEN_CUDA_CUDNN_GRAPH_H
#define MIEN_CUDA_CUDNN_GRAPH_H

#include "cuda/choose.h"

#include <cudnn_graph.h>
#include <stddef.h>
#include <stdint.h>

/* X(field, symbol) */
#define CUDNN_FUNCTIONS(X)                                                                         \
    X(version, cudnnGetVersion)                                                                    \
    X(error_text, cudnnGetErrorString)                                                             \
    X(create, cudnnCreate)                                                                         \
    X(destroy, cudnnDestroy)                                                                       \
    X(set_stream, cudnnSetStream)                                                                  \
    X(make, cudnnBackendCreateDescriptor)                                                          \
    X(drop, cudnnBackendDestroyDescriptor)                                                         \
    X(set, cudnnBackendSetAttribute)                                                               \
    X(get, cudnnBackendGetAttribute)                                                               \
    X(finalize, cudnnBackendFinalize)                                                              \
    X(execute, cudnnBackendExecute)

struct cudnn_functions {
#define FIELD(field, symbol) __typeof__(&(symbol)) field; /* NOLINT(bugprone-macro-parentheses) */
    CUDNN_FUNCTIONS(FIELD)
#undef FIELD
};

typedef cudnnBackendDescriptor_t cudnn_descriptor;

/* Names of a graph's tensors. */
enum {
    CUDNN_ID_X = 1,
    CUDNN_ID_W,
    CUDNN_ID_BIAS,
    CUDNN_ID_RES,
    CUDNN_ID_SLOPE,
    CUDNN_ID_Y,
    CUDNN_ID_VIRTUAL
};

enum { CUDNN_MOST_DESCRIPTORS = 128 };
struct cudnn_plan {
    cudnn_descriptor made[CUDNN_MOST_DESCRIPTORS]; /* all of it, in the order of making */
    int count, failed;
    cudnn_descriptor plan;
    size_t workspace;
    int has_res, has_slope;
    char text[64];
};

/* As net.h's builder: the first failure sticks, what comes after does nothing. */
struct cudnn_maker {
    const struct cudnn_functions *fn;
    struct cudnn_plan *p;
};

cudnn_descriptor cudnn_make(struct cudnn_maker *m, cudnnBackendDescriptorType_t type);
void cudnn_set(struct cudnn_maker *m, cudnn_descriptor d, cudnnBackendAttributeName_t name,
               cudnnBackendAttributeType_t type, int64_t count, const void *values);
void cudnn_set_descriptor(struct cudnn_maker *m, cudnn_descriptor d,
                          cudnnBackendAttributeName_t name, cudnn_descriptor value);
void cudnn_set_type(struct cudnn_maker *m, cudnn_descriptor d, cudnnBackendAttributeName_t name,
                    cudnnDataType_t value);
void cudnn_finalize(struct cudnn_maker *m, cudnn_descriptor d);

/* The whole graph; m->p has failed where there is none. */
cudnn_descriptor cudnn_operation_graph(struct cudnn_maker *m, const struct cuda_conv *p);
/* Where the input of a convolution starts for cuDNN. */
const char *cudnn_first_pixel(const struct cuda_conv *p);

#endif
