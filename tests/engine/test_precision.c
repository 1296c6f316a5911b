/*
 * Networks stored in bf16 and in bytes, against the oracle: the patterns and random graphs of
 * graphs.h, calibrated as a user would; and how the tables of kernels agree.
 */
#include "engine/calibrate.h"
#include "engine/err.h"
#include "engine/fold.h"
#include "engine/precision.h"
#include "engine/ranges.h"
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

enum { BATCH = 3, PICTURES = 8, MAX_OUTPUTS = 16 };

/*
 * How wrong an output may be, relative, at the root of the mean square.
 *
 * bf16 has 8 bits of mantissa, so that storing a value, or a weight, once is wrong by 2^-9 /
 * sqrt(3) or 0.11 %; twelve such errors in a row make 0.4 %. A byte's 255 steps over a range of six
 * standard deviations are wrong by 0.7 % of one, and a handful of them in a row by 1.5 %. A wrong
 * scale, zero point, halo or bias is wrong by tens of percent wherever it matters at all; what only
 * makes numbers coarser shows in the average of a test, whose limits lie a fifth above what it is.
 */
struct limits {
    double worst;
    double sum; /* of what was found */
    int count;
};
static struct limits bf16_limits = {.worst = 0.012}, int8_limits = {.worst = 0.09};
static struct limits mixed_limits = {.worst = 0.09};

/* Tables may choose different algorithms, and then round differently. */
static int winograd;

static const struct precision_support both = {.bf16 = 1, .u8 = 1};

/* Random pictures: [n][h][w][3], malloc'ed. */
static float *pictures(struct blobmaker *m, int n, int h, int w) {
    size_t count = (size_t)n * (size_t)h * (size_t)w * 3;
    float *p = malloc(count * sizeof *p);
    for (size_t i = 0; i < count; i++) p[i] = blobmaker_random(m, 0, 255);
    return p;
}

/* A folded net whose values are stored as the precision wants. */
static struct net *folded(const struct blob *blob, graphs_fn *fn, enum mien_precision precision) {
    struct net *net = graphs_build(blob, fn);
    if (fold_net(net) || precision_assign(net, precision, &both)) fail_msg("%s", err_text());
    return net;
}

static void free_outputs(const struct net *net, float **out) {
    for (int i = 0; i < net->noutputs; i++) free(out[i]);
}

/* Writes the blob with its ranges on random pictures to path. */
static void calibrate(struct blobmaker *m, const struct blob *blob, graphs_fn *fn, int h, int w,
                      const char *path) {
    struct net *net = folded(blob, fn, MIEN_FP32);
    net->keep_values = 1;
    struct calibration *c;
    float *out[MAX_OUTPUTS], *input = pictures(m, PICTURES, h, w);
    assert_int_equal(calibration_new(net, &c), 0);
    graphs_run(net, input, PICTURES, h, w, 2, NULL, calibration_observer(c), out);
    if (calibration_save(c, path)) fail_msg("%s", err_text());
    calibration_free(c);
    free_outputs(net, out);
    free(input);
    net_free(net);
}

/* Everything a run stored in bytes, one value after the other. */
struct bytes {
    const struct net *plain, *net; /* as built, and folded */
    uint8_t *data;
    size_t count;
};

/* An observer is given the pixels as they are stored. */
static void keep_row(void *context, int node, int w, int c, const float *pixels, ptrdiff_t px) {
    struct bytes *b = context;
    const uint8_t *p = (const uint8_t *)pixels;
    if (b->net->nodes[node].stored.type != KERN_U8) return;
    b->data = realloc(b->data, b->count + (size_t)w * (size_t)c);
    for (int x = 0; x < w; x++, b->count += (size_t)c)
        memcpy(b->data + b->count, p + x * px, (size_t)c);
}

/* The products of bytes are exact, so that only a value that lies within rounding of the middle
 * between two steps may differ, and what is made of it. */
static void compare_bytes(const struct bytes *a, const struct bytes *b, const char *what) {
    size_t different = 0;
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        int step = abs(a->data[i] - b->data[i]);
        different += step > 0;
        if (step > 5) fail_msg("%s: bytes %d and %d of two tables", what, a->data[i], b->data[i]);
    }
    if (different * 50 > a->count)
        fail_msg("%s: %zu of %zu bytes differ between two tables", what, different, a->count);
}

