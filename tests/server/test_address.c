/* Addresses a URL may lead to: both ends of each range and the neighbours outside, from the
 * registries of special-purpose addresses (RFC 6890 and its updates). */
#include "server/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static enum address_class class_of(const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_classify((struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        return address_classify((struct sockaddr *)&v6);
    fail_msg("%s is not an address", text);
    return ADDRESS_REFUSED;
}

static void expect_all(const char *const *addresses, enum address_class class) {
    for (; *addresses; addresses++) {
        enum address_class got = class_of(*addresses);
        if (got != class) fail_msg("%s: class %d, expected %d", *addresses, got, class);
    }
}

static void test_public(void **state) {
    (void)state;
    static const char *const addresses[] = {"1.0.0.0",
                                            "8.8.8.8",
                                            "9.255.255.255",
                                            "11.0.0.0",
                                            "100.63.255.255",
                                            "100.128.0.0",
                                            "126.255.255.255",
                                            "128.0.0.0",
                                            "168.63.129.15",
                                            "168.63.129.17",
                                            "169.253.255.255",
                                            "169.255.0.0",
                                            "172.15.255.255",
                                            "172.32.0.0",
                                            "191.255.255.255",
                                            "192.0.1.0",
                                            "192.0.3.0",
                                            "192.88.98.255",
                                            "192.88.100.0",
                                            "192.167.255.255",
                                            "192.169.0.0",
                                            "198.17.255.255",
                                            "198.20.0.0",
                                            "198.51.99.255",
                                            "198.51.101.0",
                                            "203.0.112.255",
                                            "203.0.114.0",
                                            "223.255.255.255",
                                            "2000::",
                                            "2001:200::",
                                            "2001:4860:4860::8888",
                                            "2001:db7:ffff::",
                                            "2001:db9::",
                                            "2600::1",
                                            "2a00:1450::1",
                                            "3ffe::1",
                                            "3fff:1000::",
                                            NULL};
    expect_all(addresses, ADDRESS_PUBLIC);
}

static void test_private4(void **state) {
    (void)state;
    static const char *const addresses[] = {"0.0.0.0",         "0.255.255.255",
                                            "10.0.0.0",        "10.255.255.255",
                                            "100.64.0.0",      "100.127.255.255",
                                            "127.0.0.0",       "127.0.0.1",
                                            "127.255.255.255", "169.254.0.0",
                                            "169.254.168.255", "169.254.171.0",
                                            "169.254.255.255", "172.16.0.0",
                                            "172.31.255.255",  "192.0.0.0",
                                            "192.0.0.255",     "192.0.2.0",
                                            "192.0.2.255",     "192.88.99.0",
                                            "192.88.99.255",   "192.168.0.0",
                                            "192.168.255.255", "198.18.0.0",
                                            "198.19.255.255",  "198.51.100.0",
                                            "198.51.100.255",  "203.0.113.0",
                                            "203.0.113.255",   "224.0.0.0",
                                            "239.255.255.255", "240.0.0.0",
                                            "255.255.255.255", NULL};
    expect_all(addresses, ADDRESS_PRIVATE);
}

static void test_private6(void **state) {
    (void)state;
    static const char *const addresses[] = {"::",
                                            "::1",
                                            "::2",
                                            "100::",
                                            "100::ffff",
                                            "1fff:ffff::",
                                            "4000::",
                                            "5f00::1",
                                            "fbff:ffff::",
                                            "fc00::",
                                            "fdff:ffff::1",
                                            "fe00::",
                                            "fe80::1",
                                            "febf::1",
                                            "fec0::1",
                                            "feff::1",
                                            "ff02::1",
                                            "ffff::",
                                            "2001:1::1",
                                            "2001:2::1",
                                            "2001:10::1",
                                            "2001:20::1",
                                            "2001:1ff:ffff::",
                                            "2001:db8::",
                                            "2001:db8:ffff::1",
                                            "3fff::",
                                            "3fff:fff::1",
                                            NULL};
    expect_all(addresses, ADDRESS_PRIVATE);
}

static void test_metadata(void **state) {
    (void)state;
    static const char *const addresses[] = {"169.254.169.254",
                                            "169.254.169.253",
                                            "169.254.170.2",
                                            "169.254.170.23",
                                            "100.100.100.200",
                                            "192.0.0.192",
                                            "168.63.129.16",
                                            "fd00:ec2::254",
                                            "fd00:ec2::23",
                                            "fd20:ce::254",
                                            "::ffff:169.254.169.254",
                                            "::169.254.169.254",
                                            "64:ff9b::169.254.169.254",
                                            "2002:a9fe:a9fe::1",
                                            NULL};
    expect_all(addresses, ADDRESS_REFUSED);
}

/* An address inside another one. Teredo: 2001:0:<server>:<flags>:<port>:<client, inverted>. */
static void test_carried(void **state) {
    (void)state;
    static const char *const good[] = {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
                                       "2001:0:808:808:0:0:f7f7:f7f7", NULL};
    static const char *const bad[] = {
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "64:ff9b::127.0.0.1",
        "64:ff9b::192.168.1.1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::1",
        "2001:0:7f00:1:0:0:f7f7:f7f7",  /* the server is 127.0.0.1 */
        "2001:0:808:808:0:0:80ff:fffe", /* the client is */
        /* Carriers nobody on the internet uses, whatever they carry. */
        "::8.8.8.8", "::ffff:0:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b:1::8.8.8.8",
        "64:ff9b:0:1::8.8.8.8", NULL};
    expect_all(good, ADDRESS_PUBLIC);
    expect_all(bad, ADDRESS_PRIVATE);
}

static void test_other_families(void **state) {
    (void)state;
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    assert_int_equal(address_classify((struct sockaddr *)&local), ADDRESS_REFUSED);
    assert_int_equal(address_classify(&none), ADDRESS_REFUSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public),   cmocka_unit_test(test_private4),
        cmocka_unit_test(test_private6), cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_carried),  cmocka_unit_test(test_other_families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
