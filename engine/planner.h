/*
 * planner.h - inside planning: what plan.c's stages, a file each, hand on to each other.
 *
 * plan_shapes.c infers the size of every value, plan_steps.c fuses nodes into steps, plan_buffers.c
 * gives what is stored its place.
 */
#ifndef MIEN_ENGINE_PLANNER_H
#define MIEN_ENGINE_PLANNER_H

#include "engine/plan.h"

/* What planning knows of a node's value. */
struct planner_value {
    int h, w;
    int step;     /* that stores it; -1: the input, or fused away */
    int consumer; /* the last node that reads it, -1: none */
    int uses;
    int wanted;                   /* what is handed out needs it */
    int claimed;                  /* part of a fused group that has begun */
    int fused;                    /* handed over inside a step (plan_fused) */
    int paired;                   /* the plan_step.consumer of a depthwise convolution */
    int buffer;                   /* -1: not stored */
    int channel;                  /* offset in the buffer's channels */
    int top, left, bottom, right; /* halo its readers need */
};

struct planner {
    const struct net *net;
    struct plan_rules rules;
    int no_outputs; /* only what the graph's outputs need is planned */
    struct plan_graph *g;
    struct planner_value *v; /* [net->count] */
};

/* Fills in h and w of each value at this size of the input. values: [net->count] */
int planner_shapes(const struct net *net, int width, int height, struct planner_value *values);
/* Rows (side NET_TOP) or columns (NET_LEFT) of a window of k taps before a map of n, of which it
 * makes `out`. */
int planner_pad(const struct net_window *window, enum net_side side, int k, int n, int out);
/* Makes the graph's steps, in the order they run. */
void planner_steps(struct planner *p);
/* Makes the graph's buffers and gives each its place in the arena. */
int planner_buffers(struct planner *p);

#endif
