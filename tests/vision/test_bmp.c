/* BMP: every kind of header, palette, mask and run, to values worked out by hand. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"

#include <stdio.h>
#include <string.h>

enum { RGB, RLE8, RLE4, FIELDS, ALPHA_FIELDS = 6 };

/* What a file is made of. Missing header fields are 0. */
struct parts {
    unsigned header; /* its size; 12 is OS/2's */
    int w, h;        /* h below 0: the first row is at the top */
    unsigned bits, compression;
    uint32_t colours;   /* as the header counts them */
    const char *behind; /* the header: palette or masks, and a gap */
    size_t behind_n;
    const char *pixels;
    size_t n;
};

static struct file make(const struct parts *p) {
    struct file f = {0};
    file_add(&f, "BM", 2);
    file_le32(&f, (uint32_t)(14 + p->header + p->behind_n + p->n));
    file_le32(&f, 0);
    file_le32(&f, (uint32_t)(14 + p->header + p->behind_n));
    file_le32(&f, p->header);
    if (p->header == 12) {
        file_le16(&f, (unsigned)p->w);
        file_le16(&f, (unsigned)p->h);
    } else {
        file_le32(&f, (uint32_t)p->w);
        file_le32(&f, (uint32_t)p->h);
    }
    file_le16(&f, 1);
    file_le16(&f, p->bits);
    if (p->header > 16) {
        file_le32(&f, p->compression);
        for (int i = 0; i < 3; i++) file_le32(&f, 0);
        file_le32(&f, p->colours);
        file_le32(&f, 0);
    }
    for (unsigned i = 40; i < p->header; i++) file_byte(&f, 0);
    file_add(&f, p->behind, p->behind_n);
    file_add(&f, p->pixels, p->n);
    return f;
}

#define BYTES(s) s, sizeof(s) - 1

/* The pixels as "rrggbb" in hexadecimal, rows from the top; or the sentence. */
static const char *read_all(const struct file *f, int *alpha) {
    static char text[512];
    mien_image *img;
    size_t n = 0;
    *alpha = 0;
    if (mien_image_decode(NULL, f->at, f->n, NULL, &img) != MIEN_OK) {
        assert_null(img);
        return err_text();
    }
    for (int y = 0; y < img->height; y++)
        for (int x = 0; x < img->width; x++) {
            const uint8_t *p = img->pixels + y * img->pitch + 3 * x;
            n += (size_t)snprintf(text + n, sizeof text - n, "%02x%02x%02x ", p[0], p[1], p[2]);
        }
    text[n - 1] = '\0';
    *alpha = img->has_alpha;
    mien_image_free(img);
    return text;
}

static void check(const struct parts *p, const char *want) {
    struct file f = make(p);
    int alpha;
    const char *got = read_all(&f, &alpha);
    if (strncmp(got, want, strlen(want)) != 0) fail_msg("\"%s\", not \"%s\"", got, want);
    assert_int_equal(alpha, 0);
    file_free(&f);
}

#define PALETTE "\x10\x20\x30\0\x40\x50\x60\0" /* 302010 and 605040 */

static void row_order(void **state) {
    (void)state;
    const char *pixels = "\1\2\3\0\4\5\6\0";
    check(&(struct parts){40, 1, 2, 24, RGB, .pixels = pixels, .n = 8}, "060504 030201");
    check(&(struct parts){40, 1, -2, 24, RGB, .pixels = pixels, .n = 8}, "030201 060504");
    check(&(struct parts){40, 1, -2, 8, RGB, 2, BYTES(PALETTE), BYTES("\0xxx\1xxx")},
          "302010 605040");
    /* The last row's padding may be missing. */
    check(&(struct parts){40, 1, 2, 24, RGB, .pixels = pixels, .n = 7}, "060504 030201");
    check(&(struct parts){40, 1, 2, 24, RGB, .pixels = pixels, .n = 6}, "BMP: the data ends");
}

static void palettes(void **state) {
    (void)state;
    check(&(struct parts){40, 3, 1, 1, RGB, 0, BYTES(PALETTE), BYTES("\xa0\0\0\0")},
          "605040 302010 605040");
    check(&(struct parts){40, 3, 1, 2, RGB, 2, BYTES(PALETTE), BYTES("\x44\0\0\0")},
          "605040 302010 605040");
    check(&(struct parts){40, 3, 1, 4, RGB, 2, BYTES(PALETTE), BYTES("\x10\x10\0\0")},
          "605040 302010 605040");
    check(&(struct parts){40, 2, 1, 8, RGB, 2, BYTES(PALETTE), BYTES("\0\1\0\0")}, "302010 605040");
    /* No colour of that number, and more colours than bits can name or the file has. */
    check(&(struct parts){40, 2, 1, 8, RGB, 2, BYTES(PALETTE), BYTES("\1\7\0\0")}, "605040 000000");
    check(&(struct parts){40, 2, 1, 8, RGB, 0xffffffff, BYTES(PALETTE), BYTES("\1\7\0\0")},
          "605040 000000");
    /* OS/2: three bytes a colour, no other field. */
    check(&(struct parts){12, 2, 1, 8, RGB, 0, BYTES("\1\2\3\4\5\6"), BYTES("\1\0\0\0")},
          "060504 030201");
    check(&(struct parts){16, 2, 1, 8, RGB, 0, BYTES(PALETTE), BYTES("\1\0\0\0")}, "605040 302010");
}

