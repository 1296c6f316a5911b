/* Pictures that are cut off, lie about their size or are none: each has its sentence. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAKERS 19
#define WEBP   7  /* behind JPEGs and PNGs */
#define ASCII  16 /* the one whose numbers are text */

/* What of a PNG follows its pixels: the stream's sum, the chunk's, and the end chunk. */
#define PNG_TAIL 20

/* One small file of every kind that differs in how it is read. */
static struct file make(int i, const mien_image *img) {
    switch (i) {
    case 0: return make_jpeg(img, &(struct jpeg_options){.orientation = 6});
    case 1: return make_jpeg(img, &(struct jpeg_options){.progressive = 1});
    case 2: return make_jpeg(img, &(struct jpeg_options){.restart = 1});
    case 3: return make_jpeg(img, &(struct jpeg_options){.kind = JPEG_YCCK});
    case 4: return make_png(img, PNG_RGB8, 0, NULL);
    case 5: return make_png(img, PNG_RGBA16, 1, NULL);
    case 6: return make_png(img, PNG_PALETTE_ALPHA, 0, NULL);
    case 7: return make_webp(img, 0, NULL);
    case 8: return make_webp(img, 1, NULL);
    case 9: return make_webp_animation(img, 1);
    case 10: return make_bmp(img, 24);
    case 11: return make_bmp(img, 32);
    case 12: return make_gif(img, -1);
    case 13: return make_tga(img, 0);
    case 14: return make_tga(img, 1);
    case 15: return make_pnm(img, 6, 255);
    case ASCII: return make_pnm(img, 3, 255);
    case 17: return make_pnm(img, 4, 1);
    default: return make_pnm(img, 5, 65535);
    }
}

/* Decodes a copy of exactly n bytes, so that a sanitizer sees every byte read beyond. */
static int decode_copy(const uint8_t *bytes, size_t n, mien_image **out) {
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    err_set(MIEN_OK, "no sentence");
    int rc = mien_image_decode(NULL, copy, n, NULL, out);
    free(copy);
    if (rc != MIEN_OK) {
        assert_null(*out);
        assert_string_not_equal(err_text(), "no sentence");
        assert_string_not_equal(err_text(), "");
    }
    return rc;
}

static void cut_at_sixteenths(void **state) {
    (void)state;
    mien_image *img = pattern(48, 40), *got;
    for (int i = 0; i < MAKERS; i++) {
        struct file f = make(i, img);
        assert_int_equal(decode_copy(f.at, f.n, &got), MIEN_OK);
        mien_image_free(got);
        for (size_t part = 0; part < 16; part++) {
            int rc = decode_copy(f.at, f.n * part / 16, &got);
            bool first_frame = i == 9 && part >= 8;
            bool all_pixels = i >= 4 && i <= 6 && f.n - f.n * part / 16 <= PNG_TAIL;
            if (rc == MIEN_OK && (first_frame || all_pixels)) {
                mien_image_free(got);
                continue;
            }
            if (rc != MIEN_EFORMAT) fail_msg("file %d cut at %zu/16: %d", i, part, rc);
        }
        file_free(&f);
    }
    mien_image_free(img);
}

/* Wherever it is cut, a file is refused or gives all its pixels: never half a picture. */
static void cut_anywhere(void **state) {
    (void)state;
    mien_image *img = pattern(19, 17), *whole, *got;
    for (int i = 0; i < MAKERS; i++) {
        struct file f = make(i, img);
        assert_int_equal(decode_copy(f.at, f.n, &whole), MIEN_OK);
        size_t end = i == ASCII ? f.n - 3 : f.n; /* half a last number is a number */
        for (size_t n = 0; n < end; n++) {
            int rc = decode_copy(f.at, n, &got);
            if (rc == MIEN_OK) {
                /* Only markers and padding behind the pixels, and later frames, may be missing. */
                if (n < f.n / 2) fail_msg("file %d of %zu bytes is whole at %zu", i, f.n, n);
                assert_same_picture(got, whole, 0);
                mien_image_free(got);
            } else if (rc != MIEN_EFORMAT) {
                fail_msg("file %d cut at %zu of %zu: %d", i, n, f.n, rc);
            }
        }
        mien_image_free(whole);
        file_free(&f);
    }
    mien_image_free(img);
}

