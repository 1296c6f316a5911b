/* What a folded convolution computes: its filters and biases, with those of its siblings. */
#include "engine/fold.h"
#include "mien.h"

#include <math.h>
#include <string.h>

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

int fold_acquire_filters(const struct net *net, const struct net_node *conv) {
    for (const struct net_node *n = conv; n; n = sibling(net, n)) {
        int rc = blob_acquire(net->blob, n->weights.w);
        if (!rc && (rc = net_check_finite(net, n->weights.w)))
            blob_release(net->blob, n->weights.w);
        if (!rc) continue;
        for (; conv != n; conv = sibling(net, conv)) blob_release(net->blob, conv->weights.w);
        return rc;
    }
    return MIEN_OK;
}

void fold_release_filters(const struct net *net, const struct net_node *conv) {
    for (; conv; conv = sibling(net, conv)) blob_release(net->blob, conv->weights.w);
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
    int at_input = net_is_picture(net, conv->in[0]);
    int classes = w->in_shift && net_padded(&conv->window) && !at_input ? FOLD_CLASSES : 1;
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
