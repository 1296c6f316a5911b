/* Which type each value of a network is stored in, what is made of its ranges, and every way a
 * calibration can be missing, foreign or broken. */
#include "engine/calibrate.h"
#include "engine/err.h"
#include "engine/fold.h"
#include "engine/precision.h"
#include "engine/ranges.h"
#include "mien.h"
#include "tests/engine/graphs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct precision_support all = {.bf16 = 1, .u8 = 1}, bytes_only = {.u8 = 1},
                                      half_only = {.bf16 = 1}, none;

static struct { /* its values, the same in each build */
    net_value picture, a, pooled, b, c, joined, d, coarse, up, sum, head, score, average, classes;
} v;

static void everything(struct net *net) {
    net_value input = net_input(net);
    v.picture = net->nodes[input].in[0]; /* folding takes the normalisation away */
    v.a = net_relu(net, net_conv(net, input, "c0", 2, 1));
    v.pooled = net_pool(net, v.a, (struct net_window){.kh = 2, .kw = 2, .stride = 2});
    v.b = net_relu(net, net_conv(net, v.pooled, "c1", 1, 1));
    v.c = net_conv(net, v.pooled, "c2", 1, 1);
    v.joined = net_concat(net, 2, (net_value[]){v.b, v.c});
    v.d = net_relu(net, net_conv(net, v.joined, "c3", 1, 1));
    v.coarse = net_relu(net, net_conv(net, v.d, "c4", 2, 1));
    v.up = net_upsample(net, v.coarse, v.d);
    v.sum = net_add(net, v.d, v.up);
    v.head = net_conv(net, v.sum, "head", 1, 0);
    v.score = net_act(net, v.head, KERN_ACT_SIGMOID, 0);
    net_output(net, v.score, "score");
    v.average = net_global_average(net, v.coarse);
    v.classes = net_softmax(net, net_fc(net, v.average, "fc", 1, 1));
    net_output(net, v.classes, "prob");
}

enum { SIDE = 32, A = 6, B = 5, C = 3, D = 8 }; /* channels */

static void open_everything(struct blobmaker *m) {
    blobmaker_open(m, 5);
    blobmaker_meta(m, "\"bn_eps\":\"{}\"");
    blobmaker_tensor(m, "c0.weight", -0.3f, 0.3f, A, 3, 3, 3);
    blobmaker_tensor(m, "c1.weight", -0.3f, 0.3f, B, A, 3, 3);
    blobmaker_tensor(m, "c2.weight", -0.3f, 0.3f, C, A, 3, 3);
    blobmaker_tensor(m, "c3.weight", -0.3f, 0.3f, D, B + C, 3, 3);
    blobmaker_tensor(m, "c4.weight", -0.3f, 0.3f, D, D, 3, 3);
    blobmaker_tensor(m, "head.weight", -0.3f, 0.3f, 2, D, 1, 1);
    blobmaker_tensor(m, "fc.weight", -0.3f, 0.3f, 4, D, 0, 0);
}

/* Adds a tensor of ranges [3][channels]: the same low, high and mean for all. */
static void add_range(struct blobmaker *m, const char *name, int channels, float low, float high,
                      float mean) {
    size_t at = m->count;
    blobmaker_tensor(m, name, 0, 0, 3, channels, 0, 0);
    for (int i = 0; i < channels; i++) {
        m->data[at + (size_t)i] = low;
        m->data[at + (size_t)(channels + i)] = high;
        m->data[at + (size_t)(2 * channels + i)] = mean;
    }
}

struct range {
    const net_value *value;
    float low, high, mean;
};

/* The folded net over a blob with these ranges, ended by a NULL value; *blob and m are the
 * caller's to close. channels_more is added to the channels of each tensor. */
static struct net *with_ranges(struct blobmaker *m, struct blob **blob, const struct range *ranges,
                               int channels_more) {
    struct blobmaker names;
    open_everything(&names);
    struct blob *plain = blobmaker_finish(&names);
    struct net *net = graphs_build(plain, everything);
    assert_int_equal(fold_net(net), 0);
    open_everything(m);
    for (; ranges->value; ranges++) {
        char name[RANGES_NAME];
        const struct net_node *n = graphs_node(net, *ranges->value);
        ranges_name(n->number, n->name, name);
        add_range(m, name, n->channels + channels_more, ranges->low, ranges->high, ranges->mean);
    }
    net_free(net);
    blob_close(plain);
    blobmaker_close(&names);
    *blob = blobmaker_finish(m);
    net = graphs_build(*blob, everything);
    assert_int_equal(fold_net(net), 0);
    return net;
}

