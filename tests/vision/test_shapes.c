/* What charts are drawn with: areas that are covered, and what is refused. */
#include "mien.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 64 };

/* The sum of a red drawing's red, in pixels. */
static double covered(const mien_image *image) {
    double sum = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            sum += image->pixels[y * image->pitch + 3 * x] / 255.0;
    return sum;
}

static void near(double a, double b, double by) {
    if (!(fabs(a - b) <= by)) fail_msg("%g is not %g", a, b);
}

static mien_image *blank(void) {
    mien_image *image;
    assert_int_equal(mien_image_new(SIDE, SIDE, &image), MIEN_OK);
    return image;
}

static void polygons(void **state) {
    (void)state;
    const float triangle[][2] = {{10, 10}, {50, 10}, {10, 40}};
    const float outside[][2] = {{-100, -100}, {32, -100}, {32, 200}, {-100, 200}};
    mien_image *image = blank();
    assert_int_equal(mien_draw_polygon(image, triangle, 3, 0xff0000, 1), MIEN_OK);
    near(covered(image), 600, 3);
    assert_int_equal(image->pixels[20 * image->pitch + 3 * 15 + 1], 0); /* red alone */
    mien_image_free(image);
    image = blank();
    assert_int_equal(mien_draw_polygon(image, outside, 4, 0xff0000, 0.5f), MIEN_OK);
    near(covered(image), 0.5 * 32 * SIDE, 10);
    mien_image_free(image);
}

/* A line's area is its length times its width and a disc at its ends, however it turns; pieces that
 * overlap are not drawn twice. */
static void lines(void **state) {
    (void)state;
    const float straight[][2] = {{10, 20.5f}, {50, 20.5f}},
                back[][2] = {{10, 32}, {50, 32}, {10, 32}};
    const double ends = 2 * sqrt(2) * 9; /* an octagon of radius 3 */
    mien_image *image = blank();
    assert_int_equal(mien_draw_line(image, straight, 2, 6, 0xff0000), MIEN_OK);
    near(covered(image), 40 * 6 + ends, 3);
    mien_image_free(image);
    image = blank();
    assert_int_equal(mien_draw_line(image, back, 3, 6, 0xff0000), MIEN_OK);
    near(covered(image), 40 * 6 + ends, 8);
    mien_image_free(image);
}

/* More pieces than one path holds. */
static void long_line(void **state) {
    (void)state;
    enum { POINTS = 2001 };
    float points[POINTS][2];
    for (int i = 0; i < POINTS; i++) {
        points[i][0] = 10 + 0.02f * (float)i;
        points[i][1] = 30;
    }
    mien_image *image = blank();
    assert_int_equal(mien_draw_line(image, (const float(*)[2])points, POINTS, 4, 0xff0000),
                     MIEN_OK);
    near(covered(image), 40 * 4 + 2 * sqrt(2) * 4, 4);
    mien_image_free(image);
}

static void texts(void **state) {
    (void)state;
    mien_image *image = blank();
    float width = mien_text_width("Hello", 20);
    assert_true(width > 40 && width < 80);
    near(mien_text_width("HelloHello", 10), width, 0.01);
    assert_int_equal(mien_draw_text(image, "Hello", 2, 40, 20, 0xff0000), MIEN_OK);
    assert_true(covered(image) > 100 && covered(image) < 700);
    for (int x = 0; x < SIDE; x++) /* H, e, l, l and o have nothing below the line */
        assert_int_equal(image->pixels[42 * image->pitch + 3 * x], 0);
    mien_image_free(image);
}

static void refused(void **state) {
    (void)state;
    const float bad[][2] = {{0, 0}, {NAN, 1}, {1, 1}};
    static float many[1025][2];
    mien_image *image = blank();
    assert_int_equal(mien_draw_polygon(image, bad, 3, 0, 1), MIEN_EINVAL);
    assert_int_equal(mien_draw_polygon(image, bad, -1, 0, 1), MIEN_EINVAL);
    assert_int_equal(mien_draw_polygon(image, NULL, 3, 0, 1), MIEN_EINVAL);
    assert_int_equal(mien_draw_polygon(image, (const float(*)[2])many, 1025, 0, 1), MIEN_EINVAL);
    assert_int_equal(mien_draw_polygon(image, (const float(*)[2])many, 3, 0, 1.5f), MIEN_EINVAL);
    assert_int_equal(mien_draw_polygon(NULL, (const float(*)[2])many, 3, 0, 1), MIEN_EINVAL);
    assert_int_equal(mien_draw_line(image, bad, 3, 1, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_line(image, bad, 1, 0, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_text(image, NULL, 0, 0, 10, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_text(image, "x", NAN, 0, 10, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_text(image, "x", 0, 0, NAN, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_polygon(image, NULL, 0, 0, 1), MIEN_OK);
    assert_int_equal(mien_draw_line(image, NULL, 0, 1, 0), MIEN_OK);
    assert_true(covered(image) == 0 && mien_text_width(NULL, 10) == 0);
    mien_image_free(image);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(polygons), cmocka_unit_test(lines),
                                       cmocka_unit_test(long_line), cmocka_unit_test(texts),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