/* Any byte changed: an answer, whatever it is, and no crash. */
static void changed_bytes(void **state) {
    (void)state;
    static const uint8_t values[] = {0x00, 0xff, 0x80, 0x7f};
    mien_image *img = pattern(9, 7), *got;
    for (int i = 0; i < MAKERS; i++) {
        struct file f = make(i, img);
        for (size_t at = 0; at < f.n; at++)
            for (int v = 0; v < 4; v++) {
                uint8_t old = f.at[at];
                f.at[at] = values[v];
                mien_decode_options small = {.struct_size = sizeof small, .max_pixels = 10000};
                if (mien_image_decode(NULL, f.at, f.n, &small, &got) == MIEN_OK)
                    mien_image_free(got);
                f.at[at] = old;
            }
        file_free(&f);
    }
    mien_image_free(img);
}

static void expect(const void *bytes, size_t n, int want, const char *sentence) {
    mien_image *got;
    int rc = decode_copy(bytes, n, &got);
    if (rc == MIEN_OK) mien_image_free(got);
    if (rc != want || !strstr(err_text(), sentence))
        fail_msg("%d \"%s\", not %d \"%s\"", rc, err_text(), want, sentence);
}

static void not_a_picture(void **state) {
    (void)state;
    static const uint8_t zeros[4096];
    expect("", 0, MIEN_EFORMAT, "empty (0 bytes)");
    expect("hello, world, this is not one", 29, MIEN_EFORMAT, "not a JPEG, PNG, WebP");
    expect(zeros, sizeof zeros, MIEN_EFORMAT, "not a JPEG, PNG, WebP");
    expect("\xff\xd8\xff", 3, MIEN_EFORMAT, "JPEG: ");
    expect("\x89PNG\r\n\x1a\n", 8, MIEN_EFORMAT, "PNG: the header is cut off");
    expect("RIFF\4\0\0\0WEBP", 12, MIEN_EFORMAT, "WebP: ");
    expect("GIF89a", 6, MIEN_EFORMAT, "GIF: the header is broken or cut off");
    expect("BM", 2, MIEN_EFORMAT, "BMP: the header is broken or cut off");
    expect("P6\n", 3, MIEN_EFORMAT, "PNM: the header is broken");
    expect("P6 3 x 255\n", 11, MIEN_EFORMAT, "PNM: the header is broken");
    expect("P5 2 2 65536\n1234", 17, MIEN_EFORMAT, "PNM: the header is broken");
    expect("P2 2 2 9\n1 2 3 x", 16, MIEN_EFORMAT, "PNM: row 1 of the data is broken");
    expect("P2 2 2 9\n1 2 3 10", 17, MIEN_EFORMAT, "PNM: row 1 of the data is broken");
}

/* A copy of the file with n bytes at `at` replaced. */
static void expect_patched(const struct file *f, size_t at, const void *bytes, size_t n, int want,
                           const char *sentence) {
    uint8_t *copy = malloc(f->n);
    memcpy(copy, f->at, f->n);
    memcpy(copy + at, bytes, n);
    expect(copy, f->n, want, sentence);
    free(copy);
}

static size_t jpeg_size_at(const struct file *f) {
    for (size_t i = 2; i + 9 < f->n; i += 2 + (size_t)(f->at[i + 2] << 8 | f->at[i + 3]))
        if (f->at[i + 1] == 0xc0) return i + 5;
    fail_msg("no frame header");
    return 0;
}

