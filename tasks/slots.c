/* Inputs, outputs and scratch of runs, kept by the plan they belong to. */
#include "engine/err.h"
#include "tasks/tasks.h"

#include <stdlib.h>

static void close_slot(struct tasks_slot *s, int noutputs) {
    for (int i = 0; s->outputs && i < noutputs; i++) free(s->outputs[i]);
    free(s->outputs);
    for (int b = 0; s->pictures && b < s->plan->batch; b++) resize_free(&s->pictures[b]);
    free(s->pictures);
    candidates_free(&s->candidates);
}

void tasks_set_free(struct tasks_set *set, int noutputs) {
    for (int i = 0; i < set->n; i++) close_slot(&set->slot[i], noutputs);
    free(set);
}

static int open_slot(struct tasks_slot *s, const struct net_plan *p, int workers, int noutputs) {
    s->plan = p;
    s->workers = workers;
    s->pictures = calloc((size_t)p->batch, sizeof *s->pictures);
    s->outputs = calloc((size_t)noutputs, sizeof *s->outputs);
    int good = s->pictures && s->outputs;
    for (int i = 0; good && i < noutputs; i++) {
        s->outputs[i] = malloc(tasks_output_count(p, i) * sizeof(float));
        good = s->outputs[i] != NULL;
    }
    return good ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory for a batch of %d", p->batch);
}

static int make_set(const struct mien_net *net, const struct net_plan *p, struct tasks_set **out) {
    int lanes = net->ctx->ops->lanes(net->ctx->backend), n = p->batch == 1 && lanes > 1 ? lanes : 1;
    struct tasks_set *set = calloc(1, sizeof *set + sizeof set->slot[0] * (size_t)n);
    if (!set) return err_set(MIEN_ENOMEM, "out of memory");
    set->n = n;
    for (int i = 0; i < n; i++)
        if (open_slot(&set->slot[i], p, lanes > 0 ? lanes : 1, net->net->noutputs)) {
            tasks_set_free(set, net->net->noutputs);
            return MIEN_ENOMEM;
        }
    *out = set;
    return MIEN_OK;
}

/* What one slot had to grow to the others will need too; which thread takes which item is chance,
 * when memory is taken should not be. Where there is none now, the item that needs it says so. */
static void level(struct tasks_set *set) {
    size_t tables = 0;
    int candidates = 0;
    for (int i = 0; i < set->n; i++) {
        const struct tasks_slot *s = &set->slot[i];
        for (int b = 0; b < s->plan->batch; b++)
            if (s->pictures[b].size > tables) tables = s->pictures[b].size;
        if (s->candidates.capacity > candidates) candidates = s->candidates.capacity;
    }
    for (int i = 0; i < set->n; i++) {
        const struct tasks_slot *s = &set->slot[i];
        for (int b = 0; b < s->plan->batch; b++) (void)resize_grow(&s->pictures[b], tables);
        (void)candidates_grow(&set->slot[i].candidates, candidates);
    }
}

/* Moves what the set's items took to the network's sums. */
static void add_times(struct tasks_set *set, mien_times *sum) {
    for (int i = 0; i < set->n; i++) {
        mien_times *t = &set->slot[i].times;
        sum->input += t->input;
        sum->network += t->network;
        sum->results += t->results;
        sum->align += t->align;
        *t = (mien_times){0};
    }
}

int tasks_set_get(struct mien_net *net, struct net_plan *p, struct tasks_set **out) {
    pthread_mutex_lock(&net->lock);
    *out = p->idle;
    if (p->idle) p->idle = p->idle->next;
    pthread_mutex_unlock(&net->lock);
    return *out ? MIEN_OK : make_set(net, p, out);
}

void tasks_set_put(struct mien_net *net, struct net_plan *p, struct tasks_set *set) {
    level(set);
    pthread_mutex_lock(&net->lock);
    add_times(set, &net->times);
    set->next = p->idle;
    p->idle = set;
    pthread_mutex_unlock(&net->lock);
}

void mien_net_times(mien_net *net, mien_times *times) {
    pthread_mutex_lock(&net->lock);
    *times = net->times;
    pthread_mutex_unlock(&net->lock);
}
