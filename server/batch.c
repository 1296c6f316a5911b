#include "server/batch.h"

#include "common/clock.h"
#include "server/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_POLL 0.05 /* seconds between two questions whether to go on waiting */

enum { QUEUES = NETWORKS_MAX + 1 }; /* one a task, and one for calls */

struct queue {
    struct item *first, *last;
    int units; /* sum of the items' n */
};

struct batcher {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    pthread_t thread;
    struct queue queue[QUEUES];
    int expected, depth, closing;
    int max_batch;
    double max_wait; /* seconds */
    struct metrics *metrics;
};

/* The task of an item, a position in networks.at; calls come behind all tasks. */
static int queue_of(const struct item *item) {
    return item->call ? NETWORKS_MAX : (int)item->network->task.task - 1;
}

static void run(struct batcher *b, struct item *const *items, int n) {
    int units = 0;

    for (int i = 0; i < n; i++) units += items[i]->n;
    if (!items[0]->call) metrics_batch(b->metrics, queue_of(items[0]), units);
    items_run(items, n);
}

/* The queue of the oldest request; NULL where nothing waits. */
static struct queue *oldest_queue(struct batcher *b) {
    struct queue *best = NULL;

    for (int i = 0; i < QUEUES; i++) {
        struct queue *q = &b->queue[i];
        if (q->first && (!best || q->first->arrived < best->first->arrived)) best = q;
    }
    return best;
}

static void unlink_item(struct batcher *b, struct queue *q, struct item *before,
                        struct item *item) {
    if (before)
        before->next = item->next;
    else
        q->first = item->next;
    if (q->last == item) q->last = before;
    item->next = NULL;
    q->units -= item->n;
    b->depth--;
}

/* Takes what joins the queue's first item, max_batch units at most. */
static int take_batch(struct batcher *b, struct queue *q, struct item **items, int room) {
    const struct item *head = q->first;
    struct item *before = NULL, *item = q->first, *next;
    int n = 0, units = 0;

    for (; item && n < room; item = next) {
        next = item->next;
        if (!items_join(head, item) || (n > 0 && units + item->n > b->max_batch)) {
            before = item;
            continue;
        }
        unlink_item(b, q, before, item);
        item->state = BATCH_RUNNING;
        item->waited = clock_seconds() - item->submitted;
        items[n++] = item;
        units += item->n;
    }
    return n;
}

/* Seconds on the clock until which the queue's first item waits for company. */
static double ready_at(const struct batcher *b, const struct queue *q) {
    if (q->units >= b->max_batch || b->expected <= 0 || b->closing) return 0;
    if (q->first->call) return 0;
    return q->first->submitted + b->max_wait;
}

static void finish(struct batcher *b, struct item **items, int n) {
    pthread_mutex_lock(&b->lock);
    for (int i = 0; i < n; i++) {
        struct batch_group *g = items[i]->group;
        items[i]->state = BATCH_DONE;
        g->open--;
        pthread_cond_signal(&g->changed);
    }
}

/* Runs until closing; called and left with the lock. items: [max_batch]. */
static void collect(struct batcher *b, struct item **items) {
    for (;;) {
        struct queue *q = oldest_queue(b);
        double until = q ? ready_at(b, q) : 0;
        int n;
        if (!q && b->closing) return;
        if (!q) {
            pthread_cond_wait(&b->arrived, &b->lock);
            continue;
        }
        if (until > clock_seconds()) {
            sync_cond_wait(&b->arrived, &b->lock, until);
            continue;
        }
        n = take_batch(b, q, items, b->max_batch);
        pthread_mutex_unlock(&b->lock);
        run(b, items, n);
        finish(b, items, n);
    }
}

static void *batcher_main(void *arg) {
    struct batcher *b = arg;
    struct item **items = calloc((size_t)b->max_batch, sizeof *items), *one;

    pthread_mutex_lock(&b->lock);
    if (!items) b->max_batch = 1; /* no memory for more */
    collect(b, items ? items : &one);
    pthread_mutex_unlock(&b->lock);
    free(items);
    return NULL;
}

