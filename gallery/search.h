/*
 * search.h - one pass over an index's rows for some queries, and what makes its answer exact: the
 * scores of those rows that rounding does not rule out, from their floats.
 */
#ifndef MIEN_GALLERY_SEARCH_H
#define MIEN_GALLERY_SEARCH_H

#include "gallery/hit.h"
#include "gallery/rows.h"

struct pool;

/* What a search works with. */
struct search_means {
    struct rows *rows;
    const struct kern *kern;
    struct pool *pool;
    int (*fetch)(void *context, int64_t id, float *v); /* NULL: rows have their floats */
    void *context;
};

enum { SEARCH_QUERIES = 64 }; /* of a pass: their bytes stay in the second-level cache */

/* As index_search(), with n of SEARCH_QUERIES at most and checked arguments. */
int search_pass(const struct search_means *m, const float *queries, int n, int k,
                const struct index_filter *filter, struct index_hit *hits, int *counts);

#endif
