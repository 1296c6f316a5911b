/* The networks of graphs.h: each pattern the engine treats specially, and random graphs. */
#include "tests/engine/graphs.h"

#include "engine/err.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct net *graphs_build(const struct blob *blob, graphs_fn *fn) {
    struct net *net;
    assert_int_equal(net_new(blob, &net), 0);
    fn(net);
    if (net_finish(net) != 0) fail_msg("%s", err_text());
    return net;
}

void graphs_run(const struct net *net, const float *input, int batch, int h, int w, int threads,
                const char *kernels, const struct backend_observer *observer, float **out) {
    struct backend_options opt = {.threads = threads, .kernels = kernels};
    struct backend *backend;
    struct backend_weights *weights;
    struct plan_graph *graph;
    struct backend_plan *plan;
    if (cpu_backend.open(&opt, &backend) || cpu_backend.load(backend, net, &weights) ||
        plan_make(net, NULL, batch, w, h, &graph) ||
        cpu_backend.plan(backend, weights, graph, &plan))
        fail_msg("%s", err_text());
    for (int i = 0; i < net->noutputs; i++) {
        const struct plan_view *v = &graph->outputs[i];
        out[i] = malloc((size_t)batch * (size_t)v->h * (size_t)v->w * (size_t)v->c * sizeof(float));
    }
    struct backend_floats floats = {input, w, h, 3};
    struct backend_input in = {.rows = backend_floats_rows, .context = &floats};
    for (int round = 0; round < 2; round++) /* twice: the second meets a used arena */
        assert_int_equal(cpu_backend.run(plan, &in, out, round ? observer : NULL), 0);
    cpu_backend.close(backend, weights, plan);
    plan_free(graph);
}

double graphs_error(const struct oracle_value *want, const float *got) {
    double error = 0, norm = 1e-30;
    int n = want->h * want->w * want->c;
    for (int k = 0; k < n; k++) {
        error += ((double)got[k] - want->data[k]) * ((double)got[k] - want->data[k]);
        norm += want->data[k] * want->data[k];
    }
    return sqrt(error / norm);
}

const struct net_node *graphs_node(const struct net *net, net_value before) {
    int node = net_numbered(net, before);
    if (node < 0) fail_msg("value %d was folded into another", before);
    return &net->nodes[node];
}

size_t graphs_count(const struct oracle_value *v) {
    return (size_t)v->h * (size_t)v->w * (size_t)v->c;
}

static const char *const meta = "\"bn_eps\":\"{\\\"\\\":0.001,\\\"b\\\":1e-05}\"";

/* The stem: BGR, mean and scale, 7x7 stride 2, batch norm, ReLU, max pool with padding. */
static void stem(struct net *net) {
    net_value x = net_relu(net, net_bn(net, net_conv(net, net_input(net), "c", 2, 3), "b"));
    x = net_pool(net, x, (struct net_window){.kh = 3, .kw = 3, .stride = 2, .pad = 1});
    net_output(net, x, "y");
}

void graphs_stem(graphs_check *check) {
    for (int size = 16; size < 20; size++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c.weight", -0.2f, 0.2f, 13, 3, 7, 7);
        blobmaker_tensor(&m, "c.bias", -1, 1, 13, 0, 0, 0);
        blobmaker_bn(&m, "b", 13);
        check(&m, stem, size, 37 - size, "stem");
    }
}

/* IResNet's block: the batch norm before a padded convolution, whose shift the border must not see.
 */
static void border(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    x = net_pool(net, x, (struct net_window){.kh = 2, .kw = 2, .stride = 2});
    net_value y = net_conv(net, net_bn(net, x, "b1"), "c1", 1, 1);
    net_output(net, net_prelu(net, net_bn(net, y, "b2"), "p"), "same");
    net_output(net, net_conv(net, net_bn(net, x, "b1"), "c2", 2, 1), "half");
}

void graphs_border_bias(graphs_check *check) {
    static const int sizes[][2] = {{16, 16}, {16, 19}, {18, 23}, {25, 16}, {21, 30}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct blobmaker m;
        blobmaker_open(&m, 100 + i);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.3f, 0.3f, 6, 3, 3, 3);
        blobmaker_bn(&m, "b1", 6);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 9, 6, 3, 3);
        blobmaker_bn(&m, "b2", 9);
        blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 9, 0, 0, 0);
        blobmaker_tensor(&m, "c2.weight", -0.3f, 0.3f, 5, 6, 3, 3);
        check(&m, border, sizes[i][0], sizes[i][1], "border bias");
    }
}

