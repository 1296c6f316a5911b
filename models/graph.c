/* Any network, from the op list in its blob's metadata (docs/blob.md, "Graphs"). A node may read
 * only values made before it, so that a list has no cycles; whatever else a list may claim is
 * checked here or by the builder. */
#include "models/graph.h"

#include "engine/json_text.h"
#include "models/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_NODES = 16384,
    MOST_OUTPUTS = 64,
    MOST_PAD = 32,
    MOST_STRIDE = 16,
    MOST_DILATION = 32,
    MOST_GROUPS = 1 << 20,
    MOST_PRODUCTS = 1 << 20,
    NAME = 100
};

struct graph {
    struct net *net;
    net_value *values; /* [nodes] of the list */
    char *placed;      /* [nodes] is the value part of another? Its place is there, then */
    int count;         /* made so far */
};

int graph_whole(struct net *net, const struct graph_node *n, const char *key, int low, int high) {
    json_t *v = json_object_get(n->attributes, key);
    json_int_t i = json_integer_value(v);
    if (json_is_integer(v) && i >= low && i <= high) return (int)i;
    net_fail(net, "metadata graph: %s of %s must be a number from %d to %d", key, n->op, low, high);
    return low;
}

void graph_wholes(struct net *net, const struct graph_node *n, const char *key, int count, int low,
                  int high, int *out) {
    json_t *array = json_object_get(n->attributes, key);
    for (int i = 0; i < count; i++) {
        json_t *v = json_array_get(array, (size_t)i);
        json_int_t number = json_integer_value(v);
        if (!json_is_integer(v) || number < low || number > high ||
            json_array_size(array) != (size_t)count)
            net_fail(net, "metadata graph: %s of %s must be %d numbers from %d to %d", key, n->op,
                     count, low, high);
        out[i] = number >= low && number <= high ? (int)number : low;
    }
}

static const char *layer_name(struct net *net, const struct graph_node *n) {
    const char *name = json_string_value(json_object_get(n->attributes, "name"));
    if (name && *name && strlen(name) < NAME) return name;
    net_fail(net, "metadata graph: %s has no name of its tensors", n->op);
    return "";
}

/* pad: a number, [top, left, bottom, right], or "same". */
static void read_pad(struct net *net, const struct graph_node *n, struct net_window *w) {
    json_t *pad = json_object_get(n->attributes, "pad");
    const char *text = json_string_value(pad);
    if (text && strcmp(text, "same") == 0) {
        w->mode = NET_PAD_SAME;
        return;
    }
    int sides[4], least = MOST_PAD;
    for (size_t i = 0; i < 4; i++) {
        json_t *v = json_is_array(pad) ? json_array_get(pad, i) : pad;
        json_int_t side = json_is_integer(v) ? json_integer_value(v) : -1;
        if (side < 0 || side > MOST_PAD || (json_is_array(pad) && json_array_size(pad) != 4)) {
            net_fail(net, "metadata graph: pad of %s must be 0 to %d, four of those, or same",
                     n->op, MOST_PAD);
            return;
        }
        sides[i] = (int)side;
        if (sides[i] < least) least = sides[i];
    }
    w->pad = least;
    for (int i = 0; i < 4; i++) w->more[i] = sides[i] - least;
}

static struct net_window read_window(struct net *net, const struct graph_node *n) {
    struct net_window w = {.stride = graph_whole(net, n, "stride", 1, MOST_STRIDE)};
    read_pad(net, n, &w);
    return w;
}

static net_value make_conv(struct net *net, const struct graph_node *n) {
    int reversed = net->nodes[n->x[0]].weights.reverse_input;
    struct net_window w = read_window(net, n);
    if (json_object_get(n->attributes, "dilation"))
        w.dilation = graph_whole(net, n, "dilation", 1, MOST_DILATION);
    net_value v = net_conv_window(net, n->x[0], layer_name(net, n), w);
    if (!net->error && reversed && net->nodes[n->x[0]].op == NET_AFFINE && net->nodes[v].groups > 1)
        net_fail(net, "metadata graph: a BGR input cannot be convolved in groups");
    return v;
}

