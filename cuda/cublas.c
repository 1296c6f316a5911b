#include "cuda/cublas.h"

#include "engine/err.h"
#include "engine/library.h"
#include "kernels/kern.h"
#include "mien.h"

#include <cublasLt.h>
#include <stdint.h>
#include <stdlib.h>

/* X(field, symbol) */
#define CUBLAS_FUNCTIONS(X)                                                                        \
    X(create, cublasLtCreate)                                                                      \
    X(destroy, cublasLtDestroy)                                                                    \
    X(make_desc, cublasLtMatmulDescCreate)                                                         \
    X(drop_desc, cublasLtMatmulDescDestroy)                                                        \
    X(set_desc, cublasLtMatmulDescSetAttribute)                                                    \
    X(make_layout, cublasLtMatrixLayoutCreate)                                                     \
    X(drop_layout, cublasLtMatrixLayoutDestroy)                                                    \
    X(make_preference, cublasLtMatmulPreferenceCreate)                                             \
    X(drop_preference, cublasLtMatmulPreferenceDestroy)                                            \
    X(set_preference, cublasLtMatmulPreferenceSetAttribute)                                        \
    X(rank, cublasLtMatmulAlgoGetHeuristic)                                                        \
    X(multiply, cublasLtMatmul)

struct functions {
#define FIELD(field, symbol) __typeof__(&(symbol)) field; /* NOLINT(bugprone-macro-parentheses) */
    CUBLAS_FUNCTIONS(FIELD)
#undef FIELD
};

struct cublas {
    struct functions fn;
    cublasLtHandle_t handle;
};

/* Column by column, as BLAS counts: out [outputs x batch] = weights^T [outputs x k] in [k x batch]
 */
struct cublas_plan {
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t weights, in, out;
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace;
    const char *text;
};

enum { MOST_WORKSPACE = 32 << 20, ALIGNMENT = 16 };

int cublas_open(struct cublas **out) {
    static const struct library_function functions[] = {
#define FUNCTION(field, symbol) {#symbol, offsetof(struct functions, field)},
        CUBLAS_FUNCTIONS(FUNCTION)
#undef FUNCTION
            {NULL, 0}};
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12", NULL};
    *out = NULL;
    struct cublas *blas = calloc(1, sizeof *blas);
    if (!blas) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = library_open("cuBLASLt", "MIEN_LIBCUBLASLT", names, functions, &blas->fn);
    if (!rc && blas->fn.create(&blas->handle) != CUBLAS_STATUS_SUCCESS)
        rc = err_set(MIEN_EDEVICE, "cuBLASLt does not start");
    if (rc)
        free(blas);
    else
        *out = blas;
    return rc;
}

void cublas_close(struct cublas *blas) {
    if (!blas) return;
    blas->fn.destroy(blas->handle);
    free(blas);
}

/* Elements of one picture's window, where they lie without gaps and as the weights do; else 0. */
static int64_t run_of(const struct cuda_conv *p) {
    int64_t rows = p->taps / p->across, row = (int64_t)p->across * p->depth;
    if (p->depth_pad != p->depth || p->gap) return 0;
    if (p->across > 1 && p->in.px != p->depth) return 0;
    if (rows > 1 && p->in.row != row) return 0;
    return rows * row;
}

static int takes(const struct cuda_conv *p) {
    const struct cuda_epilogue *e = &p->e;
    if (p->in.type != CUDA_F16 && p->in.type != CUDA_F32) return 0;
    if (e->out.type != CUDA_F32 || e->out.h != 1 || e->out.w != 1 || e->has_res) return 0;
    if (e->out.top || e->out.left || e->out.bottom || e->out.right) return 0;
    if (!e->bias || e->bias_classes != 1) return 0;
    return (e->act == KERN_ACT_NONE || e->act == KERN_ACT_RELU) && run_of(p) > 0;
}

static cudaDataType_t type_of(int type) {
    return type == CUDA_F32 ? CUDA_R_32F : CUDA_R_16F;
}

static const void *input_of(const struct cuda_conv *p) {
    return p->in.data - ((int64_t)p->pad_top * p->in.row + (int64_t)p->pad_left * p->in.px) *
                            (p->in.type == CUDA_F32 ? 4 : 2);
}

