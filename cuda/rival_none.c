/* rival.h where cuDNN's and cuBLASLt's headers were not there when mien was built. */
#include "cuda/rival.h"
#include "engine/err.h"
#include "mien.h"

int cuda_rival_open(struct cuda_rival **out) {
    *out = NULL;
    return err_set(MIEN_EDEVICE, "this build of mien was made without cuDNN's headers and has no "
                                 "backend 'cudnn'");
}

void cuda_rival_close(struct cuda_rival *rival) {
    (void)rival;
}

int cuda_rival_plan_new(struct cuda_rival *rival, int steps, struct cuda_rival_plan **out) {
    (void)rival;
    (void)steps;
    return cuda_rival_open((struct cuda_rival **)(void *)out);
}

void cuda_rival_plan_free(struct cuda_rival_plan *plan) {
    (void)plan;
}

void cuda_rival_take(struct cuda_rival_plan *plan, int step, const struct cuda_conv *conv,
                     const char *dense) {
    (void)plan;
    (void)step;
    (void)conv;
    (void)dense;
}

size_t cuda_rival_workspace(const struct cuda_rival_plan *plan) {
    (void)plan;
    return 0;
}

const char *cuda_rival_text(const struct cuda_rival_plan *plan, int step) {
    (void)plan;
    (void)step;
    return NULL;
}

int cuda_rival_run(const struct cuda_rival_plan *plan, int step, const struct cuda_conv *conv,
                   const char *dense, CUstream stream, void *workspace) {
    (void)plan;
    (void)step;
    (void)conv;
    (void)dense;
    (void)stream;
    (void)workspace;
    return MIEN_EDEVICE;
}
