/* What a blob says of itself, for those who do not want to run it. */
#include "engine/err.h"
#include "engine/sized.h"
#include "tasks/net.h"

#include <errno.h>
#include <stdlib.h>

struct mien_blob {
    struct blob *blob;
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
    mien_blob_tensor own = {.name = x->name, .dtype = "F32", .dims = x->dims};
    for (int d = 0; d < x->dims; d++) own.shape[d] = x->shape[d];
    return sized_write(t, &own, sizeof own, "mien_blob_tensor");
}
