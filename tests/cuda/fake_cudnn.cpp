/*
 * libcudnn_fake.so: the part of cuDNN's backend interface that cuda/cudnn.c uses, in plain loops
 * on the emulated driver's memory. It is strict where the real one is: attributes have the types
 * the header's documentation gives them, all that are required have to be there, nothing is changed
 * after it was finalized or used before. What is wrong ends the process with a sentence.
 *
 * Work is put into the emulated stream, or into what it captures, by cuLaunchHostFunc().
 */
#pragma GCC visibility push(default)
#include <cudnn_graph.h>
#pragma GCC visibility pop

#include <cuda.h>
#include <dlfcn.h>
#include <map>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <vector>

struct descriptor {
    cudnnBackendDescriptorType_t type;
    std::map<int, std::string> values; /* bytes, by attribute */
    bool finalized;
};

[[noreturn]] __attribute__((format(printf, 1, 2))) static void refuse(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "fake cuDNN: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    abort();
}

struct rule {
    int descriptor, attribute, type, least, most; /* least 0: need not be there */
};

enum { MANY = 64 };

static const rule rules[] = {
    {CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, 1},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, 1},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, 4},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, 4},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, 1},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 0, 1},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
     1, 1},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
     CUDNN_TYPE_CONVOLUTION_MODE, 1, 1},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1,
     1},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2,
     2},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64,
     2, 2},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2,
     2},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64,
     2, 2},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, 1},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, 1},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1,
     1},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1,
     1},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE,
     CUDNN_TYPE_DOUBLE, 0, 1},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, 1},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, MANY},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, 1},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, 1},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 1,
     MANY},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
     CUDNN_TYPE_VOID_PTR, 1, MANY},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR,
     1, 1},
};

static size_t size_of(int type) {
    switch (type) {
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR: return 1;
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    default: return 4;
    }
}

static descriptor *known(cudnnBackendDescriptor_t d) {
    if (!d) refuse("no descriptor");
    return (descriptor *)d;
}

template <typename T> static const T *all(const descriptor *d, int attribute) {
    auto at = d->values.find(attribute);
    return at == d->values.end() ? NULL : (const T *)at->second.data();
}

static const descriptor *child(const descriptor *d, int attribute) {
    const cudnnBackendDescriptor_t *p = all<cudnnBackendDescriptor_t>(d, attribute);
    return p ? (const descriptor *)*p : NULL;
}

static float half(uint16_t h) {
    int exponent = h >> 10 & 31;
    float m = (float)(h & 1023), v = exponent ? ldexpf(1024 + m, exponent - 25) : ldexpf(m, -24);
    return h & 0x8000 ? -v : v;
}

static uint16_t to_half(float f) {
    uint16_t sign = signbit(f) ? 0x8000 : 0;
    float a = fabsf(f);
    if (!(a < 65520)) return (uint16_t)(sign | 0x7C00);
    if (a < ldexpf(1, -14)) return (uint16_t)(sign | (int)rintf(ldexpf(a, 24)));
    int e;
    frexpf(a, &e);
    int m = (int)rintf(ldexpf(a, 11 - e)); /* 1024..2048 */
    return (uint16_t)(sign | ((e + 14) * 1024 + m - 1024));
}

/* A tensor while a graph runs. */
struct value {
    const int64_t *dims, *strides;
    int type;
    char *data;
    std::vector<float> own; /* virtual: n, h, w, c */

    size_t at(const int64_t i[4]) const {
        size_t sum = 0;
        for (int d = 0; d < 4; d++) sum += (size_t)((dims[d] == 1 ? 0 : i[d]) * strides[d]);
        return sum;
    }
    float get(const int64_t i[4]) const {
        if (!own.empty()) return own[at(i)];
        return type == CUDNN_DATA_HALF ? half(((const uint16_t *)data)[at(i)])
                                       : ((const float *)data)[at(i)];
    }
    void put(const int64_t i[4], float v) {
        if (!own.empty())
            own[at(i)] = v;
        else if (type == CUDNN_DATA_HALF)
            ((uint16_t *)data)[at(i)] = to_half(v);
        else
            ((float *)data)[at(i)] = v;
    }
};

