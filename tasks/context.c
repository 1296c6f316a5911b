#include "tasks/context.h"

#include "engine/cgroup.h"
#include "engine/err.h"
#include "engine/pool.h"
#include "engine/sized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mien_version(void) {
    return MIEN_VERSION;
}

const char *mien_error(void) {
    return err_text();
}

const char *mien_strerror(int code) {
    switch (code) {
    case MIEN_OK: return "ok";
    case MIEN_EINVAL: return "invalid argument";
    case MIEN_ENOMEM: return "out of memory";
    case MIEN_EIO: return "file error";
    case MIEN_EFORMAT: return "broken picture";
    case MIEN_EWEIGHTS: return "broken weights";
    case MIEN_EUNSUPPORTED: return "not supported";
    case MIEN_EDEVICE: return "device not available";
    case MIEN_ETOOBIG: return "too big";
    default: return "unknown error";
    }
}

void mien_options_default(mien_options *opt, size_t size) {
    if (!opt || size < sizeof opt->struct_size) return;
    memset(opt, 0, size);
    opt->struct_size = size;
}

const char *mien_backend_at(int i) {
    static const enum mien_device devices[] = {MIEN_DEVICE_CPU, MIEN_DEVICE_CUDA};
    for (size_t d = 0; d < sizeof devices / sizeof devices[0]; d++) {
        const struct backend_ops *ops = backend_find(devices[d]);
        for (int k = 0; ops && ops->kernels(k); k++)
            if (i-- == 0) return ops->kernels(k);
    }
    return NULL;
}

int mien_cores(void) {
    return pool_cores();
}

size_t mien_memory(void) {
    return cgroup_memory();
}

/* Joins a folder and a name; NULL without memory. */
static char *join(const char *dir, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static char *default_weights_dir(void) {
    const char *dir = getenv("MIEN_WEIGHTS");
    if (dir && *dir) return strdup(dir);
    dir = getenv("XDG_DATA_HOME");
    if (dir && *dir) return join(dir, "mien");
    dir = getenv("HOME");
    return join(dir && *dir ? dir : "", ".local/share/mien");
}

/* What plans may keep between calls: enough for a few pictures of ordinary sizes on each core. */
enum { KEEP = 256 << 20, KEEP_A_LANE = 64 << 20 };
#define KEEP_ON_DEVICE ((size_t)2 << 30)

/* Plans of a device lie in its memory, which is another than what `memory` is about. */
static void init_plans(mien_ctx *ctx, size_t memory) {
    size_t lanes = (size_t)ctx->ops->lanes(ctx->backend), keep = lanes * KEEP_A_LANE;
    if (ctx->ops->upload)
        plan_cache_init(&ctx->plans, ctx->ops, ctx->backend, SIZE_MAX, KEEP_ON_DEVICE);
    else
        plan_cache_init(&ctx->plans, ctx->ops, ctx->backend, memory, keep > KEEP ? keep : KEEP);
}

static int check_options(const mien_options *o) {
    if (o->threads < 0) return err_set(MIEN_EINVAL, "%d threads; at least 1 is needed", o->threads);
    if (o->precision < MIEN_FP32 || o->precision > MIEN_FP16)
        return err_set(MIEN_EINVAL, "there is no precision %d", (int)o->precision);
    if (o->device < MIEN_DEVICE_CPU || o->device > MIEN_DEVICE_CUDA)
        return err_set(MIEN_EINVAL, "there is no kind of device %d", (int)o->device);
    if (o->device_index < 0 || (o->device == MIEN_DEVICE_CPU && o->device_index > 0))
        return err_set(MIEN_EINVAL, "there is no device %d of that kind", o->device_index);
    if (o->no_pack_cache < 0 || o->no_pack_cache > 1)
        return err_set(MIEN_EINVAL, "no_pack_cache is %d; it is 0 or 1", o->no_pack_cache);
    return MIEN_OK;
}

int mien_open(const mien_options *opt, mien_ctx **out) {
    if (!out) return err_null("mien_open");
    *out = NULL;
    mien_options o = {.struct_size = sizeof o};
    int rc = sized_read(&o, sizeof o, opt, "mien_options");
    if (rc) return rc;
    rc = check_options(&o);
    if (rc) return rc;
    const struct backend_ops *ops = backend_find(o.device);
    if (!ops)
        return err_set(MIEN_EDEVICE, "this build of mien has no %s backend",
                       o.device == MIEN_DEVICE_CUDA ? "CUDA" : "such");
    mien_ctx *ctx = calloc(1, sizeof *ctx);
    if (ctx) ctx->weights_dir = o.weights_dir ? strdup(o.weights_dir) : default_weights_dir();
    if (!ctx || !ctx->weights_dir) {
        free(ctx);
        return err_set(MIEN_ENOMEM, "out of memory");
    }
    ctx->ops = ops;
    atomic_init(&ctx->holders, 1);
    ctx->precision = o.precision;
    size_t memory = o.memory ? o.memory : cgroup_memory() / 2;
    struct backend_options b = {.device_index = o.device_index,
                                .threads = o.threads,
                                .precision = o.precision,
                                .kernels = o.backend,
                                .use_cache = !o.no_pack_cache};
    rc = ops->open(&b, &ctx->backend);
    if (rc) {
        free(ctx->weights_dir);
        free(ctx);
        return rc;
    }
    init_plans(ctx, memory);
    pthread_mutex_init(&ctx->nets_lock, NULL);
    *out = ctx;
    return MIEN_OK;
}

void context_acquire(mien_ctx *ctx) {
    atomic_fetch_add(&ctx->holders, 1);
}

void context_release(mien_ctx *ctx) {
    if (atomic_fetch_sub(&ctx->holders, 1) > 1) return;
    plan_cache_destroy(&ctx->plans);
    pthread_mutex_destroy(&ctx->nets_lock);
    ctx->ops->close(ctx->backend, NULL, NULL);
    free(ctx->weights_dir);
    free(ctx);
}

void mien_close(mien_ctx *ctx) {
    if (ctx) context_release(ctx);
}

size_t mien_memory_used(mien_ctx *ctx) {
    return ctx ? plan_cache_bytes(&ctx->plans) : 0;
}

const char *mien_weights_dir(const mien_ctx *ctx) {
    return ctx ? ctx->weights_dir : NULL;
}

const char *mien_backend_name(const mien_ctx *ctx) {
    return ctx ? ctx->ops->describe(ctx->backend) : NULL;
}