static net_value make_fc(struct net *net, const struct graph_node *n) {
    return net_fc(net, n->x[0], layer_name(net, n),
                  graph_whole(net, n, "height", 1, NET_MAX_KERNEL),
                  graph_whole(net, n, "width", 1, NET_MAX_KERNEL));
}

static net_value make_bn(struct net *net, const struct graph_node *n) {
    const char *name = layer_name(net, n);
    if (!net_has(net, "%s.running_var", name))
        net_fail(net, "tensor %s.running_var is missing", name);
    return net_bn(net, n->x[0], name);
}

static net_value make_affine(struct net *net, const struct graph_node *n) {
    return net_affine(net, n->x[0], layer_name(net, n));
}

static net_value make_prelu(struct net *net, const struct graph_node *n) {
    return net_prelu(net, n->x[0], layer_name(net, n));
}

static const struct curve {
    const char *op;
    enum kern_act act;
    const char *parameters[2]; /* attributes that are its alpha and beta; NULL: it has none */
} curves[] = {
    {"relu", KERN_ACT_RELU, {NULL, NULL}},
    {"leaky", KERN_ACT_LEAKY, {"alpha", NULL}},
    {"sigmoid", KERN_ACT_SIGMOID, {NULL, NULL}},
    {"clip", KERN_ACT_CLIP, {"low", "high"}},
    {"hard_sigmoid", KERN_ACT_HARD_SIGMOID, {"alpha", "beta"}},
    {"hard_swish", KERN_ACT_HARD_SWISH, {"alpha", "beta"}},
    {"silu", KERN_ACT_SILU, {NULL, NULL}},
    {"tanh", KERN_ACT_TANH, {NULL, NULL}},
    {"gelu", KERN_ACT_GELU, {NULL, NULL}},
    {"mish", KERN_ACT_MISH, {NULL, NULL}},
    {"erf", KERN_ACT_ERF, {NULL, NULL}},
    {"exp", KERN_ACT_EXP, {NULL, NULL}},
    {"root", KERN_ACT_ROOT, {NULL, NULL}},
    {"inverse", KERN_ACT_INVERSE, {NULL, NULL}},
};

static const struct curve *find_curve(const char *op) {
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (strcmp(curves[i].op, op) == 0) return &curves[i];
    return NULL;
}

static net_value make_curve(struct net *net, const struct graph_node *n) {
    const struct curve *c = find_curve(n->op);
    float parameters[2] = {0, 0};
    for (int i = 0; i < 2 && c->parameters[i]; i++) {
        json_t *v = json_object_get(n->attributes, c->parameters[i]);
        if (!json_is_number(v) || !(fabs(json_number_value(v)) <= 1e30))
            net_fail(net, "metadata graph: %s of %s must be a number from -1e30 to 1e30",
                     c->parameters[i], n->op);
        parameters[i] = (float)json_number_value(v);
    }
    return net_act_with(net, n->x[0], c->act, parameters[0], parameters[1]);
}

static net_value make_add(struct net *net, const struct graph_node *n) {
    return net_add(net, n->x[0], n->x[1]);
}

static net_value make_mul(struct net *net, const struct graph_node *n) {
    return net_mul(net, n->x[0], n->x[1]);
}

static net_value pool(struct net *net, const struct graph_node *n, int average) {
    struct net_window w = read_window(net, n);
    json_t *kernel = json_object_get(n->attributes, "kernel");
    json_int_t h = json_integer_value(json_array_get(kernel, 0));
    json_int_t width = json_integer_value(json_array_get(kernel, 1));
    if (h < 1 || h > NET_MAX_KERNEL || width < 1 || width > NET_MAX_KERNEL)
        net_fail(net, "metadata graph: kernel of %s must be two numbers from 1 to %d", n->op,
                 NET_MAX_KERNEL);
    w.kh = (int)h;
    w.kw = (int)width;
    /* A window outside the map would have neither a maximum nor an average. */
    for (int i = 0; i < 4; i++)
        if (w.pad + w.more[i] >= (i % 2 ? w.kw : w.kh))
            net_fail(net, "metadata graph: pad of %s must be less than its kernel", n->op);
    w.ceil = json_is_true(json_object_get(n->attributes, "ceil"));
    w.average = average;
    w.count_padding = average && json_is_true(json_object_get(n->attributes, "count_padding"));
    return net_pool(net, n->x[0], w);
}

