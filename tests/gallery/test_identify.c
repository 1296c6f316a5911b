/* Who is found is who a look at every sample finds, also after people came, went and changed. */
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PERSONS_MAX = 64, K = 5 };

/* The best sample of each person, by a loop over all. */
struct brute {
    const float *query;
    int n;
    mien_gallery_match best[PERSONS_MAX];
};

static int look(void *context, const mien_gallery_sample *s) {
    struct brute *b = context;
    double sum = 0;
    int at = 0;

    for (int i = 0; i < s->dims; i++) sum += (double)b->query[i] * (double)s->embedding[i];
    while (at < b->n && b->best[at].person != s->person) at++;
    if (at == b->n) b->best[b->n++] = (mien_gallery_match){s->person, 0, -2};
    if ((float)sum > b->best[at].similarity)
        b->best[at] = (mien_gallery_match){s->person, s->id, (float)sum};
    return 0;
}

static int better(const void *a, const void *b) {
    const mien_gallery_match *x = a, *y = b;

    if (x->similarity != y->similarity) return x->similarity < y->similarity ? 1 : -1;
    return x->sample < y->sample ? -1 : 1;
}

/* Asks for three faces at once, through one gallery of two. */
static void check(struct made *m, mien_gallery *through) {
    float queries[3][MADE_DIMS];
    mien_gallery_match matches[3][K];
    int counts[3];

    for (int i = 0; i < 3; i++) made_embedding(1 + rand() % 400, queries[i]);
    if (mien_gallery_identify(through, m->collection, m->contract, queries[0], 3, K, matches[0],
                              counts))
        fail_msg("%s", mien_gallery_error());
    for (int i = 0; i < 3; i++) {
        struct brute b = {.query = queries[i]};
        assert_int_equal(
            mien_gallery_samples_under(m->gallery, m->collection, m->contract, 0, 0, look, &b), 0);
        qsort(b.best, (size_t)b.n, sizeof *b.best, better);
        assert_int_equal(counts[i], b.n < K ? b.n : K);
        for (int j = 0; j < counts[i]; j++) {
            assert_int_equal(matches[i][j].sample, b.best[j].sample);
            assert_int_equal(matches[i][j].person, b.best[j].person);
            assert_true(matches[i][j].similarity == b.best[j].similarity);
        }
    }
}

static void test_nobody_and_one(void **state) {
    struct made *m = *state;
    mien_gallery_match match;
    float v[MADE_DIMS];
    int count = -1;

    check(m, m->gallery);
    int64_t a = made_person(m, "Alice"), s = made_sample(m, a, 3);
    check(m, m->gallery);
    made_embedding(3, v);
    assert_int_equal(
        mien_gallery_identify(m->gallery, m->collection, m->contract, v, 1, 1, &match, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(match.person, a);
    assert_int_equal(match.sample, s);
    assert_true(match.similarity > 0.9999f);
    assert_int_equal(mien_gallery_identify(m->gallery, m->collection, 999, v, 1, 1, &match, &count),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(count, 0);
    assert_int_equal(
        mien_gallery_identify(m->gallery, m->collection, m->contract, v, 1, 0, &match, &count),
        MIEN_EINVAL);
}

static void change_something(struct made *m, int64_t *persons, int64_t *samples, int *n) {
    int64_t sample = samples[rand() % *n], person = persons[rand() % 20], other;
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};

    switch (rand() % 8) {
    case 0: mien_gallery_merge(m->gallery, person, persons[rand() % 20], NULL); break;
    case 1: mien_gallery_move(m->gallery, &sample, 1, person, NULL); break;
    case 2: mien_gallery_not_this_person(m->gallery, sample, person, &other, NULL); break;
    case 3: mien_gallery_undo(m->gallery, 1 + rand() % made_last_event(m), NULL); break;
    case 4:
        if (mien_gallery_samples_delete(m->gallery, &sample, 1, &deletion) == 0)
            free(deletion.receipt);
        break;
    default:
        if (made_count(m, person) >= 0 && *n < 300) {
            samples[*n] = made_sample(m, person, *n);
            ++*n;
        }
        break;
    }
}

/* The changes are another process's, so to say: a gallery opened a second time follows them, too.
 */
static void test_changes_are_followed(void **state) {
    struct made *m = *state;
    int64_t persons[20], samples[300];
    mien_gallery *other = NULL;
    int n = 0;

    srand(4);
    assert_int_equal(mien_gallery_open(m->path, NULL, &other), 0);
    for (int i = 0; i < 20; i++) persons[i] = made_person(m, "somebody");
    for (int i = 0; i < 60; i++) samples[n++] = made_sample(m, persons[i % 20], i);
    for (int step = 0; step < 120; step++) {
        change_something(m, persons, samples, &n);
        if (step % 3 == 0) check(m, other);
        if (step % 5 == 0) check(m, m->gallery);
    }
    check(m, other);
    mien_gallery_close(other);
    assert_int_equal(made_problems(m), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_and_one, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_changes_are_followed, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
