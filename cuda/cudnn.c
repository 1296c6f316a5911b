#include "cuda/cudnn.h"

#include "cuda/library.h"
#include "engine/err.h"
#include "kernels/kern.h"
#include "mien.h"

#include <cudnn_graph.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct functions {
#define FIELD(field, symbol) __typeof__(&(symbol)) field; /* NOLINT(bugprone-macro-parentheses) */
    CUDNN_FUNCTIONS(FIELD)
#undef FIELD
};

enum {
    OLDEST = 90800, /* devices have descriptors since */
    /* of which the first that works is taken: one is rarely more than the third */
    MOST_CONFIGS = 12,
    MOST_DESCRIPTORS = 128,
    MOST_OPERATIONS = 8,
    MOST_NOTES = CUDNN_NUMERICAL_NOTE_TYPE_COUNT
};

typedef cudnnBackendDescriptor_t descriptor;

struct cudnn {
    struct functions fn;
    cudnnHandle_t handle; /* NULL where the device need not be there */
    descriptor device;
    pthread_mutex_t lock; /* a handle serves one thread at a time */
};

/* Names of a graph's tensors. */
enum { ID_X = 1, ID_W, ID_BIAS, ID_RES, ID_SLOPE, ID_Y, ID_VIRTUAL };

struct cudnn_plan {
    descriptor made[MOST_DESCRIPTORS]; /* all of it, in the order of making */
    int count, failed;
    descriptor plan;
    size_t workspace;
    int has_res, has_slope;
    char text[64];
};

/* ------------------------------------------------------------------ library */

static int check(const struct cudnn *dnn, cudnnStatus_t status, const char *what) {
    if (status == CUDNN_STATUS_SUCCESS) return MIEN_OK;
    return err_set(MIEN_EDEVICE, "cuDNN: %s: %s", what, dnn->fn.error_text(status));
}

static int load(struct functions *fn) {
    static const struct library_function functions[] = {
#define FUNCTION(field, symbol) {#symbol, offsetof(struct functions, field)},
        CUDNN_FUNCTIONS(FUNCTION)
#undef FUNCTION
            {NULL, 0}};
    static const char *const names[] = {"libcudnn.so.9", NULL};
    int rc = library_open("cuDNN 9", "MIEN_LIBCUDNN", names, functions, fn);
    if (!rc && fn->version() < OLDEST)
        rc = err_set(MIEN_EDEVICE, "cuDNN here is %d.%d; mien needs 9.8 or later",
                     (int)(fn->version() / 10000), (int)(fn->version() / 100 % 100));
    return rc;
}

/* The device of the handle, or the one that `json` describes. */
static int describe_device(struct cudnn *dnn, const char *json) {
    int rc = check(dnn, dnn->fn.make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &dnn->device),
                   "describing the device");
    if (rc) return rc;
    cudnnStatus_t s = json ? dnn->fn.set(dnn->device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                         CUDNN_TYPE_CHAR, (int64_t)strlen(json), json)
                           : dnn->fn.set(dnn->device, CUDNN_ATTR_DEVICEPROP_HANDLE,
                                         CUDNN_TYPE_HANDLE, 1, &dnn->handle);
    if (s == CUDNN_STATUS_SUCCESS) s = dnn->fn.finalize(dnn->device);
    return check(dnn, s, "describing the device");
}

static int open_as(const char *json, struct cudnn **out) {
    *out = NULL;
    struct cudnn *dnn = calloc(1, sizeof *dnn);
    if (!dnn) return err_set(MIEN_ENOMEM, "out of memory");
    pthread_mutex_init(&dnn->lock, NULL);
    int rc = load(&dnn->fn);
    if (!rc && !json) rc = check(dnn, dnn->fn.create(&dnn->handle), "starting");
    if (!rc) rc = describe_device(dnn, json);
    if (rc)
        cudnn_close(dnn);
    else
        *out = dnn;
    return rc;
}

int cudnn_open(struct cudnn **out) {
    return open_as(NULL, out);
}

int cudnn_open_for(const char *device, struct cudnn **out) {
    return open_as(device, out);
}

