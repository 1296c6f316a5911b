/* Networks that read features of the embedder: one run for all of them, and the same results as
 * each by itself gives, however the faces are divided. */
#include "analysis/analysis.h"
#include "analysis/result_json.h"

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

enum { FEATURES = 512, LABELS = 3, FACES = 5 };

static char path[] = "/tmp/mien-shared-XXXXXX.safetensors";
static struct networks networks;
static mien_image *picture;
static mien_face faces[FACES];
static const struct network *embedder, *head;

/* A network of one layer on what the embedder has before its last one. */
static int write_head(const char *sha256) {
    char header[2048];
    int fd = mkstemps(path, 12);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f) return -1;
    int n = snprintf(
        header, sizeof header,
        "{\"__metadata__\":{\"mien\":\"1\",\"name\":\"head\",\"arch\":\"graph\",\"task\":"
        "\"attributes\",\"preprocess\":\"{\\\"crop\\\":\\\"aligned\\\"}\",\"features_of\":"
        "\"mobilefacenet-192@conv_6_dw\",\"features_sha256\":\"%s\",\"input\":\"{\\\"width\\\":1,"
        "\\\"height\\\":1,\\\"channels\\\":\\\"FEATURES\\\",\\\"count\\\":%d}\",\"graph\":"
        "\"{\\\"nodes\\\":[[\\\"input\\\",[],{}],[\\\"fc\\\",[0],{\\\"name\\\":\\\"f\\\","
        "\\\"height\\\":1,\\\"width\\\":1}]],\\\"outputs\\\":[[\\\"out\\\",1]],\\\"size\\\":"
        "\\\"fixed\\\",\\\"multiple_of\\\":1}\",\"attributes\":\"[{\\\"name\\\":\\\"mood\\\","
        "\\\"kind\\\":\\\"distribution\\\",\\\"labels\\\":[\\\"a\\\",\\\"b\\\",\\\"c\\\"],"
        "\\\"output\\\":\\\"out\\\",\\\"decode\\\":\\\"softmax\\\"}]\"},\"f.weight\":{\"dtype\":"
        "\"F32\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}}",
        sha256, FEATURES, LABELS, FEATURES, 4 * LABELS * FEATURES);
    while (n % 8) header[n++] = ' ';
    uint64_t size = (uint64_t)n;
    fwrite(&size, sizeof size, 1, f);
    fwrite(header, 1, size, f);
    for (int i = 0; i < LABELS * FEATURES; i++) {
        float w = (float)(i * 7919 % 101 - 50) * 0.01f;
        fwrite(&w, sizeof w, 1, f);
    }
    return fclose(f);
}

static int load(struct network *n, const char *name) {
    return mien_net_load(networks.ctx, name, &n->net) || mien_net_info_get(n->net, &n->info);
}

static int load_all(mien_ctx *ctx) {
    char *file = NULL, photo[4096];
    mien_blob *blob = NULL;
    const char *sha256 = NULL;
    networks_init(&networks, ctx);
    if (mien_net_path(ctx, "mobilefacenet-192", &file) == MIEN_OK &&
        mien_blob_open(file, &blob) == MIEN_OK)
        sha256 = mien_blob_meta(blob, "source_sha256");
    int rc = sha256 ? write_head(sha256) : -1;
    mien_blob_close(blob);
    free(file);
    struct network *e = &networks.at[MIEN_TASK_EMBED - 1];
    struct network *h = &networks.at[MIEN_TASK_ATTRIBUTES - 1];
    if (rc || load(e, "mobilefacenet-192") || load(h, path)) return -1;
    embedder = e;
    head = h;
    snprintf(photo, sizeof photo, "%s/photos/sample1.jpg", mien_weights_dir(ctx));
    for (int i = 0; i < FACES; i++) {
        mien_crop_face(&faces[i]);
        for (int k = 0; k < 5; k++) faces[i].landmarks[k][0] += (float)(9 * i);
    }
    return mien_image_load(ctx, photo, NULL, &picture);
}

static struct item item_of(const struct network *network) {
    return (struct item){.network = network, .image = picture, .faces = faces, .n = FACES};
}

static size_t bytes_of(const struct network *network) {
    return FACES * (size_t)item_width(network) * sizeof(float);
}

