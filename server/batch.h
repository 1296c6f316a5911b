/*
 * batch.h - runs the networks over the pictures and faces of all requests, in batches.
 *
 * Whoever works on a request submits items and waits for them. One thread collects what waits,
 * oldest request first, and runs it; while it runs, more arrives, so that batches grow with the
 * load and a lone request never waits. It is one thread because a run of mien.h uses all cores: two
 * at once would only disturb each other. Results do not depend on a batch's other items (mien.h).
 */
#ifndef MIEN_SERVER_BATCH_H
#define MIEN_SERVER_BATCH_H

#include "server/metrics.h"
#include "server/models.h"

#include <pthread.h>

enum batch_state { BATCH_IDLE, BATCH_QUEUED, BATCH_RUNNING, BATCH_DONE, BATCH_WITHDRAWN };

/* The task of items that bring their own work, beside those of models.h. */
enum { BATCH_CALL = MODELS_TASKS, BATCH_TASKS };

/* Items somebody waits for together. */
struct batch_group {
    struct batcher *batcher;
    pthread_cond_t changed;
    int open; /* items queued or running, under the batcher's lock */
};

/* One picture, or the faces of one. What is pointed to stays the submitter's and must live until
 * the item is done or withdrawn. */
struct batch_item {
    int task; /* of enum models_task, or BATCH_CALL */
    const struct models *models;
    double arrived; /* of its request, clock_seconds(): the oldest go first */

    const mien_image *image;           /* all but embed of crops */
    const mien_detect_options *detect; /* detect; items of different options are not mixed */
    int top;                           /* classify */
    int n;                             /* age-gender and embed: faces; else 1 */
    const mien_face *faces;            /* age-gender, embed: [n] */
    const uint8_t *crops;              /* embed: instead of image and faces, [n][112][112][3] */
    int (*call)(void *context);        /* call: alone in its batch; returns a MIEN_E code */
    void *context;

    /* Results, valid where code is MIEN_OK; memory by malloc, the submitter's to free. */
    mien_face *found; /* detect: [nfound] */
    int nfound;
    mien_class *classes;   /* classify: [top] */
    float *embeddings;     /* embed: [n][embedding_size] */
    double aligning;       /* embed: the part of ran that aligned faces, 0..1 */
    mien_age_gender *ages; /* age-gender: [n] */
    int code;              /* a MIEN_E code, MIEN_ENOMEM too */
    char why[256];         /* its sentence */
    double waited, ran;    /* seconds */

    /* The batcher's. */
    enum batch_state state;
    struct batch_group *group;
    struct batch_item *next;
    double submitted;
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

void batch_group_init(struct batch_group *g, struct batcher *b);
void batch_group_destroy(struct batch_group *g);
void batch_submit(struct batch_group *g, struct batch_item *item);
/* Waits until all of the group's items are done: 0. When `until` (clock_seconds()) has come, or
 * stop(context) says so (asked now and then; may be NULL), items that have not begun are withdrawn,
 * those that have are waited for, and it returns -1. */
int batch_wait(struct batch_group *g, double until, int (*stop)(void *), void *context);

#endif
