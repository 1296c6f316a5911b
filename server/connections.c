#include "server/connections.h"

#include "common/clock.h"
#include "server/sync.h"

#include <stdlib.h>
#include <sys/socket.h>

#define TICK 0.25 /* seconds between two looks at the clock */

struct connection {
    struct connection *next, *previous; /* of its list */
    struct client *client;
    struct MHD_Connection *http; /* while headers are parsed; else NULL */
    int fd, is_cut;
    int is_idle;  /* nothing of a request is here */
    int is_read;  /* nothing but bytes of a request is due */
    double until; /* clock_seconds(); 0: no limit now */
};

/* A list of connections; the first has been in it longest. */
struct list {
    struct connection *first, *last;
};

struct connections {
    pthread_mutex_t lock;
    pthread_cond_t closing;
    pthread_t thread;
    struct list idle, others;
    int count, live; /* live: those that are not cut */
    int is_closing;
    struct connections_limits limits;
    struct clients *clients;
    struct metrics *metrics;
};

static struct list *list_of(struct connections *c, const struct connection *one) {
    return one->is_idle ? &c->idle : &c->others;
}

static void append(struct list *list, struct connection *one) {
    one->next = NULL;
    one->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = one;
    list->last = one;
}

static void detach(struct list *list, struct connection *one) {
    *(one->previous ? &one->previous->next : &list->first) = one->next;
    *(one->next ? &one->next->previous : &list->last) = one->previous;
}

/* Shut down, not closed: the network thread then finds the socket ended and closes it itself. */
static void cut(struct connections *c, struct connection *one) {
    one->is_cut = 1;
    one->client->connections--;
    c->live--;
    shutdown(one->fd, SHUT_RDWR);
}

/* The end of the client's side is next, all before it has been read. */
static int has_ended(const struct connection *one) {
    char byte;

    return one->is_read && recv(one->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void cut_late(struct connections *c, const struct list *list, double now) {
    for (struct connection *one = list->first; one; one = one->next) {
        if (one->is_cut) continue;
        if (has_ended(one)) {
            cut(c, one);
        } else if (one->until > 0 && now >= one->until) {
            cut(c, one);
            metrics_rejected(c->metrics, REJECT_SLOW);
        }
    }
}

static void *connections_main(void *arg) {
    struct connections *c = arg;

    pthread_mutex_lock(&c->lock);
    while (!c->is_closing) {
        double now = clock_seconds();
        cut_late(c, &c->idle, now);
        cut_late(c, &c->others, now);
        sync_cond_wait(&c->closing, &c->lock, clock_seconds() + TICK);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct connections *connections_new(const struct connections_limits *limits,
                                    struct clients *clients, struct metrics *metrics) {
    struct connections *c = calloc(1, sizeof *c);

    if (!c) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    sync_cond_init(&c->closing);
    c->limits = *limits;
    c->clients = clients;
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

/* Cuts the connection that has been idle longest, of a client or of all (NULL). There is one: that
 * which was just opened. */
static void make_room(struct connections *c, const struct client *client) {
    struct connection *one = c->idle.first;

    while (one && (one->is_cut || (client && one->client != client))) one = one->next;
    if (!one) return;
    cut(c, one);
    metrics_rejected(c->metrics, REJECT_CONNECTIONS);
}

struct connection *connections_open(struct connections *c, int fd, const struct sockaddr *address) {
    struct connection *one = calloc(1, sizeof *one);

    if (one) *one = (struct connection){.fd = fd, .is_idle = 1, .is_read = 1};
    if (one) one->client = clients_of_address(c->clients, address);
    pthread_mutex_lock(&c->lock);
    c->count++;
    if (one) {
        one->until = clock_seconds() + c->limits.read_timeout;
        append(&c->idle, one);
        one->client->connections++;
        c->live++;
        if (one->client->connections > c->limits.an_address)
            make_room(c, one->client);
        else if (c->live > c->limits.count)
            make_room(c, NULL);
    }
    pthread_mutex_unlock(&c->lock);
    return one;
}

void connections_close(struct connections *c, struct connection *one) {
    pthread_mutex_lock(&c->lock);
    c->count--;
    if (one) {
        detach(list_of(c, one), one);
        if (!one->is_cut) {
            one->client->connections--;
            c->live--;
        }
    }
    pthread_mutex_unlock(&c->lock);
    if (one) clients_release(c->clients, one->client);
    free(one);
}

struct client *connection_client(const struct connection *one) {
    return one->client;
}

int connections_count(struct connections *c) {
    int n;

    pthread_mutex_lock(&c->lock);
    n = c->count;
    pthread_mutex_unlock(&c->lock);
    return n;
}

int connections_limit(const struct connections *c) {
    return c->limits.count;
}

static void set(struct connections *c, struct connection *one, int is_idle, int is_read,
                double until) {
    if (!one) return;
    pthread_mutex_lock(&c->lock);
    detach(list_of(c, one), one);
    one->http = NULL;
    one->is_idle = is_idle;
    one->is_read = is_read;
    one->until = until;
    append(list_of(c, one), one);
    pthread_mutex_unlock(&c->lock);
}

void connection_sends(struct connections *c, struct connection *one) {
    set(c, one, 0, 1, clock_seconds() + c->limits.read_timeout);
}

void connection_fetches(struct connections *c, struct connection *one) {
    set(c, one, 0, 0, clock_seconds() + c->limits.read_timeout);
}

void connection_works(struct connections *c, struct connection *one) {
    set(c, one, 0, 0, 0);
}

/* Headers of the next request arrive unseen, so they have the idle time and their own. */
void connection_idles(struct connections *c, struct connection *one) {
    set(c, one, 1, 1, clock_seconds() + c->limits.idle_timeout + c->limits.read_timeout);
}

void connection_parses(struct connections *c, struct connection *one, struct MHD_Connection *http) {
    if (!one) return;
    pthread_mutex_lock(&c->lock);
    one->http = http;
    pthread_mutex_unlock(&c->lock);
}

/* They are among the idle ones: nothing is known of a request before its headers are all here. */
void connections_look(struct connections *c,
                      int (*look)(void *context, struct MHD_Connection *http, int fd),
                      void *context) {
    pthread_mutex_lock(&c->lock);
    for (struct connection *one = c->idle.first; one; one = one->next)
        if (one->http && !one->is_cut && look(context, one->http, one->fd)) cut(c, one);
    pthread_mutex_unlock(&c->lock);
}
