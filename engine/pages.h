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

/* Pieces that were freed, kept for those to come: to have the system map and clear them again takes
 * longer than most networks take to fill them. A piece may be given to who asked for less; that
 * excess counts as what is kept does, so that kept memory is never more than it may be. */
struct pages_piece {
    void *p;
    size_t bytes, asked; /* what it has, and what was asked for */
};

enum { PAGES_SPARES = 256 };

struct pages_pool {
    pthread_mutex_t lock;
    size_t keep, most;   /* bytes of the two together, as pages_pool_keep() says */
    size_t kept, excess; /* of what waits, and of pieces in use beyond what was asked for */
    int n;
    struct pages_piece spare[PAGES_SPARES]; /* [n], the latest last */
};

void pages_pool_init(struct pages_pool *pool);
void pages_pool_destroy(struct pages_pool *pool);
/* Keeps no more than `keep` bytes from now on, or the latest piece alone where that is larger, up
 * to `most`. Returns the bytes there are; more than `most` are excess, which is there until whoever
 * has it frees it. */
size_t pages_pool_keep(struct pages_pool *pool, size_t keep, size_t most);
/* At least `bytes`, as pages_alloc(); out->p is NULL where there is no memory. */
void pages_pool_alloc(struct pages_pool *pool, size_t bytes, struct pages_piece *out);
/* Leaves *piece empty. An empty one is allowed. */
void pages_pool_free(struct pages_pool *pool, struct pages_piece *piece);

/* Room for `bytes`, of any number, which are zeros and take no memory until they are written; NULL
 * where there is none. */
void *pages_reserve(size_t bytes);
/* bytes: as they were reserved. NULL is allowed. */
void pages_unreserve(void *p, size_t bytes);
/* Gives back the memory of what was reserved, `bytes` of it at p, but for the pages at both ends,
 * which others share: it is zeros again. */
void pages_drop(void *p, size_t bytes);

#endif
