/* The tasks of mien.h on the default networks: arguments, batches, threads. Skipped without
 * weights. */
#include "mien.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CAPACITY = 64, EMBEDDING = 192 };

static mien_ctx *ctx;
enum { AGE_VALUES = 3 }; /* of age-gender-faceapi: age, and the probabilities of male and female */
static mien_net *detector, *embedder, *classifier, *age_gender;

/* Smooth blobs on a gradient: not a face, but every network has something to say about it. */
static mien_image *picture(int width, int height, int seed) {
    mien_image *img;
    assert_int_equal(mien_image_new(width, height, &img), 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                img->pixels[y * img->pitch + 3 * x + c] =
                    (uint8_t)(128 + (x * (3 + c) + y * (5 - c) + seed * x * y / 97) % 113 - 56);
    return img;
}

static mien_face face_in(const mien_image *img) {
    float w = (float)img->width, h = (float)img->height;
    return (mien_face){.box = {0.3f * w, 0.3f * h, 0.7f * w, 0.7f * h},
                       .score = 1,
                       .landmarks = {{0.42f * w, 0.45f * h},
                                     {0.58f * w, 0.44f * h},
                                     {0.5f * w, 0.52f * h},
                                     {0.44f * w, 0.6f * h},
                                     {0.57f * w, 0.61f * h}}};
}

static void embed(const mien_image *img, float *out) {
    static const size_t crop_size = 112 * 112 * 3;
    uint8_t *crop = malloc(crop_size);
    mien_face face = face_in(img);
    assert_int_equal(mien_align(img, &face, 1, crop), 0);
    assert_int_equal(mien_embed(embedder, crop, 1, out), 0);
    free(crop);
}

/* The length of what the network gives is told beside the embedding, by whatever function, and a
 * measured network says what it is worth. */
static void test_norms(void **state) {
    (void)state;
    enum { PIXELS = 112 * 112 * 3 };
    static uint8_t crops[2][PIXELS];
    static float values[PIXELS];
    float raw[EMBEDDING], out[2][EMBEDDING], norms[2], shared[2], *outs[] = {out[0]};
    float *lengths[] = {shared};
    mien_image *img = picture(300, 200, 3);
    const mien_image *images[] = {img, img};
    mien_face faces[2] = {face_in(img), face_in(img)};
    faces[1].landmarks[2][0] += 9;
    assert_int_equal(mien_align(img, faces, 2, crops[0]), 0);
    assert_int_equal(mien_embed_norms(embedder, crops[0], 2, out[0], norms), 0);
    assert_int_equal(mien_run_faces_norms(&embedder, 1, images, faces, 2, outs, lengths), 0);
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < PIXELS; k++) values[k] = crops[i][k];
        mien_tensor input = {.data = values, .n = 1, .h = 112, .w = 112, .c = 3};
        mien_tensor output = {
            .name = "embedding", .data = raw, .n = 1, .h = 1, .w = 1, .c = EMBEDDING};
        assert_int_equal(mien_run(embedder, &input, &output, 1), 0);
        double sum = 0;
        for (int k = 0; k < EMBEDDING; k++) sum += (double)raw[k] * (double)raw[k];
        assert_true(fabs(sqrt(sum) - (double)norms[i]) < 1e-3 * sqrt(sum));
        assert_true(shared[i] == norms[i]);
    }
    assert_true(norms[0] != norms[1]);
    assert_int_equal(mien_embed_norms(embedder, crops[0], 2, out[0], NULL), MIEN_EINVAL);
    mien_image_free(img);
}

