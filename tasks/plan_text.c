/* A plan as text for people. */
#include "engine/err.h"
#include "tasks/pair.h"
#include "tasks/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const char *act_name(enum kern_act act) {
    static const char *const names[] = {
        [KERN_ACT_NONE] = "",
        [KERN_ACT_RELU] = " +relu",
        [KERN_ACT_LEAKY] = " +leaky",
        [KERN_ACT_PRELU] = " +prelu",
        [KERN_ACT_SIGMOID] = " +sigmoid",
        [KERN_ACT_CLIP] = " +clip",
        [KERN_ACT_HARD_SIGMOID] = " +hard-sigmoid",
        [KERN_ACT_HARD_SWISH] = " +hard-swish",
        [KERN_ACT_SILU] = " +silu",
        [KERN_ACT_TANH] = " +tanh",
        [KERN_ACT_GELU] = " +gelu",
        [KERN_ACT_MISH] = " +mish",
        [KERN_ACT_ERF] = " +erf",
        [KERN_ACT_EXP] = " +exp",
        [KERN_ACT_ROOT] = " +square root",
        [KERN_ACT_INVERSE] = " +inverse",
    };
    return names[act];
}

/* "3x3 s2", with " d2" where it is dilated, "g4 3x3" in four groups, or for a depthwise convolution
 * handed on: "dw3x3 s2 1x1". */
static void print_window(char *out, size_t size, const struct net_node *n, const char *fused) {
    char groups[24] = "";
    if (n->groups > 1 && n->weights.w && n->weights.w->shape[1] == 1)
        snprintf(groups, sizeof groups, "dw");
    else if (n->groups > 1)
        snprintf(groups, sizeof groups, "g%d ", n->groups);
    int at = snprintf(out, size, "%s%s%dx%d", fused, groups, n->window.kh, n->window.kw);
    if (n->window.stride > 1) at += snprintf(out + at, size - (size_t)at, " s%d", n->window.stride);
    if (n->window.dilation > 1) snprintf(out + at, size - (size_t)at, " d%d", n->window.dilation);
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

/* The step whose result a value is; -1: none, as of the input or a concatenation. */
static int step_making(const struct plan_graph *g, int value) {
    for (int i = 0; i < g->nsteps; i++)
        if (g->steps[i].out_value == value) return i;
    return -1;
}

/* "multiply 1, 4": the steps whose results a sum or product that is a step of its own is of. */
static void print_sources(FILE *f, const struct plan_graph *g, const struct plan_step *s) {
    int a = step_making(g, s->in_value), b = step_making(g, s->res_value);
    if (a >= 0 && b >= 0) fprintf(f, " %d, %d", a, b);
}

static void print_step(FILE *f, const mien_net *net, const struct net_plan *p, int i, int width) {
    static const char *const types[] = {
        [KERN_F32] = "f32", [KERN_BF16] = "bf16", [KERN_U8] = "u8", [KERN_F16] = "f16"};
    const struct plan_step *s = &p->graph->steps[i];
    const struct net_node *n = &net->net->nodes[s->node];
    char shape[48], fused[32] = "", window[64] = "";
    snprintf(shape, sizeof shape, "%dx%dx%d", s->out.h, s->out.w, s->out.c);
    if (s->fused.node >= 0) {
        print_window(fused, sizeof fused, &net->net->nodes[s->fused.node], "");
        strncat(fused, " ", sizeof fused - strlen(fused) - 1);
    }
    if (s->kind == PLAN_CONV || (s->kind == PLAN_POOL && !n->window.global))
        print_window(window, sizeof window, n, fused);
    fprintf(f, "%4d  %-*s  %-13s %-14s %-5s %8.2f %10.1f  ", i, width,
            net->ctx->ops->algorithm(p->plan, i), window, shape, types[s->out.type],
            (double)s->macs * 1e-6, (double)s->out.offset / 1024.0);
    if (s->fused.node >= 0)
        fprintf(f, "%s%s, ", net->net->nodes[s->fused.node].name, act_name(s->fused.act));
    fprintf(f, "%s", n->name);
    for (int j = n->next_sibling; j >= 0; j = net->net->nodes[j].next_sibling)
        fprintf(f, ", %s", net->net->nodes[j].name);
    const char *residual = s->res_mul ? " *value" : s->res_shift ? " +upsampled" : " +residual";
    int named = n->op == NET_ADD || n->op == NET_MUL; /* by the layer */
    if (named) print_sources(f, p->graph, s);
    fprintf(f, "%s%s%s%s\n", s->res_after ? act_name(s->act) : "",
            s->has_res && !named ? residual : "", s->res_after ? "" : act_name(s->act),
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

/* A text that grows: open_memstream() says nothing where it leaves out what it has no room for. */
struct text {
    char *at;
    size_t n, room;
    int failed;
};

static ssize_t add_text(void *cookie, const char *bytes, size_t n) {
    struct text *t = cookie;
    size_t room = 2 * t->room + n + 1;
    char *at = t->n + n < t->room ? t->at : realloc(t->at, room);
    if (!at) {
        t->failed = 1;
        errno = ENOMEM;
        return 0;
    }
    if (t->n + n >= t->room) t->room = room;
    t->at = at;
    memcpy(t->at + t->n, bytes, n);
    t->n += n;
    t->at[t->n] = '\0';
    return (ssize_t)n;
}

int mien_net_plan_text(mien_net *net, int batch, int width, int height, char **text) {
    if (!text) return err_null("mien_net_plan_text");
    *text = NULL;
    if (!net) return err_null("mien_net_plan_text");
    if (pair_refuse(net)) return MIEN_EINVAL;
    struct net_plan *p;
    int rc =
        plan_acquire(net, PLAN_OUTPUTS, run_in_lanes(net, batch) ? 1 : batch, width, height, &p);
    if (rc) return rc;
    struct text t = {.at = NULL};
    FILE *f = fopencookie(&t, "w", (cookie_io_functions_t){.write = add_text});
    if (f) print_plan(f, net, p, batch);
    if (!f || fclose(f) != 0 || t.failed) {
        free(t.at);
        rc = err_set(MIEN_ENOMEM, "out of memory");
    } else {
        *text = t.at;
    }
    plan_release(p, 1);
    return rc;
}
