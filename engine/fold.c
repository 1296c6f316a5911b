#include "engine/fold.h"

#include "engine/err.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void fold_count_uses(const struct net *net, int *uses) {
    memset(uses, 0, sizeof(int) * (size_t)net->count);
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->replaced_by >= 0) continue;
        int inputs = n->op == NET_UPSAMPLE ? 1 : n->inputs; /* the second only lends its shape */
        for (int j = 0; j < inputs; j++) uses[net_resolve(net, n->in[j])]++;
    }
    for (int i = 0; i < net->noutputs; i++) uses[net_resolve(net, net->outputs[i].value)]++;
}

static double *filled(int n, double v) {
    double *p = malloc(sizeof(double) * (size_t)n);
    for (int i = 0; p && i < n; i++) p[i] = v;
    return p;
}

/* conv then affine: y = scale (out_scale x + out_shift) + shift. */
static int fold_after(struct net *net, struct net_node *affine, int conv) {
    struct net_node *c = &net->nodes[conv];
    struct net_weights *w = &c->weights;
    if (!w->out_scale) w->out_scale = filled(c->channels, 1);
    if (!w->out_shift) w->out_shift = filled(c->channels, 0);
    if (!w->out_scale || !w->out_shift) return err_set(MIEN_ENOMEM, "%s: out of memory", c->name);
    for (int i = 0; i < c->channels; i++) {
        w->out_scale[i] *= affine->scale[i];
        w->out_shift[i] = w->out_shift[i] * affine->scale[i] + affine->shift[i];
    }
    affine->replaced_by = conv;
    return MIEN_OK;
}

static int padded(const struct net_node *conv) {
    return conv->window.mode == NET_PAD_SAME || conv->window.pad > 0;
}

/* Can the convolution take up an affine before it? At the input, what stands around the picture is
 * ours to choose; elsewhere it is zero, and only the 3x3 case has the border biases. */
static int takes_before(const struct net_node *conv, int at_input) {
    if (conv->op != NET_CONV || conv->weights.in_scale) return 0;
    if (at_input || !padded(conv)) return 1;
    return conv->window.mode == NET_PAD_EXPLICIT && conv->window.pad == 1 && conv->window.kh == 3 &&
           conv->window.kw == 3;
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
    struct net_node *affine = &net->nodes[node];
    int source = net_resolve(net, affine->in[0]), consumers = 0;
    int at_input = net->nodes[source].op == NET_INPUT && !net->input_border;
    for (int i = 0; i < net->noutputs; i++)
        if (net_resolve(net, net->outputs[i].value) == node) return MIEN_OK;
    for (int i = node + 1; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->replaced_by >= 0) continue;
        for (int j = 0; j < n->inputs; j++) {
            if (net_resolve(net, n->in[j]) != node) continue;
            if (!takes_before(n, at_input)) return MIEN_OK;
            consumers++;
        }
    }
    if (!consumers) return MIEN_OK;
    if (at_input && set_border(net, affine)) return MIEN_ENOMEM;
    for (int i = node + 1; i < net->count; i++) {
        struct net_node *n = &net->nodes[i];
        if (n->replaced_by >= 0 || n->op != NET_CONV || net_resolve(net, n->in[0]) != node)
            continue;
        n->weights.in_scale = filled(affine->channels, 1);
        n->weights.in_shift = filled(affine->channels, 0);
        if (!n->weights.in_scale || !n->weights.in_shift)
            return err_set(MIEN_ENOMEM, "%s: out of memory", n->name);
        memcpy(n->weights.in_scale, affine->scale, sizeof(double) * (size_t)affine->channels);
        memcpy(n->weights.in_shift, affine->shift, sizeof(double) * (size_t)affine->channels);
    }
    affine->replaced_by = source;
    return MIEN_OK;
}

/* ---------------------------------------------------------------- siblings */

enum { MAX_SIBLING_OUTPUTS = 64 }; /* beyond, tiles are full anyway */

static int is_output(const struct net *net, int node) {
    for (int i = 0; i < net->noutputs; i++)
        if (net_resolve(net, net->outputs[i].value) == node) return 1;
    return 0;
}

