/* GIF: the first frame on its screen, to values worked out by hand and Pillow's. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"

#include <stdio.h>
#include <string.h>

/* A frame of one-bit pixels. */
struct frame {
    int screen_w, screen_h, x, y, w, h;
    int transparent; /* an index, or -1 */
    int interlaced;
    int global, local;  /* whether there is a palette: of red and green, of blue and white */
    const char *before; /* bytes between the screen and the frame */
    size_t before_n;
    const char *pixels; /* '0' and '1' in stored order */
};

/* Codes of three bits with a clear code before every second pixel, so that they never grow. */
static void add_pixels(struct file *f, const char *pixels) {
    unsigned bits = 0, have = 0;
    struct file codes = {0};
    size_t n = strlen(pixels), total = n + (n + 1) / 2 + 1;
    for (size_t i = 0, at = 0; i < total; i++) {
        unsigned code = i == total - 1 ? 5 : i % 3 == 0 ? 4 : (unsigned)(pixels[at++] - '0');
        bits |= code << have;
        for (have += 3; have >= 8; have -= 8, bits >>= 8) file_byte(&codes, bits & 255);
    }
    if (have) file_byte(&codes, bits);
    file_byte(f, 2); /* the least code size */
    file_byte(f, (unsigned)codes.n);
    file_add(f, codes.at, codes.n);
    file_byte(f, 0);
    file_free(&codes);
}

static struct file make(const struct frame *p) {
    struct file f = {0};
    file_add(&f, "GIF89a", 6);
    file_le16(&f, (unsigned)p->screen_w);
    file_le16(&f, (unsigned)p->screen_h);
    file_byte(&f, p->global ? 0x80 : 0);
    file_le16(&f, 1); /* the background is colour 1, which nobody shows */
    if (p->global) file_add(&f, "\xff\0\0\0\xff\0", 6);
    file_add(&f, p->before, p->before_n);
    if (p->transparent >= 0) {
        file_add(&f, "\x21\xf9\x04\x01\0\0", 6);
        file_byte(&f, (unsigned)p->transparent);
        file_byte(&f, 0);
    }
    file_byte(&f, ',');
    file_le16(&f, (unsigned)p->x);
    file_le16(&f, (unsigned)p->y);
    file_le16(&f, (unsigned)p->w);
    file_le16(&f, (unsigned)p->h);
    file_byte(&f, (p->local ? 0x80u : 0) | (p->interlaced ? 0x40u : 0));
    if (p->local) file_add(&f, "\0\0\xff\xff\xff\xff", 6);
    add_pixels(&f, p->pixels);
    return f;
}

/* A letter a pixel, rows from the top, a space between them. */
static const char *letters(const mien_image *img) {
    static const struct {
        uint8_t rgb[3];
        char letter;
    } colours[] = {{{255, 0, 0}, 'R'},     {{0, 255, 0}, 'G'}, {{0, 0, 255}, 'B'},
                   {{255, 255, 255}, 'W'}, {{0, 0, 0}, '0'},   {{1, 1, 1}, '1'}};
    static char text[256];
    size_t n = 0;
    for (int y = 0; y < img->height; y++) {
        for (int x = 0; x < img->width; x++) {
            text[n] = '?';
            for (size_t i = 0; i < sizeof colours / sizeof *colours; i++)
                if (!memcmp(img->pixels + y * img->pitch + 3 * x, colours[i].rgb, 3))
                    text[n] = colours[i].letter;
            n++;
        }
        text[n++] = ' ';
    }
    text[n - 1] = '\0';
    return text;
}

static void check(const struct frame *p, const char *want, int alpha) {
    struct file f = make(p);
    mien_image *img;
    if (mien_image_decode(NULL, f.at, f.n, NULL, &img)) fail_msg("%s: %s", want, err_text());
    assert_string_equal(letters(img), want);
    assert_int_equal(img->has_alpha, alpha);
    mien_image_free(img);
    file_free(&f);
}

static void palettes(void **state) {
    (void)state;
    check(&(struct frame){2, 1, 0, 0, 2, 1, -1, .global = 1, .pixels = "01"}, "RG", 0);
    check(&(struct frame){2, 1, 0, 0, 2, 1, -1, .global = 1, .local = 1, .pixels = "01"}, "BW", 0);
    check(&(struct frame){2, 1, 0, 0, 2, 1, -1, .pixels = "01"}, "01", 0); /* greys */
    check(&(struct frame){2, 1, 0, 0, 2, 1, 0, .global = 1, .pixels = "01"}, "WG", 1);
    check(&(struct frame){2, 1, 0, 0, 2, 1, 0, .global = 1, .pixels = "11"}, "GG", 0);
}

