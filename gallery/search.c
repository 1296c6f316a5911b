#include "gallery/search.h"

#include "engine/err.h"
#include "engine/pages.h"
#include "engine/pool.h"
#include "gallery/best.h"
#include "gallery/quantise.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

enum { TASK_GROUPS = 32, RETRIES = 100 };
enum { GONE = 1 }; /* beside rc: a row left while its floats were asked for */

/* What a thread needs for itself. */
struct worker {
    int32_t sums[SEARCH_QUERIES][GROUP_ROWS] __attribute__((aligned(64)));
    uint32_t above[SEARCH_QUERIES];
    float least[SEARCH_QUERIES];
    struct best best[SEARCH_QUERIES];
    int failed; /* memory ran out */
};

struct pass {
    const struct search_means *m;
    const struct index_filter *filter;
    const float *queries;
    int n, k, threads;
    struct rows_view view;
    struct query query[SEARCH_QUERIES];
    int32_t start[SEARCH_QUERIES];
    int8_t *values;         /* [n][padded] */
    struct worker *workers; /* [threads] */
    float *fetched;         /* [dims] */
};

static void offer(const struct pass *p, struct worker *w, int i, uint32_t slot, double scale,
                  int32_t sum) {
    const struct query *q = &p->query[i];
    const struct index_filter *f = p->filter;
    struct candidate c = {.upper = query_upper(q, scale, sum), .slot = slot};
    if (c.upper < best_limit(&w->best[i])) return; /* the kernel saw it a few rows ago */
    c.lower = query_lower(q, scale, sum);
    c.id = rows_id(p->m->rows, slot);
    if (f->allow && !f->allow(f->context, c.id)) return;
    c.group = f->group ? f->group(f->context, c.id) : 0;
    if (best_offer(&w->best[i], &c) < 0) w->failed = 1;
    w->least[i] = query_least(q, best_limit(&w->best[i]));
}

static void scan_group(const struct pass *p, struct worker *w, uint32_t group) {
    const uint8_t *bytes;
    const uint16_t *scale;
    uint32_t rows = rows_of_group(p->m->rows, &p->view, group, &bytes, &scale);
    if (!rows) return;
    struct kern_queries q = {p->n, p->m->rows->padded, p->values, p->start, w->least};
    if (!(p->m->kern->scan_u8(&q, bytes, scale, w->sums[0], w->above) & rows)) return;
    for (int i = 0; i < p->n; i++)
        for (uint32_t left = w->above[i] & rows; left; left &= left - 1) {
            int lane = __builtin_ctz(left);
            offer(p, w, i, group * GROUP_ROWS + (uint32_t)lane,
                  (double)kern_bf16_to_f32(scale[lane]), w->sums[i][lane]);
        }
}

static void scan_task(void *context, int task, int worker) {
    const struct pass *p = context;
    struct worker *w = &p->workers[worker];
    uint32_t first = (uint32_t)task * TASK_GROUPS;
    for (uint32_t g = first; g < first + TASK_GROUPS && g < p->view.groups && !w->failed; g++)
        scan_group(p, w, g);
}

/* Who searches with whom: the floats of a candidate, and that they are what was added. */
static int exact_score(const struct pass *p, int i, const struct candidate *c, float *score) {
    const struct search_means *m = p->m;
    const float *v = p->fetched;
    if (m->fetch) {
        int rc = m->fetch(m->context, c->id, p->fetched);
        if (rc < 0) return rc;
        if (rc > 0 && !rows_has(m->rows, c->id)) return GONE;
        if (rc > 0)
            return err_set(MIEN_EFORMAT, "row %lld is in the index, but its values are nowhere",
                           (long long)c->id);
    } else {
        v = rows_floats(m->rows, c->slot);
    }
    size_t dims = (size_t)m->rows->dims;
    *score = score_of(m->rows->dims, p->queries + (size_t)i * dims, v);
    if ((double)*score >= c->lower && (double)*score <= c->upper) return 0;
    return err_set(MIEN_EFORMAT, "the values of row %lld are not those that were added",
                   (long long)c->id);
}

/* Hits in order, of a group only the best: their groups beside them. */
struct ranking {
    struct index_hit *hits;
    int64_t *groups;
    int n, k, grouped;
};

static int is_better(const struct index_hit *a, const struct index_hit *b) {
    return a->score != b->score ? a->score > b->score : a->id < b->id;
}

static void drop(struct ranking *r, int i) {
    size_t behind = (size_t)(r->n - i - 1);
    memmove(r->hits + i, r->hits + i + 1, behind * sizeof *r->hits);
    memmove(r->groups + i, r->groups + i + 1, behind * sizeof *r->groups);
    r->n--;
}

