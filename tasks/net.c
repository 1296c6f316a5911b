/* Loading networks and keeping their plans. */
#include "engine/err.h"
#include "models/models.h"
#include "tasks/tasks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Plans that are kept: some of any size, and more as long as all are small. Making one takes a
 * millisecond or two, and pictures of a folder or a server come in any number of shapes. */
enum { KEPT_PLANS = 6 };
#define KEPT_BYTES ((size_t)256 << 20)

/* ----------------------------------------------------------------- loading */

static int find_file(const mien_ctx *ctx, const char *name, char **path) {
    size_t n = strlen(name);
    const char *suffix = ".safetensors";
    if (strchr(name, '/') ||
        (n > strlen(suffix) && strcmp(name + n - strlen(suffix), suffix) == 0)) {
        *path = strdup(name);
        return *path ? MIEN_OK : err_set(MIEN_ENOMEM, "%s: out of memory", name);
    }
    if (asprintf(path, "%s/%s%s", ctx->weights_dir, name, suffix) < 0) {
        *path = NULL;
        return err_set(MIEN_ENOMEM, "%s: out of memory", name);
    }
    if (access(*path, F_OK) == 0) return MIEN_OK;
    free(*path);
    *path = NULL;
    return err_set(MIEN_EIO, "no network called '%s' in %s: %s", name, ctx->weights_dir,
                   strerror(errno));
}

/* A metadata value that must be a JSON array of n strings where it is there at all. */
static int read_strings(const struct blob *b, const char *key, int n, json_t **out) {
    const char *text = blob_meta(b, key);
    if (!text) return MIEN_OK;
    json_t *a = json_loads(text, 0, NULL);
    int good = json_is_array(a) && json_array_size(a) == (size_t)n;
    for (int i = 0; good && i < n; i++) good = json_is_string(json_array_get(a, (size_t)i));
    if (!good) {
        json_decref(a);
        return err_set(MIEN_EWEIGHTS, "%s: metadata %s is not a list of %d names", blob_label(b),
                       key, n);
    }
    *out = a;
    return MIEN_OK;
}

static int read_preprocess(struct mien_net *net) {
    const char *text = blob_meta(net->blob, "preprocess");
    json_t *j = json_loads(text ? text : "{}", 0, NULL);
    const char *crop = json_string_value(json_object_get(j, "crop"));
    json_t *margin = json_object_get(j, "margin"), *side = json_object_get(j, "short_side");
    int good = json_is_object(j);
    if (net->info.task == MIEN_TASK_CLASSIFY) {
        net->short_side = (int)json_integer_value(side);
        good = good && net->short_side >= net->info.width && net->short_side <= 8192;
    } else if (net->info.task == MIEN_TASK_AGE_GENDER) {
        net->crop_aligned = crop && strcmp(crop, "aligned") == 0;
        net->crop_margin = (float)json_number_value(margin);
        good = good && crop && (net->crop_aligned || strcmp(crop, "box") == 0) &&
               net->crop_margin >= 0 && net->crop_margin <= 4;
    }
    json_decref(j);
    return good ? MIEN_OK
                : err_set(MIEN_EWEIGHTS, "%s: metadata preprocess does not fit the task",
                          blob_label(net->blob));
}

/* A detector's outputs must have the channels its anchors say. */
static int check_detector(struct mien_net *net) {
    int rc = anchor_spec_from_json(net->info.arch, blob_meta(net->blob, "variant"), &net->anchors);
    if (rc) return err_prefix(rc, "%s", blob_label(net->blob));
    for (int l = 0; l < net->anchors.levels; l++) {
        static const struct {
            const char *name;
            int values, optional;
        } heads[] = {{"score", 1, 0}, {"box", 4, 0}, {"landmark", 10, 1}};
        for (int h = 0; h < 3; h++) {
            char name[32];
            snprintf(name, sizeof name, "%s_%d", heads[h].name, net->anchors.level[l].stride);
            int i = tasks_output(net, name);
            if (i < 0 && heads[h].optional) continue;
            if (i < 0 || net_channels(net->net, net->net->outputs[i].value) !=
                             heads[h].values * net->anchors.level[l].anchors)
                return err_set(MIEN_EWEIGHTS, "%s: output %s does not fit the anchors",
                               blob_label(net->blob), name);
        }
    }
    return MIEN_OK;
}

