#include "engine/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAPPED_FROM = 1 << 20 };

void *pages_alloc(size_t bytes) {
    void *p = NULL;
    if (bytes < MAPPED_FROM) return posix_memalign(&p, PAGES_ALIGN, bytes + 1) == 0 ? p : NULL;
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void pages_free(void *p, size_t bytes) {
    if (p && bytes >= MAPPED_FROM)
        munmap(p, bytes);
    else
        free(p);
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
