/* Which face is meant, and the stages in order. */
#include "analysis/faces.h"
#include "analysis/stages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 400, HEIGHT = 300 };

static mien_face face(float x, float y, float side, float score) {
    return (mien_face){.box = {x - side / 2, y - side / 2, x + side / 2, y + side / 2},
                       .score = score};
}

static float picked(enum face_pick pick, const mien_face *faces, int n) {
    mien_face list[4];
    memcpy(list, faces, (size_t)n * sizeof *faces);
    assert_int_equal(faces_pick(list, n, pick, WIDTH, HEIGHT), pick == FACE_ALL ? n : 1);
    return list[0].score;
}

/* The largest is in a corner, the one in the middle is small; the main one is neither. */
static void test_each_way_to_pick(void **state) {
    (void)state;
    const mien_face faces[] = {face(60, 60, 100, .91f), face(202, 148, 20, .92f),
                               face(230, 160, 90, .93f)};
    assert_true(picked(FACE_ALL, faces, 3) == .91f);
    assert_true(picked(FACE_LARGEST, faces, 3) == .91f);
    assert_true(picked(FACE_CENTRE, faces, 3) == .92f);
    assert_true(picked(FACE_MAIN, faces, 3) == .93f);
}

static void test_none_and_one(void **state) {
    (void)state;
    mien_face one = face(10, 10, 5, .5f);
    for (int pick = FACE_ALL; FACE_PICK_NAMES[pick]; pick++) {
        assert_int_equal(faces_pick(&one, 0, (enum face_pick)pick, WIDTH, HEIGHT), 0);
        assert_int_equal(faces_pick(&one, 1, (enum face_pick)pick, WIDTH, HEIGHT), 1);
        assert_true(one.score == .5f);
    }
}

/* What timing_ms, Server-Timing and the metrics have always been in. */
static void test_stages(void **state) {
    (void)state;
    static const char *const names[] = {"start",     "queue", "fetch", "decode",     "batch",
                                        "detect",    "align", "embed", "age_gender", "classify",
                                        "landmarks", "infer", "encode"};
    assert_int_equal(stages_count(), sizeof names / sizeof *names);
    for (int i = 0; i < stages_count(); i++)
        assert_string_equal(stage_name(stages_at(i)), names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_way_to_pick),
        cmocka_unit_test(test_none_and_one),
        cmocka_unit_test(test_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
