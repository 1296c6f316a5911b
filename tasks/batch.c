/* Many inputs through one network. */
#include "engine/clock.h"
#include "engine/err.h"
#include "tasks/tasks.h"

#include <stdio.h>

int tasks_whole(const struct mien_net *net, int n) {
    if (net->observer) return 0; /* it sums what it sees, and sums depend on their order */
    int lanes = net->ctx->ops->lanes(net->ctx->backend);
    return lanes > 0 && n > 0 ? n / lanes * lanes : 0;
}

int tasks_batch(const struct mien_net *net, int left) {
    int n = 1;
    while (n < net->ctx->ops->batch && 2 * n <= left) n *= 2;
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

static void picture_of(void *context, int image, struct backend_picture *out) {
    const struct tasks_slot *slot = context;
    resize_describe(&slot->pictures[image], out);
}

/* Items first..first+count-1 in one run. */
static int run_batch(const struct tasks_job *j, struct net_plan *p, struct tasks_slot *slot,
                     int first, int count) {
    const struct backend_ops *ops = j->net->ctx->ops;
    const float *one[TASKS_MAX_OUTPUTS];
    struct backend_input input = {.rows = picture_rows, .picture = picture_of, .context = slot};
    struct backend_faces faces = {0};
    int rc = MIEN_OK, find = j->faces && ops->find && !j->net->observer;
    double begin = clock_now();
    for (int b = 0; b < count && !rc; b++)
        rc = j->fill(j->context, first + b, slot->workers, &slot->pictures[b]);
    double filled = clock_now();
    if (!rc && find) {
        j->faces(j->context, first, &faces);
        rc = ops->find(p->plan, &input, &faces, slot->outputs);
    } else if (!rc) {
        rc = ops->run(p->plan, &input, slot->outputs, j->net->observer);
    }
    if (!rc) rc = ops->wait(p->plan);
    double run = clock_now();
    for (int b = 0; b < count && !rc; b++) {
        if (find && faces.counts[b] >= 0) continue; /* found already */
        for (int i = 0; i < j->net->net->noutputs; i++)
            one[i] = slot->outputs[i] + tasks_output_count(p, i) / (size_t)count * (size_t)b;
        rc = j->take(j->context, first + b, slot, one);
    }
    *(j->aligns ? &slot->times.align : &slot->times.input) += filled - begin;
    slot->times.input += input.seconds;
    slot->times.network += run - filled - input.seconds;
    slot->times.results += clock_now() - run;
    return rc;
}

/* A plan of batch 1 in use, and what its runs need. */
struct whole_plan {
    struct net_plan *plan;
    struct tasks_set *set;
};

/* Items of a few sizes, a thread each. */
struct wholes {
    const struct tasks_job *job;
    int first; /* item of the job that is item 0 here */
    int nplans;
    struct whole_plan plan[TASKS_SIZES];
    struct tasks_failure failure;
};

static void size_of(const struct tasks_job *j, int item, int *width, int *height) {
    *width = j->width;
    *height = j->height;
    if (j->size) j->size(j->context, item, width, height);
}

/* The plan for an item's size; NULL where it is not open. */
static struct whole_plan *plan_of(struct wholes *w, int item) {
    int width, height;
    size_of(w->job, item, &width, &height);
    for (int i = 0; i < w->nplans; i++) {
        const struct net_plan *p = w->plan[i].plan;
        if (p->width == width && p->height == height) return &w->plan[i];
    }
    return NULL;
}

static int open_plan(struct wholes *w, int item, int count) {
    mien_net *net = w->job->net;
    struct whole_plan *open = &w->plan[w->nplans];
    int width, height;
    size_of(w->job, item, &width, &height);
    int rc = tasks_plan_acquire(net, 1, width, height, &open->plan);
    if (rc) return rc;
    rc = tasks_set_get(net, open->plan, &open->set);
    if (rc) {
        tasks_plan_release(net, open->plan);
        return rc;
    }
    w->nplans++;
    return net->ctx->ops->reserve(open->plan->plan, count);
}

static void close_plans(struct wholes *w) {
    for (int i = 0; i < w->nplans; i++) {
        tasks_set_put(w->job->net, w->plan[i].plan, w->plan[i].set);
        tasks_plan_release(w->job->net, w->plan[i].plan);
    }
}

static void run_item(void *context, int item, int worker) {
    struct wholes *w = context;
    const struct whole_plan *p = plan_of(w, w->first + item);
    if (atomic_load(&w->failure.code)) return;
    int rc = run_batch(w->job, p->plan, &p->set->slot[worker], w->first + item, 1);
    if (rc) tasks_fail(&w->failure, rc);
}

/* Items from `first` on, before `end` and of at most TASKS_SIZES sizes; *count: how many. */
static int run_wholes(const struct tasks_job *j, int first, int end, int *count) {
    struct wholes w = {.job = j, .first = first};
    int rc = MIEN_OK, next = first;
    for (; next < end && !rc; next++) {
        if (plan_of(&w, next)) continue;
        if (w.nplans == TASKS_SIZES) break;
        rc = open_plan(&w, next, end - first);
    }
    *count = next - first;
    if (!rc) {
        j->net->ctx->ops->each(j->net->ctx->backend, *count, run_item, &w);
        rc = tasks_failed(&w.failure);
    }
    close_plans(&w);
    return rc;
}

/* How many items from i on are of one size. */
static int same_size(const struct tasks_job *j, int i) {
    int width, height, w, h, n = 1;
    size_of(j, i, &width, &height);
    for (; i + n < j->n; n++) {
        size_of(j, i + n, &w, &h);
        if (w != width || h != height) break;
    }
    return n;
}

/* `count` items of one size in one run of all lanes. */
static int run_together(const struct tasks_job *j, int first, int count) {
    struct net_plan *p;
    struct tasks_set *set;
    int width, height;
    size_of(j, first, &width, &height);
    int rc = tasks_plan_acquire(j->net, count, width, height, &p);
    if (rc) return rc;
    rc = tasks_set_get(j->net, p, &set);
    if (!rc) {
        rc = run_batch(j, p, &set->slot[0], first, count);
        tasks_set_put(j->net, p, set);
    }
    tasks_plan_release(j->net, p);
    return rc;
}

int tasks_run_all(const struct tasks_job *j) {
    int whole = tasks_whole(j->net, j->n), rc = MIEN_OK;
    for (int i = 0, count; i < whole && !rc; i += count) rc = run_wholes(j, i, whole, &count);
    for (int i = whole, count; i < j->n && !rc; i += count) {
        count = tasks_batch(j->net, same_size(j, i));
        rc = run_together(j, i, count);
    }
    return rc;
}