/* Is the value an output, or read by nothing but one activation that is? */
static int is_head(const struct net *net, int node, const int *uses) {
    if (is_output(net, node)) return 1;
    for (int i = node + 1; i < net->count && uses[node] == 1; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->replaced_by < 0 && n->op == NET_ACT && net_resolve(net, n->in[0]) == node)
            return is_output(net, i);
    }
    return 0;
}

static int may_join(const struct net *net, const struct net_node *a, const struct net_node *b) {
    const struct net_window *v = &a->window, *w = &b->window;
    return b->op == NET_CONV && b->replaced_by < 0 && b->groups == 1 && !b->vector &&
           b->first_sibling < 0 && net_resolve(net, a->in[0]) == net_resolve(net, b->in[0]) &&
           v->kh == w->kh && v->kw == w->kw && v->stride == w->stride && v->mode == w->mode &&
           v->pad == w->pad && !a->weights.in_scale == !b->weights.in_scale;
}

void fold_siblings(struct net *net) {
    int *uses = malloc(sizeof(int) * (size_t)net->count);
    if (!uses) return; /* an optimisation only */
    fold_count_uses(net, uses);
    for (int i = 0; i < net->count; i++) {
        struct net_node *first = &net->nodes[i], *last = first;
        if (!may_join(net, first, first) || !is_head(net, i, uses)) continue;
        for (int j = i + 1; j < net->count; j++) {
            struct net_node *n = &net->nodes[j];
            if (!may_join(net, first, n) || !is_head(net, j, uses) ||
                fold_outputs(net, first) + n->channels > MAX_SIBLING_OUTPUTS)
                continue;
            last->next_sibling = j;
            n->first_sibling = i;
            last = n;
        }
    }
    free(uses);
}

int fold_outputs(const struct net *net, const struct net_node *conv) {
    int n = conv->channels;
    while (conv->next_sibling >= 0) {
        conv = &net->nodes[conv->next_sibling];
        n += conv->channels;
    }
    return n;
}

/* The next convolution that is computed together with n; NULL after the last. */
static const struct net_node *sibling(const struct net *net, const struct net_node *n) {
    return n->next_sibling < 0 ? NULL : &net->nodes[n->next_sibling];
}

int fold_check_finite(const struct net *net, const struct net_node *conv) {
    int rc = MIEN_OK;
    for (; conv && !rc; conv = sibling(net, conv)) rc = net_check_finite(net, conv->weights.w);
    return rc;
}

void fold_release_pages(const struct net *net, const struct net_node *conv) {
    for (; conv; conv = sibling(net, conv)) blob_release_pages(net->blob, conv->weights.w);
}

/* The sibling that makes output *o, which becomes its own count. */
static const struct net_node *sibling_of(const struct net *net, const struct net_node *conv,
                                         int *o) {
    while (*o >= conv->channels) {
        *o -= conv->channels;
        conv = &net->nodes[conv->next_sibling];
    }
    return conv;
}

/* -------------------------------------------------------------------- nets */

int fold_net(struct net *net) {
    int *uses = malloc(sizeof(int) * (size_t)net->count);
    if (!uses) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = MIEN_OK;
    for (int i = 0; i < net->count && !rc; i++) {
        struct net_node *n = &net->nodes[i];
        if (n->op != NET_AFFINE) continue;
        fold_count_uses(net, uses);
        int source = net_resolve(net, n->in[0]);
        if (net->nodes[source].op == NET_CONV && uses[source] == 1) rc = fold_after(net, n, source);
    }
    for (int i = 0; i < net->count && !rc; i++)
        if (net->nodes[i].op == NET_AFFINE && net->nodes[i].replaced_by < 0)
            rc = fold_before(net, i);
    free(uses);
    if (!rc) fold_siblings(net);
    return rc;
}

int fold_group_inputs(const struct net *net, const struct net_node *conv) {
    return net_channels(net, conv->in[0]) / conv->groups;
}

static int input_channel(const struct net_node *conv, int o, int i, int group_inputs) {
    return o / (conv->channels / conv->groups) * group_inputs + i;
}

/* Rows of the stored tensor that make output o: one, or the two whose difference it is. */
static const float *stored_row(const struct net_node *conv, int row, size_t filter) {
    return conv->weights.w->data + (size_t)row * filter;
}

