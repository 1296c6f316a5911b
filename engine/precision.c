#include "engine/precision.h"

#include "engine/err.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What is known of a value while types are chosen. Values that share a buffer or are copies of each
 * other form a group with one type and one range. */
struct value {
    int group;         /* a smaller index of the same group, or itself */
    int readers;       /* nodes that read it */
    int tail;          /* an output, or only activations away from one */
    int heads, bodies; /* convolutions that read it: last layers, others */
    int ranged;        /* low and high were measured */
    double low, high;
};

void precision_key(const struct net *net, int node, char *key, size_t size) {
    snprintf(key, size, "%d %s", node, net->nodes[node].name);
}

static int live(const struct net *net, int i) {
    return net->nodes[i].replaced_by < 0;
}

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

/* The second input of an upsampling only lends its shape. */
static int inputs_of(const struct net_node *n) {
    return n->op == NET_UPSAMPLE ? 1 : n->inputs;
}

static int is_head(const struct net *net, const struct value *v, int node) {
    return net->nodes[node].vector || v[node].tail;
}

static void find_tails(const struct net *net, struct value *v) {
    for (int i = 0; i < net->noutputs; i++) v[net_resolve(net, net->outputs[i].value)].tail = 1;
    for (int i = 0; i < net->count; i++)
        for (int j = 0; live(net, i) && j < inputs_of(&net->nodes[i]); j++)
            v[net_resolve(net, net->nodes[i].in[j])].readers++;
    for (int i = net->count - 1; i >= 0; i--) {
        const struct net_node *n = &net->nodes[i];
        if (!live(net, i) || !v[i].tail || (n->op != NET_ACT && n->op != NET_SOFTMAX)) continue;
        int in = net_resolve(net, n->in[0]);
        if (v[in].readers == 1) v[in].tail = 1;
    }
}

/* Copies and slices share their type and scale with what they are made of. */
static int copies(const struct net_node *n) {
    return n->op == NET_CONCAT || n->op == NET_UPSAMPLE ||
           (n->op == NET_POOL && !n->window.average);
}

static void find_groups(const struct net *net, struct value *v) {
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (!live(net, i)) continue;
        for (int j = 0; j < inputs_of(n); j++) {
            int in = net_resolve(net, n->in[j]);
            if (copies(n)) unite(v, in, i);
            if (n->op == NET_CONV && is_head(net, v, i)) v[in].heads++;
            if (n->op == NET_CONV && !is_head(net, v, i)) v[in].bodies++;
        }
    }
    for (int i = net->count - 1; i >= 0; i--) {
        int r = root(v, i);
        if (r == i) continue;
        v[r].tail |= v[i].tail;
        v[r].heads += v[i].heads;
        v[r].bodies += v[i].bodies;
    }
}

static int read_ranges(const struct net *net, const char *text, struct value *v) {
    if (!text)
        return err_set(MIEN_EUNSUPPORTED,
                       "%s: not calibrated for int8; `mien calibrate` measures its ranges on a "
                       "folder of pictures",
                       blob_label(net->blob));
    json_t *j = json_loads(text, 0, NULL), *ranges = json_object_get(j, "ranges");
    int good = json_is_object(ranges);
    for (int i = 0; good && i < net->count; i++) {
        char key[256];
        precision_key(net, i, key, sizeof key);
        json_t *range = live(net, i) ? json_object_get(ranges, key) : NULL;
        if (!range) continue;
        double low = json_number_value(json_array_get(range, 0));
        double high = json_number_value(json_array_get(range, 1));
        good = json_array_size(range) == 2 && low <= high && fabs(low) < 1e9 && fabs(high) < 1e9;
        struct value *r = &v[root(v, i)];
        r->low = r->ranged ? fmin(r->low, low) : low;
        r->high = r->ranged ? fmax(r->high, high) : high;
        r->ranged = 1;
    }
    json_decref(j);
    return good ? MIEN_OK
                : err_set(MIEN_EWEIGHTS, "%s: metadata int8 holds no ranges; calibrate it again",
                          blob_label(net->blob));
}

/* Scale and zero point of a range; zero itself is always exact, since halos and ReLUs are made of
 * it. */
static int set_scale(struct net_node *n, double low, double high) {
    low = fmin(low, 0);
    high = fmax(high, 0);
    double scale = fmax((high - low) / 255, 1e-12);
    n->stored.scale = malloc(sizeof(float) * (size_t)n->channels);
    if (!n->stored.scale) return err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < n->channels; i++) n->stored.scale[i] = (float)scale;
    n->stored.zero = (int)lrint(-low / scale);
    return MIEN_OK;
}

static enum kern_type type_of(const struct net_node *n, const struct value *group,
                              enum mien_precision precision, enum kern_type better) {
    if (group->tail) return KERN_F32;
    if (n->op == NET_INPUT || precision == MIEN_BF16) return better;
    return group->heads && !group->bodies ? better : KERN_U8;
}

int precision_assign(struct net *net, enum mien_precision precision,
                     const struct precision_support *support, const char *calibration) {
    enum kern_type better = support->bf16 ? KERN_BF16 : KERN_F32;
    if (precision == MIEN_FP32 || (precision == MIEN_BF16 && !support->bf16) ||
        (precision == MIEN_INT8 && !support->u8))
        return MIEN_OK;
    struct value *v = calloc((size_t)net->count, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < net->count; i++) v[i].group = i;
    find_tails(net, v);
    find_groups(net, v);
    int rc = precision == MIEN_INT8 ? read_ranges(net, calibration, v) : MIEN_OK;
    for (int i = 0; i < net->count && !rc; i++) {
        struct net_node *n = &net->nodes[i];
        const struct value *group = &v[root(v, i)];
        n->stored.type = type_of(n, group, precision, better);
        if (n->stored.type == KERN_U8 && group->ranged) rc = set_scale(n, group->low, group->high);
    }
    net->half_weights = 1;
    free(v);
    return rc;
}
