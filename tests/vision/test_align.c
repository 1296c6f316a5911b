/* Alignment, against numpy's Umeyama and by hand. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"
#include "vision/align.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Umeyama 1991, eq. 40-43, in numpy with linalg.svd, onto the template: a, b, tx, ty. The second
 * face lies on its side, the third is small, the fourth is mirrored (eyes swapped), which a
 * similarity must not undo.
 */
static const struct {
    float from[5][2];
    double want[4];
} transforms[] = {
    {{{106.375f, 110.25f},
      {145.5f, 109},
      {127.75f, 139.25f},
      {112.5f, 156.25f},
      {141.25f, 155.25f}},
     {0.892512668, 0.017333325, -54.7102167, -49.8916165}},
    {{{300, 200}, {280, 262}, {240, 215}, {205, 196}, {190, 250}},
     {-0.074448682, -0.453253016, -27.6834378, 198.7624368}},
    {{{10, 10}, {12, 10}, {11, 11}, {10.25f, 12.5f}, {11.75f, 12.25f}},
     {17.428072521, 0.316571671, -132.1528636, -125.9045170}},
    {{{50, 40}, {20, 40}, {35, 60}, {46, 75}, {24, 75}},
     {0.298674922, -0.001676743, 45.4752866, 54.6363205}},
};

static void estimate(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct similarity t;
        assert_int_equal(align_estimate(transforms[i].from, align_template, &t), MIEN_OK);
        const double *want = transforms[i].want, got[4] = {t.a, t.b, t.tx, t.ty};
        /* The template is in floats here. */
        for (int k = 0; k < 4; k++)
            assert_true(fabs(got[k] - want[k]) < 2e-5 * (1 + fabs(want[k])));
    }
}

static void estimate_errors(void **state) {
    (void)state;
    float same[5][2] = {{3, 4}, {3, 4}, {3, 4}, {3, 4}, {3, 4}};
    float nan[5][2] = {{3, 4}, {NAN, 4}, {3, 7}, {1, 4}, {3, 2}};
    float inf[5][2] = {{3, 4}, {INFINITY, 4}, {3, 7}, {1, 4}, {3, 2}};
    struct similarity t;
    assert_int_equal(align_estimate((const float(*)[2])same, align_template, &t), MIEN_EINVAL);
    assert_int_equal(align_estimate((const float(*)[2])nan, align_template, &t), MIEN_EINVAL);
    assert_int_equal(align_estimate((const float(*)[2])inf, align_template, &t), MIEN_EINVAL);
}

/* Whole-pixel shifts are exact, quarter turns are, and outside is black. */
static void warp(void **state) {
    (void)state;
    mien_image *img = pattern(20, 10);
    static uint8_t out[10][20][3], turned[20][10][3];
    align_warp(img, &(struct similarity){1, 0, 3, -2}, &out[0][0][0], 60, 20, 10);
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 20; x++)
            for (int c = 0; c < 3; c++) {
                int in = x - 3 >= 0 && y + 2 < 10;
                int want = in ? img->pixels[(y + 2) * img->pitch + 3 * (x - 3) + c] : 0;
                assert_int_equal(out[y][x][c], want);
            }
    align_warp(img, &(struct similarity){0, 1, 9, 0}, &turned[0][0][0], 30, 10, 20);
    for (int y = 0; y < 20; y++)
        for (int x = 0; x < 10; x++)
            assert_memory_equal(turned[y][x], img->pixels + (9 - x) * img->pitch + 3 * y, 3);
    /* Half a pixel to the right: the mean of two neighbours, the first with black. */
    align_warp(img, &(struct similarity){1, 0, 0.5, 0}, &out[0][0][0], 60, 20, 10);
    assert_int_equal(out[0][0][0], (img->pixels[0] + 1) / 2);
    assert_int_equal(out[0][1][0], (img->pixels[0] + img->pixels[3] + 1) / 2);
    mien_image_free(img);
}

/* The crop shows the same face whether the picture was decoded whole or at half its scale. */
static void reduced_picture(void **state) {
    (void)state;
    mien_image *img = pattern(801, 603), *whole, *half;
    for (int i = 0; i < 603 * 801; i++) /* some structure: soft stripes */
        for (int c = 0; c < 3; c++) {
            double x = i % 801, y = i / 801.0;
            img->pixels[i / 801 * img->pitch + 3 * (i % 801) + c] =
                (uint8_t)(128 + 60 * sin(x / 30 + c) + 60 * sin(y / 25 - c));
        }
    struct file f = make_jpeg(img, &(struct jpeg_options){0});
    mien_decode_options opt = {.struct_size = sizeof opt, .min_side = 400};
    assert_int_equal(mien_image_decode(NULL, f.at, f.n, NULL, &whole), MIEN_OK);
    assert_int_equal(mien_image_decode(NULL, f.at, f.n, &opt, &half), MIEN_OK);
    assert_int_equal(half->width, 401);
    mien_face faces[2] = {0};
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 2; j++) {
            faces[0].landmarks[i][j] = transforms[0].from[i][j] * 3 - 100;
            faces[1].landmarks[i][j] = transforms[1].from[i][j] * 2;
        }
    static uint8_t a[2][112 * 112 * 3], b[2][112 * 112 * 3];
    assert_int_equal(mien_align(whole, faces, 2, a[0]), MIEN_OK);
    assert_int_equal(mien_align(half, faces, 2, b[0]), MIEN_OK);
    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (int i = 0; i < 112 * 112 * 3; i++) sum += abs(a[k][i] - b[k][i]);
        assert_true(sum / (112 * 112 * 3) < 1);
    }
    mien_image_free(img);
    mien_image_free(whole);
    mien_image_free(half);
    file_free(&f);
}

