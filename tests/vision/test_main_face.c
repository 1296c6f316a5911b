/* Which of several faces is meant: size x centre x score, computed by hand. */
#include "check.h"
#include "mien.h"

/* An image of 200 x 100: half of its diagonal is 111.80. */
enum { WIDTH = 200, HEIGHT = 100 };

static const mien_face small = {.box = {90, 40, 110, 60}, .score = 1}, /* 0.02 x 1 = 0.02 */
    middle = {.box = {80, 30, 120, 70}, .score = 1},                   /* 0.08 x 1 = 0.08 */
    doubted = {.box = {80, 30, 120, 70}, .score = 0.5f},               /* 0.08 x 1 x 0.5 = 0.04 */
    /* its middle is 30,30: 72.80 from the image's; 0.18 x (1 - 72.80 / 111.80) = 0.063 */
    corner = {.box = {0, 0, 60, 60}, .score = 1},
                       /* 35,35: 66.71; 0.245 x (1 - 66.71 / 111.80) = 0.099 */
    large = {.box = {0, 0, 70, 70}, .score = 1};

/* The position of the main one of two, either way round. */
static void first_is_main(mien_face first, mien_face second) {
    const mien_face faces[] = {first, second}, swapped[] = {second, first};
    assert_int_equal(mien_main_face(faces, 2, WIDTH, HEIGHT), 0);
    assert_int_equal(mien_main_face(swapped, 2, WIDTH, HEIGHT), 1);
}

static void size(void **state) {
    (void)state;
    first_is_main(middle, small);
    first_is_main(large, corner);
}

/* The one in the middle, though smaller; but not than any. */
static void centre(void **state) {
    (void)state;
    first_is_main(middle, corner);
    first_is_main(large, middle);
    first_is_main(corner, small);
}

static void score(void **state) {
    (void)state;
    first_is_main(middle, doubted);
    first_is_main(corner, doubted);
    first_is_main(doubted, small);
}

/* The size of the image tells where its middle is. */
static void image_size(void **state) {
    (void)state;
    const mien_face faces[] = {middle, corner}; /* corner's middle is that of 60 x 60 */
    assert_int_equal(mien_main_face(faces, 2, WIDTH, HEIGHT), 0);
    assert_int_equal(mien_main_face(faces, 2, 60, 60), 1);
}

static void ties(void **state) {
    (void)state;
    const mien_face left = {.box = {10, 40, 30, 60}, .score = 0.75f},
                    right = {.box = {170, 40, 190, 60}, .score = 0.75f};
    const mien_face faces[] = {small, left, right}, mirrored[] = {right, left};
    assert_int_equal(mien_main_face(faces + 1, 2, WIDTH, HEIGHT), 0);
    assert_int_equal(mien_main_face(mirrored, 2, WIDTH, HEIGHT), 0);
    assert_int_equal(mien_main_face(faces, 3, WIDTH, HEIGHT), 0);
    const mien_face same[] = {small, middle, middle, middle};
    assert_int_equal(mien_main_face(same, 4, WIDTH, HEIGHT), 1);
}

static void one_and_none(void **state) {
    (void)state;
    const mien_face nothing = {.score = 0};
    assert_int_equal(mien_main_face(&nothing, 1, WIDTH, HEIGHT), 0);
    assert_int_equal(mien_main_face(NULL, 0, WIDTH, HEIGHT), -1);
    assert_int_equal(mien_main_face(&middle, 0, WIDTH, HEIGHT), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size),       cmocka_unit_test(centre), cmocka_unit_test(score),
        cmocka_unit_test(image_size), cmocka_unit_test(ties),   cmocka_unit_test(one_and_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
