/*
 * Resizing against Pillow's output, against the definitions written out in doubles, and against
 * what must hold whatever the filter: exact copies, crops that agree with wholes, borders, pitches.
 * All of it by every table of kernels this machine has.
 */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"
#include "vision/resize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Pillow 9.4.0, of source(13, 11):
 *   y, x, c = numpy.mgrid[0:11, 0:13, 0:3]
 *   Image.fromarray(((x*37 + y*91 + c*53 + x*y*7) % 256).astype(numpy.uint8))
 *   .resize((w, h), Image.BILINEAR, box=box), flattened.
 */
/* (5, 4) */
static const uint8_t pil_down[4 * 5 * 3] = {
    110, 132, 141, 124, 134, 142, 127, 126, 135, 118, 129, 135, 121, 142, 124,
    122, 141, 124, 138, 138, 125, 143, 130, 125, 126, 134, 121, 137, 132, 138,
    120, 126, 136, 126, 125, 126, 136, 126, 128, 128, 124, 119, 134, 102, 143,
    150, 115, 128, 145, 125, 125, 113, 130, 139, 132, 138, 127, 126, 120, 149};
/* (17, 6) */
static const uint8_t pil_up[6 * 17 * 3] = {
    55,  108, 139, 81,  120, 165, 104, 144, 152, 123, 156, 119, 154, 103, 150, 108, 129, 182,
    107, 160, 144, 139, 157, 98,  170, 77,  130, 90,  108, 161, 87,  140, 135, 118, 139, 115,
    144, 93,  145, 91,  124, 159, 103, 143, 114, 127, 166, 95,  139, 192, 121, 111, 164, 95,
    145, 119, 125, 135, 113, 144, 102, 142, 143, 137, 148, 120, 145, 126, 155, 133, 142, 135,
    129, 152, 107, 169, 94,  147, 111, 134, 124, 121, 130, 120, 137, 118, 137, 115, 126, 166,
    121, 161, 113, 150, 128, 131, 144, 118, 142, 99,  152, 122, 112, 165, 150, 110, 163, 107,
    136, 135, 111, 163, 108, 139, 113, 158, 93,  155, 120, 136, 146, 133, 124, 130, 152, 105,
    180, 102, 155, 129, 152, 109, 112, 135, 130, 113, 127, 141, 124, 169, 94,  174, 119, 92,
    147, 105, 130, 118, 127, 160, 116, 169, 166, 98,  151, 136, 105, 121, 150, 118, 138, 136,
    122, 175, 107, 81,  134, 115, 134, 99,  132, 135, 122, 113, 129, 151, 104, 189, 111, 164,
    149, 128, 129, 113, 139, 90,  114, 128, 88,  166, 93,  142, 126, 110, 106, 130, 119, 144,
    143, 105, 158, 149, 71,  124, 153, 84,  137, 134, 90,  114, 126, 112, 136, 138, 133, 181,
    170, 106, 158, 151, 109, 131, 125, 134, 102, 99,  150, 105, 75,  122, 175, 141, 94,  147,
    141, 134, 120, 115, 166, 116, 96,  138, 149, 128, 111, 156, 140, 87,  140, 132, 89,  142,
    113, 115, 168, 109, 140, 193, 162, 127, 109, 181, 116, 104, 167, 105, 158, 162, 71,  124,
    131, 141, 117, 115, 168, 94,  101, 154, 95,  68,  121, 174, 146, 116, 169, 167, 102, 144,
    151, 116, 121, 120, 173, 115, 115, 168, 99,  101, 141, 143, 120, 121, 174, 173, 116, 169};
/* (4, 4), box=(2.5, 1.25, 11.75, 9.5) */
static const uint8_t pil_boxed[4 * 4 * 3] = {
    126, 132, 137, 130, 131, 132, 126, 130, 136, 127, 133, 128, 142, 135, 123, 145,
    134, 123, 124, 134, 125, 143, 129, 123, 116, 131, 119, 148, 128, 126, 129, 127,
    110, 137, 109, 127, 149, 121, 143, 109, 131, 129, 126, 139, 129, 123, 112, 146};