static int check_outputs(struct mien_net *net) {
    int channels = net_channels(net->net, net->net->outputs[0].value);
    net->info.dynamic_size = net->net->dynamic_size;
    net->info.width = net->net->input_width;
    net->info.height = net->net->input_height;
    if (net->net->noutputs > TASKS_MAX_OUTPUTS)
        return err_set(MIEN_EWEIGHTS, "%s: %d outputs, at most %d are possible",
                       blob_label(net->blob), net->net->noutputs, TASKS_MAX_OUTPUTS);
    switch (net->info.task) {
    case MIEN_TASK_DETECT: return check_detector(net);
    case MIEN_TASK_CLASSIFY: net->info.classes = channels; break;
    case MIEN_TASK_EMBED: net->info.embedding_size = channels; break;
    case MIEN_TASK_AGE_GENDER:
        if (tasks_output(net, "fc1") < 0 &&
            (tasks_output(net, "age") < 0 || tasks_output(net, "gender") < 0))
            return err_set(MIEN_EWEIGHTS, "%s: not an age-gender network", blob_label(net->blob));
        break;
    }
    static const char *const outputs[] = {
        [MIEN_TASK_CLASSIFY] = "prob", [MIEN_TASK_EMBED] = "embedding"};
    const char *expected = net->info.task == MIEN_TASK_AGE_GENDER ? NULL : outputs[net->info.task];
    if (expected && strcmp(net->net->outputs[0].name, expected) != 0)
        return err_set(MIEN_EWEIGHTS, "%s: metadata task does not fit arch '%s'",
                       blob_label(net->blob), net->info.arch);
    return MIEN_OK;
}

static int load(struct mien_net *net, const char *path) {
    int rc = blob_open(path, &net->blob);
    if (!rc) rc = tasks_blob_info(net->blob, &net->info);
    if (!rc) rc = models_build(net->blob, &net->net);
    if (!rc) rc = check_outputs(net);
    if (!rc) rc = read_preprocess(net);
    if (!rc) rc = read_strings(net->blob, "labels", net->info.classes, &net->labels);
    if (!rc) rc = read_strings(net->blob, "wnids", net->info.classes, &net->wnids);
    if (!rc) {
        struct precision_support support;
        net->ctx->ops->supports(net->ctx->backend, &support);
        rc = precision_assign(net->net, net->ctx->precision, &support);
    }
    if (!rc) rc = net->ctx->ops->load(net->ctx->backend, net->net, &net->weights);
    return rc;
}

int mien_net_load(mien_ctx *ctx, const char *name_or_path, mien_net **out) {
    *out = NULL;
    char *path;
    int rc = find_file(ctx, name_or_path, &path);
    if (rc) return rc;
    struct mien_net *net = calloc(1, sizeof *net);
    if (!net) {
        free(path);
        return err_set(MIEN_ENOMEM, "%s: out of memory", name_or_path);
    }
    net->ctx = ctx;
    pthread_mutex_init(&net->lock, NULL);
    rc = load(net, path);
    free(path);
    if (rc) {
        mien_net_free(net);
        return rc;
    }
    *out = net;
    return MIEN_OK;
}

static void free_net_plan(struct mien_net *net, struct net_plan *p) {
    while (p->idle) {
        struct tasks_set *next = p->idle->next;
        tasks_set_free(p->idle, net->net->noutputs);
        p->idle = next;
    }
    net->ctx->ops->close(NULL, NULL, p->plan);
    plan_free(p->graph);
    free(p);
}

void tasks_plans_drop(struct mien_net *net) {
    while (net->plans) {
        struct net_plan *next = net->plans->next;
        free_net_plan(net, net->plans);
        net->plans = next;
    }
}

void mien_net_free(mien_net *net) {
    if (!net) return;
    tasks_plans_drop(net);
    calibration_free(net->calibration);
    net->ctx->ops->close(NULL, net->weights, NULL);
    json_decref(net->labels);
    json_decref(net->wnids);
    net_free(net->net);
    blob_close(net->blob);
    pthread_mutex_destroy(&net->lock);
    free(net);
}

