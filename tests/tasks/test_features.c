/* Networks that read a value inside another one: the same bits however they run, what they read,
 * who opens the other, and the sentence for each way in which they do not fit. */
#include "mien.h"
#include "tasks/backbone.h"
#include "tests/engine/blobmaker.h"
#include "tests/tasks/toy_embedder.h"

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

enum { FACES = 9, EMBEDDING = 6, FEATURES = 8, LABELS = 3 };

static char folder[] = "/tmp/mien-features-XXXXXX";
static mien_image *images[FACES];
static mien_face faces[FACES];

static void path_of(const char *name, char path[128]) {
    snprintf(path, 128, "%s/%s.safetensors", folder, name);
}

static void save(struct blobmaker *m, const char *name) {
    char path[128];
    path_of(name, path);
    toy_save(m, path);
}

static void make_embedder(const char *name, const char *sha256) {
    char path[128];
    path_of(name, path);
    toy_embedder(path, name, sha256, 11);
}

/* How a head's blob begins; what is different about one that does not fit. */
struct head {
    const char *features_of, *sha256;
    int side, count; /* of the value it says it reads */
};

static const struct head pixel = {"toy@conv_6_dw", "abc", 1, FEATURES};

static void begin_head(struct blobmaker *m, const char *name, const struct head *h,
                       const char *graph, const char *attributes) {
    char meta[2048];
    snprintf(meta, sizeof meta,
             "\"input\":\"{\\\"width\\\":%d,\\\"height\\\":%d,\\\"channels\\\":\\\"FEATURES\\\","
             "\\\"count\\\":%d}\",\"name\":\"%s\",\"arch\":\"graph\",\"task\":\"attributes\","
             "\"preprocess\":\"{\\\"crop\\\":\\\"aligned\\\"}\",\"features_of\":\"%s\","
             "\"features_sha256\":\"%s\",\"graph\":\"%s\",\"attributes\":\"%s\"",
             h->side, h->side, h->count, name, h->features_of, h->sha256, graph, attributes);
    blobmaker_open(m, 5);
    blobmaker_meta_with_input(m, meta);
}

#define NODE(op, from, more) "[\\\"" op "\\\",[" from "],{" more "}]"
#define NAMED(name)          "\\\"name\\\":\\\"" name "\\\""
#define OF_PIXEL             "\\\"height\\\":1,\\\"width\\\":1"
#define GRAPH(nodes, output)                                                                       \
    "{\\\"nodes\\\":[" NODE("input", "",                                                           \
                            "") "," nodes "],\\\"outputs\\\":[[\\\"out\\\"," output                \
                                "]],\\\"size\\\":\\\"fixed\\\",\\\"multiple_of\\\":1}"
#define ATTRIBUTE                                                                                  \
    "[{\\\"name\\\":\\\"mood\\\",\\\"kind\\\":\\\"distribution\\\",\\\"labels\\\":[\\\"a\\\","     \
    "\\\"b\\\",\\\"c\\\"],\\\"output\\\":\\\"out\\\",\\\"decode\\\":\\\"softmax\\\"}]"

/* Two fully connected layers on the value of one pixel. */
static void make_head(const char *name, const struct head *h) {
    struct blobmaker m;
    begin_head(&m, name, h,
               GRAPH(NODE("fc", "0", NAMED("one") "," OF_PIXEL) "," NODE("relu", "1", "") "," NODE(
                         "fc", "2", NAMED("two") "," OF_PIXEL),
                     "3"),
               ATTRIBUTE);
    blobmaker_tensor(&m, "one.weight", -1, 1, 16, h->count, 0, 0);
    blobmaker_tensor(&m, "one.bias", -1, 1, 16, 0, 0, 0);
    blobmaker_tensor(&m, "two.weight", -0.01f, 0.01f, LABELS, 16, 0, 0);
    save(&m, name);
}

