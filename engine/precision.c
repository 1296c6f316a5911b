#include "engine/precision.h"

#include "engine/err.h"
#include "engine/ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is known of a value while types are chosen. Values that share a buffer or are copies of each
 * other form a group with one type and one range. */
struct value {
    int group;           /* a smaller index of the same group, or itself */
    int readers;         /* nodes that read it */
    int tail;            /* an output, or only activations away from one */
    int heads, bodies;   /* convolutions that read it: last layers, others */
    int sums;            /* of those, how many multiply in integers */
    int pooled;          /* of one pixel: behind a global pool */
    int flat;            /* net_find_flat(), it or one of its group */
    int exempt;          /* the first of a group: it stays in the better type */
    int exact;           /* no fp16 */
    double zero;         /* of the group: which share of the steps lies below zero */
    const float *ranges; /* [3][channels], of this value alone; NULL: not measured */
};

static int root(struct value *v, int i) {
    while (v[i].group != i) i = v[i].group;
    return i;
}

static void unite(struct value *v, int a, int b) {
    a = root(v, a);
    b = root(v, b);
    if (a < b)
        v[b].group = a;
    else
        v[a].group = b;
}

static int is_head(const struct net *net, const struct value *v, int node) {
    return net->nodes[node].vector || v[node].tail;
}

static void find_tails(const struct net *net, struct value *v) {
    for (int i = 0; i < net->noutputs; i++) v[net->outputs[i].value].tail = 1;
    for (int i = 0; i < net->count; i++)
        for (int j = 0; j < net_reads(&net->nodes[i]); j++) v[net->nodes[i].in[j]].readers++;
    for (int i = net->count - 1; i >= 0; i--) {
        const struct net_node *n = &net->nodes[i];
        if (!v[i].tail || (n->op != NET_ACT && n->op != NET_SOFTMAX)) continue;
        int in = n->in[0];
        if (v[in].readers == 1) v[in].tail = 1;
    }
}

/* Copies and slices share their type and scale with what they are made of. */
static int copies(const struct net_node *n) {
    if (n->op == NET_GATHER) return gather_copies(&n->gather);
    return n->op == NET_CONCAT || n->op == NET_UPSAMPLE || n->op == NET_SLICE ||
           (n->op == NET_POOL && !n->window.average);
}

static void find_groups(const struct net *net, struct value *v) {
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        v[i].exact = n->exact;
        for (int j = 0; j < net_reads(n); j++) {
            int in = n->in[j];
            if (copies(n)) unite(v, in, i);
            if (n->op == NET_CONV && is_head(net, v, i)) v[in].heads++;
            if (n->op == NET_CONV && !is_head(net, v, i)) v[in].bodies++;
            if (n->op == NET_CONV && n->groups == 1) v[in].sums++;
        }
    }
    for (int i = net->count - 1; i >= 0; i--) {
        int r = root(v, i);
        if (r == i) continue;
        v[r].tail |= v[i].tail;
        v[r].exact |= v[i].exact;
        v[r].heads += v[i].heads;
        v[r].bodies += v[i].bodies;
        v[r].sums += v[i].sums;
    }
}

/* Values behind a global pool alone: gates and what makes them. Storing one pixel better costs
 * nothing, and every pixel of a map is multiplied with a gate's error. */
static void find_pooled(const struct net *net, struct value *v) {
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        v[i].pooled =
            n->inputs > 0 || (net->features && net->input_width == 1 && net->input_height == 1);
        for (int j = 0; j < net_reads(n); j++) v[i].pooled &= v[n->in[j]].pooled;
        if (n->op == NET_POOL && n->window.global) v[i].pooled = 1;
    }
    for (int i = net->count - 1; i >= 0; i--) v[root(v, i)].pooled &= v[i].pooled;
}

static int find_flat(const struct net *net, struct value *v) {
    unsigned char *flat = malloc((size_t)net->count);
    if (!flat) return err_set(MIEN_ENOMEM, "out of memory");
    net_find_flat(net, flat);
    for (int i = 0; i < net->count; i++) v[root(v, i)].flat |= flat[i];
    free(flat);
    return MIEN_OK;
}

