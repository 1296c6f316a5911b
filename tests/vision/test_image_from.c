/* Images of a program's own pixels: every format, against pixels computed by hand. */
#include "check.h"
#include "mien.h"

#include <string.h>

/* Two rows of two pixels and what lies behind a row; pitch 11 for all formats. */
enum { PITCH = 11, SIDE = 2 };

/* The same colours in every format: red 200, 10, 30, then 0, 1, 2; 255, 128, 7, then 90, 90, 90. */
static const uint8_t want[SIDE][3 * SIDE] = {{200, 10, 30, 0, 1, 2}, {255, 128, 7, 90, 90, 90}};
#define X 0xEE /* nobody's */
static uint8_t rgb[SIDE * PITCH] = {200, 10,  30, 0,  1,  2,  X, X, X, X, X,
                                    255, 128, 7,  90, 90, 90, X, X, X, X, X};
static const uint8_t bgr[SIDE * PITCH] = {30, 10,  200, 2,  1,  0,  X, X, X, X, X,
                                          7,  128, 255, 90, 90, 90, X, X, X, X, X};
static const uint8_t rgba[SIDE * PITCH] = {200, 10,  30, 255, 0,  1,  2,  255, X, X, X,
                                           255, 128, 7,  255, 90, 90, 90, 255, X, X, X};
static const uint8_t bgra[SIDE * PITCH] = {30, 10,  200, 255, 2,  1,  0,  255, X, X, X,
                                           7,  128, 255, 255, 90, 90, 90, 255, X, X, X};

static void assert_pixels(const mien_image *img, const uint8_t pixels[SIDE][3 * SIDE]) {
    assert_int_equal(img->width, SIDE);
    assert_int_equal(img->height, SIDE);
    assert_int_equal(img->full_width, SIDE);
    assert_int_equal(img->full_height, SIDE);
    for (int y = 0; y < SIDE; y++)
        assert_memory_equal(img->pixels + y * img->pitch, pixels[y], 3 * SIDE);
}

/* RGB is the program's memory itself, and stays it. */
static void rgb_is_not_copied(void **state) {
    (void)state;
    uint8_t before[sizeof rgb];
    memcpy(before, rgb, sizeof rgb);
    mien_image *img;
    assert_int_equal(mien_image_from(rgb, MIEN_RGB, SIDE, SIDE, PITCH, &img), MIEN_OK);
    assert_ptr_equal(img->pixels, rgb);
    assert_int_equal(img->pitch, PITCH);
    assert_int_equal(img->borrowed, 1);
    assert_int_equal(img->has_alpha, 0);
    assert_pixels(img, want);
    mien_image_free(img); /* of static memory, which free() would not survive */
    assert_memory_equal(rgb, before, sizeof rgb);
}

static void drawing_writes_through(void **state) {
    (void)state;
    static uint8_t pixels[64 * 64 * 3];
    mien_image *img;
    assert_int_equal(mien_image_from(pixels, MIEN_RGB, 64, 64, 0, &img), MIEN_OK);
    assert_int_equal(img->pitch, 64 * 3);
    mien_face face = {.box = {10, 10, 50, 50}, .landmarks = {{20, 20}, {40, 20}, {30, 30}}};
    assert_int_equal(mien_draw_face(img, &face, NULL, 0), MIEN_OK);
    mien_image_free(img);
    int drawn = 0;
    for (size_t i = 0; i < sizeof pixels; i++) drawn += pixels[i] != 0;
    assert_true(drawn > 100);
}

