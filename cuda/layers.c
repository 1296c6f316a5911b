#include "cuda/layers.h"

#include "engine/err.h"
#include "engine/fold.h"
#include "engine/half.h"
#include "engine/plan.h"
#include "engine/quantise.h"
#include "kernels/number.h"
#include "mien.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 16,    /* bytes that kernels load at once: a run of k is a multiple of it */
    K_ALIGN = 128, /* bytes: the longest step along k */
    PLACE = 256    /* bytes, of each array */
};

const struct plan_rules cuda_plan_rules = {.pixel_align = CHUNK, .separate_depthwise = 1};

/* Elements from pixel to pixel of a picture: what planning makes of three channels. */
static int input_pitch(const struct net_node *input) {
    int px = 1;
    while (px < input->channels) px *= 2;
    return px;
}

static int is_packed(const struct net *net, int i) {
    return net->nodes[i].first_sibling < 0;
}

static void shape(const struct net *net, const struct net_node *n, struct cuda_layer *l) {
    const struct net_node *source = &net->nodes[n->in[0]];
    l->kh = n->window.kh;
    l->kw = n->window.kw;
    l->stride = n->window.stride;
    l->dilation = net_dilation(&n->window);
    l->groups = n->groups;
    l->cin = fold_group_inputs(net, n) * n->groups;
    l->cout = fold_outputs(net, n);
    l->bias_classes = fold_bias(net, n, NULL);
    l->type = n->groups > 1 ? KERN_F32 : (int)source->stored.type;
    int size = (int)kern_type_size((enum kern_type)l->type);
    /* the few channels of a picture fill no chunk: a row of the window does */
    int joined = net_is_picture(net, n->in[0]) && l->dilation == 1;
    l->across = joined ? 1 : l->kw;
    l->taps = l->kh * l->across;
    l->depth = joined ? l->kw * input_pitch(source) : l->cin;
    l->depth_pad = round_up(l->depth, CHUNK / size);
    l->k_pad = round_up(l->taps * l->depth_pad, K_ALIGN / size);
}

static size_t weight_bytes(const struct cuda_layer *l) {
    if (l->groups > 1)
        return sizeof(float) * (size_t)(l->kh * l->kw) * (size_t)(l->cin / l->groups) *
               (size_t)l->cout;
    return (size_t)round_up(l->cout, CUDA_PACK_ROWS) * (size_t)l->k_pad *
           kern_type_size((enum kern_type)l->type);
}

/* Elements of a window, all there are for an output without padding. */
static int window(const struct cuda_layer *l) {
    return l->taps * l->depth;
}

/* Has it weights of its own for vendor.h? */
static int has_dense(const struct cuda_layer *l) {
    return l->groups == 1 && l->type != KERN_U8 && l->k_pad != window(l);
}

static size_t dense_bytes(const struct cuda_layer *l) {
    return (size_t)l->cout * (size_t)window(l) * kern_type_size((enum kern_type)l->type);
}

/* The next array, of `bytes`, at *at from base; *at moves on. */
static void *slice(char *base, size_t *at, size_t bytes) {
    void *p = base ? base + *at : NULL;
    *at += round_up_size(bytes, PLACE);
    return p;
}

/* Lays a node's arrays out from base + *at on. */
static void place(const struct net_node *n, struct cuda_layer *l, int dense, char *base,
                  size_t *at) {
    size_t vector = sizeof(float) * (size_t)n->channels;
    if (n->stored.scale) {
        l->stored = slice(base, at, vector);
        l->inverse = slice(base, at, vector);
    }
    if (n->op == NET_CONV) {
        size_t outputs = sizeof(float) * (size_t)l->cout;
        l->weights = slice(base, at, weight_bytes(l));
        l->dense = dense && has_dense(l) ? slice(base, at, dense_bytes(l)) : l->weights;
        l->bias = slice(base, at, outputs * (size_t)l->bias_classes);
        if (l->type == KERN_U8) l->acc_scale = slice(base, at, outputs);
    } else if (n->op == NET_AFFINE) {
        l->scale = slice(base, at, vector);
        l->shift = slice(base, at, vector);
    } else if (n->op == NET_ACT && n->slope) {
        l->slope = slice(base, at, vector);
    }
}

static size_t place_all(const struct net *net, const struct cuda_layers *l, char *base) {
    size_t at = 0;
    for (int i = 0; i < net->count; i++)
        if (is_packed(net, i)) place(&net->nodes[i], &l->layers[i], l->dense, base, &at);
    return at;
}

static void put(const struct cuda_layer *l, size_t at, float v) {
    if (l->type == KERN_U8)
        ((int8_t *)l->weights)[at] = (int8_t)v;
    else if (l->type == KERN_F16)
        ((uint16_t *)(void *)l->weights)[at] = half_from_float(v);
    else
        ((float *)(void *)l->weights)[at] = v;
}

/* Rows of weights without what pads them, and their runs. */
static void pack_dense(const struct cuda_layer *l) {
    size_t size = kern_type_size((enum kern_type)l->type), run = (size_t)l->depth * size;
    if (l->dense == l->weights) return;
    for (int o = 0; o < l->cout; o++)
        for (int t = 0; t < l->taps; t++)
            memcpy(l->dense + ((size_t)o * (size_t)l->taps + (size_t)t) * run,
                   l->weights + ((size_t)o * (size_t)l->k_pad + (size_t)(t * l->depth_pad)) * size,
                   run);
}

