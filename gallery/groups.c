#include "gallery/groups.h"

#include "engine/err.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t groups_root(struct groups *w, uint32_t i) {
    while (w->at[i].into != i) {
        w->at[i].into = w->at[w->at[i].into].into;
        i = w->at[i].into;
    }
    return i;
}

/* The mean of `pairs` scores of known sum and of those that are not known, out of `all`. A face
 * lists so many neighbours, so `most` can be known at most: others count for nothing. */
static double mean_of(const struct groups *w, int64_t sum, double pairs, double all, double most) {
    double possible = all < most ? all : most;
    if (possible < pairs) possible = pairs;
    double unknown = (possible - pairs) * w->unknown;
    return ((double)sum / GRAPH_ONE + unknown) / possible;
}

/* The square of the length of the mean of a group's faces: the mean of all its products, those of a
 * face with itself among them. */
static double square_of(const struct groups *w, const struct group *g) {
    if (g->faces == 1) return 1;
    double n = g->faces;
    double inner = mean_of(w, g->sum, (double)g->pairs, n * (n - 1) / 2, n * w->neighbours / 2);
    return fmax(1 / n + (1 - 1 / n) * inner, 1 / n);
}

/* The cosine of two groups' means. */
static double score_between(const struct groups *w, const struct group *a, const struct group *b,
                            const struct link *l) {
    double n = a->faces, m = b->faces;
    double mean = mean_of(w, l->sum, l->pairs, n * m, w->neighbours * fmin(n, m));
    return mean / sqrt(square_of(w, a) * square_of(w, b));
}

/* Links to groups that have become parts of others lead to those. */
static void refresh(struct groups *w, uint32_t self) {
    struct group *g = &w->at[self];
    int changed = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        uint32_t now = groups_root(w, g->links[i].other);
        changed |= now != g->links[i].other;
        g->links[i].other = now;
    }
    if (changed) g->n = (uint32_t)graph_unite(g->links, g->n, self);
}

/* The group that `self` is most like, from `join` on; itself where there is none. Of equals `last`
 * comes first, then the one of the least number. */
static uint32_t nearest(struct groups *w, uint32_t self, uint32_t last) {
    const struct group *g = &w->at[self];
    uint32_t best = self;
    double most = w->join;
    refresh(w, self);
    for (uint32_t i = 0; i < g->n; i++) {
        const struct group *other = &w->at[g->links[i].other];
        if (g->links[i].apart) continue;
        if (g->name != GROUP_NONE && other->name != GROUP_NONE) continue;
        double score = score_between(w, g, other, &g->links[i]);
        if (score < most || (score == most && best != self && g->links[i].other != last)) continue;
        most = score;
        best = g->links[i].other;
    }
    return best;
}

/* b becomes a part of a. */
int groups_unite(struct groups *w, uint32_t a, uint32_t b) {
    struct group *g = &w->at[a], *h = &w->at[b];
    struct link *links = malloc(((size_t)g->n + h->n + 1) * sizeof *links);
    if (!links) return err_set(MIEN_ENOMEM, "no memory to group faces");
    if (g->n) memcpy(links, g->links, g->n * sizeof *links);
    if (h->n) memcpy(links + g->n, h->links, h->n * sizeof *links);
    for (uint32_t i = 0; i < h->n; i++) {
        if (groups_root(w, h->links[i].other) != a) continue;
        g->pairs += h->links[i].pairs;
        g->sum += h->links[i].sum;
    }
    if (g->owned) free(g->links);
    if (h->owned) free(h->links);
    h->into = a;
    g->faces += h->faces;
    g->pairs += h->pairs;
    g->sum += h->sum;
    if (g->name == GROUP_NONE) g->name = h->name;
    size_t n = (size_t)g->n + h->n;
    for (size_t i = 0; i < n; i++) links[i].other = groups_root(w, links[i].other);
    g->n = (uint32_t)graph_unite(links, n, a);
    g->links = links;
    g->owned = 1;
    g->settled = 0;
    h->links = NULL;
    h->n = 0;
    h->owned = 0;
    return 0;
}

/* A chain of groups, each the nearest of the one before, ends with two that are each other's
 * nearest: those become one (Murtagh, "A survey of recent advances in hierarchical clustering
 * algorithms", 1983). Scores only rise along it, so it comes back to no group it has left. */
static int follow(struct groups *w, uint32_t start) {
    size_t n = 0;
    w->chain[n++] = start;
    for (;;) {
        uint32_t self = w->chain[n - 1], last = n > 1 ? w->chain[n - 2] : self;
        uint32_t best = nearest(w, self, last);
        if (best == self) {
            w->at[self].settled = 1;
            return 0;
        }
        if (best == last) {
            uint32_t a = self < best ? self : best;
            return groups_unite(w, a, self < best ? best : self);
        }
        w->chain[n++] = best;
    }
}

/* Two that become one may be no part of what is looked at, so until nothing is left. */
int groups_link(struct groups *w) {
    int any = 1;
    while (any) {
        any = 0;
        for (uint32_t i = 0; i < w->graph.n; i++) {
            uint32_t at = groups_root(w, i);
            while (!w->at[at].settled) {
                int rc = follow(w, at);
                if (rc) return rc;
                at = groups_root(w, i);
                any = 1;
            }
        }
    }
    return 0;
}
