/* Who is let into a gallery: each reason by a made face of which one thing is wrong, and what the
 * faces that are there already say, at the limits worked out by hand. */
#include "analysis/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A face without fault. */
static const mien_face GOOD_FACE = {.box = {10, 10, 110, 110}, .score = 1};
static const struct measures GOOD = {.known = 1,
                                     .quality = {.score = 1, .sharpness = .5f, .unified_score = 1}};

static struct gate look(const mien_face *faces, const struct measures *measures, int n) {
    static struct networks none;
    struct gate g;
    struct analysis *a = test_calloc(1, sizeof *a);

    a->networks = &none;
    a->faces = (mien_face *)(uintptr_t)faces;
    a->measures = (struct measures *)(uintptr_t)measures;
    a->nfaces = n;
    gate_look(&g, a);
    test_free(a);
    return g;
}

static void test_reasons_of_the_picture(void **state) {
    (void)state;
    static const struct {
        unsigned quality, reasons;
        float sharpness, unified;
    } cases[] = {
        {0, 0, .5f, 1},
        {0, 0, .5f, -1}, /* an embedder that was not measured */
        {0, 0, .31f, .41f},
        {0, 1U << GATE_BLURRED, .29f, 1},
        {0, 1U << GATE_WEAK_FEATURES, .5f, .39f},
        {0, 1U << GATE_WEAK_FEATURES | 1U << GATE_BLURRED, 0, 0},
        {1U << MIEN_QUALITY_SMALL, 1U << GATE_TOO_SMALL, .5f, 1},
        {1U << MIEN_QUALITY_NOISY, 1U << GATE_NOISY, .5f, 1},
        {1U << MIEN_QUALITY_DARK, 1U << GATE_DARK, .5f, 1},
        {1U << MIEN_QUALITY_BRIGHT, 1U << GATE_BRIGHT, .5f, 1},
        {1U << MIEN_QUALITY_FLAT, 1U << GATE_FLAT, .5f, 1},
        {1U << MIEN_QUALITY_TURNED, 1U << GATE_EXTREME_POSE, .5f, 1},
        {1U << MIEN_QUALITY_CUT_OFF, 1U << GATE_CUT_OFF, .5f, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct measures m = GOOD;
        m.quality.reasons = cases[i].quality;
        m.quality.sharpness = cases[i].sharpness;
        m.quality.unified_score = cases[i].unified;
        struct gate g = look(&GOOD_FACE, &m, 1);
        assert_int_equal(g.reasons, cases[i].reasons);
        assert_int_equal(g.face, 0);
        assert_true(g.quality == 1.0f);
    }
}

static void test_which_face(void **state) {
    (void)state;
    mien_face faces[3] = {{.box = {0, 0, 30, 90}}, GOOD_FACE, {.box = {200, 0, 290, 90}}};
    struct measures measures[3] = {GOOD, GOOD, GOOD};
    char text[GATE_SENTENCE];
    struct gate g = look(NULL, NULL, 0);

    assert_int_equal(g.face, -1);
    assert_int_equal(g.reasons, 1U << GATE_NO_FACE);
    assert_string_equal(gate_sentence(&g, 0, text), "no face was found");
    g = look(faces, measures, 3);
    assert_int_equal(g.face, 1); /* the largest */
    assert_int_equal(g.reasons, 1U << GATE_SEVERAL_FACES);
    assert_string_equal(gate_sentence(&g, 0, text), "several faces were found");
    assert_string_equal(gate_sentence(&g, 1, text), "the largest of 3 faces");
    faces[2].box[2] = 205; /* those behind somebody do not count */
    assert_int_equal(look(faces, measures, 3).reasons, 0);
    g = look(faces, measures, 1); /* its box is narrow */
    assert_int_equal(g.reasons, 1U << GATE_TOO_SMALL);
    assert_string_equal(gate_sentence(&g, 0, text), "the face is too small");
}

static void test_reasons_of_others(void **state) {
    (void)state;
    static const struct gate_limits limits = {.another = .7, .own = .3};
    static const struct {
        double own, another;
        unsigned reasons;
    } cases[] = {
        {GATE_NONE, GATE_NONE, 0},
        {.3, .2, 0},
        {.29, .2, 1U << GATE_NOT_LIKE_OTHERS},
        {-1, GATE_NONE, 1U << GATE_NOT_LIKE_OTHERS},
        {GATE_NONE, .7, 1U << GATE_LIKE_ANOTHER},
        {GATE_NONE, .69, 0},
        {.8, .75, 0}, /* more like itself */
        {.72, .75, 1U << GATE_LIKE_ANOTHER},
        {.1, .9, 1U << GATE_NOT_LIKE_OTHERS | 1U << GATE_LIKE_ANOTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate g = {.face = 0};
        gate_compare(&g, &limits, cases[i].own, cases[i].another, "Bob");
        assert_int_equal(g.reasons, cases[i].reasons);
    }
    struct gate g = {.face = 0, .reasons = 1U << GATE_BLURRED};
    char text[GATE_SENTENCE];
    gate_compare(&g, &limits, .1, .9, "Bob");
    assert_string_equal(gate_sentence(&g, 0, text),
                        "the face is blurred; the face is not like the person's other samples "
                        "(similarity 0.10); the face is like Bob (similarity 0.90)");
    int failed = 0;
    json_t *list = gate_reasons_json(g.reasons, &failed);
    char *told = json_dumps(list, JSON_COMPACT);
    assert_false(failed);
    assert_string_equal(told, "[\"blurred\",\"not_like_others\",\"like_another\"]");
    free(told);
    json_decref(list);
}

/* All that can be said at once, of somebody whose name is as long as can be kept. */
static void test_the_longest_sentence(void **state) {
    (void)state;
    struct gate g = {.reasons = (1U << GATE_REASONS) - 1, .nfaces = 100};
    char text[GATE_SENTENCE];

    memset(g.name, 'x', sizeof g.name - 1);
    assert_true(strlen(gate_sentence(&g, 1, text)) < GATE_SENTENCE - 100);
    assert_non_null(strstr(text, "xxx (similarity 0.00)"));
    for (int i = 0; i < GATE_REASONS; i++) assert_non_null(gate_reason_name(i));
    assert_null(gate_reason_name(GATE_REASONS));
    assert_null(gate_reason_name(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons_of_the_picture),
        cmocka_unit_test(test_which_face),
        cmocka_unit_test(test_reasons_of_others),
        cmocka_unit_test(test_the_longest_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
