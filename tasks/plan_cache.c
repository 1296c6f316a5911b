#include "tasks/plan_cache.h"

#include "engine/err.h"
#include "tasks/net.h"
#include "tasks/workspace.h"

#include <stdlib.h>

/* Plans that are kept: some of any size, and more as long as all are small. */
enum { KEPT_PLANS = 6 };
#define KEPT_BYTES ((size_t)256 << 20)

static void free_net_plan(struct mien_net *net, struct net_plan *p) {
    while (p->idle) {
        struct workspaces *next = p->idle->next;
        workspaces_free(p->idle);
        p->idle = next;
    }
    net->ctx->ops->close(NULL, NULL, p->plan);
    plan_free(p->graph);
    free(p);
}

void plans_drop(struct mien_net *net) {
    while (net->plans.plans) {
        struct net_plan *next = net->plans.plans->next;
        free_net_plan(net, net->plans.plans);
        net->plans.plans = next;
    }
}

static size_t plan_bytes(const struct mien_net *net, const struct net_plan *p) {
    int lanes = net->ctx->ops->lanes(net->ctx->backend);
    struct backend_sizes sizes;
    net->ctx->ops->sizes(net->weights, p->plan, &sizes);
    return sizes.arena_bytes * (size_t)(p->batch == 1 && lanes > 1 ? lanes : 1);
}

static int make_plan(struct mien_net *net, int batch, int width, int height,
                     struct net_plan **out) {
    struct net_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(MIEN_ENOMEM, "out of memory");
    p->batch = batch;
    p->width = width;
    p->height = height;
    int rc = plan_make(net->net, net->ctx->ops->rules, batch, width, height, &p->graph);
    if (!rc) rc = net->ctx->ops->plan(net->ctx->backend, net->weights, p->graph, &p->plan);
    if (rc) {
        free_net_plan(net, p);
        return rc;
    }
    p->bytes = plan_bytes(net, p);
    *out = p;
    return MIEN_OK;
}

/* Drops the plan longest unused where there are too many; 1 where it did. */
static int trim_plans(struct mien_net *net) {
    int n = 0;
    size_t bytes = 0;
    struct net_plan **oldest = NULL;
    for (struct net_plan **p = &net->plans.plans; *p; p = &(*p)->next, n++) {
        bytes += (*p)->bytes;
        if ((*p)->users == 0 && (!oldest || (*p)->used < (*oldest)->used)) oldest = p;
    }
    if (n <= KEPT_PLANS || bytes <= KEPT_BYTES || !oldest) return 0;
    struct net_plan *p = *oldest;
    *oldest = p->next;
    free_net_plan(net, p);
    return 1;
}

int plan_acquire(struct mien_net *net, int batch, int width, int height, struct net_plan **out) {
    *out = NULL;
    int rc = MIEN_OK;
    pthread_mutex_lock(&net->lock);
    struct net_plan *p = net->plans.plans;
    while (p && (p->batch != batch || p->width != width || p->height != height)) p = p->next;
    if (!p && !(rc = make_plan(net, batch, width, height, &p))) {
        p->next = net->plans.plans;
        net->plans.plans = p;
    }
    if (!rc) {
        p->users++;
        p->used = ++net->plans.tick;
        while (trim_plans(net)) continue;
        *out = p;
    }
    pthread_mutex_unlock(&net->lock);
    return rc;
}

void plan_release(struct mien_net *net, struct net_plan *p) {
    pthread_mutex_lock(&net->lock);
    p->users--;
    pthread_mutex_unlock(&net->lock);
}

size_t plan_output_count(const struct net_plan *p, int i) {
    const struct plan_view *v = &p->graph->outputs[i];
    return (size_t)p->batch * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}
