#include "cuda/rival.h"

#include "cuda/cublas.h"
#include "cuda/cudnn.h"
#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>

struct cuda_rival {
    struct cudnn *dnn;
    struct cublas *blas;
};

/* Who does a step; both NULL: mien. */
struct taken {
    struct cudnn_plan *conv;
    struct cublas_plan *fc;
};

struct cuda_rival_plan {
    struct cuda_rival *rival;
    int count;
    struct taken steps[];
};

int cuda_rival_open(struct cuda_rival **out) {
    *out = NULL;
    struct cuda_rival *rival = calloc(1, sizeof *rival);
    if (!rival) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = cudnn_open(&rival->dnn);
    if (!rc) rc = cublas_open(&rival->blas);
    if (rc)
        cuda_rival_close(rival);
    else
        *out = rival;
    return rc;
}

void cuda_rival_close(struct cuda_rival *rival) {
    if (!rival) return;
    cublas_close(rival->blas);
    cudnn_close(rival->dnn);
    free(rival);
}

int cuda_rival_plan_new(struct cuda_rival *rival, int steps, struct cuda_rival_plan **out) {
    struct cuda_rival_plan *plan = calloc(1, sizeof *plan + (size_t)steps * sizeof plan->steps[0]);
    *out = plan;
    if (!plan) return err_set(MIEN_ENOMEM, "out of memory");
    plan->rival = rival;
    plan->count = steps;
    return MIEN_OK;
}

void cuda_rival_plan_free(struct cuda_rival_plan *plan) {
    for (int i = 0; plan && i < plan->count; i++) {
        cudnn_plan_free(plan->rival->dnn, plan->steps[i].conv);
        cublas_plan_free(plan->rival->blas, plan->steps[i].fc);
    }
    free(plan);
}

static struct cuda_conv with_weights(const struct cuda_conv *conv, const char *dense) {
    struct cuda_conv c = *conv;
    c.weights = dense;
    return c;
}

void cuda_rival_take(struct cuda_rival_plan *plan, int step, const struct cuda_conv *conv,
                     const char *dense) {
    struct taken *t = &plan->steps[step];
    struct cuda_conv c = with_weights(conv, dense);
    t->fc = cublas_plan(plan->rival->blas, conv);
    if (!t->fc) t->conv = cudnn_plan(plan->rival->dnn, &c);
}

size_t cuda_rival_workspace(const struct cuda_rival_plan *plan) {
    size_t most = 0;
    for (int i = 0; i < plan->count; i++) {
        const struct taken *t = &plan->steps[i];
        size_t bytes = t->fc     ? cublas_plan_workspace(t->fc)
                       : t->conv ? cudnn_plan_workspace(t->conv)
                                 : 0;
        if (bytes > most) most = bytes;
    }
    return most;
}

const char *cuda_rival_text(const struct cuda_rival_plan *plan, int step) {
    const struct taken *t = &plan->steps[step];
    return t->fc ? cublas_plan_text(t->fc) : t->conv ? cudnn_plan_text(t->conv) : NULL;
}

int cuda_rival_run(const struct cuda_rival_plan *plan, int step, const struct cuda_conv *conv,
                   const char *dense, CUstream stream, void *workspace) {
    const struct taken *t = &plan->steps[step];
    struct cuda_conv c = with_weights(conv, dense);
    if (t->fc) return cublas_run(plan->rival->blas, t->fc, conv, stream, workspace);
    return cudnn_run(plan->rival->dnn, t->conv, &c, stream, workspace);
}