struct run {
    const struct net *plain, *net; /* as built, and folded */
    const float *input;            /* [BATCH][h][w][3] */
    int h, w;
    struct oracle_value *want[BATCH];
    struct limits *limits;
    const char *what;
};

/* Batch and threads change no bit; every image is right. Fills out and bytes. */
static void check_table(const struct run *r, const char *table, float **out, struct bytes *bytes) {
    const struct backend_observer observer = {keep_row, bytes};
    float *two[MAX_OUTPUTS], *alone[MAX_OUTPUTS];
    size_t image = (size_t)r->h * (size_t)r->w * 3;
    graphs_run(r->net, r->input, BATCH, r->h, r->w, 1, table, &observer, out);
    graphs_run(r->net, r->input, BATCH, r->h, r->w, 2, table, NULL, two);
    for (int b = 0; b < BATCH; b++) {
        graphs_run(r->net, r->input + (size_t)b * image, 1, r->h, r->w, 1, table, NULL, alone);
        for (int i = 0; i < r->net->noutputs; i++) {
            const struct oracle_value *want = &r->want[b][r->plain->outputs[i].value];
            size_t n = graphs_count(want);
            const float *got = out[i] + (size_t)b * n;
            double error = graphs_error(want, got);
            if (!(error <= r->limits->worst))
                fail_msg("%s, %s: output %s differs by %.3g relative", r->what, table,
                         r->net->outputs[i].name, error);
            r->limits->sum += error;
            r->limits->count++;
            assert_memory_equal(got, two[i] + (size_t)b * n, n * sizeof(float));
            assert_memory_equal(got, alone[i], n * sizeof(float));
        }
        free_outputs(r->net, alone);
    }
    free_outputs(r->net, two);
}

static void check_tables(const struct run *r) {
    static const char *const tables[] = {"c", "avx512"};
    struct bytes bytes[2] = {{.net = r->net}, {.net = r->net}};
    float *out[2][MAX_OUTPUTS];
    int done = 0;
    for (int t = 0; t < 2; t++) {
        struct kern k;
        if (kern_init(&k, tables[t]) || !kern_igemm_for(&k, KERN_BF16, 1) ||
            !kern_igemm_for(&k, KERN_U8, 1))
            continue; /* this processor is faster in fp32 */
        check_table(r, tables[t], out[t], &bytes[t]);
        done++;
    }
    assert_true(done > 0);
    if (done == 2 && !winograd) compare_bytes(&bytes[0], &bytes[1], r->what);
    for (int t = 0; t < done; t++) {
        free_outputs(r->net, out[t]);
        free(bytes[t].data);
    }
}

static void check_precision(struct blobmaker *m, const struct blob *blob, graphs_fn *fn, int h,
                            int w, enum mien_precision precision, struct limits *limits,
                            const char *what) {
    struct net *plain = graphs_build(blob, fn), *net = folded(blob, fn, precision);
    float *input = pictures(m, BATCH, h, w);
    struct run r = {
        .plain = plain, .net = net, .input = input, .h = h, .w = w, .limits = limits, .what = what};
    for (int b = 0; b < BATCH; b++) {
        r.want[b] = calloc((size_t)plain->count, sizeof *r.want[b]);
        oracle_run(plain, input + (size_t)b * (size_t)h * (size_t)w * 3, h, w, r.want[b]);
    }
    check_tables(&r);
    for (int b = 0; b < BATCH; b++) {
        oracle_free(plain, r.want[b]);
        free(r.want[b]);
    }
    free(input);
    net_free(plain);
    net_free(net);
}

/* At the end of a test: what its networks make on average. */
static void check_mean(struct limits *l, double most, const char *what) {
    double mean = l->sum / l->count;
    if (!(mean <= most)) fail_msg("%s: outputs differ by %.3g on average", what, mean);
    l->sum = l->count = 0;
}

/* What is partly in bf16 is no worse than what is all bytes. */
static void check_means(double bf16, double int8) {
    check_mean(&bf16_limits, bf16, "bf16");
    check_mean(&int8_limits, int8, "int8");
    check_mean(&mixed_limits, int8, "int8 and bf16");
}

