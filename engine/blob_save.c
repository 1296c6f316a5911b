/* Writing a blob: what a calibration adds to one. */
#include "engine/blob.h"
#include "engine/err.h"
#include "engine/json_text.h"
#include "engine/replace.h"
#include "mien.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The tensors of the new file in the order of their data. */
struct list {
    const struct blob_tensor **tensors;
    int count;
};

/* The blob's own tensors of a type that stay. */
static void add_kept(const struct blob *b, const char *prefix, enum blob_type type,
                     struct list *out) {
    for (int i = 0; i < blob_count(b); i++) {
        const struct blob_tensor *t = blob_at(b, i);
        if (t->type == type && strncmp(t->name, prefix, strlen(prefix)) != 0)
            out->tensors[out->count++] = t;
    }
}

static int gather(const struct blob *b, const char *prefix, const struct blob_tensor *extra, int n,
                  struct list *out) {
    out->count = 0;
    out->tensors = malloc(sizeof *out->tensors * (size_t)(blob_count(b) + n));
    if (!out->tensors) return -1;
    for (int i = 0; i < n; i++) out->tensors[out->count++] = &extra[i];
    add_kept(b, prefix, BLOB_F32, out);
    add_kept(b, prefix, BLOB_F16, out); /* an odd number of them would leave floats askew */
    return 0;
}

static json_t *describe(const struct blob_tensor *t, size_t *offset) {
    json_t *shape = json_array();
    int failed = 0;
    for (int d = 0; d < t->dims; d++)
        failed |= json_array_append_new(shape, json_integer(t->shape[d]));
    if (failed) {
        json_decref(shape);
        return NULL;
    }
    size_t begin = *offset;
    *offset += blob_stored_bytes(t);
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", blob_type_name(t->type), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)*offset);
}

/* Not json_deep_copy(), which leaves out what there is no memory for. */
static json_t *copy_metadata(const struct blob *b) {
    json_t *copy = json_object(), *value;
    const char *key;
    int failed = 0;
    json_object_foreach((json_t *)blob_metadata(b), key, value) {
        failed |= json_object_set_new(copy, key, json_string(json_string_value(value)));
    }
    if (!failed) return copy;
    json_decref(copy);
    return NULL;
}

/* The header, padded as the format wants; malloc'ed. NULL where memory ran out: a header without
 * one of its parts would be another network's. */
static char *header_of(const struct blob *b, const struct list *l, size_t *size) {
    json_t *root = json_object();
    size_t offset = 0;
    int failed = json_object_set_new(root, "__metadata__", copy_metadata(b));
    for (int i = 0; i < l->count; i++)
        failed |= json_object_set_new(root, l->tensors[i]->name, describe(l->tensors[i], &offset));
    size_t length;
    char *text = failed ? NULL : json_written(root, JSON_COMPACT, &length);
    json_decref(root);
    if (!text) return NULL;
    *size = (length + 7) & ~(size_t)7;
    char *padded = realloc(text, *size + 1);
    if (padded)
        memset(padded + length, ' ', *size - length);
    else
        free(text);
    return padded;
}

static int write_tensor(int fd, const struct blob *b, const struct blob_tensor *t) {
    /* the caller's own are in memory */
    int of_blob = blob_find(b, t->name) == t, rc = of_blob ? blob_acquire(b, t) : MIEN_OK;
    const void *bytes = t->data;
    if (rc) return rc;
    if (t->type == BLOB_F16) rc = blob_stored(b, t, &bytes);
    if (!rc) rc = replace_write(fd, bytes, blob_stored_bytes(t));
    if (of_blob) blob_release(b, t);
    return rc;
}

static int write_parts(int fd, const struct blob *b, const struct list *l, const char *header,
                       size_t size) {
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)size >> (8 * i));
    int rc = replace_write(fd, length, sizeof length);
    if (!rc) rc = replace_write(fd, header, size);
    for (int i = 0; !rc && i < l->count; i++) rc = write_tensor(fd, b, l->tensors[i]);
    if (!rc) rc = blob_check(b);
    if (!rc && fsync(fd) != 0) rc = err_set(MIEN_EIO, "%s", strerror(errno));
    return rc;
}

static int replace_file(const char *path, const struct blob *b, const struct list *l,
                        const char *header, size_t size) {
    struct replace r;
    int rc = replace_begin(path, &r);
    if (!rc) rc = replace_end(&r, write_parts(r.fd, b, l, header, size));
    return rc ? err_prefix(rc, "%s: cannot write", path) : MIEN_OK;
}

int blob_save(const struct blob *b, const char *path, const char *prefix,
              const struct blob_tensor *tensors, int n) {
    struct list l;
    size_t size;
    if (gather(b, prefix, tensors, n, &l) != 0)
        return err_set(MIEN_ENOMEM, "%s: out of memory", path);
    char *header = header_of(b, &l, &size);
    int rc = header ? replace_file(path, b, &l, header, size)
                    : err_set(MIEN_ENOMEM, "%s: out of memory", path);
    free(header);
    free(l.tensors);
    return rc;
}
