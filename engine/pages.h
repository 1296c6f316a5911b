/*
 * pages.h - large pieces of memory that go back to the system when they are freed.
 *
 * What malloc is given back it may keep: as its threshold for mappings grows with what it has seen,
 * the tensors of a plan that is gone would stay a part of the process. Small pieces are malloc's.
 */
#ifndef MIEN_ENGINE_PAGES_H
#define MIEN_ENGINE_PAGES_H

#include <pthread.h>
#include <stddef.h>

enum { PAGES_ALIGN = 64 };

/* `bytes` of memory, aligned to PAGES_ALIGN, whose contents are undefined; NULL where there is
 * none. */
void *pages_alloc(size_t bytes);
/* bytes: as it was allocated. NULL is allowed. */
void pages_free(void *p, size_t bytes);

/* Pieces that were freed, kept for the next of their size: to have the system map and clear them
 * again takes longer than most networks take to fill them. */
struct pages_spare {
    void *p;
    size_t bytes;
};

enum { PAGES_SPARES = 16 };

struct pages_pool {
    pthread_mutex_t lock;
    size_t keep, kept; /* bytes: at most, and now */
    int n;
    struct pages_spare spare[PAGES_SPARES]; /* [n], the latest last */
};

void pages_pool_init(struct pages_pool *pool, size_t keep);
void pages_pool_destroy(struct pages_pool *pool);
/* As pages_alloc(); *got becomes what there is, `bytes` or up to twice as many. */
void *pages_pool_alloc(struct pages_pool *pool, size_t bytes, size_t *got);
/* bytes: as there were. NULL is allowed. */
void pages_pool_free(struct pages_pool *pool, void *p, size_t bytes);

/* Room for `bytes`, of any number, which are zeros and take no memory until they are written; NULL
 * where there is none. */
void *pages_reserve(size_t bytes);
/* bytes: as they were reserved. NULL is allowed. */
void pages_unreserve(void *p, size_t bytes);
/* Gives back the memory of what was reserved, `bytes` of it at p, but for the pages at both ends,
 * which others share: it is zeros again. */
void pages_drop(void *p, size_t bytes);

#endif
