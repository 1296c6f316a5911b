#include "tasks/run.h"

#include "engine/clock.h"
#include "engine/err.h"
#include "tasks/net.h"
#include "tasks/workspace.h"

#include <stdio.h>
#include <string.h>

int run_in_lanes(const struct mien_net *net, int n) {
    if (net->observer) return 0; /* it sums what it sees, and sums depend on their order */
    int lanes = net->ctx->ops->lanes(net->ctx->backend);
    return lanes > 0 && n > 0 ? n / lanes * lanes : 0;
}

/* Size of the next batch where `left` are left: a power of two up to the backend's, so that a
 * folder of any length needs few plans. */
static int next_batch(const struct mien_net *net, int left) {
    int n = 1;
    while (n < net->ctx->ops->batch && 2 * n <= left) n *= 2;
    return n;
}

void run_fail(struct run_failure *f, int rc) {
    int none = MIEN_OK;
    if (atomic_compare_exchange_strong(&f->rc, &none, rc))
        snprintf(f->text, sizeof f->text, "%s", err_text());
}

int run_failed(const struct run_failure *f) {
    int rc = atomic_load(&f->rc);
    return rc ? err_set(rc, "%s", f->text) : MIEN_OK;
}

static void image_rows(void *context, const struct backend_rows *want) {
    const struct workspace *w = context;
    resize_rows(&w->images[want->image], want->kern, want->y0, want->y1, want->type, want->dst,
                want->row, want->worker);
}

static void image_of(void *context, int image, struct backend_picture *out) {
    const struct workspace *w = context;
    resize_describe(&w->images[image], out);
}

static struct mien_net *account_of(const struct task_call *c) {
    return c->account ? c->account : c->net;
}

static unsigned wanted(const struct task_call *c) {
    return c->want ? c->want : PLAN_OUTPUTS;
}

/* Item b of a run's output i. */
static const float *output_of(const struct net_plan *p, const struct workspace *w, int i, int b) {
    return w->outputs[i] + plan_output_count(p, i) / (size_t)p->batch * (size_t)b;
}

/* What item `first` + b, which has run, gives. */
static int take_item(const struct task_call *c, const struct net_plan *p, struct workspace *w,
                     int first, int b) {
    const float *one[NET_MAX_OUTPUTS];
    int own = wanted(c) & PLAN_OUTPUTS ? c->net->net->noutputs : 0, at = own;
    for (int k = 0; k < PLAN_MOST_VALUES; k++) {
        if (!(wanted(c) & PLAN_VALUE << k)) continue;
        size_t n = plan_output_count(p, at) / (size_t)p->batch;
        memcpy(c->values[k] + n * (size_t)(first + b), output_of(p, w, at, b), n * sizeof(float));
        at++;
    }
    for (int i = 0; i < own; i++) one[i] = output_of(p, w, i, b);
    return own > 0 ? c->net->task->take(c, first + b, w, one) : MIEN_OK;
}

/* Features are in memory already. */
static struct backend_input features_input(const struct task_call *c, const struct net_plan *p,
                                           int first, struct backend_floats *floats) {
    const struct plan_view *v = &p->graph->input;
    size_t each = (size_t)v->h * (size_t)v->w * (size_t)v->c;
    *floats = (struct backend_floats){c->features + each * (size_t)first, v->w, v->h, v->c};
    return (struct backend_input){
        .rows = backend_floats_rows, .context = floats, .floats = floats->data};
}

/* Who is asked whether a run is to end. */
struct asked {
    int (*stop)(void *stop_context);
    void *stop_context;
};

/* What else runs meanwhile must not wait for the memory of this run. */
static int ask(void *context) {
    const struct asked *a = context;
    plan_cache_interrupt(1);
    int stop = a->stop(a->stop_context);
    plan_cache_interrupt(-1);
    return stop;
}

/* Items first..first+count-1 in one run. */
static int run_batch(const struct task_call *c, struct net_plan *p, struct workspace *w, int first,
                     int count) {
    const struct backend_ops *ops = c->net->ctx->ops;
    const struct task *task = c->net->task;
    struct backend_floats floats;
    struct asked asked = {c->stop, c->stop_context};
    struct backend_input input = {.rows = image_rows, .picture = image_of, .context = w};
    int rc = MIEN_OK;
    double begin = clock_now();
    if (c->features) input = features_input(c, p, first, &floats);
    if (c->stop) {
        input.stop = ask;
        input.stop_context = &asked;
    }
    for (int b = 0; b < count && !rc && !c->features; b++)
        rc = task->fill(c, first + b, w->workers, &w->images[b]);
    double filled = clock_now();
    if (!rc && c->post && ops->run_post && !c->net->observer) {
        struct backend_post post = *c->post;
        post.first += first;
        rc = ops->run_post(p->plan, &input, &post, w->outputs);
    } else if (!rc) {
        rc = ops->run(p->plan, &input, w->outputs, c->net->observer);
    }
    if (!rc) rc = ops->wait(p->plan);
    double run = clock_now();
    for (int b = 0; b < count && !rc; b++) rc = take_item(c, p, w, first, b);
    *(c->aligns ? &w->times.align : &w->times.input) += filled - begin;
    w->times.input += input.seconds;
    w->times.pixels += (double)count * p->width * p->height;
    w->times.network += run - filled - input.seconds;
    w->times.results += clock_now() - run;
    return rc;
}

