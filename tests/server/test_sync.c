/* Budgets: what fits, what waits, what is granted though it is too much. */
#include "common/clock.h"
#include "server/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct sync_budget budget;

static void test_takes_and_gives(void **state) {
    (void)state;
    sync_budget_init(&budget, 10);
    assert_int_equal(sync_budget_acquire(&budget, 4, 0), 0);
    assert_int_equal(sync_budget_acquire(&budget, 6, 0), 0);
    assert_int_equal(sync_budget_acquire(&budget, 1, 0), -1);
    assert_int_equal(sync_budget_acquired(&budget), 10);
    sync_budget_release(&budget, 6);
    assert_int_equal(sync_budget_acquire(&budget, 6, 0), 0);
    sync_budget_release(&budget, 10);
    sync_budget_destroy(&budget);
}

/* More than there is altogether is granted to whoever is alone, else it would never be. */
static void test_too_much(void **state) {
    (void)state;
    sync_budget_init(&budget, 10);
    assert_int_equal(sync_budget_acquire(&budget, 25, 0), 0);
    assert_int_equal(sync_budget_acquire(&budget, 1, 0), -1);
    sync_budget_release(&budget, 25);
    assert_int_equal(sync_budget_acquire(&budget, 1, 0), 0);
    assert_int_equal(sync_budget_acquire(&budget, 25, 0), -1);
    sync_budget_release(&budget, 1);
    sync_budget_destroy(&budget);
}

static void test_deadline(void **state) {
    (void)state;
    sync_budget_init(&budget, 1);
    assert_int_equal(sync_budget_acquire(&budget, 1, 0), 0);
    double start = clock_seconds();
    assert_int_equal(sync_budget_acquire(&budget, 1, start + 0.05), -1);
    assert_true(clock_seconds() - start >= 0.05);
    sync_budget_release(&budget, 1);
    sync_budget_destroy(&budget);
}

static void *take_one(void *arg) {
    *(int *)arg = sync_budget_acquire(&budget, 1, clock_seconds() + 3600);
    return NULL;
}

static void test_waits_until_given(void **state) {
    (void)state;
    pthread_t thread;
    int result = 1;
    sync_budget_init(&budget, 1);
    assert_int_equal(sync_budget_acquire(&budget, 1, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, take_one, &result), 0);
    sync_budget_release(&budget, 1);
    pthread_join(thread, NULL);
    assert_int_equal(result, 0);
    assert_int_equal(sync_budget_acquired(&budget), 1);
    sync_budget_release(&budget, 1);
    sync_budget_destroy(&budget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_and_gives),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_waits_until_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