/* Maps of one row, one column, one pixel: every tap but the middle may lie outside at once. */
void graphs_border_bias_thin(graphs_check *check) {
    static const int sizes[][2] = {{16, 16}, {16, 32}, {32, 16}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct blobmaker m;
        blobmaker_open(&m, 200 + i);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.1f, 0.1f, 6, 3, 9, 9);
        blobmaker_bn(&m, "b1", 6);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 9, 6, 3, 3);
        blobmaker_bn(&m, "b2", 9);
        blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 9, 0, 0, 0);
        blobmaker_tensor(&m, "c2.weight", -0.3f, 0.3f, 5, 6, 3, 3);
        check(&m, border, sizes[i][0], sizes[i][1], "thin border bias");
    }
}

/* An FPN level and its head: lateral with activation, upsampled sum, concatenation whose parts have
 * other readers, logits to a score. */
static void fpn(struct net *net) {
    net_value fine = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    net_value coarse = net_relu(net, net_conv(net, fine, "c1", 2, 1));
    net_value a = net_act(net, net_conv(net, fine, "l0", 1, 0), KERN_ACT_LEAKY, 0.1f);
    net_value b = net_act(net, net_conv(net, coarse, "l1", 1, 0), KERN_ACT_LEAKY, 0.1f);
    a = net_add(net, a, net_upsample(net, b, a));
    net_value p = net_conv(net, a, "h0", 1, 1), q = net_relu(net, net_conv(net, a, "h1", 1, 1));
    net_value r = net_conv(net, q, "h2", 1, 1);
    net_value c = net_concat(net, 3, (net_value[]){net_relu(net, p), q, r});
    net_value s = net_conv_difference(net, c, "score", 1, 0);
    net_output(net, net_act(net, s, KERN_ACT_SIGMOID, 0), "score");
    net_output(net, net_conv(net, c, "box", 1, 1), "box");
    net_output(net, b, "coarse");
}

void graphs_fpn(graphs_check *check) {
    for (int size = 24; size < 29; size++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.3f, 0.3f, 7, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 10, 7, 3, 3);
        blobmaker_tensor(&m, "l0.weight", -0.3f, 0.3f, 12, 7, 1, 1);
        blobmaker_tensor(&m, "l1.weight", -0.3f, 0.3f, 12, 10, 1, 1);
        blobmaker_tensor(&m, "h0.weight", -0.3f, 0.3f, 6, 12, 3, 3);
        blobmaker_tensor(&m, "h1.weight", -0.3f, 0.3f, 3, 12, 3, 3);
        blobmaker_tensor(&m, "h2.weight", -0.3f, 0.3f, 3, 3, 3, 3);
        blobmaker_tensor(&m, "score.weight", -0.3f, 0.3f, 4, 12, 1, 1);
        blobmaker_tensor(&m, "score.bias", -0.3f, 0.3f, 4, 0, 0, 0);
        blobmaker_tensor(&m, "box.weight", -0.3f, 0.3f, 8, 12, 3, 3);
        check(&m, fpn, size, 51 - size, "fpn");
    }
}

/* TensorFlow's paddings, separable and grouped convolutions, a fully connected layer, softmax. */
static void tensorflow(struct net *net) {
    net_value x = net_relu(net, net_conv_same(net, net_input(net), "c0", 2));
    net_value y = net_separable_same(net, net_relu(net, x), "s");
    y = net_pool(net, y, (struct net_window){.kh = 3, .kw = 3, .stride = 2, .mode = NET_PAD_SAME});
    y = net_add(net, y, net_conv_same(net, x, "e", 2));
    y = net_relu(net, net_conv_same(net, y, "g", 2));
    y = net_pool(net, y,
                 (struct net_window){.kh = 2, .kw = 2, .stride = 2, .ceil = 1, .average = 1});
    net_output(net, net_softmax(net, net_fc(net, y, "f", 2, 2)), "prob");
    net_output(net, net_global_average(net, y), "mean");
}

