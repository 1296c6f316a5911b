#include "engine/blob.h"

#include "engine/err.h"
#include "engine/hash.h"
#include "engine/json_text.h"
#include "mien.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 16 << 20, MAX_TENSORS = 65536 };

/* Tensors of at most that many values are always there: vectors, and small filters. */
enum { SMALL_TENSOR = 16 << 10 };

/* How many have acquired each tensor of a file. */
struct acquired {
    pthread_mutex_t lock;
    int users[];
};

struct blob {
    char *label;
    const uint8_t *bytes;
    size_t size;
    int from_file; /* bytes are those of source */
    struct blob_source source;
    struct acquired *acquired;
    json_t *root; /* parsed header; tensor names and metadata point into it */
    json_t *meta;
    struct blob_tensor *tensors; /* [count], sorted by name */
    int count;
};

static uint64_t read_u64le(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct blob_tensor *)a)->name, ((const struct blob_tensor *)b)->name);
}

static int by_address(const void *a, const void *b) {
    const struct blob_tensor *x = a, *y = b;
    return x->data < y->data ? -1 : x->data > y->data;
}

/* Reads one entry of the header into *t. data_size: bytes of the data section, which starts at
 * data. */
static int parse_tensor(const struct blob *b, const char *name, json_t *v, const uint8_t *data,
                        size_t data_size, struct blob_tensor *t) {
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    json_t *shape = json_object_get(v, "shape"), *offsets = json_object_get(v, "data_offsets");
    if (!dtype || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s lacks dtype, shape or data_offsets", b->label,
                       name);
    if (strcmp(dtype, "F32") != 0)
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s is %s, expected F32", b->label, name, dtype);
    size_t dims = json_array_size(shape);
    if (dims > BLOB_MAX_DIMS)
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s has %zu dimensions, at most %d are allowed",
                       b->label, name, dims, BLOB_MAX_DIMS);
    t->name = name;
    t->dims = (int)dims;
    t->count = 1;
    for (size_t i = 0; i < dims; i++) {
        json_t *d = json_array_get(shape, i);
        json_int_t n = json_is_integer(d) ? json_integer_value(d) : -1;
        if (n < 1 || (uint64_t)n > data_size / 4 / t->count)
            return err_set(MIEN_EWEIGHTS, "%s: tensor %s has a shape that does not fit the file",
                           b->label, name);
        t->shape[i] = n;
        t->count *= (size_t)n;
    }
    json_t *jb = json_array_get(offsets, 0), *je = json_array_get(offsets, 1);
    json_int_t begin = json_is_integer(jb) ? json_integer_value(jb) : -1;
    json_int_t end = json_is_integer(je) ? json_integer_value(je) : -1;
    if (begin < 0 || end < begin || (uint64_t)end > data_size)
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s lies outside the file", b->label, name);
    if ((uint64_t)(end - begin) != (uint64_t)t->count * 4 || begin % 4)
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s has data_offsets that do not match its shape",
                       b->label, name);
    t->data = (const float *)(const void *)(data + begin);
    return MIEN_OK;
}

static int check_overlap(struct blob *b) {
    qsort(b->tensors, (size_t)b->count, sizeof *b->tensors, by_address);
    for (int i = 1; i < b->count; i++)
        if (b->tensors[i - 1].data + b->tensors[i - 1].count > b->tensors[i].data)
            return err_set(MIEN_EWEIGHTS, "%s: tensors %s and %s overlap", b->label,
                           b->tensors[i - 1].name, b->tensors[i].name);
    return MIEN_OK;
}

/* Has n bytes at `at` in memory. */
static int need(const struct blob *b, size_t at, size_t n) {
    return b->from_file ? blob_source_read(&b->source, at, n) : MIEN_OK;
}

static int is_small(const struct blob_tensor *t) {
    return t->dims < 2 || t->count <= SMALL_TENSOR;
}

static size_t offset_of(const struct blob *b, const struct blob_tensor *t) {
    return (size_t)((const uint8_t *)t->data - b->bytes);
}

static int read_small(struct blob *b) {
    int rc = MIEN_OK;
    b->acquired = calloc(1, sizeof *b->acquired + (size_t)b->count * sizeof b->acquired->users[0]);
    if (!b->acquired) return err_set(MIEN_ENOMEM, "%s: out of memory", b->label);
    pthread_mutex_init(&b->acquired->lock, NULL);
    for (int i = 0; i < b->count && !rc; i++) {
        const struct blob_tensor *t = &b->tensors[i];
        if (is_small(t)) rc = need(b, offset_of(b, t), t->count * sizeof(float));
    }
    return rc;
}

/* The tensors of the header, which is in memory. */
static int parse_tensors(struct blob *b, const uint8_t *data, size_t data_size) {
    if (json_object_size(b->root) > MAX_TENSORS)
        return err_set(MIEN_EWEIGHTS, "%s: more than %d tensors", b->label, MAX_TENSORS);
    b->tensors = calloc(json_object_size(b->root) + 1, sizeof *b->tensors);
    if (!b->tensors) return err_set(MIEN_ENOMEM, "%s: out of memory", b->label);
    const char *key;
    json_t *value;
    json_object_foreach(b->root, key, value) {
        if (strcmp(key, "__metadata__") == 0) {
            b->meta = value;
            continue;
        }
        int rc = parse_tensor(b, key, value, data, data_size, &b->tensors[b->count]);
        if (rc) return rc;
        b->count++;
    }
    return MIEN_OK;
}