static void test_what_a_norm_is_worth(void **state) {
    (void)state;
    const float norms[] = {20, 45, 52.5f, 60, 80}, worth[] = {0, 0.2f, 0.5f, 0.8f, 1};
    mien_image *img = picture(200, 200, 3);
    mien_face face = face_in(img);
    for (int i = 0; i < 5; i++) {
        mien_quality q = {.struct_size = sizeof q}, told;
        assert_int_equal(mien_face_quality(img, &face, &q), 0);
        assert_true(q.feature_norm == 0 && q.unified_score == -1);
        told = q;
        assert_int_equal(mien_quality_add_norm(embedder, norms[i], &told), 0);
        assert_true(told.feature_norm == norms[i]);
        assert_true(fabsf(told.unified_score - worth[i]) < 1e-6f);
        assert_int_equal(told.reasons ^ q.reasons,
                         worth[i] < 0.5f ? 1U << MIEN_QUALITY_WEAK_FEATURES : 0);
        assert_true(told.score == q.score && told.inside == q.inside);
    }
    mien_quality q = {.struct_size = sizeof q};
    assert_int_equal(mien_quality_add_norm(detector, 1, &q), MIEN_EINVAL);
    assert_int_equal(mien_quality_add_norm(embedder, 1, NULL), MIEN_EINVAL);
    mien_image_free(img);
}

static void test_info(void **state) {
    (void)state;
    mien_net_info info = {.struct_size = sizeof info};
    assert_int_equal(mien_net_info_get(embedder, &info), 0);
    assert_int_equal(info.task, MIEN_TASK_EMBED);
    assert_int_equal(info.embedding_size, EMBEDDING);
    assert_int_equal(mien_net_info_get(classifier, &info), 0);
    assert_int_equal(info.classes, 1000);
    assert_string_equal(mien_class_label(classifier, 0), "tench");
    assert_null(mien_class_label(classifier, 1000));
}

static void test_wrong_arguments(void **state) {
    (void)state;
    mien_image *img = picture(64, 48, 1);
    const mien_image *list[] = {img};
    mien_face faces[CAPACITY];
    int count = 7;
    assert_int_equal(mien_detect(classifier, list, 1, NULL, CAPACITY, faces, &count), MIEN_EINVAL);
    assert_int_equal(count, 0);
    assert_non_null(strstr(mien_error(), "does not detect faces"));
    mien_detect_options opt = {.struct_size = sizeof opt, .threshold = 2};
    assert_int_equal(mien_detect(detector, list, 1, &opt, CAPACITY, faces, &count), MIEN_EINVAL);
    opt = (mien_detect_options){.struct_size = sizeof opt,
                                .search = (enum mien_search)(MIEN_SEARCH_THOROUGH + 1)};
    assert_int_equal(mien_detect(detector, list, 1, &opt, CAPACITY, faces, &count), MIEN_EINVAL);
    assert_int_equal(mien_detect(detector, list, 1, NULL, 0, faces, &count), MIEN_EINVAL);
    mien_class classes[5];
    assert_int_equal(mien_classify(classifier, list, 1, 1001, classes), MIEN_EINVAL);
    mien_image broken = *img;
    broken.pitch = 1;
    list[0] = &broken;
    assert_int_equal(mien_classify(classifier, list, 1, 5, classes), MIEN_EINVAL);
    mien_image_free(img);
}

/* However many looks a picture gets: a crowd of 23 pictures gives what each gives alone, bit for
 * bit, and each is told how it was turned. */
static void test_searches(void **state) {
    (void)state;
    enum { N = 23 };
    const mien_image *list[N];
    for (int i = 0; i < N; i++) list[i] = picture(i % 3 ? 200 : 331, 60 + 20 * (i % 10), i);
    for (int search = MIEN_SEARCH_AUTO; search <= MIEN_SEARCH_THOROUGH; search++) {
        mien_face together[N][CAPACITY], alone[CAPACITY];
        int counts[N], count, turned[N], one, found = 0;
        mien_detect_options opt = {.struct_size = sizeof opt,
                                   .threshold = 1e-4f,
                                   .size = 160,
                                   .search = (enum mien_search)search,
                                   .turned = turned};
        assert_int_equal(mien_detect(detector, list, N, &opt, CAPACITY, together[0], counts), 0);
        opt.turned = &one;
        for (int i = 0; i < N; i++) {
            assert_int_equal(mien_detect(detector, &list[i], 1, &opt, CAPACITY, alone, &count), 0);
            assert_int_equal(count, counts[i]);
            assert_int_equal(one, turned[i]);
            assert_memory_equal(alone, together[i], (size_t)count * sizeof *alone);
            found += count;
        }
        assert_true(found > 0);
    }
    for (int i = 0; i < N; i++) mien_image_free((mien_image *)(uintptr_t)list[i]);
}