/* A convolution with a border on a map, what it gives on average, and a layer. */
static void make_map_head(const char *name, const struct head *h) {
    struct blobmaker m;
    begin_head(&m, name, h,
               GRAPH(NODE("conv", "0", NAMED("c") ",\\\"stride\\\":2,\\\"pad\\\":1") "," NODE(
                         "global_average", "1", "") "," NODE("fc", "2", NAMED("two") "," OF_PIXEL),
                     "3"),
               ATTRIBUTE);
    blobmaker_tensor(&m, "c.weight", -1, 1, 5, h->count, 3, 3);
    blobmaker_tensor(&m, "two.weight", -0.01f, 0.01f, LABELS, 5, 0, 0);
    save(&m, name);
}

/* Tells the value itself. */
static void make_echo(void) {
    struct blobmaker m;
    char attributes[1024] = "[";
    for (int i = 0; i < FEATURES; i++)
        snprintf(
            attributes + strlen(attributes), sizeof attributes - strlen(attributes),
            "%s{\\\"name\\\":\\\"v%d\\\",\\\"kind\\\":\\\"value\\\",\\\"output\\\":\\\"out\\\","
            "\\\"at\\\":%d}",
            i ? "," : "", i, i);
    snprintf(attributes + strlen(attributes), sizeof attributes - strlen(attributes), "]");
    begin_head(&m, "echo", &pixel,
               GRAPH(NODE("clip", "0", "\\\"low\\\":-1e9,\\\"high\\\":1e9"), "1"), attributes);
    save(&m, "echo");
}

static enum mien_device device = MIEN_DEVICE_CPU;

static mien_ctx *open_context(enum mien_precision precision, const char *kernels, int threads) {
    mien_options o = {.struct_size = sizeof o,
                      .device = device,
                      .weights_dir = folder,
                      .precision = precision,
                      .backend = kernels,
                      .threads = threads,
                      .no_pack_cache = 1};
    mien_ctx *ctx;
    if (mien_open(&o, &ctx)) fail_msg("%s", mien_error());
    return ctx;
}

static mien_net *load(mien_ctx *ctx, const char *name) {
    mien_net *net;
    if (mien_net_load(ctx, name, &net)) fail_msg("%s", mien_error());
    return net;
}

static const mien_image *const *shown(void) {
    return (const mien_image *const *)images;
}

/* With ranges for int8. */
static void calibrate(const char *name) {
    char path[128];
    float out[FACES][EMBEDDING];
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    mien_net *net = load(ctx, name);
    path_of(name, path);
    assert_int_equal(mien_calibrate_begin(net), MIEN_OK);
    assert_int_equal(mien_embed_faces(net, shown(), faces, FACES, out[0]), MIEN_OK);
    assert_int_equal(mien_calibrate_save(net, path), MIEN_OK);
    mien_net_free(net);
    mien_close(ctx);
}

static const char *const names[] = {"toy", "toy-b", "head", "map", "echo", "other", "second"};

static int make_all(void **state) {
    static const struct head map = {"toy@conv_3", "abc", 28, 4};
    struct blobmaker random;
    (void)state;
    if (!mkdtemp(folder)) return -1;
    blobmaker_open(&random, 3);
    for (int i = 0; i < FACES; i++) {
        if (mien_image_new(MIEN_CROP_SIDE, MIEN_CROP_SIDE, &images[i])) return -1;
        for (int k = 0; k < MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3; k++)
            images[i]->pixels[k] = (uint8_t)blobmaker_int(&random, 0, 255);
        mien_crop_face(&faces[i]);
        faces[i].landmarks[2][0] += (float)i; /* warped a little, each in its own way */
    }
    make_embedder("toy", "abc");
    calibrate("toy");
    make_head("head", &pixel);
    make_map_head("map", &map);
    make_echo();
    return 0;
}

static int remove_all(void **state) {
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        path_of(names[i], path);
        unlink(path);
    }
    for (int i = 0; i < FACES; i++) mien_image_free(images[i]);
    return rmdir(folder);
}

