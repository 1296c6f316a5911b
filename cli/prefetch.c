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
    const struct inputs *inputs;
    pthread_mutex_t lock; /* guards what follows, but the places of pictures being decoded */
    pthread_cond_t changed;
    int next, taken, stop; /* the next to decode, the next to take */
    int room, threads;
    struct place *places;
    pthread_t ids[MAX_THREADS];
};

static void decode(const struct prefetch *f, int i, struct picture *picture) {
    memset(picture, 0, sizeof *picture);
    picture->input = &f->inputs->items[i];
    pipeline_decode(f->pipeline, picture);
}

static void *work(void *arg) {
    struct prefetch *f = arg;

    pthread_mutex_lock(&f->lock);
    for (;;) {
        while (!f->stop && f->next < f->inputs->count && f->next >= f->taken + f->room)
            pthread_cond_wait(&f->changed, &f->lock);
        if (f->stop || f->next >= f->inputs->count) break;
        int i = f->next++;
        struct place *place = &f->places[i % f->room];
        pthread_mutex_unlock(&f->lock);
        decode(f, i, &place->picture);
        pthread_mutex_lock(&f->lock);
        place->ready = 1;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

struct prefetch *prefetch_open(const struct pipeline *pipeline, const struct inputs *inputs,
                               int threads) {
    struct prefetch *f = calloc(1, sizeof *f);

    if (!f) return NULL;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    f->pipeline = pipeline;
    f->inputs = inputs;
    f->room = threads > 0 ? threads : 1;
    f->places = calloc((size_t)f->room, sizeof *f->places);
    if (!f->places) {
        free(f);
        return NULL;
    }
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    while (inputs->count > 1 && f->threads < threads &&
           pthread_create(&f->ids[f->threads], NULL, work, f) == 0)
        f->threads++;
    return f;
}

void prefetch_take(struct prefetch *f, struct picture *picture) {
    if (f->threads == 0) {
        decode(f, f->taken++, picture);
        return;
    }
    pthread_mutex_lock(&f->lock);
    struct place *place = &f->places[f->taken % f->room];
    while (!place->ready) pthread_cond_wait(&f->changed, &f->lock);
    *picture = place->picture;
    place->ready = 0;
    f->taken++;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void prefetch_close(struct prefetch *f) {
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->stop = 1;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < f->threads; i++) pthread_join(f->ids[i], NULL);
    for (int i = 0; i < f->room; i++)
        if (f->places[i].ready) picture_free(&f->places[i].picture);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f->places);
    free(f);
}
