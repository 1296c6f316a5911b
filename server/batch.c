#include "server/batch.h"

#include "common/clock.h"
#include "common/faces.h"
#include "server/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_POLL 0.05 /* seconds between two questions whether to go on waiting */

struct queue {
    struct batch_item *first, *last;
    int units; /* sum of the items' n */
};

struct batcher {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    pthread_t thread;
    struct queue queue[BATCH_TASKS];
    int expected, depth, closing;
    int max_batch;
    double max_wait; /* seconds */
    struct metrics *metrics;
};

/* ---- running a list of items; without the lock ---- */

static int set_error(struct batch_item *item, int code) {
    item->code = code;
    snprintf(item->why, sizeof item->why, "%s", code == MIEN_OK ? "" : mien_error());
    return code;
}

static int no_memory(struct batch_item *item) {
    item->code = MIEN_ENOMEM;
    snprintf(item->why, sizeof item->why, "out of memory");
    return MIEN_ENOMEM;
}

/* The result of picture i of a run: a copy, sized to what was found. */
static int keep_faces(struct batch_item *item, const mien_face *faces, int n) {
    item->found = malloc((size_t)n * sizeof *faces + 1);
    if (!item->found) return no_memory(item);
    memcpy(item->found, faces, (size_t)n * sizeof *faces);
    item->nfound = n;
    return set_error(item, MIEN_OK);
}

static int run_detect(struct batch_item *const *items, int n, int units) {
    int capacity = items[0]->detect->max_faces, code = MIEN_ENOMEM;
    const mien_image **images = calloc((size_t)n, sizeof *images);
    mien_face *faces = malloc((size_t)n * (size_t)capacity * sizeof *faces);
    int *counts = calloc((size_t)n, sizeof *counts);

    (void)units;
    if (images && faces && counts) {
        for (int i = 0; i < n; i++) images[i] = items[i]->image;
        code = mien_detect(items[0]->models->task[MODELS_DETECT].net, images, n, items[0]->detect,
                           capacity, faces, counts);
        for (int i = 0; i < n; i++) {
            if (code)
                set_error(items[i], code);
            else
                keep_faces(items[i], faces + (size_t)i * (size_t)capacity, counts[i]);
        }
    } else {
        for (int i = 0; i < n; i++) no_memory(items[i]);
    }
    free(images);
    free(faces);
    free(counts);
    return code;
}

/* Items may want different numbers of classes: the best of many are the best of few. */
static int run_classify(struct batch_item *const *items, int n, int units) {
    int top = 1, code = MIEN_ENOMEM;
    const mien_image **images = calloc((size_t)n, sizeof *images);
    mien_class *classes;

    (void)units;
    for (int i = 0; i < n; i++)
        if (items[i]->top > top) top = items[i]->top;
    classes = calloc((size_t)n * (size_t)top, sizeof *classes);
    if (images && classes) {
        for (int i = 0; i < n; i++) images[i] = items[i]->image;
        code = mien_classify(items[0]->models->task[MODELS_CLASSIFY].net, images, n, top, classes);
    }
    for (int i = 0; i < n; i++) {
        struct batch_item *item = items[i];
        size_t bytes = (size_t)item->top * sizeof *classes;
        if (images && classes) set_error(item, code);
        if (code == MIEN_OK) item->classes = malloc(bytes);
        if (item->classes)
            memcpy(item->classes, classes + (size_t)i * (size_t)top, bytes);
        else if (code == MIEN_OK || !images || !classes)
            no_memory(item);
    }
    free(images);
    free(classes);
    return code;
}

/* The faces of all items, one after the other, each with its picture. */
struct face_list {
    const mien_image **images; /* [units] */
    mien_face *faces;
};

/* 0; -1 where there is no memory. Free it in either case. */
static int list_faces(struct batch_item *const *items, int n, int units, struct face_list *list) {
    int at = 0;

    list->images = calloc((size_t)units, sizeof *list->images);
    list->faces = malloc((size_t)units * sizeof *list->faces);
    if (!list->images || !list->faces) return -1;
    for (int i = 0; i < n; at += items[i++]->n)
        for (int k = 0; k < items[i]->n; k++) {
            list->images[at + k] = items[i]->image;
            list->faces[at + k] = items[i]->faces[k];
        }
    return 0;
}

static void free_list(struct face_list *list) {
    free(list->images);
    free(list->faces);
}

