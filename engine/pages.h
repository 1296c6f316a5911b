/*
 * pages.h - large pieces of memory that go back to the system when they are freed.
 *
 * What malloc is given back it may keep: as its threshold for mappings grows with what it has seen,
 * the tensors of a plan that is gone would stay a part of the process. Small pieces are malloc's.
 */
#ifndef MIEN_ENGINE_PAGES_H
#define MIEN_ENGINE_PAGES_H

#include <stddef.h>

enum { PAGES_ALIGN = 64 };

/* `bytes` of memory, aligned to PAGES_ALIGN, whose contents are undefined; NULL where there is
 * none. */
void *pages_alloc(size_t bytes);
/* bytes: as it was allocated. NULL is allowed. */
void pages_free(void *p, size_t bytes);

/* Room for `bytes`, of any number, which are zeros and take no memory until they are written; NULL
 * where there is none. */
void *pages_reserve(size_t bytes);
/* bytes: as they were reserved. NULL is allowed. */
void pages_unreserve(void *p, size_t bytes);
/* Gives back the memory of what was reserved, `bytes` of it at p, but for the pages at both ends,
 * which others share: it is zeros again. */
void pages_drop(void *p, size_t bytes);

#endif
