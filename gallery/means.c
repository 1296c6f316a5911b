#include "gallery/means.h"

#include "engine/err.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>

enum { AT_ONCE = 64, NEAREST = 16 }; /* of which one must be no group it is told apart from */

static const uint32_t none = UINT32_MAX;

struct means {
    size_t n, dims;
    uint32_t *roots;     /* [n] */
    uint32_t *number;    /* [faces]: of a root, its place in roots */
    uint32_t *nearest;   /* [n]: a place, or none */
    float *at;           /* [n][dims] */
    struct index *index; /* ids are places */
};

static void close_means(struct means *m) {
    free(m->roots);
    free(m->number);
    free(m->nearest);
    free(m->at);
    index_close(m->index);
}

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "no memory for the means of groups");
}

static int add_up(struct index *x, const int64_t *ids, struct groups *w, struct means *m) {
    float *v = malloc(m->dims * sizeof *v);
    int rc = v ? 0 : no_memory();
    for (uint32_t i = 0; i < w->graph.n && !rc; i++) {
        uint32_t root = groups_root(w, i);
        if (w->at[root].faces < 2) continue;
        float *mean = m->at + m->number[root] * m->dims;
        rc = index_read(x, ids[i], v);
        for (size_t j = 0; j < m->dims && !rc; j++) mean[j] += v[j];
    }
    free(v);
    return rc;
}

/* To length 1; a mean of no direction is like nobody. */
static int index_means(struct means *m) {
    int rc = index_open((int)m->dims, NULL, &m->index);
    for (size_t i = 0; i < m->n && !rc; i++) {
        float *mean = m->at + i * m->dims;
        double sum = 0;
        for (size_t j = 0; j < m->dims; j++) sum += (double)mean[j] * (double)mean[j];
        if (sum < 1e-6) continue;
        for (size_t j = 0; j < m->dims; j++) mean[j] = (float)((double)mean[j] / sqrt(sum));
        rc = index_add(m->index, (int64_t)i, mean);
    }
    return rc;
}

static int open_means(struct index *x, const int64_t *ids, struct groups *w, struct means *m) {
    *m = (struct means){.dims = (size_t)index_dims(x)};
    m->roots = malloc((w->graph.n + 1) * sizeof *m->roots);
    m->number = malloc((w->graph.n + 1) * sizeof *m->number);
    if (!m->roots || !m->number) return no_memory();
    for (uint32_t i = 0; i < w->graph.n; i++) {
        if (w->at[i].into != i || w->at[i].faces < 2) continue;
        m->number[i] = (uint32_t)m->n;
        m->roots[m->n++] = i;
    }
    m->nearest = malloc((m->n + 1) * sizeof *m->nearest);
    m->at = calloc(m->n * m->dims + 1, sizeof *m->at);
    if (!m->nearest || !m->at) return no_memory();
    int rc = add_up(x, ids, w, m);
    return rc ? rc : index_means(m);
}

static int may_join(struct groups *w, uint32_t a, uint32_t b) {
    if (a == b || (w->at[a].name != GROUP_NONE && w->at[b].name != GROUP_NONE)) return 0;
    for (uint32_t i = 0; i < w->at[a].n; i++) {
        const struct link *l = &w->at[a].links[i];
        if (l->apart && groups_root(w, l->other) == b) return 0;
    }
    return 1;
}

static int find_nearest(struct groups *w, struct means *m) {
    struct index_filter filter = {.least = (float)w->join};
    struct index_hit hits[AT_ONCE * NEAREST];
    int counts[AT_ONCE], rc = 0;
    for (size_t i = 0; i < m->n && !rc; i += AT_ONCE) {
        int n = m->n - i < AT_ONCE ? (int)(m->n - i) : AT_ONCE;
        rc = index_search(m->index, m->at + i * m->dims, n, NEAREST, &filter, hits, counts);
        for (int q = 0; q < n && !rc; q++) {
            uint32_t *best = &m->nearest[i + (size_t)q];
            *best = none;
            for (int j = 0; j < counts[q] && *best == none; j++) {
                uint32_t other = (uint32_t)hits[q * NEAREST + j].id;
                if (may_join(w, m->roots[i + (size_t)q], m->roots[other])) *best = other;
            }
        }
    }
    return rc;
}

/* Returns how many became parts of others, or a code. */
static int unite_nearest(struct groups *w, const struct means *m) {
    int united = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t other = m->nearest[i];
        if (other == none || other < i || m->nearest[other] != i) continue;
        int rc = groups_unite(w, m->roots[i], m->roots[other]);
        if (rc) return rc;
        united++;
    }
    return united;
}

int means_join(struct index *x, const int64_t *ids, struct groups *w) {
    struct means m;
    int rc = open_means(x, ids, w, &m);
    if (!rc) rc = find_nearest(w, &m);
    if (!rc) rc = unite_nearest(w, &m);
    close_means(&m);
    return rc;
}