/* The face that a crop is: aligning it gives the crop back. */
static void crop_face(void **state) {
    (void)state;
    enum { PITCH = 3 * MIEN_CROP_SIDE + 5 };
    static uint8_t pixels[MIEN_CROP_SIDE * PITCH], crop[MIEN_CROP_SIDE][3 * MIEN_CROP_SIDE];
    mien_face face;
    memset(&face, 0xff, sizeof face);
    mien_crop_face(&face);
    assert_true(face.box[0] == 0 && face.box[1] == 0 && face.box[2] == 112 && face.box[3] == 112);
    assert_true(face.score == 1);
    /* InsightFace's left eye and right corner of the mouth */
    assert_true(face.landmarks[0][0] == 38.2946f && face.landmarks[0][1] == 51.6963f);
    assert_true(face.landmarks[4][0] == 70.7299f && face.landmarks[4][1] == 92.2041f);
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * i % 251);
    mien_image *img;
    assert_int_equal(mien_image_from(pixels, MIEN_RGB, MIEN_CROP_SIDE, MIEN_CROP_SIDE, PITCH, &img),
                     MIEN_OK);
    assert_int_equal(mien_align(img, &face, 1, crop[0]), MIEN_OK);
    for (int y = 0; y < MIEN_CROP_SIDE; y++)
        for (int i = 0; i < 3 * MIEN_CROP_SIDE; i++)
            assert_true(abs(crop[y][i] - pixels[y * PITCH + i]) <= 1);
    mien_image_free(img);
}

/* A square of 28 pixels into rows of 30. */
static int cut(struct resized *r, const mien_image *img, const float box[4], float margin,
               float *got) {
    struct kern k;
    kern_init(&k, NULL);
    struct rect_f part = square_around(box, margin);
    int rc = crop_part(r, img, &part, RESIZE_TRIANGLE, 28, 28, 1);
    if (rc == MIEN_OK) resize_rows(r, &k, 0, 28, KERN_F32, got, 90, 0);
    return rc;
}

/* A box of 20x10 with margin 0.2: a square of 28 around its middle. */
static void square(void **state) {
    (void)state;
    mien_image *img = pattern(60, 60);
    struct resized r = {0};
    static float got[28][30][3];
    const float box[4] = {20, 25, 40, 35}; /* so from 16,16 to 44,44 */
    assert_int_equal(cut(&r, img, box, 0.2f, &got[0][0][0]), MIEN_OK);
    for (int y = 0; y < 28; y++)
        for (int i = 0; i < 84; i++) {
            float want = img->pixels[(y + 16) * img->pitch + 48 + i];
            assert_true(fabsf((&got[y][0][0])[i] - want) < 0.01f);
        }
    /* Over the corner: black beyond it. */
    const float corner[4] = {-14, -14, 14, 14};
    assert_int_equal(cut(&r, img, corner, 0, &got[0][0][0]), MIEN_OK);
    for (int x = 0; x < 28; x++) assert_true(got[5][x][0] == 0);
    assert_true(got[20][5][0] == 0 && got[14][14][0] == img->pixels[0]);
    /* At half scale, coordinates stay those of the original. */
    img->full_width = img->full_height = 120;
    const float doubled[4] = {40, 50, 80, 70};
    assert_int_equal(cut(&r, img, doubled, 0.2f, &got[0][0][0]), MIEN_OK);
    assert_true(fabsf(got[3][4][0] - img->pixels[19 * img->pitch + 60]) < 0.01f);
    resize_free(&r);
    mien_image_free(img);
}

static void errors(void **state) {
    (void)state;
    mien_image *img = pattern(60, 60);
    mien_face faces[2] = {0};
    static uint8_t crops[2 * 112 * 112 * 3];
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 2; j++) faces[0].landmarks[i][j] = align_template[i][j];
    assert_int_equal(mien_align(img, faces, 2, crops), MIEN_EINVAL);
    assert_non_null(strstr(err_text(), "face 1: the five landmarks coincide"));
    assert_int_equal(mien_align(img, NULL, 1, crops), MIEN_EINVAL);
    assert_int_equal(mien_align(img, faces, -1, crops), MIEN_EINVAL);
    assert_int_equal(mien_align(NULL, faces, 1, crops), MIEN_EINVAL);
    assert_int_equal(mien_align(img, NULL, 0, NULL), MIEN_OK);
    struct rect_f none = {5, 5, 5, 5};
    struct resized r = {0};
    assert_int_equal(crop_part(&r, img, &none, RESIZE_TRIANGLE, 1, 1, 1), MIEN_EINVAL);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimate),  cmocka_unit_test(estimate_errors),
        cmocka_unit_test(warp),      cmocka_unit_test(reduced_picture),
        cmocka_unit_test(crop_face), cmocka_unit_test(square),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
