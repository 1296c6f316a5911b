#include "server/batch.h"

#include "common/clock.h"
#include "server/sync.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STOP_POLL 0.05 /* seconds between two questions whether to go on waiting */

enum {
    QUEUES = NETWORKS_MAX + 1, /* one a task, and one for calls */
    DEPTH = 4                  /* runs at once: one that runs, and those that make way for it */
};

struct queue {
    struct item *first, *last;
    int units; /* sum of the items' n */
};

/* Items that run, and until when their clients have paid for it, by the batcher's clock. */
struct batch_run {
    struct batcher *batcher;
    struct item **items; /* [max_batch] */
    int n;
    int is_firm; /* nothing comes between its looks and layers any more */
    double paid;
};

struct batcher {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    pthread_t thread;
    struct queue queue[QUEUES];
    int expected, depth, closing, ended;
    double served; /* of the client that had least when it was last one's turn */
    double began;  /* the run that is under way; 0: none is */
    struct batch_run runs[DEPTH];
    int running; /* of those; the last is under way */
    int max_batch;
    double max_wait; /* seconds */
    double (*clock)(void);
    struct turns *turns; /* may be NULL */
    struct metrics *metrics;
};

/* The task of an item, a position in networks.at; calls come behind all tasks. */
static int queue_of(const struct item *item) {
    return item->call ? NETWORKS_MAX : (int)item->network->task.task - 1;
}

/* It runs in pieces, each alone. */
static int is_large(const struct batcher *b, const struct item *item) {
    return item->n > b->max_batch;
}

static int units_left(const struct item *item) {
    return item->n - item->ran;
}

static void run(struct batcher *b, struct item *const *items, int n) {
    int large = is_large(b, items[0]), units = 0;

    for (int i = 0; i < n; i++) units += units_left(items[i]);
    if (large && units > b->max_batch) units = b->max_batch;
    if (!items[0]->call) metrics_batch(b->metrics, queue_of(items[0]), units);
    if (large) {
        item_run_piece(items[0], units);
        return;
    }
    items_run(items, n);
    for (int i = 0; i < n; i++) items[i]->ran = items[i]->n;
}

static struct client *client_of(const struct item *item) {
    return ((const struct batch_group *)item->group)->client;
}

/* Clients have their turns by what they have been served, a client's requests by their age. */
static int goes_before(const struct item *a, const struct item *b) {
    double served = atomic_load(&client_of(a)->served), other = atomic_load(&client_of(b)->served);

    return served != other ? served < other : a->arrived < b->arrived;
}

/* Nobody waits for a run to end that is for many requests of one client. */
static int is_alone(const struct batcher *b, const struct item *head) {
    return atomic_load(&client_of(head)->requests) > 1 && b->turns && turns_are_shared(b->turns);
}

/* Who waits for one answer does not wait for those as well of whom sends many. */
static int is_company(const struct item *head, const struct item *item) {
    const struct client *one = client_of(head), *other = client_of(item);

    return items_join(head, item) &&
           (one == other || atomic_load(&one->requests) > 1 || atomic_load(&other->requests) <= 1);
}

/* Whose turn it is of those in the queue that fit behind so many looks; *before is the one in front
 * of it. NULL where none is. head: what it must join; NULL: nothing. */
static struct item *next_item(const struct batcher *b, const struct queue *q,
                              const struct item *head, int looks, struct item **before) {
    struct item *best = NULL, *last = NULL;

    for (struct item *item = q->first; item; last = item, item = item->next) {
        if (head && (!is_company(head, item) || looks + item_looks(item) > b->max_batch)) continue;
        if (best && !goes_before(item, best)) continue;
        best = item;
        *before = last;
    }
    return best;
}

/* The queue in which the item is whose turn it is; NULL where nothing waits. */
static struct queue *next_queue(struct batcher *b) {
    struct item *best = NULL, *item, *before;
    struct queue *queue = NULL;