static struct kern kern; /* the table under test */

/* All rows, the lower half first and by another worker. */
static void all_rows(const struct resized *r, int h, float *dst, ptrdiff_t dst_row) {
    resize_rows(r, &kern, h / 2, h, KERN_F32, dst + h / 2 * dst_row, dst_row, 1);
    resize_rows(r, &kern, 0, h / 2, KERN_F32, dst, dst_row, 0);
}

/* Prepares a picture and makes its rows. */
static int resize(struct resized *r, const mien_image *img, const struct rect_f *box, float *dst,
                  ptrdiff_t dst_row, int w, int h, int filter) {
    int rc = resize_picture(r, img, box, w, h, (enum resize_filter)filter, 2);
    if (rc == MIEN_OK) all_rows(r, h, dst, dst_row);
    return rc;
}

static mien_image *source(int w, int h) {
    mien_image *img;
    assert_int_equal(mien_image_new(w, h, &img), MIEN_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < 3; c++)
                img->pixels[y * img->pitch + 3 * x + c] =
                    (uint8_t)(x * 37 + y * 91 + c * 53 + x * y * 7);
    return img;
}

static void against_pillow_case(int w, int h, const struct rect_f *box, const uint8_t *want) {
    mien_image *img = source(13, 11);
    struct resized r = {0};
    float *got = malloc((size_t)(w * h) * 3 * sizeof *got);
    assert_int_equal(resize(&r, img, box, got, 3 * w, w, h, RESIZE_TRIANGLE), MIEN_OK);
    /* Pillow rounds to 8 bits after each of its two passes: off by one and a half at most. */
    for (int i = 0; i < w * h * 3; i++)
        if (!(fabsf(got[i] - want[i]) <= 1.5f))
            fail_msg("value %d: %g and %d", i, (double)got[i], want[i]);
    free(got);
    resize_free(&r);
    mien_image_free(img);
}

static void against_pillow(void **state) {
    (void)state;
    against_pillow_case(5, 4, NULL, pil_down);
    against_pillow_case(17, 6, NULL, pil_up);
    against_pillow_case(4, 4, &(struct rect_f){2.5, 1.25, 11.75, 9.5}, pil_boxed);
}

/* OpenCV's INTER_LINEAR by its definition: sample at the mapped pixel centre, edges repeated. */
static double bilinear_at(const mien_image *img, double x, double y, int c, int zero) {
    double sum = 0;
    int x0 = (int)floor(x), y0 = (int)floor(y);
    for (int j = y0; j <= y0 + 1; j++)
        for (int i = x0; i <= x0 + 1; i++) {
            int u = i < 0 ? 0 : i >= img->width ? img->width - 1 : i;
            int v = j < 0 ? 0 : j >= img->height ? img->height - 1 : j;
            if (zero && (u != i || v != j)) continue;
            sum += (1 - fabs(x - i)) * (1 - fabs(y - j)) * img->pixels[v * img->pitch + 3 * u + c];
        }
    return sum;
}

static void bilinear_case(int w, int h, int dw, int dh, const struct rect_f *box, int zero) {
    mien_image *img = source(w, h);
    struct resized r = {0};
    struct rect_f b = box ? *box : (struct rect_f){0, 0, w, h};
    float *got = malloc((size_t)(dw * dh) * 3 * sizeof *got);
    int filter = RESIZE_BILINEAR | (zero ? RESIZE_ZERO_OUTSIDE : 0);
    assert_int_equal(resize(&r, img, box, got, 3 * dw, dw, dh, filter), MIEN_OK);
    for (int y = 0; y < dh; y++)
        for (int x = 0; x < dw; x++)
            for (int c = 0; c < 3; c++) {
                double sx = b.x0 + (x + 0.5) * (b.x1 - b.x0) / dw - 0.5;
                double sy = b.y0 + (y + 0.5) * (b.y1 - b.y0) / dh - 0.5;
                double want = bilinear_at(img, sx, sy, c, zero);
                double v = got[(y * dw + x) * 3 + c];
                if (fabs(v - want) > 1e-3)
                    fail_msg("%dx%d to %dx%d at %d,%d: %g and %g", w, h, dw, dh, x, y, v, want);
            }
    free(got);
    resize_free(&r);
    mien_image_free(img);
}

