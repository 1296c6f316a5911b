#include "tasks/workspace.h"

#include "engine/err.h"
#include "engine/pages.h"
#include "engine/sized.h"
#include "tasks/pair.h"

#include <stdlib.h>

static void close_workspace(const struct mien_net *net, struct workspace *w) {
    for (int i = 0; w->outputs && i < w->plan->graph->noutputs; i++)
        pages_free(w->outputs[i], plan_output_count(w->plan, i) * sizeof(float));
    free(w->outputs);
    for (int b = 0; w->images && b < w->plan->batch; b++) resize_free(&w->images[b]);
    free(w->images);
    if (w->scratch && net->task->scratch_free) net->task->scratch_free(w->scratch);
    free(w->scratch);
}

void workspaces_free(struct workspaces *all) {
    for (int i = 0; i < all->n; i++) close_workspace(all->net, &all->at[i]);
    free(all);
}

static int open_workspace(const struct mien_net *net, const struct net_plan *p, int workers,
                          struct workspace *w) {
    int noutputs = p->graph->noutputs;
    w->plan = p;
    w->workers = workers;
    w->images = calloc((size_t)p->batch, sizeof *w->images);
    w->outputs = calloc((size_t)noutputs, sizeof *w->outputs);
    w->scratch = calloc(1, net->task->scratch_size + 1);
    int good = w->images && w->outputs && w->scratch;
    for (int i = 0; good && i < noutputs; i++) {
        w->outputs[i] = pages_alloc(plan_output_count(p, i) * sizeof(float));
        good = w->outputs[i] != NULL;
    }
    return good ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory for a batch of %d", p->batch);
}

static int make_workspaces(const struct mien_net *net, const struct net_plan *p, int n,
                           struct workspaces **out) {
    int lanes = net->ctx->ops->lanes(net->ctx->backend);
    struct workspaces *all = calloc(1, sizeof *all + sizeof all->at[0] * (size_t)n);
    if (!all) return err_set(MIEN_ENOMEM, "out of memory");
    all->net = net;
    all->n = n;
    for (int i = 0; i < n; i++)
        if (open_workspace(net, p, lanes > 0 ? lanes : 1, &all->at[i])) {
            workspaces_free(all);
            return MIEN_ENOMEM;
        }
    *out = all;
    return MIEN_OK;
}

/* What one had to grow to the others will need too; which thread takes which item is chance, when
 * memory is taken should not be. Where there is none now, the item that needs it says so. */
static void level(struct workspaces *all) {
    void (*grow)(void *, const void *) = all->net->task->scratch_grow;
    size_t tables = 0;
    for (int i = 0; i < all->n; i++) {
        const struct workspace *w = &all->at[i];
        for (int b = 0; b < w->plan->batch; b++)
            if (w->images[b].size > tables) tables = w->images[b].size;
    }
    for (int i = 0; i < all->n; i++) {
        const struct workspace *w = &all->at[i];
        for (int b = 0; b < w->plan->batch; b++) (void)resize_grow(&w->images[b], tables);
        for (int k = 0; grow && k < all->n; k++)
            if (k != i) grow(w->scratch, all->at[k].scratch);
    }
}

static void sum_times(const mien_times *t, mien_times *sum) {
    sum->input += t->input;
    sum->network += t->network;
    sum->results += t->results;
    sum->align += t->align;
    sum->pixels += t->pixels;
}

/* Moves what the items took to the network's sums. */
static void add_times(struct workspaces *all, mien_times *sum) {
    for (int i = 0; i < all->n; i++) {
        sum_times(&all->at[i].times, sum);
        all->at[i].times = (mien_times){0};
    }
}

int workspaces_acquire(struct mien_net *net, struct net_plan *p, int n, struct workspaces **out) {
    pthread_mutex_lock(&net->lock);
    struct workspaces **at = &p->idle;
    while (*at && (*at)->n < n) at = &(*at)->next;
    *out = *at;
    if (*out) *at = (*out)->next;
    pthread_mutex_unlock(&net->lock);
    return *out ? MIEN_OK : make_workspaces(net, p, n, out);
}

void workspaces_release(struct mien_net *net, struct net_plan *p, struct workspaces *all,
                        struct mien_net *account) {
    level(all);
    pthread_mutex_lock(&account->lock);
    add_times(all, &account->times);
    pthread_mutex_unlock(&account->lock);
    pthread_mutex_lock(&net->lock);
    all->next = p->idle;
    p->idle = all;
    pthread_mutex_unlock(&net->lock);
}

int mien_net_times(mien_net *net, mien_times *times) {
    if (!net) return err_null("mien_net_times");
    mien_times own = {0};
    for (int i = 0; i < pair_size(net); i++) {
        struct mien_net *one = pair_member(net, i);
        pthread_mutex_lock(&one->lock);
        sum_times(&one->times, &own);
        pthread_mutex_unlock(&one->lock);
    }
    return sized_write(times, &own, sizeof own, "mien_times");
}
