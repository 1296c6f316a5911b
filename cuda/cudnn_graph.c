#include "cuda/cudnn_graph.h"

#include "kernels/kern.h"

#include <stdbool.h>

enum { MOST_OPERATIONS = 8 };

cudnn_descriptor cudnn_make(struct cudnn_maker *m, cudnnBackendDescriptorType_t type) {
    cudnn_descriptor d = NULL;
    if (!m->p->failed && m->p->count < CUDNN_MOST_DESCRIPTORS &&
        m->fn->make(type, &d) == CUDNN_STATUS_SUCCESS)
        m->p->made[m->p->count++] = d;
    else
        m->p->failed = 1;
    return d;
}

void cudnn_set(struct cudnn_maker *m, cudnn_descriptor d, cudnnBackendAttributeName_t name,
               cudnnBackendAttributeType_t type, int64_t count, const void *values) {
    if (!m->p->failed && m->fn->set(d, name, type, count, values) != CUDNN_STATUS_SUCCESS)
        m->p->failed = 1;
}

void cudnn_set_descriptor(struct cudnn_maker *m, cudnn_descriptor d,
                          cudnnBackendAttributeName_t name, cudnn_descriptor value) {
    cudnn_set(m, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void set_double(struct cudnn_maker *m, cudnn_descriptor d, cudnnBackendAttributeName_t name,
                       double value) {
    cudnn_set(m, d, name, CUDNN_TYPE_DOUBLE, 1, &value);
}

void cudnn_set_type(struct cudnn_maker *m, cudnn_descriptor d, cudnnBackendAttributeName_t name,
                    cudnnDataType_t value) {
    cudnn_set(m, d, name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

void cudnn_finalize(struct cudnn_maker *m, cudnn_descriptor d) {
    if (!m->p->failed && m->fn->finalize(d) != CUDNN_STATUS_SUCCESS) m->p->failed = 1;
}

/* A convolution as cuDNN sees it. */
struct shape {
    int64_t n, h, w, c;      /* input, from the first window's first pixel to the last one's last */
    int64_t out_h, out_w, k; /* output */
    int64_t kh, kw;
};

static struct shape shape_of(const struct cuda_conv *p) {
    struct shape s = {.n = p->e.batch, .out_h = p->e.out.h, .out_w = p->e.out.w, .k = p->e.out.c};
    if (p->across == 1 && p->depth > p->in.px) { /* runs are rows of the window (params.h) */
        s.c = p->in.px;
        s.kw = p->depth / p->in.px;
        s.kh = p->taps;
    } else {
        s.c = p->depth;
        s.kw = p->across;
        s.kh = p->taps / p->across;
    }
    s.h = (s.out_h - 1) * p->stride + s.kh;
    s.w = (s.out_w - 1) * p->stride + s.kw;
    return s;
}

static int64_t size_of(int type) {
    return type == CUDA_F32 ? 4 : 2;
}

static cudnnDataType_t type_of(int type) {
    return type == CUDA_F32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_HALF;
}

const char *cudnn_first_pixel(const struct cuda_conv *p) {
    return p->in.data - ((int64_t)p->pad_top * p->in.row + (int64_t)p->pad_left * p->in.px) *
                            size_of(p->in.type);
}

static int64_t alignment_of(const void *p) {
    uint64_t bits = (uint64_t)(uintptr_t)p | 16;
    return (int64_t)(bits & -bits);
}

/* dims and strides: n, c, h, w. */
static cudnn_descriptor tensor(struct cudnn_maker *m, int64_t id, cudnnDataType_t type,
                               const int64_t dims[4], const int64_t strides[4], int64_t alignment,
                               int is_virtual) {
    cudnn_descriptor d = cudnn_make(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    bool yes = is_virtual != 0;
    cudnn_set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
    cudnn_set_type(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, type);
    cudnn_set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
    cudnn_set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    cudnn_set(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    cudnn_set(m, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &yes);
    cudnn_finalize(m, d);
    return d;
}

static cudnn_descriptor view_tensor(struct cudnn_maker *m, int64_t id, const struct cuda_view *v,
                                    const struct shape *s) {
    int64_t dims[4] = {s->n, s->k, s->out_h, s->out_w}, strides[4] = {v->image, 1, v->row, v->px};
    return tensor(m, id, type_of(v->type), dims, strides, alignment_of(v->data), 0);
}

/* [k] floats, for all pixels. */
static cudnn_descriptor vector_tensor(struct cudnn_maker *m, int64_t id, const float *data,
                                      const struct shape *s) {
    int64_t dims[4] = {1, s->k, 1, 1}, strides[4] = {s->k, 1, s->k, s->k};
    return tensor(m, id, CUDNN_DATA_FLOAT, dims, strides, alignment_of(data), 0);
}

static cudnn_descriptor input_tensor(struct cudnn_maker *m, const struct cuda_conv *p,
                                     const struct shape *s) {
    int64_t dims[4] = {s->n, s->c, s->h, s->w}, strides[4] = {p->in.image, 1, p->in.row, p->in.px};
    return tensor(m, CUDNN_ID_X, type_of(p->in.type), dims, strides,
                  alignment_of(cudnn_first_pixel(p)), 0);
}

static cudnn_descriptor weights_tensor(struct cudnn_maker *m, const struct cuda_conv *p,
                                       const struct shape *s) {
    int64_t dims[4] = {s->k, s->c, s->kh, s->kw};
    int64_t strides[4] = {s->kh * s->kw * s->c, 1, s->kw * s->c, s->c};
    return tensor(m, CUDNN_ID_W, type_of(p->in.type), dims, strides, 16, 0);
}

/* A result that only the next operation sees. */
static cudnn_descriptor virtual_tensor(struct cudnn_maker *m, int64_t id, const struct shape *s) {
    int64_t dims[4] = {s->n, s->k, s->out_h, s->out_w};
    int64_t strides[4] = {s->out_h * s->out_w * s->k, 1, s->out_w * s->k, s->k};
    return tensor(m, id, CUDNN_DATA_FLOAT, dims, strides, 16, 1);
}

/* The operations of a convolution in their order; each but the last ends in a virtual tensor. */
struct operations {
    struct cudnn_maker *m;
    const struct shape *shape;
    cudnn_descriptor all[MOST_OPERATIONS], y; /* y: of the last one */
    int count, left;                          /* left: how many are still to come */
    int64_t next_id;
};

static cudnn_descriptor result(struct operations *o) {
    return --o->left == 0 ? o->y : virtual_tensor(o->m, o->next_id++, o->shape);
}

static void add_operation(struct operations *o, cudnn_descriptor d) {
    cudnn_finalize(o->m, d);
    if (o->count < MOST_OPERATIONS)
        o->all[o->count++] = d;
    else
        o->m->p->failed = 1;
}

static cudnn_descriptor convolution(struct operations *o, const struct cuda_conv *p) {
    struct cudnn_maker *m = o->m;
    const int64_t two = 2, none[2] = {0, 0}, ones[2] = {1, 1}, strides[2] = {p->stride, p->stride};
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const float one = 1, zero = 0;
    cudnn_descriptor x = input_tensor(m, p, o->shape), w = weights_tensor(m, p, o->shape),
                     y = result(o);
    cudnn_descriptor how = cudnn_make(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    cudnn_set_type(m, how, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    cudnn_set(m, how, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    cudnn_set(m, how, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two);
    cudnn_set(m, how, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, none);
    cudnn_set(m, how, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, none);
    cudnn_set(m, how, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
    cudnn_set(m, how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, strides);
    cudnn_finalize(m, how);
    cudnn_descriptor d = cudnn_make(m, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, how);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    cudnn_set(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    cudnn_set(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    add_operation(o, d);
    return y;
}

static cudnn_descriptor pointwise_kind(struct cudnn_maker *m, cudnnPointwiseMode_t mode) {
    cudnn_descriptor d = cudnn_make(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    cudnn_set(m, d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    cudnn_set_type(m, d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
    return d;
}

/* y = kind(x, b); b NULL where it takes one tensor. */
static cudnn_descriptor pointwise(struct operations *o, cudnn_descriptor kind, cudnn_descriptor x,
                                  cudnn_descriptor b) {
    struct cudnn_maker *m = o->m;
    cudnn_descriptor y = result(o);
    cudnn_finalize(m, kind);
    cudnn_descriptor d = cudnn_make(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b) cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    add_operation(o, d);
    return y;
}

static cudnn_descriptor binary(struct operations *o, cudnnPointwiseMode_t mode, cudnn_descriptor x,
                               cudnn_descriptor b) {
    return pointwise(o, pointwise_kind(o->m, mode), x, b);
}

/* x < 0 ? slope x : x as max(x, 0) + slope (x - max(x, 0)). */
enum { PRELU_OPERATIONS = 4 };
static cudnn_descriptor prelu(struct operations *o, cudnn_descriptor x, cudnn_descriptor slope) {
    cudnn_descriptor above = binary(o, CUDNN_POINTWISE_RELU_FWD, x, NULL);
    cudnn_descriptor below = binary(o, CUDNN_POINTWISE_SUB, x, above);
    below = binary(o, CUDNN_POINTWISE_MUL, below, slope);
    return binary(o, CUDNN_POINTWISE_ADD, above, below);
}

static cudnn_descriptor activation(struct operations *o, const struct cuda_epilogue *e,
                                   cudnn_descriptor x) {
    struct cudnn_maker *m = o->m;
    cudnn_descriptor kind;
    switch ((enum kern_act)e->act) {
    case KERN_ACT_PRELU: return prelu(o, x, vector_tensor(m, CUDNN_ID_SLOPE, e->slope, o->shape));
    case KERN_ACT_SIGMOID: return binary(o, CUDNN_POINTWISE_SIGMOID_FWD, x, NULL);
    default: break;
    }
    kind = pointwise_kind(m, CUDNN_POINTWISE_RELU_FWD);
    if (e->act == KERN_ACT_LEAKY)
        set_double(m, kind, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, (double)e->alpha);
    return pointwise(o, kind, x, NULL);
}

cudnn_descriptor cudnn_operation_graph(struct cudnn_maker *m, const struct cuda_conv *p) {
    const struct cuda_epilogue *e = &p->e;
    const struct shape shape = shape_of(p);
    int active = e->act == KERN_ACT_PRELU ? PRELU_OPERATIONS : e->act != KERN_ACT_NONE;
    struct operations o = {.m = m,
                           .shape = &shape,
                           .left = 1 + (e->bias != NULL) + (e->has_res != 0) + active,
                           .next_id = CUDNN_ID_VIRTUAL};
    o.y = view_tensor(m, CUDNN_ID_Y, &e->out, &shape);
    cudnn_descriptor at = convolution(&o, p);
    if (e->bias)
        at = binary(&o, CUDNN_POINTWISE_ADD, at, vector_tensor(m, CUDNN_ID_BIAS, e->bias, &shape));
    cudnn_descriptor res = e->has_res ? view_tensor(m, CUDNN_ID_RES, &e->res, &shape) : NULL;
    if (e->has_res && !e->res_after) at = binary(&o, CUDNN_POINTWISE_ADD, at, res);
    if (active) at = activation(&o, e, at);
    if (e->has_res && e->res_after) binary(&o, CUDNN_POINTWISE_ADD, at, res);
    cudnn_descriptor graph = cudnn_make(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    cudnn_set(m, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, o.count,
              o.all);
    cudnn_finalize(m, graph);
    return graph;
}
