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

void pages_pool_init(struct pages_pool *pool, size_t keep) {
    *pool = (struct pages_pool){.keep = keep};
    pthread_mutex_init(&pool->lock, NULL);
}

void pages_pool_destroy(struct pages_pool *pool) {
    for (int i = 0; i < pool->n; i++) pages_free(pool->spare[i].p, pool->spare[i].bytes);
    pthread_mutex_destroy(&pool->lock);
}

/* With the lock. */
static struct pages_spare take(struct pages_pool *pool, int i) {
    struct pages_spare s = pool->spare[i];
    pool->kept -= s.bytes;
    pool->n--;
    for (; i < pool->n; i++) pool->spare[i] = pool->spare[i + 1];
    return s;
}

void *pages_pool_alloc(struct pages_pool *pool, size_t bytes, size_t *got) {
    struct pages_spare s = {.bytes = bytes};
    int best = -1;
    pthread_mutex_lock(&pool->lock);
    for (int i = 0; i < pool->n; i++) {
        size_t has = pool->spare[i].bytes;
        if (has < bytes || has / 2 > bytes) continue;
        if (best < 0 || has < pool->spare[best].bytes) best = i;
    }
    if (best >= 0) s = take(pool, best);
    pthread_mutex_unlock(&pool->lock);
    *got = s.bytes;
    return s.p ? s.p : pages_alloc(bytes);
}

void pages_pool_free(struct pages_pool *pool, void *p, size_t bytes) {
    if (!p || bytes < MAPPED_FROM || bytes > pool->keep) {
        pages_free(p, bytes);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    while (pool->n == PAGES_SPARES || pool->kept + bytes > pool->keep) {
        struct pages_spare s = take(pool, 0);
        pages_free(s.p, s.bytes);
    }
    pool->spare[pool->n++] = (struct pages_spare){p, bytes};
    pool->kept += bytes;
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