static int parse(struct blob *b) {
    if (b->size < 8)
        return err_set(MIEN_EWEIGHTS, "%s: %zu bytes is too short for a weights file", b->label,
                       b->size);
    int rc = need(b, 0, 8);
    if (rc) return rc;
    uint64_t header = read_u64le(b->bytes);
    if (header > b->size - 8 || header > MAX_HEADER || header % 4)
        return err_set(MIEN_EWEIGHTS,
                       "%s: not a safetensors file, or its header is cut off (header length %llu)",
                       b->label, (unsigned long long)header);
    rc = need(b, 8, (size_t)header);
    if (rc) return rc;
    json_error_t je;
    errno = 0;
    b->root = json_bytes(b->bytes + 8, (size_t)header,
                         JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &je);
    if (errno == ENOMEM) return err_set(MIEN_ENOMEM, "%s: out of memory", b->label);
    if (!json_is_object(b->root))
        return err_set(MIEN_EWEIGHTS, "%s: the header is not valid JSON: %s", b->label, je.text);
    const uint8_t *data = b->bytes + 8 + header;
    size_t data_size = b->size - 8 - (size_t)header;
    rc = parse_tensors(b, data, data_size);
    if (rc) return rc;
    const char *version = blob_meta(b, "mien");
    if (!version)
        return err_set(MIEN_EWEIGHTS, "%s: no mien metadata; convert it with weights_convert first",
                       b->label);
    if (strcmp(version, "1") != 0)
        return err_set(MIEN_EWEIGHTS, "%s: blob format %s, this version reads format 1", b->label,
                       version);
    rc = check_overlap(b);
    if (rc) return rc;
    qsort(b->tensors, (size_t)b->count, sizeof *b->tensors, by_name);
    return read_small(b);
}

static int finish(struct blob *b, struct blob **out) {
    int rc = parse(b);
    if (rc) {
        blob_close(b);
        return rc;
    }
    *out = b;
    return MIEN_OK;
}

static int new_blob(const char *label, struct blob **out) {
    *out = NULL;
    struct blob *b = calloc(1, sizeof *b);
    if (!b || !(b->label = strdup(label))) {
        free(b);
        return err_set(MIEN_ENOMEM, "%s: out of memory", label);
    }
    *out = b;
    return MIEN_OK;
}

int blob_from_memory(const void *bytes, size_t size, const char *label, struct blob **out) {
    struct blob *b;
    *out = NULL;
    int rc = new_blob(label, &b);
    if (rc) return rc;
    b->bytes = bytes;
    b->size = size;
    return finish(b, out);
}

int blob_open(const char *path, struct blob **out) {
    struct blob *b;
    *out = NULL;
    int rc = new_blob(path, &b);
    if (!rc) rc = blob_source_open(b->label, &b->source);
    if (rc) {
        blob_close(b);
        return rc;
    }
    b->from_file = 1;
    b->bytes = b->source.bytes;
    b->size = b->source.size;
    return finish(b, out);
}

void blob_close(struct blob *b) {
    if (!b) return;
    if (b->from_file) blob_source_close(&b->source);
    if (b->acquired) pthread_mutex_destroy(&b->acquired->lock);
    free(b->acquired);
    json_decref(b->root);
    free(b->tensors);
    free(b->label);
    free(b);
}

const char *blob_label(const struct blob *b) {
    return b->label;
}
size_t blob_size(const struct blob *b) {
    return b->size;
}
int blob_count(const struct blob *b) {
    return b->count;
}

const struct json_t *blob_metadata(const struct blob *b) {
    return b->meta;
}

const char *blob_meta(const struct blob *b, const char *key) {
    return json_string_value(json_object_get(b->meta, key));
}

const struct blob_tensor *blob_at(const struct blob *b, int i) {
    return i >= 0 && i < b->count ? &b->tensors[i] : NULL;
}

const struct blob_tensor *blob_find(const struct blob *b, const char *name) {
    struct blob_tensor key = {.name = name};
    return bsearch(&key, b->tensors, (size_t)b->count, sizeof key, by_name);
}

/* Where the blob counts who has acquired t; NULL where it is always there. */
static int *users_of(const struct blob *b, const struct blob_tensor *t) {
    return b->from_file && !is_small(t) ? &b->acquired->users[t - b->tensors] : NULL;
}

int blob_acquire(const struct blob *b, const struct blob_tensor *t) {
    int *users = users_of(b, t), rc = MIEN_OK;
    if (!users) return MIEN_OK;
    pthread_mutex_lock(&b->acquired->lock);
    if (*users == 0) rc = blob_source_read(&b->source, offset_of(b, t), t->count * sizeof(float));
    if (!rc) ++*users;
    pthread_mutex_unlock(&b->acquired->lock);
    return rc;
}

void blob_release(const struct blob *b, const struct blob_tensor *t) {
    int *users = users_of(b, t);
    if (!users) return;
    pthread_mutex_lock(&b->acquired->lock);
    if (--*users == 0) blob_source_drop(&b->source, offset_of(b, t), t->count * sizeof(float));
    pthread_mutex_unlock(&b->acquired->lock);
}

int blob_identity(const struct blob *b, struct blob_identity *out) {
    *out = b->source.identity;
    return b->from_file;
}

int blob_check(const struct blob *b) {
    return b->from_file ? blob_source_check(&b->source) : MIEN_OK;
}

int blob_hash(const struct blob *b, uint64_t *hash) {
    if (b->from_file) return blob_source_hash(&b->source, hash);
    *hash = hash_bytes(b->bytes, b->size);
    return MIEN_OK;
}
