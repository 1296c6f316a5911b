/* Two embedders as one: its embeddings are those of both, its similarity is their mean, whoever
 * else shares the runs; and the sentence for each way in which two do not go together. */
#include "mien.h"
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FACES = 9, SIZE = 6, BOTH = 2 * SIZE };

static char folder[] = "/tmp/mien-pair-XXXXXX";
static mien_image *images[FACES];
static mien_face faces[FACES];
static uint8_t crops[FACES][MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3];
static const char *const files[] = {"a", "b", "whole+name", "d+e/a"};

static const char *file(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    return path;
}

static const mien_image *const *shown(void) {
    return (const mien_image *const *)images;
}

static int make_all(void **state) {
    struct blobmaker random;
    char sub[128];
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(sub, sizeof sub, "%s/d+e", folder);
    if (mkdir(sub, 0700)) return -1;
    blobmaker_open(&random, 3);
    for (int i = 0; i < FACES; i++) {
        if (mien_image_new(MIEN_CROP_SIDE, MIEN_CROP_SIDE, &images[i])) return -1;
        uint8_t *pixels = images[i]->pixels;
        for (size_t k = 0; k < sizeof crops[i]; k++)
            pixels[k] = crops[i][k] = (uint8_t)blobmaker_int(&random, 0, 255);
        mien_crop_face(&faces[i]);
    }
    toy_embedder(file("a"), "a", "aa", 11);
    toy_embedder(file("b"), "b", "bb", 12);
    toy_embedder(file("whole+name"), "whole+name", "cc", 13);
    toy_embedder(file("d+e/a"), "far", "dd", 14);
    return 0;
}

static int remove_all(void **state) {
    char sub[128];
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(file(files[i]));
    for (int i = 0; i < FACES; i++) mien_image_free(images[i]);
    snprintf(sub, sizeof sub, "%s/d+e", folder);
    return rmdir(sub) | rmdir(folder);
}

static mien_ctx *open_context(enum mien_precision precision, int threads) {
    mien_options o = {.struct_size = sizeof o,
                      .weights_dir = folder,
                      .precision = precision,
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

static void expect_both(const float a[][SIZE], const float b[][SIZE], const float got[][BOTH],
                        int n) {
    for (int i = 0; i < n; i++)
        for (int k = 0; k < SIZE; k++) {
            assert_true(fabs(sqrt(0.5) * (double)a[i][k] - (double)got[i][k]) < 1e-6);
            assert_true(fabs(sqrt(0.5) * (double)b[i][k] - (double)got[i][SIZE + k]) < 1e-6);
        }
}

static void compare(enum mien_precision precision, int threads, int n) {
    static float a[FACES][SIZE], b[FACES][SIZE], got[FACES][BOTH], again[FACES][BOTH];
    float lengths[FACES], of_a[FACES];
    mien_ctx *ctx = open_context(precision, threads);
    mien_net *one = load(ctx, "a"), *other = load(ctx, "b"), *pair = load(ctx, "a+b");
    assert_int_equal(mien_embed_norms(one, crops[0], n, a[0], of_a), MIEN_OK);
    assert_int_equal(mien_embed(other, crops[0], n, b[0]), MIEN_OK);
    assert_int_equal(mien_embed_norms(pair, crops[0], n, got[0], lengths), MIEN_OK);
    expect_both(a, b, got, n);
    assert_memory_equal(lengths, of_a, sizeof *lengths * (size_t)n);
    for (int i = 1; i < n; i++) {
        float mean = (mien_similarity(a[0], a[i], SIZE) + mien_similarity(b[0], b[i], SIZE)) / 2;
        assert_true(fabsf(mien_similarity(got[0], got[i], BOTH) - mean) < 1e-6f);
    }
    /* the same bits by every way to ask for them */
    assert_int_equal(mien_embed_faces(pair, shown(), faces, n, again[0]), MIEN_OK);
    assert_memory_equal(again, got, sizeof got[0] * (size_t)n);
    memset(again, 0, sizeof again);
    mien_net *nets[] = {other, pair};
    float *const out[] = {b[0], again[0]}, *const norms[] = {NULL, lengths};
    assert_int_equal(mien_run_faces_norms(nets, 2, shown(), faces, n, out, norms), MIEN_OK);
    assert_memory_equal(again, got, sizeof got[0] * (size_t)n);
    assert_memory_equal(lengths, of_a, sizeof *lengths * (size_t)n);
    mien_net_free(one);
    mien_net_free(other);
    mien_close(ctx);
    mien_net_free(pair);
}

static void test_embeddings(void **state) {
    (void)state;
    for (int n = 1; n <= FACES; n += 4) {
        compare(MIEN_FP32, 1, n);
        compare(MIEN_FP32, 2, n);
        compare(MIEN_BF16, 2, n);
    }
}

static void test_info(void **state) {
    mien_net_info a = {.struct_size = sizeof a}, b = a, both = a;
    mien_times times = {.struct_size = sizeof times};
    float out[BOTH];
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, 1);
    mien_net *nets[] = {load(ctx, "a"), load(ctx, "b"), load(ctx, "a+b")};
    assert_int_equal(mien_net_info_get(nets[0], &a), MIEN_OK);
    assert_int_equal(mien_net_info_get(nets[1], &b), MIEN_OK);
    assert_int_equal(mien_net_info_get(nets[2], &both), MIEN_OK);
    assert_string_equal(both.name, "a+b");
    assert_string_equal(both.arch, "mobilefacenet");
    assert_int_equal(both.task, MIEN_TASK_EMBED);
    assert_int_equal(both.embedding_size, BOTH);
    assert_int_equal(both.width, 112);
    assert_true(both.parameters == a.parameters + b.parameters && a.parameters > 0);
    assert_true(both.file_bytes == a.file_bytes + b.file_bytes);
    assert_true(fabsf(both.same_person - 0.4f) < 1e-6f);
    assert_int_equal(mien_embed_faces(nets[2], shown(), faces, 1, out), MIEN_OK);
    assert_int_equal(mien_net_times(nets[2], &times), MIEN_OK);
    assert_true(times.pixels == 2 * 112 * 112); /* counted, not timed: each has run once */
    assert_true(mien_net_shares(nets[2], nets[2]) && !mien_net_shares(nets[0], nets[1]));
    for (int i = 0; i < 3; i++) mien_net_free(nets[i]);
    mien_close(ctx);
}

/* What asks about layers is told that there are two. */
static void test_no_layers(void **state) {
    mien_plan_info plan = {.struct_size = sizeof plan};
    mien_tensor tensor = {.n = 1};
    double seconds;
    char *text;
    float out[BOTH];
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, 1);
    mien_net *pair = load(ctx, "a+b");
    assert_int_equal(mien_net_outputs(pair), 0);
    assert_null(mien_net_output_name(pair, 0));
    assert_int_equal(mien_net_output_shape(pair, 0, 1, 112, 112, &tensor), MIEN_EINVAL);
    assert_string_equal(mien_error(), "'a+b' is two networks: ask each of them");
    assert_int_equal(mien_net_plan(pair, 1, 112, 112, &plan), MIEN_EINVAL);
    assert_int_equal(mien_net_plan_text(pair, 1, 112, 112, &text), MIEN_EINVAL);
    assert_int_equal(mien_run(pair, &tensor, NULL, 0), MIEN_EINVAL);
    assert_int_equal(mien_net_device_time(pair, 1, 112, 112, 1, &seconds), MIEN_EINVAL);
    assert_int_equal(mien_calibrate_begin(pair), MIEN_EINVAL);
    assert_int_equal(mien_calibrate_save(pair, "/tmp/no"), MIEN_EINVAL);
    assert_int_equal(mien_attributes(pair, shown(), faces, 1, out), MIEN_EINVAL);
    mien_net_free(pair);
    mien_close(ctx);
}