void graphs_tensorflow(graphs_check *check) {
    for (int size = 17; size < 25; size += 7) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.3f, 0.3f, 8, 3, 3, 3);
        blobmaker_tensor(&m, "s.depthwise.weight", -0.3f, 0.3f, 8, 1, 3, 3);
        blobmaker_tensor(&m, "s.pointwise.weight", -0.3f, 0.3f, 12, 8, 1, 1);
        blobmaker_tensor(&m, "s.bias", -0.3f, 0.3f, 12, 0, 0, 0);
        blobmaker_tensor(&m, "e.weight", -0.3f, 0.3f, 12, 8, 1, 1);
        blobmaker_tensor(&m, "g.weight", -0.3f, 0.3f, 18, 2, 3, 3);
        blobmaker_tensor(&m, "f.weight", -0.3f, 0.3f, 11, 18 * 4, 0, 0);
        blobmaker_tensor(&m, "f.bias", -0.3f, 0.3f, 11, 0, 0, 0);
        check(&m, tensorflow, size, size, "tensorflow");
    }
}

/* Enough channels for Winograd: tiles that end outside the map, border biases, a residual, a slice.
 */
static void wide(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 1, 1));
    net_value y = net_conv(net, net_bn(net, x, "b1"), "c1", 1, 1);
    y = net_prelu(net, net_bn(net, y, "b2"), "p");
    net_value z = net_relu(net, net_add(net, net_conv(net, y, "c2", 1, 1), x));
    net_value parts[] = {y, z};
    net_output(net, net_conv(net, net_concat(net, 2, parts), "c3", 1, 1), "y");
    net_output(net, net_conv(net, z, "c4", 1, 1), "z");
}

void graphs_wide(graphs_check *check) {
    for (int size = 16; size < 24; size++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.2f, 0.2f, 18, 3, 3, 3);
        blobmaker_bn(&m, "b1", 18);
        blobmaker_tensor(&m, "c1.weight", -0.2f, 0.2f, 37, 18, 3, 3);
        blobmaker_bn(&m, "b2", 37);
        blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 37, 0, 0, 0);
        blobmaker_tensor(&m, "c2.weight", -0.2f, 0.2f, 18, 37, 3, 3);
        blobmaker_tensor(&m, "c3.weight", -0.2f, 0.2f, 16, 55, 3, 3);
        blobmaker_tensor(&m, "c4.weight", -0.2f, 0.2f, 33, 18, 3, 3);
        check(&m, wide, size, 39 - size, "wide");
    }
}

/* Many channels on few pixels: a step is cut by columns of its output, and so are its residual and
 * the vectors of its epilogue. A depthwise layer that its 1x1 runs. */
static void deep(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 4, 1));
    x = net_prelu(net, net_conv(net, x, "c1", 1, 0), "p");
    net_value y = net_conv(net, net_relu(net, net_conv(net, x, "c2", 1, 1)), "c3", 1, 0);
    x = net_add(net, x,
                y); /* with values below zero: the depthwise layer must know where zero is */
    y = net_conv(net, net_relu(net, net_conv(net, x, "d", 1, 1)), "c4", 1, 0);
    x = net_add(net, x, y);
    net_output(net, net_fc(net, net_global_average(net, net_conv(net, x, "c5", 1, 0)), "f", 1, 1),
               "y");
}

void graphs_deep(graphs_check *check) {
    for (int size = 16; size < 29; size += 4) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.2f, 0.2f, 16, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.4f, 0.4f, 200, 16, 1, 1);
        blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 200, 0, 0, 0);
        blobmaker_tensor(&m, "c2.weight", -0.1f, 0.1f, 48, 200, 3, 3);
        blobmaker_tensor(&m, "c3.weight", -0.3f, 0.3f, 200, 48, 1, 1);
        blobmaker_tensor(&m, "d.weight", -0.3f, 0.3f, 200, 1, 3, 3);
        blobmaker_tensor(&m, "d.bias", -1, 1, 200, 0, 0, 0);
        blobmaker_tensor(&m, "c4.weight", -0.1f, 0.1f, 200, 200, 1, 1);
        blobmaker_tensor(&m, "c5.weight", -0.1f, 0.1f, 65, 200, 1, 1);
        blobmaker_tensor(&m, "f.weight", -0.1f, 0.1f, 10, 65, 0, 0);
        check(&m, deep, size, 44 - size, "deep");
    }
}

/* Every activation: behind a convolution, alone, and behind one that a 1x1 runs. */
static const enum kern_act curves[] = {KERN_ACT_CLIP, KERN_ACT_HARD_SIGMOID, KERN_ACT_HARD_SWISH,
                                       KERN_ACT_SILU, KERN_ACT_TANH,         KERN_ACT_GELU,
                                       KERN_ACT_MISH, KERN_ACT_ERF,          KERN_ACT_SIGMOID};
enum { CURVES = sizeof curves / sizeof curves[0] };