    for (int i = 0; i < QUEUES; i++) {
        item = next_item(b, &b->queue[i], NULL, 0, &before);
        if (!item || (best && !goes_before(item, best))) continue;
        best = item;
        queue = &b->queue[i];
    }
    return queue;
}

static void unlink_item(struct batcher *b, struct queue *q, struct item *before,
                        struct item *item) {
    if (before)
        before->next = item->next;
    else
        q->first = item->next;
    if (q->last == item) q->last = before;
    item->next = NULL;
    q->units -= units_left(item);
    client_of(item)->items--;
    b->depth--;
}

/* Takes the item whose turn it is and what joins it, max_batch looks at most; or it alone where it
 * is larger, or is one of many while others may come. */
static int take_batch(struct batcher *b, struct queue *q, struct item **items, int room) {
    struct item *before = NULL, *item = next_item(b, q, NULL, 0, &before);
    int n = 0, looks = 0;

    if (is_alone(b, item)) room = 1;
    b->served = atomic_load(&client_of(item)->served);
    for (; item && n < room; item = next_item(b, q, items[0], looks, &before)) {
        unlink_item(b, q, before, item);
        item->state = BATCH_RUNNING;
        item->waited += clock_seconds() - item->submitted;
        items[n++] = item;
        looks += item_looks(item);
    }
    return n;
}

/* Seconds on the clock until which an item waits for somebody who has nothing here yet. */
static double ahead(const struct batcher *b, const struct item *item) {
    return b->turns && !b->closing ? turns_ahead(b->turns, client_of(item)) : 0;
}

/* Seconds on the clock until which the queue's first item waits for company, or for others. */
static double ready_at(const struct batcher *b, const struct queue *q) {
    struct item *before = NULL;
    double until = ahead(b, next_item(b, q, NULL, 0, &before));

    if (q->units >= b->max_batch || b->expected <= 0 || b->closing || q->first->call) return until;
    return fmax(until, q->first->submitted + b->max_wait);
}

/* Behind the items of older requests, so that each queue is in order of arrival. */
static void insert_item(struct batcher *b, struct item *item) {
    struct queue *q = &b->queue[queue_of(item)];
    struct item **at = &q->first;
    struct client *client = client_of(item);

    /* Who comes back has no claim to what others had meanwhile. */
    if (client->items++ == 0) client_catch_up(client, b->served);
    item->state = BATCH_QUEUED;
    item->submitted = clock_seconds();
    if (q->last && q->last->arrived <= item->arrived) at = &q->last->next;
    while (*at && (*at)->arrived <= item->arrived) at = &(*at)->next;
    item->next = *at;
    *at = item;
    if (!item->next) q->last = item;
    q->units += units_left(item);
    b->depth++;
}

/* With the lock. The last item of a group that was left frees it. */
static void close_item(struct batcher *b, struct item *item, enum batch_state state) {
    struct batch_group *g = item->group;

    item->state = state;
    if (--g->open > 0 || !g->release) {
        pthread_cond_signal(&g->changed);
        return;
    }
    pthread_mutex_unlock(&b->lock);
    pthread_cond_destroy(&g->changed);
    g->release(g->owner);
    pthread_mutex_lock(&b->lock);
}

/* A run between the layers of another may find no memory beside it: it has its turn again when that
 * has ended. had: units that had run before. With the lock. */
static int is_put_off(struct batch_run *r, struct item *item, int had) {
    const struct batch_group *g = item->group;

    if (item->rc != MIEN_ENOMEM || r->batcher->running == 0 || g->is_over) return 0;
    r[-1].is_firm = 1;
    item->rc = MIEN_OK;
    item->ran = had;
    return 1;
}

/* What has pieces left goes behind all that has arrived meanwhile. With the lock. */
static void finish(struct batch_run *r, int had) {
    struct batcher *b = r->batcher;
    double now = clock_seconds();

    for (int i = 0; i < r->n; i++) {
        struct item *item = r->items[i];
        const struct batch_group *g = item->group;
        if (is_put_off(r, item, had)) {
            insert_item(b, item);
        } else if (item->rc || units_left(item) <= 0) {
            close_item(b, item, BATCH_DONE);
        } else if (g->is_over) {
            close_item(b, item, BATCH_WITHDRAWN);
        } else {
            item->arrived = now;
            insert_item(b, item);
        }
    }
}

