#include "timing.h"

#include <stdlib.h>
#include <string.h>

int times_add(struct times *t, double ms) {
    if (t->count == t->capacity) {
        int capacity = 2 * t->capacity + 64;
        double *grown = realloc(t->ms, (size_t)capacity * sizeof *grown);
        if (!grown) return -1;
        t->ms = grown;
        t->capacity = capacity;
    }
    t->ms[t->count++] = ms;
    return 0;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void times_sort(struct times *t) {
    if (t->count > 0) qsort(t->ms, (size_t)t->count, sizeof *t->ms, compare);
}

double times_percentile(const struct times *t, int percent) {
    int rank = (int)(((long long)t->count * percent + 99) / 100);

    if (t->count == 0) return 0;
    return t->ms[rank > 0 ? rank - 1 : 0];
}

double times_sum(const struct times *t) {
    double sum = 0;

    for (int i = 0; i < t->count; i++) sum += t->ms[i];
    return sum;
}

void times_free(struct times *t) {
    free(t->ms);
    memset(t, 0, sizeof *t);
}