static void activations(struct net *net) {
    net_value x = net_conv(net, net_input(net), "c0", 2, 1);
    for (int i = 0; i < CURVES; i++) {
        net_value y = net_act_with(net, x, curves[i], 0.2f, 0.7f);
        y = net_act_with(net, net_conv(net, y, "d", 1, 1), curves[i], 0.2f, 0.7f);
        y = net_act_with(net, net_conv(net, y, "p", 1, 0), curves[i], 0.2f, 0.7f);
        net_output(net, y, "y%d", i);
    }
    net_value y = net_act_with(net, net_conv(net, x, "p", 1, 0), KERN_ACT_CLIP, 0.5f, 2);
    net_output(net, net_act(net, y, KERN_ACT_EXP, 0), "exp");
    net_output(net, net_act(net, y, KERN_ACT_ROOT, 0), "root");
    net_output(net, net_act(net, y, KERN_ACT_INVERSE, 0), "inverse");
}

void graphs_activations(graphs_check *check) {
    struct blobmaker m;
    blobmaker_open(&m, 300);
    blobmaker_meta(&m, meta);
    blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 22, 3, 3, 3);
    blobmaker_tensor(&m, "d.weight", -0.9f, 0.9f, 22, 1, 3, 3);
    blobmaker_tensor(&m, "p.weight", -0.9f, 0.9f, 37, 22, 1, 1);
    check(&m, activations, 18, 23, "activations");
}

/* Squeeze and excitation as MobileNetV3 and EfficientNet have it, a sum with a map of one pixel,
 * and products of maps, behind a convolution and alone. */
static void gates(struct net *net) {
    net_value x = net_act(net, net_conv(net, net_input(net), "c0", 2, 1), KERN_ACT_SILU, 0);
    net_value d = net_act(net, net_conv(net, x, "d", 1, 1), KERN_ACT_SILU, 0);
    net_value s =
        net_act(net, net_conv(net, net_global_average(net, d), "s1", 1, 0), KERN_ACT_SILU, 0);
    s = net_act(net, net_conv(net, s, "s2", 1, 0), KERN_ACT_SIGMOID, 0);
    x = net_add(net, net_conv(net, net_mul(net, d, s), "p", 1, 0), x);
    net_value y = net_mul(net, net_act(net, net_conv(net, x, "c1", 1, 1), KERN_ACT_TANH, 0), x);
    net_output(net, net_relu(net, net_mul(net, net_conv(net, y, "c1", 1, 1), s)), "gated");
    net_output(net, net_add(net, s, x), "shifted");
    net_output(net, net_affine(net, net_mul(net, y, x), "a"), "product");
}

void graphs_gates(graphs_check *check) {
    for (int width = 20; width < 26; width++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)width);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 24, 3, 3, 3);
        blobmaker_tensor(&m, "d.weight", -0.5f, 0.5f, 24, 1, 3, 3);
        blobmaker_tensor(&m, "s1.weight", -0.5f, 0.5f, 6, 24, 1, 1);
        blobmaker_tensor(&m, "s1.bias", -0.5f, 0.5f, 6, 0, 0, 0);
        blobmaker_tensor(&m, "s2.weight", -0.5f, 0.5f, 24, 6, 1, 1);
        blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 24, 24, 1, 1);
        blobmaker_tensor(&m, "c1.weight", -0.1f, 0.1f, 24, 24, 3, 3);
        blobmaker_tensor(&m, "a.weight", -1, 1, 24, 0, 0, 0);
        blobmaker_tensor(&m, "a.bias", -1, 1, 24, 0, 0, 0);
        check(&m, gates, 16, width, "gates");
    }
}

/* Dilated windows and paddings of unequal sides, of every kind of convolution and pool. */
static void dilated(struct net *net) {
    struct net_window atrous = {.stride = 1, .pad = 2, .dilation = 2};
    struct net_window wide = {.stride = 2, .pad = 3, .dilation = 3};
    struct net_window uneven = {.stride = 2, .more = {0, 0, 1, 1}};
    struct net_window average = {
        .kh = 3, .kw = 2, .stride = 2, .average = 1, .count_padding = 1, .more = {1, 0, 2, 1}};
    net_value picture = net_input(net);
    net_value x = net_relu(net, net_conv_window(net, picture, "c0", uneven));
    net_value y = net_relu(net, net_conv_window(net, x, "c1", atrous));
    y = net_add(
        net, y,
        net_conv_window(net, net_bn(net, y, "b"), "c2",
                        (struct net_window){.stride = 1, .dilation = 2, .more = {1, 2, 3, 2}}));
    net_output(net, net_conv(net, net_relu(net, net_conv_window(net, y, "d", wide)), "p", 1, 0),
               "separable");
    net_output(net, net_conv_window(net, y, "g", wide), "grouped");
    net_output(net, net_pool(net, y, average), "average");
    average.average = average.count_padding = 0;
    net_output(net, net_pool(net, y, average), "maximum");
    net_output(net, net_conv_window(net, picture, "c3", atrous), "picture");
}

