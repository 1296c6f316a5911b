/*
 * memory.h - where each buffer of a plan lies in its one arena.
 *
 * Greedy by size: the largest buffer first, each at the lowest offset that is free during its whole
 * life (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020,
 * section 4.2). Its own module because it is a pure function, tested alone.
 */
#ifndef MIEN_ENGINE_MEMORY_H
#define MIEN_ENGINE_MEMORY_H

#include <stddef.h>

struct memory_block {
    size_t size;     /* bytes */
    int first, last; /* steps, both inclusive, during which the bytes are in use */
    size_t offset;   /* result: bytes from the start of the arena, a multiple of MEMORY_ALIGN */
};

enum { MEMORY_ALIGN = 64 };

/* Places count blocks; *total is the size of the arena. MIEN_ENOMEM. */
int memory_place(struct memory_block *blocks, int count, size_t *total);

#endif