int mien_net_info_get(const mien_net *net, mien_net_info *info) {
    *info = net->info;
    return MIEN_OK;
}

static const char *string_at(const json_t *list, int i) {
    return i < 0 ? NULL : json_string_value(json_array_get(list, (size_t)i));
}

const char *mien_class_label(const mien_net *net, int i) {
    return string_at(net->labels, i);
}

const char *mien_class_wnid(const mien_net *net, int i) {
    return string_at(net->wnids, i);
}

int tasks_check(const struct mien_net *net, enum mien_task task) {
    static const char *const verbs[] = {[MIEN_TASK_CLASSIFY] = "classify pictures",
                                        [MIEN_TASK_DETECT] = "detect faces",
                                        [MIEN_TASK_EMBED] = "embed faces",
                                        [MIEN_TASK_AGE_GENDER] = "tell age and gender"};
    if (net->info.task == task) return MIEN_OK;
    return err_set(MIEN_EINVAL, "network '%s' does not %s; it can %s", net->info.name, verbs[task],
                   verbs[net->info.task]);
}

int tasks_output(const struct mien_net *net, const char *name) {
    for (int i = 0; i < net->net->noutputs; i++)
        if (strcmp(net->net->outputs[i].name, name) == 0) return i;
    return -1;
}

/* ------------------------------------------------------------------- plans */

static size_t plan_bytes(const struct mien_net *net, const struct net_plan *p) {
    int lanes = net->ctx->ops->lanes(net->ctx->backend);
    struct backend_sizes sizes;
    net->ctx->ops->sizes(net->weights, p->plan, &sizes);
    return sizes.arena_bytes * (size_t)(p->batch == 1 && lanes > 1 ? lanes : 1);
}

static int make_plan(struct mien_net *net, int batch, int width, int height,
                     struct net_plan **out) {
    struct net_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(MIEN_ENOMEM, "out of memory");
    p->batch = batch;
    p->width = width;
    p->height = height;
    int rc = plan_make(net->net, net->ctx->ops->rules, batch, width, height, &p->graph);
    if (!rc) rc = net->ctx->ops->plan(net->ctx->backend, net->weights, p->graph, &p->plan);
    if (rc) {
        free_net_plan(net, p);
        return rc;
    }
    p->bytes = plan_bytes(net, p);
    *out = p;
    return MIEN_OK;
}

/* Drops the plan longest unused where there are too many; 1 where it did. */
static int trim_plans(struct mien_net *net) {
    int n = 0;
    size_t bytes = 0;
    struct net_plan **oldest = NULL;
    for (struct net_plan **p = &net->plans; *p; p = &(*p)->next, n++) {
        bytes += (*p)->bytes;
        if ((*p)->users == 0 && (!oldest || (*p)->used < (*oldest)->used)) oldest = p;
    }
    if (n <= KEPT_PLANS || bytes <= KEPT_BYTES || !oldest) return 0;
    struct net_plan *p = *oldest;
    *oldest = p->next;
    free_net_plan(net, p);
    return 1;
}

int tasks_plan_acquire(struct mien_net *net, int batch, int width, int height, struct net_plan **out) {
    *out = NULL;
    int rc = MIEN_OK;
    pthread_mutex_lock(&net->lock);
    struct net_plan *p = net->plans;
    while (p && (p->batch != batch || p->width != width || p->height != height)) p = p->next;
    if (!p && !(rc = make_plan(net, batch, width, height, &p))) {
        p->next = net->plans;
        net->plans = p;
    }
    if (!rc) {
        p->users++;
        p->used = ++net->tick;
        while (trim_plans(net)) continue;
        *out = p;
    }
    pthread_mutex_unlock(&net->lock);
    return rc;
}

void tasks_plan_release(struct mien_net *net, struct net_plan *p) {
    pthread_mutex_lock(&net->lock);
    p->users--;
    pthread_mutex_unlock(&net->lock);
}

size_t tasks_output_count(const struct net_plan *p, int i) {
    const struct plan_view *v = &p->graph->outputs[i];
    return (size_t)p->batch * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}
