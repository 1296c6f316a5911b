/*
 * memory.h - memory with an unreadable page behind it, and a table of all of it.
 *
 * The end of an allocation touches the page; what alignment leaves in between, and the bytes before
 * the allocation, hold a pattern that is looked at when it is freed. Freed memory stays unreadable
 * for a long while, so that who still uses it is stopped.
 */
#ifndef MIEN_TESTS_CUDA_MEMORY_H
#define MIEN_TESTS_CUDA_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct emulator_range {
    char *data;
    size_t size;
    bool pinned; /* host memory of cuMemHostAlloc */
    bool freed;
    char *mapping;
    size_t mapped;
};

/* Memory full of 0xFF; NULL: there is none. */
char *memory_alloc(size_t size, size_t align, bool pinned);
/* Aborts where bytes around it were written. False: p is no live allocation of that kind. */
bool memory_free(void *p, bool pinned);
/* Looks at the bytes around it. */
bool memory_intact(const emulator_range &r);
/* The live or freed allocation, with the pages around it, that p points into; false: none. */
bool memory_find(const void *p, emulator_range *out);
/* [p, p + size) lies in one live allocation. */
bool memory_live(const void *p, size_t size, emulator_range *out);
int memory_count();
size_t memory_bytes(); /* of the device, live */
/* Frees everything; how many allocations there were. */
int memory_forget();

/* Says what p points into, for complaints. */
void memory_describe(const void *p, char *out, size_t size);

#endif
