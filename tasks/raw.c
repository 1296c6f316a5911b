/* The task raw, which is none: outputs as they are. Raw runs, and what a run takes. */
#include "engine/err.h"
#include "engine/sized.h"
#include "tasks/pair.h"
#include "tasks/run.h"

/* Whatever the outputs are, they fit. */
static int open_raw(struct mien_net *net) {
    (void)net;
    return MIEN_OK;
}

const struct task task_raw = {
    .name = "raw",
    .verb = "give its outputs as they are",
    .item = MIEN_ITEM_IMAGE,
    .result = MIEN_RESULT_OUTPUTS,
    .open = open_raw,
};

int mien_net_outputs(const mien_net *net) {
    return net && net->net ? net->net->noutputs : 0;
}

const char *mien_net_output_name(const mien_net *net, int i) {
    return i >= 0 && i < mien_net_outputs(net) ? net->net->outputs[i].name : NULL;
}

int mien_net_output_shape(mien_net *net, int i, int batch, int width, int height, mien_tensor *t) {
    if (!net || !t) return err_null("mien_net_output_shape");
    if (pair_refuse(net)) return MIEN_EINVAL;
    if (i < 0 || i >= net->net->noutputs)
        return err_set(MIEN_EINVAL, "network '%s' has no output %d", net->info.name, i);
    if (batch < 1) return err_set(MIEN_EINVAL, "a batch of %d", batch);
    t->n = batch;
    t->name = net->net->outputs[i].name;
    return plan_output_shape(net->net, i, width, height, &t->h, &t->w, &t->c);
}

/* What the plan adds to a run of n items, of which it does `items` as `copies` side by side. */
static void add_plan(const mien_net *net, const struct net_plan *p, int items, int copies,
                     mien_plan_info *info) {
    struct backend_sizes sizes;
    net->ctx->ops->sizes(net->weights, p->plan, &sizes);
    info->steps = p->graph->nsteps;
    info->macs += p->graph->macs * (uint64_t)items;
    info->weight_bytes = sizes.weight_bytes;
    info->arena_bytes += sizes.arena_bytes * (uint64_t)copies;
    info->no_reuse_bytes += p->graph->no_reuse_bytes * (uint64_t)copies;
    info->scratch_bytes += sizes.scratch_bytes;
}

int mien_net_plan(mien_net *net, int batch, int width, int height, mien_plan_info *info) {
    if (!net) return err_null("mien_net_plan");
    if (pair_refuse(net)) return MIEN_EINVAL;
    mien_plan_info sum = {.batch = batch, .width = width, .height = height};
    int lanes = run_in_lanes(net, batch), rc;
    struct net_plan *p;
    if (lanes > 0) {
        rc = plan_acquire(net, PLAN_OUTPUTS, 1, width, height, &p);
        if (rc) return rc;
        add_plan(net, p, lanes, net->ctx->ops->lanes(net->ctx->backend), &sum);
        plan_release(p, 1);
    }
    if (lanes < batch || lanes == 0) {
        rc = plan_acquire(net, PLAN_OUTPUTS, batch - lanes, width, height, &p);
        if (rc) return rc;
        add_plan(net, p, 1, 1, &sum);
        plan_release(p, 1);
    }
    return info ? sized_write(info, &sum, sizeof sum, "mien_plan_info") : MIEN_OK;
}

struct raw_run {
    mien_net *net;
    struct net_plan *plan;
    const mien_tensor *tensor, *given; /* the input, and the outputs the caller wants */
    int ngiven;
    const float *input;
    float **outputs;
    struct run_failure failure;
};

/* Matches the caller's tensors with the plan's outputs. */
static int match_outputs(struct raw_run *r) {
    const mien_net *net = r->net;
    int n = r->tensor->n;
    for (int i = 0; i < r->ngiven; i++) {
        const mien_tensor *t = &r->given[i];
        int at = t->name ? net_output_index(net, t->name) : -1;
        if (at < 0)
            return err_set(MIEN_EINVAL, "network '%s' has no output '%s'", net->info.name,
                           t->name ? t->name : "(null)");
        const struct plan_view *v = &r->plan->graph->outputs[at];
        if (!t->data || t->n != n || t->h != v->h || t->w != v->w || t->c != v->c)
            return err_set(MIEN_EINVAL, "output %s is %dx%dx%dx%d, not %dx%dx%dx%d", t->name, n,
                           v->h, v->w, v->c, t->n, t->h, t->w, t->c);
        r->outputs[at] = t->data;
    }
    return MIEN_OK;
}