/* Each client pays for what it had of the run since it last paid. */
static void pay(struct batch_run *r) {
    double now = r->batcher->clock();
    int looks = 0;

    for (int i = 0; i < r->n; i++) looks += item_looks(r->items[i]);
    for (int i = 0; i < r->n; i++)
        client_charge(client_of(r->items[i]),
                      (now - r->paid) * item_looks(r->items[i]) / (looks > 0 ? looks : 1));
    r->paid = now;
}

/* Nobody waits for any of them. With the lock. */
static int is_given_up(const struct batch_run *r) {
    for (int i = 0; i < r->n; i++)
        if (!((const struct batch_group *)r->items[i]->group)->is_over) return 0;
    return 1;
}

/* Has who is next been served less than anybody the run is for? Who sends many does not come
 * between the looks of who waits for one answer: his run would be gone through to its end. With the
 * lock. */
static int makes_way(const struct batch_run *r, const struct queue *q) {
    struct item *before = NULL;
    const struct client *next = client_of(next_item(r->batcher, q, NULL, 0, &before));

    for (int i = 0; i < r->n; i++) {
        const struct client *one = client_of(r->items[i]);
        if (atomic_load(&one->served) <= atomic_load(&next->served)) return 0;
        if (atomic_load(&one->requests) <= 1 && atomic_load(&next->requests) > 1) return 0;
    }
    return 1;
}

static void run_queue(struct batcher *b, struct queue *q);

/* Between the looks at a picture, and between the layers of a look. One that takes long is no
 * reason for others to wait: what is due runs meanwhile. */
static int between_looks(void *context) {
    struct batch_run *r = context;
    struct batcher *b = r->batcher;
    struct queue *q;
    double until;
    int is_over;

    pay(r);
    pthread_mutex_lock(&b->lock);
    while (!(is_over = is_given_up(r))) {
        if (b->running < DEPTH && !r->is_firm && (q = next_queue(b)) && makes_way(r, q))
            run_queue(b, q);
        else if ((until = ahead(b, r->items[0])) > clock_seconds())
            sync_cond_wait(&b->arrived, &b->lock, until);
        else
            break;
    }
    pthread_mutex_unlock(&b->lock);
    r->paid = b->clock();
    return is_over;
}

/* Runs a batch of the queue, for the client of its first item. Called and left with the lock, for
 * the batcher's thread. */
static void run_queue(struct batcher *b, struct queue *q) {
    struct batch_run *r = &b->runs[b->running];
    double began = b->began, now;
    int had;

    r->n = take_batch(b, q, r->items, b->max_batch);
    r->is_firm = 0;
    had = r->items[0]->ran; /* what runs in pieces runs alone */
    for (int i = 0; i < r->n; i++) {
        r->items[i]->stop = between_looks;
        r->items[i]->stop_context = r;
    }
    now = b->began = clock_seconds();
    b->running++;
    pthread_mutex_unlock(&b->lock);
    if (b->turns) turns_run(b->turns, client_of(r->items[0]));
    r->paid = b->clock();
    run(b, r->items, r->n);
    pay(r);
    pthread_mutex_lock(&b->lock);
    b->running--;
    if (b->turns) turns_run(b->turns, b->running > 0 ? client_of(r[-1].items[0]) : NULL);
    b->began = began > 0 ? began + clock_seconds() - now : 0; /* its own time only */
    finish(r, had);
}

/* Runs until closing; called and left with the lock. */
static void collect(struct batcher *b) {
    for (;;) {
        struct queue *q = next_queue(b);
        double until = q ? ready_at(b, q) : 0;
        if (!q && b->closing) return;
        if (!q)
            pthread_cond_wait(&b->arrived, &b->lock);
        else if (until > clock_seconds())
            sync_cond_wait(&b->arrived, &b->lock, until);
        else
            run_queue(b, q);
    }
}

