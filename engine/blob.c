#include "engine/blob.h"

#include "engine/err.h"
#include "engine/half.h"
#include "engine/hash.h"
#include "engine/json_text.h"
#include "engine/pages.h"
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
    float *wide; /* [halves] of all tensors of halves, which are here as floats */
    size_t halves;
};

static uint64_t read_u64le(const uint8_t *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct blob_tensor *)a)->name, ((const struct blob_tensor *)b)->name);
}

static int by_offset(const void *a, const void *b) {
    const struct blob_tensor *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static const char *const types[] = {[BLOB_F32] = "F32", [BLOB_F16] = "F16"};

const char *blob_type_name(enum blob_type type) {
    return types[type];
}

static size_t value_size(enum blob_type type) {
    return type == BLOB_F16 ? sizeof(uint16_t) : sizeof(float);
}

size_t blob_stored_bytes(const struct blob_tensor *t) {
    return t->count * value_size(t->type);
}

static int read_type(const struct blob *b, const char *name, const char *dtype,
                     struct blob_tensor *t) {
    for (t->type = BLOB_F32; t->type <= BLOB_F16; t->type++)
        if (strcmp(dtype, types[t->type]) == 0) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: tensor %s is %s, expected F32 or F16", b->label, name,
                   dtype);
}

/* Reads one entry of the header into *t. data_size: bytes of the data section, which starts at byte
 * `data` of the file. */
static int parse_tensor(const struct blob *b, const char *name, json_t *v, size_t data,
                        size_t data_size, struct blob_tensor *t) {
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    json_t *shape = json_object_get(v, "shape"), *offsets = json_object_get(v, "data_offsets");
    if (!dtype || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s lacks dtype, shape or data_offsets", b->label,
                       name);
    int rc = read_type(b, name, dtype, t);
    if (rc) return rc;
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
        if (n < 1 || (uint64_t)n > data_size / value_size(t->type) / t->count)
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
    if ((size_t)(end - begin) != blob_stored_bytes(t) || (size_t)begin % value_size(t->type))
        return err_set(MIEN_EWEIGHTS, "%s: tensor %s has data_offsets that do not match its shape",
                       b->label, name);
    t->offset = data + (size_t)begin;
    if (t->type == BLOB_F32) t->data = (const float *)(const void *)(b->bytes + t->offset);
    return MIEN_OK;
}

static int check_overlap(struct blob *b) {
    qsort(b->tensors, (size_t)b->count, sizeof *b->tensors, by_offset);
    for (int i = 1; i < b->count; i++)
        if (b->tensors[i - 1].offset + blob_stored_bytes(&b->tensors[i - 1]) > b->tensors[i].offset)
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

/* Room for halves as floats: pages that are zeros, and take no memory, until they are written. */
static int place_halves(struct blob *b) {
    for (int i = 0; i < b->count; i++)
        if (b->tensors[i].type == BLOB_F16) b->halves += b->tensors[i].count;
    if (b->halves == 0) return MIEN_OK;
    b->wide = pages_reserve(b->halves * sizeof *b->wide);
    if (!b->wide) return err_set(MIEN_ENOMEM, "%s: out of memory", b->label);
    float *at = b->wide;
    for (int i = 0; i < b->count; i++) {
        if (b->tensors[i].type != BLOB_F16) continue;
        b->tensors[i].data = at;
        at += b->tensors[i].count;
    }
    return MIEN_OK;
}

static void widen(const struct blob *b, const struct blob_tensor *t) {
    const uint8_t *from = b->bytes + t->offset;
    float *to = b->wide + (t->data - b->wide);
    for (size_t i = 0; i < t->count; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        to[i] = half_to_float(half);
    }
}

/* Has the values of a tensor in memory. */
static int read_values(const struct blob *b, const struct blob_tensor *t) {
    int rc = need(b, t->offset, blob_stored_bytes(t));
    if (rc || t->type != BLOB_F16) return rc;
    widen(b, t);
    if (b->from_file) blob_source_drop(&b->source, t->offset, blob_stored_bytes(t));
    return MIEN_OK;
}

static void drop_values(const struct blob *b, const struct blob_tensor *t) {
    if (t->type == BLOB_F16)
        pages_drop(b->wide + (t->data - b->wide), t->count * sizeof *t->data);
    else
        blob_source_drop(&b->source, t->offset, blob_stored_bytes(t));
}

static int read_small(struct blob *b) {
    int rc = MIEN_OK;
    b->acquired = calloc(1, sizeof *b->acquired + (size_t)b->count * sizeof b->acquired->users[0]);
    if (!b->acquired) return err_set(MIEN_ENOMEM, "%s: out of memory", b->label);
    pthread_mutex_init(&b->acquired->lock, NULL);
    for (int i = 0; i < b->count && !rc; i++) {
        const struct blob_tensor *t = &b->tensors[i];
        if (is_small(t) || (t->type == BLOB_F16 && !b->from_file)) rc = read_values(b, t);
    }
    return rc;
}

/* The tensors of the header, which is in memory. */
static int parse_tensors(struct blob *b, size_t data, size_t data_size) {
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
    size_t data = 8 + (size_t)header;
    rc = parse_tensors(b, data, b->size - data);
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
    rc = place_halves(b);
    return rc ? rc : read_small(b);
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
    pages_unreserve(b->wide, b->halves * sizeof *b->wide);
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
    if (*users == 0) rc = read_values(b, t);
    if (!rc) ++*users;
    pthread_mutex_unlock(&b->acquired->lock);
    return rc;
}

void blob_release(const struct blob *b, const struct blob_tensor *t) {
    int *users = users_of(b, t);
    if (!users) return;
    pthread_mutex_lock(&b->acquired->lock);
    if (--*users == 0) drop_values(b, t);
    pthread_mutex_unlock(&b->acquired->lock);
}

int blob_stored(const struct blob *b, const struct blob_tensor *t, const void **bytes) {
    *bytes = b->bytes + t->offset;
    return need(b, t->offset, blob_stored_bytes(t));
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