/* Sizes over the limit: refused from the header, before memory is asked for. */
static void huge_sizes(void **state) {
    (void)state;
    mien_image *img = pattern(16, 16);
    struct file jpeg = make_jpeg(img, &(struct jpeg_options){0});
    struct file png = make_png(img, PNG_RGB8, 0, NULL), bmp = make_bmp(img, 24);
    struct file gif = make_gif(img, -1), tga = make_tga(img, 1);
    struct file webp = make_webp_animation(img, 0);
    static const uint8_t be100000[] = {0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0};
    static const uint8_t le100000[] = {0xa0, 0x86, 1, 0, 0xa0, 0x86, 1, 0};
    expect_patched(&jpeg, jpeg_size_at(&jpeg), "\xff\xdc\xff\xdc", 4, MIEN_ETOOBIG,
                   "JPEG: a picture of 4290.2 megapixels (65500x65500) is over the limit of 200 "
                   "megapixels");
    expect_patched(&png, 16, be100000, 8, MIEN_ETOOBIG,
                   "PNG: a picture of 10000.0 megapixels (100000x100000)");
    expect_patched(&bmp, 18, le100000, 8, MIEN_ETOOBIG,
                   "BMP: a picture of 10000.0 megapixels (100000x100000)");
    expect_patched(&gif, 6, "\xff\xff\xff\xff", 4, MIEN_ETOOBIG,
                   "GIF: a picture of 4294.8 megapixels (65535x65535)");
    expect_patched(&tga, 12, "\xff\xff\xff\xff", 4, MIEN_ETOOBIG,
                   "TGA: a picture of 4294.8 megapixels (65535x65535)");
    expect_patched(&webp, 24, "\x9f\x86\x01\x9f\x86\x00", 6, MIEN_ETOOBIG,
                   "WebP: a picture of 3446.4 megapixels (100000x34464)");
    expect("P6 100000 100000 255\nabc", 24, MIEN_ETOOBIG,
           "PNM: a picture of 10000.0 megapixels (100000x100000)");
    struct file *all[] = {&jpeg, &png, &bmp, &gif, &tga, &webp};
    for (int i = 0; i < 6; i++) file_free(all[i]);
    mien_image_free(img);
}

/* Sizes under the limit that the bytes cannot hold. */
static void lying_sizes(void **state) {
    (void)state;
    mien_image *img = pattern(16, 16);
    struct file jpeg = make_jpeg(img, &(struct jpeg_options){0});
    struct file png = make_png(img, PNG_RGB8, 0, NULL), bmp = make_bmp(img, 24);
    struct file gif = make_gif(img, -1), tga = make_tga(img, 1), webp = make_webp(img, 0, NULL);
    static const uint8_t be10000[] = {0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10};
    static const uint8_t le10000[] = {0x10, 0x27, 0, 0, 0x10, 0x27, 0, 0};
    expect_patched(&jpeg, jpeg_size_at(&jpeg), "\x27\x10\x27\x10", 4, MIEN_EFORMAT,
                   "JPEG: the header gives 10000x10000 pixels, too many for");
    expect_patched(&png, 16, be10000, 8, MIEN_EFORMAT, "10000x10000 pixels, too many for");
    expect_patched(&bmp, 18, le10000, 8, MIEN_EFORMAT, "10000x10000 pixels, too many for");
    expect_patched(&gif, 6, "\x10\x27\x10\x27", 4, MIEN_EFORMAT, "too many for");
    expect_patched(&tga, 12, "\x10\x27\x10\x27", 4, MIEN_EFORMAT, "too many for");
    expect_patched(&webp, 21, "\xff\xdf\xff\x07", 4, MIEN_EFORMAT, "WebP: ");
    expect("P6 10000 10000 255\nabc", 22, MIEN_EFORMAT, "PNM: the data ends before the picture");
    expect("P3 10000 10000 255\n1 2 3", 24, MIEN_EFORMAT, "PNM: the data ends before");
    /* No pixels at all. */
    expect_patched(&png, 16, "\0\0\0\0", 4, MIEN_EFORMAT, "a size of 0x16 pixels");
    expect_patched(&jpeg, jpeg_size_at(&jpeg) + 2, "\0\0", 2, MIEN_EFORMAT, "JPEG: ");
    expect_patched(&bmp, 18, "\0\0\0\0", 4, MIEN_EFORMAT, "BMP: ");
    expect_patched(&gif, 13 + 3 * 128 + 5, "\0\0", 2, MIEN_EFORMAT,
                   "GIF: the first frame is empty");
    expect("P6 0 5 255\nabc", 14, MIEN_EFORMAT, "a size of 0x5 pixels");
    struct file *all[] = {&jpeg, &png, &bmp, &gif, &tga, &webp};
    for (int i = 0; i < 6; i++) file_free(all[i]);
    mien_image_free(img);
}

