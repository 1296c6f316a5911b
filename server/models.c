#include "server/models.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const MODELS_TASK_NAMES[MODELS_TASKS] = {"detect", "classify", "embed", "age_gender"};

struct models_store {
    pthread_mutex_t lock;
    struct models *current;
};

static void models_free(struct models *m) {
    for (int i = 0; i < MODELS_TASKS; i++) mien_net_free(m->task[i].net);
    mien_close(m->ctx);
    free(m);
}

static int load_one(mien_ctx *ctx, const char *name, enum mien_task task, struct model *out,
                    char *why, size_t room) {
    if (!name) return 0;
    if (mien_net_load(ctx, name, &out->net) || mien_net_info_get(out->net, &out->info)) {
        snprintf(why, room, "%s%s", mien_error(),
                 strchr(name, '/') ? "" : " ('mien-weights fetch' installs the default networks)");
        return -1;
    }
    if (out->info.task == task) return 0;
    snprintf(why, room, "%s is a network for another task", name);
    return -1;
}

/* A run of each network before the first request: plans are made, packed weights are paged in. */
static int warm_up(const struct models *m, const struct serve_config *config) {
    const mien_image *image = NULL;
    mien_image *blank;
    mien_face face = {.box = {8, 8, 56, 56},
                      .landmarks = {{24, 26}, {40, 26}, {32, 36}, {26, 44}, {38, 44}}};
    static const uint8_t crop[112 * 112 * 3];
    float *embedding = NULL;
    mien_age_gender age;
    mien_class class;
    int count, code = mien_image_new(64, 64, &blank);

    image = blank;
    if (!code && m->task[MODELS_DETECT].net)
        code = mien_detect(m->task[MODELS_DETECT].net, &image, 1, &config->detect, 1,
                           &(mien_face){.score = 0}, &count);
    if (!code && m->task[MODELS_CLASSIFY].net)
        code = mien_classify(m->task[MODELS_CLASSIFY].net, &image, 1, 1, &class);
    if (!code && m->task[MODELS_AGE_GENDER].net)
        code = mien_age_gender_run(m->task[MODELS_AGE_GENDER].net, &image, &face, 1, &age);
    if (!code && m->task[MODELS_EMBED].net) {
        embedding = malloc((size_t)m->task[MODELS_EMBED].info.embedding_size * sizeof *embedding);
        code = embedding ? mien_embed(m->task[MODELS_EMBED].net, crop, 1, embedding) : MIEN_ENOMEM;
    }
    free(embedding);
    mien_image_free(blank);
    return code;
}

static struct models *load(const struct serve_config *config, char *why, size_t room) {
    struct {
        const char *name;
        enum mien_task task;
    } wanted[MODELS_TASKS] = {
        [MODELS_DETECT] = {config->detector, MIEN_TASK_DETECT},
        [MODELS_CLASSIFY] = {config->classifier, MIEN_TASK_CLASSIFY},
        [MODELS_EMBED] = {config->embedder, MIEN_TASK_EMBED},
        [MODELS_AGE_GENDER] = {config->age_gender, MIEN_TASK_AGE_GENDER},
    };
    struct models *m = calloc(1, sizeof *m);
    int failed = 0;

    if (!m) {
        snprintf(why, room, "out of memory");
        return NULL;
    }
    m->users = 1;
    if (mien_open(&config->machine, &m->ctx)) {
        snprintf(why, room, "%s", mien_error());
        failed = 1;
    }
    for (int i = 0; i < MODELS_TASKS && !failed; i++)
        failed = load_one(m->ctx, wanted[i].name, wanted[i].task, &m->task[i], why, room);
    if (!failed && warm_up(m, config)) {
        snprintf(why, room, "%s", mien_error());
        failed = 1;
    }
    if (!failed) return m;
    models_free(m);
    return NULL;
}

struct models_store *models_store_new(void) {
    struct models_store *s = calloc(1, sizeof *s);

    if (s) pthread_mutex_init(&s->lock, NULL);
    return s;
}

void models_store_free(struct models_store *s) {
    if (!s) return;
    if (s->current) models_release(s, s->current);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int models_store_load(struct models_store *s, const struct serve_config *config, char *why,
                      size_t room) {
    struct models *m = load(config, why, room), *old;

    if (!m) return -1;
    pthread_mutex_lock(&s->lock);
    old = s->current;
    s->current = m;
    pthread_mutex_unlock(&s->lock);
    if (old) models_release(s, old);
    return 0;
}

struct models *models_acquire(struct models_store *s) {
    struct models *m;

    pthread_mutex_lock(&s->lock);
    m = s->current;
    if (m) m->users++;
    pthread_mutex_unlock(&s->lock);
    return m;
}

void models_release(struct models_store *s, struct models *m) {
    int left;

    pthread_mutex_lock(&s->lock);
    left = --m->users;
    pthread_mutex_unlock(&s->lock);
    if (left == 0) models_free(m);
}

const struct model *models_find(const struct models *m, const char *name) {
    for (int i = 0; i < MODELS_TASKS; i++)
        if (m->task[i].net && strcmp(m->task[i].info.name, name) == 0) return &m->task[i];
    return NULL;
}
