/* Many equal inputs through one network. */
#include "engine/clock.h"
#include "engine/err.h"
#include "vision/tasks.h"

#include <stdio.h>

int tasks_whole(const struct mien_net *net, int n) {
    if (net->observer) return 0; /* it sums what it sees, and sums depend on their order */
    int lanes = net->ctx->ops->lanes(net->ctx->backend);
    return lanes > 0 && n > 0 ? n / lanes * lanes : 0;
}

int tasks_batch(int left) {
    int n = 1;
    while (n < 8 && 2 * n <= left) n *= 2;
    return n;
}

void tasks_fail(struct tasks_failure *f, int code) {
    int none = MIEN_OK;
    if (atomic_compare_exchange_strong(&f->code, &none, code))
        snprintf(f->text, sizeof f->text, "%s", err_text());
}

int tasks_failed(const struct tasks_failure *f) {
    int code = atomic_load(&f->code);
    return code ? err_set(code, "%s", f->text) : MIEN_OK;
}

static void picture_rows(void *context, const struct backend_rows *want) {
    const struct tasks_slot *slot = context;
    resize_rows(&slot->pictures[want->image], want->kern, want->y0, want->y1, want->type, want->dst,
                want->row, want->worker);
}

/* Items first..first+count-1 in one run. */
static int run_batch(const struct tasks_job *j, struct net_plan *p, struct tasks_slot *slot,
                     int first, int count) {
    const struct backend_ops *ops = j->net->ctx->ops;
    const float *one[TASKS_MAX_OUTPUTS];
    struct backend_input input = {.rows = picture_rows, .context = slot};
    int rc = MIEN_OK;
    double begin = clock_now();
    for (int b = 0; b < count && !rc; b++)
        rc = j->fill(j->context, first + b, slot->workers, &slot->pictures[b]);
    double filled = clock_now();
    if (!rc) rc = ops->run(p->plan, &input, slot->outputs, j->net->observer);
    if (!rc) rc = ops->wait(p->plan);
    double run = clock_now();
    for (int b = 0; b < count && !rc; b++) {
        for (int i = 0; i < j->net->net->noutputs; i++)
            one[i] = slot->outputs[i] + tasks_output_count(p, i) / (size_t)count * (size_t)b;
        rc = j->take(j->context, first + b, slot, one);
    }
    slot->times.input += filled - begin + input.seconds;
    slot->times.network += run - filled - input.seconds;
    slot->times.results += clock_now() - run;
    return rc;
}

struct wholes {
    const struct tasks_job *job;
    struct net_plan *plan;
    struct tasks_set *set;
    struct tasks_failure failure;
};

static void run_item(void *context, int item, int worker) {
    struct wholes *w = context;
    if (atomic_load(&w->failure.code)) return;
    int rc = run_batch(w->job, w->plan, &w->set->slot[worker], item, 1);
    if (rc) tasks_fail(&w->failure, rc);
}

static int run_wholes(const struct tasks_job *j, int count, struct net_plan *p,
                      struct tasks_set *set) {
    struct wholes w = {.job = j, .plan = p, .set = set};
    int rc = j->net->ctx->ops->each(p->plan, count, run_item, &w);
    return rc ? rc : tasks_failed(&w.failure);
}

int tasks_run_all(const struct tasks_job *j) {
    int whole = tasks_whole(j->net, j->n), rc = MIEN_OK;
    for (int i = 0, count; i < j->n && !rc; i += count) {
        struct net_plan *p;
        struct tasks_set *set;
        count = i < whole ? whole : tasks_batch(j->n - i);
        rc = tasks_plan_get(j->net, i < whole ? 1 : count, j->width, j->height, &p);
        if (rc) return rc;
        rc = tasks_set_get(j->net, p, &set);
        if (!rc) {
            rc =
                i < whole ? run_wholes(j, count, p, set) : run_batch(j, p, &set->slot[0], i, count);
            tasks_set_put(j->net, p, set);
        }
        tasks_plan_put(j->net, p);
    }
    return rc;
}
