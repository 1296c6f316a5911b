/* Where an orientation is noted: the types of EXIF's entry, the texts of a PNG, XMP in a WebP. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"
#include "vision/orientation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void types_of_integers(void **state) {
    (void)state;
    static const struct {
        uint8_t type, want_little, want_big;
    } types[] = {{1, 6, 0}, {3, 6, 6}, {4, 6, 0}, {8, 6, 6}, {9, 6, 0}, {5, 0, 0}, {2, 0, 0}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct file little = make_exif(6, 0, 0), big = make_exif(6, 1, 0); /* value 6, 0 or 0, 6 */
        little.at[24] = types[i].type;
        big.at[25] = types[i].type;
        assert_int_equal(exif_orientation(little.at, little.n), types[i].want_little);
        assert_int_equal(exif_orientation(big.at, big.n), types[i].want_big);
        /* Where the value of each type is in big-endian order. */
        memcpy(big.at + 30, types[i].type == 1 ? "\6\0\0\0" : "\0\0\0\6", 4);
        int bytes = types[i].type == 1, longs = types[i].type == 4 || types[i].type == 9;
        assert_int_equal(exif_orientation(big.at, big.n), bytes || longs ? 6 : 0);
        file_free(&little);
        file_free(&big);
    }
    struct file far = make_exif(6, 0, 0);
    far.at[24] = 4;
    far.at[31] = 1; /* 65542 */
    assert_int_equal(exif_orientation(far.at, far.n), 0);
    file_free(&far);
}

static void xmp_packets(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
    } cases[] = {
        {"<rdf:Description tiff:Orientation=\"6\"/>", 6},
        {"tiff:Orientation='8'", 8},
        {"tiff:Orientation =\n \"3\"", 3},
        {"<tiff:Orientation>5</tiff:Orientation>", 5},
        {"<tiff:Orientation>\n 7\n</tiff:Orientation>", 7},
        {"<tiff:Orientation/> tiff:Orientation=\"2\"", 2},
        {"tiff:Orientation=\"0\"", 0},
        {"tiff:Orientation=\"9\"", 0},
        {"tiff:Orientation=\"12\"", 0},
        {"tiff:Orientation=\"6", 0},
        {"tiff:Orientation=", 0},
        {"tiff:Orientation", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        uint8_t *copy = malloc(n + 1); /* of its own size, so that a sanitizer sees overreads */
        memcpy(copy, cases[i].text, n);
        assert_int_equal(xmp_orientation(copy, n), cases[i].want);
        free(copy);
    }
}

static void add_be32(struct file *f, uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) file_byte(f, v >> shift & 255);
}

/* Puts a chunk behind the header. */
static void add_chunk(struct file *png, const char *type, const struct file *body) {
    struct file with = {0};
    file_add(&with, png->at, 33);
    add_be32(&with, (uint32_t)body->n);
    file_add(&with, type, 4);
    file_add(&with, body->at, body->n);
    add_be32(&with, (uint32_t)crc32(0, with.at + 37, (uInt)body->n + 4));
    file_add(&with, png->at + 33, png->n - 33);
    file_free(png);
    *png = with;
}

static void add_text(struct file *body, const char *text, size_t n, int packed) {
    uint8_t room[2000];
    uLongf room_n = sizeof room;
    if (!packed) {
        file_add(body, text, n);
        return;
    }
    assert_int_equal(compress(room, &room_n, (const uint8_t *)text, n), Z_OK);
    file_add(body, room, room_n);
}

/* ImageMagick's: a name, a length, and lines of 72 digits. */
static void raw_profile(char text[1000], int orientation, int prefix) {
    struct file exif = make_exif(orientation, 1, prefix);
    size_t at = (size_t)sprintf(text, "\nexif\n%8zu", exif.n);
    for (size_t i = 0; i < exif.n; i++)
        at += (size_t)sprintf(text + at, "%s%02x", i % 36 ? "" : "\n", exif.at[i]);
    sprintf(text + at, "\n");
    file_free(&exif);
}

static int turned(const struct file *f) {
    mien_image *img;
    if (mien_image_decode(NULL, f->at, f->n, NULL, &img)) fail_msg("%s", err_text());
    int is = img->width == 7;
    assert_int_equal(img->width + img->height, 12);
    mien_image_free(img);
    return !is;
}

