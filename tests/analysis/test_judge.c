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
    mien_attribute two = {.struct_size = sizeof two,
                          .name = "two",
                          .kind = MIEN_DISTRIBUTION,
                          .first = 1,
                          .count = 2,
                          .labels = labels,
                          .unsure_below = 0.6f};
    mien_attribute three = two, value = two, mask = two, age = two;
    three.count = 3;
    value.kind = age.kind = MIEN_VALUE;
    mask.kind = MIEN_PROBABILITY;
    age.groups = 3;
    age.first = 0;
    age.group_labels = labels;
    age.unsure_below = 0.5f;
    assert_false(judge_unsure(&two, (const float[]){9, 0.6f, 0.4f, 0}));
    assert_false(judge_unsure(&two, (const float[]){9, 0.1f, 0.9f, 0}));
    assert_true(judge_unsure(&two, (const float[]){9, 0.59f, 0.41f, 0}));
    assert_true(judge_unsure(&three, (const float[]){9, 0.2f, 0.5f, 0.3f}));
    assert_true(judge_unsure(&two, (const float[]){9, 0.0f / 0.0f, 0.0f / 0.0f, 0}));
    assert_false(judge_unsure(&value, (const float[]){9, 0.5f, 0, 0}));
    assert_false(judge_unsure(&mask, (const float[]){9, 0.6f}));
    assert_false(judge_unsure(&mask, (const float[]){9, 0.3f}));
    assert_true(judge_unsure(&mask, (const float[]){9, 0.55f}));
    assert_true(judge_unsure(&mask, (const float[]){9, 0.45f}));
    assert_false(judge_unsure(&age, (const float[]){30, 20, 40, 0.1f, 0.5f, 0.4f}));
    assert_true(judge_unsure(&age, (const float[]){30, 20, 40, 0.2f, 0.49f, 0.31f}));
    assert_true(judge_group(&age, (const float[]){30, 20, 40, 0.1f, 0.5f, 0.4f}) == 0.5f);
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
