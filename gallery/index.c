#include "gallery/index.h"

#include "engine/err.h"
#include "engine/pool.h"
#include "gallery/quantise.h"
#include "gallery/search.h"
#include "mien.h"

#include <stdlib.h>

struct index {
    struct rows rows;
    struct kern kern;
    struct pool *pool;
    struct search_means means;
};

_Static_assert((int)INDEX_MAX_DIMS == (int)QUANTISE_MAX, "the same limit");

int index_open(int dims, const struct index_options *options, struct index **out) {
    static const struct index_options usual;
    const struct index_options *o = options ? options : &usual;
    *out = NULL;
    if (dims < 1 || dims > INDEX_MAX_DIMS)
        return err_set(MIEN_EINVAL, "an index of %d values a row: 1 to %d are possible", dims,
                       INDEX_MAX_DIMS);
    struct index *x = calloc(1, sizeof *x);
    if (!x) return err_set(MIEN_ENOMEM, "no memory for an index");
    int rc = 0;
    if (kern_init(&x->kern, o->cpu) < 0)
        rc = err_set(MIEN_EDEVICE, "no kernels \"%s\" here", o->cpu);
    if (!rc) rc = rows_open(&x->rows, dims, !o->fetch);
    if (!rc) rc = pool_open(o->threads > 0 ? o->threads : pool_cores(), &x->pool);
    if (rc) {
        index_close(x);
        return rc;
    }
    x->means = (struct search_means){&x->rows, &x->kern, x->pool, o->fetch, o->context};
    *out = x;
    return 0;
}

void index_close(struct index *x) {
    if (!x) return;
    if (x->pool) pool_close(x->pool);
    rows_close(&x->rows);
    free(x);
}

static int check_unit(const struct index *x, const char *what, const float *v) {
    if (quantise_is_unit(x->rows.dims, v)) return 0;
    return err_set(MIEN_EINVAL, "%s is no embedding: its length is not 1", what);
}

int index_add(struct index *x, int64_t id, const float *v) {
    int rc = check_unit(x, "what is to be added", v);
    return rc ? rc : rows_add(&x->rows, id, v);
}

int index_remove(struct index *x, int64_t id) {
    return rows_remove(&x->rows, id);
}

int index_search(struct index *x, const float *queries, int n, int k,
                 const struct index_filter *filter, struct index_hit *hits, int *counts) {
    static const struct index_filter any = {.least = -2};
    if (n < 0 || k < 1 || k > INDEX_MAX_HITS)
        return err_set(MIEN_EINVAL, "a search for %d hits: 1 to %d are possible", k,
                       INDEX_MAX_HITS);
    size_t dims = (size_t)x->rows.dims;
    int rc = 0;
    for (int i = 0; i < n && !rc; i++)
        rc = check_unit(x, "what is searched for", queries + (size_t)i * dims);
    for (int i = 0; i < n && !rc; i += SEARCH_QUERIES) {
        int m = n - i < SEARCH_QUERIES ? n - i : SEARCH_QUERIES;
        rc = search_pass(&x->means, queries + (size_t)i * dims, m, k, filter ? filter : &any,
                         hits + (size_t)i * (size_t)k, counts + i);
    }
    return rc;
}

int index_read(struct index *x, int64_t id, float *v) {
    int rc = x->means.fetch ? x->means.fetch(x->means.context, id, v) : rows_read(&x->rows, id, v);
    return rc > 0 ? rows_unknown(id) : rc;
}

int index_dims(const struct index *x) {
    return x->rows.dims;
}

int64_t index_rows(struct index *x) {
    pthread_mutex_lock(&x->rows.lock);
    int64_t n = x->rows.alive;
    pthread_mutex_unlock(&x->rows.lock);
    return n;
}

size_t index_memory(struct index *x) {
    pthread_mutex_lock(&x->rows.lock);
    size_t bytes = x->rows.bytes + x->rows.map.bytes;
    pthread_mutex_unlock(&x->rows.lock);
    return bytes;
}
