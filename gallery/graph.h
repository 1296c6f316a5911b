/*
 * graph.h - which faces are like which: the exact neighbours of each, from both sides.
 *
 * Scores are kept as integers, so that sums of them do not depend on the order of adding.
 */
#ifndef MIEN_GALLERY_GRAPH_H
#define MIEN_GALLERY_GRAPH_H

#include "gallery/index.h"

#include <stdint.h>

/* Pairs between one group and another, or what is known of it. */
struct link {
    uint32_t other;
    uint32_t pairs : 31;
    uint32_t apart : 1; /* they are two persons */
    int64_t sum;        /* of the pairs' scores, times GRAPH_ONE */
};
#define GRAPH_ONE 0x1p24

struct graph {
    size_t n;
    size_t *first;      /* [n + 1]: links of face i from first[i] on */
    struct link *links; /* [first[n]], by their other face */
};

struct graph_options {
    int neighbours; /* of each face at most, of a score of at least `least` */
    float least;
    int (*progress)(void *context, double share); /* not 0: to stop with that; or NULL */
    void *context;
};

/* ids: [n], ascending, rows of x; apart: [2 * n_apart] numbers of faces. */
int graph_open(struct index *x, const int64_t *ids, size_t n, const struct graph_options *o,
               const uint32_t *apart, size_t n_apart, struct graph *out);
void graph_close(struct graph *g);
/* Links to the same other one become one link, those to `self` none, in order; returns how many. */
size_t graph_unite(struct link *links, size_t n, uint32_t self);

#endif
