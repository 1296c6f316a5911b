/* W3C trace context: the examples of the standard, section 3.2.2, and what it says is none. */
#include "common/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_examples(void **state) {
    (void)state;
    struct trace t;
    assert_true(trace_read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &t));
    assert_string_equal(t.id, "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(t.span, "00f067aa0ba902b7");
    assert_string_equal(t.flags, "01");
    assert_true(trace_read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", &t));
    /* A later version may say more. */
    assert_true(trace_read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what", &t));
}

static void test_none(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "00-",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
    };
    struct trace t;
    assert_false(trace_read(NULL, &t));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(trace_read(bad[i], &t));
        assert_string_equal(t.id, "");
    }
}

static void test_calls_share_the_trace(void **state) {
    (void)state;
    struct trace one, other, read;
    char first[TRACE_PARENT], second[TRACE_PARENT];
    trace_begin(&one);
    trace_begin(&other);
    assert_string_not_equal(one.id, other.id);
    assert_true(trace_read(trace_header(&one, first), &read));
    assert_string_equal(read.id, one.id);
    assert_string_not_equal(read.span, one.span);
    assert_string_not_equal(trace_header(&one, second), first); /* a span each */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_calls_share_the_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
