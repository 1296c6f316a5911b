#include "engine/fold.h"

#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

void fold_count_uses(const struct net *net, int *uses) {
    for (int i = 0; i < net->count; i++) uses[i] = 0;
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        for (int j = 0; j < net_reads(n); j++) uses[n->in[j]]++;
    }
    for (int i = 0; i < net->noutputs; i++) uses[net->outputs[i].value]++;
}

/* Has the affine become part of a convolution? Such nodes read nothing and nobody reads them, until
 * renumber() takes them away. */
static int gone(const struct net_node *n) {
    return n->op == NET_AFFINE && n->inputs == 0;
}

/* Lets whoever reads the affine read `source` in its place. */
static void replace(struct net *net, int affine, int source) {
    for (int i = affine + 1; i < net->count; i++)
        for (int j = 0; j < net->nodes[i].inputs; j++)
            if (net->nodes[i].in[j] == affine) net->nodes[i].in[j] = source;
    for (int i = 0; i < net->noutputs; i++)
        if (net->outputs[i].value == affine) net->outputs[i].value = source;
    net->nodes[source].exact |= net->nodes[affine].exact;
    net->nodes[affine].inputs = 0;
}

static double *filled(int n, double v) {
    double *p = malloc(sizeof(double) * (size_t)n);
    for (int i = 0; p && i < n; i++) p[i] = v;
    return p;
}

/* conv then affine: y = scale (out_scale x + out_shift) + shift. */
static int fold_after(struct net *net, int node, int conv) {
    const struct net_node *affine = &net->nodes[node];
    struct net_node *c = &net->nodes[conv];
    struct net_weights *w = &c->weights;
    if (!w->out_scale) w->out_scale = filled(c->channels, 1);
    if (!w->out_shift) w->out_shift = filled(c->channels, 0);
    if (!w->out_scale || !w->out_shift) return err_set(MIEN_ENOMEM, "%s: out of memory", c->name);
    for (int i = 0; i < c->channels; i++) {
        w->out_scale[i] *= affine->scale[i];
        w->out_shift[i] = w->out_shift[i] * affine->scale[i] + affine->shift[i];
    }
    replace(net, node, conv);
    return MIEN_OK;
}

/* 3x3 over one pixel more on each side: what the border biases are for. */
static int has_even_border(const struct net_window *w) {
    static const int none[NET_SIDES];
    return w->kh == 3 && w->kw == 3 && w->pad == 1 && net_dilation(w) == 1 &&
           memcmp(w->more, none, sizeof none) == 0;
}

/* Can the convolution take up an affine before it? At the input, what stands around the picture is
 * ours to choose; elsewhere it is zero, and only the 3x3 case has the border biases. */
static int takes_before(const struct net_node *conv, int at_input) {
    if (conv->op != NET_CONV || conv->weights.in_scale) return 0;
    if (at_input || !net_padded(&conv->window)) return 1;
    return conv->window.mode == NET_PAD_EXPLICIT && has_even_border(&conv->window);
}

static int set_border(struct net *net, const struct net_node *affine) {
    net->input_border = malloc(sizeof(float) * (size_t)affine->channels);
    if (!net->input_border) return err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < affine->channels; i++)
        net->input_border[i] = (float)(-affine->shift[i] / affine->scale[i]);
    return MIEN_OK;
}

/* affine then convolutions: every consumer must be able to take it up. */
static int fold_before(struct net *net, int node) {
    const struct net_node *affine = &net->nodes[node];
    int source = affine->in[0], consumers = 0;
    int at_input = net_is_picture(net, source) && !net->input_border;
    for (int i = 0; i < net->noutputs; i++)
        if (net->outputs[i].value == node) return MIEN_OK;
    for (int i = node + 1; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        for (int j = 0; j < n->inputs; j++) {
            if (n->in[j] != node) continue;
            if (!takes_before(n, at_input)) return MIEN_OK;
            consumers++;
        }
    }
    if (!consumers) return MIEN_OK;
    if (at_input && set_border(net, affine)) return MIEN_ENOMEM;
    for (int i = node + 1; i < net->count; i++) {
        struct net_node *n = &net->nodes[i];
        if (n->op != NET_CONV || n->in[0] != node) continue;
        n->weights.in_scale = filled(affine->channels, 1);
        n->weights.in_shift = filled(affine->channels, 0);
        if (!n->weights.in_scale || !n->weights.in_shift)
            return err_set(MIEN_ENOMEM, "%s: out of memory", n->name);
        memcpy(n->weights.in_scale, affine->scale, sizeof(double) * (size_t)affine->channels);
        memcpy(n->weights.in_shift, affine->shift, sizeof(double) * (size_t)affine->channels);
    }
    replace(net, node, source);
    return MIEN_OK;
}