static void test_items(void **state) {
    (void)state;
    struct item apart[2] = {item_of(embedder), item_of(head)};
    struct item together = item_of(embedder), pieces, *one;
    for (int i = 0; i < 2; i++) {
        one = &apart[i];
        items_run(&one, 1);
        assert_int_equal(one->rc, MIEN_OK);
    }
    together.also[together.nalso++] = head;
    pieces = together;
    assert_false(items_join(&together, &apart[0]));
    assert_true(items_join(&together, &pieces));
    one = &together;
    items_run(&one, 1);
    assert_int_equal(together.rc, MIEN_OK);
    assert_true(together.aligning > 0 && together.also_part[0] > 0 && together.also_part[0] < 1);
    while (pieces.ran < FACES) item_run_piece(&pieces, pieces.ran < FACES - 1 ? 2 : 1);
    assert_memory_equal(together.values, apart[0].values, bytes_of(embedder));
    assert_memory_equal(together.also_values[0], apart[1].values, bytes_of(head));
    assert_memory_equal(pieces.values, apart[0].values, bytes_of(embedder));
    assert_memory_equal(pieces.also_values[0], apart[1].values, bytes_of(head));
    size_t norms = FACES * sizeof *apart[0].norms;
    assert_true(apart[0].norms[0] > 1 && !apart[1].norms);
    assert_memory_equal(together.norms, apart[0].norms, norms);
    assert_memory_equal(pieces.norms, apart[0].norms, norms);
    item_clear(&apart[0]);
    item_clear(&apart[1]);
    item_clear(&together);
    item_clear(&pieces);
}

/* A runner that counts what is submitted. */
struct counting {
    struct runner runner;
    struct direct_runner direct;
    int submitted;
};

static void count_submit(struct runner *r, struct item *item) {
    struct counting *c = (struct counting *)r;
    c->submitted++;
    c->direct.runner.submit(&c->direct.runner, item);
}

static int count_wait(struct runner *r) {
    struct counting *c = (struct counting *)r;
    return c->direct.runner.wait(&c->direct.runner);
}

/* Both steps of a picture are one item, and each has its results and its time. */
static void test_steps(void **state) {
    (void)state;
    steps_t steps = analysis_steps(&networks, MIEN_RESULT_EMBEDDING) |
                    analysis_steps(&networks, MIEN_RESULT_ATTRIBUTES);
    const struct analysis_options options = {
        .steps = steps, .top = 1, .quality = 1, .told.of[MIEN_TASK_ATTRIBUTES - 1] = 1};
    struct counting c = {.runner = {count_submit, count_wait}};
    struct analysis a, *list[] = {&a};
    direct_runner_init(&c.direct);
    analysis_begin(&a, &networks, &options, picture, &c.runner);
    a.faces = malloc(sizeof faces);
    assert_non_null(a.faces);
    memcpy(a.faces, faces, sizeof faces);
    a.nfaces = FACES;
    assert_int_equal(analysis_end(list, 1, &c.runner), 0);
    assert_int_equal(a.rc, MIEN_OK);
    assert_int_equal(c.submitted, 1 + 1); /* and the measures */
    assert_int_equal(a.done, steps & ~(1U << (MIEN_TASK_LANDMARKS - 1)));
    const struct item *embedding = analysis_item(&a, MIEN_RESULT_EMBEDDING);
    const struct item *mood = analysis_item(&a, MIEN_RESULT_ATTRIBUTES);
    assert_true(embedding && mood && mood->network == head);
    assert_true(a.seconds[MIEN_TASK_EMBED - 1] > 0 && a.seconds[MIEN_TASK_ATTRIBUTES - 1] > 0);
    struct item alone = item_of(head), *one = &alone;
    items_run(&one, 1);
    assert_memory_equal(alone.values, mood->values, bytes_of(head));
    item_clear(&alone);
    int failed = 0;
    json_t *face = result_face(&a, 1, &failed);
    assert_int_equal(failed, 0);
    assert_non_null(json_object_get(face, "mood"));
    assert_int_equal(json_array_size(json_object_get(face, "embedding")), 192);
    const json_t *quality = json_object_get(face, "quality");
    double norm = json_number_value(json_object_get(quality, "feature_norm"));
    assert_true(fabs(norm - (double)embedding->norms[1]) < 1e-3);
    assert_true(json_is_number(json_object_get(quality, "unified_score")));
    json_decref(face);
    analysis_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_steps),
    };
    mien_ctx *ctx;
    if (mien_open(NULL, &ctx)) return fprintf(stderr, "%s\n", mien_error()), 1;
    int rc = load_all(ctx);
    if (rc)
        printf("skipped: %s\n", mien_error());
    else
        rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    mien_image_free(picture);
    networks_free(&networks);
    mien_close(ctx);
    return rc < 0 ? 77 : rc;
}