/* Runs items first.. of the tensors, as many as the plan's batch. */
static int run_part(const struct raw_run *r, int first) {
    const struct net_plan *p = r->plan;
    const struct backend_ops *ops = r->net->ctx->ops;
    float *outputs[NET_MAX_OUTPUTS];
    for (int i = 0; i < r->net->net->noutputs; i++) {
        size_t each = plan_output_count(p, i) / (size_t)p->batch;
        outputs[i] = r->outputs[i] ? r->outputs[i] + each * (size_t)first : NULL;
    }
    size_t each = (size_t)p->width * (size_t)p->height * (size_t)p->graph->input.c;
    struct backend_floats floats = {r->input + each * (size_t)first, p->width, p->height,
                                    p->graph->input.c};
    struct backend_input input = {
        .rows = backend_floats_rows, .context = &floats, .floats = floats.data};
    int rc = ops->run(p->plan, &input, outputs, r->net->observer);
    return rc ? rc : ops->wait(p->plan);
}

static void run_one(void *context, int item, int worker) {
    struct raw_run *r = context;
    (void)worker;
    if (atomic_load(&r->failure.rc)) return;
    int rc = run_part(r, item);
    if (rc) run_fail(&r->failure, rc);
}

/* Items from `first` on: `count` of them in one run, or fewer where there is no memory for as many.
 */
static int run_together(struct raw_run *r, int first, int *count) {
    const mien_tensor *input = r->tensor;
    int rc = MIEN_OK;
    r->plan = NULL;
    if (*count > 1) rc = plan_try(r->net, PLAN_OUTPUTS, *count, input->w, input->h, 1, &r->plan);
    if (!r->plan && (!rc || rc == MIEN_ETOOBIG)) {
        *count = 1;
        rc = plan_acquire(r->net, PLAN_OUTPUTS, 1, input->w, input->h, &r->plan);
    }
    if (rc) return rc;
    rc = match_outputs(r);
    if (!rc) rc = run_part(r, first);
    plan_release(r->plan, 1);
    return rc;
}

/* The first `count` items, an item a lane; *ran is 0 where there is no memory for that. */
static int run_lanes(struct raw_run *r, int count, int *ran) {
    const mien_tensor *input = r->tensor;
    const struct mien_ctx *ctx = r->net->ctx;
    int lanes = ctx->ops->lanes(ctx->backend);
    int rc = plan_try(r->net, PLAN_OUTPUTS, 1, input->w, input->h, lanes, &r->plan);
    *ran = 0;
    if (rc || !r->plan) return rc;
    rc = match_outputs(r);
    if (!rc) rc = ctx->ops->reserve(r->plan->plan, lanes);
    if (!rc) ctx->ops->each(ctx->backend, count, run_one, r);
    if (!rc) rc = run_failed(&r->failure);
    plan_release(r->plan, lanes);
    *ran = count;
    return rc;
}

int mien_run(mien_net *net, const mien_tensor *input, mien_tensor *outputs, int noutputs) {
    if (!net || !input || (noutputs > 0 && !outputs)) return err_null("mien_run");
    if (pair_refuse(net)) return MIEN_EINVAL;
    int channels = net->net->features ? net->net->features : 3;
    if (!input->data || input->c != channels)
        return err_set(MIEN_EINVAL, "the input must be n x h x w x %d values", channels);
    float *wanted[NET_MAX_OUTPUTS] = {NULL};
    struct raw_run r = {.net = net,
                        .tensor = input,
                        .given = outputs,
                        .ngiven = noutputs,
                        .input = input->data,
                        .outputs = wanted};
    int in_lanes = run_in_lanes(net, input->n), done = 0, rc = MIEN_OK;
    if (input->n < 1) return err_set(MIEN_EINVAL, "a batch of %d", input->n);
    if (in_lanes > 0) rc = run_lanes(&r, in_lanes, &done);
    for (int count; done < input->n && !rc; done += count) {
        count = done < in_lanes ? 1 : input->n - done;
        rc = run_together(&r, done, &count);
    }
    return rc;
}

int mien_net_device_time(mien_net *net, int batch, int width, int height, int runs,
                         double *seconds) {
    if (!seconds) return err_null("mien_net_device_time");
    *seconds = 0;
    if (!net) return err_null("mien_net_device_time");
    if (pair_refuse(net)) return MIEN_EINVAL;
    const struct backend_ops *ops = net->ctx->ops;
    struct net_plan *p;
    if (!ops->time)
        return err_set(MIEN_EUNSUPPORTED, "only GPUs are timed by a clock of their own, not %s",
                       ops->describe(net->ctx->backend));
    if (runs < 1) return err_set(MIEN_EINVAL, "%d runs cannot be timed", runs);
    int rc = plan_acquire(net, PLAN_OUTPUTS, batch, width, height, &p);
    if (rc) return rc;
    rc = ops->time(p->plan, runs, seconds);
    plan_release(p, 1);
    return rc;
}
