#include "tasks/plan_cache.h"

#include "engine/err.h"
#include "tasks/net.h"
#include "tasks/workspace.h"

#include <stdlib.h>

static void free_plan(struct net_plan *p) {
    while (p->idle) {
        struct workspaces *next = p->idle->next;
        workspaces_free(p->idle);
        p->idle = next;
    }
    p->net->ctx->ops->close(NULL, NULL, p->plan);
    plan_free(p->graph);
    free(p);
}

/* Of a plan besides its runs' memory: its steps and their tasks. */
enum { PLAN_BYTES = 64 << 10 };

/* Of so many runs under way. */
static size_t running_bytes(const struct net_plan *p, int runs) {
    return (p->run_bytes - p->kept_bytes) * (size_t)runs;
}

/* Of the plan when nothing runs. */
static size_t idle_bytes(const struct net_plan *p) {
    return PLAN_BYTES + p->kept_bytes * (size_t)p->room;
}

static size_t bytes_of(const struct net_plan *p) {
    return idle_bytes(p) + running_bytes(p, p->runs);
}

/* With the lock. What runs leave to those to come is a part of what plans take, and goes where
 * there are none. Returns the bytes it has, which are more than *room where runs that are under way
 * have too much. */
static size_t spare(const struct plan_cache *c, size_t *room) {
    size_t keep = c->keep, plans = 0;
    for (const struct net_plan *p = c->plans; p; p = p->next) plans += idle_bytes(p);
    keep -= plans < keep ? plans : keep;
    *room = c->bytes > 0 ? c->limit - c->bytes : 0;
    if (keep > *room) keep = *room;
    return c->backend->spare ? c->backend->spare(c->device, keep, *room) : 0;
}

/* With the lock. Memory has become free, or could. */
static void tell(struct plan_cache *c) {
    c->releases++;
    pthread_cond_broadcast(&c->released);
}

/* With the lock. */
static void remove_plan(struct plan_cache *c, struct net_plan **at) {
    struct net_plan *p = *at;
    *at = p->next;
    c->bytes -= bytes_of(p);
    if (p->net->latest == p) p->net->latest = NULL;
    free_plan(p);
    tell(c);
}

void plans_drop(struct mien_net *net) {
    struct plan_cache *c = &net->ctx->plans;
    size_t room;
    pthread_mutex_lock(&c->lock);
    for (struct net_plan **at = &c->plans; *at;)
        if ((*at)->net == net)
            remove_plan(c, at);
        else
            at = &(*at)->next;
    (void)spare(c, &room);
    pthread_mutex_unlock(&c->lock);
}

void plan_cache_init(struct plan_cache *c, const struct backend_ops *backend,
                     struct backend *device, size_t limit, size_t keep) {
    *c = (struct plan_cache){
        .backend = backend, .device = device, .limit = limit, .keep = keep < limit ? keep : limit};
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->released, NULL);
}

void plan_cache_destroy(struct plan_cache *c) {
    pthread_cond_destroy(&c->released);
    pthread_mutex_destroy(&c->lock);
}

/* The plan longest unused of those that are not in use; but for the network's latest, unless all
 * may go. NULL: there is none. */
static struct net_plan **oldest(struct plan_cache *c, int all) {
    struct net_plan **found = NULL;
    for (struct net_plan **p = &c->plans; *p; p = &(*p)->next)
        if ((*p)->runs == 0 && (!found || (*p)->used < (*found)->used) &&
            (all || (*p)->net->latest != *p))
            found = p;
    return found;
}

/* Keeps of the plans that are not in use what they may take together, and each network's latest,
 * whatever its size: the next picture is often as large as the last. Half of that is left for the
 * memory of runs where plans have none of their own. */