struct batcher *batcher_new(int max_batch, int max_wait_us, struct metrics *metrics) {
    struct batcher *b = calloc(1, sizeof *b);

    if (!b) return NULL;
    b->max_batch = max_batch;
    b->max_wait = 1e-6 * max_wait_us;
    b->metrics = metrics;
    pthread_mutex_init(&b->lock, NULL);
    sync_cond_init(&b->arrived);
    if (pthread_create(&b->thread, NULL, batcher_main, b) == 0) return b;
    pthread_cond_destroy(&b->arrived);
    pthread_mutex_destroy(&b->lock);
    free(b);
    return NULL;
}

void batcher_free(struct batcher *b) {
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->closing = 1;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->arrived);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void batcher_expect(struct batcher *b, int n) {
    pthread_mutex_lock(&b->lock);
    b->expected += n;
    if (n < 0 && b->expected == 0) pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
}

int batcher_depth(struct batcher *b) {
    int depth;

    pthread_mutex_lock(&b->lock);
    depth = b->depth;
    pthread_mutex_unlock(&b->lock);
    return depth;
}

static void runner_submit(struct runner *r, struct item *item) {
    batch_submit((struct batch_group *)r, item);
}

static int runner_wait(struct runner *r) {
    return batch_wait((struct batch_group *)r);
}

void batch_group_init(struct batch_group *g, struct batcher *b) {
    *g = (struct batch_group){.runner = {.submit = runner_submit, .wait = runner_wait},
                              .batcher = b};
    sync_cond_init(&g->changed);
}

void batch_group_destroy(struct batch_group *g) {
    pthread_cond_destroy(&g->changed);
}

/* Behind the items of older requests, so that each queue is in order of arrival. */
static void insert_item(struct queue *q, struct item *item) {
    struct item **at = &q->first;

    if (q->last && q->last->arrived <= item->arrived) at = &q->last->next;
    while (*at && (*at)->arrived <= item->arrived) at = &(*at)->next;
    item->next = *at;
    *at = item;
    if (!item->next) q->last = item;
    q->units += item->n;
}

void batch_submit(struct batch_group *g, struct item *item) {
    struct batcher *b = g->batcher;

    item->group = g;
    item->arrived = g->arrived;
    item->state = BATCH_QUEUED;
    item->submitted = clock_seconds();
    pthread_mutex_lock(&b->lock);
    insert_item(&b->queue[queue_of(item)], item);
    b->depth++;
    g->open++;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
}

/* Takes the group's items that have not begun out of the queues. */
static void withdraw(struct batch_group *g) {
    struct batcher *b = g->batcher;

    for (int i = 0; i < QUEUES; i++) {
        struct queue *q = &b->queue[i];
        struct item *before = NULL, *item = q->first, *next;
        for (; item; item = next) {
            next = item->next;
            if (item->group != g) {
                before = item;
                continue;
            }
            unlink_item(b, q, before, item);
            item->state = BATCH_WITHDRAWN;
            g->open--;
        }
    }
}

int batch_wait(struct batch_group *g) {
    struct batcher *b = g->batcher;
    int withdrawn = 0;

    pthread_mutex_lock(&b->lock);
    while (g->open > 0) {
        double now = clock_seconds();
        if (withdrawn) {
            pthread_cond_wait(&g->changed, &b->lock);
        } else if (now >= g->until || (g->stop && g->stop(g->context))) {
            withdraw(g);
            withdrawn = 1;
        } else {
            double poll = g->stop ? now + STOP_POLL : g->until;
            sync_cond_wait(&g->changed, &b->lock, poll < g->until ? poll : g->until);
        }
    }
    pthread_mutex_unlock(&b->lock);
    return withdrawn ? -1 : 0;
}
