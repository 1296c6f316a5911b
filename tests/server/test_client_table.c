/* Who counts as one client. */
#include "server/clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct client *of(struct clients *c, const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(1)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(2)};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return clients_of_address(c, (const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return clients_of_address(c, (const struct sockaddr *)&v6);
}

static void check(const char *a, const char *b, int are_one) {
    struct clients *c = clients_new();
    struct client *first = of(c, a), *second = of(c, b);

    if ((first == second) != are_one) fail_msg("%s and %s", a, b);
    clients_release(c, first);
    clients_release(c, second);
    clients_free(c);
}

static void test_addresses(void **state) {
    (void)state;
    check("192.0.2.1", "192.0.2.1", 1);
    check("192.0.2.1", "192.0.2.2", 0);
    check("192.0.2.1", "::ffff:192.0.2.1", 1);
    check("::ffff:192.0.2.1", "::ffff:192.0.2.2", 0);
    check("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", 1);
    check("2001:db8:1:2::1", "2001:db8:1:3::1", 0);
    check("::1", "127.0.0.1", 0);
}

static void test_keys_are_no_addresses(void **state) {
    struct clients *c = clients_new();
    struct client *address = of(c, "192.0.2.1"), *key = clients_of_key(c, "192.0.2.1");
    struct client *same = clients_of_key(c, "192.0.2.1"), *other = clients_of_key(c, "key 2");
    struct client *unknown = clients_of_address(c, NULL);

    (void)state;
    assert_ptr_equal(key, same);
    assert_ptr_not_equal(key, address);
    assert_ptr_not_equal(key, other);
    assert_ptr_not_equal(unknown, address);
    for (int i = 0; i < 5; i++)
        clients_release(c, ((struct client *[]){address, key, same, other, unknown})[i]);
    clients_free(c);
}

/* An entry lives as long as somebody holds it, among as many others as there are. */
static void test_holds(void **state) {
    enum { N = 20000 };
    static struct client *all[N];
    struct clients *c = clients_new();
    char key[32];

    (void)state;
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "%d", i);
        all[i] = clients_of_key(c, key);
        all[i]->connections = i + 1;
    }
    for (int i = 0; i < N; i += 2) clients_release(c, all[i]);
    clients_share(c, all[1]);
    clients_release(c, all[1]);
    for (int i = 0; i < N; i++) {
        struct client *again;
        snprintf(key, sizeof key, "%d", i);
        again = clients_of_key(c, key);
        assert_int_equal(again->connections, i % 2 ? i + 1 : 0);
        clients_release(c, again);
    }
    for (int i = 1; i < N; i += 2) clients_release(c, all[i]);
    clients_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses),
                                       cmocka_unit_test(test_keys_are_no_addresses),
                                       cmocka_unit_test(test_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
