/* From nodes to steps: what an operation takes up of those that follow it, and the order. */
#include "engine/fold.h"
#include "engine/planner.h"

#include <string.h>

/* Where all outputs are wanted, all nodes are; else those that lead to what is. */
static void find_wanted(struct planner *p) {
    const struct net *net = p->net;
    for (int i = 0; i < net->count; i++) p->v[i].wanted = !p->no_outputs;
    for (int i = 0; i < p->g->noutputs; i++) p->v[p->g->output_values[i]].wanted = 1;
    for (int i = net->count - 1; i >= 0; i--) {
        const struct net_node *n = &net->nodes[i];
        if (!p->v[i].wanted) continue;
        for (int j = 0; j < net_reads(n); j++) p->v[n->in[j]].wanted = 1;
    }
}

/* A layer that is computed as one with others, of which one is wanted, is read by that. */
static void find_readers(struct planner *p) {
    const struct net *net = p->net;
    for (int i = 0; i < net->count; i++) p->v[i].consumer = -1;
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (!p->v[i].wanted) continue;
        for (int j = 0; j < net_reads(n); j++) {
            p->v[n->in[j]].consumer = i;
            p->v[n->in[j]].uses++;
        }
        if (p->no_outputs && n->first_sibling >= 0) p->v[n->first_sibling].uses++;
    }
    for (int i = 0; i < p->g->noutputs; i++) p->v[p->g->output_values[i]].uses++;
}

static int is_binary(enum net_op op) {
    return op == NET_ADD || op == NET_MUL;
}

/* Is a value as large as that of node c, which reads it? The smaller one of a sum or product is
 * what the larger one is combined with. */
static int has_full_size(const struct planner *p, int value, int c) {
    return p->v[value].h == p->v[c].h && p->v[value].w == p->v[c].w;
}

static void set_act(struct plan_step *s, const struct net_node *n) {
    s->act = n->act;
    s->alpha = n->alpha;
    s->beta = n->beta;
    s->slope = n->slope;
}

/* Lets the step take up the activation, sum or product that follows value `at`; returns the node
 * whose value the step now makes, or -1 where nothing could be taken up. */
static int fuse_next(struct planner *p, struct plan_step *s, int at) {
    const struct net *net = p->net;
    int c = p->v[at].consumer;
    if (p->v[at].uses != 1 || c < 0 || p->v[c].claimed) return -1;
    const struct net_node *n = &net->nodes[c];
    if (n->op == NET_ACT && s->act == KERN_ACT_NONE) {
        set_act(s, n);
        return c;
    }
    if (!is_binary(n->op) || s->has_res || !has_full_size(p, at, c)) return -1;
    int a = n->in[0], b = n->in[1];
    int other = a == at ? b : a;
    s->has_res = 1;
    s->res_mul = n->op == NET_MUL;
    s->res_after = s->act != KERN_ACT_NONE;
    const struct net_node *o = &net->nodes[other];
    if (o->op == NET_UPSAMPLE && p->v[other].uses == 1 &&
        has_full_size(p, other, c)) { /* read the small map, twice each pixel */
        p->v[other].claimed = 1;
        s->res_shift = 1;
        other = o->in[0];
    }
    s->res_value = other;
    return c;
}

static enum plan_kind kind_of(enum net_op op) {
    switch (op) {
    case NET_CONV: return PLAN_CONV;
    case NET_AFFINE: return PLAN_AFFINE;
    case NET_POOL: return PLAN_POOL;
    case NET_UPSAMPLE: return PLAN_UPSAMPLE;
    case NET_GATHER: return PLAN_GATHER;
    case NET_NORM: return PLAN_NORM;
    case NET_SOFTMAX: return PLAN_SOFTMAX;
    case NET_MATMUL: return PLAN_MATMUL;
    default: return PLAN_POINTWISE;
    }
}

/* Has each channel a filter of its own, and one bias wherever its pixel lies? */
static int is_depthwise(const struct net *net, const struct net_node *n) {
    return n->op == NET_CONV && n->groups > 1 && n->groups == n->channels &&
           n->groups == net->nodes[n->in[0]].channels && fold_bias(net, n, NULL) == 1;
}

/* Is it a 1x1 that is a layer by itself? */
static int is_pointwise(const struct net_node *n) {
    return n->op == NET_CONV && n->groups <= 1 && !n->vector && n->window.kh == 1 &&
           n->window.kw == 1 && n->window.stride == 1 &&
           (n->window.mode != NET_PAD_EXPLICIT || !net_padded(&n->window)) && n->next_sibling < 0 &&
           n->first_sibling < 0;
}