/* Around the frame is its transparent colour, or colour 0; not the screen's background. */
static void frames_on_screens(void **state) {
    (void)state;
    check(&(struct frame){3, 2, 1, 1, 1, 1, -1, .global = 1, .pixels = "1"}, "RRR RGR", 0);
    check(&(struct frame){3, 2, 1, 0, 1, 1, -1, .global = 1, .local = 1, .pixels = "1"}, "BWB BBB",
          0);
    check(&(struct frame){2, 2, 0, 1, 2, 1, 0, .global = 1, .pixels = "11"}, "WW GG", 1);
    /* The screen grows with the frame. */
    check(&(struct frame){1, 1, 0, 0, 2, 2, -1, .global = 1, .pixels = "0110"}, "RG GR", 0);
    check(&(struct frame){1, 2, 1, 0, 1, 1, -1, .global = 1, .pixels = "1"}, "RG RR", 0);
    check(&(struct frame){0, 0, 0, 0, 1, 1, -1, .global = 1, .pixels = "1"}, "G", 0);
}

static void interlaced(void **state) {
    (void)state;
    /* Rows 0, 8; 4; 2, 6; 1, 3, 5, 7 */
    check(&(struct frame){1, 9, 0, 0, 1, 9, -1, 1, 1, .pixels = "110010010"}, "G R R R R G G R G",
          0);
    check(&(struct frame){1, 2, 0, 0, 1, 2, -1, 1, 1, .pixels = "01"}, "R G", 0);
    check(&(struct frame){1, 1, 0, 0, 1, 1, -1, 1, 1, .pixels = "1"}, "G", 0);
}

/* A comment, an application's block and stray bytes before the frame. */
static void what_stands_before(void **state) {
    (void)state;
    static const char before[] = "\x21\xfe\3abc\0\x21\xff\2ab\1c\0\0\0";
    check(&(struct frame){2, 1, 0, 0, 2, 1, -1, .global = 1, .before = before,
                          .before_n = sizeof before - 1, .pixels = "01"},
          "RG", 0);
}

/* Codes may start at more bits than colours need: 9 bits, so that the first codes have 10. */
static void wide_codes(void **state) {
    (void)state;
    /* clear 512, pixels 1, 0, end 513: 10 bits each, the lowest first */
    static const char gif[] = "GIF89a\2\0\1\0\x80\0\0\xff\0\0\0\xff\0,\0\0\0\0\2\0\1\0\0"
                              "\x09\5\0\6\0\x40\x80\0;";
    mien_image *img;
    if (mien_image_decode(NULL, gif, sizeof gif - 1, NULL, &img)) fail_msg("%s", err_text());
    assert_string_equal(letters(img), "GR");
    mien_image_free(img);
}

static void without_a_frame(void **state) {
    (void)state;
    mien_image *img;
    static const char none[] = "GIF89a\1\0\1\0\0\0\0;", cut[] = "GIF89a\1\0\1\0\0\0\0";
    assert_int_equal(mien_image_decode(NULL, none, sizeof none - 1, NULL, &img), MIEN_EFORMAT);
    assert_string_equal(err_text(), "GIF: there is no picture in it");
    assert_int_equal(mien_image_decode(NULL, cut, sizeof cut - 1, NULL, &img), MIEN_EFORMAT);
    assert_string_equal(err_text(), "GIF: the data ends before the picture does");
}

/* The limit is that of the screen as it has grown. */
static void limits(void **state) {
    (void)state;
    struct file f = make(&(struct frame){1, 1, 3, 0, 1, 1, -1, .global = 1, .pixels = "1"});
    mien_decode_options opt = {.struct_size = sizeof opt, .max_pixels = 3};
    mien_image *img;
    assert_int_equal(mien_image_decode(NULL, f.at, f.n, &opt, &img), MIEN_ETOOBIG);
    opt.max_pixels = 4;
    assert_int_equal(mien_image_decode(NULL, f.at, f.n, &opt, &img), MIEN_OK);
    assert_string_equal(letters(img), "RRRG");
    mien_image_free(img);
    file_free(&f);
}

/* A full table without a clear code; Pillow's values. */
static void deferred_clear(void **state) {
    (void)state;
    mien_image *img;
    int rc =
        mien_image_load(NULL, "../shared/data/inputs/gif_deferred_clear_96x96.gif", NULL, &img);
    if (rc == MIEN_EIO) skip();
    assert_int_equal(rc, MIEN_OK);
    assert_int_equal(img->width, 96);
    assert_int_equal(img->height, 96);
    long sum = 0;
    for (int i = 0; i < 3 * 96 * 96; i++) sum += img->pixels[i];
    assert_int_equal(sum, 1000172);
    assert_memory_equal(img->pixels, "\x16\x17\x17", 3);
    assert_memory_equal(img->pixels + img->pitch + 6, "\x08\x04\x05", 3);
    assert_memory_equal(img->pixels + 95 * img->pitch + 285, "\x08\x06\x06", 3);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(palettes),        cmocka_unit_test(frames_on_screens),
        cmocka_unit_test(interlaced),      cmocka_unit_test(what_stands_before),
        cmocka_unit_test(without_a_frame), cmocka_unit_test(wide_codes),
        cmocka_unit_test(limits),          cmocka_unit_test(deferred_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
