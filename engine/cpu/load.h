/*
 * load.h - a network's weights for the CPU, packed or taken from the cache of an earlier start.
 */
#ifndef MIEN_ENGINE_CPU_LOAD_H
#define MIEN_ENGINE_CPU_LOAD_H

#include "engine/cpu/layer.h"
#include "engine/pool.h"

/*
 * A network's layers; shared, read-only, by all its plans. All their arrays lie in one region, one
 * after the other in the order of the nodes, so that the region can be a file (pack_cache.h).
 */
struct backend_weights {
    struct cpu_layer *layers; /* [nodes] */
    int count;
    char *region; /* the arrays */
    size_t bytes; /* of the region */
    int kept;     /* the region is what a cache file held (pack_cache.h) */
};

/* Chooses each layer's algorithm and has its weights packed by the pool's threads, or, where
 * use_cache is 1 and an earlier start has packed them, takes those. */
int cpu_load_weights(const struct kern *k, struct pool *pool, const struct net *net, int use_cache,
                     struct backend_weights **out);
void cpu_free_weights(struct backend_weights *w);

#endif
