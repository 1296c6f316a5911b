/* Rates of cases worked out by hand, and draws: who is enrolled, and what a loop finds of the
 * others. */
#include "eval/open_set.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PEOPLE = 7, FACES = 4, DIMS = 8, ALL = PEOPLE * FACES };

/* Four known ones, of whom .9 and .5 are found, .7 is taken for another and .2 is the second of
 * two; strangers at .8, .6, .4, .3. */
static void test_by_hand(void **state) {
    (void)state;
    const int person[] = {0, 1, 0, 1, 2, 2, 2, 2};
    struct open_set_face at[] = {
        {OPEN_SET_KNOWN, 0, 0, 0.9},    {OPEN_SET_KNOWN, 1, 0, 0.5},
        {OPEN_SET_KNOWN, 1, 5, 0.7},    {OPEN_SET_KNOWN, 0, 1, 0.2},
        {OPEN_SET_STRANGER, 0, 0, 0.8}, {OPEN_SET_STRANGER, 1, 0, 0.6},
        {OPEN_SET_STRANGER, 0, 0, 0.4}, {OPEN_SET_STRANGER, 1, 0, 0.3},
    };
    double strangers[] = {0.8, 0.6, 0.4, 0.3};
    const struct open_set o = {.n = 8,
                               .people = 3,
                               .person = person,
                               .at = at,
                               .strangers = strangers,
                               .nstrangers = 4,
                               .nknown = 4};
    assert_true(open_set_threshold(&o, 0) == 0.8 && open_set_threshold(&o, 0.25) == 0.6);
    assert_true(open_set_threshold(&o, 0.26) == 0.6 && open_set_threshold(&o, 1) < -1);
    assert_true(open_set_fnir(&o, 0.8).value == 0.75);
    assert_true(open_set_fnir(&o, 0.4).value == 0.5);
    assert_int_equal(open_set_precision(&o, 0.6).n, 3); /* .9, .7 and the stranger at .8 */
    assert_true(fabs(open_set_precision(&o, 0.6).value - 1.0 / 3) < 1e-12);
    assert_true(open_set_top(&o, 1).value == 0.5 && open_set_top(&o, 5).value == 0.75);
}

static void make_faces(float v[ALL][DIMS], int person[ALL]) {
    uint64_t seed = 3;
    for (int i = 0; i < ALL; i++) {
        double length = 0;
        person[i] = i % PEOPLE;
        for (int j = 0; j < DIMS; j++) {
            v[i][j] = (float)random_below(&seed, 2001) / 1000 - 1 + (j == person[i]);
            length += (double)v[i][j] * (double)v[i][j];
        }
        for (int j = 0; j < DIMS; j++) v[i][j] = (float)((double)v[i][j] / sqrt(length));
    }
    person[0] = -1;
}

/* The similarity to the mean of the faces of a person that are enrolled; -2: none is. */
static double to_person(const struct open_set *o, float v[ALL][DIMS], int i, int p) {
    double mean[DIMS] = {0}, length = 0, sum = 0;
    for (int k = 0; k < ALL; k++)
        for (int j = 0; j < DIMS && o->at[k].role == OPEN_SET_ENROLLED && o->person[k] == p; j++)
            mean[j] += (double)v[k][j];
    for (int j = 0; j < DIMS; j++) length += mean[j] * mean[j];
    for (int j = 0; j < DIMS; j++) sum += mean[j] * (double)v[i][j];
    return length > 0 ? sum / sqrt(length) : -2;
}

static void check_probe(const struct open_set *o, float v[ALL][DIMS], int i) {
    const struct open_set_face *f = &o->at[i];
    double best = -2, own = to_person(o, v, i, o->person[i]);
    int before = 0;
    for (int p = 0; p < PEOPLE; p++) {
        double s = to_person(o, v, i, p);
        best = fmax(best, s);
        before += s > own;
    }
    assert_true(fabs(f->similarity - best) < 1e-9);
    assert_true(fabs(to_person(o, v, i, f->best) - best) < 1e-9);
    assert_int_equal(own > -2, f->role == OPEN_SET_KNOWN);
    if (f->role == OPEN_SET_KNOWN) assert_int_equal(f->rank, before);
}

static void check_draw(int samples, uint64_t seed) {
    float v[ALL][DIMS];
    int person[ALL], roles[4] = {0}, enrolled[PEOPLE] = {0};
    struct open_set o = {
        .n = ALL, .people = PEOPLE, .dims = DIMS, .embeddings = v[0], .person = person};
    make_faces(v, person);
    assert_int_equal(open_set_run(&o, samples, seed), 0);
    for (int i = 0; i < ALL; i++) {
        roles[o.at[i].role]++;
        if (o.at[i].role == OPEN_SET_ENROLLED) enrolled[person[i]]++;
        if (o.at[i].role == OPEN_SET_KNOWN || o.at[i].role == OPEN_SET_STRANGER)
            check_probe(&o, v, i);
    }
    int people = 0;
    for (int p = 0; p < PEOPLE; p++) {
        people += enrolled[p] > 0;
        assert_true(enrolled[p] == 0 || enrolled[p] == samples ||
                    (p == 0 && enrolled[p] == FACES - 1));
    }
    assert_int_equal(people, 4);
    assert_int_equal(roles[OPEN_SET_LEFT_OUT], 1);
    assert_int_equal(roles[OPEN_SET_KNOWN], o.nknown);
    assert_int_equal(roles[OPEN_SET_STRANGER], o.nstrangers);
    for (int i = 1; i < o.nstrangers; i++) assert_true(o.strangers[i - 1] >= o.strangers[i]);
    open_set_free(&o);
}

static void test_draws(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        for (int samples = 1; samples <= FACES; samples++) check_draw(samples, seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand),
                                       cmocka_unit_test(test_draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
