#include "engine/net.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "engine/ranges.h"
#include "mien.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 160, MAX_CHANNELS = 1 << 20 };

int net_new(const struct blob *blob, struct net **out) {
    struct net *net = calloc(1, sizeof *net);
    *out = NULL;
    if (!net || !(net->used = calloc((size_t)blob_count(blob) + 1, 1))) {
        free(net);
        return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(blob));
    }
    net->blob = blob;
    net->min_stride = 1;
    *out = net;
    return MIEN_OK;
}

void net_node_free(struct net_node *n) {
    free(n->name);
    free(n->weights.out_scale);
    free(n->weights.out_shift);
    free(n->weights.in_scale);
    free(n->weights.in_shift);
    free(n->scale);
    free(n->shift);
    free(n->stored.scale);
    free(n->stored.mean);
}

void net_free(struct net *net) {
    if (!net) return;
    for (int i = 0; i < net->count; i++) net_node_free(&net->nodes[i]);
    for (int i = 0; i < net->noutputs; i++) free(net->outputs[i].name);
    free(net->outputs);
    free(net->nodes);
    free(net->input_border);
    free(net->used);
    free(net);
}

static void fail_code(struct net *net, int rc, const char *fmt, va_list ap) {
    if (net->error) return;
    char text[400];
    vsnprintf(text, sizeof text, fmt, ap);
    net->error = err_set(rc, "%s: %s", blob_label(net->blob), text);
}

void net_fail(struct net *net, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fail_code(net, MIEN_EWEIGHTS, fmt, ap);
    va_end(ap);
}

static void fail_memory(struct net *net) {
    if (!net->error) net->error = err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
}

int net_finish(struct net *net) {
    if (net->error) return net->error;
    for (int i = 0; i < blob_count(net->blob); i++)
        if (!net->used[i] && !ranges_is(blob_at(net->blob, i)))
            return err_set(MIEN_EWEIGHTS, "%s: tensor %s is not part of the network",
                           blob_label(net->blob), blob_at(net->blob, i)->name);
    if (net->noutputs == 0)
        return err_set(MIEN_EWEIGHTS, "%s: the network has no output", blob_label(net->blob));
    return MIEN_OK;
}

static const struct blob_tensor *find(const struct net *net, const char *name, const char *suffix) {
    char full[NAME_MAX_LENGTH];
    int n = snprintf(full, sizeof full, "%s%s", name, suffix);
    return n < (int)sizeof full ? blob_find(net->blob, full) : NULL;
}

int net_check_finite(const struct net *net, const struct blob_tensor *t) {
    uint32_t worst = 0; /* the largest exponent: all ones in NaN and infinities alone */
    for (size_t i = 0; i < t->count; i++) {
        uint32_t bits, exponent;
        memcpy(&bits, &t->data[i], sizeof bits);
        exponent = bits & 0x7F800000;
        worst = exponent > worst ? exponent : worst;
    }
    if (worst < 0x7F800000) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: tensor %s holds a value that is not a finite number",
                   blob_label(net->blob), t->name);
}

/* Marks a tensor as used and checks that a vector's values are finite: a blob with a NaN would
 * otherwise give NaN for every picture and no hint why. Filters are most of the file and are left
 * to whoever packs them, so that packed weights from the cache spare reading it. */
static const struct blob_tensor *take(struct net *net, const char *name, const char *suffix) {
    if (net->error) return NULL;
    const struct blob_tensor *t = find(net, name, suffix);
    if (!t) {
        net_fail(net, "tensor %s%s is missing", name, suffix);
        return NULL;
    }
    net->used[t - blob_at(net->blob, 0)] = 1;
    if (t->dims < 2 && (net->error = net_check_finite(net, t))) return NULL;
    return t;
}

static const struct blob_tensor *take_vector(struct net *net, const char *name, const char *suffix,
                                             int n) {
    const struct blob_tensor *t = take(net, name, suffix);
    if (t && t->count != (size_t)n) {
        net_fail(net, "tensor %s has %zu values, expected %d", t->name, t->count, n);
        return NULL;
    }
    return t;
}

int net_has(const struct net *net, const char *fmt, ...) {
    char name[NAME_MAX_LENGTH];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    return blob_find(net->blob, name) != NULL;
}

int64_t net_dim(const struct net *net, int dim, const char *fmt, ...) {
    char name[NAME_MAX_LENGTH];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    const struct blob_tensor *t = blob_find(net->blob, name);
    return t && dim < t->dims ? t->shape[dim] : 0;
}

