#include "gallery/best.h"

#include <stdlib.h>

enum { FEW = 256 };

int best_open(struct best *b, int k, int grouped, double floor) {
    *b = (struct best){.k = k, .grouped = grouped, .floor = floor};
    b->lowers = malloc((size_t)k * sizeof *b->lowers);
    b->candidates = malloc(FEW * sizeof *b->candidates);
    b->room = FEW;
    if (b->lowers && b->candidates) return 0;
    best_close(b);
    *b = (struct best){0};
    return -1;
}

void best_close(struct best *b) {
    free(b->lowers);
    free(b->candidates);
}

double best_limit(const struct best *b) {
    if (b->n < b->k || b->lowers[0].lower < b->floor) return b->floor;
    return b->lowers[0].lower;
}

static void swap(struct best_lower *a, struct best_lower *b) {
    struct best_lower t = *a;
    *a = *b;
    *b = t;
}

/* Entry i has grown: down the heap with it. */
static void sink(struct best *b, int i) {
    for (;;) {
        int least = i, left = 2 * i + 1;
        for (int child = left; child <= left + 1; child++)
            if (child < b->n && b->lowers[child].lower < b->lowers[least].lower) least = child;
        if (least == i) return;
        swap(&b->lowers[i], &b->lowers[least]);
        i = least;
    }
}

static void rise(struct best *b, int i) {
    for (; i > 0 && b->lowers[i].lower < b->lowers[(i - 1) / 2].lower; i = (i - 1) / 2)
        swap(&b->lowers[i], &b->lowers[(i - 1) / 2]);
}

/* A group that was pushed out comes back with its best row, so that the heap is always that of the
 * best groups. */
static void keep_lower(struct best *b, double lower, int64_t group) {
    for (int i = 0; b->grouped && i < b->n; i++) {
        if (b->lowers[i].group != group) continue;
        if (lower > b->lowers[i].lower) {
            b->lowers[i].lower = lower;
            sink(b, i);
        }
        return;
    }
    if (b->n < b->k) {
        b->lowers[b->n] = (struct best_lower){lower, group};
        rise(b, b->n++);
    } else if (lower > b->lowers[0].lower) {
        b->lowers[0] = (struct best_lower){lower, group};
        sink(b, 0);
    }
}

static void forget(struct best *b) {
    double limit = best_limit(b);
    size_t n = 0;
    for (size_t i = 0; i < b->n_candidates; i++)
        if (b->candidates[i].upper >= limit) b->candidates[n++] = b->candidates[i];
    b->n_candidates = n;
}

/* Forgetting is worth its time where half of them go. */
static int make_room(struct best *b) {
    if (b->n_candidates < b->room) return 0;
    forget(b);
    if (b->n_candidates <= b->room / 2) return 0;
    struct candidate *more = realloc(b->candidates, 2 * b->room * sizeof *more);
    if (!more) return -1;
    b->candidates = more;
    b->room *= 2;
    return 0;
}

int best_offer(struct best *b, const struct candidate *c) {
    if (make_room(b) < 0) return -1;
    b->candidates[b->n_candidates++] = *c;
    keep_lower(b, c->lower, c->group);
    return 0;
}

int best_merge(struct best *b, const struct best *other) {
    for (size_t i = 0; i < other->n_candidates; i++)
        if (other->candidates[i].upper >= best_limit(b) && best_offer(b, &other->candidates[i]) < 0)
            return -1;
    return 0;
}

static int by_upper(const void *a, const void *b) {
    const struct candidate *p = a, *q = b;
    return p->upper != q->upper ? (p->upper < q->upper) - (p->upper > q->upper)
                                : (p->id > q->id) - (p->id < q->id);
}

void best_sort(struct best *b) {
    forget(b);
    if (b->n_candidates > 0) qsort(b->candidates, b->n_candidates, sizeof *b->candidates, by_upper);
}