void graphs_dilated(graphs_check *check) {
    for (int size = 16; size < 21; size++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 20, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.2f, 0.2f, 20, 20, 3, 3);
        blobmaker_bn(&m, "b", 20);
        blobmaker_tensor(&m, "c2.weight", -0.2f, 0.2f, 20, 20, 3, 3);
        blobmaker_tensor(&m, "c3.weight", -0.02f, 0.02f, 5, 3, 3, 3);
        blobmaker_tensor(&m, "d.weight", -0.5f, 0.5f, 20, 1, 3, 3);
        blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 9, 20, 1, 1);
        blobmaker_tensor(&m, "g.weight", -0.3f, 0.3f, 10, 4, 3, 3);
        check(&m, dilated, size, 37 - size, "dilated");
    }
}

/* The average of a map so large that its channels are shared among tasks. */
static void large_average(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c", 2, 1));
    x = net_global_average(net, x);
    net_output(net, x, "mean");
    net_output(net, net_conv(net, x, "p", 1, 0), "y");
}

void graphs_large_average(graphs_check *check) {
    struct blobmaker m;
    blobmaker_open(&m, 400);
    blobmaker_meta(&m, meta);
    blobmaker_tensor(&m, "c.weight", -0.02f, 0.02f, 37, 3, 3, 3);
    blobmaker_tensor(&m, "p.weight", -0.3f, 0.3f, 9, 37, 1, 1);
    check(&m, large_average, 96, 100, "large average");
}

/* Maxima of depthwise convolutions: alone, of blocks that leave a rest of the map, of a convolution
 * with a stride; and such as others read, too, or whose windows overlap. */
static void pooled(struct net *net) {
    const struct net_window two = {.kh = 2, .kw = 2, .stride = 2};
    const struct net_window three = {.kh = 3, .kw = 3, .stride = 3};
    const struct net_window over = {.kh = 3, .kw = 3, .stride = 2, .pad = 1};
    net_value x = net_relu(net, net_conv(net, net_input(net), "c", 1, 1));
    net_value y = net_pool(net, net_relu(net, net_conv(net, x, "d0", 1, 1)), two);
    net_output(net, net_relu(net, net_pool(net, net_conv(net, y, "d1", 2, 1), two)), "twice");
    net_output(net, net_pool(net, net_bn(net, net_conv(net, x, "d2", 1, 1), "b"), three), "three");
    net_output(net, net_pool(net, net_conv(net, x, "d3", 1, 1), over), "over");
    y = net_conv(net, x, "d4", 1, 1);
    net_output(net, net_pool(net, y, two), "shared");
    net_output(net, y, "as is");
}

void graphs_pooled(graphs_check *check) {
    for (int size = 16; size < 22; size++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c.weight", -0.02f, 0.02f, 20, 3, 3, 3);
        blobmaker_bn(&m, "b", 20);
        for (int i = 0; i < 5; i++) {
            char name[16];
            snprintf(name, sizeof name, "d%d.weight", i);
            blobmaker_tensor(&m, name, -0.5f, 0.5f, 20, 1, 3, 3);
        }
        check(&m, pooled, size, 38 - size, "pooled");
    }
}

/* Padding that differs from side to side; kernels of one row and of one column; a grouped
 * convolution with as many outputs as groups, and a depthwise one with border biases, each before a
 * 1x1. */
static void uneven(struct net *net) {
    net_value x = net_conv_window(net, net_input(net), "c0",
                                  (struct net_window){.stride = 2, .more = {0, 0, 1, 1}});
    net_value y = net_relu(
        net, net_conv_window(net, x, "c1", (struct net_window){.stride = 1, .more = {0, 2, 0, 1}}));
    net_output(net, net_conv(net, net_conv(net, y, "g", 1, 1), "c3", 1, 0), "grouped");
    y = net_conv_window(net, x, "c2",
                        (struct net_window){.stride = 1, .pad = 1, .more = {1, 0, 0, 0}});
    net_value p = net_pool(
        net, y,
        (struct net_window){.kh = 3, .kw = 2, .stride = 2, .more = {0, 1, 2, 0}, .average = 1});
    p = net_pool(net, p, (struct net_window){.kh = 2, .kw = 2, .stride = 1, .more = {1, 0, 0, 1}});
    net_value d = net_conv(net, net_bn(net, p, "b"), "d", 1, 1);
    net_output(net, net_conv(net, d, "c4", 1, 0), "border");
}

