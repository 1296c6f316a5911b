#include "server/workers.h"

#include <pthread.h>
#include <stdlib.h>

/* Threads beyond those asked for, for clients that have no request worked on: a quarter as many. */
enum { SPARE_SHARE = 4 };

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct request *first; /* in order of arrival */
    int n;                 /* requests one client may have worked on */
    int reserved, room;    /* reserved: places taken, of requests that wait or are about to */
    int waiting, working, lent, closing;
    void (*work)(struct request *r);
    struct clients *clients;
    int nthreads;
    pthread_t thread[];
};

/* With the lock. The last place released lets the threads of a stopped queue end. */
static void release(struct workers *w, struct client *client) {
    client->waiting--;
    if (--w->reserved == 0 && w->closing) pthread_cond_broadcast(&w->arrived);
}

/* With the lock. */
static void unlink_request(struct workers *w, const struct request *r) {
    struct request **at = &w->first;

    while (*at != r) at = &(*at)->next;
    *at = r->next;
    w->waiting--;
}

/* With the lock: the request whose turn it is; NULL where none may begin. */
static struct request *next_request(const struct workers *w) {
    struct request *best = NULL;

    for (struct request *r = w->first; r; r = r->next) {
        if (w->working >= w->n && r->client->working > 0) continue;
        if (!best || r->client->working < best->client->working) best = r;
    }
    return best;
}

static void *worker_main(void *arg) {
    struct workers *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct request *r = next_request(w);
        if (r) {
            /* The request may be no more behind work(). */
            struct client *client = clients_share(w->clients, r->client);
            unlink_request(w, r);
            release(w, client);
            client->working++;
            w->working++;
            pthread_mutex_unlock(&w->lock);
            w->work(r);
            pthread_mutex_lock(&w->lock);
            client->working--;
            w->working--;
            clients_release(w->clients, client);
        } else if (w->closing && w->reserved == 0 && w->lent == 0) {
            break;
        } else {
            pthread_cond_wait(&w->arrived, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct workers *workers_new(int n, int room, struct clients *clients,
                            void (*work)(struct request *r)) {
    int nthreads = n + (n + SPARE_SHARE - 1) / SPARE_SHARE;
    struct workers *w = calloc(1, sizeof *w + (size_t)nthreads * sizeof w->thread[0]);

    if (!w) return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->arrived, NULL);
    w->n = n;
    w->room = room;
    w->clients = clients;
    w->work = work;
    while (w->nthreads < nthreads &&
           pthread_create(&w->thread[w->nthreads], NULL, worker_main, w) == 0)
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

/* With the lock: the last to come of the client that has most waiting, where that is more than this
 * one would have. */
static struct request *whom_to_displace(const struct workers *w, const struct client *client) {
    struct request *last = NULL;

    for (struct request *r = w->first; r; r = r->next)
        if (r->client->waiting > client->waiting + 1 &&
            (!last || r->client->waiting >= last->client->waiting))
            last = r;
    return last;
}

int workers_have_room(struct workers *w, const struct client *client) {
    int has_room;

    pthread_mutex_lock(&w->lock);
    has_room = w->reserved < w->room || whom_to_displace(w, client) != NULL;
    pthread_mutex_unlock(&w->lock);
    return has_room;
}

int workers_reserve(struct workers *w, struct client *client, struct request **displaced) {
    int full;

    *displaced = NULL;
    pthread_mutex_lock(&w->lock);
    full = w->closing || w->reserved >= w->room;
    if (full && !w->closing && (*displaced = whom_to_displace(w, client))) {
        unlink_request(w, *displaced);
        release(w, (*displaced)->client);
        full = 0;
    }
    if (!full) {
        w->reserved++;
        client->waiting++;
    }
    pthread_mutex_unlock(&w->lock);
    return full ? -1 : 0;
}

/* With the lock. */
static void append(struct workers *w, struct request *r) {
    struct request **end = &w->first;

    while (*end) end = &(*end)->next;
    r->next = NULL;
    *end = r;
    w->waiting++;
    pthread_cond_signal(&w->arrived);
}

void workers_push(struct workers *w, struct request *r) {
    pthread_mutex_lock(&w->lock);
    append(w, r);
    pthread_mutex_unlock(&w->lock);
}

int workers_lend(struct workers *w, struct client *client) {
    int full;

    pthread_mutex_lock(&w->lock);
    full = w->lent >= w->room || client->lent >= w->room - w->room / 4;
    if (!full) {
        w->lent++;
        client->lent++;
    }
    pthread_mutex_unlock(&w->lock);
    return full ? -1 : 0;
}

/* Whether or not there is room: it has been let in. */
void workers_return(struct workers *w, struct request *r) {
    pthread_mutex_lock(&w->lock);
    w->lent--;
    r->client->lent--;
    w->reserved++;
    r->client->waiting++;
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
