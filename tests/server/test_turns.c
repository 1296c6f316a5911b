/* Who decodes when, by counts alone: threads stand for decodes, which go on when they are told to.
 */
#include "server/turns.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 6 };

static struct turns turns;

struct decode {
    struct turn turn;
    pthread_t thread;
    atomic_int wants_end, passes, rc, gives_up;
};

static int is_given_up(void *context) {
    return atomic_load(&((struct decode *)context)->gives_up);
}

static void *decode_main(void *arg) {
    struct decode *d = arg;
    const struct timespec row = {.tv_nsec = 1000000};
    int rc = turns_begin(&turns, &d->turn);

    while (rc == 0 && !atomic_load(&d->wants_end)) {
        nanosleep(&row, NULL);
        rc = turns_pass(&turns, &d->turn);
        atomic_fetch_add(&d->passes, 1);
    }
    if (rc == 0) turns_end(&turns, &d->turn);
    atomic_store(&d->rc, rc);
    return NULL;
}

static void begin(struct decode *d, struct client *client) {
    *d = (struct decode){.turn = {.client = client, .stop = is_given_up, .context = d}};
    assert_int_equal(pthread_create(&d->thread, NULL, decode_main, d), 0);
}

static void end(struct decode *d) {
    atomic_store(&d->wants_end, 1);
    pthread_join(d->thread, NULL);
}

/* One that waits for a turn may have to wait for another to end. */
static void end_all(struct decode *d, int n) {
    for (int i = 0; i < n; i++) atomic_store(&d[i].wants_end, 1);
    for (int i = 0; i < n; i++) end(&d[i]);
}

static int decoding(const struct client *client) {
    int n;

    pthread_mutex_lock(&turns.lock);
    n = client->decoding;
    pthread_mutex_unlock(&turns.lock);
    return n;
}

/* ctest ends a test that waits for what never comes. */
static void wait_until(const struct client *client, int has) {
    while (decoding(client) != has) usleep(1000);
}

static void wait_for_passes(struct decode *d, int n) {
    int from = atomic_load(&d->passes);

    while (atomic_load(&d->passes) < from + n) usleep(1000);
}

static void test_alone_a_client_has_all(void **state) {
    struct client one = {.requests = 0};
    struct decode all[MANY];

    (void)state;
    turns_init(&turns, 4);
    for (int i = 0; i < MANY; i++) turns_enter(&turns, &one);
    for (int i = 0; i < MANY; i++) begin(&all[i], &one);
    wait_until(&one, 4);
    end_all(all, MANY);
    for (int i = 0; i < MANY; i++) turns_leave(&turns, &one);
    assert_int_equal(one.decoding, 0);
    assert_int_equal(turns.clients, 0);
    turns_destroy(&turns);
}

/* As soon as another has a request, decoding or not, half of the turns is left to him. */
static void test_beside_others_it_has_half(void **state) {
    struct client greedy = {.requests = 0}, other = {.requests = 0};
    struct decode many[MANY], single;

    (void)state;
    turns_init(&turns, 2);
    for (int i = 0; i < MANY; i++) turns_enter(&turns, &greedy);
    for (int i = 0; i < MANY; i++) begin(&many[i], &greedy);
    wait_until(&greedy, 2);
    turns_enter(&turns, &other);
    wait_until(&greedy, 1);
    begin(&single, &other);
    wait_until(&other, 1);
    wait_for_passes(&single, 100); /* and nobody takes it from him */
    assert_int_equal(decoding(&greedy), 1);
    end(&single);
    turns_leave(&turns, &other);
    wait_until(&greedy, 2);
    end_all(many, MANY);
    for (int i = 0; i < MANY; i++) turns_leave(&turns, &greedy);
    turns_destroy(&turns);
}

/* While the networks run for one who has been served less, nobody else decodes; and whoever has
 * been served less goes on. */
static void test_makes_way_for_a_run(void **state) {
    struct client greedy = {.requests = 0}, other = {.requests = 0};
    struct decode all[2];

    (void)state;
    turns_init(&turns, 4);
    for (int i = 0; i < 2; i++) turns_enter(&turns, &greedy);
    turns_enter(&turns, &other);
    for (int i = 0; i < 2; i++) begin(&all[i], &greedy);
    wait_until(&greedy, 2);
    client_charge(&greedy, 1);
    turns_run(&turns, &other);
    wait_until(&greedy, 0);
    turns_run(&turns, NULL);
    wait_until(&greedy, 2);
    client_charge(&other, 1000);
    turns_run(&turns, &other);
    for (int i = 0; i < 2; i++) wait_for_passes(&all[i], 20);
    assert_int_equal(decoding(&greedy), 2);
    turns_run(&turns, NULL);
    end_all(all, 2);
    for (int i = 0; i < 2; i++) turns_leave(&turns, &greedy);
    turns_leave(&turns, &other);
    turns_destroy(&turns);
}

