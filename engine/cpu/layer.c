#include "engine/cpu/layer.h"

#include "engine/err.h"
#include "engine/fold.h"
#include "engine/quantise.h"
#include "kernels/number.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

/* Winograd's weights are four times as large: worth their bandwidth where at least this many pixels
 * of output share them, at the network's default size. */
enum { WINOGRAD_PIXELS = 14 * 14, WINOGRAD_CHANNELS = 16 };

/* F(4x4, 3x3) takes a quarter of the products, and the transforms about a third of what that saves:
 * a tile of another type that multiplies this many times as fast as fp32 does better without it. */
static const float WINOGRAD_GAIN = 2.5f;

static int takes_winograd(const struct cpu_layer *l, const struct kern_igemm *direct,
                          const struct kern_igemm *floats, int pixels) {
    return floats && !floats->split && l->groups == 1 && l->kh == 3 && l->kw == 3 &&
           l->stride == 1 && l->dilation == 1 && l->cin >= WINOGRAD_CHANNELS &&
           pixels >= WINOGRAD_PIXELS && direct->rate < WINOGRAD_GAIN;
}

/* The inputs of the first group of the panel that output c begins. */
static int first_input(const struct cpu_layer *l, int c) {
    return c / (l->cout / l->groups) * (l->cin / l->groups);
}

int cpu_panel_input(const struct cpu_layer *l, int c) {
    return min_int(first_input(l, c), l->cin - l->depth);
}

/* Inputs of the groups that a panel's outputs lie in, at most. */
static int panel_depth(const struct cpu_layer *l, int nr) {
    int most = 0;
    for (int c = 0; c < l->cout; c += nr) {
        int last = first_input(l, min_int(c + nr, l->cout) - 1) + l->cin / l->groups;
        most = max_int(most, last - first_input(l, c));
    }
    return most;
}

/* Algorithm, tile and type of the weights; input: how the layer's input is stored. */
static void choose(const struct kern *k, const struct net *net, struct cpu_layer *l,
                   int vector_layer, enum kern_type input, int pixels) {
    l->type = KERN_F32;
    if (vector_layer) {
        l->algorithm = CPU_GEMV;
        if (net->half_weights) l->type = KERN_BF16;
        return;
    }
    if (l->groups > 1 && l->groups == l->cin && l->cin == l->cout) {
        l->algorithm = CPU_DEPTHWISE;
        return;
    }
    /* The narrower the panel, the fewer zeros between groups. */
    l->igemm = kern_igemm_for(k, input, l->cout / l->groups);
    if (l->groups > 1 && (!l->igemm || l->igemm->split)) {
        l->igemm = NULL;
        l->algorithm = CPU_GROUPED;
        return;
    }
    if (!l->igemm) {
        l->algorithm = l->kh == 1 && l->kw == 1 && l->stride == 1 ? CPU_GEMM : CPU_IM2COL;
        return;
    }
    l->algorithm = CPU_IGEMM;
    const struct kern_igemm *floats = kern_igemm_for(k, KERN_F32, l->cout);
    if (takes_winograd(l, l->igemm, floats, pixels)) {
        l->algorithm = CPU_WINOGRAD;
        l->igemm = floats;
    }
    l->nr = l->igemm->nr;
    l->type = l->igemm->type;
    l->depth = panel_depth(l, l->nr);
}

/* Elements of one panel of an IGEMM layer. */
static size_t panel_elements(const struct cpu_layer *l) {
    return l->joined ? kern_panel_size(l->igemm, l->kh, l->kw * l->depth)
                     : kern_panel_size(l->igemm, l->kh * l->kw, l->depth);
}

/* Elements the packed weights take. */
static size_t packed_size(const struct cpu_layer *l, size_t filter) {
    size_t panels = l->nr ? (size_t)ceil_div(l->cout, l->nr) : 0;
    if (l->algorithm == CPU_IGEMM) return panels * panel_elements(l);
    if (l->algorithm == CPU_WINOGRAD)
        return panels * (size_t)l->nr * (size_t)l->cin * KERN_WINOGRAD_PLANES;
    return (size_t)l->cout * filter;
}

/* Filters come as [i][tap]; every layout here has the taps outermost. */
static void pack_filter(const struct cpu_layer *l, int inputs, int o, const float *filter) {
    int taps = l->kh * l->kw;
    size_t depth = (size_t)taps * (size_t)inputs;
    size_t at = l->algorithm == CPU_GEMV ? (size_t)o * depth : (size_t)o;
    size_t step = l->algorithm == CPU_GEMV ? 1 : (size_t)l->cout;
    for (int t = 0; t < taps; t++)
        for (int i = 0; i < inputs; i++, at += step) {
            float v = filter[i * taps + t];
            if (l->type == KERN_BF16)
                ((uint16_t *)l->weights)[at] = kern_bf16_from_f32(v);
            else
                ((float *)l->weights)[at] = v;
        }
}