static void bilinear(void **state) {
    (void)state;
    static const int sizes[][4] = {{13, 11, 5, 4},  {13, 11, 40, 3},  {1, 1, 3, 5},
                                   {2, 9, 1, 1},    {64, 48, 63, 49}, {100, 7, 7, 100},
                                   {31, 31, 31, 62}};
    for (int i = 0; i < 7; i++)
        for (int zero = 0; zero < 2; zero++) {
            const int *n = sizes[i];
            bilinear_case(n[0], n[1], n[2], n[3], NULL, zero);
            bilinear_case(n[0], n[1], n[2], n[3], &(struct rect_f){0.3, 0.2, 0.9, 0.7}, zero);
            bilinear_case(n[0], n[1], n[2], n[3], &(struct rect_f){-7.5, -3, 9.25, 20}, zero);
            bilinear_case(n[0], n[1], n[2], n[3], &(struct rect_f){500, -900, 700, -850}, zero);
        }
}

static void same_size_is_a_copy(void **state) {
    (void)state;
    mien_image *img = source(57, 33);
    struct resized r = {0};
    float got[33][60][3];
    float part[20][30 * 3];
    for (int f = 0; f < 4; f++) {
        assert_int_equal(resize(&r, img, NULL, &got[0][0][0], 180, 57, 33, f), MIEN_OK);
        for (int y = 0; y < 33; y++)
            for (int i = 0; i < 57 * 3; i++)
                assert_true((&got[y][0][0])[i] == img->pixels[y * img->pitch + i]);
        struct rect_f box = {10, 5, 40, 25};
        assert_int_equal(resize(&r, img, &box, part[0], 90, 30, 20, f), MIEN_OK);
        for (int y = 0; y < 20; y++)
            for (int i = 0; i < 90; i++)
                assert_true(part[y][i] == img->pixels[(y + 5) * img->pitch + 30 + i]);
    }
    resize_free(&r);
    mien_image_free(img);
}

/* A crop of the resized picture is the resized box: what classifiers' centre crop relies on. */
static void box_is_a_crop(void **state) {
    (void)state;
    mien_image *img = source(90, 60);
    struct resized r = {0};
    static float whole[40][60][3], part[20][30][3];
    struct rect_f box = {10 * 1.5, 12 * 1.5, 40 * 1.5, 32 * 1.5};
    for (int f = 0; f < 2; f++) {
        resize(&r, img, NULL, &whole[0][0][0], 180, 60, 40, f);
        resize(&r, img, &box, &part[0][0][0], 90, 30, 20, f);
        for (int y = 0; y < 20; y++)
            for (int x = 0; x < 30; x++)
                for (int c = 0; c < 3; c++)
                    assert_true(fabsf(part[y][x][c] - whole[y + 12][x + 10][c]) < 1e-3f);
    }
    resize_free(&r);
    mien_image_free(img);
}

