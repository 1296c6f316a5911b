#include "gallery/graph.h"

#include "engine/err.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>

enum { AT_ONCE = 64 }; /* faces whose neighbours are looked for in one pass */

/* A pair of faces, as one of the two found it; a > b. */
struct pair {
    uint32_t a, b;
    int32_t score : 31;
    uint32_t apart : 1;
};

struct pairs {
    struct pair *at;
    size_t n, room;
};

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "no memory for the neighbours of the faces");
}

static int note(struct pairs *p, struct pair pair) {
    if (p->n == p->room) {
        size_t room = p->room + p->room / 4 + 4096;
        struct pair *more = realloc(p->at, room * sizeof *more);
        if (!more) return no_memory();
        p->at = more;
        p->room = room;
    }
    p->at[p->n++] = pair;
    return 0;
}

/* The number of an id; n: it is none of the faces. */
static size_t number_of(const int64_t *ids, size_t n, int64_t id) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ids[low] == id ? low : n;
}

struct faces {
    const int64_t *ids;
    size_t n;
};

static int is_face(void *context, int64_t id) {
    const struct faces *f = context;
    return number_of(f->ids, f->n, id) < f->n;
}

/* The pairs of faces first .. first + m - 1. Where both find each other the second is the same pair
 * once more. */
static int look_around(struct index *x, struct faces *f, size_t first, int m,
                       const struct graph_options *o, float *queries, struct index_hit *hits,
                       struct pairs *out) {
    struct index_filter filter = {.least = o->least, .allow = is_face, .context = f};
    int k = o->neighbours + 1; /* a face is its own */
    int counts[AT_ONCE], rc = 0;
    size_t dims = (size_t)index_dims(x);
    for (int i = 0; i < m && !rc; i++)
        rc = index_read(x, f->ids[first + (size_t)i], queries + (size_t)i * dims);
    if (!rc) rc = index_search(x, queries, m, k, &filter, hits, counts);
    for (int i = 0; i < m && !rc; i++)
        for (int j = 0; j < counts[i] && !rc; j++) {
            const struct index_hit *h = &hits[i * k + j];
            uint32_t self = (uint32_t)first + (uint32_t)i;
            uint32_t other = (uint32_t)number_of(f->ids, f->n, h->id);
            if (other == self) continue;
            rc = note(out, (struct pair){.a = self > other ? self : other,
                                         .b = self > other ? other : self,
                                         .score = (int32_t)lrint((double)h->score * GRAPH_ONE)});
        }
    return rc;
}

static int all_pairs(struct index *x, const int64_t *ids, size_t n, const struct graph_options *o,
                     struct pairs *out) {
    struct faces f = {ids, n};
    size_t k = (size_t)o->neighbours + 1;
    float *queries = malloc(AT_ONCE * (size_t)index_dims(x) * sizeof *queries);
    struct index_hit *hits = malloc(AT_ONCE * k * sizeof *hits);
    int rc = queries && hits ? 0 : no_memory();
    for (size_t i = 0; i < n && !rc; i += AT_ONCE) {
        int m = n - i < AT_ONCE ? (int)(n - i) : AT_ONCE;
        rc = look_around(x, &f, i, m, o, queries, hits, out);
        if (!rc && o->progress) rc = o->progress(o->context, (double)(i + (size_t)m) / (double)n);
    }
    free(queries);
    free(hits);
    return rc;
}

static int in_order(const void *a, const void *b) {
    const struct pair *p = a, *q = b;
    if (p->a != q->a) return p->a < q->a ? -1 : 1;
    if (p->b != q->b) return p->b < q->b ? -1 : 1;
    return (int)p->apart - (int)q->apart;
}

/* Sorted, each pair once; one that is told apart may have been found, too. */
static void sort_pairs(struct pairs *p) {
    size_t n = 0;
    if (p->n > 0) qsort(p->at, p->n, sizeof *p->at, in_order);
    for (size_t i = 0; i < p->n; i++) {
        if (n > 0 && p->at[n - 1].a == p->at[i].a && p->at[n - 1].b == p->at[i].b)
            p->at[n - 1].apart |= p->at[i].apart;
        else
            p->at[n++] = p->at[i];
    }
    p->n = n;
}

static struct link link_to(uint32_t other, const struct pair *p) {
    return (struct link){.other = other, .pairs = 1, .apart = p->apart, .sum = p->score};
}

/* Pairs in the order of a give each list of links to lesser faces, and then to greater ones, in
 * order. */
static int make_links(struct graph *g, const struct pairs *p) {
    size_t *at = calloc(g->n + 1, sizeof *at);
    g->first = calloc(g->n + 1, sizeof *g->first);
    g->links = malloc((2 * p->n + 1) * sizeof *g->links);
    if (!at || !g->first || !g->links) {
        free(at);
        return no_memory();
    }
    for (size_t i = 0; i < p->n; i++) {
        g->first[p->at[i].a + 1]++;
        g->first[p->at[i].b + 1]++;
    }
    for (size_t i = 0; i < g->n; i++) {
        g->first[i + 1] += g->first[i];
        at[i] = g->first[i];
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct pair *pair = &p->at[i];
        g->links[at[pair->a]++] = link_to(pair->b, pair);
        g->links[at[pair->b]++] = link_to(pair->a, pair);
    }
    free(at);
    return 0;
}

int graph_open(struct index *x, const int64_t *ids, size_t n, const struct graph_options *o,
               const uint32_t *apart, size_t n_apart, struct graph *out) {
    struct pairs p = {0};
    *out = (struct graph){.n = n};
    int rc = all_pairs(x, ids, n, o, &p);
    for (size_t i = 0; i < n_apart && !rc; i++) {
        uint32_t a = apart[2 * i], b = apart[2 * i + 1];
        rc = note(&p, (struct pair){.a = a > b ? a : b, .b = a > b ? b : a, .apart = 1});
    }
    if (!rc) {
        sort_pairs(&p);
        rc = make_links(out, &p);
    }
    free(p.at);
    if (rc) graph_close(out);
    return rc;
}

void graph_close(struct graph *g) {
    free(g->first);
    free(g->links);
    *g = (struct graph){0};
}

static int by_other(const void *a, const void *b) {
    const struct link *p = a, *q = b;
    return (p->other > q->other) - (p->other < q->other);
}

size_t graph_unite(struct link *links, size_t n, uint32_t self) {
    size_t kept = 0;
    if (n > 0) qsort(links, n, sizeof *links, by_other);
    for (size_t i = 0; i < n; i++) {
        if (links[i].other == self) continue;
        if (kept > 0 && links[kept - 1].other == links[i].other) {
            links[kept - 1].pairs += links[i].pairs;
            links[kept - 1].apart |= links[i].apart;
            links[kept - 1].sum += links[i].sum;
        } else {
            links[kept++] = links[i];
        }
    }
    return kept;
}