static void put(const struct cpu_layer *l, char *dst, size_t at, float v) {
    if (l->type == KERN_U8)
        ((int8_t *)dst)[at] = (int8_t)v;
    else if (l->type == KERN_BF16)
        ((uint16_t *)(void *)dst)[at] = kern_bf16_from_f32(v);
    else
        ((float *)(void *)dst)[at] = v;
}

/* What is left of v in bf16 behind its upper half. */
static float low_half(float v) {
    return v - kern_bf16_to_f32(kern_bf16_from_f32(v));
}

/* A block of a panel, from element `first` of run r on: [nr / lanes][block][lanes][group]. Elements
 * beyond a run and channels beyond n are zeros. Returns where the next one starts. */
static size_t pack_block(const struct cpu_layer *l, int n, const float *filters, int r, int first,
                         int low, char *dst, size_t at) {
    const struct kern_igemm *g = l->igemm;
    int taps = l->kh * l->kw, depth = l->joined ? l->kw * l->depth : l->depth;
    int lanes = l->nr < KERN_LANES ? l->nr : KERN_LANES;
    size_t filter = (size_t)l->depth * (size_t)taps;
    for (int column = 0; column < l->nr; column += lanes)
        for (int begin = first; begin < first + g->block * g->group; begin += g->group)
            for (int o = column; o < column + lanes; o++)
                for (int e = begin; e < begin + g->group; e++, at++) {
                    int tap = l->joined ? r * l->kw + e / l->depth : r, i = e % l->depth;
                    float v = o < n && e < depth
                                  ? filters[(size_t)o * filter + (size_t)(i * taps + tap)]
                                  : 0;
                    if (g->split)
                        ((uint16_t *)(void *)dst)[at] = kern_bf16_from_f32(low ? low_half(v) : v);
                    else
                        put(l, dst, at, v);
                }
    return at;
}

/* One panel of n filters: filters is [n][inputs][taps], dst the panel's place. */
static void pack_panel(const struct cpu_layer *l, int n, const float *filters, char *dst) {
    const struct kern_igemm *g = l->igemm;
    int runs = l->joined ? l->kh : l->kh * l->kw, depth = l->joined ? l->kw * l->depth : l->depth;
    size_t at = 0;
    for (int r = 0; r < runs; r++)
        for (int first = 0; first < depth; first += g->block * g->group)
            for (int low = 0; low <= g->split; low++)
                at = pack_block(l, n, filters, r, first, low, dst, at);
}

static void pack_winograd_panel(const struct cpu_layer *l, int inputs, int n, const float *filters,
                                float *dst) {
    size_t filter = (size_t)inputs * 9, plane = (size_t)inputs * (size_t)l->nr;
    float planes[KERN_WINOGRAD_PLANES * KERN_MAX_NR] = {0};
    for (int i = 0; i < inputs; i++, dst += l->nr) {
        for (int o = 0; o < n; o++)
            kern_winograd_weights(filters + (size_t)o * filter + (size_t)i * 9, planes + o, l->nr);
        for (int p = 0; p < KERN_WINOGRAD_PLANES; p++)
            memcpy(dst + (size_t)p * plane, planes + p * l->nr, sizeof(float) * (size_t)l->nr);
    }
}

/* Numbers of one filter while it is packed. */
static size_t filter_room(const struct cpu_layer *l, int inputs) {
    int wide = l->algorithm == CPU_IGEMM ? l->depth : inputs;
    return (size_t)wide * (size_t)(l->kh * l->kw);
}

/* Puts the filter of output o of a layer with groups, [inputs][taps], where its inputs are among
 * those of the panel of output c. */
static void spread_filter(const struct cpu_layer *l, int inputs, int c, int o, float *filter) {
    int taps = l->kh * l->kw, at = first_input(l, o) - cpu_panel_input(l, c);
    memmove(filter + at * taps, filter, sizeof *filter * (size_t)(inputs * taps));
    for (int i = 0; i < l->depth * taps; i++)
        if (i < at * taps || i >= (at + inputs) * taps) filter[i] = 0;
}

/* How the inputs of the panel of output c are stored. */
static struct net_storage panel_storage(const struct cpu_layer *l, const struct net_storage *input,
                                        int c) {
    struct net_storage part = *input;
    int first = cpu_panel_input(l, c);
    part.scale += first;
    part.mean += first;
    return part;
}