static void rank(struct ranking *r, struct index_hit hit, int64_t group) {
    for (int i = 0; r->grouped && i < r->n; i++) {
        if (r->groups[i] != group) continue;
        if (!is_better(&hit, &r->hits[i])) return;
        drop(r, i);
        break;
    }
    if (r->n == r->k) {
        if (!is_better(&hit, &r->hits[r->n - 1])) return;
        r->n--;
    }
    int low = 0, high = r->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (is_better(&r->hits[middle], &hit))
            low = middle + 1;
        else
            high = middle;
    }
    size_t behind = (size_t)(r->n - low);
    memmove(r->hits + low + 1, r->hits + low, behind * sizeof *r->hits);
    memmove(r->groups + low + 1, r->groups + low, behind * sizeof *r->groups);
    r->hits[low] = hit;
    r->groups[low] = group;
    r->n++;
}

/* What all threads found for query i: floats are asked for in the order of what the scores can be
 * at most, until that is less than what k hits have. */
static int settle(const struct pass *p, int i, struct index_hit *hits, int *count) {
    struct best *all = &p->workers[0].best[i];
    for (int t = 1; t < p->threads; t++)
        if (best_merge(all, &p->workers[t].best[i]) < 0)
            return err_set(MIEN_ENOMEM, "no memory for what a search found");
    best_sort(all);
    struct ranking r = {.hits = hits, .k = p->k, .grouped = p->filter->group != NULL};
    r.groups = malloc((size_t)p->k * sizeof *r.groups);
    if (!r.groups) return err_set(MIEN_ENOMEM, "no memory for what a search found");
    int rc = 0;
    for (size_t j = 0; j < all->n_candidates && !rc; j++) {
        const struct candidate *c = &all->candidates[j];
        struct index_hit hit = {.id = c->id};
        if (r.n == r.k && c->upper < (double)hits[r.n - 1].score) break;
        rc = exact_score(p, i, c, &hit.score);
        if (!rc && hit.score >= p->filter->least) rank(&r, hit, c->group);
    }
    *count = r.n;
    free(r.groups);
    return rc;
}

static int pass_open(struct pass *p) {
    const struct rows *rows = p->m->rows;
    size_t padded = (size_t)rows->padded;
    p->values = pages_alloc((size_t)p->n * padded);
    p->workers = pages_alloc((size_t)p->threads * sizeof *p->workers);
    p->fetched = malloc((size_t)rows->dims * sizeof *p->fetched);
    if (p->workers) memset(p->workers, 0, (size_t)p->threads * sizeof *p->workers);
    int bad = !p->values || !p->workers || !p->fetched;
    for (int i = 0; i < p->n && !bad; i++) {
        p->query[i] = quantise_query(rows->dims, p->queries + (size_t)i * (size_t)rows->dims,
                                     p->view.longest, p->values + (size_t)i * padded);
        p->start[i] = p->query[i].start;
        for (int t = 0; t < p->threads && !bad; t++) {
            struct worker *w = &p->workers[t];
            bad = best_open(&w->best[i], p->k, p->filter->group != NULL, (double)p->filter->least) <
                  0;
            w->least[i] = query_least(&p->query[i], (double)p->filter->least);
        }
    }
    return bad ? err_set(MIEN_ENOMEM, "no memory for a search") : 0;
}

static void pass_close(struct pass *p) {
    for (int t = 0; t < p->threads && p->workers; t++)
        for (int i = 0; i < p->n; i++) best_close(&p->workers[t].best[i]);
    pages_free(p->values, (size_t)p->n * (size_t)p->m->rows->padded);
    pages_free(p->workers, (size_t)p->threads * sizeof *p->workers);
    free(p->fetched);
}

/* Once over all rows: 0, GONE or a code. */
static int pass_run(struct pass *p, struct index_hit *hits, int *counts) {
    int rc = rows_view_open(p->m->rows, &p->view);
    if (rc) return rc;
    rc = pass_open(p);
    if (!rc) {
        int tasks = (int)((p->view.groups + TASK_GROUPS - 1) / TASK_GROUPS);
        pool_run(p->m->pool, tasks, scan_task, p);
        for (int t = 0; t < p->threads && !rc; t++)
            if (p->workers[t].failed)
                rc = err_set(MIEN_ENOMEM, "no memory for what a search found");
    }
    for (int i = 0; i < p->n && !rc; i++)
        rc = settle(p, i, hits + (size_t)i * (size_t)p->k, counts + i);
    pass_close(p);
    rows_view_close(p->m->rows, &p->view);
    return rc;
}

/* A row that left between the pass and the look at its floats may have kept others from being
 * candidates. It has left the index, too, so the next pass does not meet it. */
int search_pass(const struct search_means *m, const float *queries, int n, int k,
                const struct index_filter *filter, struct index_hit *hits, int *counts) {
    for (int i = 0; i < RETRIES; i++) {
        struct pass p = {.m = m, .filter = filter, .queries = queries, .n = n, .k = k};
        p.threads = pool_threads(m->pool);
        int rc = pass_run(&p, hits, counts);
        if (rc <= 0) return rc;
    }
    return err_set(MIEN_EINVAL, "rows leave the index faster than it can be searched");
}
