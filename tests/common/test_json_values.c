/* JSON values of any bytes and any numbers: what is written is JSON, and says what was given. */
#include "common/json_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The value as text; it is let go. */
static void check(json_t *value, const char *text) {
    assert_non_null(value);
    char *got = json_dumps(value, JSON_VALUES_DUMP);
    assert_string_equal(got, text);
    free(got);
    json_decref(value);
}

static void test_text(void **state) {
    (void)state;
    check(json_value_text(NULL), "null");
    check(json_value_text(""), "\"\"");
    check(json_value_text("a \"b\"\n\x01"), "\"a \\\"b\\\"\\n\\u0001\"");
    check(json_value_text("gr\xc3\xbc\xc3\x9f \xe6\xb1\x89 \xf0\x9f\x99\x82"),
          "\"gr\xc3\xbc\xc3\x9f \xe6\xb1\x89 \xf0\x9f\x99\x82\"");
}

/* One U+FFFD for each byte that belongs to no character (RFC 3629, section 4: the first and the
 * last of each length are characters, those before and behind are none). */
static void test_bytes_that_are_no_text(void **state) {
    (void)state;
#define BAD "\xef\xbf\xbd"
    static const char *const pairs[][2] = {
        {"\x80", BAD},
        {"\xff x", BAD " x"},
        {"\xc1\xbf", BAD BAD},
        {"\xc2\x80", "\xc2\x80"},
        {"\xc3", BAD},
        {"\xc3(", BAD "("},
        {"\xe0\x9f\xbf", BAD BAD BAD},
        {"\xe0\xa0\x80", "\xe0\xa0\x80"},
        {"\xed\x9f\xbf", "\xed\x9f\xbf"},
        {"\xed\xa0\x80", BAD BAD BAD},
        {"\xee\x80\x80", "\xee\x80\x80"},
        {"\xe6\xb1", BAD BAD},
        {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
        {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
        {"\xf5\x80\x80\x80", BAD BAD BAD BAD},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        json_t *value = json_value_text(pairs[i][0]);
        assert_string_equal(json_string_value(value), pairs[i][1]);
        json_decref(value);
    }
}

static void test_numbers(void **state) {
    (void)state;
    check(json_value_number(1234.5678, 2), "1234.57");
    check(json_value_number(0.0005, 3), "0.001");
    check(json_value_number(-0.0004, 3), "0.0");
    check(json_value_number(-1.5, 0), "-2.0");
    check(json_value_number(NAN, 3), "null");
    check(json_value_number(INFINITY, 3), "null");
}

static void test_floats(void **state) {
    (void)state;
    /* 9 digits tell any float from its neighbours */
    static const float values[] = {0.1f, 1.0f / 3, 16777217.0f, 1e-38f, 3.4028235e38f, -2.5f};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *value = json_value_float(values[i]);
        char *text = json_dumps(value, JSON_VALUES_DUMP);
        assert_true(strtof(text, NULL) == values[i]);
        free(text);
        json_decref(value);
    }
    check(json_value_float(NAN), "null");
    check(json_value_float(-INFINITY), "null");
}

/* jansson refuses NULL, which is how a failed allocation looks; it is noted and nothing is set. */
static void test_setters(void **state) {
    (void)state;
    int failed = 0;
    json_t *object = json_object(), *array = json_array();
    json_value_set(object, "a", json_integer(1), &failed);
    json_value_append(array, json_value_text("x"), &failed);
    assert_int_equal(failed, 0);
    json_value_set(object, "b", NULL, &failed);
    assert_int_equal(failed, 1);
    failed = 0;
    json_value_append(array, NULL, &failed);
    assert_int_equal(failed, 1);
    check(object, "{\"a\": 1}");
    check(array, "[\"x\"]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_floats),
        cmocka_unit_test(test_setters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