/* The embeddings of a context in which nobody reads anything, those of one where others do, and
 * what these say by themselves or in one run: the same bits. */
static void compare(enum mien_precision precision, const char *kernels, int threads, int n) {
    static float want[FACES][EMBEDDING], got[FACES][EMBEDDING];
    static float head_want[FACES][LABELS], head_got[FACES][LABELS];
    static float map_want[FACES][LABELS], map_got[FACES][LABELS];
    mien_ctx *alone = open_context(precision, kernels, threads);
    mien_net *embedder = load(alone, "toy");
    assert_int_equal(mien_embed_faces(embedder, shown(), faces, n, want[0]), MIEN_OK);
    mien_net_free(embedder);
    mien_close(alone);

    mien_ctx *ctx = open_context(precision, kernels, threads);
    mien_net *nets[] = {load(ctx, "head"), load(ctx, "toy"), load(ctx, "map")};
    float *const out[] = {head_got[0], got[0], map_got[0]};
    size_t size = sizeof want[0] * (size_t)n, labels = sizeof head_want[0] * (size_t)n;
    if (mien_attributes(nets[0], shown(), faces, n, head_want[0])) fail_msg("%s", mien_error());
    assert_int_equal(mien_attributes(nets[2], shown(), faces, n, map_want[0]), MIEN_OK);
    assert_int_equal(mien_embed_faces(nets[1], shown(), faces, n, got[0]), MIEN_OK);
    assert_memory_equal(got, want, size);
    memset(got, 0, sizeof got);
    if (mien_run_faces(nets, 3, shown(), faces, n, out)) fail_msg("%s", mien_error());
    assert_memory_equal(got, want, size);
    assert_memory_equal(head_got, head_want, labels);
    assert_memory_equal(map_got, map_want, labels);
    assert_true(n < 2 || memcmp(head_got[0], head_got[1], sizeof head_got[0]) != 0);
    for (int i = 0; i < n; i++)
        assert_true(fabsf(head_got[i][0] + head_got[i][1] + head_got[i][2] - 1) < 1e-5f);
    for (int i = 0; i < 3; i++) mien_net_free(nets[i]);
    mien_close(ctx);
}

/* One of two embedders as one is the network that others read: it runs once for both. */
static void test_pair(void **state) {
    enum { BOTH = 2 * EMBEDDING };
    static float want[FACES][BOTH], got[FACES][BOTH];
    static float head_want[FACES][LABELS], head_got[FACES][LABELS];
    char path[128];
    (void)state;
    path_of("second", path);
    toy_embedder(path, "second", "two", 12);
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 2);
    mien_net *nets[] = {load(ctx, "head"), load(ctx, "second+toy")};
    float *const out[] = {head_got[0], got[0]};
    assert_true(mien_net_shares(nets[0], nets[1]));
    assert_int_equal(mien_attributes(nets[0], shown(), faces, FACES, head_want[0]), MIEN_OK);
    assert_int_equal(mien_embed_faces(nets[1], shown(), faces, FACES, want[0]), MIEN_OK);
    mien_times before = {.struct_size = sizeof before}, after = before;
    assert_int_equal(mien_net_times(nets[1], &before), MIEN_OK);
    assert_int_equal(mien_run_faces(nets, 2, shown(), faces, FACES, out), MIEN_OK);
    assert_int_equal(mien_net_times(nets[1], &after), MIEN_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_memory_equal(head_got, head_want, sizeof head_want);
    /* the backbone's run counts as the first's, which is the head here */
    assert_true(after.pixels - before.pixels == FACES * 112.0 * 112);
    for (int i = 0; i < 2; i++) mien_net_free(nets[i]);
    mien_close(ctx);
}

