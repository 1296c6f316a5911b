/*
 * plan_cache.h - the plans of a network, made on first use and kept.
 *
 * A plan runs the network at one batch and size. Making one takes a millisecond or two, and images
 * of a folder or a server come in any number of shapes, so that as many are kept as take little
 * memory.
 */
#ifndef MIEN_TASKS_PLAN_CACHE_H
#define MIEN_TASKS_PLAN_CACHE_H

#include <stddef.h>

struct mien_net;
struct workspaces;

struct net_plan {
    int batch, width, height;
    struct plan_graph *graph;
    struct backend_plan *plan;
    size_t bytes;            /* its memory where all lanes run it */
    int users;               /* threads that run it now */
    unsigned long used;      /* tick of the last use */
    struct workspaces *idle; /* that wait for a run; linked */
    struct net_plan *next;
};

/* Guarded by the network's lock, as all that is in its plans. */
struct plan_cache {
    struct net_plan *plans;
    unsigned long tick;
};

/* The plan for a size, made on first use; to be released. */
int plan_acquire(struct mien_net *net, int batch, int width, int height, struct net_plan **out);
void plan_release(struct mien_net *net, struct net_plan *p);
/* Frees all plans; none may be in use. */
void plans_drop(struct mien_net *net);
/* Values of output i of a plan, all items together. */
size_t plan_output_count(const struct net_plan *p, int i);

#endif
