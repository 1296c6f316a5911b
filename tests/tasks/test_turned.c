/* What --search auto finds of the faces of pictures that lie or stand on their heads, of those it
 * finds when they stand; and what looking for that costs, counted in pixels the detector is run on.
 * Skipped without weights or labelled pictures; kernels change no count. */
#include "photos.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "../shared/data/wider/images"

enum { FACES = 400, PICTURES = 77, LARGEST = 800 };

static mien_ctx *ctx;
static mien_net *detector;

struct found {
    mien_face faces[FACES];
    int count, degrees;
    double pixels;
};

static void look(const mien_image *img, enum mien_search search, struct found *out) {
    mien_times before = {.struct_size = sizeof before}, after = before;
    mien_detect_options opt;
    mien_detect_options_default(&opt, sizeof opt);
    opt.search = search;
    opt.threshold = 0.5F;
    opt.turned = &out->degrees;
    assert_int_equal(mien_net_times(detector, &before), 0);
    assert_int_equal(mien_detect(detector, &img, 1, &opt, FACES, out->faces, &out->count), 0);
    assert_int_equal(mien_net_times(detector, &after), 0);
    out->pixels = after.pixels - before.pixels;
}

static float overlap(const float *a, const float *b) {
    float w = fminf(a[2], b[2]) - fmaxf(a[0], b[0]), h = fminf(a[3], b[3]) - fmaxf(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0;
    float both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h;
    return w * h / both;
}

static int has(const struct found *found, const mien_face *face) {
    for (int i = 0; i < found->count; i++)
        if (overlap(found->faces[i].box, face->box) >= 0.5F) return 1;
    return 0;
}

/* How many faces of a picture that stands are found in it turned by so many quarters. */
static int count_turned(const mien_image *img, const struct found *upright, int quarters) {
    static struct found found;
    mien_image *turned;
    int n = 0;
    assert_int_equal(mien_image_turn(img, 90 * quarters, &turned), 0);
    look(turned, MIEN_SEARCH_AUTO, &found);
    for (int i = 0; i < found.count; i++)
        mien_face_turn(&found.faces[i], 360 - 90 * quarters, turned->width, turned->height);
    for (int i = 0; i < upright->count; i++) n += has(&found, &upright->faces[i]);
    mien_image_free(turned);
    return n;
}

static void test_turned(void **state) {
    (void)state;
    static struct found fast, upright;
    int all = 0, n = 0, found[4] = {0};
    double once = 0, full = 0;
    DIR *dir = getenv("MIEN_CPU") ? NULL : opendir(FOLDER);
    if (!dir) skip();
    for (const struct dirent *e; n < PICTURES && (e = readdir(dir));) {
        char path[512];
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, FOLDER "/%s", e->d_name);
        mien_image *img = photos_load(ctx, path, LARGEST);
        look(img, MIEN_SEARCH_FAST, &fast);
        look(img, MIEN_SEARCH_AUTO, &upright);
        once += fast.pixels;
        full += upright.pixels;
        all += upright.count;
        for (int q = 1; q < 4; q++) found[q] += count_turned(img, &upright, q);
        mien_image_free(img);
        n++;
    }
    closedir(dir);
    printf("%d pictures, auto is %.3f of fast; of %d faces, turned by 90, 180, 270: %.3f, %.3f, "
           "%.3f\n",
           n, full / once, all, (double)found[1] / all, (double)found[2] / all,
           (double)found[3] / all);
    for (int q = 1; q < 4; q++) assert_true(found[q] >= 0.87 * all);
    assert_true(full <= 1.15 * once);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_turned)};
    if (mien_open(NULL, &ctx) || mien_net_load(ctx, "retinaface-mnet025-v2", &detector)) {
        printf("skipped: %s\n", mien_error());
        mien_close(ctx);
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mien_net_free(detector);
    mien_close(ctx);
    return failed;
}
