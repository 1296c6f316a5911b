/* Drawing: coverage is exact, colours land where they should, nothing outside is touched. */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"
#include "vision/font.h"
#include "vision/raster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t white[3] = {255, 255, 255};

static mien_image *black(int w, int h) {
    mien_image *img;
    assert_int_equal(mien_image_new(w, h, &img), MIEN_OK);
    return img;
}

/* The covered area in pixels, from the values of a white shape on black. */
static double area(const mien_image *img) {
    double sum = 0;
    for (int y = 0; y < img->height; y++)
        for (int x = 0; x < img->width; x++) sum += img->pixels[y * img->pitch + 3 * x] / 255.0;
    return sum;
}

static void fill(mien_image *img, const struct raster_path *p) {
    memset(img->pixels, 0, (size_t)img->pitch * (size_t)img->height);
    assert_int_equal(raster_fill(img, p, white, 1), MIEN_OK);
}

static void areas(void **state) {
    (void)state;
    mien_image *img = black(64, 64);
    struct raster_path p = {0};
    path_rounded(&p, 10.25f, 20.5f, 30.75f, 40.5f, 0, 0);
    fill(img, &p);
    assert_true(fabs(area(img) - 20.5 * 20) < 0.2);
    assert_int_equal(img->pixels[30 * img->pitch + 30 * 3], 191); /* three quarters of a pixel */
    assert_int_equal(img->pixels[20 * img->pitch + 15 * 3], 128);
    p.n = 0;
    path_circle(&p, 32, 32, 20);
    fill(img, &p);
    assert_true(fabs(area(img) - 3.14159265 * 400) < 4); /* a polygon of 48 sides: 0.3 % less */
    p.n = 0;
    path_rounded(&p, 4, 4, 60, 60, 8, 0);
    path_rounded(&p, 7, 7, 57, 57, 5, 1); /* a frame: the inner one is a hole */
    fill(img, &p);
    double corners = (4 - 3.14159265) * (64 - 25);
    assert_true(fabs(area(img) - (56 * 56 - 50 * 50 - corners)) < 1);
    assert_int_equal(img->pixels[32 * img->pitch + 32 * 3], 0);
    /* Half outside on every side. */
    p.n = 0;
    path_rounded(&p, -100, -50, 32, 32, 0, 0);
    fill(img, &p);
    assert_true(fabs(area(img) - 32 * 32) < 0.1);
    p.n = 0;
    path_circle(&p, 1e6f, -1e6f, 10);
    fill(img, &p);
    assert_true(area(img) == 0);
    mien_image_free(img);
}

static void slanted(void **state) {
    (void)state;
    mien_image *img = black(50, 50);
    struct raster_path p = {0};
    path_line(&p, 3.3f, 2.2f, 45.1f, 17.9f);
    path_line(&p, 45.1f, 17.9f, 12.4f, 48.6f);
    path_line(&p, 12.4f, 48.6f, 3.3f, 2.2f);
    fill(img, &p);
    /* half the cross product of two sides */
    double want = 0.5 * ((45.1 - 3.3) * (48.6 - 2.2) - (12.4 - 3.3) * (17.9 - 2.2));
    assert_true(fabs(area(img) - want) < 0.5);
    mien_image_free(img);
}

static void letters(void **state) {
    (void)state;
    for (int c = 0; c <= FONT_LAST - FONT_FIRST; c++) {
        const struct font_glyph *g = &font_glyphs[c];
        assert_true(g->advance > 0 && g->advance < 2 * font_units);
        assert_true((c == 0) == (g->count == 0));
        int lines = 0;
        for (int i = 0; i < g->count; i++) {
            const struct font_point *p = &font_points[g->first + i];
            lines += p->kind == FONT_CONTROL ? 8 : 1;
            if (p->kind == FONT_CONTROL) {
                assert_true(i + 1 < g->count && p[1].kind == FONT_LINE);
            }
        }
        if (g->count) assert_int_equal(font_points[g->first].kind, FONT_MOVE);
        assert_true(lines < RASTER_LINES);
    }
}

static int is_near(const mien_image *img, int x, int y, const uint8_t rgb[3]) {
    const uint8_t *p = img->pixels + y * img->pitch + 3 * x;
    return abs(p[0] - rgb[0]) + abs(p[1] - rgb[1]) + abs(p[2] - rgb[2]) < 12;
}

/* The edge of a thin line covers a pixel in part: half to all of the colour, on black. */
static int on_line(const mien_image *img, int x, int y, const uint8_t rgb[3]) {
    const uint8_t *p = img->pixels + y * img->pitch + 3 * x;
    for (int i = 0; i < 3; i++)
        if (p[i] < rgb[i] / 2 || p[i] > rgb[i] + 2) return 0;
    return 1;
}