/* The oracle looks at all tensors. */
static void acquire_all(const struct blob *b) {
    for (int i = 0; i < blob_count(b); i++) assert_int_equal(blob_acquire(b, blob_at(b, i)), 0);
}

/* The blob with n numbers in its tensor of exempt values; the file is gone when it is open. */
static struct blob *with_exempt(const struct blob *calibrated, const float *numbers, int n) {
    char path[] = "/tmp/mien-precision-XXXXXX";
    struct blob *blob = NULL;
    struct blob_tensor t = {
        .name = RANGES_EXEMPT, .dims = 1, .shape = {n}, .count = (size_t)n, .data = numbers};
    close(mkstemp(path));
    if (blob_save(calibrated, path, RANGES_EXEMPT, &t, 1) || blob_open(path, &blob))
        fail_msg("%s", err_text());
    acquire_all(blob);
    unlink(path);
    return blob;
}

/* A number that is no node's is an error. */
static void refuse_exempt(const struct blob *calibrated, graphs_fn *fn, float number) {
    struct blob *blob = with_exempt(calibrated, &number, 1);
    struct net *net = graphs_build(blob, fn);
    if (fold_net(net)) fail_msg("%s", err_text());
    assert_int_equal(precision_assign(net, MIEN_INT8, &both), MIEN_EWEIGHTS);
    assert_non_null(strstr(err_text(), RANGES_EXEMPT));
    net_free(net);
    blob_close(blob);
}

/* About half of the values stay in bf16: whatever then meets what computes right, on the pictures
 * that `state` makes, and a convolution's value that was to be exempt is. */
static void check_exempt(struct blobmaker *m, const struct blob *calibrated, graphs_fn *fn, int h,
                         int w, uint64_t state, const char *what) {
    struct net *net = folded(calibrated, fn, MIEN_INT8);
    float *numbers = malloc(sizeof *numbers * (size_t)net->numbers);
    int n = 0;
    for (int i = 0; i < net->numbers; i++)
        if (i == 0 || blobmaker_int(m, 0, 1)) numbers[n++] = (float)i; /* some of them folded */
    struct blob *blob = with_exempt(calibrated, numbers, n);
    refuse_exempt(calibrated, fn, -1);
    refuse_exempt(calibrated, fn, (float)net->numbers);
    refuse_exempt(calibrated, fn, NAN);
    struct net *mixed = folded(blob, fn, MIEN_INT8);
    for (int i = 0; i < n; i++) {
        int node = net_numbered(net, (int)numbers[i]);
        if (node >= 0 && net->nodes[node].op == NET_CONV && net->nodes[node].stored.type == KERN_U8)
            assert_int_equal(mixed->nodes[node].stored.type, KERN_BF16);
    }
    net_free(mixed);
    net_free(net);
    free(numbers);
    m->state = state;
    check_precision(m, blob, fn, h, w, MIEN_INT8, &mixed_limits, what);
    blob_close(blob);
}

static void check_net(struct blobmaker *m, graphs_fn *fn, int h, int w, const char *what) {
    char path[] = "/tmp/mien-precision-XXXXXX", text[64];
    close(mkstemp(path));
    struct blob *blob = blobmaker_finish(m), *calibrated;
    snprintf(text, sizeof text, "%s bf16", what);
    check_precision(m, blob, fn, h, w, MIEN_BF16, &bf16_limits, text);
    calibrate(m, blob, fn, h, w, path);
    if (blob_open(path, &calibrated)) fail_msg("%s", err_text());
    acquire_all(calibrated);
    unlink(path);
    snprintf(text, sizeof text, "%s int8", what);
    uint64_t state = m->state;
    check_precision(m, calibrated, fn, h, w, MIEN_INT8, &int8_limits, text);
    snprintf(text, sizeof text, "%s int8 and bf16", what);
    check_exempt(m, calibrated, fn, h, w, state, text);
    blob_close(calibrated);
    blob_close(blob);
    blobmaker_close(m);
}

static void test_stem(void **state) {
    (void)state;
    graphs_stem(check_net);
    check_means(0.0034, 0.0036);
}

