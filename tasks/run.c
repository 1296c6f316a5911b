/* Raw runs, and what a plan looks like. */
#include "engine/err.h"
#include "tasks/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mien_net_outputs(const mien_net *net) {
    return net->net->noutputs;
}

const char *mien_net_output_name(const mien_net *net, int i) {
    return i >= 0 && i < net->net->noutputs ? net->net->outputs[i].name : NULL;
}

int mien_net_output_shape(mien_net *net, int i, int batch, int width, int height, mien_tensor *t) {
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
    mien_plan_info sum = {.batch = batch, .width = width, .height = height};
    int whole = tasks_whole(net, batch), rc;
    struct net_plan *p;
    if (whole > 0) {
        rc = tasks_plan_acquire(net, 1, width, height, &p);
        if (rc) return rc;
        add_plan(net, p, whole, net->ctx->ops->lanes(net->ctx->backend), &sum);
        tasks_plan_release(net, p);
    }
    if (whole < batch || whole == 0) {
        rc = tasks_plan_acquire(net, batch - whole, width, height, &p);
        if (rc) return rc;
        add_plan(net, p, 1, 1, &sum);
        tasks_plan_release(net, p);
    }
    if (info) *info = sum;
    return MIEN_OK;
}

/* Matches the caller's tensors of n items with the plan's outputs; wanted: [noutputs] of the
 * network. */
static int match_outputs(mien_net *net, const struct net_plan *p, int n, const mien_tensor *outputs,
                         int noutputs, float **wanted) {
    for (int i = 0; i < noutputs; i++) {
        const mien_tensor *t = &outputs[i];
        int at = t->name ? tasks_output(net, t->name) : -1;
        if (at < 0)
            return err_set(MIEN_EINVAL, "network '%s' has no output '%s'", net->info.name,
                           t->name ? t->name : "(null)");
        const struct plan_view *v = &p->graph->outputs[at];
        if (!t->data || t->n != n || t->h != v->h || t->w != v->w || t->c != v->c)
            return err_set(MIEN_EINVAL, "output %s is %dx%dx%dx%d, not %dx%dx%dx%d", t->name, n,
                           v->h, v->w, v->c, t->n, t->h, t->w, t->c);
        wanted[at] = t->data;
    }
    return MIEN_OK;
}

struct raw_run {
    mien_net *net;
    struct net_plan *plan;
    const float *input;
    float **outputs;
    struct tasks_failure failure;
};

/* Runs items first.. of the tensors, as many as the plan's batch. */
static int run_part(const struct raw_run *r, int first) {
    const struct net_plan *p = r->plan;
    const struct backend_ops *ops = r->net->ctx->ops;
    float *outputs[TASKS_MAX_OUTPUTS];
    for (int i = 0; i < r->net->net->noutputs; i++) {
        size_t each = tasks_output_count(p, i) / (size_t)p->batch;
        outputs[i] = r->outputs[i] ? r->outputs[i] + each * (size_t)first : NULL;
    }
    size_t each = (size_t)p->width * (size_t)p->height * 3;
    struct backend_floats floats = {r->input + each * (size_t)first, p->width, p->height};
    struct backend_input input = {
        .rows = backend_floats_rows, .context = &floats, .floats = floats.data};
    int rc = ops->run(p->plan, &input, outputs, r->net->observer);
    return rc ? rc : ops->wait(p->plan);
}

static void run_one(void *context, int item, int worker) {
    struct raw_run *r = context;
    (void)worker;
    if (atomic_load(&r->failure.code)) return;
    int rc = run_part(r, item);
    if (rc) tasks_fail(&r->failure, rc);
}

int mien_run(mien_net *net, const mien_tensor *input, mien_tensor *outputs, int noutputs) {
    if (!input->data || input->c != 3)
        return err_set(MIEN_EINVAL, "the input must be n x h x w x 3 values");
    float *wanted[TASKS_MAX_OUTPUTS] = {NULL};
    struct raw_run r = {.net = net, .input = input->data, .outputs = wanted};
    int whole = tasks_whole(net, input->n), rest = input->n - whole, rc = MIEN_OK;
    if (whole > 0) {
        rc = tasks_plan_acquire(net, 1, input->w, input->h, &r.plan);
        if (rc) return rc;
        rc = match_outputs(net, r.plan, input->n, outputs, noutputs, wanted);
        if (!rc) rc = net->ctx->ops->reserve(r.plan->plan, whole);
        if (!rc) net->ctx->ops->each(net->ctx->backend, whole, run_one, &r);
        if (!rc) rc = tasks_failed(&r.failure);
        tasks_plan_release(net, r.plan);
        if (rc || rest == 0) return rc;
    }
    rc = tasks_plan_acquire(net, rest, input->w, input->h, &r.plan);
    if (rc) return rc;
    rc = match_outputs(net, r.plan, input->n, outputs, noutputs, wanted);
    if (!rc) rc = run_part(&r, whole);
    tasks_plan_release(net, r.plan);
    return rc;
}

int mien_net_device_time(mien_net *net, int batch, int width, int height, int runs,
                         double *seconds) {
    const struct backend_ops *ops = net->ctx->ops;
    struct net_plan *p;
    *seconds = 0;
    if (!ops->time)
        return err_set(MIEN_EUNSUPPORTED, "only GPUs are timed by a clock of their own, not %s",
                       ops->describe(net->ctx->backend));
    if (runs < 1) return err_set(MIEN_EINVAL, "%d runs cannot be timed", runs);
    int rc = tasks_plan_acquire(net, batch, width, height, &p);
    if (rc) return rc;
    rc = ops->time(p->plan, runs, seconds);
    tasks_plan_release(net, p);
    return rc;
}

