/* What --search auto costs beside one look, counted in pixels the detector is run on: as busy
 * machines have it, too. Skipped without weights; labelled pictures are looked at where they are.
 */
#include "photos.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA      "../shared/data/"
#define ASTRONAUT "docs/demo/astronaut.jpg"

enum { FACES = 256, LARGEST = 800 };

static mien_ctx *ctx;
static mien_net *detector;

static double pixels_run(const mien_image *img, enum mien_search search, int *turned) {
    static mien_face faces[FACES];
    mien_times before = {.struct_size = sizeof before}, after = before;
    mien_detect_options opt;
    int count;
    mien_detect_options_default(&opt, sizeof opt);
    opt.search = search;
    opt.turned = turned;
    assert_int_equal(mien_net_times(detector, &before), 0);
    assert_int_equal(mien_detect(detector, &img, 1, &opt, FACES, faces, &count), 0);
    assert_int_equal(mien_net_times(detector, &after), 0);
    return after.pixels - before.pixels;
}

/* A good portrait costs nothing, one that is turned its places and a second look; a picture of
 * nothing three small ones. */
static void test_single(void **state) {
    (void)state;
    static const double most[] = {1, 2.3, 2.3, 2.3};
    mien_image *img = photos_load(ctx, ASTRONAUT, LARGEST), *turned;
    for (int q = 0; q < 4; q++) {
        int degrees;
        assert_int_equal(mien_image_turn(img, 90 * q, &turned), 0);
        double fast = pixels_run(turned, MIEN_SEARCH_FAST, NULL);
        double full = pixels_run(turned, MIEN_SEARCH_AUTO, &degrees);
        printf("turned by %d: auto is %.3f of fast\n", 90 * q, full / fast);
        assert_true(full <= most[q] * fast);
        assert_int_equal(degrees, (360 - 90 * q) % 360);
        mien_image_free(turned);
    }
    memset(img->pixels, 90, (size_t)img->pitch * (size_t)img->height);
    double fast = pixels_run(img, MIEN_SEARCH_FAST, NULL);
    assert_true(pixels_run(img, MIEN_SEARCH_AUTO, NULL) <= 2.2 * fast);
    mien_image_free(img);
}

/* What a stop() that takes its time finds in a picture. */
struct meanwhile {
    const mien_image *image;
    int asked, most, found;
};

static int look_meanwhile(void *context) {
    enum { EVERY = 20 };
    static mien_face faces[FACES];
    struct meanwhile *m = context;
    if (++m->asked > m->most) return 1;
    if (m->asked % EVERY != 1) return 0;
    assert_int_equal(mien_detect(detector, &m->image, 1, NULL, FACES, faces, &m->found), 0);
    return 0;
}

/* Between looks, and between the layers of one, a search can be given up, and the network be used
 * for something else: each finds what it does alone. */
static void test_given_up(void **state) {
    (void)state;
    mien_image *img = photos_load(ctx, ASTRONAUT, LARGEST), *turned;
    mien_face alone[FACES], faces[FACES];
    struct meanwhile m = {.image = img, .most = INT_MAX};
    mien_detect_options opt;
    int count, again;
    assert_int_equal(mien_image_turn(img, 90, &turned), 0);
    const mien_image *images[] = {turned};
    mien_detect_options_default(&opt, sizeof opt);
    opt.search = MIEN_SEARCH_AUTO;
    assert_int_equal(mien_detect(detector, images, 1, &opt, FACES, alone, &count), 0);
    assert_true(count > 0);
    opt.stop = look_meanwhile;
    opt.stop_context = &m;
    assert_int_equal(mien_detect(detector, images, 1, &opt, FACES, faces, &again), 0);
    assert_int_equal(again, count);
    assert_memory_equal(faces, alone, (size_t)count * sizeof *faces);
    assert_true(m.asked > 60 && m.found > 0);
    for (m.most = m.asked - 1; m.most >= 0; m.most -= 11) {
        m.asked = 0;
        assert_int_equal(mien_detect(detector, images, 1, &opt, FACES, faces, &again),
                         MIEN_ETOOBIG);
        assert_int_equal(again, 0);
        assert_non_null(strstr(mien_error(), "given up"));
    }
    mien_image_free(turned);
    mien_image_free(img);
}

/* Of the pictures of a folder, in any order, `count` at most. */
static void check_folder(const char *folder, int count, double most) {
    double fast = 0, full = 0;
    int n = 0;
    DIR *dir = getenv("MIEN_CPU") ? NULL : opendir(folder); /* kernels change no count */
    if (!dir) skip();
    for (const struct dirent *e; n < count && (e = readdir(dir));) {
        char path[512];
        int degrees;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        mien_image *img = photos_load(ctx, path, LARGEST);
        fast += pixels_run(img, MIEN_SEARCH_FAST, NULL);
        full += pixels_run(img, MIEN_SEARCH_AUTO, &degrees);
        if (degrees) printf("%s: turned by %d\n", path, degrees);
        n++;
        mien_image_free(img);
    }
    closedir(dir);
    printf("%s: %d pictures, auto is %.3f of fast\n", folder, n, full / fast);
    assert_true(full <= most * fast);
}

static void test_crowds(void **state) {
    (void)state;
    check_folder(DATA "wider/images", 77, 1.15);
}

static void test_portraits(void **state) {
    (void)state;
    check_folder(DATA "fairface/val", 100, 1.03);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_crowds),
        cmocka_unit_test(test_portraits),
    };
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
