/* vendor.h where cuDNN's and cuBLASLt's headers were not there when mien was built. */
#include "cuda/vendor.h"
#include "engine/err.h"
#include "mien.h"

int cuda_vendor_open(struct cuda_vendor **out) {
    *out = NULL;
    return err_set(MIEN_EDEVICE, "this build of mien was made without cuDNN's headers and has no "
                                 "backend 'cudnn'");
}

void cuda_vendor_close(struct cuda_vendor *vendor) {
    (void)vendor;
}

int cuda_vendor_plan_new(struct cuda_vendor *vendor, int steps, struct cuda_vendor_plan **out) {
    (void)vendor;
    (void)steps;
    return cuda_vendor_open((struct cuda_vendor **)(void *)out);
}

void cuda_vendor_plan_free(struct cuda_vendor_plan *plan) {
    (void)plan;
}

void cuda_vendor_plan_step(struct cuda_vendor_plan *plan, int step, const struct cuda_conv *conv,
                           const char *dense) {
    (void)plan;
    (void)step;
    (void)conv;
    (void)dense;
}

size_t cuda_vendor_workspace(const struct cuda_vendor_plan *plan) {
    (void)plan;
    return 0;
}

const char *cuda_vendor_text(const struct cuda_vendor_plan *plan, int step) {
    (void)plan;
    (void)step;
    return NULL;
}

int cuda_vendor_run(const struct cuda_vendor_plan *plan, int step, const struct cuda_conv *conv,
                    const char *dense, CUstream stream, void *workspace) {
    (void)plan;
    (void)step;
    (void)conv;
    (void)dense;
    (void)stream;
    (void)workspace;
    return MIEN_EDEVICE;
}