/* With zeros outside, a flat picture keeps its level inside and fades only across the border. */
static void zero_outside(void **state) {
    (void)state;
    mien_image *img;
    struct resized r = {0};
    assert_int_equal(mien_image_new(30, 30, &img), MIEN_OK);
    memset(img->pixels, 200, (size_t)img->pitch * 30);
    static float got[23][23][3];
    /* 60 pixels to 23, the picture from 15 to 45: outputs 5.75 to 17.25. */
    struct rect_f box = {-15, -15, 45, 45};
    assert_int_equal(
        resize(&r, img, &box, &got[0][0][0], 69, 23, 23, RESIZE_TRIANGLE | RESIZE_ZERO_OUTSIDE),
        MIEN_OK);
    for (int y = 0; y < 23; y++)
        for (int x = 0; x < 23; x++) {
            int inside = x >= 7 && x <= 15 && y >= 7 && y <= 15;
            int outside = x < 5 || x > 17 || y < 5 || y > 17;
            if (inside) assert_true(fabsf(got[y][x][1] - 200) < 1e-3f);
            if (outside) assert_true(got[y][x][1] == 0);
            assert_true(got[y][x][1] <= 200.001f);
        }
    struct rect_f far_away = {1e6, 1e6, 2e6, 2e6};
    assert_int_equal(resize(&r, img, &far_away, &got[0][0][0], 69, 23, 23,
                            RESIZE_TRIANGLE | RESIZE_ZERO_OUTSIDE),
                     MIEN_OK);
    assert_true(got[11][11][0] == 0);
    assert_int_equal(resize(&r, img, &far_away, &got[0][0][0], 69, 23, 23, RESIZE_TRIANGLE),
                     MIEN_OK);
    assert_true(got[11][11][0] == 200);
    resize_free(&r);
    mien_image_free(img);
}

static void letterbox(void **state) {
    (void)state;
    enum { DW = 64, DH = 48, ROW = (DW + 2) * 3 };
    static float tensor[DH + 2][ROW];
    mien_image *img = source(200, 100);
    struct resized r = {0};
    struct letterbox b = letterbox_fit(img->width, img->height, DW);
    for (int i = 0; i < (DH + 2) * ROW; i++) (&tensor[0][0])[i] = -1;
    assert_int_equal(resize_letterbox(&r, img, &b, DW, 31, RESIZE_BILINEAR, 2), MIEN_EINVAL);
    assert_int_equal(resize_letterbox(&r, img, &b, DW, DH, RESIZE_BILINEAR, 2), MIEN_OK);
    all_rows(&r, DH, &tensor[1][3], ROW);
    assert_true(b.w == 64 && b.h == 32 && b.scale_x == 0.32 && b.scale_y == 0.32);
    for (int y = 0; y < DH + 2; y++)
        for (int i = 0; i < ROW; i++) {
            int halo = y == 0 || y == DH + 1 || i < 3 || i >= ROW - 3;
            float v = tensor[y][i];
            if (halo ? v != -1 : y > 32 ? v != 0 : v < 0) fail_msg("%d,%d: %g", y, i, (double)v);
        }
    assert_true(fabs(tensor[1][3] - bilinear_at(img, 1.0625, 1.0625, 0, 0)) < 1e-3);
    resize_free(&r);
    mien_image_free(img);
}

static void letterbox_sizes(void **state) {
    (void)state;
    struct letterbox b = letterbox_fit(100, 50, 100);
    assert_true(b.w == 100 && b.h == 50 && b.scale_x == 1 && b.scale_y == 1);
    b = letterbox_fit(60, 120, 240); /* up, too */
    assert_true(b.w == 120 && b.h == 240 && b.scale_x == 2 && b.scale_y == 2);
    b = letterbox_fit(1280, 720, 640);
    assert_true(b.w == 640 && b.h == 360 && b.scale_x == 0.5);
    b = letterbox_fit(999, 2001, 640);
    assert_true(b.w == 320 && b.h == 640 && fabs(b.scale_x * 999 - 320) < 1e-9);
    b = letterbox_fit(10000, 1, 100); /* at least a pixel */
    assert_true(b.w == 100 && b.h == 1);
}