static void gaps(void **state) {
    (void)state;
    check(&(struct parts){40, 1, 1, 24, RGB, 2, BYTES(PALETTE), BYTES("\1\2\3\0")}, "030201");
    check(&(struct parts){40, 1, 1, 24, RGB, 0, BYTES("a gap of any length"), BYTES("\1\2\3\0")},
          "030201");
    check(&(struct parts){40, 1, 1, 8, RGB, 2, BYTES(PALETTE "and a gap"), BYTES("\1\0\0\0")},
          "605040");
}

/* An offset of 0, or of where the palette begins, means behind the palette; one inside the header
 * or behind the end is a lie. */
static void offsets(void **state) {
    (void)state;
    static const struct {
        uint32_t offset;
        const char *want;
    } cases[] = {{0, "605040"},
                 {54, "605040"},
                 {62, "605040"},
                 {53, "BMP: the header gives no place in the file for the pixels"},
                 {67, "BMP: the header gives no place"},
                 {0xffffffff, "BMP: the header gives no place"},
                 {66, "BMP: the data ends before the picture does"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f =
            make(&(struct parts){40, 1, 1, 8, RGB, 2, BYTES(PALETTE), BYTES("\1\0\0\0")});
        int alpha;
        f.at[10] = (uint8_t)cases[i].offset;
        for (int k = 1; k < 4; k++) f.at[10 + k] = (uint8_t)(cases[i].offset >> 8 * k);
        assert_ptr_equal(strstr(read_all(&f, &alpha), cases[i].want), read_all(&f, &alpha));
        file_free(&f);
    }
}

/* Five bits v are v << 3 | v >> 2, six are v << 2 | v >> 4: 4 becomes 33, 9 becomes 74 and 36. */
static void sixteen_bits(void **state) {
    (void)state;
    /* 4, 9, 31 in 5-5-5: 0 00100 01001 11111; in 5-6-5: 00100 001001 11111 */
    check(&(struct parts){40, 1, 1, 16, RGB, .pixels = "\x3f\x11\0\0", .n = 4}, "214aff");
    check(&(struct parts){40, 1, 1, 16, FIELDS, 0, BYTES("\0\xf8\0\0\xe0\x07\0\0\x1f\0\0\0"),
                          BYTES("\x3f\x21\0\0")},
          "2124ff");
    check(&(struct parts){40, 1, 1, 16, FIELDS, 0, BYTES("\0\0\0\0\0\0\0\0\x1f\0\0\0"),
                          BYTES("\x3f\x21\0\0")},
          "0000ff");
    check(&(struct parts){40, 1, 1, 16, FIELDS, 0, BYTES("\5\0\0\0\0\0\0\0\x10\0\0\0"),
                          BYTES("\0\0\0\0")},
          "BMP: the colour masks are broken");
    check(&(struct parts){40, 1, 1, 16, FIELDS, 0, BYTES("\0\0\0\0\0\0\0\0\0\0\0\0"),
                          BYTES("\0\0\0\0")},
          "BMP: the colour masks are broken");
}

#define MASKS_RGBA "\xff\0\0\0\0\xff\0\0\0\0\xff\0\0\0\0\xff"

static void thirty_two_bits(void **state) {
    (void)state;
    /* The fourth byte is nobody's, whatever the version. */
    check(&(struct parts){40, 1, 1, 32, RGB, .pixels = "\1\2\3\1", .n = 4}, "030201");
    /* Ten bits of red, eleven of green and of blue: the first eight count. */
    check(&(struct parts){40, 1, 1, 32, FIELDS, 0, BYTES("\xff\3\0\0\0\xfc\x1f\0\0\0\xe0\xff"),
                          BYTES("\xff\3\0\x80")},
          "ff0080");
    static const struct {
        unsigned header, compression;
        const char *pixels, *want;
        int alpha;
    } cases[] = {
        {56, FIELDS, "\1\2\3\xff", "010203", 0},
        {108, FIELDS, "\1\2\3\0", "010203", 0}, /* alpha 0 everywhere: not meant */
        {124, FIELDS, "\0\0\0\x80", "7f7f7f", 1},
        {40, ALPHA_FIELDS, "\0\0\0\x80", "7f7f7f", 1},
        {124, RGB, "\0\0\0\x80", "000000", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parts p = {40, 1, 1, 32, cases[i].compression, 0, BYTES(MASKS_RGBA), "", 0};
        size_t rest = cases[i].header > 56 ? cases[i].header - 56 : 0;
        int alpha;
        struct file f = make(&p);
        for (size_t k = 0; k < rest; k++) file_byte(&f, 0);
        f.at[14] = (uint8_t)cases[i].header;
        f.at[10] = (uint8_t)f.n;
        file_add(&f, cases[i].pixels, 4);
        assert_string_equal(read_all(&f, &alpha), cases[i].want);
        assert_int_equal(alpha, cases[i].alpha);
        file_free(&f);
    }
}

static void runs(void **state) {
    (void)state;
#define A "302010"
#define B "605040"
    /* A run, an end of row, three literals with their padding, the end. */
    check(&(struct parts){40, 3, 2, 8, RLE8, 2, BYTES(PALETTE), BYTES("\3\1\0\0\0\3\1\0\1x\0\1")},
          B " " A " " B " " B " " B " " B);
    check(
        &(struct parts){40, 3, 2, 4, RLE4, 2, BYTES(PALETTE), BYTES("\3\x10\0\0\0\3\x10\x10\0\1")},
        B " " A " " B " " B " " A " " B);
    /* One to the right and one up; then the end, before the picture's. */
    check(&(struct parts){40, 3, 2, 8, RLE8, 2, BYTES(PALETTE), BYTES("\1\1\0\2\1\1\1\1\0\1")},
          A " " A " " B " " B " " A " " A);
    check(&(struct parts){40, 2, -2, 8, RLE8, 2, BYTES(PALETTE), BYTES("\2\1\0\1")},
          B " " B " " A " " A);
    /* A run is cut off at the edge; rows above the picture end it. */
    check(&(struct parts){40, 1, 2, 8, RLE8, 2, BYTES(PALETTE), BYTES("\xff\1\0\0\1\0")}, A " " B);
    check(&(struct parts){40, 1, 1, 8, RLE8, 2, BYTES(PALETTE), BYTES("\1\1\0\2\0\xff\1\0")}, B);
    check(&(struct parts){40, 2, 2, 8, RLE8, 2, BYTES(PALETTE), BYTES("\2\1\0\0\1\1")},
          "BMP: the data ends before the picture does");
    check(&(struct parts){40, 4, 1, 8, RLE8, 2, BYTES(PALETTE), BYTES("\0\4\1\1\1")},
          "BMP: the data ends before the picture does");
    check(&(struct parts){40, 4, 1, 8, RLE8, 2, BYTES(PALETTE), BYTES("\0\2\1")},
          "BMP: the data ends before the picture does");
}

static void what_is_not_read(void **state) {
    (void)state;
    check(&(struct parts){40, 1, 1, 64, RGB, .pixels = "12345678", .n = 8},
          "BMP: 64 bits a pixel with compression 0 are not read");
    check(&(struct parts){40, 1, 1, 24, 4, .pixels = "1234", .n = 4},
          "BMP: 24 bits a pixel with compression 4");
    check(&(struct parts){40, 1, 1, 4, RLE8, .pixels = "1234", .n = 4}, "BMP: 4 bits a pixel");
    check(&(struct parts){64, 1, 1, 1, FIELDS, .pixels = "1234", .n = 4}, "BMP: 1 bits a pixel");
    check(&(struct parts){40, -1, 1, 24, RGB, .pixels = "1234", .n = 4},
          "BMP: the header is broken or cut off");
    check(&(struct parts){40, 1, INT32_MIN, 24, RGB, .pixels = "1234", .n = 4},
          "BMP: the header is broken or cut off");
    check(&(struct parts){40, 0, 1, 24, RGB, .pixels = "1234", .n = 4},
          "BMP: the header gives a size of 0x1 pixels");
}

/* Files that users had; Pillow's values. In all of them red is 30 x and green 30 y, or the nearest
 * of a palette. */
static void files_of_users(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int first, step; /* the corners' values */
    } files[] = {{"bmp_24bit_gap100_8x8.bmp", 0, 210},
                 {"bmp_24bit_with_palette_8x8.bmp", 0, 210},
                 {"bmp_32bit_reserved_byte_1_8x8.bmp", 0, 210},
                 {"bmp_8bit_gap1200_8x8.bmp", 30, 150},
                 {"bmp_rle8_8x8.bmp", 30, 150}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[256];
        mien_image *img;
        snprintf(path, sizeof path, "../shared/data/inputs/%s", files[i].name);
        int rc = mien_image_load(NULL, path, NULL, &img);
        if (rc == MIEN_EIO) skip();
        assert_int_equal(rc, MIEN_OK);
        assert_int_equal(img->has_alpha, 0);
        for (int k = 0; k < 4; k++) {
            const uint8_t *p = img->pixels + (k / 2 * 7) * img->pitch + (ptrdiff_t)(k % 2 * 21);
            assert_int_equal(p[0], files[i].first + k % 2 * files[i].step);
            assert_int_equal(p[1], files[i].first + k / 2 * files[i].step);
            assert_int_equal(p[2], 120);
        }
        mien_image_free(img);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_order),      cmocka_unit_test(palettes),
        cmocka_unit_test(gaps),           cmocka_unit_test(offsets),
        cmocka_unit_test(sixteen_bits),   cmocka_unit_test(thirty_two_bits),
        cmocka_unit_test(runs),           cmocka_unit_test(what_is_not_read),
        cmocka_unit_test(files_of_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
