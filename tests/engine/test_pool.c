/* The worker pool: every task exactly once, for any number of threads and callers. */
#include "engine/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TASKS = 300 };

struct region {
    atomic_int done[TASKS];
    atomic_int worst_worker;
};

static void task(void *context, int i, int worker) {
    struct region *r = context;
    atomic_fetch_add(&r->done[i], 1);
    if (worker > atomic_load(&r->worst_worker)) atomic_store(&r->worst_worker, worker);
}

static int run_once(struct pool *p, int count) {
    struct region r;
    memset(&r, 0, sizeof r);
    pool_run(p, count, task, &r);
    for (int i = 0; i < TASKS; i++)
        if (atomic_load(&r.done[i]) != (i < count)) return -1;
    return atomic_load(&r.worst_worker) < pool_threads(p) ? 0 : -1;
}

static void test_every_task_once(void **state) {
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        struct pool *p;
        assert_int_equal(pool_open(threads, &p), 0);
        assert_int_equal(pool_threads(p), threads);
        for (int i = 0; i < 200; i++) assert_int_equal(run_once(p, i % (TASKS + 1)), 0);
        pool_close(p);
    }
}

static void *caller(void *arg) {
    for (int i = 0; i < 200; i++)
        if (run_once(arg, 1 + i % TASKS) != 0) return arg;
    return NULL;
}

/* Callers that meet: one gets the workers, the others do their own work. */
static void test_concurrent_callers(void **state) {
    (void)state;
    struct pool *p;
    pthread_t ids[4];
    assert_int_equal(pool_open(3, &p), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&ids[i], NULL, caller, p), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(ids[i], &failed);
        assert_null(failed);
    }
    pool_close(p);
}

static void test_bad_sizes(void **state) {
    (void)state;
    struct pool *p;
    assert_int_not_equal(pool_open(0, &p), 0);
    assert_null(p);
    assert_int_not_equal(pool_open(100000, &p), 0);
    assert_true(pool_cores() >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_task_once),
                                       cmocka_unit_test(test_concurrent_callers),
                                       cmocka_unit_test(test_bad_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