static int embed_crops(mien_net *net, struct batch_item *const *items, int n, int units,
                       float *out) {
    uint8_t *crops = malloc((size_t)units * FACES_CROP_BYTES), *at = crops;
    int code = MIEN_ENOMEM;

    for (int i = 0; crops && i < n; at += (size_t)items[i++]->n * FACES_CROP_BYTES)
        memcpy(at, items[i]->crops, (size_t)items[i]->n * FACES_CROP_BYTES);
    if (crops) code = mien_embed(net, crops, units, out);
    free(crops);
    return code;
}

static int embed_faces(mien_net *net, struct batch_item *const *items, int n, int units,
                       float *out) {
    struct face_list list;
    int code = MIEN_ENOMEM;

    if (list_faces(items, n, units, &list) == 0)
        code = mien_embed_faces(net, list.images, list.faces, units, out);
    free_list(&list);
    return code;
}

static double sum_of(const mien_times *t) {
    return t->align + t->input + t->network + t->results;
}

/* The part of a call, since `before`, that aligned faces. */
static double align_part(mien_net *net, const mien_times *before) {
    mien_times now;
    double all;

    mien_net_times(net, &now);
    all = sum_of(&now) - sum_of(before);
    return all > 0 ? (now.align - before->align) / all : 0;
}

/* Either all items are crops or none is (can_join). */
static int run_embed(struct batch_item *const *items, int n, int units) {
    const struct model *model = &items[0]->models->task[MODELS_EMBED];
    size_t d = (size_t)model->info.embedding_size, at;
    float *out = malloc((size_t)units * d * sizeof *out);
    int code = MIEN_ENOMEM;
    mien_times before;
    double aligning;

    mien_net_times(model->net, &before);
    if (out) code = (items[0]->crops ? embed_crops : embed_faces)(model->net, items, n, units, out);
    aligning = align_part(model->net, &before);
    at = 0;
    for (int i = 0; i < n; at += (size_t)items[i++]->n) {
        struct batch_item *item = items[i];
        size_t count = (size_t)item->n * d;
        if (code != MIEN_ENOMEM) set_error(item, code);
        item->aligning = aligning;
        if (code == MIEN_OK) item->embeddings = malloc(count * sizeof *out);
        if (item->embeddings)
            memcpy(item->embeddings, out + at * d, count * sizeof *out);
        else if (code == MIEN_OK || code == MIEN_ENOMEM)
            no_memory(item);
    }
    free(out);
    return code;
}

static int run_age_gender(struct batch_item *const *items, int n, int units) {
    mien_net *net = items[0]->models->task[MODELS_AGE_GENDER].net;
    mien_age_gender *out = malloc((size_t)units * sizeof *out);
    struct face_list list;
    int code = MIEN_ENOMEM, listed = list_faces(items, n, units, &list) == 0, at;

    if (listed && out) code = mien_age_gender_run(net, list.images, list.faces, units, out);
    at = 0;
    for (int i = 0; i < n; at += items[i++]->n) {
        struct batch_item *item = items[i];
        size_t bytes = (size_t)item->n * sizeof *out;
        if (listed && out) set_error(item, code);
        if (code == MIEN_OK) item->ages = malloc(bytes);
        if (item->ages)
            memcpy(item->ages, out + at, bytes);
        else if (code == MIEN_OK || !listed || !out)
            no_memory(item);
    }
    free_list(&list);
    free(out);
    return code;
}

static void run(struct batcher *b, struct batch_item *const *items, int n) {
    static int (*const runs[MODELS_TASKS])(struct batch_item *const *, int, int) = {
        run_detect, run_classify, run_embed, run_age_gender};
    int units = 0;

    if (items[0]->task == BATCH_CALL) {
        set_error(items[0], items[0]->call(items[0]->context));
        return;
    }
    for (int i = 0; i < n; i++) units += items[i]->n;
    metrics_batch(b->metrics, items[0]->task, units);
    if (runs[items[0]->task](items, n, units) == MIEN_OK || n == 1) return;
    for (int i = 0; i < n; i++) run(b, &items[i], 1); /* one may be at fault: find out which */
}

/* ---- collecting ---- */