/* How small a JPEG may be decoded for a search. */
static void test_min_side(void **state) {
    (void)state;
    static const struct {
        enum mien_search search;
        int size, side;
    } cases[] = {{MIEN_SEARCH_FAST, 160, 160}, {MIEN_SEARCH_FAST, 0, 0},
                 {MIEN_SEARCH_AUTO, -1, 1600}, {MIEN_SEARCH_AUTO, 2000, 2000},
                 {MIEN_SEARCH_AUTO, 0, 0},     {MIEN_SEARCH_THOROUGH, 160, 0},
                 {MIEN_SEARCH_THOROUGH, -1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mien_detect_options opt = {
            .struct_size = sizeof opt, .size = cases[i].size, .search = cases[i].search};
        int side = 7;
        assert_int_equal(mien_detect_min_side(detector, &opt, &side), MIEN_OK);
        assert_int_equal(side, cases[i].side);
    }
    int side = 7;
    assert_int_equal(mien_detect_min_side(classifier, NULL, &side), MIEN_EINVAL);
    assert_int_equal(side, 0);
    assert_int_equal(mien_detect_min_side(NULL, NULL, &side), MIEN_EINVAL);
}

/* Pictures of more sizes than there are plans at work at once give what each gives alone, bit for
 * bit. */
static void test_batches(void **state) {
    (void)state;
    enum { N = 23 };
    const mien_image *list[N];
    for (int i = 0; i < N; i++) list[i] = picture(i % 3 ? 200 : 331, 60 + 20 * (i % 10), i);
    mien_detect_options opt = {.struct_size = sizeof opt, .threshold = 1e-4f, .size = 160};
    mien_face together[N][CAPACITY], alone[CAPACITY];
    int counts[N], count, found = 0;
    assert_int_equal(mien_detect(detector, list, N, &opt, CAPACITY, together[0], counts), 0);
    mien_class all[N][3], one[3];
    assert_int_equal(mien_classify(classifier, list, N, 3, all[0]), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(mien_detect(detector, &list[i], 1, &opt, CAPACITY, alone, &count), 0);
        assert_int_equal(count, counts[i]);
        assert_memory_equal(alone, together[i], (size_t)count * sizeof *alone);
        found += count;
        assert_int_equal(mien_classify(classifier, &list[i], 1, 3, one), 0);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(one[k].index, all[i][k].index);
            assert_memory_equal(&one[k].score, &all[i][k].score, sizeof(float));
        }
        mien_image_free((mien_image *)(uintptr_t)list[i]);
    }
    assert_true(found > 0); /* else the comparison of faces compared nothing */
}

/* A raw run of more images than threads, of as many, and of one alone. */
static void test_raw_batches(void **state) {
    (void)state;
    enum { N = 5, VALUES = 112 * 112 * 3 };
    float *input = malloc(sizeof(float) * N * VALUES), all[N][EMBEDDING], some[N][EMBEDDING];
    for (int i = 0; i < N * VALUES; i++) input[i] = (float)((i * 31 + i / VALUES * 7) % 256);
    mien_tensor in = {.n = N, .h = 112, .w = 112, .c = 3, .data = input};
    mien_tensor out = {"embedding", N, 1, 1, EMBEDDING, all[0]};
    assert_int_equal(mien_run(embedder, &in, &out, 1), 0);
    for (int n = 1; n < N; n++) {
        in.n = out.n = n;
        in.data = input + (size_t)(N - n) * VALUES;
        out.data = some[0];
        assert_int_equal(mien_run(embedder, &in, &out, 1), 0);
        assert_memory_equal(some, all[N - n], sizeof(float) * (size_t)n * EMBEDDING);
    }
    assert_true(memcmp(all[0], all[1], sizeof all[0]) != 0);
    out.n = N;
    assert_int_equal(mien_run(embedder, &in, &out, 1), MIEN_EINVAL);
    in.n = out.n = 0;
    assert_int_equal(mien_run(embedder, &in, &out, 1), MIEN_EINVAL);
    mien_plan_info one = {.struct_size = sizeof one}, four = one, five = one;
    assert_int_equal(mien_net_plan(embedder, 1, 112, 112, &one), 0);
    assert_int_equal(mien_net_plan(embedder, 4, 112, 112, &four), 0);
    assert_int_equal(mien_net_plan(embedder, 5, 112, 112, &five), 0);
    assert_int_equal(five.batch, 5);
    assert_int_equal(five.macs, 5 * one.macs);
    assert_int_equal(four.arena_bytes, 2 * one.arena_bytes); /* two threads, an image each */
    free(input);
}

