/* Every format a picture may come in is read to the pixels that were written. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"
#include "vision/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W 37
#define H 23

static mien_image *decode(struct file *f, const mien_decode_options *opt) {
    mien_image *img;
    if (mien_image_decode(NULL, f->at, f->n, opt, &img) != MIEN_OK) fail_msg("%s", err_text());
    assert_int_equal(img->full_width > 0, 1);
    file_free(f);
    return img;
}

static void check(struct file f, const mien_image *want, int most, int has_alpha) {
    mien_image *got = decode(&f, NULL);
    assert_same_picture(got, want, most);
    assert_int_equal(got->has_alpha, has_alpha);
    assert_int_equal(got->full_width, want->width);
    assert_int_equal(got->full_height, want->height);
    mien_image_free(got);
}

/* Changes every pixel of a copy of the pattern. */
static mien_image *changed(void (*f)(uint8_t *p, int x)) {
    mien_image *img = pattern(W, H);
    for (int i = 0; i < W * H; i++) f(img->pixels + i / W * img->pitch + 3 * (i % W), i % W);
    return img;
}

static void as_gray(uint8_t *p, int x) {
    (void)x;
    p[1] = p[2] = p[0];
}
static void as_gif(uint8_t *p, int x) {
    (void)x;
    p[0] = p[1] = p[2] = (uint8_t)(p[0] & 0xfe);
}
static void as_bitmap(uint8_t *p, int x) {
    (void)x;
    p[0] = p[1] = p[2] = p[0] < 128 ? 0 : 255;
}
static void as_palette(uint8_t *p, int x) {
    (void)x;
    for (int i = 0; i < 3; i++) p[i] = (uint8_t)(p[i] / 64 * 64);
}
static void as_palette_alpha(uint8_t *p, int x) {
    as_palette(p, x);
    if (p[0] == 192 && p[1] == 0 && p[2] == 128) p[0] = p[1] = p[2] = 255;
}
static void as_half_alpha(uint8_t *p, int x) {
    if (x < W / 2) p[0] = p[1] = p[2] = 255;
}
static void as_gray_alpha(uint8_t *p, int x) {
    (void)x;
    int v = (int)(p[0] * (p[2] / 255.0) + 255 * (1 - p[2] / 255.0) + 0.5);
    p[0] = p[1] = p[2] = (uint8_t)v;
}

static void jpeg_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H), *gray = changed(as_gray);
    check(make_jpeg(rgb, &(struct jpeg_options){.kind = JPEG_RGB}), rgb, 8, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.kind = JPEG_GRAY}), gray, 3, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.kind = JPEG_CMYK}), rgb, 8, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.kind = JPEG_CMYK_PLAIN}), rgb, 8, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.kind = JPEG_YCCK}), rgb, 8, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.progressive = 1}), rgb, 8, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.restart = 1}), rgb, 8, 0);
    check(make_jpeg(rgb, &(struct jpeg_options){.arithmetic = 1}), rgb, 8, 0);
    check(make_jpeg(rgb,
                    &(struct jpeg_options){.kind = JPEG_CMYK, .progressive = 1, .orientation = 1}),
          rgb, 8, 0);
    mien_image_free(rgb);
    mien_image_free(gray);
}

static void jpeg_black_ink(void **state) {
    (void)state;
    /* 50 % black over 100 % yellow is half as bright a yellow: (1 - C)(1 - K) of white light. */
    mien_image *img = pattern(16, 16), *got;
    for (int i = 0; i < 256; i++) memcpy(img->pixels + 3 * i, (uint8_t[]){255, 255, 0}, 3);
    struct file f = make_jpeg(img, &(struct jpeg_options){.kind = JPEG_CMYK});
    got = decode(&f, NULL);
    assert_true(got->pixels[0] > 250 && got->pixels[1] > 250 && got->pixels[2] < 5);
    mien_image_free(img);
    mien_image_free(got);
}