int net_channels(const struct net *net, net_value x) {
    return x >= 0 && x < net->count ? net->nodes[x].channels : 0;
}

void net_exact(struct net *net, net_value x) {
    if (!net->error) net->nodes[x].exact = 1;
}

int net_slope_node(const struct net *net, const struct blob_tensor *slope) {
    for (int i = 0; slope && i < net->count; i++)
        if (net->nodes[i].slope == slope) return i;
    return -1;
}

int net_numbered(const struct net *net, int number) {
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].number == number) return i;
    return -1;
}

/* Appends a node; NULL (and a sticky error) on failure. */
static struct net_node *append(struct net *net, enum net_op op, const char *name, int inputs,
                               const net_value *in, int channels) {
    if (net->error) return NULL;
    if (channels < 1 || channels > MAX_CHANNELS) {
        net_fail(net, "%s would have %d channels", name, channels);
        return NULL;
    }
    if (net->count == net->capacity) {
        int capacity = net->capacity ? 2 * net->capacity : 256;
        void *p = realloc(net->nodes, sizeof *net->nodes * (size_t)capacity);
        if (!p) {
            fail_memory(net);
            return NULL;
        }
        net->nodes = p;
        net->capacity = capacity;
    }
    struct net_node *n = &net->nodes[net->count];
    memset(n, 0, sizeof *n);
    n->op = op;
    n->inputs = inputs;
    for (int i = 0; i < inputs; i++) n->in[i] = in[i];
    n->channels = channels;
    n->groups = 1;
    n->number = net->count;
    n->next_sibling = n->first_sibling = -1;
    n->name = strdup(name);
    if (!n->name) {
        fail_memory(net);
        return NULL;
    }
    net->numbers = ++net->count;
    return n;
}

static net_value last(const struct net *net) {
    return net->error ? 0 : net->count - 1;
}

/* Room for the vectors of an affine node; 0 where there is no memory. */
static int allocate_affine(struct net *net, struct net_node *n) {
    n->scale = malloc(sizeof(double) * (size_t)n->channels);
    n->shift = malloc(sizeof(double) * (size_t)n->channels);
    if (n->scale && n->shift) return 1;
    fail_memory(net);
    return 0;
}

static int read_triple(json_t *j, const char *key, double out[3]) {
    json_t *a = json_object_get(j, key);
    if (!json_is_array(a) || json_array_size(a) != 3) return -1;
    for (size_t i = 0; i < 3; i++) {
        json_t *v = json_array_get(a, i);
        if (!json_is_number(v)) return -1;
        out[i] = json_number_value(v);
        if (!isfinite(out[i])) return -1;
    }
    return 0;
}

/* A size between least and 8192 pixels; a sentence about it otherwise. */
static void read_size(struct net *net, json_t *j, int least) {
    json_int_t w = json_integer_value(json_object_get(j, "width"));
    json_int_t h = json_integer_value(json_object_get(j, "height"));
    if (w < least || h < least || w > 8192 || h > 8192) {
        net_fail(net, "metadata input.width and input.height must be %d to 8192 pixels", least);
        return;
    }
    net->input_width = (int)w;
    net->input_height = (int)h;
}

static net_value features_input(struct net *net, json_t *j) {
    json_int_t count = json_integer_value(json_object_get(j, "count"));
    read_size(net, j, 1);
    if (count < 1 || count > MAX_CHANNELS) {
        net_fail(net, "metadata input.count must be 1 to %d channels of features", MAX_CHANNELS);
        return 0;
    }
    net->features = (int)count;
    append(net, NET_INPUT, "features", 0, NULL, net->features);
    return last(net);
}

/* Fills the affine that normalises RGB 0..255 pixels, in the network's channel order. */
static void read_input(struct net *net, json_t *j, double scale[3], double shift[3], int *bgr) {
    double mean[3];
    const char *order = json_string_value(json_object_get(j, "channels"));
    if (!order || (strcmp(order, "RGB") != 0 && strcmp(order, "BGR") != 0)) {
        net_fail(net, "metadata input.channels must be RGB or BGR");
        return;
    }
    read_size(net, j, 16);
    if (read_triple(j, "mean", mean) || read_triple(j, "scale", scale)) {
        net_fail(net, "metadata input.mean and input.scale must be three numbers each");
        return;
    }
    for (int i = 0; i < 3; i++) {
        if (scale[i] == 0) net_fail(net, "metadata input.scale holds a zero");
        shift[i] = -mean[i] * scale[i];
    }
    *bgr = order[0] == 'B';
}

