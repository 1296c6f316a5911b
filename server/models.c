#include "server/models.h"

#include "analysis/items.h"
#include "server/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct models_store {
    pthread_mutex_t lock;
    struct models *current;
};

static void models_free(struct models *m) {
    mien_ctx *ctx = m->networks.ctx;

    networks_free(&m->networks);
    mien_close(ctx);
    free(m);
}

static int load_one(mien_ctx *ctx, const char *name, struct network *out, char *why, size_t room) {
    int rc, may_be_fetched;

    rc = mien_net_load(ctx, name, &out->net);
    if (rc == MIEN_OK) rc = mien_net_info_get(out->net, &out->info);
    if (rc) {
        may_be_fetched = rc != MIEN_ENOMEM && !strchr(name, '/');
        snprintf(why, room, "%s%s", mien_error(),
                 may_be_fetched ? " ('mien-weights fetch' installs the default networks)" : "");
        return -1;
    }
    if (out->info.task == out->task.task) return 0;
    snprintf(why, room, "%s is a network for another task", name);
    return -1;
}

/* The networks of a list with commas. methods: as in struct network. */
static int load_list(struct networks *all, int task, const char *list, unsigned methods, char *why,
                     size_t room) {
    char name[4096];
    int more;

    while ((more = networks_next(&list, name, sizeof name)) > 0) {
        struct network *next = networks_room(all, task);
        if (!next) {
            snprintf(why, room, "too many networks");
            return -1;
        }
        if (load_one(all->ctx, name, next, why, room)) return -1;
        next->methods = methods;
    }
    if (more == 0) return 0;
    snprintf(why, room, "a network's name is too long");
    return -1;
}

/* What the task's networks of another method are is loaded beside, where all are installed, for
 * requests that ask for it. */
static void load_other(struct networks *all, int task, const char *list, unsigned methods) {
    char why[512];
    int n = all->n;

    if (load_list(all, task, list, methods, why, sizeof why) == 0) return;
    for (; all->n > n; all->n--) mien_net_free(all->at[all->n - 1].net);
}

static int load_task(struct networks *all, int task, const struct serve_config *config, char *why,
                     size_t room) {
    const mien_task_info *info = &all->at[task].task;
    const char *list[METHODS];
    int method = config->method;

    if (!config->network[task]) return 0;
    for (int m = 0; m < METHODS; m++)
        list[m] = networks_named(info, config->network[task], (enum networks_method)m);
    int alike = strcmp(list[METHOD_JOINT], list[METHOD_SEPARATE]) == 0;
    if (load_list(all, task, list[method], alike ? 0 : 1U << method, why, room)) return -1;
    if (!alike) load_other(all, task, list[!method], 1U << !method);
    return load_list(all, task, networks_asked(info, config->network[task], config->attributes), 0,
                     why, room);
}

/* A run of each network before the first request: plans are made, packed weights are paged in. */
static int warm_up(const struct models *m, const struct serve_config *config, char *why,
                   size_t room) {
    const mien_face face = {.box = {8, 8, 56, 56},
                            .landmarks = {{24, 26}, {40, 26}, {32, 36}, {26, 44}, {38, 44}}};
    mien_image *blank;
    int rc = mien_image_new(64, 64, &blank);

    if (rc) snprintf(why, room, "%s", mien_error());
    for (int i = 0; i < m->networks.n && !rc; i++) {
        const struct network *network = &m->networks.at[i];
        struct item item = {
            .network = network, .image = blank, .n = 1, .detect = &config->detect, .top = 1};
        struct item *one = &item;
        if (!network->net) continue;
        if (network->task.item == MIEN_ITEM_FACE) item.faces = &face;
        items_run(&one, 1);
        rc = item.rc;
        if (rc) snprintf(why, room, "%s", item.why);
        item_clear(&item);
    }
    mien_image_free(blank);
    return rc;
}

/* What embeddings of these networks may be compared with. */
static int set_contract(struct models *m, const struct serve_config *config, char *why,
                        size_t room) {
    int task = networks_task_giving(MIEN_RESULT_EMBEDDING);
    char name[512], sentence[CONTRACT_WHY];
    const char *list;

    if (task < 0 || !config->network[task] || !config_keeps_gallery(config)) return 0;
    list = networks_named(&m->networks.at[task].task, config->network[task],
                          (enum networks_method)config->method);
    for (int i = 0; i < 2 && networks_next(&list, name, sizeof name) > 0; i++)
        if (contract_hash(m->networks.ctx, name, i ? m->second_contract : m->contract, sentence)) {
            snprintf(why, room, "%s", sentence);
            return -1;
        }
    return 0;
}

static struct models *load(const struct serve_config *config, char *why, size_t room) {
    struct models *m = calloc(1, sizeof *m);
    mien_options machine = config->machine;
    struct networks_told told;
    mien_ctx *ctx;
    int failed = 0;

    if (!m) {
        snprintf(why, room, "out of memory");
        return NULL;
    }
    m->users = 1;
    machine.memory = memory_share(config).plans;
    if (mien_open(&machine, &ctx)) {
        snprintf(why, room, "%s", mien_error());
        failed = 1;
    }
    networks_init(&m->networks, ctx);
    for (int i = 0; i < networks_tasks() && !failed; i++)
        failed = load_task(&m->networks, i, config, why, room);
    if (!failed && config->attributes)
        failed = networks_tell(&m->networks, config->attributes, &told, why, room);
    if (!failed) failed = set_contract(m, config, why, room);
    if (!failed && warm_up(m, config, why, room) == 0) return m;
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

struct models *models_share(struct models_store *s, struct models *m) {
    pthread_mutex_lock(&s->lock);
    m->users++;
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

const struct network *models_find(const struct models *m, const char *name) {
    for (int i = 0; i < m->networks.n; i++)
        if (m->networks.at[i].net && strcmp(m->networks.at[i].info.name, name) == 0)
            return &m->networks.at[i];
    return NULL;
}
