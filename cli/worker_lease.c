#include "worker_lease.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct leases {
    const struct queue_options *options;
    const char *worker;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t stopped;
    int stop, n, room;
    char (*ids)[JOB_ID]; /* [n] of [room] */
};

/* Until a third of a lease has passed, or the end: 1. */
static int wait(struct leases *l) {
    long ms = l->options->lease_ms / 3;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!l->stop && pthread_cond_timedwait(&l->stopped, &l->lock, &until) == 0) {
    }
    return l->stop;
}

/* A queue that is away is tried again the next time: then jobs may have become another's, which
 * costs their time twice and nothing else. */
static void *work(void *arg) {
    struct leases *l = arg;
    struct queue *q = NULL;
    char(*ids)[JOB_ID] = malloc((size_t)l->room * sizeof *ids), why[QUEUE_WHY];
    int n;

    pthread_mutex_lock(&l->lock);
    while (ids && !wait(l)) {
        n = l->n;
        memcpy(ids, l->ids, (size_t)n * sizeof *ids);
        pthread_mutex_unlock(&l->lock);
        if (n && !q) (void)queue_open(l->options, &q, why);
        if (n && q) (void)queue_renew(q, l->worker, (const char(*)[JOB_ID])ids, n);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    queue_close(q);
    free(ids);
    return NULL;
}

struct leases *leases_open(const struct queue_options *options, const char *worker, int room) {
    struct leases *l = calloc(1, sizeof *l);
    pthread_condattr_t clock;

    if (l) l->ids = malloc((size_t)room * sizeof *l->ids);
    if (!l || !l->ids) {
        free(l);
        return NULL;
    }
    l->options = options;
    l->worker = worker;
    l->room = room;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&l->stopped, &clock);
    pthread_condattr_destroy(&clock);
    if (pthread_create(&l->thread, NULL, work, l) == 0) return l;
    pthread_cond_destroy(&l->stopped);
    pthread_mutex_destroy(&l->lock);
    free(l->ids);
    free(l);
    return NULL;
}

void leases_add(struct leases *l, const char *id) {
    pthread_mutex_lock(&l->lock);
    if (l->n < l->room) memcpy(l->ids[l->n++], id, JOB_ID);
    pthread_mutex_unlock(&l->lock);
}

void leases_remove(struct leases *l, const char *id) {
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < l->n; i++) {
        if (strcmp(l->ids[i], id) != 0) continue;
        memmove(l->ids[i], l->ids[--l->n], JOB_ID);
        break;
    }
    pthread_mutex_unlock(&l->lock);
}

void leases_close(struct leases *l) {
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->stop = 1;
    pthread_cond_signal(&l->stopped);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->stopped);
    pthread_mutex_destroy(&l->lock);
    free(l->ids);
    free(l);
}
