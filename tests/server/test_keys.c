/* API keys. That digests are SHA-256 is shown by keys found again; FIPS 180's own values are
 * nettle's business. */
#include "server/keys.h"
#include "server/scopes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct keys *parse(const char *text) {
    struct keys *k;
    char why[WHY_SIZE];
    if (keys_parse(text, strlen(text), &k, why)) fail_msg("%s", why);
    assert_string_equal(why, "");
    return k;
}

static void refuse_bytes(const char *text, size_t length, const char *sentence) {
    struct keys *k = (struct keys *)1;
    char why[WHY_SIZE] = "";
    if (keys_parse(text, length, &k, why) == 0) fail_msg("taken: %s", text);
    assert_null(k);
    if (!strstr(why, sentence)) fail_msg("%s: got '%s', expected '%s'", text, why, sentence);
}

static void refuse(const char *text, const char *sentence) {
    refuse_bytes(text, strlen(text), sentence);
}

static void test_names_and_comments(void **state) {
    (void)state;
    struct keys *k = parse("# keys of the staging server\r\n"
                           "\n"
                           "  0123456789abcdef  # of nobody\r\n"
                           "anna:key:with#colon-and-hash\n"
                           "\tbob:aaaaaaaaaaaaaaaa#\n"
                           "fedcba9876543210");
    assert_int_equal(keys_count(k), 4);
    assert_string_equal(keys_check(k, "0123456789abcdef"), "key 1");
    assert_string_equal(keys_check(k, "key:with#colon-and-hash"), "anna");
    assert_string_equal(keys_check(k, "aaaaaaaaaaaaaaaa#"), "bob");
    assert_string_equal(keys_check(k, "fedcba9876543210"), "key 4");
    keys_free(k);
}

static void test_wrong_keys(void **state) {
    (void)state;
    struct keys *k = parse("anna:0123456789abcdef\nbob:0123456789abcdeg\n");
    assert_null(keys_check(k, NULL));
    assert_null(keys_check(k, ""));
    assert_null(keys_check(k, "0123456789abcde"));
    assert_null(keys_check(k, "0123456789abcdef0"));
    assert_null(keys_check(k, "0123456789abcdef "));
    assert_null(keys_check(k, "0123456789ABCDEF"));
    assert_null(keys_check(k, "anna:0123456789abcdef"));
    assert_null(keys_check(k, "anna"));
    assert_string_equal(keys_check(k, "0123456789abcdeg"), "bob");
    keys_free(k);
}

static void test_scopes(void **state) {
    (void)state;
    struct keys *k = parse("anna:0123456789abcdef:read,write@people\n"
                           "bob:0123456789abcdeg\n"
                           "cid:0123456789abcdeh:reed\n"
                           "0123456789abcdei");
    assert_string_equal(keys_scopes(k, keys_check(k, "0123456789abcdef")), "read,write@people");
    assert_string_equal(keys_scopes(k, keys_check(k, "0123456789abcdeg")), "");
    assert_null(keys_check(k, "0123456789abcdeh")); /* what is no scope is of the key */
    assert_string_equal(keys_check(k, "0123456789abcdeh:reed"), "cid");
    assert_string_equal(keys_scopes(k, keys_check(k, "0123456789abcdei")), "");
    keys_free(k);
    assert_true(scopes_allow("", 1, "any"));
    assert_true(scopes_allow("read,write@people", 0, "any"));
    assert_true(scopes_allow("read,write@people", 1, "people"));
    assert_false(scopes_allow("read,write@people", 1, "peopl"));
    assert_false(scopes_allow("read,write@people", 1, "people2"));
    assert_false(scopes_allow("write", 0, "people"));
    assert_false(scopes_are("read,", 5));
    assert_false(scopes_are("read@", 5));
    assert_false(scopes_are("reads", 5));
    assert_true(scopes_are("write@a b", 9));
}

static void test_many(void **state) {
    (void)state;
    char text[100 * 32] = "", key[32];
    for (int i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "n%d:secret-secret-%03d\n", i, i);
    struct keys *k = parse(text);
    for (int i = 0; i < 100; i++) {
        char name[8];
        snprintf(key, sizeof key, "secret-secret-%03d", i);
        snprintf(name, sizeof name, "n%d", i);
        assert_string_equal(keys_check(k, key), name);
    }
    assert_null(keys_check(k, "secret-secret-100"));
    keys_free(k);
}

static void test_refused(void **state) {
    (void)state;
    refuse("", "no key in it");
    refuse("# nothing\n\n", "no key in it");
    refuse("\nshort\n", "line 2: a key has 16 to 512 characters");
    refuse("anna:\n", "line 1: a key has");
    refuse("anna:0123456789abcde\n", "line 1: a key has");
    refuse(":0123456789abcdef\n", "line 1: a name has 1 to 40 characters");
    refuse("0123456789 abcdef\n", "line 1: a key is made of printable ASCII");
    refuse("an na:0123456789abcdef\n", "line 1: a name is made of");
    refuse("0123456789\xc3\xa4"
           "abcdef\n",
           "line 1: a key is made of");
    refuse("0123456789\x7f-abcdef\n", "line 1: a key is made of");
    refuse_bytes("0123456789abcdef\0g\n", 19, "line 1: a key is made of");
    refuse("anna:0123456789abcdef\nanna:0123456789abcdeg\n", "line 2: its name is");
    refuse("0123456789abcdef\n0123456789abcdef\n", "line 2: the key stands");
    char text[600];
    memset(text, 'k', sizeof text);
    refuse_bytes(text, sizeof text, "line 1: a key has");
    /* No sentence shows a key. */
    struct keys *k;
    char why[WHY_SIZE];
    assert_int_equal(keys_parse("topsecret", 9, &k, why), -1);
    assert_null(strstr(why, "topsecret"));
}

static void write_file(const char *path, const char *text, mode_t mode) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_files(void **state) {
    (void)state;
    char path[] = "/tmp/mien-keys-XXXXXX", why[WHY_SIZE];
    struct keys *k;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "0123456789abcdef\n", 0600);
    assert_int_equal(keys_load(path, 0, &k, why), 0);
    assert_string_equal(why, "");
    assert_non_null(keys_check(k, "0123456789abcdef"));
    keys_free(k);
    write_file(path, "0123456789abcdef\n", 0644);
    assert_int_equal(keys_load(path, 0, &k, why), 0);
    assert_non_null(strstr(why, "everybody on this machine"));
    keys_free(k);
    write_file(path, "0123456789abcdef\nshort\n", 0600);
    assert_int_equal(keys_load(path, 0, &k, why), -1);
    assert_null(k);
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "line 2"));
    unlink(path);
    assert_int_equal(keys_load(path, 0, &k, why), -1);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(keys_load("/tmp", 0, &k, why), -1);
    assert_non_null(strstr(why, "not a regular file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keys_load(path, 0, &k, why), -1);
    assert_non_null(strstr(why, "not a regular file"));
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_and_comments),
                                       cmocka_unit_test(test_wrong_keys),
                                       cmocka_unit_test(test_scopes),
                                       cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
