/*
 * graph.h - one node of an op list, as those who make the net's node of it see it: graph.c reads
 * the list and knows the layers and pointwise operators, graph_gather.c those that copy pixels and
 * channels.
 */
#ifndef MIEN_MODELS_GRAPH_H
#define MIEN_MODELS_GRAPH_H

#include "engine/net.h"

#include <jansson.h>

struct graph_node {
    const char *op;
    int inputs, from[NET_MAX_INPUTS]; /* numbers in the list */
    net_value x[NET_MAX_INPUTS];
    json_t *attributes;
};

struct graph_maker {
    const char *op;
    int least, most; /* inputs */
    net_value (*make)(struct net *net, const struct graph_node *n);
};

/* An attribute within low and high; an error of the net where it is none. */
int graph_whole(struct net *net, const struct graph_node *n, const char *key, int low, int high);
/* An attribute that is an array of `count` whole numbers within low and high. */
void graph_wholes(struct net *net, const struct graph_node *n, const char *key, int count, int low,
                  int high, int *out);

extern const struct graph_maker graph_gathers[]; /* ended by a row without a name */

#endif