static void errors(void **state) {
    (void)state;
    mien_image *img = source(4, 4);
    struct resized r = {0};
    float out[12];
    assert_int_equal(resize(&r, img, NULL, out, 3, 0, 1, RESIZE_BILINEAR), MIEN_EINVAL);
    assert_int_equal(resize(&r, NULL, NULL, out, 3, 1, 1, RESIZE_BILINEAR), MIEN_EINVAL);
    struct rect_f bad[] = {{2, 0, 2, 4}, {0, 3, 4, 1}, {NAN, 0, 1, 1}, {0, 0, INFINITY, 1}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(resize(&r, img, &bad[i], out, 3, 1, 1, RESIZE_BILINEAR), MIEN_EINVAL);
        assert_non_null(strstr(err_text(), "is empty"));
    }
    resize_free(&r);
    mien_image_free(img);
}

/* A row is the same whoever makes it and with which others, in bf16 the nearest to it in fp32. Wide
 * enough for several pieces; more columns than a piece for one output. */
static void rows_alone(void **state) {
    (void)state;
    static const int sizes[][4] = {
        {5000, 40, 700, 11}, {5000, 9, 3, 3}, {3333, 30, 3332, 29}, {60, 40, 60, 40}};
    for (int i = 0; i < 4; i++)
        for (int f = 0; f < 2; f++) {
            int w = sizes[i][2], h = sizes[i][3];
            size_t row = 3 * (size_t)w;
            mien_image *img = source(sizes[i][0], sizes[i][1]);
            struct resized r = {0};
            float *all = malloc(row * (size_t)h * sizeof *all), *one = malloc(row * sizeof *one);
            uint16_t *half = malloc(row * sizeof *half);
            assert_int_equal(resize(&r, img, NULL, all, (ptrdiff_t)row, w, h, f), MIEN_OK);
            for (int y = 0; y < h; y++, all += row) {
                resize_rows(&r, &kern, y, y + 1, KERN_F32, one, 0, y % 2);
                resize_rows(&r, &kern, y, y + 1, KERN_BF16, half, 0, y % 2);
                assert_memory_equal(one, all, row * sizeof *one);
                for (size_t k = 0; k < row; k++)
                    assert_int_equal(half[k], kern_bf16_from_f32(all[k]));
            }
            free(all - row * (size_t)h);
            free(one);
            free(half);
            resize_free(&r);
            mien_image_free(img);
        }
}

/* Reductions so large that an output looks at more pixels than a piece has: the mean, nearly. */
static void large_reductions(void **state) {
    (void)state;
    mien_image *img;
    struct resized r = {0};
    float got[2][3];
    assert_int_equal(mien_image_new(20000, 3, &img), MIEN_OK);
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 20000; x++)
            for (int c = 0; c < 3; c++)
                img->pixels[y * img->pitch + 3 * x + c] = (uint8_t)(x < 10000 ? 50 + c : 200 + c);
    assert_int_equal(resize(&r, img, NULL, got[0], 6, 2, 1, RESIZE_TRIANGLE), MIEN_OK);
    /* centres at 5000 and 15000, a support of 10000: an eighth of a triangle lies beyond the
     * middle, and another outside the picture, where it does not count */
    for (int c = 0; c < 3; c++) {
        assert_true(fabs(got[0][c] - (50 + c + 150.0 / 7)) < 0.1);
        assert_true(fabs(got[1][c] - (200 + c - 150.0 / 7)) < 0.1);
    }
    resize_free(&r);
    mien_image_free(img);
}

int main(void) {
    static const char *const tables[] = {"c", "avx2", "avx512"};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_pillow),      cmocka_unit_test(bilinear),
        cmocka_unit_test(same_size_is_a_copy), cmocka_unit_test(box_is_a_crop),
        cmocka_unit_test(zero_outside),        cmocka_unit_test(letterbox),
        cmocka_unit_test(letterbox_sizes),     cmocka_unit_test(rows_alone),
        cmocka_unit_test(large_reductions),    cmocka_unit_test(errors),
    };
    int failed = 0;
    for (int t = 0; t < 3; t++)
        if (kern_init(&kern, tables[t]) == 0)
            failed += cmocka_run_group_tests_name(tables[t], tests, NULL, NULL);
    return failed;
}
