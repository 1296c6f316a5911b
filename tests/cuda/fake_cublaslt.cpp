/*
 * libcublaslt_fake.so: what cuda/cublas.c uses of cuBLASLt, in plain loops on the emulated driver's
 * memory, put into its streams as fake_cudnn.cpp does.
 */
#pragma GCC visibility push(default)
#include <cublasLt.h>
#pragma GCC visibility pop

#include <cuda.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct desc {
    cublasOperation_t transposed;
    cublasLtEpilogue_t end;
    const float *bias;
};

struct layout {
    cudaDataType type;
    uint64_t rows, columns;
    int64_t pitch;
};

struct product {
    desc d;
    layout a, b, out;
    const void *a_data, *b_data;
    float *result;
};

static float load(const layout &l, const void *data, uint64_t row, uint64_t column) {
    size_t at = row + column * (size_t)l.pitch;
    if (l.type == CUDA_R_32F) return ((const float *)data)[at];
    uint16_t h = ((const uint16_t *)data)[at];
    int exponent = h >> 10 & 31;
    float m = (float)(h & 1023), v = exponent ? ldexpf(1024 + m, exponent - 25) : ldexpf(m, -24);
    return h & 0x8000 ? -v : v;
}

static void run(void *data) {
    const product &p = *(const product *)data;
    for (uint64_t n = 0; n < p.out.columns; n++)
        for (uint64_t m = 0; m < p.out.rows; m++) {
            float sum = p.d.bias[m];
            for (uint64_t k = 0; k < p.a.rows; k++)
                sum += load(p.a, p.a_data, k, m) * load(p.b, p.b_data, k, n);
            if (p.d.end == CUBLASLT_EPILOGUE_RELU_BIAS && sum < 0) sum = 0;
            p.result[m + n * (size_t)p.out.pitch] = sum;
        }
}

extern "C" {
cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
    *handle = (cublasLtHandle_t)malloc(1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
    if (compute != CUBLAS_COMPUTE_32F || scale != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
    *out = (cublasLtMatmulDesc_t)calloc(1, sizeof(desc));
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d) {
    free(d);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t it,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void *value, size_t size) {
    desc *d = (desc *)(void *)it;
    if (name == CUBLASLT_MATMUL_DESC_TRANSA && size == 4)
        memcpy(&d->transposed, value, size);
    else if (name == CUBLASLT_MATMUL_DESC_EPILOGUE && size == 4)
        memcpy(&d->end, value, size);
    else if (name == CUBLASLT_MATMUL_DESC_BIAS_POINTER && size == 8)
        memcpy(&d->bias, value, size);
    else
        return CUBLAS_STATUS_INVALID_VALUE;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t pitch) {
    if (pitch < (int64_t)rows) return CUBLAS_STATUS_INVALID_VALUE;
    layout *l = (layout *)malloc(sizeof *l);
    *l = {type, rows, columns, pitch};
    *out = (cublasLtMatrixLayout_t)(void *)l;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) {
    free(l);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out) {
    *out = (cublasLtMatmulPreference_t)malloc(1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p) {
    free(p);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void *, size_t size) {
    size_t wanted = name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? 8 : 4;
    return size == wanted ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t it,
                                              cublasLtMatrixLayout_t la, cublasLtMatrixLayout_t lb,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t lout,
                                              cublasLtMatmulPreference_t, int,
                                              cublasLtMatmulHeuristicResult_t *results,
                                              int *count) {
    const desc *d = (const desc *)(const void *)it;
    const layout *a = (const layout *)(const void *)la, *b = (const layout *)(const void *)lb,
                 *out = (const layout *)(const void *)lout;
    if (d->transposed != CUBLAS_OP_T || !d->bias || a->rows != b->rows || a->columns != out->rows ||
        b->columns != out->columns || a->type != b->type || out->type != CUDA_R_32F)
        return CUBLAS_STATUS_INVALID_VALUE;
    memset(results, 0, sizeof *results);
    *count = 1;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t it, const void *,
                              const void *a, cublasLtMatrixLayout_t la, const void *b,
                              cublasLtMatrixLayout_t lb, const void *, const void *,
                              cublasLtMatrixLayout_t, void *result, cublasLtMatrixLayout_t lout,
                              const cublasLtMatmulAlgo_t *, void *, size_t, cudaStream_t stream) {
    typedef CUresult launch(CUstream, CUhostFn, void *);
    launch *host =
        (launch *)dlsym(dlopen(getenv("MIEN_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD), "cuLaunchHostFunc");
    product *p = new product{*(const desc *)(const void *)it,
                             *(const layout *)(const void *)la,
                             *(const layout *)(const void *)lb,
                             *(const layout *)(const void *)lout,
                             a,
                             b,
                             (float *)result};
    return host && host(stream, run, p) == CUDA_SUCCESS ? CUBLAS_STATUS_SUCCESS
                                                        : CUBLAS_STATUS_EXECUTION_FAILED;
}
}
