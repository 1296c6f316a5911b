#include "cuda/cudnn.h"

#include "cuda/cudnn_graph.h"
#include "engine/err.h"
#include "engine/library.h"
#include "kernels/kern.h"
#include "mien.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OLDEST = 90800, /* devices have descriptors since */
    /* of which the first that works is taken: one is rarely more than the third */
    MOST_CONFIGS = 12,
    MOST_NOTES = CUDNN_NUMERICAL_NOTE_TYPE_COUNT
};

struct cudnn {
    struct cudnn_functions fn;
    cudnnHandle_t handle; /* NULL where the device need not be there */
    cudnn_descriptor device;
    pthread_mutex_t lock; /* a handle serves one thread at a time */
};

static int check(const struct cudnn *dnn, cudnnStatus_t status, const char *what) {
    if (status == CUDNN_STATUS_SUCCESS) return MIEN_OK;
    return err_set(MIEN_EDEVICE, "cuDNN: %s: %s", what, dnn->fn.error_text(status));
}

static int load(struct cudnn_functions *fn) {
    static const struct library_function functions[] = {
#define FUNCTION(field, symbol) {#symbol, offsetof(struct cudnn_functions, field)},
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

/* Is what a configuration computes exact enough? fp32 products are not to be rounded to TF32. */
static int is_exact(struct cudnn_maker *m, cudnn_descriptor config, int type) {
    cudnnBackendNumericalNote_t notes[MOST_NOTES];
    int64_t count = 0, engines = 0;
    cudnn_descriptor engine = cudnn_make(m, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
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
static int compile(struct cudnn *dnn, struct cudnn_maker *m, cudnn_descriptor config) {
    cudnn_descriptor d = cudnn_make(m, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    int64_t count = 0, workspace = 0;
    cudnn_set_descriptor(m, d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    cudnn_set_descriptor(m, d, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, dnn->device);
    if (m->p->failed || m->fn->finalize(d) != CUDNN_STATUS_SUCCESS ||
        m->fn->get(d, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                   &workspace) != CUDNN_STATUS_SUCCESS)
        return 0;
    m->p->plan = d;
    m->p->workspace = (size_t)workspace;
    return 1;
}

/* The first configuration that cuDNN's own ranking offers and that works. */
static void find_plan(struct cudnn *dnn, struct cudnn_maker *m, cudnn_descriptor graph,
                      cudnnBackendHeurMode_t mode, int type) {
    cudnn_descriptor rank = cudnn_make(m, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR),
                     configs[MOST_CONFIGS];
    int64_t count = 0;
    cudnn_set_descriptor(m, rank, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    cudnn_set(m, rank, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    cudnn_set_descriptor(m, rank, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, dnn->device);
    if (m->p->failed || m->fn->finalize(rank) != CUDNN_STATUS_SUCCESS) return;
    for (int i = 0; i < MOST_CONFIGS; i++)
        configs[i] = cudnn_make(m, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
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

/* One bias a channel, a residual as large as the output that is added, no bytes, and an activation
 * that the graph knows. */
static int is_fusable(const struct cuda_conv *p) {
    const struct cuda_epilogue *e = &p->e;
    if (p->in.type != CUDA_F16 && p->in.type != CUDA_F32) return 0;
    if (e->out.type != CUDA_F16 && e->out.type != CUDA_F32) return 0;
    if (e->has_res && (e->res_shift || (e->res.type != CUDA_F16 && e->res.type != CUDA_F32)))
        return 0;
    if (e->has_res && (e->res_mul || e->res.h != e->out.h || e->res.w != e->out.w)) return 0;
    if (e->act > KERN_ACT_SIGMOID || p->gap) return 0;
    return e->bias_classes == 1;
}

struct cudnn_plan *cudnn_plan(struct cudnn *dnn, const struct cuda_conv *conv) {
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    if (!is_fusable(conv)) return NULL;
    struct cudnn_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    struct cudnn_maker m = {.fn = &dnn->fn, .p = plan};
    pthread_mutex_lock(&dnn->lock);
    cudnn_descriptor graph = cudnn_operation_graph(&m, conv);
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

static cudnnStatus_t execute(struct cudnn *dnn, const struct cudnn_plan *plan,
                             cudnn_descriptor pack, const int64_t *ids, void *const *pointers,
                             int64_t count, void *workspace) {
    const struct cudnn_functions *fn = &dnn->fn;
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
    int64_t ids[8] = {CUDNN_ID_X, CUDNN_ID_W, CUDNN_ID_Y}, count = 3;
    void *pointers[8] = {(void *)(uintptr_t)cudnn_first_pixel(conv),
                         (void *)(uintptr_t)conv->weights, e->out.data};
    const struct {
        int64_t id;
        int is_there;
        const void *data;
    } more[] = {{CUDNN_ID_BIAS, e->bias != NULL, e->bias},
                {CUDNN_ID_RES, plan->has_res, e->res.data},
                {CUDNN_ID_SLOPE, plan->has_slope, e->slope}};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        if (more[i].is_there) {
            ids[count] = more[i].id;
            pointers[count++] = (void *)(uintptr_t)more[i].data;
        }
    cudnn_descriptor pack = NULL;
    pthread_mutex_lock(&dnn->lock);
    cudnnStatus_t s = dnn->fn.set_stream(dnn->handle, stream);
    if (s == CUDNN_STATUS_SUCCESS) s = dnn->fn.make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (s == CUDNN_STATUS_SUCCESS) s = execute(dnn, plan, pack, ids, pointers, count, workspace);
    if (pack) dnn->fn.drop(pack);
    pthread_mutex_unlock(&dnn->lock);
    return check(dnn, s, plan->text);
}
