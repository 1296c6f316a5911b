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

static mien_face square(float x, float y, float side) {
    mien_face f = {.box = {x, y, x + side, y + side}, .score = 1};
    static const float eyes[5][2] = {
        {0.3f, 0.4f}, {0.7f, 0.4f}, {0.5f, 0.6f}, {0.35f, 0.75f}, {0.65f, 0.75f}};
    for (int k = 0; k < 5; k++) {
        f.landmarks[k][0] = x + eyes[k][0] * side;
        f.landmarks[k][1] = y + eyes[k][1] * side;
    }
    return f;
}

/* Pixels that texts changed, in all and in boxes of faces: faces with texts against the same
 * without any. */
static void count_texts(int w, int h, const mien_face *faces, int n, const char *const *labels,
                        const char *caption, int *outside, int *inside) {
    mien_image *with = black(w, h), *without = black(w, h);
    assert_int_equal(mien_draw_faces(with, faces, n, labels, caption), MIEN_OK);
    for (int i = n - 1; i >= 0; i--)
        assert_int_equal(mien_draw_face(without, &faces[i], NULL, i), MIEN_OK);
    *outside = *inside = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t *a = with->pixels + y * with->pitch + 3 * x;
            if (memcmp(a, without->pixels + y * without->pitch + 3 * x, 3) == 0) continue;
            int within = 0;
            for (int i = 0; i < n; i++)
                within |= (float)x + 1 > faces[i].box[0] && (float)x < faces[i].box[2] &&
                          (float)y + 1 > faces[i].box[1] && (float)y < faces[i].box[3];
            *(within ? inside : outside) += 1;
        }
    mien_image_free(with);
    mien_image_free(without);
}

/* Labels and caption lie beside the faces: at the edges of the picture, where the caption's corner
 * is a face's, and in a grid of faces that leaves narrow lanes. */
static void texts_keep_off_faces(void **state) {
    (void)state;
    enum { MOST = 400 };
    static mien_face faces[MOST];
    const char *labels[MOST];
    int n = 0, inside, outside;
    for (int i = 0; i < MOST; i++) labels[i] = "female 0.93, age 32";
    const char *caption = "79.1%  Egyptian cat\n12.0%  tabby\n 3.0%  lynx";
    faces[n++] = square(0, 0, 150);
    faces[n++] = square(490, 0, 150);
    faces[n++] = square(0, 330, 150);
    count_texts(640, 480, faces, n, labels, caption, &outside, &inside);
    assert_int_equal(inside, 0);
    assert_true(outside > 3 * 100 * 10 + 150 * 40); /* three tags and the panel */
    n = 0;
    for (float y = 4; y < 440; y += 48)
        for (float x = 4; x < 600; x += 44) faces[n++] = square(x, y, 30);
    count_texts(640, 480, faces, n, labels, caption, &outside, &inside);
    assert_int_equal(inside, 0);
    assert_true(outside > n * 50); /* a number each, at least */
}

/* A face that fills the picture has its label on its own edge, and no caption over it. */
static void close_up(void **state) {
    (void)state;
    mien_face f = square(0, 0, 300);
    const char *label = "male 0.71";
    int inside, outside, again;
    count_texts(300, 300, &f, 1, &label, NULL, &outside, &inside);
    assert_true(inside > 500 && inside < 300 * 75); /* below the mouth */
    count_texts(300, 300, &f, 1, &label, "79.1%  Egyptian cat", &outside, &again);
    assert_int_equal(inside, again);
}

/* Points lie where they are said to lie, those of three values as those of two, also in an image
 * that was decoded at half its size. */
static void points(void **state) {
    (void)state;
    const mien_face f = {.box = {20, 20, 180, 180}, .score = 1};
    const float at[] = {40, 60, 9, 160, 100, -9};
    for (int dims = 2; dims <= 3; dims++)
        for (int k = 1; k <= 2; k++) {
            mien_image *img = black(200 / k, 200 / k);
            img->full_width = img->full_height = 200;
            assert_int_equal(mien_draw_points(img, &f, at, 2, dims, 0), MIEN_OK);
            assert_true(img->pixels[60 / k * img->pitch + 3 * 40 / k] > 0);
            int second = img->pixels[100 / k * img->pitch + 3 * (160 / k)] > 0;
            assert_int_equal(second, dims == 3);
            assert_true(img->pixels[150 / k * img->pitch + 3 * (120 / k)] == 0);
            mien_image_free(img);
        }
    mien_image *img = black(50, 50);
    const float bad[] = {1, NAN};
    assert_int_equal(mien_draw_points(img, &f, bad, 1, 2, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_points(img, &f, at, 2, 1, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_points(img, &f, at, -1, 2, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_points(img, &f, NULL, 1, 2, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_points(img, NULL, at, 1, 2, 0), MIEN_EINVAL);
    assert_int_equal(mien_draw_points(img, &f, NULL, 0, 2, 0), MIEN_OK);
    mien_image_free(img);
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
    assert_int_equal(mien_draw_faces(img, &f, 1, NULL, NULL), MIEN_EINVAL);
    assert_int_equal(mien_draw_faces(img, NULL, 1, NULL, NULL), MIEN_EINVAL);
    assert_int_equal(mien_draw_faces(img, NULL, -1, NULL, NULL), MIEN_EINVAL);
    assert_int_equal(mien_draw_faces(img, NULL, 0, NULL, NULL), MIEN_OK);
    mien_image_free(img);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas),    cmocka_unit_test(slanted),
        cmocka_unit_test(letters),  cmocka_unit_test(face),
        cmocka_unit_test(reduced),  cmocka_unit_test(stays_inside),
        cmocka_unit_test(caption),  cmocka_unit_test(texts_keep_off_faces),
        cmocka_unit_test(close_up), cmocka_unit_test(points),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
