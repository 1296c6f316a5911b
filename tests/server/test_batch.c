/* The batcher without networks: items that bring their own work show order, withdrawal and errors.
 * What batches compute is compared with the tool's answers in test_load.py. */
#include "common/clock.h"
#include "server/batch.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct metrics *metrics;
static struct batcher *batcher;
static sem_t started, go;
static int order[8], ran;

struct work {
    int number, blocks, code;
};

static int work(void *context) {
    struct work *w = context;
    order[ran++] = w->number;
    if (w->blocks) {
        sem_post(&started);
        sem_wait(&go);
    }
    return w->code;
}

static struct item item_of(struct work *w) {
    return (struct item){.n = 1, .call = work, .context = w};
}

/* A group of a request that arrived then, which waits long. */
static void open_group(struct batch_group *g, double arrived) {
    batch_group_init(g, batcher);
    g->arrived = arrived;
    g->until = clock_seconds() + 600;
}

/* Holds the batcher with an item until release(). */
static void hold(struct batch_group *g, struct item *item, struct work *w) {
    *w = (struct work){.number = -1, .blocks = 1};
    *item = item_of(w);
    open_group(g, 0);
    batch_submit(g, item);
    sem_wait(&started);
    ran = 0;
}

static void release(struct batch_group *g) {
    sem_post(&go);
    assert_int_equal(batch_wait(g), 0);
    batch_group_destroy(g);
}

static void test_oldest_request_first(void **state) {
    (void)state;
    struct batch_group held, groups[4];
    struct item holder, items[4];
    struct work w, works[4];
    static const double arrived[4] = {3, 1, 4, 2};
    hold(&held, &holder, &w);
    for (int i = 0; i < 4; i++) {
        works[i] = (struct work){.number = i};
        items[i] = item_of(&works[i]);
        open_group(&groups[i], arrived[i]);
        batch_submit(&groups[i], &items[i]);
    }
    assert_int_equal(batcher_depth(batcher), 4);
    release(&held);
    for (int i = 0; i < 4; i++) assert_int_equal(batch_wait(&groups[i]), 0);
    static const int expected[4] = {1, 3, 0, 2};
    assert_int_equal(ran, 4);
    assert_memory_equal(order, expected, sizeof expected);
    assert_int_equal(batcher_depth(batcher), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(items[i].state, BATCH_DONE);
        assert_true(items[i].waited > 0 && items[i].seconds >= 0);
        batch_group_destroy(&groups[i]);
    }
}

static void test_deadline_withdraws_what_waits(void **state) {
    (void)state;
    struct batch_group held, g;
    struct item holder, item, other;
    struct work w, late = {.number = 1}, good = {.number = 2};
    struct batch_group second;
    hold(&held, &holder, &w);
    open_group(&g, 1);
    open_group(&second, 2);
    item = item_of(&late);
    other = item_of(&good);
    batch_submit(&g, &item);
    batch_submit(&second, &other);
    g.until = clock_seconds() + 0.02;
    assert_int_equal(batch_wait(&g), -1);
    assert_int_equal(item.state, BATCH_WITHDRAWN);
    release(&held);
    assert_int_equal(batch_wait(&second), 0);
    assert_int_equal(ran, 1);
    assert_int_equal(order[0], 2);
    batch_group_destroy(&g);
    batch_group_destroy(&second);
}

static int always(void *context) {
    ++*(int *)context;
    return 1;
}

static void test_stop_withdraws(void **state) {
    (void)state;
    struct batch_group held, g;
    struct item holder, item;
    struct work w, gone = {.number = 1};
    int asked = 0;
    hold(&held, &holder, &w);
    open_group(&g, 1);
    g.stop = always;
    g.context = &asked;
    item = item_of(&gone);
    batch_submit(&g, &item);
    assert_int_equal(batch_wait(&g), -1);
    assert_int_equal(asked, 1);
    release(&held);
    assert_int_equal(ran, 0);
    batch_group_destroy(&g);
}

/* An item that has begun is waited for even past the deadline: its memory is in use. */
static void test_what_runs_is_waited_for(void **state) {
    (void)state;
    struct batch_group g;
    struct item item;
    struct work w;
    hold(&g, &item, &w);
    sem_post(&go);
    g.until = 0;
    batch_wait(&g); /* 0 or -1: it may have ended before it was asked for */
    assert_int_equal(item.state, BATCH_DONE);
    batch_group_destroy(&g);
}

static void test_errors(void **state) {
    (void)state;
    struct batch_group g;
    struct work w = {.number = 1, .code = MIEN_EINVAL};
    struct item item = item_of(&w);
    ran = 0;
    open_group(&g, 1);
    batch_submit(&g, &item);
    assert_int_equal(batch_wait(&g), 0);
    assert_int_equal(item.rc, MIEN_EINVAL);
    batch_group_destroy(&g);
}

static int setup(void **state) {
    (void)state;
    sem_init(&started, 0, 0);
    sem_init(&go, 0, 0);
    metrics = metrics_new(NULL, 0);
    batcher = batcher_new(8, 1000, metrics);
    return metrics && batcher ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    batcher_free(batcher);
    metrics_free(metrics);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oldest_request_first),
        cmocka_unit_test(test_deadline_withdraws_what_waits),
        cmocka_unit_test(test_stop_withdraws),
        cmocka_unit_test(test_what_runs_is_waited_for),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