/* Is it a maximum of windows of which none shares a row with another? */
static int is_max_of_blocks(const struct net_node *n) {
    const struct net_window *w = &n->window;
    return n->op == NET_POOL && !w->average && !w->global && w->dilation <= 1 &&
           w->kh == w->stride && w->kw == w->stride && w->mode == NET_PAD_EXPLICIT &&
           !net_padded(w);
}

/* A depthwise convolution lets what alone reads it run on its rows, a 1x1 or a maximum; returns
 * that node, or -1. A calibration wants to see every value. */
static int fuse_reader(struct planner *p, struct plan_step *s, int at) {
    const struct net *net = p->net;
    const struct net_node *n = &net->nodes[s->node];
    int c = p->v[at].consumer;
    if (!is_depthwise(net, n) || s->has_res || s->fused.node >= 0 || net->keep_values ||
        p->v[at].uses != 1 || c < 0)
        return -1;
    const struct net_node *next = &net->nodes[c];
    int pointwise = is_pointwise(next);
    if (!pointwise && !is_max_of_blocks(next)) return -1;
    if (p->rules.separate_depthwise) {
        p->v[c].paired = pointwise;
        return -1;
    }
    s->fused = (struct plan_fused){.node = s->node,
                                   .value = at,
                                   .act = s->act,
                                   .alpha = s->alpha,
                                   .beta = s->beta,
                                   .slope = s->slope};
    p->v[at].fused = 1;
    s->node = c;
    s->kind = kind_of(next->op);
    s->act = KERN_ACT_NONE;
    s->slope = NULL;
    return c;
}

static int has_epilogue(const struct plan_step *s) {
    return s->kind == PLAN_CONV || s->kind == PLAN_AFFINE || s->kind == PLAN_POINTWISE;
}

/* Starts a group at node i and fuses what follows. */
static void make_step(struct planner *p, int i) {
    const struct net_node *n = &p->net->nodes[i];
    struct plan_step *s = &p->g->steps[p->g->nsteps];
    memset(s, 0, sizeof *s);
    s->kind = kind_of(n->op);
    s->node = i;
    s->fused.node = s->fused.value = s->producer = s->consumer = -1;
    s->in_value = n->in[0];
    s->res_value = -1;
    if (is_binary(n->op)) {
        int larger = has_full_size(p, n->in[0], i) ? 0 : 1;
        s->in_value = n->in[larger];
        s->has_res = 1;
        s->res_mul = n->op == NET_MUL;
        s->res_value = n->in[1 - larger];
    } else if (n->op == NET_ACT) {
        set_act(s, n);
    } else if (n->op == NET_MATMUL) {
        s->res_value = n->in[1];
    }
    p->v[i].claimed = 1;
    for (int j = n->next_sibling; j >= 0; j = p->net->nodes[j].next_sibling) p->v[j].claimed = 1;
    int end = i, next;
    while (n->next_sibling < 0 && has_epilogue(s) &&
           ((next = fuse_next(p, s, end)) >= 0 || (next = fuse_reader(p, s, end)) >= 0)) {
        end = next;
        p->v[end].claimed = 1;
    }
    s->out_value = end;
    p->g->nsteps++;
}

/* A group runs where its last node stands: only there are all its inputs ready. */
static void order_steps(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 1; i < g->nsteps; i++) {
        struct plan_step s = g->steps[i];
        int j = i;
        for (; j > 0 && g->steps[j - 1].out_value > s.out_value; j--) g->steps[j] = g->steps[j - 1];
        g->steps[j] = s;
    }
    for (int i = 0; i < p->net->count; i++) p->v[i].step = -1;
    for (int i = 0; i < g->nsteps; i++)
        for (int v = g->steps[i].out_value; v >= 0; v = p->net->nodes[v].next_sibling)
            p->v[v].step = i;
    for (int i = 0; i < g->nsteps; i++) {
        if (!p->v[g->steps[i].node].paired) continue;
        g->steps[i].producer = p->v[g->steps[i].in_value].step;
        g->steps[g->steps[i].producer].consumer = i;
    }
}

void planner_steps(struct planner *p) {
    const struct net *net = p->net;
    find_wanted(p);
    find_readers(p);
    /* Convolutions first: an activation or sum must find its convolution before it becomes a step.
     */
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].op == NET_CONV && p->v[i].uses > 0 && !p->v[i].claimed) make_step(p, i);
    for (int i = 0; i < net->count; i++) {
        enum net_op op = net->nodes[i].op;
        if (!p->v[i].claimed && p->v[i].uses > 0 && op != NET_INPUT && op != NET_CONCAT &&
            op != NET_SLICE && op != NET_CONV)
            make_step(p, i);
    }
    order_steps(p);
}