void graphs_uneven(graphs_check *check) {
    for (int size = 16; size < 25; size += 4) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c0.weight", -0.3f, 0.3f, 6, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 6, 6, 1, 3);
        blobmaker_tensor(&m, "c2.weight", -0.3f, 0.3f, 6, 6, 3, 3);
        blobmaker_tensor(&m, "g.weight", -0.3f, 0.3f, 2, 3, 3, 3);
        blobmaker_tensor(&m, "c3.weight", -0.3f, 0.3f, 5, 2, 1, 1);
        blobmaker_bn(&m, "b", 6);
        blobmaker_tensor(&m, "d.weight", -0.3f, 0.3f, 6, 1, 3, 3);
        blobmaker_tensor(&m, "c4.weight", -0.3f, 0.3f, 5, 6, 1, 1);
        check(&m, uneven, size, 40 - size, "uneven");
    }
}

enum { RANDOM_NODES = 14, CHANNELS = 8 };
static uint64_t random_seed; /* both builds of one graph must take the same decisions */

/* One operation on earlier values of one size; names give the tensors, made beforehand. */
static net_value random_node(struct net *net, struct blobmaker *r, const net_value *v, int n,
                             int i) {
    char name[16], norm[16];
    snprintf(name, sizeof name, "n%d", i);
    snprintf(norm, sizeof norm, "b%d", i);
    net_value x = v[blobmaker_int(r, 0, n - 1)], y = v[blobmaker_int(r, 0, n - 1)];
    switch (blobmaker_int(r, 0, 8)) {
    case 0: return net_conv(net, x, name, 1, 1);
    case 1: return net_bn(net, x, norm);
    case 2: return net_relu(net, x);
    case 3: return net_add(net, x, y);
    case 4: return net_conv(net, net_bn(net, x, norm), name, 1, 1);
    case 5:
        return net_act(net, net_bn(net, net_conv(net, x, name, 1, 1), norm), KERN_ACT_LEAKY, 0.2f);
    case 6: return net_act_with(net, x, curves[blobmaker_int(r, 0, CURVES - 1)], 0.3f, 0.8f);
    case 7: /* a gate, so that values stay of one size */
        x = net_mul(net, x, net_act(net, net_global_average(net, y), KERN_ACT_SIGMOID, 0));
        return blobmaker_int(r, 0, 1) ? x : net_conv(net, x, name, 1, 1);
    default: return net_relu(net, net_add(net, net_conv(net, x, name, 1, 1), y));
    }
}

static void random_graph(struct net *net) {
    struct blobmaker r = {.state = random_seed};
    net_value v[RANDOM_NODES + 1] = {net_relu(net, net_conv(net, net_input(net), "c", 2, 1))};
    for (int i = 0; i < RANDOM_NODES; i++) v[i + 1] = random_node(net, &r, v, i + 1, i);
    net_output(net, v[RANDOM_NODES], "last");
    net_output(net, v[RANDOM_NODES / 2], "middle");
    memset(net->used, 1, (size_t)blob_count(net->blob)); /* not every tensor has a layer */
}

void graphs_random(int count, graphs_check *check) {
    for (uint64_t seed = 1; seed <= (uint64_t)count; seed++) {
        struct blobmaker m;
        blobmaker_open(&m, seed);
        blobmaker_meta(&m, meta);
        blobmaker_tensor(&m, "c.weight", -0.3f, 0.3f, CHANNELS, 3, 3, 3);
        for (int i = 0; i < RANDOM_NODES; i++) {
            char name[32];
            snprintf(name, sizeof name, "b%d", i);
            blobmaker_bn(&m, name, CHANNELS);
            snprintf(name, sizeof name, "n%d.weight", i);
            blobmaker_tensor(&m, name, -0.2f, 0.2f, CHANNELS, CHANNELS, 3, 3);
        }
        random_seed = seed * 7919 | 1;
        char what[64];
        snprintf(what, sizeof what, "random graph, seed %d", (int)seed);
        check(&m, random_graph, 16 + (int)(seed % 5), 18 + (int)(seed % 3), what);
    }
}