static void trim(struct plan_cache *c) {
    size_t most = c->backend->spare ? c->keep / 2 : c->keep;
    for (;;) {
        size_t bytes = 0;
        for (struct net_plan *p = c->plans; p; p = p->next)
            if (p->runs == 0) bytes += bytes_of(p);
        struct net_plan **p = bytes > most ? oldest(c, 0) : NULL;
        if (!p) return;
        remove_plan(c, p);
    }
}

/* Counts `bytes` more, for which what is spare and plans that are not in use go where they have to;
 * 0 where that is not enough. */
static int reserve(struct plan_cache *c, size_t bytes) {
    size_t room;
    while (bytes > c->limit || c->bytes > c->limit - bytes) {
        struct net_plan **p = bytes <= c->limit ? oldest(c, 1) : NULL;
        if (!p) return 0;
        remove_plan(c, p);
    }
    c->bytes += bytes;
    if (spare(c, &room) <= room) return 1;
    c->bytes -= bytes;
    return 0;
}

/* Counts fewer. */
static void unreserve(struct plan_cache *c, size_t bytes) {
    size_t room;
    c->bytes -= bytes;
    (void)spare(c, &room);
}

/* Memory of a run: the backend's, of which little is known before there is a plan, and the outputs
 * behind it, which stay with the plan. */
static void count_bytes(struct net_plan *p) {
    struct backend_sizes sizes = {.run_bytes = p->graph->arena_bytes};
    size_t outputs = 0;
    if (p->plan) p->net->ctx->ops->sizes(p->net->weights, p->plan, &sizes);
    for (int i = 0; i < p->graph->noutputs; i++) outputs += plan_output_count(p, i) * sizeof(float);
    p->run_bytes = sizes.run_bytes + outputs;
    p->kept_bytes = sizes.kept_bytes + outputs;
}

/* The graph of a plan, which takes little memory. */
static int make_graph(struct mien_net *net, unsigned want, int batch, int width, int height,
                      struct net_plan **out) {
    struct plan_want part = {.no_outputs = !(want & PLAN_OUTPUTS)};
    *out = NULL;
    struct net_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(MIEN_ENOMEM, "out of memory");
    *p = (struct net_plan){
        .net = net, .want = want, .batch = batch, .width = width, .height = height};
    for (int k = 0; k < PLAN_MOST_VALUES; k++)
        if (want & PLAN_VALUE << k) part.values[part.nvalues++] = net->kept[k];
    int rc = plan_make_part(net->net, net->ctx->ops->rules, &part, batch, width, height, &p->graph);
    if (rc) {
        free_plan(p);
        return rc;
    }
    count_bytes(p);
    *out = p;
    return MIEN_OK;
}

/* Can one run of it never have room? */
static int check_size(const struct plan_cache *c, const struct net_plan *p) {
    if (PLAN_BYTES + p->run_bytes <= c->limit) return MIEN_OK;
    return err_set(MIEN_ETOOBIG,
                   "network '%s' needs %zu MB for %d image%s of %dx%d pixels, more than the %zu MB "
                   "of memory it may take",
                   p->net->info.name, p->run_bytes >> 20, p->batch, p->batch > 1 ? "s" : "",
                   p->width, p->height, c->limit >> 20);
}

/* With the lock. Makes p of its graph what can be run, and counts it; *has_room is 0 where there is
 * not enough for all its runs. */
static int make_plan(struct plan_cache *c, struct net_plan *p, int *has_room) {
    const struct mien_net *net = p->net;
    size_t counted = bytes_of(p);
    int rc = check_size(c, p);
    *has_room = !rc && reserve(c, counted);
    if (!*has_room) return rc;
    pthread_mutex_unlock(&c->lock);
    rc = net->ctx->ops->plan(net->ctx->backend, net->weights, p->graph, &p->plan);
    if (!rc) count_bytes(p);
    if (!rc) rc = check_size(c, p);
    pthread_mutex_lock(&c->lock);
    unreserve(c, counted);
    *has_room = !rc && reserve(c, bytes_of(p));
    tell(c);
    return rc;
}

