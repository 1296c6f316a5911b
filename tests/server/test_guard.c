/* Which hosts a server has, and which pages may make a browser ask it. */
#include "server/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct serve_config on_loopback = {.address = "127.0.0.1"};
static const struct serve_config everywhere = {.address = "0.0.0.0"};
static const struct serve_config named = {.address = "::1",
                                          .allowed_host = "photos.example.org, Other.example"};
static const struct serve_config any = {.address = "127.0.0.1", .allowed_host = "*"};
static const struct serve_config listing = {.address = "127.0.0.1",
                                            .cors_origin = "https://a.example"};

static void test_hosts_of_all_servers(void **state) {
    static const struct serve_config *const all[] = {&on_loopback, &everywhere, &named, &any};
    static const char *const hosts[] = {NULL,          "localhost", "LOCALHOST:8080", "127.0.0.1",
                                        "10.0.0.1:80", "[::1]",     "[fe80::1]:1",    "localhost."};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t k = 0; k < sizeof hosts / sizeof *hosts; k++)
            assert_true(guard_knows_host(all[i], hosts[k]));
}

static void test_names(void **state) {
    static const char *const foreign[] = {"evil.example",
                                          "evil.example:8080",
                                          "localhost.evil.example",
                                          "127.0.0.1.example",
                                          "",
                                          ":80",
                                          "localhost:80x",
                                          "localhost@evil",
                                          "[::1",
                                          "[::1]evil",
                                          "photos.example.orgs",
                                          "photos.example",
                                          "x.photos.example.org",
                                          "127.0.0.1, evil",
                                          "http://localhost",
                                          "evil.example, 10.0.0.1"};

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        assert_false(guard_knows_host(&on_loopback, foreign[i]));
        assert_false(guard_knows_host(&named, foreign[i]));
        assert_true(guard_knows_host(&everywhere, foreign[i]));
        assert_true(guard_knows_host(&any, foreign[i]));
    }
    assert_true(guard_knows_host(&named, "photos.example.org"));
    assert_true(guard_knows_host(&named, "PHOTOS.example.org.:443"));
    assert_true(guard_knows_host(&named, "other.EXAMPLE"));
    assert_false(guard_knows_host(&on_loopback, "photos.example.org"));
}

static void test_a_name_without_end(void **state) {
    char host[1000];

    (void)state;
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    assert_false(guard_knows_host(&named, host));
}

static void test_pages(void **state) {
    const struct serve_config *c = &on_loopback;

    (void)state;
    assert_false(guard_is_foreign(c, "localhost:1", NULL, NULL)); /* no browser */
    assert_false(guard_is_foreign(c, "localhost:1", "http://localhost:1", "same-origin"));
    assert_false(guard_is_foreign(c, "localhost:1", NULL, "none"));
    assert_false(guard_is_foreign(c, "localhost:1", "http://LOCALHOST:1", NULL));
    assert_true(guard_is_foreign(c, "localhost:1", "http://localhost:2", "same-site"));
    assert_true(guard_is_foreign(c, "localhost:1", "https://evil.example", "cross-site"));
    assert_true(guard_is_foreign(c, "localhost:1", "http://localhost:1", "cross-site"));
    assert_true(guard_is_foreign(c, "localhost:1", NULL, "cross-site"));
    assert_true(guard_is_foreign(c, "localhost:1", NULL, ""));
    assert_true(guard_is_foreign(c, "localhost:1", "https://evil.example", NULL));
    assert_true(guard_is_foreign(c, "localhost:1", "null", NULL));
    assert_true(guard_is_foreign(c, NULL, "http://localhost:1", NULL));
    /* A proxy may write another Host: then the browser's own word counts. */
    assert_false(guard_is_foreign(c, "mien", "https://photos.example.org", "same-origin"));
}

static void test_listed_pages(void **state) {
    const struct serve_config all = {.address = "127.0.0.1", .cors_origin = "*"};

    (void)state;
    assert_false(guard_is_foreign(&listing, "localhost", "https://a.example", "cross-site"));
    assert_false(guard_is_foreign(&listing, "localhost", "https://a.example", NULL));
    assert_true(guard_is_foreign(&listing, "localhost", "https://b.example", "cross-site"));
    assert_false(guard_is_foreign(&all, "localhost", "https://b.example", "cross-site"));
    assert_false(guard_is_foreign(&all, "localhost", "null", "cross-site"));
}

static void test_lists(void **state) {
    static const char *const bad[] = {"", ",", "https://a.example", "a:80", "a/b", "*,a", "[::1]"};
    char why[WHY_SIZE];

    (void)state;
    assert_int_equal(guard_check_hosts("*", why), 0);
    assert_int_equal(guard_check_hosts("a.example,b-c.example , d", why), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why[0] = '\0';
        assert_int_equal(guard_check_hosts(bad[i], why), -1);
        assert_true(why[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_of_all_servers), cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_name_without_end),   cmocka_unit_test(test_pages),
        cmocka_unit_test(test_listed_pages),         cmocka_unit_test(test_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
