#include "server/workers.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct request *first, **end;
    int reserved, room; /* reserved: places taken, of requests that wait or are about to */
    int waiting, lent, closing;
    void (*work)(struct request *r);
    int nthreads;
    pthread_t thread[];
};

/* With the lock. The last place released lets the threads of a stopped queue end. */
static void release(struct workers *w) {
    if (--w->reserved == 0 && w->closing) pthread_cond_broadcast(&w->arrived);
}

static void *worker_main(void *arg) {
    struct workers *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct request *r = w->first;
        if (r) {
            w->first = r->next;
            if (!w->first) w->end = &w->first;
            w->waiting--;
            release(w);
            pthread_mutex_unlock(&w->lock);
            w->work(r);
            pthread_mutex_lock(&w->lock);
        } else if (w->closing && w->reserved == 0 && w->lent == 0) {
            break;
        } else {
            pthread_cond_wait(&w->arrived, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct workers *workers_new(int n, int room, void (*work)(struct request *r)) {
    struct workers *w = calloc(1, sizeof *w + (size_t)n * sizeof w->thread[0]);

    if (!w) return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->arrived, NULL);
    w->end = &w->first;
    w->room = room;
    w->work = work;
    while (w->nthreads < n && pthread_create(&w->thread[w->nthreads], NULL, worker_main, w) == 0)
        w->nthreads++;
    if (w->nthreads > 0) return w;
    workers_free(w);
    return NULL;
}

void workers_stop(struct workers *w) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    w->closing = 1;
    pthread_cond_broadcast(&w->arrived);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->nthreads; i++) pthread_join(w->thread[i], NULL);
    w->nthreads = 0;
}

void workers_free(struct workers *w) {
    if (!w) return;
    pthread_cond_destroy(&w->arrived);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int workers_reserve(struct workers *w) {
    int full;

    pthread_mutex_lock(&w->lock);
    full = w->closing || w->reserved >= w->room;
    if (!full) w->reserved++;
    pthread_mutex_unlock(&w->lock);
    return full ? -1 : 0;
}

/* With the lock. */
static void append(struct workers *w, struct request *r) {
    r->next = NULL;
    *w->end = r;
    w->end = &r->next;
    w->waiting++;
    pthread_cond_signal(&w->arrived);
}

void workers_push(struct workers *w, struct request *r) {
    pthread_mutex_lock(&w->lock);
    append(w, r);
    pthread_mutex_unlock(&w->lock);
}

int workers_lend(struct workers *w) {
    int full;

    pthread_mutex_lock(&w->lock);
    full = w->lent >= w->room;
    if (!full) w->lent++;
    pthread_mutex_unlock(&w->lock);
    return full ? -1 : 0;
}

void workers_return(struct workers *w, struct request *r) {
    pthread_mutex_lock(&w->lock);
    w->lent--;
    w->reserved++; /* whether or not there is room: it has been let in */
    append(w, r);
    pthread_mutex_unlock(&w->lock);
}

static int read_count(struct workers *w, const int *count) {
    int n;

    pthread_mutex_lock(&w->lock);
    n = *count;
    pthread_mutex_unlock(&w->lock);
    return n;
}

int workers_waiting(struct workers *w) {
    return read_count(w, &w->waiting);
}

int workers_lent(struct workers *w) {
    return read_count(w, &w->lent);
}
