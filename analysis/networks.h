/*
 * networks.h - the networks a program works with, one a task, and what each needs and produces.
 *
 * This is the pipeline as data: a network looks at an image or at a face, and gives faces,
 * embeddings, attributes or classes. Programs ask by what comes out, or go through the list; which
 * tasks there are is mien_task_info_get()'s to say.
 */
#ifndef MIEN_ANALYSIS_NETWORKS_H
#define MIEN_ANALYSIS_NETWORKS_H

#include "mien.h"

enum { NETWORKS_MAX = 16 };

struct network {
    mien_net *net; /* NULL: this task is left out */
    mien_net_info info;
    mien_task_info task; /* what it needs (item) and produces (result) */
};

/* at[t - 1] is that of task t. */
struct networks {
    mien_ctx *ctx;
    int n;
    struct network at[NETWORKS_MAX];
};

/* A word for an enum mien_precision: "bf16". */
const char *precision_name(int precision);
/* How many tasks there are. */
int networks_tasks(void);
/* Makes *all the list of tasks without a network. */
void networks_init(struct networks *all, mien_ctx *ctx);
/* Frees the networks, not the context. */
void networks_free(struct networks *all);
/* The first network that gives this; NULL where none does. */
const struct network *networks_giving(const struct networks *all, enum mien_result result);
/* The first task that gives this: a position in networks.at, -1 where there is none. */
int networks_task_giving(enum mien_result result);

#endif
