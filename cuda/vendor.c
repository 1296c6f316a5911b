#include "cuda/vendor.h"

#include "cuda/cublas.h"
#include "cuda/cudnn.h"
#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>

struct cuda_vendor {
    struct cudnn *dnn;
    struct cublas *blas;
};

/* Who does a step; both NULL: mien. */
struct vendor_step {
    struct cudnn_plan *conv;
    struct cublas_plan *fc;
};

struct cuda_vendor_plan {
    struct cuda_vendor *vendor;
    int count;
    struct vendor_step steps[];
};

int cuda_vendor_open(struct cuda_vendor **out) {
    *out = NULL;
    struct cuda_vendor *vendor = calloc(1, sizeof *vendor);
    if (!vendor) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = cudnn_open(&vendor->dnn);
    if (!rc) rc = cublas_open(&vendor->blas);
    if (rc)
        cuda_vendor_close(vendor);
    else
        *out = vendor;
    return rc;
}

void cuda_vendor_close(struct cuda_vendor *vendor) {
    if (!vendor) return;
    cublas_close(vendor->blas);
    cudnn_close(vendor->dnn);
    free(vendor);
}

int cuda_vendor_plan_new(struct cuda_vendor *vendor, int steps, struct cuda_vendor_plan **out) {
    struct cuda_vendor_plan *plan = calloc(1, sizeof *plan + (size_t)steps * sizeof plan->steps[0]);
    *out = plan;
    if (!plan) return err_set(MIEN_ENOMEM, "out of memory");
    plan->vendor = vendor;
    plan->count = steps;
    return MIEN_OK;
}

void cuda_vendor_plan_free(struct cuda_vendor_plan *plan) {
    for (int i = 0; plan && i < plan->count; i++) {
        cudnn_plan_free(plan->vendor->dnn, plan->steps[i].conv);
        cublas_plan_free(plan->vendor->blas, plan->steps[i].fc);
    }
    free(plan);
}

static struct cuda_conv with_weights(const struct cuda_conv *conv, const char *dense) {
    struct cuda_conv c = *conv;
    c.weights = dense;
    return c;
}

void cuda_vendor_plan_step(struct cuda_vendor_plan *plan, int step, const struct cuda_conv *conv,
                           const char *dense) {
    struct vendor_step *t = &plan->steps[step];
    struct cuda_conv c = with_weights(conv, dense);
    t->fc = cublas_plan(plan->vendor->blas, conv);
    if (!t->fc) t->conv = cudnn_plan(plan->vendor->dnn, &c);
}

size_t cuda_vendor_workspace(const struct cuda_vendor_plan *plan) {
    size_t most = 0;
    for (int i = 0; i < plan->count; i++) {
        const struct vendor_step *t = &plan->steps[i];
        size_t bytes = t->fc     ? cublas_plan_workspace(t->fc)
                       : t->conv ? cudnn_plan_workspace(t->conv)
                                 : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

const char *cuda_vendor_text(const struct cuda_vendor_plan *plan, int step) {
    const struct vendor_step *t = &plan->steps[step];
    return t->fc ? cublas_plan_text(t->fc) : t->conv ? cudnn_plan_text(t->conv) : NULL;
}

int cuda_vendor_run(const struct cuda_vendor_plan *plan, int step, const struct cuda_conv *conv,
                    const char *dense, CUstream stream, void *workspace) {
    const struct vendor_step *t = &plan->steps[step];
    struct cuda_conv c = with_weights(conv, dense);
    if (t->fc) return cublas_run(plan->vendor->blas, t->fc, conv, stream, workspace);
    return cudnn_run(plan->vendor->dnn, t->conv, &c, stream, workspace);
}