static int read_ranges(const struct net *net, struct value *v) {
    if (!ranges_has(net->blob))
        return err_set(MIEN_EUNSUPPORTED,
                       "%s: not calibrated for int8; `mien calibrate` measures its ranges on a "
                       "folder of pictures",
                       blob_label(net->blob));
    for (int i = 0; i < net->count; i++) {
        char name[RANGES_NAME];
        ranges_name(net->nodes[i].number, net->nodes[i].name, name);
        const struct blob_tensor *t = blob_find(net->blob, name);
        if (!t) continue;
        if (t->dims != 2 || t->shape[0] != 3 || t->shape[1] != net->nodes[i].channels)
            return err_set(MIEN_EWEIGHTS, "%s: tensor %s does not fit the network; calibrate again",
                           blob_label(net->blob), name);
        int rc = blob_acquire(net->blob, t); /* for good: ranges are small */
        if (rc) return rc;
        v[i].ranges = t->data;
    }
    return MIEN_OK;
}

static int read_exempt(const struct net *net, struct value *v) {
    const struct blob_tensor *t = blob_find(net->blob, RANGES_EXEMPT);
    for (size_t i = 0; t && i < t->count; i++) {
        if (!(t->data[i] >= 0 && t->data[i] < (float)net->numbers))
            return err_set(MIEN_EWEIGHTS, "%s: tensor %s names no value; calibrate again",
                           blob_label(net->blob), t->name);
        int node = net_numbered(net, (int)t->data[i]);
        if (node >= 0) v[node].exempt = 1;
    }
    return MIEN_OK;
}

int precision_check(const struct net *net, int node) {
    const struct net_node *n = &net->nodes[node];
    if (n->stored.type != KERN_U8 || n->stored.scale) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: its calibration has no range of %s; calibrate it again",
                   blob_label(net->blob), n->name);
}

/* A number of a tensor of ranges, which may hold anything: calibrations see nothing as large. */
static double number(float x) {
    return isfinite(x) ? fmax(-1e9, fmin((double)x, 1e9)) : 0;
}

/* The lowest and highest value of a channel, zero always between them. */
static double low_of(const struct value *v, int channel) {
    return fmin(number(v->ranges[channel]), 0);
}

static double high_of(const struct net_node *n, const struct value *v, int channel) {
    return fmax(number(v->ranges[n->channels + channel]), 1e-9);
}

/* A group has one zero point: the share of its steps that lies below zero, averaged over its
 * channels by how much each needs. */
static int find_zeros(const struct net *net, struct value *v) {
    double *below = calloc((size_t)net->count * 2, sizeof *below);
    if (!below) return err_set(MIEN_ENOMEM, "out of memory");
    double *all = below + net->count;
    for (int i = 0; i < net->count; i++)
        for (int j = 0; v[i].ranges && j < net->nodes[i].channels; j++) {
            below[root(v, i)] -= low_of(&v[i], j);
            all[root(v, i)] += high_of(&net->nodes[i], &v[i], j) - low_of(&v[i], j);
        }
    for (int i = 0; i < net->count; i++)
        v[i].zero = all[root(v, i)] > 0 ? below[root(v, i)] / all[root(v, i)] : 0;
    free(below);
    return MIEN_OK;
}

/* How far a channel's scale goes from the value's largest one (0) to its own (1), on a logarithmic
 * scale: of 0, 0.3, 0.5, 0.7 and 1, what kept embeddings closest to those of fp32. */
static const double SMOOTHING = 0.7;

static int allocate_scale(struct net_node *n) {
    n->stored.scale = malloc(sizeof(float) * (size_t)n->channels);
    n->stored.mean = malloc(sizeof(float) * (size_t)n->channels);
    return n->stored.scale && n->stored.mean ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory");
}