static net_value make_max_pool(struct net *net, const struct graph_node *n) {
    return pool(net, n, 0);
}

static net_value make_average_pool(struct net *net, const struct graph_node *n) {
    return pool(net, n, 1);
}

static net_value make_global_average(struct net *net, const struct graph_node *n) {
    return net_global_average(net, n->x[0]);
}

static net_value make_global_max(struct net *net, const struct graph_node *n) {
    return net_pool(net, n->x[0], (struct net_window){.global = 1, .stride = 1});
}

static net_value make_upsample(struct net *net, const struct graph_node *n) {
    return net_upsample(net, n->x[0], n->x[1]);
}

static net_value make_concat(struct net *net, const struct graph_node *n) {
    return net_concat(net, n->inputs, n->x);
}

static net_value make_norm(struct net *net, const struct graph_node *n) {
    json_t *epsilon = json_object_get(n->attributes, "epsilon");
    struct net_norm norm = {.groups = graph_whole(net, n, "groups", 1, MOST_GROUPS),
                            .pixels = strcmp(n->op, "norm_pixels") == 0,
                            .epsilon = (float)json_number_value(epsilon)};
    if (!(norm.epsilon > 0 && norm.epsilon <= 1))
        net_fail(net, "metadata graph: epsilon of %s must be above 0 and at most 1", n->op);
    return net_norm(net, n->x[0], norm);
}

static net_value make_softmax(struct net *net, const struct graph_node *n) {
    return net_softmax(net, n->x[0]);
}

static net_value make_matmul(struct net *net, const struct graph_node *n) {
    return net_matmul(net, n->x[0], n->x[1], graph_whole(net, n, "batch", 1, MOST_PRODUCTS),
                      graph_whole(net, n, "inner", 1, MOST_PRODUCTS));
}

static const struct graph_maker makers[] = {
    {"conv", 1, 1, make_conv},
    {"fc", 1, 1, make_fc},
    {"bn", 1, 1, make_bn},
    {"affine", 1, 1, make_affine},
    {"prelu", 1, 1, make_prelu},
    {"add", 2, 2, make_add},
    {"mul", 2, 2, make_mul},
    {"max_pool", 1, 1, make_max_pool},
    {"average_pool", 1, 1, make_average_pool},
    {"global_average", 1, 1, make_global_average},
    {"global_max", 1, 1, make_global_max},
    {"upsample", 2, 2, make_upsample},
    {"concat", 2, NET_MAX_INPUTS, make_concat},
    {"norm_map", 1, 1, make_norm},
    {"norm_pixels", 1, 1, make_norm},
    {"softmax", 1, 1, make_softmax},
    {"matmul", 2, 2, make_matmul},
};

/* NULL: there is no such operator. */
static const struct graph_maker *find_maker(const char *op) {
    static const struct graph_maker curve = {"a curve", 1, 1, make_curve};
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        if (strcmp(makers[i].op, op) == 0) return &makers[i];
    for (const struct graph_maker *m = graph_gathers; m->op; m++)
        if (strcmp(m->op, op) == 0) return m;
    return find_curve(op) ? &curve : NULL;
}

/* A value of its own: one that is part of a concatenation lies there and nowhere else. */
static net_value copy(struct net *net, net_value x) {
    return net_act(net, x, KERN_ACT_NONE, 0);
}

/* Reads [op, [inputs], {attributes}]; 0 where it is none. */
static int read_node(struct graph *g, json_t *j, struct graph_node *n) {
    json_t *inputs = json_array_get(j, 1);
    n->op = json_string_value(json_array_get(j, 0));
    n->attributes = json_array_get(j, 2);
    n->inputs = 0;
    if (!n->op || strlen(n->op) >= NAME || !json_is_array(inputs) ||
        json_array_size(inputs) > NET_MAX_INPUTS || !json_is_object(n->attributes)) {
        net_fail(g->net, "metadata graph: node %d is not [op, [inputs], {attributes}]", g->count);
        return 0;
    }
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        json_t *v = json_array_get(inputs, i);
        json_int_t from = json_integer_value(v);
        if (!json_is_integer(v) || from < 0 || from >= g->count) {
            net_fail(g->net, "metadata graph: node %d reads a value that is not before it",
                     g->count);
            return 0;
        }
        n->from[n->inputs] = (int)from;
        n->x[n->inputs++] = g->values[from];
    }
    return 1;
}

