/*
 * batch.h - runs the items of all requests, in batches.
 *
 * Whoever works on a request submits items and waits for them. One thread collects what waits,
 * first of the client that has been served least (clients.h), of his the oldest request first, and
 * runs it; while it runs, more arrives, so that batches grow with the load and a lone request never
 * waits. It is one thread because a run of mien.h uses all cores: two at once would only disturb
 * each other. Results do not depend on a batch's other items (mien.h).
 */
#ifndef MIEN_SERVER_BATCH_H
#define MIEN_SERVER_BATCH_H

#include "analysis/runner.h"
#include "server/clients.h"
#include "server/metrics.h"
#include "server/turns.h"

#include <pthread.h>

enum batch_state { BATCH_IDLE, BATCH_QUEUED, BATCH_RUNNING, BATCH_DONE, BATCH_WITHDRAWN };

/* Items somebody waits for together: a runner of analyses. */
struct batch_group {
    struct runner runner;
    struct batcher *batcher;
    struct client *client; /* held by whoever opened the group */
    double arrived;        /* of the request, clock_seconds(): a client's oldest go first */
    /* Until when it is waited; or until stop(context) says so, asked now and then; may be NULL. */
    double until;
    int (*stop)(void *context);
    void *context;
    pthread_cond_t changed;
    /* Under the batcher's lock. */
    int open;                     /* items queued or running */
    int is_over;                  /* given up: nothing more of it is begun */
    void (*release)(void *owner); /* set where it was left with an item that runs */
    void *owner;
};

/* What a batcher is given. */
struct batcher_options {
    int max_batch;         /* pictures or faces of a run */
    int max_wait_us;       /* microseconds that the first of a batch waits for others at most */
    double (*clock)(void); /* seconds, by which clients pay for runs; NULL: clock_seconds() */
    struct turns *turns;   /* told for whom it runs; NULL: nobody is */
    struct metrics *metrics;
};

struct batcher;

/* Items of a run: at most max_batch pictures or faces. An item of more runs in pieces, each behind
 * what others have waiting by then. The first of a batch waits for others only while some are
 * expected. NULL where memory or threads ran out. */
struct batcher *batcher_new(const struct batcher_options *o);
/* Waits until its thread has ended, which a run keeps from it, for `seconds` at most: 0; -1 where
 * it has not, and then nothing it looks at may be freed. */
int batcher_stop(struct batcher *b, double seconds);
/* It must have stopped. */
void batcher_free(struct batcher *b);
/* Tells that n more (fewer, where negative) pictures are about to be submitted. */
void batcher_expect(struct batcher *b, int n);
/* Seconds the run has taken that is under way; 0 where there is none. */
double batcher_busy(struct batcher *b);
/* Items that wait. */
int batcher_depth(struct batcher *b);

/* Sets up the runner; arrived, until, stop and context are the caller's to set. */
void batch_group_init(struct batch_group *g, struct batcher *b, struct client *client);
/* Ends it: release(owner) frees what its items look at, and the group, which nobody touches any
 * more: at once, or by the batcher's thread as soon as the run ends that still looks at them. */
void batch_group_end(struct batch_group *g, void (*release)(void *owner), void *owner);
void batch_submit(struct batch_group *g, struct item *item);
/* Waits until all of the group's items are done: 0. When `until` has come, or stop(context) says
 * so, items that have not begun are withdrawn and it returns -1 at once, whatever still runs. */
int batch_wait(struct batch_group *g);

#endif
