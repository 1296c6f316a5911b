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

enum { MAX_BATCH = 8 };

static struct metrics *metrics;
static struct batcher *batcher;
static struct client client;
static sem_t started, go;
static int order[128], ran, spent;

struct work {
    int number, blocks, code;
    int calls, units, most; /* how it was called: its units, and the most at once */
};

/* A run takes a second a unit. */
static double seconds(void) {
    return spent;
}

static int work(void *context, int from, int n) {
    struct work *w = context;
    if (from != w->units) return MIEN_EINVAL;
    w->calls++;
    w->units += n;
    spent += n;
    if (n > w->most) w->most = n;
    order[ran++] = w->number;
    if (w->blocks) {
        sem_post(&started);
        sem_wait(&go);
    }
    return w->code;
}

static struct batcher *new_batcher(void) {
    const struct batcher_options options = {
        .max_batch = MAX_BATCH, .max_wait_us = 1000, .clock = seconds, .metrics = metrics};

    return batcher_new(&options);
}

static struct item item_of(struct work *w) {
    return (struct item){.n = 1, .call = work, .context = w};
}

/* A group of a request that arrived then, which waits long. */
static void open_group(struct batch_group *g, double arrived) {
    batch_group_init(g, batcher, &client);
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

static void nothing(void *owner) {
    (void)owner;
}

static void close_group(struct batch_group *g) {
    batch_group_end(g, nothing, NULL);
}

static void release(struct batch_group *g) {
    sem_post(&go);
    assert_int_equal(batch_wait(g), 0);
    close_group(g);
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
        close_group(&groups[i]);
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
    close_group(&g);
    close_group(&second);
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
    close_group(&g);
}

/* What a request leaves behind where it is answered before its run has ended. */
struct left {
    struct batch_group group;
    struct item item;
    struct work work;
    sem_t freed;
};

static void free_left(void *owner) {
    sem_post(&((struct left *)owner)->freed);
}

/* A run past the deadline is not waited for; what it looks at is freed when it has ended, once. */
static void test_what_runs_is_left(void **state) {
    (void)state;
    struct left left;
    int value;
    sem_init(&left.freed, 0, 0);
    hold(&left.group, &left.item, &left.work);
    left.group.until = 0;
    assert_int_equal(batch_wait(&left.group), -1);
    assert_true(batcher_busy(batcher) > 0);
    batch_group_end(&left.group, free_left, &left);
    sem_getvalue(&left.freed, &value);
    assert_int_equal(value, 0);
    sem_post(&go);
    sem_wait(&left.freed);
    assert_int_equal(left.item.state, BATCH_DONE);
    assert_true(batcher_busy(batcher) == 0);
    sem_destroy(&left.freed);
}

/* An item of many runs in pieces of at most max_batch, and others run in between. */
static void test_large_items_run_in_pieces(void **state) {
    (void)state;
    struct batch_group held, g, second;
    struct item holder, large, small;
    struct work w, many = {.number = 1}, one = {.number = 2};
    hold(&held, &holder, &w);
    open_group(&g, 1);
    open_group(&second, 2);
    large = item_of(&many);
    large.n = 5 * MAX_BATCH + 1;
    small = item_of(&one);
    batch_submit(&g, &large);
    batch_submit(&second, &small);
    release(&held);
    assert_int_equal(batch_wait(&g), 0);
    assert_int_equal(batch_wait(&second), 0);
    assert_int_equal(many.calls, 6);
    assert_int_equal(many.units, 5 * MAX_BATCH + 1);
    assert_int_equal(many.most, MAX_BATCH);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2); /* behind a piece, not behind the item */
    assert_int_equal(batcher_depth(batcher), 0);
    close_group(&g);
    close_group(&second);
}

/* One that is given up ends with the piece that runs. */
static void test_pieces_end_with_their_request(void **state) {
    (void)state;
    struct left left = {.work = {.blocks = 1}};
    sem_init(&left.freed, 0, 0);
    open_group(&left.group, 1);
    left.item = item_of(&left.work);
    left.item.n = 100 * MAX_BATCH;
    batch_submit(&left.group, &left.item);
    sem_wait(&started);
    left.group.until = 0;
    assert_int_equal(batch_wait(&left.group), -1);
    batch_group_end(&left.group, free_left, &left);
    sem_post(&go);
    sem_wait(&left.freed);
    assert_int_equal(left.work.calls, 1);
    assert_int_equal(left.item.state, BATCH_WITHDRAWN);
    sem_destroy(&left.freed);
}

/* The thread that a run holds is not waited for. */
static void test_the_end_does_not_wait(void **state) {
    (void)state;
    struct batcher *all = batcher;
    struct left left;
    sem_init(&left.freed, 0, 0);
    batcher = new_batcher();
    assert_non_null(batcher);
    hold(&left.group, &left.item, &left.work);
    left.group.until = 0;
    assert_int_equal(batch_wait(&left.group), -1);
    batch_group_end(&left.group, free_left, &left);
    assert_int_equal(batcher_stop(batcher, 0), -1);
    sem_post(&go);
    sem_wait(&left.freed);
    assert_int_equal(batcher_stop(batcher, 600), 0);
    batcher_free(batcher);
    batcher = all;
    sem_destroy(&left.freed);
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
    close_group(&g);
}

