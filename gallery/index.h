/*
 * index.h - an exact index over the embeddings of one contract: which rows are most like a query.
 *
 * A search goes over a byte a value and looks at the floats of only those rows that rounding does
 * not rule out, so its hits are those of comparing the query with the floats of every row, bit for
 * bit and in order (docs/search.md). Rows are added and removed while others search: a search sees
 * every row that was there when it began and was not removed before it ended, no row that came
 * later, and of rows removed meanwhile some. All functions but open and close may be called from
 * any thread.
 *
 * The score of two vectors is their inner product, summed in doubles and rounded to a float
 * (gallery/quantise.h).
 */
#ifndef MIEN_GALLERY_INDEX_H
#define MIEN_GALLERY_INDEX_H

#include "gallery/hit.h"

#include <stddef.h>
#include <stdint.h>

struct index;

struct index_options {
    int threads;     /* of a search, its caller included; 0: as many as there are cores */
    const char *cpu; /* the kernels to use, as for kern_init(); NULL: the fastest */
    /* Writes the floats of a row to v, exactly as they were added: 0, 1 where the row is gone, or a
     * negative MIEN_E code with its sentence. Called by who searches, in his thread. A row that
     * leaves is removed from the index first. NULL: the index keeps the floats itself, four bytes a
     * value more. */
    int (*fetch)(void *context, int64_t id, float *v);
    void *context;
};

enum { INDEX_MAX_DIMS = 4096, INDEX_MAX_HITS = 65536 };

/* options may be NULL. */
int index_open(int dims, const struct index_options *options, struct index **out);
/* Nobody may be in it. NULL is allowed. */
void index_close(struct index *x);
/* v: [dims], of length 1; id: one the index does not have. */
int index_add(struct index *x, int64_t id, const float *v);
int index_remove(struct index *x, int64_t id);
/* The k best rows for each of n queries. queries: [n][dims], of length 1; filter: NULL for any
 * row; hits: [n][k], best first, ties by id; counts: [n], how many each has. */
int index_search(struct index *x, const float *queries, int n, int k,
                 const struct index_filter *filter, struct index_hit *hits, int *counts);
/* The floats of a row. v: [dims]. */
int index_read(struct index *x, int64_t id, float *v);
int index_dims(const struct index *x);
int64_t index_rows(struct index *x);
/* Bytes it has taken, those of rows that are gone and not yet reused among them. */
size_t index_memory(struct index *x);

#endif