static const struct range measured[] = {
    {&v.a, 0, 5.1f, 1}, {&v.pooled, 0, 5.1f, 2}, {&v.b, 0, 2, 0.5f},
    {&v.c, -1, 1, 0},   {&v.d, 0, 4, 1},         {&v.coarse, 0, 6, 1},
    {&v.sum, 0, 10, 2}, {&v.average, 0, 3, 1},   {NULL, 0, 0, 0},
};

static void close_all(struct blobmaker *m, struct blob *blob, struct net *net) {
    net_free(net);
    blob_close(blob);
    blobmaker_close(m);
}

static void expect_type(const struct net *net, net_value value, enum kern_type type) {
    const struct net_node *n = graphs_node(net, value);
    if (n->stored.type != type) fail_msg("%s is stored as %d", n->name, (int)n->stored.type);
}

static void test_types_int8(void **state) {
    (void)state;
    for (int better = 0; better < 2; better++) {
        struct blobmaker m;
        struct blob *blob;
        struct net *net = with_ranges(&m, &blob, measured, 0);
        enum kern_type half = better ? KERN_BF16 : KERN_F32;
        assert_int_equal(precision_assign(net, MIEN_INT8, better ? &all : &bytes_only), 0);
        const net_value bytes[] = {v.a, v.pooled, v.b, v.c, v.joined, v.d, v.coarse, v.up};
        for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
            expect_type(net, bytes[i], KERN_U8);
        expect_type(net, v.picture, half); /* the first layer */
        expect_type(net, v.sum, half);     /* only a head reads it */
        expect_type(net, v.average, half); /* only a fully connected layer */
        expect_type(net, v.head, KERN_F32);
        expect_type(net, v.score, KERN_F32);
        expect_type(net, v.classes, KERN_F32);
        close_all(&m, blob, net);
    }
}

static void test_types_bf16(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net = with_ranges(&m, &blob, &measured[8], 0); /* without any range */
    assert_int_equal(precision_assign(net, MIEN_BF16, &half_only), 0);
    const net_value halves[] = {v.picture, v.a, v.pooled, v.joined, v.up, v.sum, v.average};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++)
        expect_type(net, halves[i], KERN_BF16);
    expect_type(net, v.head, KERN_F32);
    expect_type(net, v.classes, KERN_F32);
    assert_true(net->half_weights);
    close_all(&m, blob, net);
}

/* What a processor is slow in is done in fp32, and needs no calibration. */
static void test_types_fp32(void **state) {
    (void)state;
    static const struct {
        enum mien_precision precision;
        const struct precision_support *support;
    } cases[] = {
        {MIEN_FP32, &all}, {MIEN_BF16, &none}, {MIEN_INT8, &none}, {MIEN_INT8, &half_only}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct blobmaker m;
        struct blob *blob;
        struct net *net = with_ranges(&m, &blob, &measured[8], 0);
        assert_int_equal(precision_assign(net, cases[c].precision, cases[c].support), 0);
        for (int i = 0; i < net->count; i++) expect_type(net, net->nodes[i].number, KERN_F32);
        assert_false(net->half_weights);
        close_all(&m, blob, net);
    }
}

static const struct net_storage *stored(const struct net *net, net_value value) {
    return &graphs_node(net, value)->stored;
}