enum { MAX_SIBLING_OUTPUTS = 64 }; /* beyond, tiles are full anyway */

static int is_output(const struct net *net, int node) {
    for (int i = 0; i < net->noutputs; i++)
        if (net->outputs[i].value == node) return 1;
    return 0;
}

/* Is the value an output, or read by nothing but one activation that is? */
static int is_head(const struct net *net, int node, const int *uses) {
    if (is_output(net, node)) return 1;
    for (int i = node + 1; i < net->count && uses[node] == 1; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->op == NET_ACT && n->in[0] == node) return is_output(net, i);
    }
    return 0;
}

static int may_join(const struct net_node *a, const struct net_node *b) {
    const struct net_window *v = &a->window, *w = &b->window;
    return b->op == NET_CONV && b->groups == 1 && !b->vector && b->first_sibling < 0 &&
           a->in[0] == b->in[0] && v->kh == w->kh && v->kw == w->kw && v->stride == w->stride &&
           v->mode == w->mode && v->pad == w->pad && net_dilation(v) == net_dilation(w) &&
           memcmp(v->more, w->more, sizeof v->more) == 0 &&
           !a->weights.in_scale == !b->weights.in_scale;
}

int fold_siblings(struct net *net) {
    int *uses = calloc((size_t)net->count + 1, sizeof *uses);
    if (!uses) return err_set(MIEN_ENOMEM, "out of memory");
    fold_count_uses(net, uses);
    for (int i = 0; i < net->count; i++) {
        struct net_node *first = &net->nodes[i], *last = first;
        if (!may_join(first, first) || !is_head(net, i, uses)) continue;
        for (int j = i + 1; j < net->count; j++) {
            struct net_node *n = &net->nodes[j];
            if (!may_join(first, n) || !is_head(net, j, uses) ||
                fold_outputs(net, first) + n->channels > MAX_SIBLING_OUTPUTS)
                continue;
            last->next_sibling = j;
            n->first_sibling = i;
            last = n;
        }
    }
    free(uses);
    return MIEN_OK;
}

/* Closes the gaps that the nodes which are gone leave. */
static int renumber(struct net *net) {
    int *now = malloc(sizeof *now * (size_t)net->count), n = 0;
    if (!now) return err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < net->count; i++) {
        struct net_node *node = &net->nodes[i];
        if (gone(node)) {
            net_node_free(node);
            continue;
        }
        for (int j = 0; j < node->inputs; j++) node->in[j] = now[node->in[j]];
        now[i] = n;
        net->nodes[n++] = *node;
    }
    for (int i = 0; i < net->noutputs; i++) net->outputs[i].value = now[net->outputs[i].value];
    net->count = n;
    free(now);
    return MIEN_OK;
}

int fold_net(struct net *net) {
    int *uses = calloc((size_t)net->count + 1, sizeof *uses);
    if (!uses) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = MIEN_OK;
    for (int i = 0; i < net->count && !rc; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->op != NET_AFFINE) continue;
        fold_count_uses(net, uses);
        int source = n->in[0];
        if (net->nodes[source].op == NET_CONV && uses[source] == 1) rc = fold_after(net, i, source);
    }
    for (int i = 0; i < net->count && !rc; i++)
        if (net->nodes[i].op == NET_AFFINE && !gone(&net->nodes[i])) rc = fold_before(net, i);
    free(uses);
    if (!rc) rc = renumber(net);
    return rc ? rc : fold_siblings(net);
}
