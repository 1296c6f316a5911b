/*
 * groups.h - groups of faces in the making, and what makes them grow.
 *
 * groups_link() knows of each face only its neighbours; gallery/means.h compares the means of
 * groups themselves, for a person of more faces than a face lists neighbours.
 */
#ifndef MIEN_GALLERY_GROUPS_H
#define MIEN_GALLERY_GROUPS_H

#include "gallery/graph.h"
#include "gallery/hit.h"

/* Under the number of one of its faces. */
struct group {
    struct link *links; /* [n]; of faces alone, the graph's */
    uint32_t n, into;   /* into: the group it has become a part of, or itself */
    uint32_t faces;
    uint64_t pairs;     /* within it that are known */
    int64_t sum;        /* of their scores */
    int owned, settled; /* links are this group's; nothing is left to join it */
    int64_t name;       /* of a group that was there before; GROUP_NONE */
};

struct groups {
    double join, unknown; /* as in struct cluster_options */
    int neighbours;
    struct graph graph;
    struct group *at; /* [graph.n] */
    uint32_t *chain;  /* [graph.n] */
};

/* The group a face, or what was a group, is in. */
uint32_t groups_root(struct groups *w, uint32_t i);
/* b becomes a part of a. */
int groups_unite(struct groups *w, uint32_t a, uint32_t b);
/* Unites groups until none are as like as `join`. */
int groups_link(struct groups *w);

#endif