struct work {
    const descriptor *graph;
    std::map<int64_t, char *> pointers;
    std::map<int64_t, value> values;
};

static value &value_of(work &w, const descriptor *t) {
    int64_t id = *all<int64_t>(t, CUDNN_ATTR_TENSOR_UNIQUE_ID);
    auto at = w.values.find(id);
    if (at != w.values.end()) return at->second;
    value &v = w.values[id];
    v.dims = all<int64_t>(t, CUDNN_ATTR_TENSOR_DIMENSIONS);
    v.strides = all<int64_t>(t, CUDNN_ATTR_TENSOR_STRIDES);
    v.type = *all<int>(t, CUDNN_ATTR_TENSOR_DATA_TYPE);
    const char *is_virtual = all<char>(t, CUDNN_ATTR_TENSOR_IS_VIRTUAL);
    if (is_virtual && *is_virtual) {
        v.own.resize((size_t)(v.dims[0] * v.dims[1] * v.dims[2] * v.dims[3]));
    } else {
        if (!w.pointers.count(id)) refuse("no pointer for tensor %d", (int)id);
        v.data = w.pointers[id];
        int64_t alignment = *all<int64_t>(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
        if ((uintptr_t)v.data % (uintptr_t)alignment) refuse("tensor %d misaligned", (int)id);
    }
    return v;
}

static void convolve(work &w, const descriptor *op) {
    value &x = value_of(w, child(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X));
    value &f = value_of(w, child(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W));
    value &y = value_of(w, child(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y));
    const descriptor *how = child(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
    const int64_t *stride = all<int64_t>(how, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
    int64_t taps = f.dims[2] * f.dims[3], depth = f.dims[1];
    std::vector<float> filter((size_t)(f.dims[0] * taps * depth)), pixels((size_t)(taps * depth));
    size_t next = 0;
    for (int64_t k = 0; k < f.dims[0]; k++)
        for (int64_t t = 0; t < taps; t++)
            for (int64_t c = 0; c < depth; c++) {
                int64_t i[4] = {k, c, t / f.dims[3], t % f.dims[3]};
                filter[next++] = f.get(i);
            }
    for (int64_t n = 0; n < y.dims[0]; n++)
        for (int64_t h = 0; h < y.dims[2]; h++)
            for (int64_t v = 0; v < y.dims[3]; v++) {
                next = 0;
                for (int64_t t = 0; t < taps; t++)
                    for (int64_t c = 0; c < depth; c++) {
                        int64_t i[4] = {n, c, h * stride[0] + t / f.dims[3],
                                        v * stride[1] + t % f.dims[3]};
                        pixels[next++] = x.get(i);
                    }
                for (int64_t k = 0; k < y.dims[1]; k++) {
                    const float *row = &filter[(size_t)(k * taps * depth)];
                    float sum = 0;
                    for (size_t i = 0; i < next; i++) sum += row[i] * pixels[i];
                    int64_t i[4] = {n, k, h, v};
                    y.put(i, sum);
                }
            }
}

static float pointwise(const descriptor *kind, float x, float b) {
    const double *slope = all<double>(kind, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE);
    switch (*all<int>(kind, CUDNN_ATTR_POINTWISE_MODE)) {
    case CUDNN_POINTWISE_ADD: return x + b;
    case CUDNN_POINTWISE_SUB: return x - b;
    case CUDNN_POINTWISE_MUL: return x * b;
    case CUDNN_POINTWISE_RELU_FWD: return x < 0 ? slope ? (float)*slope * x : 0 : x;
    case CUDNN_POINTWISE_SIGMOID_FWD: return 1 / (1 + expf(-x));
    default: refuse("an unknown operation on points");
    }
}

static void do_pointwise(work &w, const descriptor *op) {
    const descriptor *kind = child(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const descriptor *other = child(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    value &x = value_of(w, child(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    value *b = other ? &value_of(w, other) : NULL;
    value &y = value_of(w, child(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
    int64_t i[4];
    for (i[0] = 0; i[0] < y.dims[0]; i[0]++)
        for (i[1] = 0; i[1] < y.dims[1]; i[1]++)
            for (i[2] = 0; i[2] < y.dims[2]; i[2]++)
                for (i[3] = 0; i[3] < y.dims[3]; i[3]++)
                    y.put(i, pointwise(kind, x.get(i), b ? b->get(i) : 0));
}

struct cudnnContext {
    CUstream stream;
};

static void run(void *data) {
    work w = *(work *)data; /* a captured one runs again: nothing of a run may stay */
    const std::string &ops = w.graph->values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS);
    for (size_t i = 0; i < ops.size() / sizeof(void *); i++) {
        const descriptor *op = ((const descriptor *const *)ops.data())[i];
        if (op->type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
            convolve(w, op);
        else
            do_pointwise(w, op);
    }
}

extern "C" {
size_t cudnnGetVersion(void) {
    return CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t) {
    return "fake";
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
    *handle = new cudnnContext();
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
    delete handle;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t *out) {
    *out = (cudnnBackendDescriptor_t) new descriptor{type, {}, false};
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d) {
    delete known(d);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t it,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void *values) {
    descriptor *d = known(it);
    if (d->finalized) refuse("attribute %d of a finished descriptor", name);
    for (const rule &r : rules)
        if (r.descriptor == d->type && r.attribute == name) {
            if (type != r.type) refuse("attribute %d has type %d, not %d", name, r.type, type);
            if (count < 1 || count > r.most) refuse("%d values of attribute %d", (int)count, name);
            if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
                for (int64_t i = 0; i < count; i++)
                    if (!known(((const cudnnBackendDescriptor_t *)values)[i])->finalized)
                        refuse("attribute %d is not finished", name);
            d->values[name].assign((const char *)values, (size_t)count * size_of(type));
            return CUDNN_STATUS_SUCCESS;
        }
    refuse("descriptor %d has no attribute %d", d->type, name);
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t it) {
    descriptor *d = known(it);
    for (const rule &r : rules)
        if (r.descriptor == d->type && r.least) {
            auto at = d->values.find(r.attribute);
            if (at == d->values.end() || at->second.size() < (size_t)r.least * size_of(r.type))
                refuse("descriptor %d lacks attribute %d", d->type, r.attribute);
        }
    if (d->type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
        const descriptor *w = child(d, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
        const int64_t *n = all<int64_t>(w, CUDNN_ATTR_TENSOR_DIMENSIONS),
                      *s = all<int64_t>(w, CUDNN_ATTR_TENSOR_STRIDES);
        if (s[0] != n[1] * n[2] * n[3]) refuse("weights with gaps"); /* as the real one does */
    }
    d->finalized = true;
    return CUDNN_STATUS_SUCCESS;
}

/* One engine configuration, of mode A: the graph it is for. */
cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t it,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t, int64_t *count,
                                       void *values) {
    descriptor *d = known(it);
    *count = 1;
    if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS) {
        if (!d->finalized) refuse("results of an unfinished ranking");
        descriptor *config = (descriptor *)((cudnnBackendDescriptor_t *)values)[0];
        config->values[-1] = d->values[CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH];
        config->finalized = true;
    } else if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE) {
        *count = 0;
    } else if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE) {
        *(int64_t *)values = 100;
    } else if (name != CUDNN_ATTR_ENGINECFG_ENGINE) {
        refuse("attribute %d is not known here", name);
    }
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t it,
                                  cudnnBackendDescriptor_t variant) {
    typedef CUresult launch(CUstream, CUhostFn, void *);
    static launch *const host =
        (launch *)dlsym(dlopen(getenv("MIEN_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD), "cuLaunchHostFunc");
    const descriptor *plan = known(it), *pack = known(variant);
    if (!host) refuse("the driver has no cuLaunchHostFunc()");
    if (!plan->finalized || !pack->finalized) refuse("not finished");
    work *w = new work(); /* kept: a graph may run it at any time */
    w->graph = child(child(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG), -1);
    const int64_t *ids = all<int64_t>(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    char *const *pointers = all<char *>(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    size_t count = pack->values.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).size() / sizeof *ids;
    for (size_t i = 0; i < count; i++) w->pointers[ids[i]] = pointers[i];
    return host(handle->stream, run, w) == CUDA_SUCCESS ? CUDNN_STATUS_SUCCESS
                                                        : CUDNN_STATUS_EXECUTION_FAILED;
}
}