/* Of clients that have much waiting and one that has little, each has its turn: what the one asks
 * for, however late, comes after no more than a batch of the others'. */
static void test_clients_take_turns(void **state) {
    enum { MANY = 40, FEW = 3 };
    static struct batch_group groups[2 * MANY + FEW];
    static struct item items[2 * MANY + FEW];
    static struct work works[2 * MANY + FEW];
    struct client clients[3] = {{.items = 0}};
    struct batch_group held;
    struct item holder;
    struct work w;
    int ran_of[3] = {0};

    (void)state;
    hold(&held, &holder, &w);
    for (int i = 0; i < 2 * MANY + FEW; i++) {
        int whose = i < 2 * MANY ? i / MANY : 2;
        works[i] = (struct work){.number = whose};
        items[i] = item_of(&works[i]);
        batch_group_init(&groups[i], batcher, &clients[whose]);
        groups[i].arrived = i;
        groups[i].until = clock_seconds() + 600;
        batch_submit(&groups[i], &items[i]);
    }
    release(&held);
    for (int i = 0; i < 2 * MANY + FEW; i++) {
        assert_int_equal(batch_wait(&groups[i]), 0);
        close_group(&groups[i]);
    }
    assert_int_equal(ran, 2 * MANY + FEW);
    for (int i = 0; i < 3 * FEW; i++) ran_of[order[i]]++;
    for (int i = 0; i < 3; i++) assert_int_equal(ran_of[i], FEW);
    for (int i = 0; i < 3; i++) assert_int_equal(clients[i].items, 0);
}

/* A large item counts by its pieces: others run eight of one between two of eight. */
static void test_turns_are_counted_in_units(void **state) {
    enum { SMALL = 2 * MAX_BATCH };
    static struct batch_group groups[SMALL];
    static struct item items[SMALL];
    static struct work works[SMALL];
    struct client greedy = {.items = 0}, other = {.items = 0};
    struct batch_group held, g;
    struct item holder, large;
    struct work w, many = {.number = 100};
    int pieces = 0;

    (void)state;
    hold(&held, &holder, &w);
    batch_group_init(&g, batcher, &greedy);
    g.arrived = 0;
    g.until = clock_seconds() + 600;
    large = item_of(&many);
    large.n = 4 * MAX_BATCH;
    batch_submit(&g, &large);
    for (int i = 0; i < SMALL; i++) {
        works[i] = (struct work){.number = i};
        items[i] = item_of(&works[i]);
        batch_group_init(&groups[i], batcher, &other);
        groups[i].arrived = i + 1;
        groups[i].until = clock_seconds() + 600;
        batch_submit(&groups[i], &items[i]);
    }
    release(&held);
    assert_int_equal(batch_wait(&g), 0);
    for (int i = 0; i < SMALL; i++) {
        assert_int_equal(batch_wait(&groups[i]), 0);
        close_group(&groups[i]);
    }
    close_group(&g);
    for (int i = 0; i < ran && order[i] != SMALL - 1; i++) pieces += order[i] == 100;
    assert_in_range(pieces, 2, 3);
}

/* Who was away does not have all that others ran meanwhile to catch up on. */
static void test_nobody_saves_turns_up(void **state) {
    struct client busy = {.items = 0}, late = {.items = 0};
    struct work w = {.number = 0};
    struct batch_group g;
    struct item item;

    (void)state;
    for (int i = 0; i < 50; i++) {
        w = (struct work){.number = 0};
        ran = 0;
        item = item_of(&w);
        batch_group_init(&g, batcher, i < 49 ? &busy : &late);
        g.arrived = i;
        g.until = clock_seconds() + 600;
        batch_submit(&g, &item);
        assert_int_equal(batch_wait(&g), 0);
        close_group(&g);
    }
    assert_true(late.served >= busy.served - 1);
}

/* As a search of a detector does: it asks before each look, of which each takes a second. */
struct search {
    const struct item *item;
    int number, looks, was_stopped;
};

static int search(void *context, int from, int n) {
    struct search *s = context;

    (void)from;
    (void)n;
    for (int i = 0; i < s->looks; i++) {
        if (i == 1) {
            sem_post(&started);
            sem_wait(&go);
        }
        s->was_stopped = s->item->stop(s->item->stop_context);
        if (s->was_stopped) return MIEN_ETOOBIG;
        spent++;
        order[ran++] = s->number;
    }
    return MIEN_OK;
}

static void begin_search(struct search *s, struct item *item, struct batch_group *g,
                         struct client *whose) {
    *s = (struct search){.item = item, .number = 1, .looks = 3};
    *item = (struct item){.n = 1, .call = search, .context = s};
    ran = 0;
    batch_group_init(g, batcher, whose);
    g->until = clock_seconds() + 600;
    batch_submit(g, item);
    sem_wait(&started);
}