/* out_scale[o] w[o][i][t] for the taps t of input i: what folding has done on the output side. */
static void scaled_taps(const struct net_node *conv, int o, int i, int group_inputs, double *out) {
    const struct net_weights *w = &conv->weights;
    int taps = conv->window.kh * conv->window.kw;
    size_t filter = (size_t)group_inputs * (size_t)taps;
    size_t at = (size_t)(w->reverse_input ? group_inputs - 1 - i : i) * (size_t)taps;
    double scale = w->out_scale ? w->out_scale[o] : 1;
    if (w->difference) {
        const float *a = stored_row(conv, 2 * o + 1, filter) + at;
        const float *b = stored_row(conv, 2 * o, filter) + at;
        for (int t = 0; t < taps; t++) out[t] = scale * ((double)a[t] - b[t]);
    } else {
        const float *a = stored_row(conv, o, filter) + at;
        for (int t = 0; t < taps; t++) out[t] = scale * a[t];
    }
}

void fold_filter(const struct net *net, const struct net_node *conv, int o, float *out) {
    conv = sibling_of(net, conv, &o);
    int inputs = fold_group_inputs(net, conv), taps = conv->window.kh * conv->window.kw;
    double row[NET_MAX_KERNEL * NET_MAX_KERNEL];
    for (int i = 0; i < inputs; i++, out += taps) {
        scaled_taps(conv, o, i, inputs, row);
        double scale =
            conv->weights.in_scale ? conv->weights.in_scale[input_channel(conv, o, i, inputs)] : 1;
        for (int t = 0; t < taps; t++) {
            double v = row[t] * scale;
            out[t] = fabs(v) < 1e-30 ? 0 : (float)v; /* denormals slow every product down */
        }
    }
}

/* What the shift before the convolution adds to output o at each tap: sums is [kh*kw]. */
static void shift_sums(const struct net_node *conv, int o, int group_inputs, double *sums) {
    int taps = conv->window.kh * conv->window.kw;
    double row[NET_MAX_KERNEL * NET_MAX_KERNEL];
    memset(sums, 0, sizeof *sums * (size_t)taps);
    for (int i = 0; i < group_inputs; i++) {
        double shift = conv->weights.in_shift[input_channel(conv, o, i, group_inputs)];
        scaled_taps(conv, o, i, group_inputs, row);
        for (int t = 0; t < taps; t++) sums[t] += row[t] * shift;
    }
}

/* Their sum where only the taps inside the map count. */
static double inside_sum(const struct net_node *conv, const double *sums, int border) {
    int y0 = border & FOLD_TOP ? 1 : 0, y1 = conv->window.kh - (border & FOLD_BOTTOM ? 1 : 0);
    int x0 = border & FOLD_LEFT ? 1 : 0, x1 = conv->window.kw - (border & FOLD_RIGHT ? 1 : 0);
    double sum = 0;
    for (int ky = y0; ky < y1; ky++)
        for (int kx = x0; kx < x1; kx++) sum += sums[ky * conv->window.kw + kx];
    return sum;
}

/* The bias of output o without what a shift before the convolution adds. */
static double plain_bias(const struct net_node *conv, int o) {
    const struct net_weights *w = &conv->weights;
    double b = 0;
    if (w->bias)
        b = w->difference ? (double)w->bias->data[2 * o + 1] - w->bias->data[2 * o]
                          : w->bias->data[o];
    return w->out_scale ? b * w->out_scale[o] + w->out_shift[o] : b;
}

int fold_bias(const struct net *net, const struct net_node *conv, float *out) {
    const struct net_weights *w = &conv->weights;
    int at_input = net->nodes[net_resolve(net, conv->in[0])].op == NET_INPUT;
    int classes = w->in_shift && padded(conv) && !at_input ? FOLD_CLASSES : 1;
    if (!out) return classes;
    int outputs = fold_outputs(net, conv), group_inputs = fold_group_inputs(net, conv);
    double sums[NET_MAX_KERNEL * NET_MAX_KERNEL];
    for (int all = 0; all < outputs; all++) {
        int o = all;
        const struct net_node *n = sibling_of(net, conv, &o);
        double b = plain_bias(n, o);
        if (n->weights.in_shift) shift_sums(n, o, group_inputs, sums);
        for (int k = 0; k < classes; k++)
            out[k * outputs + all] = (float)(n->weights.in_shift ? b + inside_sum(n, sums, k) : b);
    }
    return classes;
}
