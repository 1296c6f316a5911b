#include "server/turns.h"

#include "common/clock.h"
#include "server/sync.h"

enum { HALF_DONE = 2 }; /* turns a core that may wait in the middle */

#define QUANTUM   0.05  /* seconds of a turn before it ends for a client that has as many */
#define STOP_POLL 0.05  /* seconds between two questions whether to go on waiting */
#define MOMENT    0.005 /* seconds from what a request has done to what it does next */
#define AWAY      1     /* seconds without a request after which a client is as a new one */

void turns_init(struct turns *t, int n) {
    *t = (struct turns){.n = n};
    pthread_mutex_init(&t->lock, NULL);
    sync_cond_init(&t->changed);
}

void turns_destroy(struct turns *t) {
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}

void turns_enter(struct turns *t, struct client *client) {
    double now = clock_seconds();

    pthread_mutex_lock(&t->lock);
    /* Who comes, or comes back, has no claim to what others had meanwhile. */
    if (client->requests == 0 && now - client->active > AWAY) client_catch_up(client, t->served);
    client->active = now;
    if (client->requests++ == 0) {
        t->clients++;
        client->next_at_work = t->at_work;
        t->at_work = client;
    }
    pthread_mutex_unlock(&t->lock);
}

void turns_leave(struct turns *t, struct client *client) {
    struct client **at = &t->at_work;

    pthread_mutex_lock(&t->lock);
    if (--client->requests == 0) {
        t->clients--;
        while (*at != client) at = &(*at)->next_at_work;
        *at = client->next_at_work;
        pthread_cond_broadcast(&t->changed); /* another may be alone now */
    }
    pthread_mutex_unlock(&t->lock);
}

void turns_run(struct turns *t, struct client *client) {
    pthread_mutex_lock(&t->lock);
    if (t->runs) t->runs->active = clock_seconds();
    t->runs = client;
    if (!client) pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* Does who has a single request go before one who has several? */
static int goes_ahead(const struct client *single, const struct client *client) {
    return single != client && atomic_load(&single->requests) <= 1 &&
           atomic_load(&single->served) < atomic_load(&client->served);
}

double turns_ahead(struct turns *t, const struct client *client) {
    double now = clock_seconds(), until = 0;

    if (atomic_load(&client->requests) <= 1) return 0;
    pthread_mutex_lock(&t->lock);
    for (const struct client *c = t->at_work; c; c = c->next_at_work) {
        double expected = c->decoding > 0 ? now + STOP_POLL : c->active + MOMENT;
        if (expected > now && expected > until && goes_ahead(c, client)) until = expected;
    }
    pthread_mutex_unlock(&t->lock);
    return until;
}

int turns_are_shared(struct turns *t) {
    int clients;

    pthread_mutex_lock(&t->lock);
    clients = t->clients;
    pthread_mutex_unlock(&t->lock);
    return clients > 1;
}

/* Turns a client may have now. */
static int share(const struct turns *t) {
    return t->clients <= 1 ? t->n : t->n > 1 ? t->n / 2 : 1;
}

/* The networks use all cores, for one who is to go before. */
static int makes_way(const struct turns *t, const struct client *client) {
    return t->runs && t->runs != client &&
           atomic_load(&t->runs->served) < atomic_load(&client->served);
}

/* Of a client the first that ever waited goes first, so that few are left half done; of several
 * clients the one that has fewest, or has waited longest since it last got one. */
static int goes_before(const struct turn *a, const struct turn *b) {
    const struct client *x = a->client, *y = b->client;

    if (x->decoding != y->decoding) return x->decoding < y->decoding;
    if (x->turned != y->turned) return x->turned < y->turned;
    return a->number < b->number;
}

/* The turn that is due; NULL where none may begin. So many may be left half done, because what they
 * hold is in no budget: then only they go on. */
static const struct turn *due(const struct turns *t) {
    const struct turn *best = NULL;

    if (t->running >= t->n) return NULL;
    for (const struct turn *one = t->waiting; one; one = one->next)
        if (one->client->decoding < share(t) && !makes_way(t, one->client) &&
            (one->began > 0 || t->suspended <= HALF_DONE * t->n) &&
            (!best || goes_before(one, best)))
            best = one;
    return best;
}

static void unlink_turn(struct turns *t, const struct turn *turn) {
    struct turn **at = &t->waiting;

    while (*at != turn) at = &(*at)->next;
    *at = turn->next;
}

/* With the lock. */
static int wait_for_turn(struct turns *t, struct turn *turn) {
    int is_over = 0;

    turn->next = t->waiting;
    t->waiting = turn;
    while (due(t) != turn && !is_over) {
        if (!sync_cond_wait(&t->changed, &t->lock, clock_seconds() + STOP_POLL)) continue;
        pthread_mutex_unlock(&t->lock);
        is_over = turn->stop(turn->context);
        pthread_mutex_lock(&t->lock);
    }
    unlink_turn(t, turn);
    if (!is_over) {
        turn->client->decoding++;
        t->running++;
        turn->began = turn->client->turned = clock_seconds();
        t->served = atomic_load(&turn->client->served);
    }
    pthread_cond_broadcast(&t->changed);
    return is_over ? -1 : 0;
}

static void release(struct turns *t, const struct turn *turn) {
    turn->client->active = clock_seconds();
    client_charge(turn->client, turn->client->active - turn->began);
    turn->client->decoding--;
    t->running--;
    pthread_cond_broadcast(&t->changed);
}

int turns_begin(struct turns *t, struct turn *turn) {
    int rc;

    pthread_mutex_lock(&t->lock);
    turn->number = t->numbers++;
    turn->began = 0;
    rc = wait_for_turn(t, turn);
    pthread_mutex_unlock(&t->lock);
    return rc;
}

/* The turn that would be due if this one was passed on. */
static const struct turn *due_instead(struct turns *t, const struct turn *turn) {
    const struct turn *next;

    turn->client->decoding--;
    t->running--;
    t->suspended++;
    next = due(t);
    t->suspended--;
    t->running++;
    turn->client->decoding++;
    return next;
}

/* The client has more turns than its share; or another's is due that has fewer than it would keep
 * or, once the turn has lasted, as many. */
static int is_to_pass(struct turns *t, const struct turn *turn) {
    int keeps = turn->client->decoding - 1, lasted = clock_seconds() >= turn->began + QUANTUM;
    const struct turn *next;

    if (turn->client->decoding > share(t) || makes_way(t, turn->client)) return 1;
    if (!t->waiting || t->running < t->n) return 0;
    next = due_instead(t, turn);
    return next && next->client != turn->client && next->client->decoding < keeps + lasted;
}

int turns_pass(struct turns *t, struct turn *turn) {
    int rc = 0;

    pthread_mutex_lock(&t->lock);
    if (is_to_pass(t, turn)) {
        t->suspended++;
        release(t, turn);
        rc = wait_for_turn(t, turn);
        t->suspended--;
    }
    pthread_mutex_unlock(&t->lock);
    return rc;
}

void turns_end(struct turns *t, struct turn *turn) {
    pthread_mutex_lock(&t->lock);
    release(t, turn);
    pthread_mutex_unlock(&t->lock);
}