/* Between its looks others have their turn that were served less; not those of the same client. */
static void test_a_search_makes_way(void **state) {
    static const int expected[] = {1, 2, 1, 1, 3};
    struct client greedy = {.items = 0}, other = {.items = 0};
    struct batch_group g, groups[2];
    struct work works[2] = {{.number = 2}, {.number = 3}};
    struct item item, items[2];
    struct search s;

    (void)state;
    begin_search(&s, &item, &g, &greedy);
    for (int i = 0; i < 2; i++) {
        items[i] = item_of(&works[i]);
        batch_group_init(&groups[i], batcher, i == 0 ? &other : &greedy);
        groups[i].until = clock_seconds() + 600;
        batch_submit(&groups[i], &items[i]);
    }
    sem_post(&go);
    assert_int_equal(batch_wait(&g), 0);
    close_group(&g);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(batch_wait(&groups[i]), 0);
        close_group(&groups[i]);
    }
    assert_int_equal(ran, 5);
    assert_memory_equal(order, expected, sizeof expected);
    assert_true(greedy.served - other.served == 3); /* of four seconds, and of one */
    assert_true(batcher_busy(batcher) == 0);
}

/* Not for who sends many, where one answer is waited for. */
static void test_a_search_is_not_cut_by_many(void **state) {
    static const int expected[] = {1, 1, 1, 2};
    struct client single = {.requests = 1, .served = 1e6}, greedy = {.requests = 2};
    struct work work_of = {.number = 2};
    struct batch_group g, other;
    struct item item, waits = item_of(&work_of);
    struct search s;

    (void)state;
    begin_search(&s, &item, &g, &single);
    batch_group_init(&other, batcher, &greedy);
    other.until = clock_seconds() + 600;
    batch_submit(&other, &waits);
    greedy.served = 0;
    sem_post(&go);
    assert_int_equal(batch_wait(&g), 0);
    assert_int_equal(batch_wait(&other), 0);
    close_group(&g);
    close_group(&other);
    assert_int_equal(ran, 4);
    assert_memory_equal(order, expected, sizeof expected);
}

/* As a network that has no room beside another's run: not the first time. */
static int has_room_later(void *context, int from, int n) {
    int *tries = context;

    (void)from;
    (void)n;
    order[ran++] = 2;
    return (*tries)++ == 0 ? MIEN_ENOMEM : MIEN_OK;
}

/* What finds no memory beside the run it came between runs after it. */
static void test_no_memory_beside_a_search(void **state) {
    static const int expected[] = {1, 2, 1, 1, 2};
    struct client greedy = {.items = 0}, other = {.items = 0};
    struct batch_group g, late;
    int tries = 0;
    struct item item, waits = {.n = 1, .call = has_room_later, .context = &tries};
    struct search s;

    (void)state;
    begin_search(&s, &item, &g, &greedy);
    batch_group_init(&late, batcher, &other);
    late.until = clock_seconds() + 600;
    batch_submit(&late, &waits);
    sem_post(&go);
    assert_int_equal(batch_wait(&g), 0);
    assert_int_equal(batch_wait(&late), 0);
    close_group(&g);
    close_group(&late);
    assert_int_equal(waits.rc, MIEN_OK);
    assert_int_equal(ran, 5);
    assert_memory_equal(order, expected, sizeof expected);
    assert_int_equal(batcher_depth(batcher), 0);
}

/* A search that nobody waits for any more ends before its next look. */
static void test_a_search_is_given_up(void **state) {
    struct search s;
    struct left left;

    (void)state;
    sem_init(&left.freed, 0, 0);
    begin_search(&s, &left.item, &left.group, &client);
    left.group.until = 0;
    assert_int_equal(batch_wait(&left.group), -1);
    batch_group_end(&left.group, free_left, &left);
    sem_post(&go);
    sem_wait(&left.freed);
    assert_int_equal(s.was_stopped, 1);
    assert_int_equal(ran, 1);
    sem_destroy(&left.freed);
}

static int setup(void **state) {
    (void)state;
    sem_init(&started, 0, 0);
    sem_init(&go, 0, 0);
    metrics = metrics_new(NULL, 0);
    batcher = new_batcher();
    return metrics && batcher ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(batcher_stop(batcher, 600), 0);
    batcher_free(batcher);
    metrics_free(metrics);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oldest_request_first),
        cmocka_unit_test(test_deadline_withdraws_what_waits),
        cmocka_unit_test(test_stop_withdraws),
        cmocka_unit_test(test_what_runs_is_left),
        cmocka_unit_test(test_large_items_run_in_pieces),
        cmocka_unit_test(test_pieces_end_with_their_request),
        cmocka_unit_test(test_the_end_does_not_wait),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_clients_take_turns),
        cmocka_unit_test(test_turns_are_counted_in_units),
        cmocka_unit_test(test_nobody_saves_turns_up),
        cmocka_unit_test(test_a_search_makes_way),
        cmocka_unit_test(test_a_search_is_not_cut_by_many),
        cmocka_unit_test(test_no_memory_beside_a_search),
        cmocka_unit_test(test_a_search_is_given_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