static void face(void **state) {
    (void)state;
    static const uint8_t green[3] = {34, 197, 94}, blue[3] = {59, 130, 246};
    mien_image *img = black(640, 480);
    mien_face f = {.box = {200, 150, 400, 400},
                   .landmarks = {{260, 230}, {340, 230}, {300, 280}, {270, 330}, {330, 330}}};
    assert_int_equal(mien_draw_face(img, &f, "A label", 0), MIEN_OK);
    assert_true(on_line(img, 300, 150, green) && on_line(img, 200, 300, green)); /* edges */
    assert_true(is_near(img, 300, 280, green));                                  /* the nose */
    assert_true(is_near(img, 250, 370, (const uint8_t[3]){0}));                  /* inside */
    assert_true(on_line(img, 202, 140, green));                                  /* the tag */
    assert_true(is_near(img, 500, 300, (const uint8_t[3]){0}));
    assert_int_equal(mien_draw_face(img, &f, NULL, 1), MIEN_OK);
    assert_true(is_near(img, 300, 280, blue));
    assert_int_equal(mien_draw_face(img, &f, "", -1), MIEN_OK); /* any index has a colour */
    mien_image_free(img);
}

/* At half scale the same face lies at half the coordinates. */
static void reduced(void **state) {
    (void)state;
    static const uint8_t green[3] = {34, 197, 94};
    mien_image *img = black(320, 240);
    img->full_width = 640;
    img->full_height = 480;
    mien_face f = {.box = {200, 150, 400, 400}, .landmarks = {{300, 280}}};
    assert_int_equal(mien_draw_face(img, &f, NULL, 0), MIEN_OK);
    assert_true(on_line(img, 150, 75, green) && is_near(img, 150, 140, green));
    mien_image_free(img);
}

/* Guard bytes around the rows of a small picture stay as they are, whatever is drawn. */
static void stays_inside(void **state) {
    (void)state;
    enum { W = 40, H = 30, PITCH = 3 * W + 17 };
    static uint8_t memory[(H + 2) * PITCH];
    static const float at[] = {-1e30f, -1000, -3, 0, 17.5f, 30, 41, 1000, 1e30f};
    memset(memory, 0xa5, sizeof memory);
    mien_image img = {.pixels = memory + PITCH, .width = W, .height = H, .pitch = PITCH};
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 9; j++) {
            mien_face f = {.box = {at[i], at[j], at[(i + j) % 9], at[(2 * i + j) % 9]}};
            for (int k = 0; k < 5; k++) {
                f.landmarks[k][0] = at[(i + k) % 9];
                f.landmarks[k][1] = at[(j + 2 * k) % 9];
            }
            assert_int_equal(mien_draw_face(&img, &f, "label \xc3\xa9 that is too long", i),
                             MIEN_OK);
        }
    assert_int_equal(mien_draw_caption(&img, "one\n\ntwo and a very long line\n"), MIEN_OK);
    for (int y = -1; y <= H; y++)
        for (int x = y < 0 || y == H ? 0 : 3 * W; x < PITCH; x++)
            assert_int_equal(memory[(y + 1) * PITCH + x], 0xa5);
}

static void caption(void **state) {
    (void)state;
    mien_image *img = black(600, 400), *grey = black(600, 400);
    memset(img->pixels, 128, (size_t)img->pitch * 400);
    memset(grey->pixels, 128, (size_t)img->pitch * 400);
    assert_int_equal(mien_draw_caption(img, NULL), MIEN_OK);
    assert_int_equal(mien_draw_caption(img, ""), MIEN_OK);
    assert_same_picture(img, grey, 0);
    assert_int_equal(mien_draw_caption(img, "cat 0.9\ndog 0.1"), MIEN_OK);
    int light = 0, dark = 0;
    for (int i = 0; i < 600 * 400; i++) {
        light += img->pixels[3 * i] > 240;
        dark += img->pixels[3 * i] < 60;
    }
    assert_true(light > 50 && dark > 10 * light / 4);
    assert_true(is_near(img, 590, 390, grey->pixels));
    mien_image_free(img);
    mien_image_free(grey);
}

static void errors(void **state) {
    (void)state;
    mien_image *img = black(60, 60);
    mien_face f = {.box = {0, 0, NAN, 10}};
    assert_int_equal(mien_draw_face(img, &f, NULL, 0), MIEN_EINVAL);
    f = (mien_face){.landmarks = {{0, INFINITY}}};
    assert_int_equal(mien_draw_face(img, &f, NULL, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_face(img, NULL, NULL, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_face(NULL, &f, NULL, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_caption(NULL, "x"), MIEN_EINVAL);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas),   cmocka_unit_test(slanted), cmocka_unit_test(letters),
        cmocka_unit_test(face),    cmocka_unit_test(reduced), cmocka_unit_test(stays_inside),
        cmocka_unit_test(caption), cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