/* With the lock. A new plan, in use for `runs` at once; *out is NULL where there is no room. */
static int add_plan(struct mien_net *net, unsigned want, int batch, int width, int height, int runs,
                    struct net_plan **out) {
    struct plan_cache *c = &net->ctx->plans;
    struct net_plan *p;
    int has_room = 0, rc = make_graph(net, want, batch, width, height, &p);
    *out = NULL;
    if (rc) return rc;
    p->runs = p->room = runs;
    rc = make_plan(c, p, &has_room);
    if (!has_room) {
        free_plan(p);
        return rc;
    }
    p->next = c->plans;
    c->plans = *out = p;
    return MIEN_OK;
}

/* With the lock: has a plan that is there run `runs` more; 0 where there is no room for that. */
static int claim(struct plan_cache *c, struct net_plan *p, int runs) {
    int more = p->runs + runs - p->room;
    size_t kept = more > 0 ? p->kept_bytes * (size_t)more : 0;
    p->runs += runs; /* in use, so that it does not go to make room for itself */
    if (!reserve(c, running_bytes(p, runs) + kept)) {
        p->runs -= runs;
        return 0;
    }
    if (more > 0) p->room += more;
    return 1;
}

static struct net_plan *find(struct plan_cache *c, const struct mien_net *net, unsigned want,
                             int batch, int width, int height) {
    struct net_plan *p = c->plans;
    while (p && (p->net != net || p->want != want || p->batch != batch || p->width != width ||
                 p->height != height))
        p = p->next;
    return p;
}

int plan_try(struct mien_net *net, unsigned want, int batch, int width, int height, int runs,
             struct net_plan **out) {
    struct plan_cache *c = &net->ctx->plans;
    int rc = MIEN_OK;
    *out = NULL;
    pthread_mutex_lock(&net->making);
    pthread_mutex_lock(&c->lock);
    struct net_plan *p = find(c, net, want, batch, width, height);
    if (!p)
        rc = add_plan(net, want, batch, width, height, runs, &p);
    else if (!claim(c, p, runs))
        p = NULL;
    if (p) {
        p->used = ++c->tick;
        net->latest = p;
    }
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_unlock(&net->making);
    *out = p;
    return rc;
}

/* How many runs of this thread are interrupted. */
static _Thread_local int interrupted;

void plan_cache_interrupt(int step) {
    interrupted += step;
}

int plan_acquire(struct mien_net *net, unsigned want, int batch, int width, int height,
                 struct net_plan **out) {
    struct plan_cache *c = &net->ctx->plans;
    for (;;) {
        pthread_mutex_lock(&c->lock);
        unsigned long seen = c->releases;
        pthread_mutex_unlock(&c->lock);
        int rc = plan_try(net, want, batch, width, height, 1, out);
        if (rc || *out) return rc;
        if (interrupted > 0)
            return err_set(MIEN_ENOMEM, "out of memory beside the run that waits for this one");
        pthread_mutex_lock(&c->lock);
        while (c->releases == seen) pthread_cond_wait(&c->released, &c->lock);
        pthread_mutex_unlock(&c->lock);
    }
}

void plan_release(struct net_plan *p, int runs) {
    struct plan_cache *c = &p->net->ctx->plans;
    pthread_mutex_lock(&c->lock);
    p->runs -= runs;
    unreserve(c, running_bytes(p, runs));
    tell(c);
    if (p->runs == 0) trim(c);
    pthread_mutex_unlock(&c->lock);
}

size_t plan_cache_bytes(struct plan_cache *c) {
    size_t room;
    pthread_mutex_lock(&c->lock);
    size_t bytes = c->bytes + spare(c, &room);
    pthread_mutex_unlock(&c->lock);
    return bytes;
}

size_t plan_output_count(const struct net_plan *p, int i) {
    const struct plan_view *v = &p->graph->outputs[i];
    return (size_t)p->batch * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}