static void *batcher_main(void *arg) {
    struct batcher *b = arg;
    struct item *few[DEPTH], **items = calloc((size_t)b->max_batch * DEPTH, sizeof *items);

    pthread_mutex_lock(&b->lock);
    if (!items) b->max_batch = 1; /* no memory for more */
    for (int i = 0; i < DEPTH; i++)
        b->runs[i] = (struct batch_run){
            .batcher = b, .items = items ? items + (size_t)i * (size_t)b->max_batch : &few[i]};
    collect(b);
    b->ended = 1;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
    free(items);
    return NULL;
}

struct batcher *batcher_new(const struct batcher_options *o) {
    struct batcher *b = calloc(1, sizeof *b);

    if (!b) return NULL;
    b->max_batch = o->max_batch;
    b->max_wait = 1e-6 * o->max_wait_us;
    b->clock = o->clock ? o->clock : clock_seconds;
    b->turns = o->turns;
    b->metrics = o->metrics;
    pthread_mutex_init(&b->lock, NULL);
    sync_cond_init(&b->arrived);
    if (pthread_create(&b->thread, NULL, batcher_main, b) == 0) return b;
    pthread_cond_destroy(&b->arrived);
    pthread_mutex_destroy(&b->lock);
    free(b);
    return NULL;
}

int batcher_stop(struct batcher *b, double seconds) {
    double until = clock_seconds() + seconds;
    int ended;

    pthread_mutex_lock(&b->lock);
    b->closing = 1;
    pthread_cond_signal(&b->arrived);
    while (!b->ended && clock_seconds() < until) sync_cond_wait(&b->arrived, &b->lock, until);
    ended = b->ended;
    pthread_mutex_unlock(&b->lock);
    return ended ? pthread_join(b->thread, NULL) : -1;
}

void batcher_free(struct batcher *b) {
    if (!b) return;
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

double batcher_busy(struct batcher *b) {
    double began;

    pthread_mutex_lock(&b->lock);
    began = b->began;
    pthread_mutex_unlock(&b->lock);
    return began > 0 ? clock_seconds() - began : 0;
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

void batch_group_init(struct batch_group *g, struct batcher *b, struct client *client) {
    *g = (struct batch_group){
        .runner = {.submit = runner_submit, .wait = runner_wait}, .batcher = b, .client = client};
    sync_cond_init(&g->changed);
}

void batch_submit(struct batch_group *g, struct item *item) {
    struct batcher *b = g->batcher;

    item->group = g;
    item->arrived = g->arrived;
    item->waited = 0;
    item->ran = 0;
    pthread_mutex_lock(&b->lock);
    insert_item(b, item);
    g->open++;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
}

/* Takes the group's items that have not begun out of the queues. */
static void withdraw(struct batch_group *g) {
    struct batcher *b = g->batcher;

    g->is_over = 1;
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
    int is_over;

    pthread_mutex_lock(&b->lock);
    while (g->open > 0 && !g->is_over) {
        double now = clock_seconds();
        if (now >= g->until || (g->stop && g->stop(g->context))) {
            withdraw(g);
        } else {
            double poll = g->stop ? now + STOP_POLL : g->until;
            sync_cond_wait(&g->changed, &b->lock, poll < g->until ? poll : g->until);
        }
    }
    is_over = g->is_over;
    pthread_mutex_unlock(&b->lock);
    return is_over ? -1 : 0;
}

void batch_group_end(struct batch_group *g, void (*release)(void *owner), void *owner) {
    struct batcher *b = g->batcher;
    int runs;

    pthread_mutex_lock(&b->lock);
    withdraw(g);
    runs = g->open > 0;
    g->release = release;
    g->owner = owner;
    pthread_mutex_unlock(&b->lock);
    if (runs) return; /* close_item() */
    pthread_cond_destroy(&g->changed);
    release(owner);
}
