#include "prefetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 8 };

/* Decoded pictures wait in a ring: picture i at place i % room. */
struct place {
    struct picture picture;
    int ready;
};

struct prefetch {
    const struct pipeline *pipeline;
    struct feed *feed;
    pthread_mutex_t feeding; /* guards the feed, and comes before: */
    pthread_mutex_t lock;    /* guards what follows, but the places of pictures being decoded */
    pthread_cond_t changed;
    int next, taken, stop; /* the next to decode, the next to take */
    int promised;          /* of the places up to here each has a thread that will fill it */
    int ended;             /* the feed has */
    int room, threads;
    struct place *places;
    pthread_t ids[MAX_THREADS];
};

static void decode(const struct prefetch *f, struct input *input, struct picture *picture) {
    memset(picture, 0, sizeof *picture);
    picture->input = input;
    pipeline_decode(f->pipeline, picture);
}

/* Waits for room. Returns 0 where there is nothing left to do. */
static int promise(struct prefetch *f) {
    int going;

    pthread_mutex_lock(&f->lock);
    while (!f->stop && !f->ended && f->promised >= f->taken + f->room)
        pthread_cond_wait(&f->changed, &f->lock);
    going = !f->stop && !f->ended;
    f->promised += going;
    pthread_mutex_unlock(&f->lock);
    return going;
}

/* The next input and its place; NULL at the end. */
static struct input *next(struct prefetch *f, struct place **place) {
    struct input *input;

    pthread_mutex_lock(&f->feeding);
    input = feed_next(f->feed);
    pthread_mutex_lock(&f->lock);
    if (input) {
        *place = &f->places[f->next++ % f->room];
    } else {
        f->ended = 1;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
    pthread_mutex_unlock(&f->feeding);
    return input;
}

static void *work(void *arg) {
    struct prefetch *f = arg;
    struct input *input;
    struct place *place;

    while (promise(f) && (input = next(f, &place)) != NULL) {
        decode(f, input, &place->picture);
        pthread_mutex_lock(&f->lock);
        place->ready = 1;
        pthread_cond_broadcast(&f->changed);
        pthread_mutex_unlock(&f->lock);
    }
    return NULL;
}

struct prefetch *prefetch_open(const struct pipeline *pipeline, struct feed *feed, int threads) {
    struct prefetch *f = calloc(1, sizeof *f);

    if (!f) return NULL;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    f->pipeline = pipeline;
    f->feed = feed;
    f->room = threads > 0 ? threads : 1;
    f->places = calloc((size_t)f->room, sizeof *f->places);
    if (!f->places) {
        free(f);
        return NULL;
    }
    pthread_mutex_init(&f->feeding, NULL);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    while (feed->total != 1 && f->threads < threads &&
           pthread_create(&f->ids[f->threads], NULL, work, f) == 0)
        f->threads++;
    return f;
}

int prefetch_take(struct prefetch *f, struct picture *picture) {
    struct input *input;
    struct place *place;
    int taken = 0;

    if (f->threads == 0) {
        input = feed_next(f->feed);
        if (input) decode(f, input, picture);
        return input != NULL;
    }
    pthread_mutex_lock(&f->lock);
    place = &f->places[f->taken % f->room];
    while (!place->ready && !(f->ended && f->taken == f->next))
        pthread_cond_wait(&f->changed, &f->lock);
    if (place->ready) {
        *picture = place->picture;
        place->ready = 0;
        f->taken++;
        taken = 1;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
    return taken;
}

void prefetch_done(struct prefetch *f, struct picture *picture) {
    struct input *input = (struct input *)picture->input; /* as the feed gave it */

    picture_free(picture);
    feed_done(f->feed, input);
}

void prefetch_close(struct prefetch *f) {
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->stop = 1;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < f->threads; i++) pthread_join(f->ids[i], NULL);
    for (int i = 0; i < f->room; i++)
        if (f->places[i].ready) prefetch_done(f, &f->places[i].picture);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->feeding);
    free(f->places);
    free(f);
}
