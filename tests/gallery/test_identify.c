/* Who is found is who a look at every sample finds, also after people came, went and changed. */
#include "made.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PERSONS_MAX = 64, K = 5 };

/* What of each person is most like a face, by a loop over all samples. */
struct brute {
    const float *query;
    int n;
    struct {
        mien_gallery_match match;
        int64_t oldest;
        float best;
        double sum[MADE_DIMS];
    } at[PERSONS_MAX];
};

static float score(const float *a, const float *b) {
    double sum = 0;

    for (int i = 0; i < MADE_DIMS; i++) sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

static int look(void *context, const mien_gallery_sample *s) {
    struct brute *b = context;
    float similarity = score(b->query, s->embedding);
    int at = 0;

    while (at < b->n && b->at[at].match.person != s->person) at++;
    if (at == b->n) {
        memset(&b->at[b->n++], 0, sizeof *b->at);
        b->at[at].match.person = s->person;
        b->at[at].oldest = s->id;
        b->at[at].best = -2;
    }
    if (similarity > b->at[at].best) {
        b->at[at].match.sample = s->id;
        b->at[at].match.similarity = b->at[at].best = similarity;
    }
    b->at[at].match.samples++;
    for (int i = 0; i < MADE_DIMS; i++) b->at[at].sum[i] += (double)s->embedding[i];
    return 0;
}

/* The similarity of templates in the place of that of samples. */
static void fuse(struct brute *b) {
    for (int i = 0; i < b->n; i++) {
        float mean[MADE_DIMS];
        double length = 0;
        if (b->at[i].match.samples == 1) continue;
        for (int j = 0; j < MADE_DIMS; j++) length += b->at[i].sum[j] * b->at[i].sum[j];
        for (int j = 0; j < MADE_DIMS; j++) mean[j] = (float)(b->at[i].sum[j] / sqrt(length));
        b->at[i].match.similarity = score(b->query, mean);
    }
}

/* Whether one comes before another: of equals who has the older sample. */
static int is_before(const struct brute *b, int by, int i, int j) {
    const mien_gallery_match *x = &b->at[i].match, *y = &b->at[j].match;

    if (x->similarity != y->similarity) return x->similarity > y->similarity;
    if (by == MIEN_GALLERY_BY_SAMPLE) return x->sample < y->sample;
    return b->at[i].oldest < b->at[j].oldest;
}

static void compare(const struct brute *b, int by, const mien_gallery_match *matches, int n) {
    assert_int_equal(n, b->n < K ? b->n : K);
    for (int i = 0; i < b->n; i++) {
        int place = 0;
        for (int j = 0; j < b->n; j++) place += j != i && is_before(b, by, j, i);
        if (place >= K) continue;
        assert_int_equal(matches[place].person, b->at[i].match.person);
        assert_int_equal(matches[place].sample, b->at[i].match.sample);
        assert_int_equal(matches[place].samples, b->at[i].match.samples);
        assert_true(matches[place].similarity == b->at[i].match.similarity);
    }
}

/* Asks for three faces at once, through one gallery of two. */
static void check_by(struct made *m, mien_gallery *through, enum mien_gallery_by by) {
    const mien_gallery_identify_options options = {.struct_size = sizeof options, .by = by};
    float queries[3][MADE_DIMS];
    mien_gallery_match matches[3][K];
    int counts[3];

    for (int i = 0; i < 3; i++) made_embedding(1 + rand() % 400, queries[i]);
    if (mien_gallery_identify(through, m->collection, m->contract, queries[0], 3, K, &options,
                              matches[0], counts))
        fail_msg("%s", mien_gallery_error());
    for (int i = 0; i < 3; i++) {
        struct brute b = {.query = queries[i]};
        int64_t n;
        assert_int_equal(
            mien_gallery_samples_under(m->gallery, m->collection, m->contract, 0, 0, look, &b), 0);
        if (by == MIEN_GALLERY_BY_TEMPLATE) fuse(&b);
        compare(&b, (int)by, matches[i], counts[i]);
        assert_int_equal(
            mien_gallery_comparisons(through, m->collection, m->contract, &options, &n), 0);
        if (by == MIEN_GALLERY_BY_TEMPLATE) assert_int_equal(n, b.n);
    }
}

static void check(struct made *m, mien_gallery *through) {
    check_by(m, through, MIEN_GALLERY_BY_TEMPLATE);
    check_by(m, through, MIEN_GALLERY_BY_SAMPLE);
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
    assert_int_equal(mien_gallery_identify(m->gallery, m->collection, m->contract, v, 1, 1, NULL,
                                           &match, &count),
                     0);
    assert_int_equal(count, 1);
    assert_int_equal(match.person, a);
    assert_int_equal(match.sample, s);
    assert_true(match.similarity > 0.9999f);
    assert_int_equal(
        mien_gallery_identify(m->gallery, m->collection, 999, v, 1, 1, NULL, &match, &count),
        MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(count, 0);
    assert_int_equal(mien_gallery_identify(m->gallery, m->collection, m->contract, v, 1, 0, NULL,
                                           &match, &count),
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
    assert_int_equal(mien_gallery_open(m->path, made_options(), &other), 0);
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

/* A person with this metadata and one sample; like: the sample's number. */
static int64_t made_with(struct made *m, const char *metadata, int like) {
    mien_gallery_person p = {
        .struct_size = sizeof p, .collection = m->collection, .name = "x", .metadata = metadata};
    int64_t id = 0;

    assert_int_equal(mien_gallery_person_add(m->gallery, &p, &id), 0);
    made_sample(m, id, like);
    return id;
}

/* Who is found first where a condition holds; 0: nobody. Their number is *n. */
static int64_t first_where(struct made *m, const char *where, int64_t *n) {
    const mien_gallery_identify_options options = {.struct_size = sizeof options, .where = where};
    mien_gallery_match match = {0};
    float v[MADE_DIMS];
    int count = 0;

    made_embedding(1, v);
    if (mien_gallery_identify(m->gallery, m->collection, m->contract, v, 1, 1, &options, &match,
                              &count))
        fail_msg("%s", mien_gallery_error());
    assert_int_equal(mien_gallery_comparisons(m->gallery, m->collection, m->contract, &options, n),
                     0);
    return count ? match.person : 0;
}

static void test_metadata_filter(void **state) {
    struct made *m = *state;
    const mien_gallery_identify_options bad = {.struct_size = sizeof bad, .where = "team"};
    int64_t n;

    made_with(m, NULL, 1);
    made_with(m, "[\"team\"]", 1);
    int64_t a = made_with(m, "{\"team\": \"sales\", \"floor\": 3}", 2);
    int64_t b = made_with(m, "{\"team\": \"sales\", \"floor\": 4, \"in\": true}", 3);
    made_sample(m, b, 4);
    assert_int_equal(first_where(m, "team=sales,floor=3", &n), a);
    assert_int_equal(n, 1);
    assert_int_equal(first_where(m, "in=true", &n), b);
    assert_int_equal(n, 1);
    first_where(m, "team=sales", &n);
    assert_int_equal(n, 2);
    assert_int_equal(first_where(m, "team=sale", &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(mien_gallery_comparisons(m->gallery, m->collection, m->contract, &bad, &n),
                     MIEN_EINVAL);
}

/* What was found within a transaction that is rolled back is gone, also where another process has
 * had events of the same numbers since. */
static void test_rolled_back(void **state) {
    struct made *m = *state;
    mien_gallery *other = NULL;

    made_with(m, NULL, 1);
    check(m, m->gallery);
    assert_int_equal(mien_gallery_open(m->path, made_options(), &other), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mien_gallery_begin(m->gallery), 0);
        made_with(m, NULL, 2);
        check(m, m->gallery);
        mien_gallery_rollback(m->gallery);
        mien_gallery *own = m->gallery;
        m->gallery = other;
        if (i) made_with(m, NULL, 3);
        m->gallery = own;
        check(m, m->gallery);
    }
    mien_gallery_close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rolled_back, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_nobody_and_one, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_changes_are_followed, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_metadata_filter, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
