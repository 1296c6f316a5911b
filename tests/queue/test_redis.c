/* The queue in Redis: what holds of all queues; a Redis that crashes and comes back; wrong
 * passwords, TLS, addresses. */
#include "cases.h"
#include "queue/queue.h"
#include "queue/redis_address.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int port;

static const char *fresh(void) {
    static char place[128];
    static int n;
    snprintf(place, sizeof place, "redis://:secret%%3a%%20word@127.0.0.1:%d/q%d", port, n++);
    return place;
}

static int open_place(const char *place, struct queue **q, char why[QUEUE_WHY]) {
    struct queue_options o = {.place = place, .tries = 3, .lease_ms = 1000, .room = 10};
    return queue_open(&o, q, why);
}

static int see_nothing(void *context, const struct job *job) {
    (void)job;
    ++*(int *)context;
    return 0;
}

static void test_crash(void **state) {
    (void)state;
    struct queue *q;
    struct queue_counts c;
    char why[QUEUE_WHY];
    struct job job = {.file = "x", .priority = JOB_NORMAL};
    int n = 0;
    assert_int_equal(open_place(fresh(), &q, why), QUEUE_OK);
    assert_int_equal(queue_submit(q, &job, 1), QUEUE_OK);
    redis_kill();
    assert_int_equal(queue_count(q, &c), QUEUE_EAWAY);
    assert_null(strstr(queue_why(q), "secret"));
    assert_int_equal(queue_claim(q, "w", 1, see_nothing, &n), QUEUE_EAWAY);
    assert_int_equal(queue_wait(q, 1), QUEUE_EAWAY);
    redis_resume();
    /* The same handle, connected anew when it has read what is on the disk. */
    for (int i = 0; i < 500 && queue_count(q, &c) == QUEUE_EAWAY; i++) usleep(20000);
    if (queue_count(q, &c)) fail_msg("%s", queue_why(q));
    assert_int_equal(c.of[JOB_QUEUED], 1);
    assert_int_equal(queue_submit(q, &job, 1), QUEUE_OK);
    assert_int_equal(queue_claim(q, "w", 5, see_nothing, &n), QUEUE_OK);
    assert_int_equal(n, 1);
    queue_close(q);
}

static void test_sentences(void **state) {
    (void)state;
    struct queue *q;
    char why[QUEUE_WHY], place[128];
    snprintf(place, sizeof place, "redis://127.0.0.1:%d", port);
    assert_int_equal(open_place(place, &q, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "wants a password"));
    snprintf(place, sizeof place, "redis://:wrong@127.0.0.1:%d", port);
    assert_int_equal(open_place(place, &q, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "password is wrong"));
    assert_null(strstr(why, ":wrong@"));
    assert_int_equal(open_place("redis://127.0.0.1:1", &q, why), QUEUE_EAWAY);
    assert_non_null(strstr(why, "refused"));
    snprintf(place, sizeof place, "rediss://127.0.0.1:%d", port); /* speaks no TLS */
    assert_int_not_equal(open_place(place, &q, why), QUEUE_OK);
    assert_null(q);
}

static void test_newer(void **state) {
    (void)state;
    struct queue *q;
    char why[QUEUE_WHY], place[128], command[256];
    snprintf(place, sizeof place, "%s", fresh());
    snprintf(command, sizeof command,
             "redis-cli -p %d -a 'secret: word' --no-auth-warning SET '{%s}:version' 7 >/dev/null",
             port, strrchr(place, '/') + 1);
    assert_int_equal(system(command), 0);
    assert_int_equal(open_place(place, &q, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "newer mien (version 7"));
}

static void test_tls(void **state) {
    (void)state;
    struct queue *q;
    struct queue_counts c;
    char why[QUEUE_WHY], place[256];
    port = redis_start(1);
    if (!port) skip();
    snprintf(place, sizeof place, "rediss://:secret%%3a%%20word@localhost:%d/t?ca=%s/ca.pem", port,
             redis_folder());
    if (open_place(place, &q, why)) fail_msg("%s", why);
    assert_int_equal(queue_count(q, &c), QUEUE_OK);
    queue_close(q);
    snprintf(place, sizeof place, "rediss://:secret%%3a%%20word@127.0.0.1:%d/t?ca=%s/ca.pem", port,
             redis_folder()); /* of another name */
    assert_int_equal(open_place(place, &q, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "certificate"));
    snprintf(place, sizeof place, "rediss://:secret%%3a%%20word@localhost:%d/t", port);
    assert_int_not_equal(open_place(place, &q, why), QUEUE_OK); /* the system does not trust it */
}

static void test_addresses(void **state) {
    (void)state;
    struct redis_address a;
    char why[QUEUE_WHY];
    assert_int_equal(redis_address_read("redis://h", &a, why, sizeof why), 0);
    assert_string_equal(a.host, "h");
    assert_string_equal(a.port, "6379");
    assert_string_equal(a.name, "mien");
    assert_int_equal(
        redis_address_read("rediss://u%3a:p%40@[::1]:7/3/n-1?ca=/x%20y&key=k", &a, why, sizeof why),
        0);
    assert_true(a.tls);
    assert_string_equal(a.user, "u:");
    assert_string_equal(a.password, "p@");
    assert_string_equal(a.host, "::1");
    assert_string_equal(a.port, "7");
    assert_int_equal(a.database, 3);
    assert_string_equal(a.name, "n-1");
    assert_string_equal(a.ca, "/x y");
    assert_string_equal(a.key, "k");
    assert_int_equal(redis_address_read("redis://h/photos", &a, why, sizeof why), 0);
    assert_string_equal(a.name, "photos");
    static const char *const bad[] = {
        "redis://h:0",    "redis://h:65536", "redis://h:x",     "redis://:%zz@h", "redis://:%0@h",
        "redis://:%00@h", "redis://[::1",    "redis://h/a b",   "redis://h/{x}",  "redis://h?ca",
        "redis://h?x=1",  "http://h",        "redis://h/99999", "redis://[::1]x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(redis_address_read(bad[i], &a, why, sizeof why), -1);
}

int main(void) {
    const struct CMUnitTest address[] = {cmocka_unit_test(test_addresses)};
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sentences),
                                       cmocka_unit_test(test_newer), cmocka_unit_test(test_crash),
                                       cmocka_unit_test(test_tls)};
    int failed = cmocka_run_group_tests(address, NULL, NULL);
    port = redis_start(0);
    if (!port) return failed ? 1 : 77;
    return failed + queue_cases(fresh) + cmocka_run_group_tests(tests, NULL, NULL);
}
