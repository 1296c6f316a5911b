#include "engine/plan.h"

#include "engine/err.h"
#include "engine/fold.h"
#include "engine/planner.h"
#include "mien.h"

#include <stdlib.h>

static struct plan_view view_of(const struct planner *p, int value) {
    const struct plan_buffer *b = &p->g->buffers[p->v[value].buffer];
    const struct net_storage *stored = &p->net->nodes[value].stored;
    struct plan_view v = {.type = b->type,
                          .scale = stored->scale,
                          .zero = stored->zero,
                          .h = b->h,
                          .w = b->w,
                          .c = p->net->nodes[value].channels,
                          .top = b->top,
                          .left = b->left,
                          .bottom = b->bottom,
                          .right = b->right};
    v.px = b->px;
    v.row = (ptrdiff_t)(b->w + b->left + b->right) * v.px;
    v.image = (ptrdiff_t)(b->h + b->top + b->bottom) * v.row;
    v.offset =
        b->offset + ((size_t)(b->top * v.row + b->left * v.px) + (size_t)p->v[value].channel) *
                        kern_type_size(b->type);
    return v;
}

/* What a step adds or multiplies with. */
static struct plan_view residual_of(const struct planner *p, const struct plan_step *s) {
    struct plan_view v = view_of(p, s->res_value);
    if (v.h == 1 && v.w == 1) v.row = v.px = 0;
    return v;
}

static uint64_t count_macs(const struct planner *p, const struct plan_step *s) {
    const struct net_node *n = &p->net->nodes[s->node];
    if (s->kind == PLAN_MATMUL)
        return (uint64_t)p->g->batch * (uint64_t)n->channels * (uint64_t)n->matmul.inner;
    uint64_t macs = 0;
    if (s->kind == PLAN_CONV)
        macs = (uint64_t)s->out.h * (uint64_t)s->out.w * (uint64_t)fold_outputs(p->net, n) *
               (uint64_t)fold_group_inputs(p->net, n) * (uint64_t)(n->window.kh * n->window.kw);
    if (s->fused.node >= 0) {
        const struct net_window *w = &p->net->nodes[s->fused.node].window;
        const struct plan_view *v = &s->fused.out;
        macs += (uint64_t)v->h * (uint64_t)v->w * (uint64_t)v->c * (uint64_t)(w->kh * w->kw);
    }
    return (uint64_t)p->g->batch * macs;
}

/* What a fused depthwise convolution hands over. */
static void fill_fused(struct planner *p, struct plan_step *s) {
    struct plan_fused *b = &s->fused;
    const struct net_node *n = &p->net->nodes[b->value];
    const struct planner_value *v = &p->v[b->value];
    const struct net_window *w = &p->net->nodes[b->node].window;
    b->out = (struct plan_view){.type = n->stored.type,
                                .scale = n->stored.scale,
                                .zero = n->stored.zero,
                                .h = v->h,
                                .w = v->w,
                                .c = n->channels,
                                .px = n->channels,
                                .row = (ptrdiff_t)v->w * n->channels};
    b->pad_top = planner_pad(w, NET_TOP, w->kh, s->in.h, v->h);
    b->pad_left = planner_pad(w, NET_LEFT, w->kw, s->in.w, v->w);
}

static void fill_views(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 0; i < g->nsteps; i++) {
        struct plan_step *s = &g->steps[i];
        const struct net_node *n = &p->net->nodes[s->node];
        s->in = view_of(p, s->in_value);
        s->out = view_of(p, s->out_value);
        if (s->res_value >= 0) s->res = residual_of(p, s);
        if (s->kind == PLAN_CONV) s->out.c = fold_outputs(p->net, &p->net->nodes[s->out_value]);
        if (s->fused.node >= 0) fill_fused(p, s);
        if (s->fused.node < 0 &&
            (s->kind == PLAN_CONV || (s->kind == PLAN_POOL && !n->window.global))) {
            s->pad_top = planner_pad(&n->window, NET_TOP, n->window.kh, s->in.h, s->out.h);
            s->pad_left = planner_pad(&n->window, NET_LEFT, n->window.kw, s->in.w, s->out.w);
        }
        s->macs = count_macs(p, s);
        g->macs += s->macs;
    }
    for (int i = 0; i < p->net->count; i++)
        if (p->net->nodes[i].op == NET_INPUT) g->input = view_of(p, i);
    for (int i = 0; i < g->noutputs; i++) g->outputs[i] = view_of(p, g->output_values[i]);
}