/* An item that fails in a worker's thread: its sentence is the caller's. */
static void test_item_fails(void **state) {
    (void)state;
    enum { N = 6 };
    mien_image *img = picture(80, 60, 4);
    const mien_image *images[N];
    mien_face faces[N];
    float out[N][AGE_VALUES];
    for (int i = 0; i < N; i++) images[i] = img;
    for (int bad = 0; bad < N; bad++) {
        for (int i = 0; i < N; i++) faces[i] = face_in(img);
        faces[bad].box[0] = (float)NAN;
        assert_int_equal(mien_net_load(ctx, "no-such-network", &(mien_net *){NULL}), MIEN_EIO);
        assert_int_not_equal(mien_attributes(age_gender, images, faces, N, out[0]), 0);
        assert_null(strstr(mien_error(), "no-such-network"));
    }
    mien_image_free(img);
}

static void test_embedding_is_a_direction(void **state) {
    (void)state;
    float a[EMBEDDING], b[EMBEDDING];
    mien_image *img = picture(240, 260, 2), *other = picture(240, 260, 9);
    embed(img, a);
    embed(other, b);
    double norm = 0;
    for (int i = 0; i < EMBEDDING; i++) norm += (double)a[i] * a[i];
    assert_true(norm > 0.99999 && norm < 1.00001);
    assert_true(mien_similarity(a, a, EMBEDDING) > 0.99999f);
    assert_true(mien_similarity(a, b, EMBEDDING) < 0.999f);
    mien_image_free(img);
    mien_image_free(other);
}

/* At the rates that were measured it is what was measured; the rarer, the more alike, up to 1; 1e-7
 * by a line through 1e-4 and 1e-5 of the normal quantile: .611 + (.611 - .540) * .934447 / .545875.
 */
static void test_strangers_are_alike(void **state) {
    (void)state;
    static const double rates[] = {0.5, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-9};
    float at, before = -1;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        assert_int_equal(mien_impostor_similarity(embedder, rates[i], &at), MIEN_OK);
        assert_true(at > before && at < 1);
        before = at;
    }
    assert_int_equal(mien_impostor_similarity(embedder, 1e-3, &at), MIEN_OK);
    assert_true(fabsf(at - 0.456f) < 1e-5f);
    assert_int_equal(mien_impostor_similarity(embedder, 1e-7, &at), MIEN_OK);
    assert_true(fabsf(at - 0.73254f) < 1e-4f);
    assert_int_equal(mien_impostor_similarity(embedder, 1e-300, &at), MIEN_OK);
    assert_true(at == 1);
    assert_int_equal(mien_impostor_similarity(embedder, 0, &at), MIEN_EINVAL);
    assert_int_equal(mien_impostor_similarity(embedder, NAN, &at), MIEN_EINVAL);
    assert_int_equal(mien_impostor_similarity(age_gender, 0.1, &at), MIEN_EINVAL);
}

static double log_ratio(float similarity, int samples) {
    double ratio;
    assert_int_equal(mien_log_likelihood_ratio(embedder, similarity, samples, &ratio), MIEN_OK);
    return ratio;
}

/* The more alike, the likelier one person; the more samples, the less a low similarity does. At .4
 * of one sample by hand: a Student distribution of mean .741 and deviation .108 has a density of
 * .05453 there, and a normal one of deviation .1409 2.6749 deviations off its mean .07912. */