static void png_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H), *gray = changed(as_gray), *bits = changed(as_bitmap);
    mien_image *palette = changed(as_palette), *palette_a = changed(as_palette_alpha);
    mien_image *half = changed(as_half_alpha), *gray_a = changed(as_gray_alpha);
    for (int lace = 0; lace < 2; lace++) {
        check(make_png(rgb, PNG_RGB8, lace, NULL), rgb, 0, 0);
        check(make_png(rgb, PNG_RGB16, lace, NULL), rgb, 0, 0);
        check(make_png(rgb, PNG_GRAY1, lace, NULL), bits, 0, 0);
        check(make_png(rgb, PNG_GRAY8, lace, NULL), gray, 0, 0);
        check(make_png(rgb, PNG_GRAY16, lace, NULL), gray, 0, 0);
        check(make_png(rgb, PNG_GRAY_ALPHA, lace, NULL), gray_a, 0, 1);
        check(make_png(rgb, PNG_RGBA8, lace, NULL), half, 0, 1);
        check(make_png(rgb, PNG_RGBA16, lace, NULL), half, 0, 1);
        check(make_png(rgb, PNG_PALETTE, lace, NULL), palette, 0, 0);
        check(make_png(rgb, PNG_PALETTE_ALPHA, lace, NULL), palette_a, 0, 1);
    }
    mien_image *all[] = {rgb, gray, bits, palette, palette_a, half, gray_a};
    for (int i = 0; i < 7; i++) mien_image_free(all[i]);
}

static void webp_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H), *half = changed(as_half_alpha);
    check(make_webp(rgb, 0, NULL), rgb, 0, 0);
    check(make_webp(rgb, 1, NULL), half, 0, 1);
    mien_image_free(rgb);
    mien_image_free(half);
}

static void webp_animation(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H), *half = changed(as_half_alpha);
    for (int alpha = 0; alpha < 2; alpha++) {
        struct file f = make_webp_animation(rgb, alpha);
        mien_image *got = decode(&f, NULL), inner;
        assert_int_equal(got->width, W + 2);
        assert_int_equal(got->has_alpha, 1); /* the canvas around the frame is bare */
        for (int i = 0; i < 3 * (W + 2); i++) assert_int_equal(got->pixels[i], 255);
        inner = (mien_image){.pixels = got->pixels + 2 * got->pitch + 6,
                             .width = W,
                             .height = H,
                             .pitch = got->pitch};
        assert_same_picture(&inner, alpha ? half : rgb, 0);
        mien_image_free(got);
    }
    mien_image_free(rgb);
    mien_image_free(half);
}

static void bmp_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H);
    check(make_bmp(rgb, 24), rgb, 0, 0);
    check(make_bmp(rgb, 32), rgb, 0, 0);
    mien_image_free(rgb);
}

static void gif_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H), *gray = changed(as_gif);
    check(make_gif(rgb, -1), gray, 0, 0);
    int clear = gray->pixels[3 * 5] / 2;
    for (int i = 0; i < W * H; i++) {
        uint8_t *p = gray->pixels + 3 * i;
        if (p[0] / 2 == clear) memset(p, 255, 3);
    }
    check(make_gif(rgb, clear), gray, 0, 1);
    mien_image_free(rgb);
    mien_image_free(gray);
}

static void tga_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H);
    check(make_tga(rgb, 0), rgb, 0, 0);
    check(make_tga(rgb, 1), rgb, 0, 0);
    mien_image_free(rgb);
}

static void pnm_kinds(void **state) {
    (void)state;
    mien_image *rgb = pattern(W, H), *gray = changed(as_gray), *bits = changed(as_bitmap);
    static const unsigned maxvals[] = {255, 65535, 1000};
    for (int i = 0; i < 3; i++) {
        check(make_pnm(rgb, 2, maxvals[i]), gray, 0, 0);
        check(make_pnm(rgb, 3, maxvals[i]), rgb, 0, 0);
        check(make_pnm(rgb, 5, maxvals[i]), gray, 0, 0);
        check(make_pnm(rgb, 6, maxvals[i]), rgb, 0, 0);
    }
    check(make_pnm(rgb, 6, 15), rgb, 9, 0);
    check(make_pnm(rgb, 1, 1), bits, 0, 0);
    check(make_pnm(rgb, 4, 1), bits, 0, 0);
    mien_image_free(rgb);
    mien_image_free(gray);
    mien_image_free(bits);
}