/* All attributes at once; 0 where one was refused. */
static int describe(const struct functions *fn, const struct cuda_conv *p,
                    struct cublas_plan *plan) {
    cublasOperation_t transposed = CUBLAS_OP_T;
    cublasLtEpilogue_t end =
        p->e.act == KERN_ACT_RELU ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
    const void *bias = p->e.bias;
    uint64_t k = (uint64_t)run_of(p), outputs = (uint64_t)p->e.out.c, batch = (uint64_t)p->e.batch;
    return fn->make_desc(&plan->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) == 0 &&
           fn->set_desc(plan->desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed) ==
               0 &&
           fn->set_desc(plan->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &end, sizeof end) == 0 &&
           fn->set_desc(plan->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias) == 0 &&
           fn->make_layout(&plan->weights, type_of(p->in.type), k, outputs, p->k_pad) == 0 &&
           fn->make_layout(&plan->in, type_of(p->in.type), k, batch, p->in.image) == 0 &&
           fn->make_layout(&plan->out, CUDA_R_32F, outputs, batch, p->e.out.image) == 0;
}

static int choose(struct cublas *blas, struct cublas_plan *plan) {
    static const cublasLtMatmulPreferenceAttributes_t aligned[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    const struct functions *fn = &blas->fn;
    cublasLtMatmulPreference_t wish = NULL;
    cublasLtMatmulHeuristicResult_t best;
    size_t most = MOST_WORKSPACE;
    uint32_t alignment = ALIGNMENT;
    int count = 0, good = fn->make_preference(&wish) == 0 &&
                          fn->set_preference(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
                                             sizeof most) == 0;
    for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++)
        good = good && fn->set_preference(wish, aligned[i], &alignment, sizeof alignment) == 0;
    good = good &&
           fn->rank(blas->handle, plan->desc, plan->weights, plan->in, plan->out, plan->out, wish,
                    1, &best, &count) == CUBLAS_STATUS_SUCCESS &&
           count == 1 && best.state == CUBLAS_STATUS_SUCCESS;
    if (wish) fn->drop_preference(wish);
    if (!good) return 0;
    plan->algorithm = best.algo;
    plan->workspace = best.workspaceSize;
    return 1;
}

struct cublas_plan *cublas_plan(struct cublas *blas, const struct cuda_conv *conv) {
    uint64_t bits = (uint64_t)(uintptr_t)input_of(conv) | (uint64_t)(uintptr_t)conv->e.out.data;
    if (!takes(conv) || bits % ALIGNMENT) return NULL;
    struct cublas_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->text = conv->e.act == KERN_ACT_RELU ? "cublaslt fc+bias+relu" : "cublaslt fc+bias";
    if (describe(&blas->fn, conv, plan) && choose(blas, plan)) return plan;
    cublas_plan_free(blas, plan);
    return NULL;
}

void cublas_plan_free(struct cublas *blas, struct cublas_plan *plan) {
    if (!plan) return;
    if (plan->out) blas->fn.drop_layout(plan->out);
    if (plan->in) blas->fn.drop_layout(plan->in);
    if (plan->weights) blas->fn.drop_layout(plan->weights);
    if (plan->desc) blas->fn.drop_desc(plan->desc);
    free(plan);
}

size_t cublas_plan_workspace(const struct cublas_plan *plan) {
    return plan->workspace;
}

const char *cublas_plan_text(const struct cublas_plan *plan) {
    return plan->text;
}

int cublas_run(struct cublas *blas, const struct cublas_plan *plan, const struct cuda_conv *conv,
               CUstream stream, void *workspace) {
    const float one = 1, zero = 0;
    cublasStatus_t s = blas->fn.multiply(blas->handle, plan->desc, &one, conv->weights,
                                         plan->weights, input_of(conv), plan->in, &zero,
                                         conv->e.out.data, plan->out, conv->e.out.data, plan->out,
                                         &plan->algorithm, workspace, plan->workspace, stream);
    if (s == CUBLAS_STATUS_SUCCESS) return MIEN_OK;
    return err_set(MIEN_EDEVICE, "cuBLASLt: %s: status %d", plan->text, (int)s);
}
