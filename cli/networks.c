#include "networks.h"

#include "common/faces.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *task_name(enum mien_task task) {
    switch (task) {
    case MIEN_TASK_CLASSIFY: return "classify";
    case MIEN_TASK_DETECT: return "detect";
    case MIEN_TASK_EMBED: return "embed";
    case MIEN_TASK_AGE_GENDER: return "age-gender";
    }
    return "unknown";
}

const char *precision_name(int precision) {
    static const char *const names[] = {
        [MIEN_FP32] = "fp32", [MIEN_BF16] = "bf16", [MIEN_INT8] = "int8", [MIEN_FP16] = "fp16"};

    return names[precision];
}

void machine_options(const struct options *opt, mien_options *o) {
    static const char *const backends[] = {
        [BACKEND_AUTO] = NULL,       [BACKEND_AMX] = "amx",    [BACKEND_AMX_BF16X3] = "amx-bf16x3",
        [BACKEND_AVX512] = "avx512", [BACKEND_AVX2] = "avx2",  [BACKEND_BLAS] = "blas",
        [BACKEND_C] = "c",           [BACKEND_MMA] = "mma",    [BACKEND_WGMMA] = "wgmma",
        [BACKEND_CUDNN] = "cudnn",   [BACKEND_PLAIN] = "plain"};

    mien_options_default(o);
    o->device = (enum mien_device)opt->device;
    o->device_index = opt->device_index;
    o->precision = (enum mien_precision)opt->precision;
    o->threads = opt->threads;
    o->weights_dir = opt->weights;
    o->backend = backends[opt->backend];
    o->no_pack_cache = opt->no_cache;
}

void detect_options(const struct options *opt, mien_detect_options *o) {
    mien_detect_options_default(o);
    o->threshold = faces_above_zero(opt->threshold);
    o->nms = faces_above_zero(opt->nms);
    o->size = opt->side;
    o->max_faces = opt->max_faces;
}

int context_open(const struct options *opt, mien_ctx **ctx) {
    mien_options o;

    machine_options(opt, &o);
    if (mien_open(&o, ctx) == MIEN_OK) return EXIT_OK;
    say("%s", mien_error());
    return EXIT_FAILED;
}

/* The rule of mien_net_load: what looks like a path is one. */
static int is_path(const char *name) {
    static const char extension[] = ".safetensors";
    size_t n = strlen(name), m = sizeof extension - 1;

    return strchr(name, '/') || (n >= m && strcmp(name + n - m, extension) == 0);
}

char *network_path(const mien_ctx *ctx, const char *name) {
    char *path;

    if (is_path(name)) return strdup(name);
    if (asprintf(&path, "%s/%s.safetensors", mien_weights_dir(ctx), name) < 0) return NULL;
    return path;
}

int say_network_error(const mien_ctx *ctx, const char *name) {
    char *path = is_path(name) ? NULL : network_path(ctx, name);

    if (path && access(path, F_OK) != 0)
        say("network %s is not installed in %s: run 'mien-weights fetch %s', or 'make demo' in the "
            "source tree for all the default ones",
            name, mien_weights_dir(ctx), name);
    else
        say("%s", mien_error());
    free(path);
    return EXIT_FAILED;
}

int network_load(mien_ctx *ctx, const char *name, mien_net **net) {
    *net = NULL;
    if (mien_net_load(ctx, name, net) == MIEN_OK) return EXIT_OK;
    return say_network_error(ctx, name);
}

int network_load_task(const struct options *opt, mien_ctx *ctx, const char *name,
                      enum mien_task task, const char *option, mien_net **net) {
    mien_net_info info;
    int status = network_load(ctx, name, net);

    if (status) return status;
    if (mien_net_info_get(*net, &info)) {
        say("%s", mien_error());
        status = EXIT_FAILED;
    } else if (info.task != task) {
        status = say_usage(opt->command_name, "--%s: %s is a network for %s, not for %s", option,
                           name, task_name(info.task), task_name(task));
    }
    if (status) {
        mien_net_free(*net);
        *net = NULL;
    }
    return status;
}
