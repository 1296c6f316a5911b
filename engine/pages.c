#include "engine/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

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