static int set_scale(struct net_node *n, const struct value *v, const struct value *group) {
    int c = n->channels, zero = (int)lrint(v->zero * 255);
    if (allocate_scale(n)) return MIEN_ENOMEM;
    if (zero > 254) zero = 254;
    double largest = 1e-9, power = group->sums ? SMOOTHING : 1;
    float *scale = n->stored.scale;
    for (int j = 0; j < c; j++) {
        double above = high_of(n, v, j) / (255 - zero), below = zero ? -low_of(v, j) / zero : 0;
        scale[j] = (float)fmax(fmax(above, below), 1e-9);
        largest = fmax(largest, (double)scale[j]);
    }
    for (int j = 0; j < c; j++) {
        scale[j] = (float)(largest * pow((double)scale[j] / largest, power));
        n->stored.mean[j] = (float)number(v->ranges[2 * c + j]);
    }
    n->stored.zero = zero;
    return MIEN_OK;
}

/* Channels from..: what the value they are copied from is stored in. */
static void take_scale(struct net_node *n, int from, const struct net_node *source) {
    int chosen = n->op == NET_SLICE || n->op == NET_GATHER;
    for (int j = 0; j < (chosen ? n->channels : source->channels); j++) {
        int k = chosen ? places_channel(&n->gather.channels, j, 0, 0) : j;
        n->stored.scale[from + j] = source->stored.scale[k];
        n->stored.mean[from + j] = source->stored.mean[k];
    }
    n->stored.zero = source->stored.zero;
}

/* Copies are stored as what they copy; a concatenation's channels are those of its parts, one after
 * the other. Without one of them there is none. */
static int copy_scales(const struct net *net, struct net_node *n) {
    for (int i = 0; i < net_reads(n); i++)
        if (!net->nodes[n->in[i]].stored.scale) return MIEN_OK;
    if (allocate_scale(n)) return MIEN_ENOMEM;
    for (int i = 0, from = 0; i < net_reads(n); i++) {
        const struct net_node *source = &net->nodes[n->in[i]];
        take_scale(n, from, source);
        from += source->channels;
    }
    return MIEN_OK;
}

static enum kern_type type_of(const struct net_node *n, const struct value *group,
                              enum mien_precision precision, enum kern_type better) {
    if (group->tail || (precision == MIEN_FP16 && group->exact)) return KERN_F32;
    if (n->op == NET_INPUT || precision != MIEN_INT8 || group->exempt || group->pooled ||
        group->flat)
        return better;
    return group->heads && !group->bodies ? better : KERN_U8;
}

int precision_assign(struct net *net, enum mien_precision precision,
                     const struct precision_support *support) {
    enum kern_type better = support->f16 ? KERN_F16 : support->bf16 ? KERN_BF16 : KERN_F32;
    if (precision == MIEN_FP32 || (precision == MIEN_BF16 && !support->bf16) ||
        (precision == MIEN_FP16 && !support->f16) || (precision == MIEN_INT8 && !support->u8))
        return MIEN_OK;
    if (precision == MIEN_INT8 && net->features && !ranges_has(net->blob)) {
        precision = support->bf16 ? MIEN_BF16 : MIEN_FP16; /* too small to gain anything */
        if (better == KERN_F32) return MIEN_OK;
    }
    if (precision == MIEN_BF16) better = KERN_BF16;
    struct value *v = calloc((size_t)net->count, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < net->count; i++) v[i].group = i;
    find_tails(net, v);
    find_groups(net, v);
    find_pooled(net, v);
    int rc = find_flat(net, v);
    if (precision == MIEN_INT8 && !rc) rc = read_ranges(net, v);
    if (precision == MIEN_INT8 && !rc) rc = read_exempt(net, v);
    if (precision == MIEN_INT8 && !rc) rc = find_zeros(net, v);
    for (int i = 0; i < net->count && !rc; i++) {
        struct net_node *n = &net->nodes[i];
        const struct value *group = &v[root(v, i)];
        n->stored.type = type_of(n, group, precision, better);
        if (n->stored.type != KERN_U8) continue;
        if (copies(n))
            rc = copy_scales(net, n);
        else if (v[i].ranges)
            rc = set_scale(n, &v[i], group);
    }
    net->half_weights = 1;
    free(v);
    for (int i = 0; i < net->count && !rc; i++) /* what a convolution reads is always stored */
        if (net->nodes[i].op == NET_CONV) rc = precision_check(net, net->nodes[i].in[0]);
    return rc;
}
