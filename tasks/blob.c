/* What a blob says of itself, for those who do not want to run it. */
#include "engine/err.h"
#include "tasks/tasks.h"

#include <stdlib.h>
#include <string.h>

struct mien_blob {
    struct blob *blob;
};

static const char *text_or_empty(const struct blob *b, const char *key) {
    const char *s = blob_meta(b, key);
    return s ? s : "";
}

static int task_of(const struct blob *b, enum mien_task *task) {
    static const struct {
        const char *name;
        enum mien_task task;
    } tasks[] = {{"classify", MIEN_TASK_CLASSIFY},
                 {"detect", MIEN_TASK_DETECT},
                 {"embed", MIEN_TASK_EMBED},
                 {"age_gender", MIEN_TASK_AGE_GENDER}};
    const char *s = text_or_empty(b, "task");
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (strcmp(s, tasks[i].name) == 0) {
            *task = tasks[i].task;
            return MIEN_OK;
        }
    return err_set(MIEN_EWEIGHTS, "%s: metadata task '%s' is not one this version knows",
                   blob_label(b), s);
}

/* Rows of the last fully connected layer: embedding values or classes. */
static int last_rows(const struct blob *b) {
    const struct blob_tensor *t = blob_find(b, "fc.weight");
    if (!t) t = blob_find(b, "linear.weight");
    return t && t->dims == 2 ? (int)t->shape[0] : 0;
}

int tasks_blob_info(const struct blob *b, mien_net_info *info) {
    memset(info, 0, sizeof *info);
    int rc = task_of(b, &info->task);
    if (rc) return rc;
    info->name = text_or_empty(b, "name");
    info->arch = text_or_empty(b, "arch");
    info->licence = text_or_empty(b, "licence");
    info->source = text_or_empty(b, "source");
    info->accuracy = text_or_empty(b, "accuracy");
    info->calibrated = precision_calibrated(b);
    info->file_bytes = blob_size(b);
    for (int i = 0; i < blob_count(b); i++)
        if (!precision_range(blob_at(b, i))) info->parameters += blob_at(b, i)->count;
    json_t *input = json_loads(text_or_empty(b, "input"), 0, NULL);
    info->width = (int)json_integer_value(json_object_get(input, "width"));
    info->height = (int)json_integer_value(json_object_get(input, "height"));
    json_decref(input);
    info->dynamic_size = info->task == MIEN_TASK_DETECT || info->task == MIEN_TASK_CLASSIFY;
    if (info->task == MIEN_TASK_EMBED) info->embedding_size = last_rows(b);
    if (info->task == MIEN_TASK_CLASSIFY) info->classes = last_rows(b);
    return MIEN_OK;
}

int mien_blob_open(const char *path, mien_blob **out) {
    *out = NULL;
    mien_blob *b = calloc(1, sizeof *b);
    if (!b) return err_set(MIEN_ENOMEM, "%s: out of memory", path);
    int rc = blob_open(path, &b->blob);
    if (rc)
        free(b);
    else
        *out = b;
    return rc;
}

void mien_blob_close(mien_blob *b) {
    if (!b) return;
    blob_close(b->blob);
    free(b);
}

int mien_blob_info(const mien_blob *b, mien_net_info *info) {
    return tasks_blob_info(b->blob, info);
}

const char *mien_blob_meta(const mien_blob *b, const char *key) {
    return blob_meta(b->blob, key);
}

int mien_blob_tensors(const mien_blob *b) {
    return blob_count(b->blob);
}

int mien_blob_tensor_at(const mien_blob *b, int i, mien_blob_tensor *t) {
    const struct blob_tensor *x = blob_at(b->blob, i);
    memset(t, 0, sizeof *t);
    if (!x) return err_set(MIEN_EINVAL, "%s: no tensor %d", blob_label(b->blob), i);
    t->name = x->name;
    t->dtype = "F32";
    t->dims = x->dims;
    for (int d = 0; d < x->dims; d++) t->shape[d] = x->shape[d];
    return MIEN_OK;
}
