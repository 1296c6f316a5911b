/*
 * net.h - what a mien_net is: a blob, the network built from it, its packed weights and its task.
 */
#ifndef MIEN_TASKS_NET_H
#define MIEN_TASKS_NET_H

#include "engine/blob.h"
#include "engine/calibrate.h"
#include "tasks/attribute_list.h"
#include "tasks/context.h"
#include "tasks/plan_cache.h"
#include "tasks/task.h"

#include <pthread.h>

enum { NET_TEXTS = 4 };

struct mien_net {
    mien_ctx *ctx; /* NULL: only described, by net_describe() */
    struct blob *blob;
    struct net *net;
    struct backend_weights *weights;
    const struct task *task;
    void *state; /* the task's */
    mien_net_info info;
    struct attribute_list *attributes;       /* NULL: its results are of another kind */
    struct calibration *calibration;         /* that runs now, else NULL */
    const struct backend_observer *observer; /* its observer */
    pthread_mutex_t making;                  /* one plan at a time is made */
    struct net_plan *latest;                 /* the plan used last, under the context's lock */

    /* Two embedders as one (pair.h): there is no blob, nor what is made of it. Else NULL. */
    struct mien_net *pair[2];
    char *texts[NET_TEXTS]; /* of its info */

    /* One that reads features: of whom, and which of what that keeps (backbone.h). */
    struct mien_net *backbone;
    int value;
    /* Under the context's nets_lock. */
    struct mien_net *next;
    int holders, by_program;           /* who loaded it is one */
    int nkept, kept[PLAN_MOST_VALUES]; /* values others read; none ever goes */

    pthread_mutex_t lock; /* guards what follows, and plans' workspaces */
    mien_times times;
    float *room; /* [room_size] for values that others read (shared.c) */
    size_t room_size;
};

/* Where `noutputs` pointers fit. No network here comes near. */
enum { NET_MAX_OUTPUTS = 32 };

/* mien_net_load(). by_program: 0 where it is opened for a network that reads its features. */
int net_load(mien_ctx *ctx, const char *name_or_path, int by_program, struct mien_net **out);
/* mien_net_free(), of whoever held it. NULL is allowed. */
void net_release(struct mien_net *net, int by_program);
/* mien_net_path() of a file that is there; a network of that name that is not is MIEN_EIO. */
int net_find(const mien_ctx *ctx, const char *name_or_path, char **path);
/* MIEN_EINVAL with a sentence unless the network's task has this result. */
int net_check_result(const struct mien_net *net, enum mien_result result, const char *verb);
/* Index of an output by name; -1 where the network has none of that name. */
int net_output_index(const struct mien_net *net, const char *name);
/* Channels of output i. */
int net_output_channels(const struct mien_net *net, int i);
/* MIEN_EWEIGHTS unless the network's first output has that name. */
int net_check_output(const struct mien_net *net, const char *name);
/* Fills net->info, task and state of a network whose blob is open, from its metadata and its layers
 * alone: nothing is packed and nothing can be run. */
int net_describe(struct mien_net *net);
/* Frees what net_describe() made. */
void net_forget(struct mien_net *net);

#endif