static void test_same_bits(void **state) {
    static const enum mien_precision precisions[] = {MIEN_FP32, MIEN_BF16, MIEN_INT8};
    (void)state;
    for (int p = 0; p < 3; p++)
        for (int n = 1; n <= FACES; n += 4) {
            compare(precisions[p], "c", 1, n);
            compare(precisions[p], NULL, 2, n);
        }
}

static void test_same_bits_on_a_gpu(void **state) {
    (void)state;
    device = MIEN_DEVICE_CUDA;
    compare(MIEN_FP32, "plain", 1, 1);
    compare(MIEN_FP32, NULL, 1, 3);
    compare(MIEN_FP16, NULL, 1, 3);
    compare(MIEN_INT8, NULL, 1, 3);
}

static const float *values(const struct blob *b, const char *name) {
    const struct blob_tensor *t = blob_find(b, name);
    assert_non_null(t);
    assert_int_equal(blob_acquire(b, t), 0);
    return t->data;
}

/* The value is what the embedder's last layers make its embedding of: that is computed here. */
static void test_value(void **state) {
    float value[FACES][FEATURES], embedding[FACES][EMBEDDING];
    char path[128];
    struct blob *b;
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 2);
    mien_net *nets[] = {load(ctx, "toy"), load(ctx, "echo")};
    float *const out[] = {embedding[0], value[0]};
    assert_int_equal(mien_run_faces(nets, 2, shown(), faces, FACES, out), MIEN_OK);
    path_of("toy", path);
    assert_int_equal(blob_open(path, &b), 0);
    const float *w = values(b, "linear.weight"), *bias = values(b, "linear.bias");
    const float *gain = values(b, "bn.weight"), *shift = values(b, "bn.bias");
    const float *mean = values(b, "bn.running_mean"), *var = values(b, "bn.running_var");
    for (int i = 0; i < FACES; i++) {
        double e[EMBEDDING], length = 0;
        for (int k = 0; k < EMBEDDING; k++) {
            e[k] = (double)bias[k];
            for (int c = 0; c < FEATURES; c++) e[k] += (double)w[k * FEATURES + c] * value[i][c];
            e[k] = (e[k] - mean[k]) / sqrt((double)var[k] + 1e-5) * gain[k] + shift[k];
            length += e[k] * e[k];
        }
        for (int k = 0; k < EMBEDDING; k++)
            assert_true(fabs(e[k] / sqrt(length) - (double)embedding[i][k]) < 1e-5);
    }
    blob_close(b);
    mien_net_free(nets[0]);
    mien_net_free(nets[1]);
    mien_close(ctx);
}

/* Attributes alone end where their value is; the plan for both has one output more than the
 * embedder's. */
static void test_plans(void **state) {
    float out[FACES * EMBEDDING];
    int steps[4] = {0};
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    mien_net *map = load(ctx, "map"), *toy = load(ctx, "toy");
    mien_net *both[] = {toy, map};
    float *const outs[] = {out, out + EMBEDDING};
    assert_int_equal(mien_attributes(map, shown(), faces, 1, out), MIEN_OK);
    assert_int_equal(mien_embed_faces(toy, shown(), faces, 1, out), MIEN_OK);
    assert_int_equal(mien_run_faces(both, 2, shown(), faces, 1, outs), MIEN_OK);
    for (const struct net_plan *p = ctx->plans.plans; p; p = p->next)
        if (p->net == toy) steps[p->want] = p->graph->nsteps;
    assert_true(steps[PLAN_VALUE] > 0);
    assert_true(steps[PLAN_VALUE] < steps[PLAN_OUTPUTS] / 2);
    assert_true(steps[PLAN_VALUE | PLAN_OUTPUTS] >= steps[PLAN_OUTPUTS]);
    mien_net_free(toy);
    mien_net_free(map);
    mien_close(ctx);
}

