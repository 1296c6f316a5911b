/* Networks: loaded, described, freed. */
#include "engine/err.h"
#include "engine/ranges.h"
#include "engine/sized.h"
#include "models/models.h"
#include "tasks/backbone.h"
#include "tasks/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *text_or_empty(const struct blob *b, const char *key) {
    const char *s = blob_meta(b, key);
    return s ? s : "";
}

/* What the metadata alone says. */
static int read_info(struct mien_net *net) {
    const struct blob *b = net->blob;
    const char *name = text_or_empty(b, "task"), *license = blob_meta(b, "license");
    mien_net_info *info = &net->info;
    net->task = task_named(name);
    if (!net->task)
        return err_set(MIEN_EWEIGHTS, "%s: metadata task '%s' is not one this version knows",
                       blob_label(b), name);
    *info = (mien_net_info){.struct_size = sizeof *info,
                            .name = text_or_empty(b, "name"),
                            .arch = text_or_empty(b, "arch"),
                            .task = task_id(net->task),
                            .license = license ? license : text_or_empty(b, "licence"),
                            .source = text_or_empty(b, "source"),
                            .accuracy = text_or_empty(b, "accuracy"),
                            .features_of = text_or_empty(b, "features_of"),
                            .calibrated = ranges_has(b),
                            .file_bytes = blob_size(b)};
    for (int i = 0; i < blob_count(b); i++)
        if (!ranges_is(blob_at(b, i))) info->parameters += blob_at(b, i)->count;
    return MIEN_OK;
}

static int open_task(struct mien_net *net) {
    net->info.dynamic_size = net->net->dynamic_size;
    net->info.width = net->net->input_width;
    net->info.height = net->net->input_height;
    net->info.channels = net->net->features ? net->net->features : 3;
    if (!net->net->features != !*net->info.features_of)
        return err_set(MIEN_EWEIGHTS,
                       "%s: metadata features_of and an input of FEATURES go together",
                       blob_label(net->blob));
    if (net->net->features && net->task->result != MIEN_RESULT_ATTRIBUTES)
        return err_set(MIEN_EWEIGHTS, "%s: networks that read features tell attributes of faces",
                       blob_label(net->blob));
    if (net->net->noutputs > NET_MAX_OUTPUTS)
        return err_set(MIEN_EWEIGHTS, "%s: %d outputs, at most %d are possible",
                       blob_label(net->blob), net->net->noutputs, NET_MAX_OUTPUTS);
    net->state = calloc(1, net->task->state_size + 1);
    if (!net->state) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    return net->task->open(net);
}

int net_describe(struct mien_net *net) {
    int rc = read_info(net);
    if (!rc) rc = models_shape(net->blob, &net->net);
    return rc ? rc : open_task(net);
}

void net_forget(struct mien_net *net) {
    if (net->state && net->task->close) net->task->close(net->state);
    free(net->state);
    attribute_list_free(net->attributes);
    net_free(net->net);
    net->state = NULL;
    net->attributes = NULL;
    net->net = NULL;
}

static int load(struct mien_net *net, const char *path) {
    struct precision_support support;
    int rc = blob_open(path, &net->blob);
    if (!rc) rc = read_info(net);
    if (!rc) rc = models_build(net->blob, &net->net);
    if (!rc) rc = open_task(net);
    if (rc) return rc;
    net->ctx->ops->supports(net->ctx->backend, &support);
    rc = precision_assign(net->net, net->ctx->precision, &support);
    if (!rc) rc = net->ctx->ops->load(net->ctx->backend, net->net, &net->weights);
    if (!rc) rc = blob_check(net->blob);
    if (rc || !net->net->features) return rc;
    return net->by_program ? backbone_attach(net)
                           : err_set(MIEN_EWEIGHTS, "%s: it reads features itself", path);
}

static int load_new(mien_ctx *ctx, const char *path, int by_program, struct mien_net **out) {
    struct mien_net *net = calloc(1, sizeof *net);
    *out = NULL;
    if (!net) return err_set(MIEN_ENOMEM, "%s: out of memory", path);
    net->ctx = ctx;
    net->holders = 1;
    net->by_program = by_program;
    context_acquire(ctx);
    pthread_mutex_init(&net->making, NULL);
    pthread_mutex_init(&net->lock, NULL);
    errno = 0;
    int rc = err_if_memory(load(net, path), MIEN_EWEIGHTS, path);
    if (rc) {
        net_release(net, by_program);
        return rc;
    }
    backbone_add(net);
    *out = net;
    return MIEN_OK;
}

int net_load(mien_ctx *ctx, const char *name_or_path, int by_program, struct mien_net **out) {
    char *path;
    *out = NULL;
    int rc = net_find(ctx, name_or_path, &path);
    if (rc) return rc;
    if (by_program) *out = backbone_promote(ctx, path);
    if (!*out) rc = load_new(ctx, path, by_program, out);
    free(path);
    return rc;
}

int mien_net_load(mien_ctx *ctx, const char *name_or_path, mien_net **out) {
    if (!out) return err_null("mien_net_load");
    *out = NULL;
    if (!ctx || !name_or_path) return err_null("mien_net_load");
    char *names[2];
    int n, rc = pair_names(ctx, name_or_path, names, &n);
    if (rc) return rc;
    rc = n == 2 ? pair_load(ctx, names, out) : net_load(ctx, name_or_path, 1, out);
    for (int i = 0; i < n; i++) free(names[i]);
    return rc;
}

void net_release(struct mien_net *net, int by_program) {
    while (net && backbone_let_go(net, by_program)) {
        if (net->pair[0]) {
            pair_free(net);
            return;
        }
        struct mien_net *backbone = net->backbone;
        plans_drop(net);
        calibration_free(net->calibration);
        net->ctx->ops->close(NULL, net->weights, NULL);
        net_forget(net);
        blob_close(net->blob);
        free(net->room);
        pthread_mutex_destroy(&net->lock);
        pthread_mutex_destroy(&net->making);
        context_release(net->ctx);
        free(net);
        net = backbone; /* it was held for this one */
        by_program = 0;
    }
}

void mien_net_free(mien_net *net) {
    net_release(net, 1);
}

int mien_net_info_get(const mien_net *net, mien_net_info *info) {
    if (!net) return err_null("mien_net_info_get");
    return sized_write(info, &net->info, sizeof net->info, "mien_net_info");
}

int net_check_result(const struct mien_net *net, enum mien_result result, const char *verb) {
    if (net->task->result == result) return MIEN_OK;
    return err_set(MIEN_EINVAL, "network '%s' does not %s; it can %s", net->info.name, verb,
                   net->task->verb);
}

int net_output_index(const struct mien_net *net, const char *name) {
    for (int i = 0; i < net->net->noutputs; i++)
        if (strcmp(net->net->outputs[i].name, name) == 0) return i;
    return -1;
}

int net_output_channels(const struct mien_net *net, int i) {
    return net_channels(net->net, net->net->outputs[i].value);
}

int net_check_output(const struct mien_net *net, const char *name) {
    if (strcmp(net->net->outputs[0].name, name) == 0) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: metadata task does not fit arch '%s'", blob_label(net->blob),
                   net->info.arch);
}