static int can_join(const struct batch_item *a, const struct batch_item *b) {
    if (a == b) return 1;
    if (a->models != b->models || a->task == BATCH_CALL) return 0;
    if (a->task == MODELS_EMBED) return !a->crops == !b->crops;
    if (a->task != MODELS_DETECT) return 1;
    return a->detect->threshold == b->detect->threshold && a->detect->nms == b->detect->nms &&
           a->detect->size == b->detect->size && a->detect->max_faces == b->detect->max_faces;
}

/* The queue of the oldest request; NULL where nothing waits. */
static struct queue *oldest_queue(struct batcher *b) {
    struct queue *best = NULL;

    for (int i = 0; i < BATCH_TASKS; i++) {
        struct queue *q = &b->queue[i];
        if (q->first && (!best || q->first->arrived < best->first->arrived)) best = q;
    }
    return best;
}

static void unlink_item(struct batcher *b, struct queue *q, struct batch_item *before,
                        struct batch_item *item) {
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
static int take_batch(struct batcher *b, struct queue *q, struct batch_item **items, int room) {
    const struct batch_item *head = q->first;
    struct batch_item *before = NULL, *item = q->first, *next;
    int n = 0, units = 0;

    for (; item && n < room; item = next) {
        next = item->next;
        if (!can_join(head, item) || (n > 0 && units + item->n > b->max_batch)) {
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
    if (q->first->task == BATCH_CALL) return 0;
    return q->first->submitted + b->max_wait;
}

static void finish(struct batcher *b, struct batch_item **items, int n, double seconds) {
    pthread_mutex_lock(&b->lock);
    for (int i = 0; i < n; i++) {
        items[i]->ran = seconds;
        items[i]->state = BATCH_DONE;
        items[i]->group->open--;
        pthread_cond_signal(&items[i]->group->changed);
    }
}

/* Runs until closing; called and left with the lock. items: [max_batch]. */
static void collect(struct batcher *b, struct batch_item **items) {
    for (;;) {
        struct queue *q = oldest_queue(b);
        double until = q ? ready_at(b, q) : 0, start;
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
        start = clock_seconds();
        run(b, items, n);
        finish(b, items, n, clock_seconds() - start);
    }
}

static void *batcher_main(void *arg) {
    struct batcher *b = arg;
    struct batch_item **items = calloc((size_t)b->max_batch, sizeof *items), *one;

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

/* ---- groups ---- */

void batch_group_init(struct batch_group *g, struct batcher *b) {
    g->batcher = b;
    g->open = 0;
    sync_cond_init(&g->changed);
}

void batch_group_destroy(struct batch_group *g) {
    pthread_cond_destroy(&g->changed);
}

/* Behind the items of older requests, so that each queue is in order of arrival. */
static void insert_item(struct queue *q, struct batch_item *item) {
    struct batch_item **at = &q->first;

    if (q->last && q->last->arrived <= item->arrived) at = &q->last->next;
    while (*at && (*at)->arrived <= item->arrived) at = &(*at)->next;
    item->next = *at;
    *at = item;
    if (!item->next) q->last = item;
    q->units += item->n;
}

void batch_submit(struct batch_group *g, struct batch_item *item) {
    struct batcher *b = g->batcher;

    item->group = g;
    item->state = BATCH_QUEUED;
    item->submitted = clock_seconds();
    pthread_mutex_lock(&b->lock);
    insert_item(&b->queue[item->task], item);
    b->depth++;
    g->open++;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
}

/* Takes the group's items that have not begun out of the queues. */
static void withdraw(struct batch_group *g) {
    struct batcher *b = g->batcher;

    for (int i = 0; i < BATCH_TASKS; i++) {
        struct queue *q = &b->queue[i];
        struct batch_item *before = NULL, *item = q->first, *next;
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

int batch_wait(struct batch_group *g, double until, int (*stop)(void *), void *context) {
    struct batcher *b = g->batcher;
    int withdrawn = 0;

    pthread_mutex_lock(&b->lock);
    while (g->open > 0) {
        double now = clock_seconds();
        if (withdrawn) {
            pthread_cond_wait(&g->changed, &b->lock);
        } else if (now >= until || (stop && stop(context))) {
            withdraw(g);
            withdrawn = 1;
        } else {
            double poll = stop ? now + STOP_POLL : until;
            sync_cond_wait(&g->changed, &b->lock, poll < until ? poll : until);
        }
    }
    pthread_mutex_unlock(&b->lock);
    return withdrawn ? -1 : 0;
}
