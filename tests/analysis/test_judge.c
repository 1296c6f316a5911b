/* What people are told: from 60 % on, of faces of 40 pixels and more, and of two faces by the
 * threshold of their network. */
#include "analysis/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sizes(void **state) {
    (void)state;
    static const struct {
        float box[4];
        int small;
    } cases[] = {{{0, 0, 40, 40}, 0},       {{0, 0, 39.9f, 90}, 1},    {{0, 0, 90, 39.9f}, 1},
                 {{500, 500, 541, 600}, 0}, {{500, 500, 539, 600}, 1}, {{0, 0, 0, 0}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mien_face face = {.score = 1};
        for (int k = 0; k < 4; k++) face.box[k] = cases[i].box[k];
        assert_int_equal(judge_too_small(&face), cases[i].small);
    }
}

static void certainty(void **state) {
    (void)state;
    const char *const labels[] = {"a", "b", "c"};
    mien_attribute two = {sizeof two, "two", MIEN_DISTRIBUTION, 1, 2, "", 0, 1, labels, 0};
    mien_attribute three = two, value = two;
    three.count = 3;
    value.kind = MIEN_VALUE;
    assert_false(judge_unsure(&two, (const float[]){9, 0.6f, 0.4f, 0}));
    assert_false(judge_unsure(&two, (const float[]){9, 0.1f, 0.9f, 0}));
    assert_true(judge_unsure(&two, (const float[]){9, 0.59f, 0.41f, 0}));
    assert_true(judge_unsure(&three, (const float[]){9, 0.2f, 0.5f, 0.3f}));
    assert_true(judge_unsure(&two, (const float[]){9, 0.0f / 0.0f, 0.0f / 0.0f, 0}));
    assert_false(judge_unsure(&value, (const float[]){9, 0.5f, 0, 0}));
}

static void pairs(void **state) {
    (void)state;
    assert_string_equal(judge_pair(1, 0.453), "likely the same");
    assert_string_equal(judge_pair(0.453, 0.453), "likely the same");
    assert_string_equal(judge_pair(0.452, 0.453), "unsure");
    assert_string_equal(judge_pair(0.354, 0.453), "unsure");
    assert_string_equal(judge_pair(0.352, 0.453), "different");
    assert_string_equal(judge_pair(-0.2, 0.453), "different");
    assert_string_equal(judge_pair(0.352, 0.338), "likely the same");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(certainty),
        cmocka_unit_test(pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
