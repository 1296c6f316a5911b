/*
 * values.h - the values of a folded network by name, for networks that read one of another.
 *
 * A name is that of a layer, or of the layers whose names begin with it and a dot: what the last of
 * them gives, after the batch norm, activation, sum and product that follow it alone. So "conv_4"
 * is what a whole stage gives, whatever its blocks are called, and no model file says anything.
 */
#ifndef MIEN_ENGINE_VALUES_H
#define MIEN_ENGINE_VALUES_H

#include "engine/net.h"

/* The node that makes the value of that name; -1 where there is none. */
int values_find(const struct net *net, const char *name);

struct value_name {
    int node;
    size_t length; /* of the name, which is the beginning of a layer's: net->nodes[layer].name */
    int layer;
};

/* All values that have a name, each by its shortest, in the order they are made: a malloc'ed array
 * of *count; NULL without memory. */
struct value_name *values_list(const struct net *net, int *count);

#endif
