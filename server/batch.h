/*
 * batch.h - runs the items of all requests, in batches.
 *
 * Whoever works on a request submits items and waits for them. One thread collects what waits,
 * oldest request first, and runs it; while it runs, more arrives, so that batches grow with the
 * load and a lone request never waits. It is one thread because a run of mien.h uses all cores: two
 * at once would only disturb each other. Results do not depend on a batch's other items (mien.h).
 */
#ifndef MIEN_SERVER_BATCH_H
#define MIEN_SERVER_BATCH_H

#include "analysis/runner.h"
#include "server/metrics.h"

#include <pthread.h>

enum batch_state { BATCH_IDLE, BATCH_QUEUED, BATCH_RUNNING, BATCH_DONE, BATCH_WITHDRAWN };

/* Items somebody waits for together: a runner of analyses. */
struct batch_group {
    struct runner runner;
    struct batcher *batcher;
    double arrived; /* of the request, clock_seconds(): the oldest go first */
    /* Until when it is waited; or until stop(context) says so, asked now and then; may be NULL. */
    double until;
    int (*stop)(void *context);
    void *context;
    pthread_cond_t changed;
    int open; /* items queued or running, under the batcher's lock */
};

struct batcher;

/* Items of a run: at most max_batch pictures or faces, but an item is never split. The first of a
 * batch waits for others at most max_wait_us microseconds, and only while some are expected. NULL
 * where memory or threads ran out. */
struct batcher *batcher_new(int max_batch, int max_wait_us, struct metrics *metrics);
/* No item may be open. */
void batcher_free(struct batcher *b);
/* Tells that n more (fewer, where negative) pictures are about to be submitted. */
void batcher_expect(struct batcher *b, int n);
/* Items that wait. */
int batcher_depth(struct batcher *b);

/* Sets up the runner; arrived, until, stop and context are the caller's to set. */
void batch_group_init(struct batch_group *g, struct batcher *b);
void batch_group_destroy(struct batch_group *g);
void batch_submit(struct batch_group *g, struct item *item);
/* Waits until all of the group's items are done: 0. When `until` has come, or stop(context) says
 * so, items that have not begun are withdrawn, those that have are waited for, and it returns
 * -1. */
int batch_wait(struct batch_group *g);

#endif
