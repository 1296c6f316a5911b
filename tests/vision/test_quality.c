/* What is measured of a face: made pictures whose measures are known, and worse and worse ones. */
#include "check.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = MIEN_CROP_SIDE };

/* A grey picture of the size of a crop, so that the crop is the picture. */
static mien_image *picture(double (*luma)(int x, int y, double by), double by) {
    mien_image *img;
    assert_int_equal(mien_image_new(SIDE, SIDE, &img), MIEN_OK);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double v = fmin(255, fmax(0, luma(x, y, by)));
            memset(img->pixels + y * img->pitch + 3 * (ptrdiff_t)x, (int)(v + 0.5), 3);
        }
    return img;
}

static mien_quality measured_at(const mien_image *img, double dx, double dy) {
    mien_quality q = {.struct_size = sizeof q};
    mien_face face;
    mien_crop_face(&face);
    for (int i = 0; i < 5; i++) {
        face.landmarks[i][0] += (float)dx;
        face.landmarks[i][1] += (float)dy;
    }
    assert_int_equal(mien_face_quality(img, &face, &q), MIEN_OK);
    assert_true(q.score >= 0 && q.score <= 1);
    return q;
}

static mien_quality measured(double (*luma)(int x, int y, double by), double by) {
    mien_image *img = picture(luma, by);
    mien_quality q = measured_at(img, 0, 0);
    mien_image_free(img);
    return q;
}

static int has(const mien_quality *q, enum mien_quality_reason reason) {
    return (int)(q->reasons >> reason & 1);
}

static void near(double got, double want, double by) {
    if (!(fabs(got - want) <= by)) fail_msg("%g instead of %g", got, want);
}

static double flat(int x, int y, double by) {
    (void)x;
    (void)y;
    return by;
}

/* Columns of black and white, `by` wide. */
static double stripes(int x, int y, double by) {
    (void)y;
    return x / (int)by % 2 ? 255 : 0;
}

/* Normal numbers of Box and Muller around grey. */
static double noise(int x, int y, double by) {
    static unsigned long seed;
    double u[2];
    if (x == 0 && y == 0) seed = 1;
    for (int i = 0; i < 2; i++) {
        seed = seed * 6364136223846793005UL + 1442695040888963407UL;
        u[i] = ((double)(seed >> 33) + 1) / 2147483649.0;
    }
    return 128 + by * sqrt(-2 * log(u[0])) * cos(2 * acos(-1) * u[1]);
}

static void light(void **state) {
    (void)state;
    mien_quality q = measured(stripes, 1);
    near(q.dark, 0.5, 0.01);
    near(q.bright, 0.5, 0.01);
    near(q.contrast, 0.5, 0.001);
    q = measured(flat, 25);
    assert_true(q.dark == 1 && q.bright == 0 && q.contrast == 0 && q.noise == 0);
    assert_true(has(&q, MIEN_QUALITY_DARK) && has(&q, MIEN_QUALITY_FLAT) && q.score == 0);
    assert_false(has(&q, MIEN_QUALITY_BRIGHT) || has(&q, MIEN_QUALITY_NOISY));
    q = measured(flat, 26);
    assert_true(q.dark == 0);
    q = measured(flat, 247);
    assert_true(q.bright == 1 && has(&q, MIEN_QUALITY_BRIGHT));
    q = measured(flat, 246);
    assert_true(q.bright == 0);
}

static void noises(void **state) {
    (void)state;
    for (int sigma = 5; sigma <= 40; sigma += 5) {
        mien_quality q = measured(noise, sigma);
        near(q.noise, sigma, 0.05 * sigma);
        assert_int_equal(has(&q, MIEN_QUALITY_NOISY), q.noise > 17);
    }
}

/* An edge every 28 pixels, after the mean of `by` of them. */
static double edges(int x, int y, double by) {
    double sum = 0;
    for (int i = 0; i < (int)by; i++) {
        int u = x + i - (int)by / 2 + 56, v = y + i - (int)by / 2 + 56;
        sum += (u / 28 % 2 ? 60 : -60) + (v / 28 % 2 ? 60 : -60);
    }
    return 128 + sum / by;
}

static void sharpness(void **state) {
    (void)state;
    double last = 1;
    for (int by = 1; by <= 13; by += 2) {
        mien_quality q = measured(edges, by);
        assert_true(q.sharpness < last);
        last = q.sharpness;
    }
    /* An edge's differences are one of 120; another blur leaves a ninth of it: 8/9 are lost. */
    mien_quality q = measured(edges, 1);
    near(q.sharpness, 8.0 / 9, 1e-4);
    assert_false(has(&q, MIEN_QUALITY_BLURRED));
    q = measured(edges, 13);
    assert_true(has(&q, MIEN_QUALITY_BLURRED));
}

