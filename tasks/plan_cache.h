/*
 * plan_cache.h - the plans of a context's networks, made on first use and kept within a budget.
 *
 * A plan runs a network at one batch and size. Making one takes a millisecond or two, and images of
 * a folder or a server come in any number of shapes, so plans are kept; but at large sizes each
 * takes hundreds of megabytes, so they have a budget in bytes, which all networks of a context
 * share. Plans that are in use stay within the limit: whoever wants another waits, or runs fewer
 * items at a time. Of plans that are not, those longest unused go first.
 */
#ifndef MIEN_TASKS_PLAN_CACHE_H
#define MIEN_TASKS_PLAN_CACHE_H

#include <pthread.h>
#include <stddef.h>

struct backend;
struct backend_ops;
struct mien_net;
struct workspaces;

/* What a plan's runs hand out: the network's outputs, and values that others read of it, the k-th
 * of its `kept` by bit PLAN_VALUE << k. The graph's outputs are in this order. */
enum { PLAN_OUTPUTS = 1, PLAN_VALUE = 2 };

struct net_plan {
    struct mien_net *net;
    unsigned want;
    int batch, width, height;
    struct plan_graph *graph;
    struct backend_plan *plan;
    size_t run_bytes;        /* memory of each run; */
    size_t kept_bytes;       /* of it, what stays with the plan: the outputs, on a GPU all */
    int runs, room;          /* runs under way at once; those it has memory for */
    unsigned long used;      /* tick of the last use */
    struct workspaces *idle; /* that wait for a run, under the network's lock; linked */
    struct net_plan *next;
};

/* Of a context. All below is under the lock. */
struct plan_cache {
    pthread_mutex_t lock;
    pthread_cond_t released;
    const struct backend_ops *backend;
    struct backend *device; /* the backend's; what it keeps for runs to come is counted, too */
    size_t limit;           /* bytes of all plans */
    size_t keep;            /* bytes of those that are not in use and of spare memory */
    size_t bytes;           /* of all plans, and of one that is being made */
    struct net_plan *plans; /* of all networks; linked */
    unsigned long tick;
    unsigned long releases; /* how often memory has become free */
};

void plan_cache_init(struct plan_cache *c, const struct backend_ops *backend,
                     struct backend *device, size_t limit, size_t keep);
/* There may be no plans left. */
void plan_cache_destroy(struct plan_cache *c);

/* The plan for a size, made on first use, for one run; to be released. Waits while plans that are
 * in use leave no room for it, so the caller must hold none. MIEN_ETOOBIG where there is not enough
 * for it alone. */
int plan_acquire(struct mien_net *net, unsigned want, int batch, int width, int height,
                 struct net_plan **out);
/* The same for several runs at once, without waiting: *out is NULL, and that no failure, where
 * there is no room for them. */
int plan_try(struct mien_net *net, unsigned want, int batch, int width, int height, int runs,
             struct net_plan **out);
void plan_release(struct net_plan *p, int runs);
/* +1: what this thread does from now on interrupts a run of its own, until -1. plan_acquire() does
 * not wait then, for it might be for that run's memory: MIEN_ENOMEM where there is no room. */
void plan_cache_interrupt(int step);
/* Frees all plans of a network; none may be in use. */
void plans_drop(struct mien_net *net);
/* Bytes of all plans, of what runs, and of what is kept for runs to come. */
size_t plan_cache_bytes(struct plan_cache *c);
/* Values of output i of a plan, all items together. */
size_t plan_output_count(const struct net_plan *p, int i);

#endif
