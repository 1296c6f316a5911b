#include "engine/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MAPPED_FROM = 1 << 20,
    HUGE_FROM = 4 << 20 /* a fault for each 4 KB costs more than what is computed into them */
};

void *pages_alloc(size_t bytes) {
    void *p = NULL;
    if (bytes < MAPPED_FROM) return posix_memalign(&p, PAGES_ALIGN, bytes + 1) == 0 ? p : NULL;
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (bytes >= HUGE_FROM)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* better without than not at all */
    return p;
}

void pages_free(void *p, size_t bytes) {
    if (p && bytes >= MAPPED_FROM)
        munmap(p, bytes);
    else
        free(p);
}

void pages_pool_init(struct pages_pool *pool) {
    *pool = (struct pages_pool){.n = 0};
    pthread_mutex_init(&pool->lock, NULL);
}

void pages_pool_destroy(struct pages_pool *pool) {
    (void)pages_pool_keep(pool, 0, 0);
    pthread_mutex_destroy(&pool->lock);
}

/* With the lock. */
static struct pages_piece take(struct pages_pool *pool, int i) {
    struct pages_piece piece = pool->spare[i];
    pool->kept -= piece.bytes;
    pool->n--;
    for (; i < pool->n; i++) pool->spare[i] = pool->spare[i + 1];
    return piece;
}

/* With the lock: the oldest go. */
static void trim(struct pages_pool *pool) {
    while (pool->n > 0 && pool->kept + pool->excess > (pool->n > 1 ? pool->keep : pool->most)) {
        struct pages_piece oldest = take(pool, 0);
        pages_free(oldest.p, oldest.bytes);
    }
}

size_t pages_pool_keep(struct pages_pool *pool, size_t keep, size_t most) {
    pthread_mutex_lock(&pool->lock);
    pool->keep = keep;
    pool->most = most > keep ? most : keep;
    trim(pool);
    size_t bytes = pool->kept + pool->excess;
    pthread_mutex_unlock(&pool->lock);
    return bytes;
}

/* With the lock. The smallest that is large enough, of those the latest; one that is larger than
 * half of what may be kept is not for who wants much less. -1: none. */
static int best_fit(const struct pages_pool *pool, size_t bytes) {
    int best = -1;
    for (int i = 0; i < pool->n; i++) {
        size_t has = pool->spare[i].bytes;
        if (has < bytes || (has > pool->keep / 2 && has / 2 > bytes)) continue;
        if (best < 0 || has <= pool->spare[best].bytes) best = i;
    }
    return best;
}

void pages_pool_alloc(struct pages_pool *pool, size_t bytes, struct pages_piece *out) {
    *out = (struct pages_piece){.p = NULL};
    pthread_mutex_lock(&pool->lock);
    int i = best_fit(pool, bytes);
    if (i >= 0) *out = take(pool, i);
    if (i >= 0) pool->excess += out->bytes - bytes;
    pthread_mutex_unlock(&pool->lock);
    if (!out->p) *out = (struct pages_piece){pages_alloc(bytes), bytes, bytes};
    out->asked = bytes;
}

void pages_pool_free(struct pages_pool *pool, struct pages_piece *piece) {
    struct pages_piece p = *piece;
    *piece = (struct pages_piece){.p = NULL};
    if (!p.p) return;
    pthread_mutex_lock(&pool->lock);
    pool->excess -= p.bytes - p.asked;
    if (pool->n == PAGES_SPARES) {
        struct pages_piece oldest = take(pool, 0);
        pages_free(oldest.p, oldest.bytes);
    }
    pool->spare[pool->n++] = p;
    pool->kept += p.bytes;
    trim(pool);
    pthread_mutex_unlock(&pool->lock);
}

void *pages_reserve(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void pages_unreserve(void *p, size_t bytes) {
    if (p) munmap(p, bytes);
}

void pages_drop(void *p, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = -(uintptr_t)p & (page - 1);
    if (bytes < before) return;
    bytes = (bytes - before) & ~(page - 1);
    if (bytes > 0) madvise((char *)p + before, bytes, MADV_DONTNEED);
}
