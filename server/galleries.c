#include "server/galleries.h"

#include "common/clock.h"
#include "common/folders.h"
#include "recognition/place.h"
#include "server/log.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/sync.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Milliseconds a statement waits for other processes, and seconds somebody waits for his turn to
 * write: what a request may take is more, but a worker should not stand still for it. */
enum { WAIT_MS = 2000 };
#define WRITE_TURN 2.0
#define TURN_POLL  0.02
/* Seconds of one turn from which no more than half of the workers wait for it. */
#define LONG_TURN 0.5

struct handle {
    struct sync_budget turn; /* of one */
    mien_gallery *gallery;   /* whose turn it is opens it */
    atomic_int waiting;
    _Atomic double since; /* clock_seconds() when the turn began */
};

struct galleries {
    const struct serve_config *config;
    char *place;
    const uint8_t *key; /* NULL: it is not encrypted */
    int most_waiting;
    struct handle handles[GALLERY_USES];
};

struct galleries *galleries_new(const struct serve_config *config) {
    struct galleries *g = calloc(1, sizeof *g);

    if (!g) return NULL;
    g->config = config;
    g->place = config->gallery ? strdup(config->gallery) : place_default();
    g->key = config->gallery_key;
    g->most_waiting = config->workers / 2 > 1 ? config->workers / 2 : 1;
    for (int i = 0; i < GALLERY_USES; i++) sync_budget_init(&g->handles[i].turn, 1);
    if (g->place) return g;
    galleries_free(g);
    return NULL;
}

void galleries_free(struct galleries *g) {
    if (!g) return;
    for (int i = 0; i < GALLERY_USES; i++) {
        mien_gallery_close(g->handles[i].gallery);
        sync_budget_destroy(&g->handles[i].turn);
    }
    free(g->place);
    free(g);
}

static void reply_busy(struct request *r) {
    reply_error(r, 503, "gallery_busy", "others are writing to the gallery");
    reply_header(r, "Retry-After", "1");
}

/* 1 where another should go instead of waiting. */
static int is_crowded(const struct galleries *g, const struct handle *h) {
    return clock_seconds() > atomic_load(&h->since) + LONG_TURN &&
           atomic_load(&h->waiting) > g->most_waiting;
}

static int wait_turn(struct galleries *g, enum gallery_use use, struct request *r) {
    struct handle *h = &g->handles[use];
    double until = use == GALLERY_WRITE ? clock_seconds() + WRITE_TURN : r->deadline;
    int failed = 0;

    atomic_fetch_add(&h->waiting, 1);
    while (!failed && sync_budget_acquire(&h->turn, 1, clock_seconds() + TURN_POLL)) {
        failed = -1;
        if (request_is_over(r))
            reply_given_up(r);
        else if (clock_seconds() >= until || is_crowded(g, h))
            reply_busy(r);
        else
            failed = 0;
    }
    atomic_fetch_sub(&h->waiting, 1);
    if (!failed) atomic_store(&h->since, clock_seconds());
    return failed;
}

/* Who writes makes it. One of an older version is brought up to date by whoever is first; where
 * nothing can be written it may be read all the same. */
static int open_handle(struct galleries *g, enum gallery_use use, mien_gallery **out) {
    mien_gallery_options o = {.struct_size = sizeof o,
                              .must_exist = use != GALLERY_WRITE,
                              .wait_ms = WAIT_MS,
                              .listen = use == GALLERY_SEARCH,
                              .index = g->config->index,
                              .index_memory = g->config->index_memory,
                              .who = "http",
                              .key = g->key};
    int rc;

    /* That it failed is seen when it is opened. */
    if (use == GALLERY_WRITE && !strstr(g->place, "://")) folders_make(g->place);
    rc = mien_gallery_open(g->place, &o, out);
    if (rc != MIEN_EIO || use == GALLERY_WRITE) return rc;
    o.read_only = 1;
    return mien_gallery_open(g->place, &o, out);
}

int galleries_check_key(const struct galleries *g) {
    mien_gallery_options o = {.struct_size = sizeof o,
                              .read_only = 1,
                              .must_exist = 1,
                              .wait_ms = WAIT_MS,
                              .key = g->key};
    mien_gallery *gallery = NULL;
    int rc;

    /* Without a gallery there is no wrong key, and no database is opened for nothing. */
    if (!strstr(g->place, "://") && access(g->place, F_OK)) return MIEN_OK;
    rc = mien_gallery_open(g->place, &o, &gallery);
    mien_gallery_close(gallery);
    return rc == MIEN_GALLERY_EKEY ? rc : MIEN_OK;
}

int galleries_acquire(struct galleries *g, enum gallery_use use, struct request *r,
                      mien_gallery **out) {
    struct handle *h = &g->handles[use];
    int rc = MIEN_OK;

    *out = NULL;
    if (wait_turn(g, use, r)) return -1;
    if (!h->gallery) rc = open_handle(g, use, &h->gallery);
    *out = h->gallery;
    if (rc == MIEN_OK || (rc == MIEN_GALLERY_ENOTFOUND && use != GALLERY_WRITE)) return 0;
    galleries_failed(r, rc);
    galleries_release(g, use);
    return -1;
}

int galleries_try(struct galleries *g, mien_gallery **out) {
    struct handle *h = &g->handles[GALLERY_WRITE];

    if (atomic_load(&h->waiting) || sync_budget_acquire(&h->turn, 1, clock_seconds())) return -1;
    atomic_store(&h->since, clock_seconds());
    *out = h->gallery;
    if (*out || open_handle(g, GALLERY_WRITE, &h->gallery) == MIEN_OK) {
        *out = h->gallery;
        return 0;
    }
    galleries_release(g, GALLERY_WRITE);
    return -1;
}

void galleries_release(struct galleries *g, enum gallery_use use) {
    sync_budget_release(&g->handles[use].turn, 1);
}

void galleries_failed(struct request *r, int rc) {
    if (rc > 0)
        reply_given_up(r);
    else
        galleries_refuse(r, rc, mien_gallery_error());
}

void galleries_refuse(struct request *r, int rc, const char *why) {
    switch (rc) {
    case MIEN_EINVAL: reply_error(r, 400, "bad_request", "%s", why); return;
    case MIEN_ETOOBIG: reply_error(r, 413, "too_large", "a value is too long"); return;
    case MIEN_GALLERY_ENOTFOUND: reply_error(r, 404, "not_found", "%s", why); return;
    case MIEN_GALLERY_ECONFLICT: reply_error(r, 409, "conflict", "%s", why); return;
    case MIEN_GALLERY_EBUSY: reply_busy(r); return;
    case MIEN_GALLERY_EFULL:
        reply_error(r, 507, "gallery_full",
                    "no room is left where the gallery lies; nothing was changed");
        break;
    case MIEN_ENOMEM: reply_error(r, 500, "internal", "the server is out of memory"); break;
    default:
        reply_error(r, 500, "internal", "the gallery cannot be used: the server's log says why");
    }
    log_say(r->server->log, "request %s: %s", r->id, why);
}