static net_value picture_input(struct net *net, json_t *j) {
    double scale[3] = {1, 1, 1}, shift[3] = {0, 0, 0};
    int bgr = 0;
    read_input(net, j, scale, shift, &bgr);
    if (!append(net, NET_INPUT, "input", 0, NULL, 3)) return 0;
    net_value in = last(net);
    struct net_node *n = append(net, NET_AFFINE, "normalise", 1, &in, 3);
    if (!n || !allocate_affine(net, n)) return 0;
    /* The engine's input is RGB; a BGR network's vectors are turned round, and its first
     * convolution reads its channels in reverse. */
    for (int i = 0; i < 3; i++) {
        n->scale[i] = scale[bgr ? 2 - i : i];
        n->shift[i] = shift[bgr ? 2 - i : i];
    }
    n->weights.reverse_input = bgr; /* read by the convolution that consumes this value */
    return last(net);
}

net_value net_input(struct net *net) {
    if (net->error) return 0;
    const char *text = blob_meta(net->blob, "input"), *channels;
    json_t *j = text ? json_text(text, NULL) : NULL;
    net_value in = 0;
    channels = json_string_value(json_object_get(j, "channels"));
    if (!j)
        net_fail(net, "metadata input is missing or not JSON");
    else
        in = channels && strcmp(channels, "FEATURES") == 0 ? features_input(net, j)
                                                           : picture_input(net, j);
    json_decref(j);
    return in;
}

/* bias_name: the bias is bias_name.bias where the blob has it. */
static net_value conv(struct net *net, net_value x, const char *name, const char *bias_name,
                      struct net_window window, int difference) {
    const struct blob_tensor *w = take(net, name, ".weight");
    if (!w) return 0;
    if (w->dims != 4 || w->shape[0] > MAX_CHANNELS || w->shape[2] > NET_MAX_KERNEL ||
        w->shape[3] > NET_MAX_KERNEL) {
        net_fail(net, "tensor %s is not [out][in][kh][kw]", w->name);
        return 0;
    }
    int cin = net_channels(net, x), cout = (int)w->shape[0];
    if (w->shape[1] > cin || cin % w->shape[1] || cout % (cin / w->shape[1]) ||
        (difference && (cout % 2 || w->shape[1] != cin))) {
        net_fail(net, "tensor %s does not fit its %d input channels", w->name, cin);
        return 0;
    }
    const struct blob_tensor *bias = NULL;
    if (find(net, bias_name, ".bias") && !(bias = take_vector(net, bias_name, ".bias", cout)))
        return 0;
    struct net_node *n = append(net, NET_CONV, name, 1, &x, difference ? cout / 2 : cout);
    if (!n) return 0;
    n->window = window;
    n->window.kh = (int)w->shape[2];
    n->window.kw = (int)w->shape[3];
    n->groups = (int)(cin / w->shape[1]);
    n->weights.w = w;
    n->weights.bias = bias;
    n->weights.difference = difference;
    n->weights.reverse_input =
        net->nodes[x].op == NET_AFFINE && net->nodes[x].weights.reverse_input;
    return last(net);
}

net_value net_conv(struct net *net, net_value x, const char *name, int stride, int pad) {
    return conv(net, x, name, name, (struct net_window){.stride = stride, .pad = pad}, 0);
}

net_value net_conv_window(struct net *net, net_value x, const char *name,
                          struct net_window window) {
    return conv(net, x, name, name, window, 0);
}

net_value net_conv_same(struct net *net, net_value x, const char *name, int stride) {
    return conv(net, x, name, name, (struct net_window){.stride = stride, .mode = NET_PAD_SAME}, 0);
}

net_value net_separable_same(struct net *net, net_value x, const char *name) {
    struct net_window same = {.stride = 1, .mode = NET_PAD_SAME};
    char part[NAME_MAX_LENGTH];
    snprintf(part, sizeof part, "%s.depthwise", name);
    x = conv(net, x, part, part, same, 0);
    snprintf(part, sizeof part, "%s.pointwise", name);
    return conv(net, x, part, name, same, 0);
}

net_value net_conv_difference(struct net *net, net_value x, const char *name, int stride, int pad) {
    return conv(net, x, name, name, (struct net_window){.stride = stride, .pad = pad}, 1);
}

