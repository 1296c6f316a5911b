/* Galleries that hear of what other processes change, by PostgreSQL's LISTEN, instead of asking at
 * each search. */
#include "made.h"
#include "postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { TRIES = 1000 }; /* of 10 ms: what has not come by then never will */

#define OF_LISTENER " FROM pg_stat_activity WHERE application_name = 'listener'"

static mien_gallery *open_listener(const struct made *m) {
    mien_gallery_options options = {.struct_size = sizeof options, .listen = 1};
    char place[192];
    mien_gallery *g;

    snprintf(place, sizeof place, "%s&application_name=listener", m->path);
    if (mien_gallery_open(place, &options, &g)) fail_msg("%s", mien_gallery_error());
    return g;
}

/* Whether a search finds the embedding of that number. */
static int finds(const struct made *m, mien_gallery *g, int number) {
    mien_gallery_match match = {0};
    float v[MADE_DIMS];
    int count = 0;

    made_embedding(number, v);
    if (mien_gallery_identify(g, m->collection, m->contract, v, 1, 1, NULL, &match, &count))
        fail_msg("%s", mien_gallery_error());
    return count && match.similarity > 0.999f;
}

static void wait_a_little(void) {
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000L}, NULL);
}

static void wait_until_found(const struct made *m, mien_gallery *g, int number) {
    int tries = 0;

    while (!finds(m, g, number) && ++tries < TRIES) wait_a_little();
    assert_true(tries < TRIES);
}

/* Another process adds somebody. */
static void enrol_elsewhere(struct made *m, int number) {
    int status;
    pid_t child = fork();

    if (child == 0) {
        m->gallery = NULL; /* the parent's */
        made_reopen(m);
        (void)made_sample(m, made_person(m, "somebody"), number);
        mien_gallery_close(m->gallery);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* When the listener's last statement began. */
static void last_statement(char out[64]) {
    snprintf(out, 64, "%s", postgres_query("SELECT query_start" OF_LISTENER));
}

/* Whether a search asked the database; now and then it does. */
static int search_asks(const struct made *m, mien_gallery *g) {
    char before[64], after[64];

    last_statement(before);
    (void)finds(m, g, 1);
    last_statement(after);
    return strcmp(before, after) != 0;
}

static void test_quiet(void **state) {
    struct made *m = *state;
    mien_gallery *g = open_listener(m);
    int tries = 0;

    enrol_elsewhere(m, 1);
    wait_until_found(m, g, 1);
    while (search_asks(m, g) && ++tries < TRIES) wait_a_little();
    assert_true(tries < TRIES);                   /* nothing has changed, and nothing is asked */
    assert_true(search_asks(m, m->gallery) == 0); /* that is another connection */
    mien_gallery_close(g);
}

static void test_hears_of_others(void **state) {
    struct made *m = *state;
    mien_gallery *g = open_listener(m);

    for (int i = 0; i < 5; i++) {
        assert_false(finds(m, g, 10 + i));
        enrol_elsewhere(m, 10 + i);
        wait_until_found(m, g, 10 + i);
    }
    mien_gallery_close(g);
}

/* Another connection of this process is heard of at once, and what is not committed is its own. */
static void test_own_changes(void **state) {
    struct made *m = *state;
    mien_gallery *g = open_listener(m);
    int64_t person = made_person(m, "Alice");

    for (int i = 0; i < 20; i++) {
        (void)made_sample(m, person, 30 + i);
        mien_gallery_match match;
        int count;
        float v[MADE_DIMS];
        mien_gallery_identify_options by = {.struct_size = sizeof by, .by = MIEN_GALLERY_BY_SAMPLE};
        made_embedding(30 + i, v);
        assert_int_equal(
            mien_gallery_identify(g, m->collection, m->contract, v, 1, 1, &by, &match, &count), 0);
        assert_int_equal(count, 1);
        assert_true(match.similarity > 0.999f);
    }
    assert_int_equal(mien_gallery_begin(g), 0);
    struct made own = *m;
    own.gallery = g;
    (void)made_sample(&own, made_person(&own, "Bob"), 60);
    assert_true(finds(m, g, 60));
    assert_false(finds(m, m->gallery, 60));
    mien_gallery_rollback(g);
    assert_false(finds(m, g, 60));
    mien_gallery_close(g);
}

/* What came while the connection was lost is known to who comes back. */
static void test_lost_connection(void **state) {
    struct made *m = *state;
    mien_gallery *g = open_listener(m);

    for (int i = 0; i < 3; i++) {
        assert_false(finds(m, g, 70 + i));
        postgres_query("SELECT pg_terminate_backend(pid)" OF_LISTENER);
        enrol_elsewhere(m, 70 + i);
        wait_until_found(m, g, 70 + i);
    }
    enrol_elsewhere(m, 80); /* the new connection listens, too */
    wait_until_found(m, g, 80);
    mien_gallery_close(g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, made_setup, made_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_quiet),
        TEST(test_hears_of_others),
        TEST(test_own_changes),
        TEST(test_lost_connection),
    };

    setenv("MIEN_TEST_STORE", "postgresql", 1);
    postgres_address(); /* here, so that who is forked does not end it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