/* Who has several requests pays for each second that often, up to a limit; decodes are paid for. */
static void test_many_requests_pay_more(void **state) {
    struct client one = {.requests = 1}, three = {.requests = 3}, many = {.requests = 1000};
    struct client *all[] = {&one, &three, &many};
    struct decode decode;

    (void)state;
    for (int i = 0; i < 3; i++) client_charge(all[i], 2);
    assert_true(one.served == 2 && three.served == 6 && many.served == 2 * CLIENT_WEIGHT);
    client_catch_up(&one, 1);
    client_catch_up(&three, 7);
    assert_true(one.served == 2 && three.served == 7);
    turns_init(&turns, 1);
    begin(&decode, &one);
    wait_until(&one, 1);
    wait_for_passes(&decode, 2);
    end(&decode);
    assert_true(one.served > 2);
    turns_destroy(&turns);
}

/* A run for who has several requests waits for the next of who has one and was served less: as long
 * as he decodes, and no longer than a moment else; nobody's run waits for whom has several, too. */
static void test_a_run_waits_for_who_goes_ahead(void **state) {
    struct client greedy = {.requests = 0}, single = {.requests = 0};
    struct decode decode;

    (void)state;
    turns_init(&turns, 2);
    for (int i = 0; i < 2; i++) turns_enter(&turns, &greedy);
    assert_true(turns_ahead(&turns, &greedy) == 0);
    client_charge(&greedy, 10);
    turns_enter(&turns, &single);
    begin(&decode, &single);
    wait_until(&single, 1);
    assert_true(turns_ahead(&turns, &greedy) > 0);
    assert_true(turns_ahead(&turns, &single) == 0);
    client_charge(&single, 1000);
    assert_true(turns_ahead(&turns, &greedy) == 0);
    client_catch_up(&greedy, 2000);
    assert_true(turns_ahead(&turns, &greedy) > 0);
    end(&decode);
    while (turns_ahead(&turns, &greedy) > 0) usleep(1000);
    turns_run(&turns, &single);
    turns_run(&turns, NULL);
    assert_true(single.active > 0);
    turns_enter(&turns, &single);
    assert_true(turns_ahead(&turns, &greedy) == 0);
    for (int i = 0; i < 2; i++) {
        turns_leave(&turns, &greedy);
        turns_leave(&turns, &single);
    }
    assert_null(turns.at_work);
    turns_destroy(&turns);
}

/* Where there are fewer turns than clients, each has its own after the other. */
static void test_one_core_is_shared(void **state) {
    struct client clients[3] = {{.requests = 0}};
    struct decode all[3];

    (void)state;
    turns_init(&turns, 1);
    for (int i = 0; i < 3; i++) {
        turns_enter(&turns, &clients[i]);
        begin(&all[i], &clients[i]);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 3; i++) wait_for_passes(&all[i], 2);
    end_all(all, 3);
    for (int i = 0; i < 3; i++) turns_leave(&turns, &clients[i]);
    turns_destroy(&turns);
}

/* Who is not wanted any more waits no longer, whether or not he had begun. */
static void test_given_up(void **state) {
    struct client greedy = {.requests = 0}, other = {.requests = 0};
    struct decode first, second, third;

    (void)state;
    turns_init(&turns, 1);
    turns_enter(&turns, &greedy);
    turns_enter(&turns, &other);
    begin(&first, &greedy);
    wait_until(&greedy, 1);
    begin(&second, &greedy);
    atomic_store(&second.gives_up, 1);
    pthread_join(second.thread, NULL);
    assert_int_equal(atomic_load(&second.rc), -1);
    begin(&third, &other);
    wait_until(&other, 1); /* the first is suspended now, and may come back */
    atomic_store(&first.gives_up, 1);
    atomic_store(&third.gives_up, 1);
    end(&third);
    end(&first);
    assert_int_equal(greedy.decoding + other.decoding + turns.running + turns.suspended, 0);
    turns_leave(&turns, &greedy);
    turns_leave(&turns, &other);
    turns_destroy(&turns);
}

/* Who comes, or comes back after a while, has no claim to what others had meanwhile; who comes back
 * at once has what he had. */
static void test_who_comes_catches_up(void **state) {
    struct client known = {.requests = 0, .served = 50}, new = {.requests = 0};
    struct decode one;

    (void)state;
    turns_init(&turns, 2);
    turns_enter(&turns, &known);
    begin(&one, &known);
    wait_until(&known, 1);
    end(&one);
    turns_leave(&turns, &known);
    turns_enter(&turns, &new);
    assert_true(atomic_load(&new.served) == 50);
    atomic_store(&new.served, 20);
    turns_leave(&turns, &new);
    turns_enter(&turns, &new);
    assert_true(atomic_load(&new.served) == 20);
    turns_leave(&turns, &new);
    new.active -= 10;
    turns_enter(&turns, &new);
    assert_true(atomic_load(&new.served) == 50);
    turns_leave(&turns, &new);
    turns_destroy(&turns);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alone_a_client_has_all),
                                       cmocka_unit_test(test_beside_others_it_has_half),
                                       cmocka_unit_test(test_makes_way_for_a_run),
                                       cmocka_unit_test(test_many_requests_pay_more),
                                       cmocka_unit_test(test_a_run_waits_for_who_goes_ahead),
                                       cmocka_unit_test(test_one_core_is_shared),
                                       cmocka_unit_test(test_who_comes_catches_up),
                                       cmocka_unit_test(test_given_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
