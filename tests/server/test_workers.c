/* The queue of requests without a server: whose request is next, and who loses his place. */
#include "server/workers.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { MOST = 64 };

static struct clients *clients;
static struct client *many, *few, *third;
static struct request *begun[MOST];
static int nbegun;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t begins, ends_of_many, ends_of_others;

static void wait_for(sem_t *s) {
    while (sem_wait(s)) continue;
}

static void work(struct request *r) {
    pthread_mutex_lock(&lock);
    begun[nbegun++] = r;
    pthread_mutex_unlock(&lock);
    sem_post(&begins);
    wait_for(r->client == many ? &ends_of_many : &ends_of_others);
}

static int push(struct workers *w, struct request *r, struct client *client,
                struct request **displaced) {
    *r = (struct request){.client = client};
    if (workers_reserve(w, client, displaced)) return -1;
    workers_push(w, r);
    return 0;
}

static void finish(struct workers *w) {
    for (int i = 0; i < MOST; i++) {
        sem_post(&ends_of_many);
        sem_post(&ends_of_others);
    }
    workers_stop(w);
    workers_free(w);
    assert_int_equal(many->waiting + many->working + many->lent, 0);
    assert_int_equal(few->waiting + few->working + few->lent, 0);
}

static int setup(void **state) {
    (void)state;
    clients = clients_new();
    many = clients_of_key(clients, "many");
    few = clients_of_key(clients, "few");
    third = clients_of_key(clients, "third");
    nbegun = 0;
    sem_init(&begins, 0, 0);
    sem_init(&ends_of_many, 0, 0);
    sem_init(&ends_of_others, 0, 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    clients_release(clients, many);
    clients_release(clients, few);
    clients_release(clients, third);
    clients_free(clients);
    return 0;
}

/* Alone it has the threads asked for, in the order of arrival, and no more. */
static void test_alone(void **state) {
    struct workers *w = workers_new(2, MOST, clients, work);
    struct request requests[6], *displaced;

    (void)state;
    for (int i = 0; i < 6; i++) assert_int_equal(push(w, &requests[i], many, &displaced), 0);
    for (int i = 0; i < 2; i++) wait_for(&begins);
    assert_int_equal(workers_waiting(w), 4);
    for (int i = 2; i < 6; i++) {
        sem_post(&ends_of_many);
        wait_for(&begins);
        assert_ptr_equal(begun[i], &requests[i]);
    }
    finish(w);
}

/* However many one has waiting and worked on, another's begins at once; a second one of his has its
 * turn before the rest. */
static void test_beside_another(void **state) {
    struct workers *w = workers_new(2, MOST, clients, work);
    struct request requests[10], mine[2], *displaced;

    (void)state;
    for (int i = 0; i < 10; i++) push(w, &requests[i], many, &displaced);
    for (int i = 0; i < 2; i++) wait_for(&begins);
    push(w, &mine[0], few, &displaced);
    wait_for(&begins);
    assert_ptr_equal(begun[2], &mine[0]);
    push(w, &mine[1], few, &displaced);
    sem_post(&ends_of_others);
    wait_for(&begins);
    assert_ptr_equal(begun[3], &mine[1]);
    finish(w);
}

/* Of a full queue the last one goes of whoever has most, and only for who has less. */
static void test_who_loses_his_place(void **state) {
    struct workers *w = workers_new(1, 4, clients, work);
    struct request running, waiting[4], other[3], spare, *displaced;

    (void)state;
    push(w, &running, many, &displaced);
    wait_for(&begins);
    for (int i = 0; i < 4; i++) assert_int_equal(push(w, &waiting[i], many, &displaced), 0);
    assert_false(workers_have_room(w, many));
    assert_int_equal(push(w, &spare, many, &displaced), -1);
    assert_null(displaced);

    assert_true(workers_have_room(w, few));
    push(w, &other[0], few, &displaced); /* it begins, on the spare thread */
    assert_ptr_equal(displaced, &waiting[3]);
    wait_for(&begins);
    assert_int_equal(push(w, &other[1], few, &displaced), 0);
    assert_null(displaced);
    push(w, &other[2], few, &displaced);
    assert_ptr_equal(displaced, &waiting[2]);
    assert_int_equal(many->waiting, 2);
    assert_int_equal(few->waiting, 2);
    assert_false(workers_have_room(w, few));
    assert_int_equal(push(w, &spare, many, &displaced), -1);
    assert_true(workers_have_room(w, third));
    finish(w);
}

/* A request whose pictures are fetched elsewhere holds no thread, but the threads stay for it. */
static void test_lent(void **state) {
    struct workers *w = workers_new(1, 4, clients, work);
    struct request r, *displaced;

    (void)state;
    for (int i = 0; i < 3; i++) assert_int_equal(workers_lend(w, many), 0);
    assert_int_equal(workers_lend(w, many), -1);
    assert_int_equal(workers_lend(w, few), 0);
    assert_int_equal(workers_lend(w, few), -1);
    assert_int_equal(workers_lent(w), 4);
    assert_int_equal(push(w, &r, many, &displaced), 0);
    wait_for(&begins);
    sem_post(&ends_of_many);
    struct request back[4];
    for (int i = 0; i < 4; i++) {
        back[i] = (struct request){.client = i < 3 ? many : few};
        workers_return(w, &back[i]);
    }
    assert_int_equal(workers_lent(w), 0);
    finish(w);
    assert_int_equal(nbegun, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_alone), TEST(test_beside_another),
                                       TEST(test_who_loses_his_place), TEST(test_lent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