static void one_pixel(void **state) {
    (void)state;
    mien_image *dot = pattern(1, 1);
    check(make_jpeg(dot, &(struct jpeg_options){.kind = JPEG_RGB}), dot, 4, 0);
    check(make_png(dot, PNG_RGB8, 1, NULL), dot, 0, 0);
    check(make_webp(dot, 0, NULL), dot, 0, 0);
    check(make_bmp(dot, 24), dot, 0, 0);
    check(make_tga(dot, 0), dot, 0, 0);
    check(make_pnm(dot, 6, 255), dot, 0, 0);
    mien_image_free(dot);
}

/* libjpeg makes ceil(size / k) pixels of k x k; the long side must not fall below min_side. */
static void jpeg_reduced(void **state) {
    (void)state;
    static const struct {
        int min_side, w, h;
    } cases[] = {{0, 333, 250}, {1000, 333, 250}, {333, 333, 250}, {168, 333, 250}, {167, 167, 125},
                 {84, 84, 63},  {43, 84, 63},     {42, 42, 32},    {1, 42, 32}};
    mien_image *big = pattern(333, 250);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f = make_jpeg(big, &(struct jpeg_options){.orientation = 6});
        mien_image *got =
            decode(&f, &(mien_decode_options){.struct_size = sizeof(mien_decode_options),
                                              .min_side = cases[i].min_side});
        double scale[2];
        assert_int_equal(got->width, cases[i].h); /* a quarter turn */
        assert_int_equal(got->height, cases[i].w);
        assert_int_equal(got->full_width, 250);
        assert_int_equal(got->full_height, 333);
        image_scale(got, scale);
        double k = cases[i].w == 333 ? 1 : cases[i].w == 167 ? 2 : cases[i].w == 84 ? 4 : 8;
        assert_true(scale[0] == k && scale[1] == k);
        mien_image_free(got);
    }
    mien_image_free(big);
}

/* Over the limit a JPEG is decoded at the first scale that is not, where the caller allows it. */
static void jpeg_shrunk_to_the_limit(void **state) {
    (void)state;
    static const struct {
        uint64_t limit;
        int min_side, w, h, progressive; /* w 0: refused */
    } cases[] = {{333 * 250, 0, 333, 250, 0},   {333 * 250 - 1, 0, 167, 125, 0},
                 {167 * 125, 0, 167, 125, 0},   {167 * 125 - 1, 0, 84, 63, 0},
                 {42 * 32, 0, 42, 32, 0},       {42 * 32 - 1, 0, 0, 0, 0},
                 {167 * 125, 300, 167, 125, 0}, {167 * 125, 40, 42, 32, 0},
                 {333 * 250, 0, 333, 250, 1},   {167 * 125, 0, 0, 0, 1}};
    mien_image *big = pattern(333, 250), *got;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f = make_jpeg(big, &(struct jpeg_options){.progressive = cases[i].progressive});
        mien_decode_options opt = {.struct_size = sizeof opt,
                                   .min_side = cases[i].min_side,
                                   .max_pixels = cases[i].limit,
                                   .shrink_to_limit = 1};
        int rc = mien_image_decode(NULL, f.at, f.n, &opt, &got);
        assert_int_equal(rc, cases[i].w ? MIEN_OK : MIEN_ETOOBIG);
        if (rc == MIEN_OK) {
            assert_int_equal(got->width, cases[i].w);
            assert_int_equal(got->height, cases[i].h);
            assert_int_equal(got->full_width, 333);
            assert_int_equal(got->full_height, 250);
            mien_image_free(got);
        }
        opt.shrink_to_limit = 0;
        rc = mien_image_decode(NULL, f.at, f.n, &opt, &got);
        assert_int_equal(rc, cases[i].limit >= 333 * 250 ? MIEN_OK : MIEN_ETOOBIG);
        mien_image_free(got);
        file_free(&f);
    }
    mien_image_free(big);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_kinds),   cmocka_unit_test(jpeg_black_ink),
        cmocka_unit_test(png_kinds),    cmocka_unit_test(webp_kinds),
        cmocka_unit_test(bmp_kinds),    cmocka_unit_test(webp_animation),
        cmocka_unit_test(gif_kinds),    cmocka_unit_test(tga_kinds),
        cmocka_unit_test(pnm_kinds),    cmocka_unit_test(one_pixel),
        cmocka_unit_test(jpeg_reduced), cmocka_unit_test(jpeg_shrunk_to_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