void cudnn_close(struct cudnn *dnn) {
    if (!dnn) return;
    if (dnn->device) dnn->fn.drop(dnn->device);
    if (dnn->handle) dnn->fn.destroy(dnn->handle);
    pthread_mutex_destroy(&dnn->lock);
    free(dnn);
}

int cudnn_version(const struct cudnn *dnn) {
    return (int)dnn->fn.version();
}

/* -------------------------------------------------------------- descriptors */

/* As net.h's builder: the first failure sticks, what comes after does nothing. */
struct maker {
    const struct functions *fn;
    struct cudnn_plan *p;
};

static descriptor make(struct maker *m, cudnnBackendDescriptorType_t type) {
    descriptor d = NULL;
    if (!m->p->failed && m->p->count < MOST_DESCRIPTORS &&
        m->fn->make(type, &d) == CUDNN_STATUS_SUCCESS)
        m->p->made[m->p->count++] = d;
    else
        m->p->failed = 1;
    return d;
}

static void set(struct maker *m, descriptor d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *values) {
    if (!m->p->failed && m->fn->set(d, name, type, count, values) != CUDNN_STATUS_SUCCESS)
        m->p->failed = 1;
}

static void set_descriptor(struct maker *m, descriptor d, cudnnBackendAttributeName_t name,
                           descriptor value) {
    set(m, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static void set_double(struct maker *m, descriptor d, cudnnBackendAttributeName_t name,
                       double value) {
    set(m, d, name, CUDNN_TYPE_DOUBLE, 1, &value);
}

static void set_type(struct maker *m, descriptor d, cudnnBackendAttributeName_t name,
                     cudnnDataType_t value) {
    set(m, d, name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

static void finalize(struct maker *m, descriptor d) {
    if (!m->p->failed && m->fn->finalize(d) != CUDNN_STATUS_SUCCESS) m->p->failed = 1;
}

/* ------------------------------------------------------------------ tensors */

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

static const char *first_pixel(const struct cuda_conv *p) {
    return p->in.data - ((int64_t)p->pad_top * p->in.row + (int64_t)p->pad_left * p->in.px) *
                            size_of(p->in.type);
}

static int64_t alignment_of(const void *p) {
    uint64_t bits = (uint64_t)(uintptr_t)p | 16;
    return (int64_t)(bits & -bits);
}

/* dims and strides: n, c, h, w. */
static descriptor tensor(struct maker *m, int64_t id, cudnnDataType_t type, const int64_t dims[4],
                         const int64_t strides[4], int64_t alignment, int is_virtual) {
    descriptor d = make(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    bool yes = is_virtual != 0;
    set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
    set_type(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, type);
    set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims);
    set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
    set(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
    set(m, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &yes);
    finalize(m, d);
    return d;
}

static descriptor view_tensor(struct maker *m, int64_t id, const struct cuda_view *v,
                              const struct shape *s) {
    int64_t dims[4] = {s->n, s->k, s->out_h, s->out_w}, strides[4] = {v->image, 1, v->row, v->px};
    return tensor(m, id, type_of(v->type), dims, strides, alignment_of(v->data), 0);
}

/* [k] floats, for all pixels. */
static descriptor vector_tensor(struct maker *m, int64_t id, const float *data,
                                const struct shape *s) {
    int64_t dims[4] = {1, s->k, 1, 1}, strides[4] = {s->k, 1, s->k, s->k};
    return tensor(m, id, CUDNN_DATA_FLOAT, dims, strides, alignment_of(data), 0);
}

static descriptor input_tensor(struct maker *m, const struct cuda_conv *p, const struct shape *s) {
    int64_t dims[4] = {s->n, s->c, s->h, s->w}, strides[4] = {p->in.image, 1, p->in.row, p->in.px};
    return tensor(m, ID_X, type_of(p->in.type), dims, strides, alignment_of(first_pixel(p)), 0);
}

static descriptor weights_tensor(struct maker *m, const struct cuda_conv *p,
                                 const struct shape *s) {
    int64_t dims[4] = {s->k, s->c, s->kh, s->kw};
    int64_t strides[4] = {s->kh * s->kw * s->c, 1, s->kw * s->c, s->c};
    return tensor(m, ID_W, type_of(p->in.type), dims, strides, 16, 0);
}

/* A result that only the next operation sees. */
static descriptor virtual_tensor(struct maker *m, int64_t id, const struct shape *s) {
    int64_t dims[4] = {s->n, s->k, s->out_h, s->out_w};
    int64_t strides[4] = {s->out_h * s->out_w * s->k, 1, s->out_w * s->k, s->k};
    return tensor(m, id, CUDNN_DATA_FLOAT, dims, strides, 16, 1);
}

/* --------------------------------------------------------------- operations */

/* The operations of a convolution in their order; each but the last ends in a virtual tensor. */
struct operations {
    struct maker *m;
    const struct shape *shape;
    descriptor all[MOST_OPERATIONS], y; /* y: of the last one */
    int count, left;                    /* left: how many are still to come */
    int64_t next_id;
};

static descriptor result(struct operations *o) {
    return --o->left == 0 ? o->y : virtual_tensor(o->m, o->next_id++, o->shape);
}

static void add_operation(struct operations *o, descriptor d) {
    finalize(o->m, d);
    if (o->count < MOST_OPERATIONS)
        o->all[o->count++] = d;
    else
        o->m->p->failed = 1;
}

static descriptor convolution(struct operations *o, const struct cuda_conv *p) {
    struct maker *m = o->m;
    const int64_t two = 2, none[2] = {0, 0}, ones[2] = {1, 1}, strides[2] = {p->stride, p->stride};
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const float one = 1, zero = 0;
    descriptor x = input_tensor(m, p, o->shape), w = weights_tensor(m, p, o->shape), y = result(o);
    descriptor how = make(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    set_type(m, how, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    set(m, how, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    set(m, how, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two);
    set(m, how, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, none);
    set(m, how, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, none);
    set(m, how, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones);
    set(m, how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, strides);
    finalize(m, how);
    descriptor d = make(m, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, how);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    set(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &one);
    set(m, d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &zero);
    add_operation(o, d);
    return y;
}

static descriptor pointwise_kind(struct maker *m, cudnnPointwiseMode_t mode) {
    descriptor d = make(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    set(m, d, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    set_type(m, d, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
    return d;
}

/* y = kind(x, b); b NULL where it takes one tensor. */
static descriptor pointwise(struct operations *o, descriptor kind, descriptor x, descriptor b) {
    struct maker *m = o->m;
    descriptor y = result(o);
    finalize(m, kind);
    descriptor d = make(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b) set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    set_descriptor(m, d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    add_operation(o, d);
    return y;
}

static descriptor binary(struct operations *o, cudnnPointwiseMode_t mode, descriptor x,
                         descriptor b) {
    return pointwise(o, pointwise_kind(o->m, mode), x, b);
}

/* x < 0 ? slope x : x as max(x, 0) + slope (x - max(x, 0)). */
enum { PRELU_OPERATIONS = 4 };
static descriptor prelu(struct operations *o, descriptor x, descriptor slope) {
    descriptor above = binary(o, CUDNN_POINTWISE_RELU_FWD, x, NULL);
    descriptor below = binary(o, CUDNN_POINTWISE_SUB, x, above);
    below = binary(o, CUDNN_POINTWISE_MUL, below, slope);
    return binary(o, CUDNN_POINTWISE_ADD, above, below);
}

static descriptor activation(struct operations *o, const struct cuda_epilogue *e, descriptor x) {
    struct maker *m = o->m;
    descriptor kind;
    switch ((enum kern_act)e->act) {
    case KERN_ACT_PRELU: return prelu(o, x, vector_tensor(m, ID_SLOPE, e->slope, o->shape));
    case KERN_ACT_SIGMOID: return binary(o, CUDNN_POINTWISE_SIGMOID_FWD, x, NULL);
    default: break;
    }
    kind = pointwise_kind(m, CUDNN_POINTWISE_RELU_FWD);
    if (e->act == KERN_ACT_LEAKY)
        set_double(m, kind, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, (double)e->alpha);
    return pointwise(o, kind, x, NULL);
}

static descriptor operation_graph(struct maker *m, const struct cuda_conv *p) {
    const struct cuda_epilogue *e = &p->e;
    const struct shape shape = shape_of(p);
    int active = e->act == KERN_ACT_PRELU ? PRELU_OPERATIONS : e->act != KERN_ACT_NONE;
    struct operations o = {.m = m,
                           .shape = &shape,
                           .left = 1 + (e->bias != NULL) + (e->has_res != 0) + active,
                           .next_id = ID_VIRTUAL};
    o.y = view_tensor(m, ID_Y, &e->out, &shape);
    descriptor at = convolution(&o, p);
    if (e->bias)
        at = binary(&o, CUDNN_POINTWISE_ADD, at, vector_tensor(m, ID_BIAS, e->bias, &shape));
    descriptor res = e->has_res ? view_tensor(m, ID_RES, &e->res, &shape) : NULL;
    if (e->has_res && !e->res_after) at = binary(&o, CUDNN_POINTWISE_ADD, at, res);
    if (active) at = activation(&o, e, at);
    if (e->has_res && e->res_after) binary(&o, CUDNN_POINTWISE_ADD, at, res);
    descriptor graph = make(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    set(m, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, o.count, o.all);
    finalize(m, graph);
    return graph;
}

/* -------------------------------------------------------------------- plans */

/* Is what a configuration computes exact enough? fp32 products are not to be rounded to TF32. */
static int is_exact(struct maker *m, descriptor config, int type) {
    cudnnBackendNumericalNote_t notes[MOST_NOTES];
    int64_t count = 0, engines = 0;
    descriptor engine = make(m, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    if (m->p->failed ||
        m->fn->get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engines,
                   &engine) != CUDNN_STATUS_SUCCESS ||
        m->fn->get(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, MOST_NOTES,
                   &count, notes) != CUDNN_STATUS_SUCCESS)
        return 0;
    for (int64_t i = 0; i < count && i < MOST_NOTES; i++) switch (notes[i]) {
        case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
        case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC: return 0;
        case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
        case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
            if (type == CUDA_F32) return 0;
            break;
        default: break;
        }
    return 1;
}

/* Compiles a configuration; 0: it does not work out. */
static int compile(struct cudnn *dnn, struct maker *m, descriptor config) {
    descriptor d = make(m, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    int64_t count = 0, workspace = 0;
    set_descriptor(m, d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    set_descriptor(m, d, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, dnn->device);
    if (m->p->failed || m->fn->finalize(d) != CUDNN_STATUS_SUCCESS ||
        m->fn->get(d, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                   &workspace) != CUDNN_STATUS_SUCCESS)
        return 0;
    m->p->plan = d;
    m->p->workspace = (size_t)workspace;
    return 1;
}

/* The first configuration that cuDNN's own ranking offers and that works. */
static void find_plan(struct cudnn *dnn, struct maker *m, descriptor graph,
                      cudnnBackendHeurMode_t mode, int type) {
    descriptor rank = make(m, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR), configs[MOST_CONFIGS];
    int64_t count = 0;
    set_descriptor(m, rank, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    set(m, rank, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    set_descriptor(m, rank, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, dnn->device);
    if (m->p->failed || m->fn->finalize(rank) != CUDNN_STATUS_SUCCESS) return;
    for (int i = 0; i < MOST_CONFIGS; i++) configs[i] = make(m, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    if (m->p->failed ||
        m->fn->get(rank, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, MOST_CONFIGS,
                   &count, configs) != CUDNN_STATUS_SUCCESS)
        return;
    for (int i = 0; i < count && i < MOST_CONFIGS && !m->p->plan; i++)
        if (is_exact(m, configs[i], type)) compile(dnn, m, configs[i]);
}

static void write_text(struct cudnn_plan *plan, const struct cuda_epilogue *e) {
    static const char *const acts[] = {
        [KERN_ACT_NONE] = "",        [KERN_ACT_RELU] = "+relu",       [KERN_ACT_LEAKY] = "+leaky",
        [KERN_ACT_PRELU] = "+prelu", [KERN_ACT_SIGMOID] = "+sigmoid",
    };
    snprintf(plan->text, sizeof plan->text, "cudnn conv%s%s%s%s", e->bias ? "+bias" : "",
             e->has_res && !e->res_after ? "+add" : "", acts[e->act],
             e->has_res && e->res_after ? "+add" : "");
}

/* One bias a channel, a residual as large as the output, no bytes. */
static int is_fusable(const struct cuda_conv *p) {
    const struct cuda_epilogue *e = &p->e;
    if (p->in.type != CUDA_F16 && p->in.type != CUDA_F32) return 0;
    if (e->out.type != CUDA_F16 && e->out.type != CUDA_F32) return 0;
    if (e->has_res && (e->res_shift || (e->res.type != CUDA_F16 && e->res.type != CUDA_F32)))
        return 0;
    return e->bias_classes == 1;
}

struct cudnn_plan *cudnn_plan(struct cudnn *dnn, const struct cuda_conv *conv) {
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    if (!is_fusable(conv)) return NULL;
    struct cudnn_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    struct maker m = {.fn = &dnn->fn, .p = plan};
    pthread_mutex_lock(&dnn->lock);
    descriptor graph = operation_graph(&m, conv);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0] && !plan->failed && !plan->plan; i++)
        find_plan(dnn, &m, graph, modes[i], conv->in.type);
    pthread_mutex_unlock(&dnn->lock);
    plan->has_res = conv->e.has_res != 0;
    plan->has_slope = conv->e.act == KERN_ACT_PRELU;
    write_text(plan, &conv->e);
    if (plan->plan) return plan;
    cudnn_plan_free(dnn, plan);
    return NULL;
}

void cudnn_plan_free(struct cudnn *dnn, struct cudnn_plan *plan) {
    if (!plan) return;
    while (plan->count > 0) dnn->fn.drop(plan->made[--plan->count]);
    free(plan);
}

size_t cudnn_plan_workspace(const struct cudnn_plan *plan) {
    return plan->workspace;
}

const char *cudnn_plan_text(const struct cudnn_plan *plan) {
    return plan->text;
}

/* ---------------------------------------------------------------------- run */

static cudnnStatus_t execute(struct cudnn *dnn, const struct cudnn_plan *plan, descriptor pack,
                             const int64_t *ids, void *const *pointers, int64_t count,
                             void *workspace) {
    const struct functions *fn = &dnn->fn;
    cudnnStatus_t s =
        fn->set(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, ids);
    if (s == CUDNN_STATUS_SUCCESS)
        s = fn->set(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count,
                    pointers);
    if (s == CUDNN_STATUS_SUCCESS)
        s = fn->set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
    if (s == CUDNN_STATUS_SUCCESS) s = fn->finalize(pack);
    return s == CUDNN_STATUS_SUCCESS ? fn->execute(dnn->handle, plan->plan, pack) : s;
}

int cudnn_run(struct cudnn *dnn, const struct cudnn_plan *plan, const struct cuda_conv *conv,
              CUstream stream, void *workspace) {
    const struct cuda_epilogue *e = &conv->e;
    int64_t ids[8] = {ID_X, ID_W, ID_Y}, count = 3;
    void *pointers[8] = {(void *)(uintptr_t)first_pixel(conv), (void *)(uintptr_t)conv->weights,
                         e->out.data};
    const struct {
        int64_t id;
        int is_there;
        const void *data;
    } more[] = {{ID_BIAS, e->bias != NULL, e->bias},
                {ID_RES, plan->has_res, e->res.data},
                {ID_SLOPE, plan->has_slope, e->slope}};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (more[i].is_there) {
            ids[count] = more[i].id;
            pointers[count++] = (void *)(uintptr_t)more[i].data;
        }
    descriptor pack = NULL;
    pthread_mutex_lock(&dnn->lock);
    cudnnStatus_t s = dnn->fn.set_stream(dnn->handle, stream);
    if (s == CUDNN_STATUS_SUCCESS) s = dnn->fn.make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (s == CUDNN_STATUS_SUCCESS) s = execute(dnn, plan, pack, ids, pointers, count, workspace);
    if (pack) dnn->fn.drop(pack);
    pthread_mutex_unlock(&dnn->lock);
    return check(dnn, s, plan->text);
}
