/* JPEGs that are cut off and read all the same, down to the rows they have. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"

#include <stdio.h>
#include <string.h>

#define W 96
#define H 160

static const mien_decode_options salvage = {.struct_size = sizeof salvage, .salvage = 1};

/* Noise, so that every row of blocks has about as many bytes. */
static mien_image *noise(void) {
    mien_image *img = pattern(W, H);
    uint32_t seed = 1;
    for (int i = 0; i < 3 * W * H; i++)
        img->pixels[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    return img;
}

/* Rows at the top that are as in the whole picture. */
static int rows_alike(const mien_image *a, const mien_image *b) {
    int y = 0;
    while (y < a->height && !memcmp(a->pixels + y * a->pitch, b->pixels + y * b->pitch, 3 * W)) y++;
    return y;
}

static void cut_in_the_rows(void **state) {
    (void)state;
    mien_image *img = noise(), *whole, *got;
    for (int arithmetic = 0; arithmetic < 2; arithmetic++) {
        struct file f = make_jpeg(img, &(struct jpeg_options){.arithmetic = arithmetic});
        assert_int_equal(mien_image_decode(NULL, f.at, f.n, &salvage, &whole), MIEN_OK);
        assert_string_equal(whole->warning, "");
        for (int part = 4; part < 8; part++) {
            int row, of;
            size_t n = f.n * (size_t)part / 8;
            assert_int_equal(mien_image_decode(NULL, f.at, n, NULL, &got), MIEN_EFORMAT);
            assert_int_equal(mien_image_decode(NULL, f.at, n, &salvage, &got), MIEN_OK);
            assert_int_equal(got->width, W);
            assert_int_equal(got->height, H);
            assert_int_equal(sscanf(got->warning, "JPEG: the data ends at row %d of %d", &row, &of),
                             2);
            assert_int_equal(of, H);
            /* Of 160 rows, 16 a row of blocks; the headers' bytes count, too. */
            assert_in_range(row, H * part / 8 - 48, H * part / 8);
            /* Smooth chroma looks a row ahead. */
            assert_in_range(rows_alike(got, whole), row - 1, row + 16);
            mien_image_free(got);
        }
        mien_image_free(whole);
        file_free(&f);
    }
    mien_image_free(img);
}

static void cut_between_the_scans(void **state) {
    (void)state;
    mien_image *img = noise(), *got;
    struct file f = make_jpeg(img, &(struct jpeg_options){.progressive = 1});
    assert_int_equal(mien_image_decode(NULL, f.at, f.n / 2, NULL, &got), MIEN_EFORMAT);
    assert_int_equal(mien_image_decode(NULL, f.at, f.n / 2, &salvage, &got), MIEN_OK);
    assert_string_equal(got->warning,
                        "JPEG: the data ends early; what there is of every row is shown");
    mien_image_free(got);
    file_free(&f);
    mien_image_free(img);
}

/* Cut before the first row is whole, or in the headers. */
static void nothing_to_salvage(void **state) {
    (void)state;
    mien_image *img = noise(), *got;
    struct file f = make_jpeg(img, &(struct jpeg_options){0});
    size_t scan = 2;
    while (f.at[scan + 1] != 0xda) scan += 2 + (size_t)(f.at[scan + 2] << 8 | f.at[scan + 3]);
    assert_int_equal(mien_image_decode(NULL, f.at, scan + 60, &salvage, &got), MIEN_EFORMAT);
    assert_string_equal(err_text(), "JPEG: the data ends before the picture does");
    assert_int_equal(mien_image_decode(NULL, f.at, 30, &salvage, &got), MIEN_EFORMAT);
    file_free(&f);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_in_the_rows),
        cmocka_unit_test(cut_between_the_scans),
        cmocka_unit_test(nothing_to_salvage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
