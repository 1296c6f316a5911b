#include "services/pile.h"

#include "common/clock.h"
#include "server/sync.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *name;
    int in_hand, again;
    struct entry *next;
};

struct pile {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct entry *first, **last; /* waiting, then whatever; in order of arrival */
    size_t n, room;              /* entries that wait */
    int has_ended;
};

struct pile *pile_new(size_t room) {
    struct pile *p = calloc(1, sizeof *p);

    if (!p) return NULL;
    pthread_mutex_init(&p->lock, NULL);
    sync_cond_init(&p->changed);
    p->last = &p->first;
    p->room = room;
    return p;
}

void pile_free(struct pile *p) {
    struct entry *next;

    if (!p) return;
    for (struct entry *e = p->first; e; e = next) {
        next = e->next;
        free(e->name);
        free(e);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct entry *find(struct pile *p, const char *name) {
    for (struct entry *e = p->first; e; e = e->next)
        if (strcmp(e->name, name) == 0) return e;
    return NULL;
}

static struct entry *append(struct pile *p, const char *name) {
    struct entry *e = calloc(1, sizeof *e);

    if (e) e->name = strdup(name);
    if (!e || !e->name) {
        free(e);
        return NULL;
    }
    *p->last = e;
    p->last = &e->next;
    p->n++;
    return e;
}

int pile_put(struct pile *p, const char *name) {
    struct entry *there;
    int rc = 0;

    pthread_mutex_lock(&p->lock);
    while (!(there = find(p, name)) && p->n >= p->room && !p->has_ended)
        pthread_cond_wait(&p->changed, &p->lock);
    if (there && !p->has_ended)
        there->again = there->in_hand;
    else if (p->has_ended || !append(p, name))
        rc = -1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static struct entry *waiting(struct pile *p) {
    for (struct entry *e = p->first; e; e = e->next)
        if (!e->in_hand) return e;
    return NULL;
}

char *pile_take(struct pile *p) {
    struct entry *e = NULL;

    pthread_mutex_lock(&p->lock);
    while (!p->has_ended && !(e = waiting(p))) pthread_cond_wait(&p->changed, &p->lock);
    if (p->has_ended) e = NULL;
    if (e) {
        e->in_hand = 1;
        p->n--;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return e ? e->name : NULL;
}

static void cut(struct pile *p, struct entry *e) {
    struct entry **at = &p->first;

    while (*at != e) at = &(*at)->next;
    *at = e->next;
    if (p->last == &e->next) p->last = at;
    free(e->name);
    free(e);
}

void pile_done(struct pile *p, char *name) {
    struct entry *e;

    pthread_mutex_lock(&p->lock);
    e = find(p, name);
    if (e && e->again) {
        e->in_hand = e->again = 0;
        p->n++;
    } else if (e) {
        cut(p, e);
    }
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

int pile_sleep(struct pile *p, double seconds) {
    double until = clock_seconds() + seconds;
    int has_ended;

    pthread_mutex_lock(&p->lock);
    while (!p->has_ended && !sync_cond_wait(&p->changed, &p->lock, until)) {
    }
    has_ended = p->has_ended;
    pthread_mutex_unlock(&p->lock);
    return has_ended ? -1 : 0;
}

void pile_end(struct pile *p) {
    pthread_mutex_lock(&p->lock);
    p->has_ended = 1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}
