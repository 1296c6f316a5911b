/* EXIF orientations 1 to 8 in every format that has them, against the words of the specification.
 */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"
#include "vision/orientation.h"

#include <stdlib.h>
#include <string.h>

/* EXIF 2.32, tag Orientation: on which visual side the 0th row and the 0th column are. */
static const char *const sides[9][2] = {
    {"", ""},        {"top", "left"},  {"top", "right"},    {"bottom", "right"}, {"bottom", "left"},
    {"left", "top"}, {"right", "top"}, {"right", "bottom"}, {"left", "bottom"},
};

/* Where stored pixel (column, row) of a w x h picture is seen, from the table. */
static void seen_at(int orientation, int col, int row, int w, int h, int *x, int *y) {
    const char *row0 = sides[orientation][0], *col0 = sides[orientation][1];
    if (strcmp(row0, "top") == 0) *y = row;
    if (strcmp(row0, "bottom") == 0) *y = h - 1 - row;
    if (strcmp(row0, "left") == 0) *x = row;
    if (strcmp(row0, "right") == 0) *x = h - 1 - row;
    if (strcmp(col0, "left") == 0) *x = col;
    if (strcmp(col0, "right") == 0) *x = w - 1 - col;
    if (strcmp(col0, "top") == 0) *y = col;
    if (strcmp(col0, "bottom") == 0) *y = w - 1 - col;
}

static mien_image *seen(const mien_image *stored, int orientation) {
    int turned = orientation >= 5;
    mien_image *img =
        pattern(turned ? stored->height : stored->width, turned ? stored->width : stored->height);
    for (int row = 0; row < stored->height; row++)
        for (int col = 0; col < stored->width; col++) {
            int x = -1, y = -1;
            seen_at(orientation, col, row, stored->width, stored->height, &x, &y);
            memcpy(img->pixels + y * img->pitch + 3 * x,
                   stored->pixels + row * stored->pitch + 3 * col, 3);
        }
    return img;
}

static void check(struct file f, const mien_image *want, int most) {
    mien_image *got;
    if (mien_image_decode(NULL, f.at, f.n, NULL, &got) != MIEN_OK) fail_msg("%s", err_text());
    assert_same_picture(got, want, most);
    assert_int_equal(got->full_width, want->width);
    assert_int_equal(got->full_height, want->height);
    mien_image_free(got);
    file_free(&f);
}

static void upright(void **state) {
    (void)state;
    /* 70 x 41: more than one tile of the turning loop, and no multiple of anything. */
    mien_image *stored = pattern(70, 41);
    for (int o = 1; o <= 8; o++) {
        mien_image *want = seen(stored, o);
        for (int big = 0; big < 2; big++) {
            struct file exif = make_exif(o, big, 0), prefixed = make_exif(o, big, 1);
            check(make_jpeg(stored, &(struct jpeg_options){.orientation = o, .big_endian = big}),
                  want, 8);
            check(make_jpeg(stored, &(struct jpeg_options){.kind = JPEG_YCCK, .orientation = o}),
                  want, 8);
            check(make_png(stored, PNG_RGB8, big, &exif), want, 0);
            check(make_webp(stored, 0, &exif), want, 0);
            check(make_webp(stored, 0, &prefixed), want, 0);
            file_free(&exif);
            file_free(&prefixed);
        }
        mien_image_free(want);
    }
    mien_image_free(stored);
}

static void kept_when_asked(void **state) {
    (void)state;
    mien_image *stored = pattern(70, 41), *got;
    struct file exif = make_exif(6, 0, 0);
    struct file files[] = {make_jpeg(stored, &(struct jpeg_options){.orientation = 6}),
                           make_png(stored, PNG_RGB8, 0, &exif), make_webp(stored, 0, &exif)};
    mien_decode_options opt = {.struct_size = sizeof opt, .keep_orientation = 1};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mien_image_decode(NULL, files[i].at, files[i].n, &opt, &got), MIEN_OK);
        assert_same_picture(got, stored, i == 0 ? 8 : 0);
        mien_image_free(got);
        file_free(&files[i]);
    }
    file_free(&exif);
    mien_image_free(stored);
}

/* Whatever is wrong with the block, the picture is shown as stored. */
static void broken_exif(void **state) {
    (void)state;
    struct file f = make_exif(6, 1, 1);
    assert_int_equal(exif_orientation(f.at, f.n), 6);
    for (size_t n = 0; n < f.n;
         n++) { /* a copy of its own size, so that a sanitizer sees overreads */
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, f.at, n);
        int o = exif_orientation(cut, n);
        assert_true(o == 0 || (o == 6 && n >= 6 + 34));
        free(cut);
    }
    for (int v = 0; v < 256; v++) {
        f.at[6 + 31] = (uint8_t)v;
        assert_int_equal(exif_orientation(f.at, f.n), v >= 1 && v <= 8 ? v : 0);
    }
    f.at[6 + 31] = 6;
    f.at[6 + 25] = 5; /* RATIONAL */
    assert_int_equal(exif_orientation(f.at, f.n), 0);
    f.at[6 + 25] = 3;
    memset(f.at + 6 + 4, 0xff, 4); /* the IFD far outside */
    assert_int_equal(exif_orientation(f.at, f.n), 0);
    memcpy(f.at + 6 + 4, "\0\0\0\x08\xff\xff", 6); /* more entries than there is room for */
    assert_int_equal(exif_orientation(f.at, f.n), 6);
    memcpy(f.at + 6, "XX", 2);
    assert_int_equal(exif_orientation(f.at, f.n), 0);
    file_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upright),
        cmocka_unit_test(kept_when_asked),
        cmocka_unit_test(broken_exif),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