static void others_are_copied(void **state) {
    (void)state;
    static const struct {
        enum mien_pixels format;
        const uint8_t *pixels;
    } formats[] = {{MIEN_BGR, bgr}, {MIEN_RGBA, rgba}, {MIEN_BGRA, bgra}};
    for (int i = 0; i < 3; i++) {
        uint8_t given[SIDE * PITCH];
        mien_image *img;
        memcpy(given, formats[i].pixels, sizeof given);
        assert_int_equal(mien_image_from(given, formats[i].format, SIDE, SIDE, PITCH, &img),
                         MIEN_OK);
        assert_memory_equal(given, formats[i].pixels, sizeof given);
        memset(given, 0, sizeof given); /* may go at once */
        assert_int_equal(img->borrowed, 0);
        assert_int_equal(img->has_alpha, 0);
        assert_pixels(img, want);
        mien_image_free(img);
    }
}

static void grey(void **state) {
    (void)state;
    static const uint8_t pixels[] = {0, 255, X, 7, 128, X};
    static const uint8_t grey[SIDE][3 * SIDE] = {{0, 0, 0, 255, 255, 255},
                                                 {7, 7, 7, 128, 128, 128}};
    mien_image *img;
    assert_int_equal(mien_image_from(pixels, MIEN_GREY, SIDE, SIDE, 3, &img), MIEN_OK);
    assert_pixels(img, grey);
    mien_image_free(img);
}

/* Over white: 200 at 128/255 is 200 * 128/255 + 127 = 227.4, and so on; nothing of a pixel of alpha
 * 0 is left. */
static void transparency(void **state) {
    (void)state;
    static const uint8_t pixels[] = {200, 10, 30, 128, 9, 9, 9, 0, 0, 0, 0, 51, 1, 2, 3, 255};
    static const uint8_t straight[SIDE][3 * SIDE] = {{227, 132, 142, 255, 255, 255},
                                                     {204, 204, 204, 1, 2, 3}};
    static const uint8_t swapped[SIDE][3 * SIDE] = {{142, 132, 227, 255, 255, 255},
                                                    {204, 204, 204, 3, 2, 1}};
    mien_image *img;
    assert_int_equal(mien_image_from(pixels, MIEN_RGBA, SIDE, SIDE, 0, &img), MIEN_OK);
    assert_int_equal(img->has_alpha, 1);
    assert_pixels(img, straight);
    mien_image_free(img);
    assert_int_equal(mien_image_from(pixels, MIEN_BGRA, SIDE, SIDE, 8, &img), MIEN_OK);
    assert_int_equal(img->has_alpha, 1);
    assert_pixels(img, swapped);
    mien_image_free(img);
}

static void errors(void **state) {
    (void)state;
    static const struct {
        int no_pixels, format, width, height;
        ptrdiff_t pitch;
        const char *why;
    } bad[] = {
        {1, MIEN_RGB, 2, 2, 0, "not possible"},      {0, MIEN_RGB, 0, 2, 0, "not possible"},
        {0, MIEN_RGB, 2, -1, 0, "not possible"},     {0, MIEN_GREY, 1 << 25, 2, 0, "not possible"},
        {0, MIEN_RGB, 2, 2, 5, "does not hold"},     {0, MIEN_RGBA, 2, 2, 7, "does not hold"},
        {0, MIEN_GREY, 2, 2, 1, "does not hold"},    {0, MIEN_BGR, 2, 2, -6, "does not hold"},
        {0, MIEN_GREY + 1, 2, 2, 0, "no format of"}, {0, -1, 2, 2, 0, "no format of"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mien_image *img = (mien_image *)rgb;
        assert_int_equal(mien_image_from(bad[i].no_pixels ? NULL : rgb,
                                         (enum mien_pixels)bad[i].format, bad[i].width,
                                         bad[i].height, bad[i].pitch, &img),
                         MIEN_EINVAL);
        assert_null(img);
        assert_non_null(strstr(mien_error(), bad[i].why));
    }
    assert_int_equal(mien_image_from(rgb, MIEN_RGB, 2, 2, 0, NULL), MIEN_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rgb_is_not_copied), cmocka_unit_test(drawing_writes_through),
        cmocka_unit_test(others_are_copied), cmocka_unit_test(grey),
        cmocka_unit_test(transparency),      cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