static void test_what_a_similarity_says(void **state) {
    (void)state;
    double ratio;
    for (int samples = 1; samples < 100; samples *= 3)
        for (float s = -1; s < 1; s += 0.01f)
            assert_true(log_ratio(s + 0.01f, samples) >= log_ratio(s, samples));
    assert_true(log_ratio(0.1f, 1) < -3 && log_ratio(0.7f, 1) > 8);
    assert_true(log_ratio(0.5f, 1) > log_ratio(0.5f, 3));
    assert_true(fabs(log_ratio(0.4f, 1) - -0.3722) < 0.01);
    assert_int_equal(mien_log_likelihood_ratio(age_gender, 0.5f, 1, &ratio), MIEN_EINVAL);
}

/* Boxes at and beyond the border, and of no size: an answer or an error, never a crash. */
static void test_odd_faces(void **state) {
    (void)state;
    mien_image *img = picture(50, 40, 3);
    static const float boxes[][4] = {{-30, -30, 20, 20},
                                     {40, 30, 90, 90},
                                     {10, 10, 10, 10},
                                     {-9e9f, 0, 9e9f, 10},
                                     {200, 200, 300, 300}};
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        mien_face face = face_in(img);
        float result[AGE_VALUES] = {-1};
        memcpy(face.box, boxes[i], sizeof face.box);
        int rc = mien_attributes(age_gender, (const mien_image **)&img, &face, 1, result);
        if (rc == 0) assert_true(result[0] >= 0 && fmaxf(result[1], result[2]) >= 0.5f);
    }
    mien_image_free(img);
}

/* Faces of several pictures in one call get what each would get alone. */
static void test_faces_of_several_pictures(void **state) {
    (void)state;
    enum { N = 5 };
    mien_image *img[2] = {picture(80, 60, 4), picture(120, 200, 7)};
    const mien_image *images[N];
    mien_face faces[N];
    float out[N][AGE_VALUES], alone[AGE_VALUES];
    for (int i = 0; i < N; i++) {
        images[i] = img[i % 2];
        faces[i] = face_in(images[i]);
    }
    assert_int_equal(mien_attributes(age_gender, images, faces, N, out[0]), 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(mien_attributes(age_gender, &images[i], &faces[i], 1, alone), 0);
        assert_memory_equal(out[i], alone, sizeof alone);
    }
    assert_memory_not_equal(out[0], out[1], sizeof out[0][0]);
    mien_image_free(img[0]);
    mien_image_free(img[1]);
}

struct caller {
    int seed, failed;
};

/* Aligned on its way, and aligned before: the same numbers, for any batch. */
static void test_embed_faces(void **state) {
    (void)state;
    enum { N = 5 };
    const mien_image *list[N];
    mien_image *images[N];
    mien_face faces[N];
    static float want[N][EMBEDDING], got[N][EMBEDDING];
    for (int i = 0; i < N; i++) {
        images[i] = picture(150 + 40 * i, 260 - 30 * i, i);
        list[i] = images[i];
        faces[i] = face_in(images[i]);
        embed(images[i], want[i]);
        /* A CPU reads pixels where they are. */
        assert_int_equal(mien_image_upload(ctx, images[i]), MIEN_OK);
        assert_null(images[i]->resident);
    }
    assert_int_equal(mien_embed_faces(embedder, list, faces, N, got[0]), MIEN_OK);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(mien_embed_faces(embedder, list, faces, 0, NULL), MIEN_OK);
    assert_int_equal(mien_embed_faces(detector, list, faces, N, got[0]), MIEN_EINVAL);
    assert_int_equal(mien_embed_faces(embedder, NULL, faces, N, got[0]), MIEN_EINVAL);
    for (int i = 0; i < 5; i++) faces[3].landmarks[i][0] = faces[3].landmarks[i][1] = 7;
    assert_int_equal(mien_embed_faces(embedder, list, faces, N, got[0]), MIEN_EINVAL);
    assert_non_null(strstr(mien_error(), "face 3"));
    mien_image broken = {0};
    list[1] = &broken;
    assert_int_equal(mien_embed_faces(embedder, list, faces, N, got[0]), MIEN_EINVAL);
    assert_int_equal(mien_image_upload(ctx, &broken), MIEN_EINVAL);
    for (int i = 0; i < N; i++) mien_image_free(images[i]);
}