/* -------------------------------------------------------------------- text */

static const char *act_name(enum kern_act act) {
    static const char *const names[] = {
        [KERN_ACT_NONE] = "",         [KERN_ACT_RELU] = " +relu",
        [KERN_ACT_RELU6] = " +relu6", [KERN_ACT_LEAKY] = " +leaky",
        [KERN_ACT_PRELU] = " +prelu", [KERN_ACT_SIGMOID] = " +sigmoid",
        [KERN_ACT_SWISH] = " +swish",
    };
    return names[act];
}

/* "3x3 s2", or for a depthwise convolution handed on: "dw3x3 s2 1x1". */
static void print_window(char *out, size_t size, const struct net_node *n, const char *before) {
    int at = snprintf(out, size, "%s%s%dx%d", before, n->groups > 1 ? "dw" : "", n->window.kh,
                      n->window.kw);
    if (n->window.stride > 1) snprintf(out + at, size - (size_t)at, " s%d", n->window.stride);
}

/* Columns that names of algorithms take. */
static int algorithm_width(const mien_net *net, const struct net_plan *p) {
    size_t width = strlen("algorithm");
    for (int i = 0; i < p->graph->nsteps; i++) {
        size_t n = strlen(net->ctx->ops->algorithm(p->plan, i));
        if (n > width) width = n;
    }
    return (int)width;
}

static void print_step(FILE *f, const mien_net *net, const struct net_plan *p, int i, int width) {
    static const char *const types[] = {
        [KERN_F32] = "f32", [KERN_BF16] = "bf16", [KERN_U8] = "u8", [KERN_F16] = "f16"};
    const struct plan_step *s = &p->graph->steps[i];
    const struct net_node *n = &net->net->nodes[s->node];
    char shape[48], before[32] = "", window[64] = "";
    snprintf(shape, sizeof shape, "%dx%dx%d", s->out.h, s->out.w, s->out.c);
    if (s->before.node >= 0) {
        print_window(before, sizeof before, &net->net->nodes[s->before.node], "");
        strncat(before, " ", sizeof before - strlen(before) - 1);
    }
    if (s->kind == PLAN_CONV || (s->kind == PLAN_POOL && !n->window.global))
        print_window(window, sizeof window, n, before);
    fprintf(f, "%4d  %-*s  %-13s %-14s %-5s %8.2f %10.1f  ", i, width,
            net->ctx->ops->algorithm(p->plan, i), window, shape, types[s->out.type],
            (double)s->macs * 1e-6, (double)s->out.offset / 1024.0);
    if (s->before.node >= 0)
        fprintf(f, "%s%s, ", net->net->nodes[s->before.node].name, act_name(s->before.act));
    fprintf(f, "%s", n->name);
    for (int j = n->next_sibling; j >= 0; j = net->net->nodes[j].next_sibling)
        fprintf(f, ", %s", net->net->nodes[j].name);
    fprintf(f, "%s%s%s%s\n", s->res_after ? act_name(s->act) : "",
            s->has_res && n->op != NET_ADD ? s->res_shift ? " +upsampled" : " +residual" : "",
            s->res_after ? "" : act_name(s->act),
            s->out.top | s->out.left | s->out.bottom | s->out.right ? "  (halo)" : "");
}

static void print_plan(FILE *f, const mien_net *net, const struct net_plan *p, int batch) {
    const struct plan_graph *g = p->graph;
    struct backend_sizes sizes;
    net->ctx->ops->sizes(net->weights, p->plan, &sizes);
    fprintf(f, "%s  batch %d  %dx%d  on %s\n", net->info.name, batch, g->width, g->height,
            net->ctx->ops->describe(net->ctx->backend));
    if (g->batch != batch)
        fprintf(f, "the batch is run an image a thread; this is the plan of one image\n");
    int width = algorithm_width(net, p);
    fprintf(f, "step  %-*s  window        output h,w,c   type     MMACs     at KiB  layer\n", width,
            "algorithm");
    for (int i = 0; i < g->nsteps; i++) print_step(f, net, p, i, width);
    fprintf(f,
            "%d steps, %.3f GMACs; packed weights %.1f MiB, activations %.1f MiB in one arena "
            "(%.1f MiB without reuse, %d buffers), scratch %.1f MiB\n",
            g->nsteps, (double)g->macs * 1e-9, (double)sizes.weight_bytes / 1048576.0,
            (double)sizes.arena_bytes / 1048576.0, (double)g->no_reuse_bytes / 1048576.0,
            g->nbuffers, (double)sizes.scratch_bytes / 1048576.0);
}

int mien_net_plan_text(mien_net *net, int batch, int width, int height, char **text) {
    *text = NULL;
    struct net_plan *p;
    int rc = tasks_plan_acquire(net, tasks_whole(net, batch) ? 1 : batch, width, height, &p);
    if (rc) return rc;
    size_t size;
    FILE *f = open_memstream(text, &size);
    if (f) print_plan(f, net, p, batch);
    if (!f || fclose(f) != 0) {
        if (f) free(*text);
        *text = NULL;
        rc = err_set(MIEN_ENOMEM, "out of memory");
    }
    tasks_plan_release(net, p);
    return rc;
}
