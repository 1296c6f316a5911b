/* One face against one person: the best of their samples, whoever else is more like it. */
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct brute {
    const float *query;
    mien_gallery_match best;
};

static int look(void *context, const mien_gallery_sample *s) {
    struct brute *b = context;
    double sum = 0;

    for (int i = 0; i < s->dims; i++) sum += (double)b->query[i] * (double)s->embedding[i];
    if ((float)sum > b->best.similarity)
        b->best = (mien_gallery_match){.sample = s->id, .similarity = (float)sum};
    return 0;
}

static void test_compared_with_one_person(void **state) {
    struct made *m = *state;
    int64_t persons[2] = {made_person(m, "Alice"), made_person(m, "Bob")};
    int64_t samples[6], nobody = made_person(m, "Cid");
    float v[MADE_DIMS];
    mien_gallery_match best;

    for (int i = 0; i < 6; i++) samples[i] = made_sample(m, persons[i % 2], i);
    samples[5] = made_sample(m, persons[1], 1); /* twice the same: the older one is named */
    for (int number = 0; number < 20; number++) {
        made_embedding(number, v);
        for (int i = 0; i < 2; i++) {
            struct brute b = {.query = v, .best = {.similarity = -2}};
            assert_int_equal(mien_gallery_samples(m->gallery, persons[i], 0, 0, look, &b), 0);
            assert_int_equal(mien_gallery_compare(m->gallery, persons[i], m->contract, v, &best),
                             0);
            assert_int_equal(best.sample, b.best.sample);
            assert_int_equal(best.person, persons[i]);
            assert_int_equal(best.samples, 3 + i);
            assert_true(best.similarity == b.best.similarity);
        }
    }
    assert_int_equal(mien_gallery_compare(m->gallery, nobody, m->contract, v, &best), 0);
    assert_int_equal(best.sample, 0);
    assert_int_equal(best.samples, 0);
    assert_true(best.similarity == -1.0f);
    assert_int_equal(mien_gallery_merge(m->gallery, persons[0], nobody, NULL), 0);
    made_embedding(0, v);
    assert_int_equal(mien_gallery_compare(m->gallery, nobody, m->contract, v, &best), 0);
    assert_int_equal(best.sample, samples[0]);
    assert_int_equal(best.samples, 3);
    assert_int_equal(mien_gallery_compare(m->gallery, persons[0], m->contract, v, &best),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_compare(m->gallery, nobody, 999, v, &best),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_compare(m->gallery, nobody, m->contract, NULL, &best),
                     MIEN_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_compared_with_one_person, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
