/* What changes people, and that undoing leaves what was: worked out by hand, and at random against
 * a list of states. */
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct counted {
    int n;
    mien_gallery_event last;
    char who[32], was[32], is[32];
};

static int count_event(void *context, const mien_gallery_event *e) {
    struct counted *c = context;

    c->n++;
    c->last = *e;
    snprintf(c->who, sizeof c->who, "%s", e->who);
    snprintf(c->was, sizeof c->was, "%s", e->was ? e->was : "(none)");
    snprintf(c->is, sizeof c->is, "%s", e->is ? e->is : "(none)");
    return 0;
}

static struct counted events_of(struct made *m, int64_t person) {
    struct counted c = {0};

    assert_int_equal(mien_gallery_events(m->gallery, person, 0, 0, count_event, &c), 0);
    return c;
}

static void test_rename(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), event, undone, again;

    assert_int_equal(mien_gallery_rename(m->gallery, a, "Alicia", &event), 0);
    assert_string_equal(made_name(m, a), "Alicia");
    struct counted c = events_of(m, a);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.last.kind, MIEN_GALLERY_RENAMED);
    assert_string_equal(c.who, "tester");
    assert_string_equal(c.was, "Alice");
    assert_string_equal(c.is, "Alicia");

    assert_int_equal(mien_gallery_undo(m->gallery, event, &undone), 0);
    assert_string_equal(made_name(m, a), "Alice");
    assert_int_equal(mien_gallery_undo(m->gallery, event, NULL), MIEN_GALLERY_ECONFLICT);
    assert_non_null(strstr(mien_gallery_error(), "has been undone already"));
    assert_int_equal(mien_gallery_undo(m->gallery, undone, &again), 0);
    assert_string_equal(made_name(m, a), "Alicia");
    assert_int_equal(mien_gallery_undo(m->gallery, event, NULL), 0);
    assert_string_equal(made_name(m, a), "Alice");
}

static void test_undoing_what_was_changed_since(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), first, second;
    char sentence[64];

    mien_gallery_rename(m->gallery, a, "B", &first);
    mien_gallery_rename(m->gallery, a, "C", &second);
    assert_int_equal(mien_gallery_undo(m->gallery, first, NULL), MIEN_GALLERY_ECONFLICT);
    snprintf(sentence, sizeof sentence, "was changed since, by event %lld", (long long)second);
    assert_non_null(strstr(mien_gallery_error(), sentence));
    assert_string_equal(made_name(m, a), "C");
    assert_int_equal(mien_gallery_undo(m->gallery, second, NULL), 0);
    assert_int_equal(mien_gallery_undo(m->gallery, first, NULL), 0);
    assert_string_equal(made_name(m, a), "Alice");
    assert_int_equal(mien_gallery_undo(m->gallery, 4711, NULL), MIEN_GALLERY_ENOTFOUND);
}

static void test_merge(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), b = made_person(m, "Bob"), event;
    int64_t sa = made_sample(m, a, 1), sb = made_sample(m, b, 2);

    assert_int_equal(mien_gallery_merge(m->gallery, a, a, &event), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_merge(m->gallery, a, b, &event), 0);
    assert_int_equal(made_count(m, a), -1);
    assert_non_null(strstr(mien_gallery_error(), "was merged into"));
    assert_int_equal(made_count(m, b), 2);
    assert_int_equal(made_person_of(m, sa), b);
    assert_int_equal(events_of(m, a).last.id, event);
    assert_int_equal(events_of(m, b).last.samples, 1);

    int64_t later = made_sample(m, b, 3); /* stays where it is when the merge is undone */
    assert_int_equal(mien_gallery_undo(m->gallery, event, NULL), 0);
    assert_int_equal(made_person_of(m, sa), a);
    assert_int_equal(made_person_of(m, sb), b);
    assert_int_equal(made_person_of(m, later), b);
    assert_string_equal(made_name(m, a), "Alice");
    assert_int_equal(made_problems(m), 0);
}

static void test_split_and_move(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), b = made_person(m, "Bob"), s[3], c, split, moved;

    for (int i = 0; i < 3; i++) s[i] = made_sample(m, a, i);
    int64_t mixed[2] = {s[0], made_sample(m, b, 9)};
    assert_int_equal(mien_gallery_split(m->gallery, mixed, 2, "C", &c, &split),
                     MIEN_GALLERY_ECONFLICT);
    assert_int_equal(c, 0);
    assert_int_equal(mien_gallery_split(m->gallery, s, 2, "Carol", &c, &split), 0);
    assert_int_equal(made_count(m, a), 1);
    assert_int_equal(made_count(m, c), 2);
    assert_string_equal(made_name(m, c), "Carol");
    assert_int_equal(mien_gallery_move(m->gallery, s, 3, b, &moved), 0); /* of two persons */
    assert_int_equal(made_count(m, b), 4);
    assert_int_equal(made_count(m, a), 0);
    assert_int_equal(mien_gallery_undo(m->gallery, split, NULL), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_undo(m->gallery, moved, NULL), 0);
    assert_int_equal(mien_gallery_undo(m->gallery, split, NULL), 0);
    assert_int_equal(made_count(m, a), 3);
    assert_int_equal(made_count(m, b), 1);
    assert_int_equal(made_count(m, c), -1);
    assert_int_equal(made_problems(m), 0);
}