/* Half of the ellipse lies to the left of the picture, then all of it. */
static void cut_off(void **state) {
    (void)state;
    mien_image *img = picture(edges, 1);
    mien_quality whole = measured_at(img, 0, 0), half = measured_at(img, -56, 0),
                 none = measured_at(img, -200, 0);
    assert_true(whole.inside == 1);
    near(half.inside, 0.5, 0.01);
    assert_true(has(&half, MIEN_QUALITY_CUT_OFF) && !has(&whole, MIEN_QUALITY_CUT_OFF));
    assert_true(none.inside == 0 && none.score == 0 && has(&none, MIEN_QUALITY_CUT_OFF));
    mien_image_free(img);
}

/* Coordinates are those of the original, whatever scale it was decoded at. */
static void sizes(void **state) {
    (void)state;
    mien_image *img = picture(edges, 1);
    mien_quality full = measured_at(img, 0, 0), half;
    near(full.eye_distance, 73.5318 - 38.2946, 0.5);
    img->full_width = img->full_height = 2 * SIDE;
    mien_face face;
    mien_crop_face(&face);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++) face.landmarks[i][k] = 2 * face.landmarks[i][k] + 0.5f;
    half = (mien_quality){.struct_size = sizeof half};
    assert_int_equal(mien_face_quality(img, &face, &half), MIEN_OK);
    near(half.eye_distance, 2 * (double)full.eye_distance, 1e-3);
    near(half.sharpness, full.sharpness, 1e-3);
    near(half.contrast, full.contrast, 1e-3);
    mien_image_free(img);
}

/* A face whose nose is beside its eyes looks aside. */
static void turned(void **state) {
    (void)state;
    mien_image *img = picture(edges, 1);
    mien_quality ahead = measured_at(img, 0, 0), aside = {.struct_size = sizeof aside};
    mien_face face;
    mien_crop_face(&face);
    face.landmarks[2][0] += 45;
    assert_int_equal(mien_face_quality(img, &face, &aside), MIEN_OK);
    assert_true(ahead.turned < 15 && aside.turned > 50);
    assert_true(has(&aside, MIEN_QUALITY_TURNED) && !has(&ahead, MIEN_QUALITY_TURNED));
    mien_image_free(img);
}

static void names(void **state) {
    (void)state;
    assert_string_equal(mien_quality_reason_name(MIEN_QUALITY_SMALL), "small");
    assert_string_equal(mien_quality_reason_name(MIEN_QUALITY_BLURRED), "blurred");
    assert_string_equal(mien_quality_reason_name(MIEN_QUALITY_CUT_OFF), "cut_off");
    assert_string_equal(mien_quality_reason_name(MIEN_QUALITY_WEAK_FEATURES), "weak_features");
    for (int i = 0; i <= MIEN_QUALITY_WEAK_FEATURES; i++)
        assert_non_null(mien_quality_reason_name(i));
    assert_null(mien_quality_reason_name(MIEN_QUALITY_WEAK_FEATURES + 1));
    assert_null(mien_quality_reason_name(-1));
}

static void errors(void **state) {
    (void)state;
    mien_image *img = picture(flat, 100);
    mien_quality q = {.struct_size = sizeof q}, unsized = {.struct_size = 0};
    mien_face face = {.score = 1}, good;
    mien_crop_face(&good);
    assert_int_equal(mien_face_quality(img, &face, &q), MIEN_EINVAL);
    assert_non_null(strstr(mien_error(), "landmarks coincide"));
    face.landmarks[3][0] = NAN;
    assert_int_equal(mien_face_quality(img, &face, &q), MIEN_EINVAL);
    assert_int_equal(mien_face_quality(img, NULL, &q), MIEN_EINVAL);
    assert_int_equal(mien_face_quality(img, &good, NULL), MIEN_EINVAL);
    assert_int_equal(mien_face_quality(NULL, &good, &q), MIEN_EINVAL);
    assert_int_equal(mien_face_quality(img, &good, &unsized), MIEN_EINVAL);
    /* What an older program's struct has no room for stays out. */
    q = (mien_quality){.struct_size = offsetof(mien_quality, eye_distance), .eye_distance = -7};
    assert_int_equal(mien_face_quality(img, &good, &q), MIEN_OK);
    assert_true(q.eye_distance == -7 && has(&q, MIEN_QUALITY_FLAT));
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light),   cmocka_unit_test(noises), cmocka_unit_test(sharpness),
        cmocka_unit_test(cut_off), cmocka_unit_test(sizes),  cmocka_unit_test(turned),
        cmocka_unit_test(names),   cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