/* One backbone, whoever comes first, which stays as long as anybody needs it. */
static void test_sharing(void **state) {
    float out[LABELS], again[LABELS];
    mien_net_info info = {.struct_size = sizeof info};
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    mien_net *head = load(ctx, "head"), *toy = load(ctx, "toy"), *map = load(ctx, "map");
    mien_net *second = load(ctx, "toy");
    assert_true(mien_net_shares(head, toy) && mien_net_shares(toy, map));
    assert_true(mien_net_shares(head, map));
    assert_false(mien_net_shares(second, head)); /* a program that loads twice has two */
    assert_int_equal(mien_net_info_get(head, &info), MIEN_OK);
    assert_string_equal(info.features_of, "toy@conv_6_dw");
    assert_true(info.channels == FEATURES && info.width == 1 && info.height == 1);
    assert_int_equal(mien_net_info_get(toy, &info), MIEN_OK);
    assert_true(info.channels == 3 && !*info.features_of);
    assert_int_equal(mien_attributes(head, shown(), faces, 1, out), MIEN_OK);
    mien_net_free(toy);
    mien_net_free(second);
    mien_close(ctx);
    assert_int_equal(mien_attributes(head, shown(), faces, 1, again), MIEN_OK);
    assert_memory_equal(out, again, sizeof out);
    mien_net_free(head);
    assert_int_equal(mien_attributes(map, shown(), faces, 1, out), MIEN_OK);
    mien_net_free(map);
}

/* Its own run takes the value itself. */
static void test_raw_run(void **state) {
    float value[FEATURES] = {1, -2, 3}, got[FEATURES];
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    mien_net *echo = load(ctx, "echo");
    mien_tensor in = {"", 1, 1, 1, FEATURES, value}, out = {"out", 1, 1, 1, FEATURES, got};
    assert_int_equal(mien_run(echo, &in, &out, 1), MIEN_OK);
    assert_memory_equal(got, value, sizeof value);
    in.c = 3;
    assert_int_equal(mien_run(echo, &in, &out, 1), MIEN_EINVAL);
    assert_non_null(strstr(mien_error(), "n x h x w x 8"));
    mien_net_free(echo);
    mien_close(ctx);
}

static void refused(mien_ctx *ctx, const struct head *h, int rc, const char *why) {
    mien_net *net;
    make_head("other", h);
    int got = mien_net_load(ctx, "other", &net);
    if (got != rc || net || !strstr(mien_error(), why) || !strstr(mien_error(), "other"))
        fail_msg("%s: %d, %s", h->features_of, got, got ? mien_error() : "");
}

static void test_errors(void **state) {
    static const struct {
        struct head head;
        int rc;
        const char *why;
    } cases[] = {
        {{"toy", "abc", 1, 8}, MIEN_EWEIGHTS, "is not NETWORK@VALUE"},
        {{"@conv_6_dw", "abc", 1, 8}, MIEN_EWEIGHTS, "is not NETWORK@VALUE"},
        {{"toy@", "abc", 1, 8}, MIEN_EWEIGHTS, "is not NETWORK@VALUE"},
        {{"none@conv_6_dw", "abc", 1, 8}, MIEN_EIO, "no network called 'none'"},
        {{"toy@conv_6_dw", "abd", 1, 8}, MIEN_EWEIGHTS, "features of another network 'toy'"},
        {{"toy@conv_9", "abc", 1, 8}, MIEN_EWEIGHTS, "no value called 'conv_9'"},
        {{"toy@conv_6", "abc", 1, 8}, MIEN_EWEIGHTS, "no value called 'conv_6'"},
        {{"toy@conv_6_dw", "abc", 1, 9}, MIEN_EWEIGHTS, "is 1x1x8, and 1x1x9 is read"},
        {{"toy@conv_3", "abc", 1, 8}, MIEN_EWEIGHTS, "is 28x28x4, and 1x1x8 is read"},
        {{"head@two", "abc", 1, 8}, MIEN_EWEIGHTS, "it reads features itself"},
        {{"other@two", "abc", 1, 8}, MIEN_EWEIGHTS, "it reads features itself"},
    };
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(ctx, &cases[i].head, cases[i].rc, cases[i].why);
    mien_close(ctx);
}

