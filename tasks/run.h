/*
 * run.h - many items through one network.
 *
 * As many items as the backend has lanes, or more, are run an item a lane, side by side, by plans
 * of batch 1. What is left is too little to keep all lanes busy that way, and runs in batches on
 * all of them together.
 */
#ifndef MIEN_TASKS_RUN_H
#define MIEN_TASKS_RUN_H

#include "tasks/task.h"

#include <stdatomic.h>

/* All items of a call. */
int task_run(const struct task_call *c);

/* How many of n items run an item a lane: a multiple of the backend's lanes. */
int run_in_lanes(const struct mien_net *net, int n);

/* The sentence of the first item that failed, brought from its thread to the caller's. */
struct run_failure {
    atomic_int rc; /* MIEN_OK: none */
    char text[512];
};
void run_fail(struct run_failure *f, int rc);
/* Its code; sets the caller's sentence where it is not MIEN_OK. */
int run_failed(const struct run_failure *f);

#endif