static void test_scales(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net = with_ranges(&m, &blob, measured, 0);
    assert_int_equal(precision_assign(net, MIEN_INT8, &all), 0);
    /* nothing below zero: 255 steps of 5.1 / 255 */
    assert_int_equal(stored(net, v.a)->zero, 0);
    for (int i = 0; i < A; i++) {
        assert_float_equal(stored(net, v.a)->scale[i], 0.02, 1e-7);
        assert_float_equal(stored(net, v.pooled)->scale[i], 0.02, 1e-7);
        assert_float_equal(stored(net, v.a)->mean[i], 1, 0);
    }
    /* b (5 channels, 0..2) and c (3 channels, -1..1) lie in one buffer: 3 of 16 below zero, so that
     * the zero point is 48 of 255, and c needs steps of 1/48 */
    assert_int_equal(stored(net, v.b)->zero, 48);
    assert_int_equal(stored(net, v.c)->zero, 48);
    assert_int_equal(stored(net, v.joined)->zero, 48);
    assert_float_equal(stored(net, v.b)->scale[0], 2.0 / 207, 1e-7);
    assert_float_equal(stored(net, v.c)->scale[0], 1.0 / 48, 1e-7);
    for (int i = 0; i < B + C; i++) {
        const struct net_storage *part = stored(net, i < B ? v.b : v.c);
        assert_float_equal(stored(net, v.joined)->scale[i], part->scale[0], 0);
        assert_float_equal(stored(net, v.joined)->mean[i], part->mean[0], 0);
    }
    assert_int_equal(stored(net, v.up)->zero, stored(net, v.coarse)->zero);
    assert_memory_equal(stored(net, v.up)->scale, stored(net, v.coarse)->scale, D * sizeof(float));
    close_all(&m, blob, net);
}

/* One channel eight times as wide as the others: its steps are 5.1 / 255, theirs lie 0.7 of the way
 * from there to their own, a product of powers. */
static void test_smoothing(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net = with_ranges(&m, &blob, measured, 0);
    char name[RANGES_NAME];
    ranges_name(graphs_node(net, v.a)->number, graphs_node(net, v.a)->name, name);
    float *ranges = (float *)(uintptr_t)blob_find(blob, name)->data;
    for (int i = 1; i < A; i++) ranges[A + i] = 5.1f / 8;
    assert_int_equal(precision_assign(net, MIEN_INT8, &all), 0);
    assert_float_equal(stored(net, v.a)->scale[0], 0.02, 1e-7);
    for (int i = 1; i < A; i++)
        assert_float_equal(stored(net, v.a)->scale[i], 0.02 * pow(0.125, 0.7), 1e-7);
    close_all(&m, blob, net);
}

static void test_not_calibrated(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net = with_ranges(&m, &blob, &measured[8], 0);
    assert_int_equal(precision_assign(net, MIEN_INT8, &all), MIEN_EUNSUPPORTED);
    assert_non_null(strstr(err_text(), "test: not calibrated for int8; `mien calibrate`"));
    close_all(&m, blob, net);
}

static void test_other_shape(void **state) {
    (void)state;
    struct blobmaker m;
    struct blob *blob;
    struct net *net = with_ranges(&m, &blob, measured, 1);
    assert_int_equal(precision_assign(net, MIEN_INT8, &all), MIEN_EWEIGHTS);
    assert_non_null(strstr(err_text(), "does not fit the network; calibrate again"));
    close_all(&m, blob, net);
}

/* A value without a range, as after a change to the network: said before anything runs. */
static void test_missing_range(void **state) {
    (void)state;
    const struct backend_options options = {.threads = 1};
    struct backend *backend;
    assert_int_equal(cpu_backend.open(&options, &backend), 0);
    for (const struct range *without = measured; without->value; without++) {
        if (without->value == &v.pooled || without->value == &v.sum || without->value == &v.average)
            continue; /* stored as another value is, or in no bytes */
        struct range some[sizeof measured / sizeof measured[0]] = {0};
        int n = 0;
        for (const struct range *r = measured; r->value; r++)
            if (r != without) some[n++] = *r;
        struct blobmaker m;
        struct blob *blob;
        struct net *net = with_ranges(&m, &blob, some, 0);
        struct backend_weights *weights = NULL;
        struct plan_graph *graph;
        int rc = precision_assign(net, MIEN_INT8, &all);
        if (!rc) rc = cpu_backend.load(backend, net, &weights);
        if (!rc) rc = plan_make(net, NULL, 1, SIDE, SIDE, &graph);
        assert_int_equal(rc, MIEN_EWEIGHTS);
        assert_non_null(strstr(err_text(), "calibrate it again"));
        cpu_backend.close(NULL, weights, NULL);
        close_all(&m, blob, net);
    }
    cpu_backend.close(backend, NULL, NULL);
}