static void add_node(struct graph *g, json_t *j) {
    struct net *net = g->net;
    struct graph_node n;
    if (!read_node(g, j, &n)) return;
    const struct graph_maker *maker = find_maker(n.op);
    if (!maker || n.inputs < maker->least || n.inputs > maker->most) {
        net_fail(net, "metadata graph: node %d: there is no operator %s of %d inputs", g->count,
                 n.op, n.inputs);
        return;
    }
    for (int i = 0; i < n.inputs; i++) {
        if (n.from[i] == 0 && net->nodes[g->values[0]].weights.reverse_input &&
            maker->make != make_conv)
            net_fail(net, "metadata graph: a BGR input can be read by convolutions only");
        if (maker->make != make_concat) continue;
        if (g->placed[n.from[i]]) n.x[i] = copy(net, n.x[i]);
        g->placed[n.from[i]] = 1;
    }
    net_value v = maker->make(net, &n);
    if (!net->error) g->placed[g->count] = net->nodes[v].op == NET_SLICE;
    g->values[g->count++] = v;
}

static void add_output(struct graph *g, json_t *j, size_t number) {
    const char *name = json_string_value(json_array_get(j, 0));
    json_t *v = json_array_get(j, 1);
    json_int_t from = json_integer_value(v);
    if (!name || !*name || strlen(name) >= 64 || !json_is_integer(v) || from < 1 ||
        from >= g->count) {
        net_fail(g->net, "metadata graph: output %zu is not [name, node]", number);
        return;
    }
    for (int i = 0; i < g->net->noutputs; i++)
        if (strcmp(g->net->outputs[i].name, name) == 0)
            net_fail(g->net, "metadata graph: two outputs are called %s", name);
    net_value x = g->values[from];
    net_output(g->net, g->placed[from] ? copy(g->net, x) : x, "%s", name);
}

static void read_sizes(struct net *net, json_t *j) {
    const char *size = json_string_value(json_object_get(j, "size"));
    json_int_t step = json_integer_value(json_object_get(j, "multiple_of"));
    net->dynamic_size = size && strcmp(size, "any") == 0;
    if (!net->dynamic_size && (!size || strcmp(size, "fixed") != 0))
        net_fail(net, "metadata graph: size must be any or fixed");
    if (step < 1 || step > 1024)
        net_fail(net, "metadata graph: multiple_of must be a number from 1 to 1024");
    net->min_stride = (int)step;
}

static void read_graph(struct graph *g, json_t *j) {
    json_t *nodes = json_object_get(j, "nodes"), *outputs = json_object_get(j, "outputs");
    size_t count = json_array_size(nodes);
    const char *first = json_string_value(json_array_get(json_array_get(nodes, 0), 0));
    if (count < 2 || count > MOST_NODES || !first || strcmp(first, "input") != 0) {
        net_fail(g->net, "metadata graph: nodes must be 2 to %d, the first of them input",
                 MOST_NODES);
        return;
    }
    if (json_array_size(outputs) < 1 || json_array_size(outputs) > MOST_OUTPUTS) {
        net_fail(g->net, "metadata graph: outputs must be 1 to %d", MOST_OUTPUTS);
        return;
    }
    g->values = calloc(count, sizeof *g->values);
    g->placed = calloc(count, 1);
    if (!g->values || !g->placed) {
        net_fail(g->net, "out of memory");
        return;
    }
    read_sizes(g->net, j);
    g->values[g->count++] = net_input(g->net);
    for (size_t i = 1; i < count && !g->net->error; i++) add_node(g, json_array_get(nodes, i));
    for (size_t i = 0; i < json_array_size(outputs) && !g->net->error; i++)
        add_output(g, json_array_get(outputs, i), i);
}

void build_graph(struct net *net, json_t *variant) {
    const char *text = blob_meta(net->blob, "graph");
    json_t *j = text ? json_text(text, NULL) : NULL;
    struct graph g = {.net = net};
    (void)variant;
    if (json_is_object(j))
        read_graph(&g, j);
    else
        net_fail(net, "metadata graph is missing or no JSON object");
    free(g.values);
    free(g.placed);
    json_decref(j);
}
