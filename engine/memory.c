#include "engine/memory.h"

#include "engine/err.h"
#include "kernels/number.h"
#include "mien.h"

#include <stdlib.h>

static int larger_first(const void *a, const void *b) {
    const struct memory_block *x = *(struct memory_block *const *)a;
    const struct memory_block *y = *(struct memory_block *const *)b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return x < y ? -1 : x > y; /* blocks are one array: a stable order */
}

static int lower_first(const void *a, const void *b) {
    const struct memory_block *x = *(struct memory_block *const *)a;
    const struct memory_block *y = *(struct memory_block *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap between the placed blocks that live at the same time. placed is sorted by offset.
 */
static size_t lowest_gap(const struct memory_block *b, struct memory_block **placed, int n) {
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const struct memory_block *p = placed[i];
        if (p->last < b->first || p->first > b->last) continue;
        if (p->offset >= at && p->offset - at >= round_up_size(b->size, MEMORY_ALIGN)) break;
        size_t end = p->offset + round_up_size(p->size, MEMORY_ALIGN);
        if (end > at) at = end;
    }
    return at;
}

int memory_place(struct memory_block *blocks, int count, size_t *total) {
    *total = 0;
    if (count == 0) return MIEN_OK;
    struct memory_block **order = malloc(sizeof *order * (size_t)count * 2);
    if (!order) return err_set(MIEN_ENOMEM, "out of memory");
    struct memory_block **placed = order + count;
    for (int i = 0; i < count; i++) order[i] = &blocks[i];
    qsort(order, (size_t)count, sizeof *order, larger_first);
    for (int i = 0; i < count; i++) {
        order[i]->offset = lowest_gap(order[i], placed, i);
        size_t end = order[i]->offset + round_up_size(order[i]->size, MEMORY_ALIGN);
        if (end > *total) *total = end;
        placed[i] = order[i];
        qsort(placed, (size_t)i + 1, sizeof *placed, lower_first);
    }
    free(order);
    return MIEN_OK;
}