static void limit_is_the_callers(void **state) {
    (void)state;
    mien_image *img = pattern(20, 20), *got;
    mien_decode_options opt = {.struct_size = sizeof opt, .max_pixels = 399};
    for (int i = 0; i < MAKERS; i++) {
        struct file f = make(i, img);
        assert_int_equal(mien_image_decode(NULL, f.at, f.n, &opt, &got), MIEN_ETOOBIG);
        assert_null(got);
        assert_non_null(strstr(err_text(), "is over the limit of 0.000399 megapixels"));
        file_free(&f);
    }
    opt = (mien_decode_options){.struct_size = sizeof(mien_decode_options), .min_side = -1};
    assert_int_equal(mien_image_decode(NULL, "P6", 2, &opt, &got), MIEN_EINVAL);
    assert_int_equal(mien_image_decode(NULL, "P6", 2, NULL, NULL), MIEN_EINVAL);
    assert_int_equal(mien_image_decode(NULL, NULL, 2, NULL, &got), MIEN_EINVAL);
    mien_image_free(img);
}

/* A scan costs as much as a picture, its header ten bytes: one that is repeated is refused. */
static void repeated_scans(void **state) {
    (void)state;
    mien_image *img = pattern(64, 64), *got;
    struct file f = make_jpeg(img, &(struct jpeg_options){.progressive = 1}), many = {0};
    size_t scan = 2, end;
    while (f.at[scan + 1] != 0xda) scan += 2 + (size_t)(f.at[scan + 2] << 8 | f.at[scan + 3]);
    for (end = scan + 2; f.at[end] != 0xff || f.at[end + 1] == 0; end++) {
    }
    file_add(&many, f.at, scan);
    for (int i = 0; i < 2; i++) file_add(&many, f.at + scan, end - scan);
    file_add(&many, "\xff\xd9", 2);
    int rc = decode_copy(many.at, many.n, &got);
    assert_int_equal(rc, MIEN_EFORMAT);
    assert_non_null(strstr(err_text(), "scan 1 is repeated"));
    file_free(&f);
    file_free(&many);
    mien_image_free(img);
}

/* Says stop when it is asked for the last time it lets pass. */
struct patience {
    int asked, most;
};

static int runs_out(void *context) {
    struct patience *p = context;
    return ++p->asked > p->most;
}

/* Decoding can be given up at any question, and those are many in a large picture. */
static void given_up(void **state) {
    (void)state;
    mien_image *img = pattern(300, 400), *got;
    for (int i = 0; i <= WEBP; i++) {
        struct file f = make(i, img);
        struct patience p = {.most = INT_MAX};
        mien_decode_options opt = {.struct_size = sizeof opt, .stop = runs_out, .stop_context = &p};
        assert_int_equal(mien_image_decode(NULL, f.at, f.n, &opt, &got), MIEN_OK);
        mien_image_free(got);
        int all = p.asked;
        assert_true(all >= (i < WEBP ? 300 / 16 : 1));
        for (p.most = 0; p.most < all; p.most++) {
            p.asked = 0;
            assert_int_equal(mien_image_decode(NULL, f.at, f.n, &opt, &got), MIEN_ETOOBIG);
            assert_null(got);
            assert_int_equal(p.asked, p.most + 1);
            assert_non_null(strstr(err_text(), "given up"));
        }
        file_free(&f);
    }
    mien_image_free(img);
}

/* Bytes between the last row and the end marker do no harm, nor does a missing end marker. */
static void harmless_damage(void **state) {
    (void)state;
    mien_image *img = pattern(40, 30), *got, *whole;
    struct file f = make_jpeg(img, &(struct jpeg_options){0});
    assert_int_equal(decode_copy(f.at, f.n, &whole), MIEN_OK);
    assert_int_equal(decode_copy(f.at, f.n - 2, &got), MIEN_OK);
    assert_same_picture(got, whole, 0);
    mien_image_free(got);
    file_add(&f, "rubbish behind the end", 22);
    assert_int_equal(decode_copy(f.at, f.n, &got), MIEN_OK);
    assert_same_picture(got, whole, 0);
    mien_image_free(got);
    mien_image_free(whole);
    mien_image_free(img);
    file_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_sixteenths),    cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(changed_bytes),        cmocka_unit_test(not_a_picture),
        cmocka_unit_test(huge_sizes),           cmocka_unit_test(lying_sizes),
        cmocka_unit_test(limit_is_the_callers), cmocka_unit_test(repeated_scans),
        cmocka_unit_test(harmless_damage),      cmocka_unit_test(given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