/* Filter of output o, [i][tap], to where the kernels look for it. */
static void put_filter(const struct cuda_layer *l, int o, const float *filter) {
    int taps = l->kh * l->kw, inputs = l->cin / l->groups;
    int px = l->across == 1 && l->kw > 0 ? l->depth / l->kw : 0; /* of a row of the window */
    for (int i = 0; i < inputs; i++)
        for (int t = 0; t < taps; t++) {
            float v = filter[i * taps + t];
            if (l->groups > 1)
                put(l, ((size_t)t * (size_t)inputs + (size_t)i) * (size_t)l->cout + (size_t)o, v);
            else if (l->taps == taps)
                put(l, (size_t)o * (size_t)l->k_pad + (size_t)(t * l->depth_pad + i), v);
            else
                put(l,
                    (size_t)o * (size_t)l->k_pad +
                        (size_t)(t / l->kw * l->depth_pad + t % l->kw * px + i),
                    v);
        }
}

/* filter: room for one. */
static void pack_filters(const struct net *net, const struct net_node *n,
                         const struct cuda_layer *l, float *filter) {
    const struct net_storage *input = &net->nodes[n->in[0]].stored;
    int inputs = l->cin / l->groups;
    struct quantise_layer q = {.cin = l->cin,
                               .taps = l->kh * l->kw,
                               .cout = l->cout,
                               .bias_classes = l->bias_classes,
                               .bias = l->bias,
                               .acc_scale = l->acc_scale};
    fold_bias(net, n, l->bias);
    for (int o = 0; o < l->cout; o++) {
        fold_filter(net, n, o, filter);
        if (l->acc_scale)
            quantise_filter(&q, input, o, filter);
        else if (l->groups > 1 && input->scale)
            quantise_grouped(&q, input, o / (l->cout / l->groups) * inputs, inputs, o, filter);
        put_filter(l, o, filter);
    }
    pack_dense(l);
}

static int pack_conv(const struct net *net, const struct net_node *n, const struct cuda_layer *l) {
    int inputs = l->cin / l->groups, rc = fold_acquire_filters(net, n);
    if (rc) return rc;
    float *filter = malloc(sizeof *filter * (size_t)inputs * (size_t)(l->kh * l->kw));
    if (filter)
        pack_filters(net, n, l, filter);
    else
        rc = err_set(MIEN_ENOMEM, "%s: out of memory for %s", blob_label(net->blob), n->name);
    free(filter);
    fold_release_filters(net, n);
    return rc;
}

static int pack(const struct net *net, const struct net_node *n, const struct cuda_layer *l) {
    for (int i = 0; n->stored.scale && i < n->channels; i++) {
        l->stored[i] = n->stored.scale[i];
        l->inverse[i] = 1 / n->stored.scale[i];
    }
    if (n->op == NET_CONV) return pack_conv(net, n, l);
    for (int i = 0; n->op == NET_AFFINE && i < n->channels; i++) {
        l->scale[i] = (float)n->scale[i];
        l->shift[i] = (float)n->shift[i];
    }
    if (n->op == NET_ACT && n->slope)
        memcpy(l->slope, n->slope->data, sizeof(float) * (size_t)n->channels);
    return MIEN_OK;
}

/* Packs everything in memory of the host and copies it up. */
static int fill(const struct cuda_device *dev, const struct net *net, struct cuda_layers *l) {
    char *staging = calloc(1, l->bytes);
    if (!staging) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    int rc = MIEN_OK;
    place_all(net, l, staging);
    for (int i = 0; i < net->count && !rc; i++)
        if (is_packed(net, i)) rc = pack(net, &net->nodes[i], &l->layers[i]);
    if (!rc) rc = cuda_alloc(dev, l->bytes, &l->region);
    if (!rc)
        rc =
            cuda_check(dev->driver->copy_up(l->region, staging, l->bytes, NULL), "copying weights");
    if (!rc) rc = cuda_check(dev->driver->stream_wait(NULL), "copying weights");
    free(staging);
    place_all(net, l, (char *)(uintptr_t)l->region);
    return rc;
}

int cuda_layers_load(const struct cuda_device *dev, const struct net *net, int dense,
                     struct cuda_layers *out) {
    memset(out, 0, sizeof *out);
    out->layers = calloc((size_t)net->count, sizeof *out->layers);
    if (!out->layers) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    out->count = net->count;
    out->dense = dense;
    for (int i = 0; i < net->count; i++)
        if (is_packed(net, i) && net->nodes[i].op == NET_CONV)
            shape(net, &net->nodes[i], &out->layers[i]);
    out->bytes = place_all(net, out, NULL) + 1;
    int rc = fill(dev, net, out);
    if (rc) cuda_layers_free(dev, out);
    return rc;
}

void cuda_layers_free(const struct cuda_device *dev, struct cuda_layers *l) {
    cuda_free(dev, l->region);
    free(l->layers);
    memset(l, 0, sizeof *l);
}

const float *cuda_slope(const struct cuda_layers *l, const struct net *net,
                        const struct blob_tensor *slope) {
    int node = net_slope_node(net, slope);
    return node < 0 ? NULL : l->layers[node].slope;
}