/* A plan of batch 1 in use, and what its runs need. */
struct lane_plan {
    struct net_plan *plan;
    int runs; /* it was acquired for */
    struct workspaces *work;
};

/* Sizes whose plans are in use at once. */
enum { LANE_SIZES = 8 };

/* Items of a few sizes, a lane each. */
struct lanes {
    const struct task_call *call;
    int first; /* item of the call that is item 0 here */
    int nplans;
    struct lane_plan plan[LANE_SIZES];
    struct run_failure failure;
};

static void size_of(const struct task_call *c, int item, int *width, int *height) {
    *width = c->net->info.width;
    *height = c->net->info.height;
    if (c->net->task->input_size) c->net->task->input_size(c, item, width, height);
}

/* The plan for an item's size; NULL where it is not open. */
static struct lane_plan *plan_of(struct lanes *l, int item) {
    int width, height;
    size_of(l->call, item, &width, &height);
    for (int i = 0; i < l->nplans; i++) {
        const struct net_plan *p = l->plan[i].plan;
        if (p->width == width && p->height == height) return &l->plan[i];
    }
    return NULL;
}

/* Opens the plan for an item's size, for as many of `count` items as there are lanes. Where the
 * memory plans may take has no room for it beside what runs, nothing is opened. */
static int open_plan(struct lanes *l, int item, int count) {
    mien_net *net = l->call->net;
    struct lane_plan *open = &l->plan[l->nplans];
    int width, height, lanes = net->ctx->ops->lanes(net->ctx->backend);
    size_of(l->call, item, &width, &height);
    open->runs = count < lanes ? count : lanes;
    int rc = plan_try(net, wanted(l->call), 1, width, height, open->runs, &open->plan);
    if (rc || !open->plan) return rc;
    rc = workspaces_acquire(net, open->plan, lanes, &open->work);
    if (rc) {
        plan_release(open->plan, open->runs);
        return rc;
    }
    l->nplans++;
    return net->ctx->ops->reserve(open->plan->plan, open->runs);
}

static void close_plans(struct lanes *l) {
    for (int i = 0; i < l->nplans; i++) {
        workspaces_release(l->call->net, l->plan[i].plan, l->plan[i].work, account_of(l->call));
        plan_release(l->plan[i].plan, l->plan[i].runs);
    }
}

static void run_item(void *context, int item, int worker) {
    struct lanes *l = context;
    const struct lane_plan *p = plan_of(l, l->first + item);
    if (atomic_load(&l->failure.rc)) return;
    int rc = run_batch(l->call, p->plan, &p->work->at[worker], l->first + item, 1);
    if (rc) run_fail(&l->failure, rc);
}

/* Items from `first` on, before `end`, of at most LANE_SIZES sizes and as much memory as plans may
 * take; *count: how many. 0: not even those of one size run side by side. */
static int run_lanes(const struct task_call *c, int first, int end, int *count) {
    struct task_call call = *c;
    struct lanes l = {.call = &call, .first = first};
    int rc = MIEN_OK, next = first;
    call.stop = NULL; /* runs are not in the caller's thread */
    for (; next < end && !rc; next++) {
        if (plan_of(&l, next)) continue;
        int open = l.nplans;
        if (open == LANE_SIZES) break;
        rc = open_plan(&l, next, end - first);
        if (!rc && l.nplans == open) break;
    }
    *count = next - first;
    if (!rc && *count > 0) {
        c->net->ctx->ops->each(c->net->ctx->backend, *count, run_item, &l);
        rc = run_failed(&l.failure);
    }
    close_plans(&l);
    return rc;
}

/* How many items from i on are of one size. */
static int same_size(const struct task_call *c, int i) {
    int width, height, w, h, n = 1;
    size_of(c, i, &width, &height);
    for (; i + n < c->n; n++) {
        size_of(c, i + n, &w, &h);
        if (w != width || h != height) break;
    }
    return n;
}

/* *count items of one size in one run of all lanes, or fewer where there is no memory for as many.
 */
static int run_together(const struct task_call *c, int first, int *count) {
    struct net_plan *p = NULL;
    struct workspaces *work;
    int width, height, rc = MIEN_OK;
    size_of(c, first, &width, &height);
    for (; *count > 1 && !p; *count = p ? *count : *count / 2) {
        rc = plan_try(c->net, wanted(c), *count, width, height, 1, &p);
        if (rc && rc != MIEN_ETOOBIG) return rc;
    }
    if (!p) rc = plan_acquire(c->net, wanted(c), 1, width, height, &p);
    if (rc) return rc;
    rc = workspaces_acquire(c->net, p, 1, &work);
    if (!rc) {
        rc = run_batch(c, p, &work->at[0], first, *count);
        workspaces_release(c->net, p, work, account_of(c));
    }
    plan_release(p, 1);
    return rc;
}

int task_run(const struct task_call *c) {
    int in_lanes = run_in_lanes(c->net, c->n), rc = MIEN_OK;
    for (int i = 0, count; i < c->n && !rc; i += count) {
        count = 0;
        if (i < in_lanes) rc = run_lanes(c, i, in_lanes, &count);
        if (rc || count > 0) continue;
        count = i < in_lanes ? 1 : next_batch(c->net, same_size(c, i));
        rc = run_together(c, i, &count);
    }
    return rc;
}
