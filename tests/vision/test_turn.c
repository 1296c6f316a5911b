/* mien_image_turn(), mien_face_turn(), image_reduce(), by hand. */
#include "check.h"
#include "mien.h"
#include "vision/image.h"

#include <string.h>

/* 3 x 2 pixels, of which the first byte is 10 y + x. */
static mien_image *source(void) {
    mien_image *img;
    assert_int_equal(mien_image_new(3, 2, &img), MIEN_OK);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 3; x++) img->pixels[y * img->pitch + 3 * x] = (uint8_t)(10 * y + x);
    return img;
}

static void is(const mien_image *img, int width, int height, const int *first) {
    assert_int_equal(img->width, width);
    assert_int_equal(img->height, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            assert_int_equal(img->pixels[y * img->pitch + 3 * x], first[y * width + x]);
}

static void images(void **state) {
    (void)state;
    static const int turned[4][6] = {
        {0, 1, 2, 10, 11, 12}, {10, 0, 11, 1, 12, 2}, {12, 11, 10, 2, 1, 0}, {2, 12, 1, 11, 0, 10}};
    mien_image *img = source(), *out;
    img->full_width = 6; /* read at half its size */
    img->full_height = 4;
    for (int q = 0; q < 4; q++) {
        assert_int_equal(mien_image_turn(img, 90 * q, &out), MIEN_OK);
        is(out, q % 2 ? 2 : 3, q % 2 ? 3 : 2, turned[q]);
        assert_int_equal(out->full_width, q % 2 ? 4 : 6);
        assert_int_equal(out->full_height, q % 2 ? 6 : 4);
        mien_image_free(out);
    }
    for (int d = 0; d < 3; d++) {
        static const int wrong[] = {45, -90, 360};
        assert_int_equal(mien_image_turn(img, wrong[d], &out), MIEN_EINVAL);
        assert_null(out);
    }
    assert_int_equal(mien_image_turn(NULL, 90, &out), MIEN_EINVAL);
    assert_int_equal(mien_image_turn(img, 90, NULL), MIEN_EINVAL);
    mien_image_free(img);
}

/* A face at 10,20..40,80 of an image of 100 x 200. */
static void faces(void **state) {
    (void)state;
    static const struct {
        int degrees;
        float box[4], eye[2];
    } want[] = {{0, {10, 20, 40, 80}, {15, 30}},
                {90, {120, 10, 180, 40}, {170, 15}},
                {180, {60, 120, 90, 180}, {85, 170}},
                {270, {20, 60, 80, 90}, {30, 85}}};
    for (int i = 0; i < 4; i++) {
        mien_face f = {.box = {10, 20, 40, 80}, .score = 0.5F, .landmarks = {{15, 30}}};
        assert_int_equal(mien_face_turn(&f, want[i].degrees, 100, 200), MIEN_OK);
        assert_memory_equal(f.box, want[i].box, sizeof f.box);
        assert_memory_equal(f.landmarks[0], want[i].eye, sizeof want[i].eye);
        assert_true(f.score == 0.5F);
    }
    mien_face f = {0};
    assert_int_equal(mien_face_turn(&f, 1, 100, 200), MIEN_EINVAL);
    assert_int_equal(mien_face_turn(NULL, 90, 100, 200), MIEN_EINVAL);
}

static void reduced(void **state) {
    (void)state;
    mien_image *img = source(), *out;
    assert_int_equal(image_reduce(img, 2, &out), MIEN_OK);
    assert_null(out); /* half of it would be less than 2 pixels */
    assert_int_equal(image_reduce(img, 1, &out), MIEN_OK);
    static const int means[] = {6, 7}; /* (0 + 1 + 10 + 11) / 4 and (2 + 12) / 2, rounded up */
    is(out, 2, 1, means);
    assert_int_equal(out->full_width, 3);
    assert_int_equal(out->full_height, 2);
    mien_image_free(out);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(faces),
                                       cmocka_unit_test(reduced)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
