/* The CUDA backend: struct backend_ops over a device, its layers and captured graphs. */
#include "cuda/plan.h"
#include "engine/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void cuda_close(struct backend *b, struct backend_weights *w, struct backend_plan *p);

static const char *precision_name(enum mien_precision precision) {
    return precision == MIEN_FP16 ? "fp16" : precision == MIEN_INT8 ? "int8" : "fp32";
}

static const char *cuda_kernels(int i) {
    static const char *const names[] = {"mma", "wgmma", "cudnn", "plain"};
    return i < (int)(sizeof names / sizeof names[0]) ? names[i] : NULL;
}

static int check_options(const struct backend_options *opt) {
    if (opt->precision == MIEN_BF16)
        return err_set(MIEN_EUNSUPPORTED,
                       "on a GPU networks compute in fp16, fp32 or int8, not in bf16");
    for (int i = 0; opt->kernels; i++) {
        if (!cuda_kernels(i))
            return err_set(MIEN_EINVAL,
                           "no CUDA kernels called '%s'; there are plain, mma, wgmma and cudnn",
                           opt->kernels);
        if (strcmp(opt->kernels, cuda_kernels(i)) == 0) break;
    }
    return MIEN_OK;
}

/* Hopper's own instructions exist on 9.0 alone; where they take no shape, mma does. */
static const char *best(const struct cuda_device *dev) {
    return dev->capability == 90 ? "wgmma" : "mma";
}

static int open_vendor(struct backend *b) {
    b->machine.cap = best(&b->device); /* for the steps that cuDNN leaves */
    int rc = cuda_enter(&b->device);
    if (rc) return rc;
    rc = cuda_vendor_open(&b->vendor);
    cuda_leave(&b->device);
    return rc;
}

/* What the device computes with; name: NULL, or what was asked for. */
static int choose_kernels(struct backend *b, const char *name) {
    if (name && strcmp(name, "wgmma") == 0 && b->device.capability != 90)
        return err_set(MIEN_EUNSUPPORTED, "%s has no wgmma instructions; Hopper GPUs do",
                       b->device.name);
    (void)kern_init(&b->kern, NULL); /* the best there is is always there */
    snprintf(b->cap, sizeof b->cap, "%s", name ? name : best(&b->device));
    b->machine = (struct cuda_machine){
        .processors = b->device.multiprocessors, .capability = b->device.capability, .cap = b->cap};
    return strcmp(b->cap, "cudnn") == 0 ? open_vendor(b) : MIEN_OK;
}

static int cuda_open(const struct backend_options *opt, struct backend **out) {
    *out = NULL;
    int rc = check_options(opt);
    if (rc) return rc;
    struct backend *b = calloc(1, sizeof *b);
    if (!b) return err_set(MIEN_ENOMEM, "out of memory");
    rc = cuda_device_open(&b->device, opt->device_index);
    if (rc) {
        free(b);
        return rc;
    }
    cuda_shelf_open(&b->shelf);
    cuda_tuning_open(&b->tuning, &b->device, opt->use_cache);
    rc = choose_kernels(b, opt->kernels);
    if (rc) {
        cuda_close(b, NULL, NULL);
        return rc;
    }
    snprintf(b->text, sizeof b->text, "cuda %s (sm_%d), %s kernels, %s", b->device.name,
             b->device.capability, b->cap, precision_name(opt->precision));
    *out = b;
    return MIEN_OK;
}

static void cuda_supports(const struct backend *b, struct precision_support *out) {
    (void)b;
    *out = (struct precision_support){.f16 = 1, .u8 = 1};
}

static int cuda_load(struct backend *b, const struct net *net, struct backend_weights **out) {
    *out = NULL;
    struct backend_weights *w = calloc(1, sizeof *w);
    if (!w) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    w->backend = b;
    int rc = cuda_enter(&b->device);
    if (!rc) {
        rc = cuda_layers_load(&b->device, net, b->vendor != NULL, &w->layers);
        cuda_leave(&b->device);
    }
    if (rc)
        free(w);
    else
        *out = w;
    return rc;
}

static int cuda_upload(struct backend *b, const uint8_t *pixels, ptrdiff_t pitch, int width,
                       int height, struct backend_pixels *out) {
    int rc = cuda_enter(&b->device);
    if (rc) return rc;
    out->owner = b;
    rc = cuda_shelf_upload(&b->device, &b->shelf, pixels, pitch, width, height, out);
    cuda_leave(&b->device);
    return rc;
}

static void cuda_forget(struct backend *b, const struct backend_pixels *pixels) {
    if (cuda_enter(&b->device)) return; /* the device is gone, and its memory with it */
    cuda_shelf_forget(&b->device, &b->shelf, pixels);
    cuda_leave(&b->device);
}

static int cuda_wait(struct backend_plan *p) {
    (void)p;
    return MIEN_OK;
}

/* A GPU wants batches. */
static int cuda_lanes(const struct backend *b) {
    (void)b;
    return 0;
}

static int cuda_reserve(struct backend_plan *p, int count) {
    (void)p;
    (void)count;
    return MIEN_OK;
}

static void cuda_each(struct backend *b, int count, backend_item *fn, void *context) {
    (void)b;
    for (int i = 0; i < count; i++) fn(context, i, 0);
}

static void cuda_close(struct backend *b, struct backend_weights *w, struct backend_plan *p) {
    const struct backend *owner = b ? b : w ? w->backend : p ? p->backend : NULL;
    if (!owner) return;
    if (cuda_enter(&owner->device) == MIEN_OK) {
        if (p) cuda_plan_free(p);
        if (w) cuda_layers_free(&w->backend->device, &w->layers);
        if (b) cuda_shelf_close(&b->device, &b->shelf);
        if (b) cuda_vendor_close(b->vendor);
        cuda_leave(&owner->device);
    }
    free(w);
    if (b) cuda_tuning_close(&b->tuning);
    if (b) cuda_device_close(&b->device);
    free(b);
}

static const char *cuda_describe(const struct backend *b) {
    return b->text;
}

static void cuda_sizes(const struct backend_weights *w, const struct backend_plan *p,
                       struct backend_sizes *out) {
    out->weight_bytes = w ? w->layers.bytes : 0;
    out->arena_bytes = p ? p->graph->arena_bytes : 0;
    out->scratch_bytes = p ? p->scratch.partial + p->scratch.arrived + p->scratch.workspace +
                                 sizeof(float) * cuda_output_values(p->graph)
                           : 0;
    out->run_bytes = out->kept_bytes = out->arena_bytes + out->scratch_bytes;
}

static const char *cuda_algorithm(const struct backend_plan *p, int step) {
    struct cuda_run shapes = cuda_plan_shapes(p);
    return cuda_step_kernel(&shapes, step);
}

const struct backend_ops cuda_backend = {
    .name = "cuda",
    .rules = &cuda_plan_rules,
    .batch = 32,
    .open = cuda_open,
    .supports = cuda_supports,
    .load = cuda_load,
    .plan = cuda_plan,
    .run = cuda_run_plan,
    .wait = cuda_wait,
    .run_post = cuda_run_post,
    .upload = cuda_upload,
    .forget = cuda_forget,
    .time = cuda_time,
    .lanes = cuda_lanes,
    .reserve = cuda_reserve,
    .each = cuda_each,
    .close = cuda_close,
    .kernels = cuda_kernels,
    .describe = cuda_describe,
    .sizes = cuda_sizes,
    .algorithm = cuda_algorithm,
};
