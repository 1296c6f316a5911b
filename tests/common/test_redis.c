/* URLs of Redis, and a Redis that is away. What one that is there replies: tests/services. */
#include "common/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_urls(void **state) {
    (void)state;
    static const struct {
        const char *url, *label;
    } good[] = {
        {"redis://localhost", "redis://localhost:6379/0"},
        {"redis://10.0.0.7:7000/3", "redis://10.0.0.7:7000/3"},
        {"redis://:secret@cache/", "redis://cache:6379/0"},
        {"redis://me:se%3Ac%40ret@cache:1", "redis://cache:1/0"},
        {"redis://me:a@b@cache", "redis://cache:6379/0"}, /* a careless one's */
        {"redis://[::1]:6380/1", "redis://[::1]:6380/1"},
        {"unix:/run/redis.sock", "unix:/run/redis.sock"},
    };
    static const char *const bad[] = {"",
                                      "localhost",
                                      "redis://",
                                      "redis://:6379",
                                      "redis://h:0",
                                      "unix:",
                                      "redis:h",
                                      "redis://h:99999",
                                      "redis://h/x",
                                      "redis://h/-1",
                                      "redis://a%4:b@h",
                                      "redis://a:%00@h",
                                      "redis://[::1",
                                      "redis://[::1]x",
                                      "http://h",
                                      "redis://h:6379x"};
    char why[REDIS_WHY], label[REDIS_WHY];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(redis_check_url(good[i].url, why), 0);
        assert_string_equal(redis_label(good[i].url, label), good[i].label);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(redis_check_url(bad[i], why), REDIS_EFAILED);
        assert_non_null(strstr(why, "redis://"));
    }
    assert_int_equal(redis_check_url("rediss://h", why), REDIS_EFAILED);
    assert_non_null(strstr(why, "TLS"));
}

static void test_away(void **state) {
    (void)state;
    const char *const ping[] = {"PING", NULL};
    struct redisReply *reply = NULL;
    char why[REDIS_WHY];
    struct redis *r = redis_new("unix:/nonexistent/redis.sock", 1);
    assert_non_null(r);
    assert_int_not_equal(redis_ask_texts(r, 1, ping, &reply, why), 0);
    assert_true(strlen(why) > 0);
    assert_null(reply);
    redis_free(r);
    redis_free(NULL);
    assert_null(redis_new("nonsense", 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
