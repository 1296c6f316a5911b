/* How a blob says that faces are cut out, and which part of the image that is: computed by hand. */
#include "mien.h"
#include "tasks/faces.h"
#include "tasks/net.h"
#include "tests/tasks/toy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int read_crop(const char *text, struct face_crop *crop) {
    const char *const meta[] = {"task", "attributes", "preprocess", text, NULL};
    struct toy *toy = toy_open("insightface_genderage", 0, meta);
    struct mien_net net = {.blob = toy->blob};
    *crop = (struct face_crop){.kind = CROP_ALIGNED};
    int rc = face_crop_read(&net, crop);
    toy_close(toy);
    return rc;
}

/* A box of 40x60 in an image of 200x100, eyes 10 apart. */
static const mien_face face = {
    .box = {80, 20, 120, 80},
    .landmarks = {{90, 40}, {98, 46}, {100, 55}, {92, 66}, {104, 66}},
};

static void is_part(const char *text, double x0, double y0, double x1, double y1) {
    struct face_crop crop;
    mien_image *img;
    assert_int_equal(mien_image_new(200, 100, &img), MIEN_OK);
    assert_int_equal(read_crop(text, &crop), MIEN_OK);
    struct rect_f r = face_crop_rect(&crop, img, &face);
    mien_image_free(img);
    if (fabs(r.x0 - x0) > 1e-4 || fabs(r.y0 - y0) > 1e-4 || fabs(r.x1 - x1) > 1e-4 ||
        fabs(r.y1 - y1) > 1e-4)
        fail_msg("%s: %g %g %g %g", text, r.x0, r.y0, r.x1, r.y1);
}

static void parts(void **state) {
    (void)state;
    /* a square of 60 and 1.5 times that around 100,50 */
    is_part("{\"crop\":\"box\"}", 70, 20, 130, 80);
    is_part("{\"crop\":\"box\",\"margin\":0.25}", 55, 5, 145, 95);
    is_part("{\"crop\":\"box\",\"margins\":[0,0.1,0.2,0.5]}", 80, 14, 128, 110);
    is_part("{\"crop\":\"box\",\"margins\":[-0.25,0,-0.25,0]}", 90, 20, 110, 80);
    is_part("{\"crop\":\"landmark\",\"landmark\":\"left_eye\",\"side\":1}", 85, 35, 95, 45);
    is_part("{\"crop\":\"landmark\",\"landmark\":\"nose\",\"side\":0.4}", 98, 53, 102, 57);
}

/* Moved where it has room, shrunk to the height of 100 where it has none. */
static void moved_inside(void **state) {
    (void)state;
    is_part("{\"crop\":\"box\",\"margins\":[0,0.1,0.2,0.5],\"inside\":true}", 80, 4, 128, 100);
    is_part("{\"crop\":\"box\",\"margins\":[1,1,1,1],\"inside\":true}", 100 - 100. / 3, 0,
            100 + 100. / 3, 100);
    is_part("{\"crop\":\"box\",\"margin\":0.25,\"inside\":true}", 55, 5, 145, 95);
}

static void filters(void **state) {
    (void)state;
    struct face_crop crop;
    assert_int_equal(read_crop("{\"crop\":\"box\"}", &crop), MIEN_OK);
    assert_true(crop.filter == RESIZE_TRIANGLE && !crop.inside && crop.kind == CROP_SQUARE);
    assert_int_equal(read_crop("{\"crop\":\"box\",\"filter\":\"bilinear\"}", &crop), MIEN_OK);
    assert_true(crop.filter == RESIZE_BILINEAR);
    assert_int_equal(read_crop("{\"crop\":\"aligned\"}", &crop), MIEN_OK);
    assert_true(crop.kind == CROP_ALIGNED);
}

static void refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"crop\":\"round\"}",
        "{\"crop\":\"box\",\"margin\":-0.1}",
        "{\"crop\":\"box\",\"margin\":4.5}",
        "{\"crop\":\"box\",\"margin\":\"1\"}",
        "{\"crop\":\"box\",\"margins\":0.1}",
        "{\"crop\":\"box\",\"margins\":[0,0,0]}",
        "{\"crop\":\"box\",\"margins\":[0,0,0,0,0]}",
        "{\"crop\":\"box\",\"margins\":[0,0,-0.5,0]}",
        "{\"crop\":\"box\",\"margins\":[0,0,0,\"1\"]}",
        "{\"crop\":\"box\",\"inside\":1}",
        "{\"crop\":\"box\",\"filter\":\"cubic\"}",
        "{\"crop\":\"landmark\"}",
        "{\"crop\":\"landmark\",\"landmark\":\"ear\",\"side\":1}",
        "{\"crop\":\"landmark\",\"landmark\":\"nose\"}",
        "{\"crop\":\"landmark\",\"landmark\":\"nose\",\"side\":0}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct face_crop crop;
        if (read_crop(bad[i], &crop) != MIEN_EWEIGHTS ||
            !strstr(mien_error(), "preprocess does not say how faces are cut out"))
            fail_msg("%s: %s", bad[i], mien_error());
    }
}

/* Points are told in pixels of the image, which is known of squares alone. */
static void points_want_squares(void **state) {
    (void)state;
    const char *const meta[] = {
        "task",       "attributes",
        "preprocess", "{\"crop\":\"box\",\"margins\":[0,0,0,0]}",
        "attributes", "[{\"name\":\"p\",\"kind\":\"points\",\"output\":\"fc1\",\"count\":4}]",
        NULL};
    struct toy *toy = toy_open("insightface_genderage", 12, meta);
    struct mien_net net = {.blob = toy->blob};
    assert_int_equal(net_describe(&net), MIEN_EWEIGHTS);
    assert_non_null(strstr(mien_error(), "points need a crop of kind box, and square"));
    net_forget(&net);
    toy_close(toy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),   cmocka_unit_test(moved_inside),        cmocka_unit_test(filters),
        cmocka_unit_test(refused), cmocka_unit_test(points_want_squares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