net_value net_fc(struct net *net, net_value x, const char *name, int h, int w) {
    const struct blob_tensor *t = take(net, name, ".weight");
    if (!t) return 0;
    int cin = net_channels(net, x);
    if (t->dims != 2 || t->shape[0] > MAX_CHANNELS || h > NET_MAX_KERNEL || w > NET_MAX_KERNEL ||
        t->shape[1] != (int64_t)cin * h * w) {
        net_fail(net, "tensor %s is not [out][%d]", t->name, cin * h * w);
        return 0;
    }
    const struct blob_tensor *bias = NULL;
    if (find(net, name, ".bias") && !(bias = take_vector(net, name, ".bias", (int)t->shape[0])))
        return 0;
    struct net_node *n = append(net, NET_CONV, name, 1, &x, (int)t->shape[0]);
    if (!n) return 0;
    n->window = (struct net_window){.kh = h, .kw = w, .stride = 1};
    n->vector = 1;
    n->weights.w = t;
    n->weights.bias = bias;
    return last(net);
}

/* The epsilon of a batch norm: the longest prefix in the blob's bn_eps that fits its name. */
static double bn_epsilon(struct net *net, const char *name) {
    const char *text = blob_meta(net->blob, "bn_eps"), *key;
    json_t *j = text ? json_text(text, NULL) : NULL, *v;
    double eps = -1;
    size_t longest = 0;
    json_object_foreach(j, key, v) {
        size_t n = strlen(key);
        if (strncmp(key, name, n) == 0 && n >= longest && json_is_number(v)) {
            eps = json_number_value(v);
            longest = n;
        }
    }
    json_decref(j);
    if (!(eps > 0 && eps < 1)) net_fail(net, "metadata bn_eps has no epsilon for %s", name);
    return eps;
}

net_value net_bn(struct net *net, net_value x, const char *name) {
    if (net->error || !find(net, name, ".running_var")) return x;
    int c = net_channels(net, x);
    const struct blob_tensor *gamma = take_vector(net, name, ".weight", c);
    const struct blob_tensor *beta = take_vector(net, name, ".bias", c);
    const struct blob_tensor *mean = take_vector(net, name, ".running_mean", c);
    const struct blob_tensor *var = take_vector(net, name, ".running_var", c);
    double eps = bn_epsilon(net, name);
    struct net_node *n = append(net, NET_AFFINE, name, 1, &x, c);
    if (!n || !allocate_affine(net, n)) return 0;
    for (int i = 0; i < c; i++) {
        double v = (double)var->data[i] + eps;
        if (v <= 0) {
            net_fail(net, "tensor %s holds a negative variance", var->name);
            return 0;
        }
        n->scale[i] = gamma->data[i] / sqrt(v);
        n->shift[i] = beta->data[i] - mean->data[i] * n->scale[i];
    }
    return last(net);
}

net_value net_affine(struct net *net, net_value x, const char *name) {
    int c = net_channels(net, x);
    const struct blob_tensor *weight = NULL, *bias = NULL;
    if (find(net, name, ".weight") && !(weight = take_vector(net, name, ".weight", c))) return 0;
    if (find(net, name, ".bias") && !(bias = take_vector(net, name, ".bias", c))) return 0;
    if (!weight && !bias) net_fail(net, "tensors %s.weight and %s.bias are missing", name, name);
    struct net_node *n = append(net, NET_AFFINE, name, 1, &x, c);
    if (!n || !allocate_affine(net, n)) return 0;
    for (int i = 0; i < c; i++) {
        n->scale[i] = weight ? (double)weight->data[i] : 1;
        n->shift[i] = bias ? (double)bias->data[i] : 0;
    }
    return last(net);
}

net_value net_act_with(struct net *net, net_value x, enum kern_act act, float alpha, float beta) {
    struct net_node *n = append(net, NET_ACT, "activation", 1, &x, net_channels(net, x));
    if (!n) return 0;
    n->act = act;
    n->alpha = alpha;
    n->beta = beta;
    return last(net);
}

net_value net_act(struct net *net, net_value x, enum kern_act act, float alpha) {
    return net_act_with(net, x, act, alpha, 0);
}

net_value net_relu(struct net *net, net_value x) {
    return net_act(net, x, KERN_ACT_RELU, 0);
}

net_value net_prelu(struct net *net, net_value x, const char *name) {
    const struct blob_tensor *slope = take_vector(net, name, ".weight", net_channels(net, x));
    struct net_node *n = append(net, NET_ACT, name, 1, &x, net_channels(net, x));
    if (!n) return 0;
    n->act = KERN_ACT_PRELU;
    n->slope = slope;
    return last(net);
}