static void test_border_bias(void **state) {
    (void)state;
    graphs_border_bias(check_net);
    check_means(0.0045, 0.0045);
}

static void test_border_bias_thin(void **state) {
    (void)state;
    graphs_border_bias_thin(check_net);
    check_means(0.0046, 0.005);
}

static void test_fpn(void **state) {
    (void)state;
    graphs_fpn(check_net);
    check_means(0.0054, 0.0142);
}

static void test_tensorflow(void **state) {
    (void)state;
    graphs_tensorflow(check_net);
    check_means(0.003, 0.021);
}

/* Plain C, whose tiles of bytes are slow, multiplies floats in Winograd's transform here. */
static void test_wide(void **state) {
    (void)state;
    winograd = 1;
    graphs_wide(check_net);
    winograd = 0;
    check_means(0.0045, 0.021);
}

static void test_deep(void **state) {
    (void)state;
    graphs_deep(check_net);
    check_means(0.0052, 0.0157);
}

static void test_random_graphs(void **state) {
    (void)state;
    graphs_random(60, check_net);
    check_means(0.0055, 0.0152);
}

static void test_activations(void **state) {
    (void)state;
    graphs_activations(check_net);
    check_means(0.0055, 0.0128);
}

static void test_gates(void **state) {
    (void)state;
    graphs_gates(check_net);
    check_means(0.0051, 0.0145);
}

static void test_gathers(void **state) {
    (void)state;
    graphs_shuffles(check_net);
    graphs_places(check_net);
    graphs_resizes(check_net);
    graphs_reshapes(check_net);
    check_means(0.0066, 0.009);
}

static void test_norms(void **state) {
    (void)state;
    graphs_norms(check_net);
    graphs_matmuls(check_net);
    check_means(0.0066, 0.017);
}

static void test_dilated(void **state) {
    (void)state;
    graphs_dilated(check_net);
    graphs_pooled(check_net);
    check_means(0.006, 0.02);
}

enum { EXACT_VALUES = 3 };
static net_value exact_values[EXACT_VALUES]; /* kept, a copy of it, the next layer's */

static void exact(struct net *net) {
    net_value kept = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    net_value copy = net_pool(net, kept, (struct net_window){.kh = 2, .kw = 2, .stride = 2});
    net_value next = net_relu(net, net_conv(net, copy, "c1", 1, 0));
    net_exact(net, kept);
    net_output(net, net_conv(net, next, "c2", 1, 0), "y");
    exact_values[0] = kept;
    exact_values[1] = copy;
    exact_values[2] = next;
}

/* A value that its model keeps exact is not stored in fp16, nor what is a copy of it; in bf16 it is
 * like any other. */
static void test_exact(void **state) {
    (void)state;
    static const struct precision_support half = {.f16 = 1, .bf16 = 1};
    static const enum kern_type fp16[EXACT_VALUES] = {KERN_F32, KERN_F32, KERN_F16};
    struct blobmaker m;
    blobmaker_open(&m, 5);
    blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
    blobmaker_tensor(&m, "c0.weight", -0.3f, 0.3f, 8, 3, 3, 3);
    blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 8, 8, 1, 1);
    blobmaker_tensor(&m, "c2.weight", -0.3f, 0.3f, 4, 8, 1, 1);
    struct blob *blob = blobmaker_finish(&m);
    for (int is_fp16 = 0; is_fp16 < 2; is_fp16++) {
        struct net *net = graphs_build(blob, exact);
        if (fold_net(net) || precision_assign(net, is_fp16 ? MIEN_FP16 : MIEN_BF16, &half))
            fail_msg("%s", err_text());
        for (int i = 0; i < EXACT_VALUES; i++)
            assert_int_equal(graphs_node(net, exact_values[i])->stored.type,
                             is_fp16 ? fp16[i] : KERN_BF16);
        net_free(net);
    }
    blob_close(blob);
    blobmaker_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stem),
        cmocka_unit_test(test_border_bias),
        cmocka_unit_test(test_border_bias_thin),
        cmocka_unit_test(test_fpn),
        cmocka_unit_test(test_tensorflow),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_gathers),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_dilated),
        cmocka_unit_test(test_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
