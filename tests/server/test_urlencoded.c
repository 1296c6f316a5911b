/* Forms without files. Expectations: url.spec.whatwg.org, 5.1, and hand-made cases. */
#include "server/urlencoded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* pairs: name, value, ..., NULL. */
static void expect(const char *text, size_t n, const char *const *pairs) {
    char why[WHY_SIZE] = "";
    json_t *fields = NULL;
    size_t count = 0;

    if (urlencoded_read(text, n, &fields, why)) fail_msg("%s: %s", text, why);
    for (; *pairs; pairs += 2, count++) {
        const char *value = json_string_value(json_object_get(fields, pairs[0]));
        if (!value || strcmp(value, pairs[1]) != 0)
            fail_msg("%s: %s is '%s', not '%s'", text, pairs[0], value ? value : "", pairs[1]);
    }
    assert_int_equal(json_object_size(fields), count);
    json_decref(fields);
}

#define EXPECT(text, ...)                                                                          \
    expect(text, sizeof(text) - 1, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_fields(void **state) {
    (void)state;
    EXPECT("");
    EXPECT("&&");
    EXPECT("a=1", "a", "1");
    EXPECT("a=1&b=2", "a", "1", "b", "2");
    EXPECT("a=1&a=2", "a", "1");
    EXPECT("a=b=c", "a", "b=c");
    EXPECT("a", "a", "");
    EXPECT("=x", "", "x");
    EXPECT("name=Ann+Lee%2B%C3%A9", "name", "Ann Lee+\xc3\xa9");
    EXPECT("a%26b=%3d", "a&b", "=");
    EXPECT("a=%&b=%4&c=%zz&d=%4z", "a", "%", "b", "%4", "c", "%zz", "d", "%4z");
    EXPECT("a=%ff", "a", "\xef\xbf\xbd");
    EXPECT("a=\xff\xfe", "a", "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_too_many(void **state) {
    char text[400] = "", why[WHY_SIZE] = "";
    json_t *fields = NULL;
    size_t n = 0;
    (void)state;

    for (int i = 0; i < 65; i++) n += (size_t)snprintf(text + n, sizeof text - n, "%d=&", i);
    assert_int_equal(urlencoded_read(text, n, &fields, why), 400);
    assert_null(fields);
    assert_string_equal(why, "the form has more than 64 fields");
}

static void test_types(void **state) {
    (void)state;
    assert_true(urlencoded_is("application/x-www-form-urlencoded"));
    assert_true(urlencoded_is("Application/X-WWW-Form-Urlencoded; charset=utf-8"));
    assert_false(urlencoded_is("application/x-www-form-urlencodedx"));
    assert_false(urlencoded_is("application/json"));
    assert_false(urlencoded_is(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