static void *call(void *arg) {
    struct caller *c = arg;
    mien_image *img = picture(160, 120, c->seed);
    const mien_image *list[] = {img};
    float first[EMBEDDING], again[EMBEDDING];
    mien_detect_options opt = {.struct_size = sizeof opt, .threshold = 1e-4f, .size = 96};
    mien_face faces[CAPACITY], same[CAPACITY];
    int count, recount;
    embed(img, first);
    c->failed |= mien_detect(detector, list, 1, &opt, CAPACITY, faces, &count) != 0;
    for (int i = 0; i < 10; i++) {
        embed(img, again);
        c->failed |= memcmp(first, again, sizeof first) != 0;
        c->failed |= mien_detect(detector, list, 1, &opt, CAPACITY, same, &recount) != 0;
        c->failed |= count != recount || memcmp(faces, same, (size_t)count * sizeof *faces) != 0;
    }
    mien_image_free(img);
    return NULL;
}

static void test_threads_share_networks(void **state) {
    (void)state;
    enum { N = 4 };
    pthread_t ids[N];
    struct caller callers[N];
    for (int i = 0; i < N; i++) {
        callers[i] = (struct caller){.seed = i + 1};
        assert_int_equal(pthread_create(&ids[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(ids[i], NULL);
        assert_false(callers[i].failed);
    }
}

static void test_errors_belong_to_threads(void **state) {
    (void)state;
    mien_net *net;
    assert_int_equal(mien_net_load(ctx, "no-such-network", &net), MIEN_EIO);
    assert_null(net);
    assert_non_null(strstr(mien_error(), "no-such-network"));
    mien_options opt = {.struct_size = sizeof opt, .device = MIEN_DEVICE_CUDA};
    mien_ctx *none;
    assert_int_equal(mien_open(&opt, &none), MIEN_EDEVICE);
    assert_null(none);
    opt = (mien_options){.struct_size = sizeof(mien_options), .precision = MIEN_FP16};
    assert_int_equal(mien_open(&opt, &none), MIEN_EUNSUPPORTED);
    opt = (mien_options){.struct_size = sizeof(mien_options), .backend = "abacus"};
    assert_int_equal(mien_open(&opt, &none), MIEN_EINVAL);
    assert_non_null(strstr(mien_error(), "abacus"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_what_a_norm_is_worth),
        cmocka_unit_test(test_wrong_arguments),
        cmocka_unit_test(test_searches),
        cmocka_unit_test(test_min_side),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_raw_batches),
        cmocka_unit_test(test_item_fails),
        cmocka_unit_test(test_embedding_is_a_direction),
        cmocka_unit_test(test_strangers_are_alike),
        cmocka_unit_test(test_what_a_similarity_says),
        cmocka_unit_test(test_odd_faces),
        cmocka_unit_test(test_faces_of_several_pictures),
        cmocka_unit_test(test_embed_faces),
        cmocka_unit_test(test_threads_share_networks),
        cmocka_unit_test(test_errors_belong_to_threads),
    };
    if (mien_open(&(mien_options){.struct_size = sizeof(mien_options), .threads = 2}, &ctx))
        return 1;
    if (mien_net_load(ctx, "retinaface-mnet025-v2", &detector) ||
        mien_net_load(ctx, "mobilefacenet-192", &embedder) ||
        mien_net_load(ctx, "resnet50-imagenet", &classifier) ||
        mien_net_load(ctx, "age-gender-faceapi", &age_gender)) {
        printf("skipped: %s\n", mien_error());
        mien_net_free(detector);
        mien_net_free(embedder);
        mien_net_free(classifier);
        mien_close(ctx);
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mien_net_free(detector);
    mien_net_free(embedder);
    mien_net_free(classifier);
    mien_net_free(age_gender);
    mien_close(ctx);
    return failed;
}
