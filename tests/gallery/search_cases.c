#include "tests/gallery/search_cases.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

/* splitmix64. */
static uint64_t next(uint64_t *state) {
    uint64_t x = *state += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

float case_random(uint64_t *state) {
    return (float)(int32_t)(next(state) >> 32) / 2147483648.0f;
}

int case_int(uint64_t *state, int below) {
    return (int)((next(state) >> 33) % (uint64_t)below);
}

static float value_of(enum case_kind kind, uint64_t *state, int i, int twin) {
    uint64_t same = (uint64_t)(i + 1000 * twin);
    switch (kind) {
    case CASE_CROWD: return case_random(&same) + 0.001f * case_random(state);
    case CASE_TWINS: return case_random(&same);
    case CASE_SPIKES: return 0.001f * case_random(state);
    case CASE_HALVES: return ((float)case_int(state, 250) - 125 + 0.5f) / 127;
    case CASE_SIGNS: return case_int(state, 2) ? 1 : -1;
    default: return case_random(state) + case_random(state);
    }
}

void case_row(enum case_kind kind, uint64_t *state, int dims, float *v) {
    double sum = 0;
    int twin = kind == CASE_TWINS ? case_int(state, 16) : 0;
    for (int i = 0; i < dims; i++) v[i] = value_of(kind, state, i, twin);
    int spike = case_int(state, dims);
    if (kind == CASE_SPIKES || kind == CASE_HALVES) v[spike] = 1;
    for (int i = 0; i < dims; i++) sum += (double)v[i] * (double)v[i];
    for (int i = 0; i < dims; i++) v[i] = (float)((double)v[i] / sqrt(sum));
}

static int in_order(const void *a, const void *b) {
    const struct index_hit *p = a, *q = b;
    return p->score != q->score ? (p->score < q->score) - (p->score > q->score)
                                : (p->id > q->id) - (p->id < q->id);
}

/* Of a group, in order, only the first. */
static int one_a_group(struct index_hit *hits, int n, const struct index_filter *f) {
    int kept = 0;
    for (int i = 0; i < n; i++) {
        int seen = 0;
        for (int j = 0; j < kept && !seen; j++)
            seen = f->group(f->context, hits[j].id) == f->group(f->context, hits[i].id);
        if (!seen) hits[kept++] = hits[i];
    }
    return kept;
}

int case_search(int dims, const float *rows, const int64_t *ids, const char *there, int n,
                const float *query, int k, const struct index_filter *filter,
                struct index_hit *hits) {
    struct index_hit *all = malloc((size_t)(n + 1) * sizeof *all);
    int found = 0;
    for (int i = 0; i < n; i++) {
        double sum = 0;
        if (there && !there[i]) continue;
        if (filter && filter->allow && !filter->allow(filter->context, ids[i])) continue;
        for (int j = 0; j < dims; j++)
            sum += (double)rows[(ptrdiff_t)i * dims + j] * (double)query[j];
        if (filter && (float)sum < filter->least) continue;
        all[found++] = (struct index_hit){ids[i], (float)sum};
    }
    qsort(all, (size_t)found, sizeof *all, in_order);
    if (filter && filter->group) found = one_a_group(all, found, filter);
    if (found > k) found = k;
    for (int i = 0; i < found; i++) hits[i] = all[i];
    free(all);
    return found;
}
