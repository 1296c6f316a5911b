/* What a blob says of itself, for those who do not want to run it. */
#include "engine/err.h"
#include "engine/plan.h"
#include "engine/sized.h"
#include "engine/values.h"
#include "models/models.h"
#include "tasks/net.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mien_blob {
    struct blob *blob;
    mien_value *values; /* [nvalues], made when they are asked for */
    int nvalues;
};

int mien_blob_open(const char *path, mien_blob **out) {
    if (!out) return err_null("mien_blob_open");
    *out = NULL;
    if (!path) return err_null("mien_blob_open");
    mien_blob *b = calloc(1, sizeof *b);
    if (!b) return err_set(MIEN_ENOMEM, "%s: out of memory", path);
    errno = 0;
    int rc = err_if_memory(blob_open(path, &b->blob), MIEN_EWEIGHTS, path);
    if (rc)
        free(b);
    else
        *out = b;
    return rc;
}

void mien_blob_close(mien_blob *b) {
    if (!b) return;
    blob_close(b->blob);
    for (int i = 0; i < b->nvalues; i++) free((char *)(uintptr_t)b->values[i].name);
    free(b->values);
    free(b);
}

int mien_blob_info(const mien_blob *b, mien_net_info *info) {
    if (!b || !info) return err_null("mien_blob_info");
    struct mien_net net = {.blob = b->blob};
    errno = 0;
    int rc = err_if_memory(net_describe(&net), MIEN_EWEIGHTS, blob_label(b->blob));
    if (!rc) rc = sized_write(info, &net.info, sizeof net.info, "mien_net_info");
    net_forget(&net);
    return rc;
}

static int add_value(mien_blob *b, const struct net *net, const struct value_name *from) {
    mien_value *v = &b->values[b->nvalues];
    *v = (mien_value){.struct_size = sizeof *v};
    v->name = strndup(net->nodes[from->layer].name, from->length);
    if (!v->name) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(b->blob));
    b->nvalues++;
    return plan_value_shape(net, from->node, net->input_width, net->input_height, &v->height,
                            &v->width, &v->channels);
}

static int list_values(mien_blob *b) {
    struct net *net;
    int rc = models_build(b->blob, &net), n = 0;
    if (rc) return rc;
    struct value_name *names = values_list(net, &n);
    b->values = calloc((size_t)n + 1, sizeof *b->values);
    if (!names || !b->values) rc = err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(b->blob));
    for (int i = 0; i < n && !rc; i++) rc = add_value(b, net, &names[i]);
    free(names);
    net_free(net);
    return rc;
}

int mien_blob_value_at(mien_blob *b, int i, mien_value *value) {
    if (!b || !value) return err_null("mien_blob_value_at");
    errno = 0;
    int rc =
        b->values ? MIEN_OK : err_if_memory(list_values(b), MIEN_EWEIGHTS, blob_label(b->blob));
    if (rc) return rc;
    if (i < 0 || i >= b->nvalues)
        return err_set(MIEN_EINVAL, "%s: no value %d", blob_label(b->blob), i);
    return sized_write(value, &b->values[i], sizeof b->values[i], "mien_value");
}

const char *mien_blob_meta(const mien_blob *b, const char *key) {
    return b && key ? blob_meta(b->blob, key) : NULL;
}

int mien_blob_tensors(const mien_blob *b) {
    return b ? blob_count(b->blob) : 0;
}

int mien_blob_tensor_at(const mien_blob *b, int i, mien_blob_tensor *t) {
    if (!b || !t) return err_null("mien_blob_tensor_at");
    const struct blob_tensor *x = blob_at(b->blob, i);
    if (!x) return err_set(MIEN_EINVAL, "%s: no tensor %d", blob_label(b->blob), i);
    mien_blob_tensor own = {.name = x->name, .dtype = blob_type_name(x->type), .dims = x->dims};
    for (int d = 0; d < x->dims; d++) own.shape[d] = x->shape[d];
    return sized_write(t, &own, sizeof own, "mien_blob_tensor");
}