/* The new person has got a sample of its own: it cannot go. */
static void test_undoing_what_others_stand_on(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), added = made_last_event(m), s = made_sample(m, a, 1), c,
            split;

    assert_int_equal(mien_gallery_undo(m->gallery, added, NULL), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(made_count(m, a), 1);
    made_sample(m, a, 2);
    assert_int_equal(mien_gallery_split(m->gallery, &s, 1, "C", &c, &split), 0);
    made_sample(m, c, 3);
    assert_int_equal(mien_gallery_undo(m->gallery, split, NULL), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(made_count(m, c), 2);
    assert_int_equal(made_problems(m), 0);
}

static void test_undoing_an_adding(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), s = made_sample(m, a, 1), event = made_last_event(m), undo;

    assert_int_equal(mien_gallery_undo(m->gallery, event, &undo), 0);
    assert_int_equal(made_person_of(m, s), 0);
    assert_int_equal(made_count(m, a), 0);
    assert_int_equal(mien_gallery_undo(m->gallery, undo, NULL), 0);
    assert_int_equal(made_person_of(m, s), a);
}

static void test_not_this_person(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), b = made_person(m, "Bob"), s = made_sample(m, a, 1), other,
            event;

    assert_int_equal(mien_gallery_not_this_person(m->gallery, s, b, &other, &event), 0);
    assert_int_equal(other, 0); /* it was not there */
    assert_int_equal(mien_gallery_move(m->gallery, &s, 1, b, NULL), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_merge(m->gallery, a, b, NULL), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(made_person_of(m, s), a);
    assert_int_equal(mien_gallery_not_this_person(m->gallery, s, b, &other, &event),
                     MIEN_GALLERY_ECONFLICT);

    assert_int_equal(mien_gallery_not_this_person(m->gallery, s, a, &other, &event), 0);
    assert_int_equal(made_person_of(m, s), other);
    assert_string_equal(made_name(m, other), "");
    assert_int_equal(mien_gallery_move(m->gallery, &s, 1, a, NULL), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_undo(m->gallery, event, NULL), 0);
    assert_int_equal(made_person_of(m, s), a);
    assert_int_equal(made_count(m, other), -1);
    assert_int_equal(made_problems(m), 0);
}

/* The state of a gallery in a line. */
static void describe(struct made *m, const int64_t *persons, const int64_t *samples, char *out) {
    for (int i = 0; i < 4; i++)
        out += sprintf(out, "%d:%s;", made_count(m, persons[i]),
                       made_count(m, persons[i]) < 0 ? "" : made_name(m, persons[i]));
    for (int i = 0; i < 6; i++) {
        int64_t of = made_person_of(m, samples[i]);
        int at = 0;
        while (at < 4 && persons[at] != of) at++;
        out += sprintf(out, "%d,", at);
    }
}

enum { STEPS = 40 };

static int random_step(struct made *m, const int64_t *persons, const int64_t *samples,
                       int64_t *event) {
    static const char *const names[] = {"A", "B", "C"};
    int64_t made, p = persons[rand() % 4], s = samples[rand() % 6];

    switch (rand() % 4) {
    case 0: return mien_gallery_rename(m->gallery, p, names[rand() % 3], event);
    case 1: return mien_gallery_merge(m->gallery, p, persons[rand() % 4], event);
    case 2: return mien_gallery_move(m->gallery, &s, 1, p, event);
    default: return mien_gallery_not_this_person(m->gallery, s, p, &made, event);
    }
}

/* Forty steps and all of them back, one by one: each time it is as it was before the step. */
static void test_random_steps_and_back(void **state) {
    struct made *m = *state;
    char was[STEPS + 1][512], is[512];
    int64_t persons[4], samples[6], events[STEPS];
    int n = 0;

    srand(20261130);
    for (int i = 0; i < 4; i++) persons[i] = made_person(m, "P");
    for (int i = 0; i < 6; i++) samples[i] = made_sample(m, persons[i % 4], i);
    for (int tries = 0; n < STEPS && tries < 1000; tries++) {
        describe(m, persons, samples, was[n]);
        if (random_step(m, persons, samples, &events[n]) == MIEN_OK) {
            n++;
        } else {
            describe(m, persons, samples, is);
            assert_string_equal(is, was[n]); /* what failed changed nothing */
        }
        assert_int_equal(made_problems(m), 0);
    }
    assert_true(n >= 20);
    while (n-- > 0) {
        if (mien_gallery_undo(m->gallery, events[n], NULL)) fail_msg("%s", mien_gallery_error());
        describe(m, persons, samples, is);
        assert_string_equal(is, was[n]);
    }
    assert_int_equal(made_problems(m), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rename, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_undoing_what_was_changed_since, made_setup,
                                        made_teardown),
        cmocka_unit_test_setup_teardown(test_merge, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_split_and_move, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_undoing_what_others_stand_on, made_setup,
                                        made_teardown),
        cmocka_unit_test_setup_teardown(test_undoing_an_adding, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_not_this_person, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_random_steps_and_back, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
