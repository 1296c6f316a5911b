/* Base64 as clients send it. Expectations: RFC 4648, section 10, and hand-made cases. */
#include "server/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_bytes(const char *text, size_t length, const char *bytes, size_t size) {
    uint8_t *got;
    size_t n;
    char why[WHY_SIZE] = "";
    if (base64_to_bytes(text, length, 1000, &got, &n, why)) fail_msg("%s: %s", text, why);
    assert_int_equal(n, size);
    assert_memory_equal(got, bytes, size);
    free(got);
}

static void expect(const char *text, const char *bytes) {
    expect_bytes(text, strlen(text), bytes, strlen(bytes));
}

static void refuse_bytes(const char *text, size_t length, size_t max, int status,
                         const char *sentence) {
    uint8_t *got = (uint8_t *)1;
    size_t n = 1;
    char why[WHY_SIZE] = "";
    int rc = base64_to_bytes(text, length, max, &got, &n, why);
    if (rc != status || !strstr(why, sentence))
        fail_msg("%s: got %d '%s', expected %d '%s'", text, rc, why, status, sentence);
    assert_null(got);
    assert_int_equal(n, 0);
}

static void refuse(const char *text, const char *sentence) {
    refuse_bytes(text, strlen(text), 1000, 400, sentence);
}

static void test_rfc4648(void **state) {
    (void)state;
    expect("", "");
    expect("Zg==", "f");
    expect("Zm8=", "fo");
    expect("Zm9v", "foo");
    expect("Zm9vYg==", "foob");
    expect("Zm9vYmE=", "fooba");
    expect("Zm9vYmFy", "foobar");
    expect_bytes("AAECAwQ=", 8, "\0\1\2\3\4", 5);
}

static void test_what_clients_send(void **state) {
    (void)state;
    expect("Zg", "f");
    expect("Zm8", "fo");
    expect("Zm9v\r\nYmFy\r\n", "foobar");
    expect("  Z m 9\tv", "foo");
    expect("Zg=\n=\n", "f");
    expect("++//", "\xfb\xef\xff");
    expect("--__", "\xfb\xef\xff"); /* RFC 4648, section 5 */
    expect("-_8", "\xfb\xff");
    expect("_w", "\xff");
    expect("data:image/png;base64,Zm9v", "foo");
    expect("DATA:;BASE64,Zm9v", "foo");
    expect("data:image/jpeg;name=a.jpg;base64,Zm8", "fo");
    expect_bytes("Zm9v####", 4, "foo", 3); /* the length counts, not a NUL */
}

static void test_refused(void **state) {
    (void)state;
    refuse("Zm9v!", "character 5 is wrong");
    refuse("Z", "end of the data");
    refuse("Zm9vY", "end of the data");
    refuse("Zg=", "end of the data");
    refuse("A===", "end of the data");
    refuse("Zh==", "character 3"); /* four bits that must be zero are not */
    refuse("Zm9=", "character 4");
    refuse("Zh", "end of the data");
    refuse("Zg===", "character 5");
    refuse("Zm9v=", "character 5");
    refuse("=", "character 1");
    refuse("Zg==Zg==", "character 5");
    refuse("+-+-", "character 1"); /* both alphabets at once */
    refuse("Zm9\xc3\xa9", "character 4");
    refuse_bytes("Zm\0v", 4, 1000, 400, "character 3");
    refuse("data:image/png,Zm9v", ";base64,");
    refuse("data:base64,Zm9v", ";base64,");
    refuse("data:", ";base64,");
    refuse("data:image/png;base64", ";base64,");
    refuse("image/png;base64,Zm9v", "character 10");
}

static void test_a_prefix_without_an_end(void **state) {
    (void)state;
    char text[600] = "data:";
    memset(text + 5, 'a', sizeof text - 5);
    memcpy(text + sizeof text - 13, ";base64,Zm9v", 13);
    refuse(text, ";base64,");
}

static void test_size_limit(void **state) {
    (void)state;
    refuse_bytes("Zm9vYmFyZg==", 12, 6, 413, "more than 6 bytes");
    refuse_bytes("Zm9vYmFyZg", 10, 6, 413, "more than 6 bytes");
    /* Refused for its size alone: what it holds is not looked at. */
    refuse_bytes("!!!!!!!!!!!!!!!", 15, 6, 413, "more than 6 bytes");
    uint8_t *got;
    size_t n;
    char why[WHY_SIZE];
    /* Blanks and padding are not counted. */
    const char *text = "Z\nm\n9\nv\nY\nm\nF\ny\n\n\n\n\n";
    assert_int_equal(base64_to_bytes(text, strlen(text), 6, &got, &n, why), 0);
    assert_int_equal(n, 6);
    free(got);
    assert_int_equal(base64_to_bytes("Zg==", 4, 1, &got, &n, why), 0);
    free(got);
}

static void test_names_in_sentences(void **state) {
    (void)state;
    char out[WHY_NAME_SIZE], long_name[200];
    assert_string_equal(why_name(out, "input_0.b-c"), "input_0.b-c");
    assert_string_equal(why_name(out, "a\r\n<b>\"\x1b\xff"), "a???b????");
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(strlen(why_name(out, long_name)), WHY_NAME_SIZE - 1);
}

static void test_sentences_are_cut(void **state) {
    (void)state;
    char why[WHY_SIZE], long_text[2 * WHY_SIZE];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(why_set(why, 413, "%s", long_text), 413);
    assert_int_equal(strlen(why), WHY_SIZE - 1);
    assert_int_equal(why_prefix(why, 400, "picture %d", 2), 400);
    assert_memory_equal(why, "picture 2: xxx", 14);
    assert_true(strlen(why) < WHY_SIZE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc4648),          cmocka_unit_test(test_what_clients_send),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_a_prefix_without_an_end),
        cmocka_unit_test(test_size_limit),       cmocka_unit_test(test_names_in_sentences),
        cmocka_unit_test(test_sentences_are_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
