/* Whom a proxy asks for: which proxies are believed, and how far. */
#include "server/forwarded.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PROXIES "127.0.0.1, 10.1.0.0/16,2001:db8::/33"

/* The client's address as text; "" where the peer itself is it. */
static const char *client(const char *peer, const char *header) {
    static char text[INET6_ADDRSTRLEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6}, found;
    int is_v4 = inet_pton(AF_INET, peer, &v4.sin_addr) == 1;

    if (!is_v4) assert_int_equal(inet_pton(AF_INET6, peer, &v6.sin6_addr), 1);
    if (!forwarded_client(PROXIES, is_v4 ? (const void *)&v4 : (const void *)&v6, header, &found))
        return "";
    assert_int_equal(found.sin6_family, AF_INET6);
    return inet_ntop(AF_INET6, &found.sin6_addr, text, sizeof text);
}

static void test_who_is_believed(void **state) {
    (void)state;
    assert_string_equal(client("127.0.0.1", "198.51.100.7"), "::ffff:198.51.100.7");
    assert_string_equal(client("::ffff:127.0.0.1", "198.51.100.7"), "::ffff:198.51.100.7");
    assert_string_equal(client("10.1.255.9", "2001:db9::1"), "2001:db9::1");
    assert_string_equal(client("2001:db8:7fff::1", "198.51.100.7"), "::ffff:198.51.100.7");
    assert_string_equal(client("2001:db8:8000::1", "198.51.100.7"), "");
    assert_string_equal(client("10.2.0.1", "198.51.100.7"), "");
    assert_string_equal(client("198.51.100.7", "203.0.113.1"), "");
    assert_string_equal(client("127.0.0.1", NULL), "");
    assert_string_equal(client("127.0.0.1", ""), "");
}

/* What the client itself has written stands before what proxies append. */
static void test_only_what_proxies_wrote(void **state) {
    (void)state;
    assert_string_equal(client("127.0.0.1", "1.2.3.4, 198.51.100.7"), "::ffff:198.51.100.7");
    assert_string_equal(client("127.0.0.1", "1.2.3.4,198.51.100.7 ,10.1.2.3"),
                        "::ffff:198.51.100.7");
    assert_string_equal(client("127.0.0.1", "10.1.2.3, 10.1.2.4"), "::ffff:10.1.2.3");
    assert_string_equal(client("127.0.0.1", "nonsense, 10.1.2.4"), "::ffff:10.1.2.4");
    assert_string_equal(client("127.0.0.1", "198.51.100.7, unknown"), "");
    assert_string_equal(client("127.0.0.1", " , ,198.51.100.7, ,"), "::ffff:198.51.100.7");
}

static void test_forms(void **state) {
    char longest[4096];

    (void)state;
    assert_string_equal(client("127.0.0.1", "198.51.100.7:4711"), "::ffff:198.51.100.7");
    assert_string_equal(client("127.0.0.1", "[2001:db9::2]:80"), "2001:db9::2");
    assert_string_equal(client("127.0.0.1", "[2001:db9::2]"), "2001:db9::2");
    assert_string_equal(client("127.0.0.1", "198.51.100.7 x"), "");
    memset(longest, '1', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(client("127.0.0.1", longest), "");
}

static void test_lists(void **state) {
    static const char *const good[] = {"127.0.0.1", "::1",       "10.0.0.0/8, 192.168.0.0/16",
                                       "::/0",      "0.0.0.0/0", "::ffff:10.0.0.0/8",
                                       NULL};
    static const char *const bad[] = {
        "",       ",",           "proxy",        "10.0.0.0/33",  "10.0.0.0/", "10.0.0.0/-1",
        "::/129", "10.0.0.0/8x", "127.0.0.1:80", "10.0.0.0/8 8", NULL};
    char why[WHY_SIZE];

    (void)state;
    for (int i = 0; good[i]; i++) assert_int_equal(forwarded_check(good[i], why), 0);
    for (int i = 0; bad[i]; i++) {
        *why = '\0';
        assert_int_equal(forwarded_check(bad[i], why), -1);
        assert_non_null(strstr(why, "address or network"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_believed),
        cmocka_unit_test(test_only_what_proxies_wrote),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
