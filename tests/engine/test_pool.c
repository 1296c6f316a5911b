/* The worker pool: every task exactly once, for any number of threads and callers. */
#include "engine/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

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

/* Every other round in a session, as a network runs. */
static void *caller(void *arg) {
    for (int i = 0; i < 200; i++) {
        int session = i % 2 && pool_begin(arg);
        int failed = run_once(arg, 1 + i % TASKS) || run_once(arg, 1 + i % 7);
        if (session) pool_end(arg);
        if (failed) return arg;
    }
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

struct nest {
    struct pool *pool;
    atomic_int failed;
};

static void nesting_task(void *context, int i, int worker) {
    struct nest *n = context;
    (void)worker;
    if (pool_begin(n->pool)) atomic_store(&n->failed, 1); /* the caller has the workers */
    if (run_once(n->pool, 1 + i % 9)) atomic_store(&n->failed, 1);
}

/* A region inside a task is that thread's alone, also inside the session's own tasks. */
static void test_nested(void **state) {
    (void)state;
    struct nest n = {0};
    assert_int_equal(pool_open(3, &n.pool), 0);
    for (int i = 0; i < 100; i++) {
        int session = i % 2;
        if (session) assert_int_equal(pool_begin(n.pool), 1);
        pool_run(n.pool, i % 12, nesting_task, &n);
        assert_int_equal(run_once(n.pool, 40), 0);
        if (session) pool_end(n.pool);
    }
    assert_int_equal(atomic_load(&n.failed), 0);
    pool_close(n.pool);
}

/* Workers that have gone to sleep, in a session or between two, are there again for the next. */
static void test_sleepers_wake(void **state) {
    (void)state;
    struct pool *p;
    struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
    assert_int_equal(pool_open(3, &p), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(pool_begin(p), 1);
        if (i % 2) nanosleep(&nap, NULL);
        assert_int_equal(run_once(p, TASKS), 0);
        pool_end(p);
        nanosleep(&nap, NULL);
    }
    pool_close(p);
}

static void test_quota(void **state) {
    (void)state;
    /* Documentation/admin-guide/cgroup-v2.rst: "$MAX $PERIOD", microseconds */
    assert_int_equal(pool_quota_cores("max 100000\n"), 0);
    assert_int_equal(pool_quota_cores("200000 100000\n"), 2);
    assert_int_equal(pool_quota_cores("50000 100000\n"), 1);
    assert_int_equal(pool_quota_cores("150000 100000\n"), 2);
    assert_int_equal(pool_quota_cores("-1\n 100000\n"), 0); /* version 1: no limit */
    assert_int_equal(pool_quota_cores(""), 0);
    assert_int_equal(pool_quota_cores("100000"), 0);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_once), cmocka_unit_test(test_concurrent_callers),
        cmocka_unit_test(test_nested),          cmocka_unit_test(test_sleepers_wake),
        cmocka_unit_test(test_quota),           cmocka_unit_test(test_bad_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