static int make(struct planner *p) {
    int rc = planner_shapes(p->net, p->g->width, p->g->height, p->v);
    if (rc) return rc;
    planner_steps(p);
    rc = planner_buffers(p);
    if (!rc) fill_views(p);
    return rc;
}

static struct plan_graph *new_graph(const struct net *net, const struct plan_want *want) {
    size_t n = (size_t)net->count, most = (size_t)net->noutputs + PLAN_MOST_VALUES;
    struct plan_graph *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->net = net;
    g->steps = calloc(n, sizeof *g->steps);
    g->buffers = calloc(n, sizeof *g->buffers);
    g->outputs = calloc(most, sizeof *g->outputs);
    g->output_values = calloc(most, sizeof *g->output_values);
    if (!g->steps || !g->buffers || !g->outputs || !g->output_values) {
        plan_free(g);
        return NULL;
    }
    for (int i = 0; i < net->noutputs && !want->no_outputs; i++)
        g->output_values[g->noutputs++] = net->outputs[i].value;
    for (int i = 0; i < want->nvalues; i++) g->output_values[g->noutputs++] = want->values[i];
    return g;
}

int plan_make_part(const struct net *net, const struct plan_rules *rules,
                   const struct plan_want *want, int batch, int width, int height,
                   struct plan_graph **out) {
    *out = NULL;
    if (batch < 1 || batch > 4096)
        return err_set(MIEN_EINVAL, "a batch of %d; 1 to 4096 are possible", batch);
    struct planner p = {.net = net, .no_outputs = want->no_outputs};
    if (rules) p.rules = *rules;
    struct plan_graph *g = p.g = new_graph(net, want);
    p.v = calloc((size_t)net->count, sizeof *p.v);
    if (g) {
        g->batch = batch;
        g->width = width;
        g->height = height;
    }
    int rc = !g || !p.v ? err_set(MIEN_ENOMEM, "out of memory") : make(&p);
    free(p.v);
    if (rc) {
        plan_free(g);
        return rc;
    }
    *out = g;
    return MIEN_OK;
}

int plan_make(const struct net *net, const struct plan_rules *rules, int batch, int width,
              int height, struct plan_graph **out) {
    static const struct plan_want outputs;
    return plan_make_part(net, rules, &outputs, batch, width, height, out);
}

void plan_free(struct plan_graph *g) {
    if (!g) return;
    free(g->steps);
    free(g->buffers);
    free(g->outputs);
    free(g->output_values);
    free(g);
}

int plan_output_shape(const struct net *net, int i, int width, int height, int *h, int *w, int *c) {
    return plan_value_shape(net, net->outputs[i].value, width, height, h, w, c);
}

int plan_value_shape(const struct net *net, int value, int width, int height, int *h, int *w,
                     int *c) {
    struct planner_value *v = calloc((size_t)net->count, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = planner_shapes(net, width, height, v);
    *h = v[value].h;
    *w = v[value].w;
    *c = net->nodes[value].channels;
    free(v);
    return rc;
}

int plan_pixels(const struct net *net, int *pixels) {
    struct planner_value *v = calloc((size_t)net->count, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = planner_shapes(net, net->input_width, net->input_height, v);
    for (int i = 0; i < net->count; i++) pixels[i] = v[i].h * v[i].w;
    free(v);
    return rc;
}