static net_value of_two(struct net *net, enum net_op op, const char *name, const char *what,
                        net_value a, net_value b) {
    int channels = net_channels(net, a);
    if (channels != net_channels(net, b))
        net_fail(net, "a %s of %d and %d channels", what, channels, net_channels(net, b));
    append(net, op, name, 2, (net_value[]){a, b}, channels);
    return last(net);
}

net_value net_add(struct net *net, net_value a, net_value b) {
    return of_two(net, NET_ADD, "add", "sum", a, b);
}

net_value net_mul(struct net *net, net_value a, net_value b) {
    return of_two(net, NET_MUL, "multiply", "product", a, b);
}

net_value net_pool(struct net *net, net_value x, struct net_window window) {
    const char *name = !window.average ? "max pool"
                       : window.global ? "global average pool"
                                       : "average pool";
    if (window.count_padding && (window.ceil || window.global))
        net_fail(net, "%s counts a padding that has no end", name);
    struct net_node *n = append(net, NET_POOL, name, 1, &x, net_channels(net, x));
    if (n) n->window = window;
    return last(net);
}

net_value net_global_average(struct net *net, net_value x) {
    return net_pool(net, x, (struct net_window){.global = 1, .average = 1, .stride = 1});
}

net_value net_upsample(struct net *net, net_value x, net_value like) {
    append(net, NET_UPSAMPLE, "upsample", 2, (net_value[]){x, like}, net_channels(net, x));
    return last(net);
}

net_value net_concat(struct net *net, int n, const net_value *x) {
    int c = 0;
    for (int i = 0; i < n; i++) c += net_channels(net, x[i]);
    append(net, NET_CONCAT, "concat", n, x, c);
    return last(net);
}

net_value net_gather(struct net *net, net_value x, net_value like, const struct net_gather *g) {
    int slice = like < 0 && gather_is_slice(g), channels = net_channels(net, x);
    if (!gather_fits(g, channels)) net_fail(net, "a gather beyond %d channels", channels);
    struct net_node *n = append(net, slice ? NET_SLICE : NET_GATHER, slice ? "slice" : "gather",
                                like < 0 ? 1 : 2, (net_value[]){x, like}, gather_channels(g));
    if (n) n->gather = *g;
    return last(net);
}

void net_find_flat(const struct net *net, unsigned char *flat) {
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        flat[i] = n->inputs > 0 && n->op != NET_CONV;
        for (int j = 0; j < net_reads(n); j++) flat[i] &= flat[n->in[j]];
        flat[i] |= n->op == NET_GATHER && n->gather.rows.kind == PLACES_FLAT;
    }
}

net_value net_norm(struct net *net, net_value x, struct net_norm norm) {
    int channels = net_channels(net, x);
    if (norm.groups < 1 || channels % norm.groups)
        net_fail(net, "a normalisation of %d channels in %d groups", channels, norm.groups);
    struct net_node *n = append(net, NET_NORM, "normalisation", 1, &x, channels);
    if (n) n->norm = norm;
    return last(net);
}

net_value net_softmax(struct net *net, net_value x) {
    append(net, NET_SOFTMAX, "softmax", 1, &x, net_channels(net, x));
    return last(net);
}

net_value net_matmul(struct net *net, net_value a, net_value b, int batch, int inner) {
    int64_t one = (int64_t)batch * inner;
    int of_a = net_channels(net, a), of_b = net_channels(net, b);
    if (net->error) return 0;
    if (batch < 1 || inner < 1 || of_a % one || of_b % one) {
        net_fail(net, "a product of %d and %d channels as %d pairs of matrices of %d", of_a, of_b,
                 batch, inner);
        return 0;
    }
    struct net_matmul m = {batch, (int)(of_a / one), inner, (int)(of_b / one)};
    int64_t channels = (int64_t)batch * m.rows * m.columns;
    if (channels > INT32_MAX) net_fail(net, "a product of %lld values", (long long)channels);
    struct net_node *n = append(net, NET_MATMUL, "matmul", 2, (net_value[]){a, b}, (int)channels);
    if (n) n->matmul = m;
    return last(net);
}

void net_output(struct net *net, net_value x, const char *fmt, ...) {
    if (net->error) return;
    void *p = realloc(net->outputs, sizeof *net->outputs * (size_t)(net->noutputs + 1));
    if (!p) {
        fail_memory(net);
        return;
    }
    net->outputs = p;
    char name[64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    struct net_output *o = &net->outputs[net->noutputs];
    o->value = x;
    o->name = strdup(name);
    if (!o->name)
        fail_memory(net);
    else
        net->noutputs++;
}