/* Ranges are not weights and may hold anything: scales stay numbers, runs end. */
static void test_broken_ranges(void **state) {
    (void)state;
    static const float broken[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-45f, 0, -5};
    enum { BROKEN = sizeof broken / sizeof broken[0] };
    float *input = calloc((size_t)SIDE * SIDE * 3, sizeof *input), *out[2];
    for (int i = 0; i < BROKEN * BROKEN; i++) {
        struct range ranges[sizeof measured / sizeof measured[0]];
        memcpy(ranges, measured, sizeof ranges);
        for (struct range *r = ranges; r->value; r++) {
            r->low = broken[i % BROKEN];
            r->high = broken[i / BROKEN];
            r->mean = broken[(i + 3) % BROKEN];
        }
        struct blobmaker m;
        struct blob *blob;
        struct net *net = with_ranges(&m, &blob, ranges, 0);
        assert_int_equal(precision_assign(net, MIEN_INT8, &all), 0);
        for (int j = 0; j < net->count; j++) {
            const struct net_node *n = &net->nodes[j];
            for (int c = 0; n->stored.scale && c < n->channels; c++) {
                assert_true(isfinite(n->stored.scale[c]) && n->stored.scale[c] > 0);
                assert_true(isfinite(n->stored.mean[c]));
            }
            assert_in_range(n->stored.zero, 0, 255);
        }
        static const char *const tables[] = {"c", NULL};
        for (int k = 0; k < 2; k++) {
            graphs_run(net, input, 1, SIDE, SIDE, 1, tables[k], NULL, out);
            free(out[0]);
            free(out[1]);
        }
        close_all(&m, blob, net);
    }
    free(input);
}

/* Shows a calibration values of one node as a run would. */
static void show(const struct calibration *c, int node, int channels, const float *values, int n) {
    const struct backend_observer *o = calibration_observer(c);
    o->row(o->context, node, n / channels, channels, values, channels);
}

/* Values spread evenly over -1..3 keep that range, and the mean is theirs. One of 400 among two
 * million is worth a range up to h, where clipping it, (400 - h)^2, and the steps of all,
 * 2e6 / 12 ((h + 1) / 255)^2, are least together: at 112. */
static void test_ranges_measured(void **state) {
    (void)state;
    enum { N = 20000, ROUNDS = 100 };
    char path[] = "/tmp/mien-calibration-XXXXXX", name[RANGES_NAME];
    close(mkstemp(path));
    struct blobmaker m;
    struct blob *blob, *saved;
    struct net *net = with_ranges(&m, &blob, &measured[8], 0);
    struct calibration *c;
    float *values = malloc(sizeof *values * N * A);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < A; j++)
            values[i * A + j] = -1 + 4 * (float)((i * 7919 + j) % N) / (N - 1);
    values[0] = 400;
    values[1] = NAN;
    values[2] = INFINITY;
    assert_int_equal(calibration_new(net, &c), 0);
    assert_int_equal(calibration_save(c, path), MIEN_EINVAL); /* nothing seen */
    for (int i = 0; i < ROUNDS; i++) {
        show(c, net_numbered(net, v.a), A, values, N * A);
        values[0] = 0;
    }
    assert_int_equal(calibration_save(c, path), 0);
    calibration_free(c);
    assert_int_equal(blob_open(path, &saved), 0);
    ranges_name(graphs_node(net, v.a)->number, graphs_node(net, v.a)->name, name);
    const struct blob_tensor *t = blob_find(saved, name);
    assert_non_null(t);
    for (int j = 0; j < A; j++) {
        assert_float_equal(t->data[j], -1, 0.05);
        if (j > 0) assert_float_equal(t->data[A + j], 3, 0.05);
        assert_float_equal(t->data[2 * A + j], 1, 0.03);
    }
    assert_float_equal(t->data[A], 112, 400.0 / 64);
    unlink(path);
    free(values);
    blob_close(saved);
    close_all(&m, blob, net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_int8),    cmocka_unit_test(test_types_bf16),
        cmocka_unit_test(test_types_fp32),    cmocka_unit_test(test_scales),
        cmocka_unit_test(test_smoothing),     cmocka_unit_test(test_not_calibrated),
        cmocka_unit_test(test_other_shape),   cmocka_unit_test(test_missing_range),
        cmocka_unit_test(test_broken_ranges), cmocka_unit_test(test_ranges_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
