#include "server/connections.h"

#include "common/clock.h"
#include "server/sync.h"

#include <stdlib.h>
#include <sys/socket.h>

#define TICK 0.25 /* seconds between two looks at the clock */

struct connection {
    struct connection *next, *previous;
    int fd, is_cut;
    int is_read;  /* nothing but bytes of a request is due */
    double until; /* clock_seconds(); 0: no limit now */
};

struct connections {
    pthread_mutex_t lock;
    pthread_cond_t closing;
    pthread_t thread;
    struct connection *first;
    int count, is_closing;
    double read_timeout, idle_timeout;
    struct metrics *metrics;
};

/* Shut down, not closed: the network thread then finds the socket ended and closes it itself. */
static void cut(struct connection *one) {
    one->is_cut = 1;
    shutdown(one->fd, SHUT_RDWR);
}

/* The end of the client's side is next, all before it has been read. */
static int has_ended(const struct connection *one) {
    char byte;

    return one->is_read && recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void cut_late(struct connections *c, double now) {
    for (struct connection *one = c->first; one; one = one->next) {
        if (one->is_cut) continue;
        if (has_ended(one)) {
            cut(one);
        } else if (one->until > 0 && now >= one->until) {
            cut(one);
            metrics_rejected(c->metrics, REJECT_SLOW);
        }
    }
}

static void *connections_main(void *arg) {
    struct connections *c = arg;

    pthread_mutex_lock(&c->lock);
    while (!c->is_closing) {
        cut_late(c, clock_seconds());
        sync_cond_wait(&c->closing, &c->lock, clock_seconds() + TICK);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct connections *connections_new(double read_timeout, double idle_timeout,
                                    struct metrics *metrics) {
    struct connections *c = calloc(1, sizeof *c);

    if (!c) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    sync_cond_init(&c->closing);
    c->read_timeout = read_timeout;
    c->idle_timeout = idle_timeout;
    c->metrics = metrics;
    if (pthread_create(&c->thread, NULL, connections_main, c) == 0) return c;
    pthread_cond_destroy(&c->closing);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

void connections_free(struct connections *c) {
    if (!c) return;
    pthread_mutex_lock(&c->lock);
    c->is_closing = 1;
    pthread_cond_signal(&c->closing);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->closing);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct connection *connections_open(struct connections *c, int fd) {
    struct connection *one = calloc(1, sizeof *one);

    pthread_mutex_lock(&c->lock);
    c->count++;
    if (one) {
        one->fd = fd;
        one->is_read = 1;
        one->until = clock_seconds() + c->read_timeout;
        one->next = c->first;
        if (c->first) c->first->previous = one;
        c->first = one;
    }
    pthread_mutex_unlock(&c->lock);
    return one;
}

void connections_close(struct connections *c, struct connection *one) {
    pthread_mutex_lock(&c->lock);
    c->count--;
    if (one) {
        if (one->previous)
            one->previous->next = one->next;
        else
            c->first = one->next;
        if (one->next) one->next->previous = one->previous;
    }
    pthread_mutex_unlock(&c->lock);
    free(one);
}

int connections_count(struct connections *c) {
    int n;

    pthread_mutex_lock(&c->lock);
    n = c->count;
    pthread_mutex_unlock(&c->lock);
    return n;
}

static void set(struct connections *c, struct connection *one, int is_read, double until) {
    if (!one) return;
    pthread_mutex_lock(&c->lock);
    one->is_read = is_read;
    one->until = until;
    pthread_mutex_unlock(&c->lock);
}

void connection_sends(struct connections *c, struct connection *one) {
    set(c, one, 1, clock_seconds() + c->read_timeout);
}

void connection_fetches(struct connections *c, struct connection *one) {
    set(c, one, 0, clock_seconds() + c->read_timeout);
}

void connection_works(struct connections *c, struct connection *one) {
    set(c, one, 0, 0);
}

/* Headers of the next request arrive unseen, so they have the idle time and their own. */
void connection_idles(struct connections *c, struct connection *one) {
    set(c, one, 1, clock_seconds() + c->idle_timeout + c->read_timeout);
}
