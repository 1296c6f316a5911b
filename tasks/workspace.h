/*
 * workspace.h - what a run needs besides its plan: images on their way in, outputs, scratch.
 *
 * A plan keeps the workspaces its runs have used, so that a second call allocates nothing.
 */
#ifndef MIEN_TASKS_WORKSPACE_H
#define MIEN_TASKS_WORKSPACE_H

#include "mien.h"
#include "vision/resize.h"

struct net_plan;

/* Of one run at a time. */
struct workspace {
    const struct net_plan *plan;
    int workers;            /* threads that may make rows of one image at once */
    struct resized *images; /* [batch] */
    float **outputs;        /* [the graph's noutputs], each [batch][h][w][c] */
    void *scratch;          /* the task's */
    mien_times times;       /* spent since it was acquired */
};

/* One for each of the items that run side by side. */
struct workspaces {
    struct workspaces *next;
    const struct mien_net *net;
    int n;
    struct workspace at[];
};

/* n or more of a plan in use; to be released before the plan. */
int workspaces_acquire(struct mien_net *net, struct net_plan *p, int n, struct workspaces **out);
/* account: the network whose time it was. */
void workspaces_release(struct mien_net *net, struct net_plan *p, struct workspaces *all,
                        struct mien_net *account);
void workspaces_free(struct workspaces *all);

#endif