static void png_texts(void **state) {
    (void)state;
    mien_image *stored = pattern(7, 5);
    char text[1000];
    for (int i = 0; i < 12; i++) {
        struct file png = make_png(stored, PNG_RGB8, 0, NULL), body = {0};
        int packed = i & 1;
        assert_int_equal(turned(&png), 0);
        if (i < 8) { /* EXIF in hexadecimal, with "Exif" before it or not */
            const char *name = i & 2 ? "Raw profile type APP1" : "Raw profile type exif";
            raw_profile(text, 6, i & 4);
            file_add(&body, name, strlen(name) + 1);
            if (packed) file_byte(&body, 0);
            add_text(&body, text, strlen(text), packed);
            add_chunk(&png, packed ? "zTXt" : "tEXt", &body);
        } else { /* XMP, or another text with the same words */
            file_add(&body, i < 10 ? "XML:com.adobe.xmp" : "XML:com.adobe.xxx", 18);
            file_byte(&body, (unsigned)packed);
            file_byte(&body, 0);
            file_add(&body, "en\0titel", 9);
            add_text(&body, "<a tiff:Orientation=\"8\"/>", 25, packed);
            add_chunk(&png, "iTXt", &body);
        }
        if (turned(&png) != (i < 10)) fail_msg("kind %d", i);
        file_free(&png);
        file_free(&body);
    }
    mien_image_free(stored);
}

/* EXIF counts before XMP, and says 1 where it says 1. */
static void exif_comes_first(void **state) {
    (void)state;
    mien_image *stored = pattern(7, 5);
    struct file exif = make_exif(1, 0, 0), png = make_png(stored, PNG_RGB8, 0, &exif), body = {0};
    file_add(&body, "XML:com.adobe.xmp\0\0\0\0\0tiff:Orientation=\"6\"", 43);
    add_chunk(&png, "iTXt", &body);
    assert_int_equal(turned(&png), 0);
    mien_image_free(stored);
    file_free(&exif);
    file_free(&png);
    file_free(&body);
}

static void webp_xmp(void **state) {
    (void)state;
    mien_image *stored = pattern(7, 5);
    for (int first = 0; first < 2; first++) {
        struct file exif = make_exif(first ? 1 : 0, 0, 0), webp = make_webp(stored, 0, &exif);
        file_add(&webp, "XMP ", 4);
        file_le32(&webp, 20);
        file_add(&webp, "tiff:Orientation='6'", 20);
        assert_int_equal(turned(&webp), !first);
        file_free(&exif);
        file_free(&webp);
    }
    mien_image_free(stored);
}

/* The last chunk may be missing; the last row may not. */
static void png_without_end(void **state) {
    (void)state;
    mien_image *stored = pattern(37, 23), *got;
    struct file png = make_png(stored, PNG_RGB8, 0, NULL);
    assert_int_equal(mien_image_decode(NULL, png.at, png.n - 12, NULL, &got), MIEN_OK);
    assert_same_picture(got, stored, 0);
    mien_image_free(got);
    assert_int_equal(mien_image_decode(NULL, png.at, png.n - 40, NULL, &got), MIEN_EFORMAT);
    assert_string_equal(err_text(), "PNG: the data ends before the picture does");
    file_free(&png);
    mien_image_free(stored);
}

/* Pillow's sizes and values. */
static void files_of_users(void **state) {
    (void)state;
    mien_image *img;
    int rc = mien_image_load(
        NULL, "../shared/data/inputs/exif_orientation6_stored_as_LONG_300x200.jpg", NULL, &img);
    if (rc == MIEN_EIO) skip();
    assert_int_equal(rc, MIEN_OK);
    assert_int_equal(img->width, 200);
    assert_int_equal(img->height, 300);
    mien_image_free(img);
    rc = mien_image_load(NULL, "../shared/data/inputs/png_without_iend_64x64.png", NULL, &img);
    assert_int_equal(rc, MIEN_OK);
    assert_memory_equal(img->pixels + img->pitch + 6, "\x08\x04\x80", 3);
    assert_memory_equal(img->pixels + 63 * img->pitch + 189, "\xfc\xfc\x80", 3);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_integers), cmocka_unit_test(xmp_packets),
        cmocka_unit_test(png_texts),         cmocka_unit_test(exif_comes_first),
        cmocka_unit_test(webp_xmp),          cmocka_unit_test(png_without_end),
        cmocka_unit_test(files_of_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