/* More values than a backbone keeps. */
static void test_too_many_values(void **state) {
    static const char *const of[] = {"toy@conv1",   "toy@conv2_dw", "toy@conv_23",
                                     "toy@conv_3",  "toy@conv_34",  "toy@conv_4",
                                     "toy@conv_45", "toy@conv_5",   "toy@conv_6_sep"};
    static const int sides[] = {56, 56, 28, 28, 14, 14, 7, 7, 7};
    mien_net *nets[9];
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    for (int i = 0; i < 9; i++) {
        struct head h = {of[i], "abc", sides[i], i < 8 ? 4 : 8};
        make_map_head("other", &h);
        assert_int_equal(mien_net_load(ctx, "other", &nets[i]),
                         i < 8 ? MIEN_OK : MIEN_EUNSUPPORTED);
    }
    assert_non_null(strstr(mien_error(), "more than 8 values of network 'toy' are read"));
    for (int i = 0; i < 9; i++) mien_net_free(nets[i]);
    mien_close(ctx);
}

static void test_values_listed(void **state) {
    static const char *const want[] = {"conv1", "conv2_dw", "conv_23.conv"};
    char path[128];
    mien_blob *blob;
    mien_value v = {.struct_size = sizeof v};
    int n = 0, found = 0;
    (void)state;
    path_of("toy", path);
    assert_int_equal(mien_blob_open(path, &blob), MIEN_OK);
    for (; mien_blob_value_at(blob, n, &v) == MIEN_OK; n++) {
        if (n < 3) assert_string_equal(v.name, want[n]);
        if (strcmp(v.name, "conv_4") == 0) found += v.width == 14 && v.channels == 4;
        if (strcmp(v.name, "conv_3") == 0) found += v.width == 28 && v.channels == 4;
        if (strcmp(v.name, "conv_6_dw") == 0) found += v.height == 1 && v.channels == FEATURES;
    }
    assert_int_equal(n, 2 + 6 * 3 + 3);
    assert_int_equal(found, 3);
    assert_int_equal(mien_blob_value_at(blob, -1, &v), MIEN_EINVAL);
    mien_blob_close(blob);
}

static void test_other_networks(void **state) {
    float out[EMBEDDING];
    float *const outs[] = {out};
    mien_net *none[] = {NULL};
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, NULL, 1);
    assert_int_equal(mien_run_faces(none, 1, shown(), faces, 1, outs), MIEN_EINVAL);
    assert_int_equal(mien_run_faces(NULL, 0, NULL, NULL, 0, NULL), MIEN_OK);
    mien_net *toy = load(ctx, "toy");
    assert_int_equal(mien_run_faces(&toy, 1, NULL, faces, 1, outs), MIEN_EINVAL);
    assert_int_equal(mien_run_faces(&toy, 1, NULL, NULL, 0, outs), MIEN_OK);
    mien_net_free(toy);
    mien_close(ctx);
}

/* "cuda": on a GPU, or the emulated one that MIEN_LIBCUDA names. */
int main(int argc, char **argv) {
    const struct CMUnitTest gpu[] = {
        cmocka_unit_test(test_same_bits_on_a_gpu),
        cmocka_unit_test(test_value),
        cmocka_unit_test(test_raw_run),
    };
    if (argc > 1 && strcmp(argv[1], "cuda") == 0)
        return cmocka_run_group_tests(gpu, make_all, remove_all);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),     cmocka_unit_test(test_value),
        cmocka_unit_test(test_pair),          cmocka_unit_test(test_plans),
        cmocka_unit_test(test_sharing),       cmocka_unit_test(test_raw_run),
        cmocka_unit_test(test_errors),        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_values_listed), cmocka_unit_test(test_other_networks),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