static void expect_parts(const mien_ctx *ctx, const char *name, const char *first,
                         const char *second) {
    char *part;
    assert_int_equal(mien_net_part(ctx, name, 0, &part), MIEN_OK);
    assert_string_equal(part, first);
    free(part);
    assert_int_equal(mien_net_part(ctx, name, 1, &part), second ? MIEN_OK : MIEN_EINVAL);
    if (second) assert_string_equal(part, second);
    free(part);
    assert_int_equal(mien_net_part(ctx, name, 2, &part), MIEN_EINVAL);
    assert_int_equal(mien_net_part(ctx, name, -1, &part), MIEN_EINVAL);
    assert_null(part);
}

/* A plus is a part of a name where there is a file of that. */
static void test_names(void **state) {
    char path[160], joined[320], sentence[200];
    mien_net *net;
    (void)state;
    mien_ctx *ctx = open_context(MIEN_FP32, 1);
    expect_parts(ctx, "a", "a", NULL);
    expect_parts(ctx, "a+b", "a", "b");
    expect_parts(ctx, "no+where", "no", "where");
    expect_parts(ctx, "whole+name", "whole+name", NULL);
    expect_parts(ctx, "whole+name+b", "whole+name", "b");
    expect_parts(ctx, "b+whole+name", "b", "whole+name");
    snprintf(path, sizeof path, "%s", file("d+e/a"));
    snprintf(joined, sizeof joined, "%s+b", path);
    expect_parts(ctx, path, path, NULL);
    expect_parts(ctx, joined, path, "b");
    mien_net_free(load(ctx, joined));
    mien_net_free(load(ctx, "whole+name"));

    static const struct {
        const char *name;
        int rc;
        const char *sentence;
    } wrong[] = {
        {"a+", MIEN_EINVAL, "'a+' is not NETWORK+NETWORK, two embedders that work as one"},
        {"+a", MIEN_EINVAL, "'+a' is not NETWORK+NETWORK, two embedders that work as one"},
        {"+", MIEN_EINVAL, "'+' is not NETWORK+NETWORK, two embedders that work as one"},
        {"a+b+a", MIEN_EINVAL, "'a+b+a' is not NETWORK+NETWORK, two embedders that work as one"},
        {"a+a", MIEN_EINVAL, "'a+a': that is one network twice"},
        {"a+none", MIEN_EIO, "no network called 'none' in "},
        {"none+b", MIEN_EIO, "no network called 'none' in "},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(mien_net_load(ctx, wrong[i].name, &net), wrong[i].rc);
        assert_null(net);
        snprintf(sentence, strlen(wrong[i].sentence) + 1, "%s", mien_error());
        assert_string_equal(sentence, wrong[i].sentence);
    }
    mien_close(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embeddings),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_no_layers),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