/* All filters of a layer through `filters`, which has room for one panel of them. */
static void pack_filters(const struct net *net, const struct net_node *n, const struct cpu_layer *l,
                         int inputs, float *filters) {
    const struct net_storage *input = &net->nodes[n->in[0]].stored;
    const struct quantise_layer to = {.cin = l->depth,
                                      .taps = l->kh * l->kw,
                                      .cout = l->cout,
                                      .bias_classes = l->bias_classes,
                                      .bias = l->bias,
                                      .acc_scale = l->acc_scale};
    size_t filter = filter_room(l, inputs);
    int winograd = l->algorithm == CPU_WINOGRAD, panels = winograd || l->algorithm == CPU_IGEMM;
    size_t panel = winograd ? (size_t)l->cin * (size_t)l->nr * KERN_WINOGRAD_PLANES
                   : panels ? panel_elements(l)
                            : 0;
    int step = panels ? l->nr : 1;
    for (int o = 0; o < l->cout; o += step) {
        int count = l->cout - o < step ? l->cout - o : step;
        for (int i = 0; i < count; i++) {
            float *f = filters + (size_t)i * filter;
            fold_filter(net, n, o + i, f);
            if (l->algorithm == CPU_IGEMM && l->groups > 1) spread_filter(l, inputs, o, o + i, f);
            if (l->acc_scale) {
                struct net_storage read = panel_storage(l, input, o);
                quantise_filter(&to, &read, o + i, f);
            }
            if (l->algorithm == CPU_DEPTHWISE && input->scale)
                quantise_grouped(&to, input, o, 1, o, f);
        }
        char *dst = (char *)l->weights + (size_t)(o / step) * panel * kern_type_size(l->type);
        if (winograd)
            pack_winograd_panel(l, inputs, count, filters, (float *)(void *)dst);
        else if (panels)
            pack_panel(l, count, filters, dst);
        else
            pack_filter(l, inputs, o, filters);
    }
}

static void shape_conv(const struct kern *k, const struct net *net, const struct net_node *n,
                       int pixels, struct cpu_layer *l) {
    const struct net_node *source = &net->nodes[n->in[0]];
    int inputs = fold_group_inputs(net, n);
    l->kh = n->window.kh;
    l->kw = n->window.kw;
    l->stride = n->window.stride;
    l->dilation = net_dilation(&n->window);
    l->reach = net_reach(&n->window, l->kh);
    l->groups = n->groups;
    l->cin = inputs * n->groups;
    l->cout = fold_outputs(net, n);
    choose(k, net, l, n->vector, source->stored.type, pixels);
    /* pixels of the picture have no gaps and fill no group alone; elsewhere a layer may read a
     * slice of a concatenation, so that whole groups decide */
    l->joined = l->algorithm == CPU_IGEMM && l->dilation == 1 && l->groups == 1 &&
                (net_is_picture(net, n->in[0]) || l->igemm->group == 1);
    l->bias_classes = fold_bias(net, n, NULL);
}

void cpu_shape_layer(const struct kern *k, const struct net *net, const struct net_node *n,
                     int pixels, struct cpu_layer *l) {
    if (n->op == NET_CONV) shape_conv(k, net, n, pixels, l);
}

/* The next array of a layer: of `bytes`, at *at, which moves on to where one more may begin. */
static void *slice(char *base, size_t *at, size_t bytes) {
    void *p = base ? base + *at : NULL;
    *at += round_up_size(bytes, CPU_ALIGN);
    return p;
}

size_t cpu_place_layer(const struct net *net, const struct net_node *n, struct cpu_layer *l,
                       char *base) {
    size_t at = 0, vector = sizeof(float) * (size_t)n->channels;
    if (n->stored.scale) l->inverse = slice(base, &at, vector);
    if (n->op == NET_CONV) {
        size_t filter = (size_t)fold_group_inputs(net, n) * (size_t)(l->kh * l->kw);
        size_t outputs = sizeof(float) * (size_t)l->cout;
        l->weights = slice(base, &at, packed_size(l, filter) * kern_type_size(l->type));
        l->bias = slice(base, &at, outputs * (size_t)l->bias_classes);
        if (l->algorithm == CPU_IGEMM && l->type == KERN_U8)
            l->acc_scale = slice(base, &at, outputs);
    } else if (n->op == NET_AFFINE) {
        l->scale = slice(base, &at, vector);
        l->shift = slice(base, &at, vector);
    } else if (n->op == NET_ACT && n->slope) {
        l->slope = slice(base, &at, vector);
    }
    return at;
}

static int pack_conv(const struct net *net, const struct net_node *n, const struct cpu_layer *l) {
    int inputs = fold_group_inputs(net, n), rc = fold_acquire_filters(net, n);
    if (rc) return rc;
    float *filters =
        malloc(filter_room(l, inputs) * (size_t)(l->nr > 1 ? l->nr : 1) * sizeof *filters);
    if (filters) {
        fold_bias(net, n, l->bias);
        pack_filters(net, n, l, inputs, filters);
    } else {
        rc = err_set(MIEN_ENOMEM, "%s: out of memory for %s", blob_label(net->blob), n->name);
    }
    free(filters);
    fold_release_filters(net, n);
    return rc;
}

int cpu_pack_layer(const struct net *net, const struct net_node *n, const struct cpu_layer *l) {
    for (int i = 0; n->stored.scale && i < n->channels; i++) l->inverse[i] = 1 / n->stored.scale[i];
    if (n->op == NET_CONV) return pack_conv(net, n, l);
    for (int i = 0; n->op == NET_AFFINE && i < n->channels; i++) {
        l->scale[i] = (float)n->scale[i];
        l->shift[i] = (float)n->shift[i];
    }
    if (n->op == NET_ACT && n->slope)
        memcpy(l->slope, n->slope->data, sizeof(float) * (size_t)n->channels);
    return MIEN_OK;
}
