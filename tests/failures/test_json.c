/* JSON read and written, and text printed into memory, while each allocation fails in turn: all of
 * it, or "out of memory"; jansson and stdio alone lose parts of it, or read beyond its end. */
#include "common/json_text.h"
#include "common/json_values.h"
#include "common/text_stream.h"
#include "engine/json_text.h"
#include "tests/failures/inject.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 140, MOST_POINTS = 5000 };

/* What is tried: a text that is to be `wanted`, or NULL where memory ran out. */
typedef char *attempt(const void *of);

static void fail_each(attempt *try, const void *of, const char *wanted) {
    for (long point = 1;; point++) {
        long before = inject_calls(INJECT_MALLOC), live = inject_live();
        inject(INJECT_MALLOC, point);
        char *got = try(of);
        inject(INJECT_MALLOC, 0);
        int whole = got != NULL;
        if (whole) assert_string_equal(got, wanted);
        free(got);
        if (inject_live() != live) fail_msg("%ld: %ld are not freed", point, inject_live() - live);
        if (inject_calls(INJECT_MALLOC) - before < point) {
            assert_true(whole);
            return;
        }
        assert_true(point < MOST_POINTS);
    }
}

/* As the library reads it. */
static char *engine_string(const void *of) {
    json_error_t why;
    json_t *value = json_bytes(of, strlen(of), 0, &why);
    if (!value && errno != ENOMEM) fail_msg("%s: %s", (const char *)of, why.text);
    const char *text = json_string_value(json_array_get(value, 0));
    char *copy = text ? strdup(text) : NULL;
    json_decref(value);
    return copy;
}

/* As the programs read it. */
static char *common_string(const void *of) {
    json_t *value;
    json_error_t why;
    int rc = json_text_read(of, strlen(of), 0, &value, &why);
    if (!value && rc == 0) fail_msg("%s: %s", (const char *)of, why.text);
    const char *text = json_string_value(json_array_get(value, 0));
    char *copy = text ? strdup(text) : NULL;
    json_decref(value);
    return copy;
}

/* A string of any length: jansson's buffer of a token is full at the quotes of some. */
static void strings(void **state) {
    (void)state;
    static const char *const begins[][2] = {{"", ""}, {"\\\"", "\""}, {"\\u00e9", "\xc3\xa9"}};
    char text[LONGEST + 32], wanted[LONGEST + 32];
    for (size_t k = 0; k < sizeof begins / sizeof *begins; k++)
        for (int n = 0; n <= LONGEST; n++) {
            char letters[LONGEST + 1] = "";
            memset(letters, 'x', (size_t)n);
            snprintf(text, sizeof text, "[\"%s%s\", 1, 2]", begins[k][0], letters);
            snprintf(wanted, sizeof wanted, "%s%s", begins[k][1], letters);
            fail_each(engine_string, text, wanted);
            fail_each(common_string, text, wanted);
        }
}

static char *dump(const void *of) {
    return json_value_dump(of, JSON_COMPACT, NULL);
}

static char *write_json(const void *of) {
    size_t n;
    return json_written(of, JSON_COMPACT, &n);
}

static void dumps(void **state) {
    (void)state;
    json_t *value = json_pack("{s:s, s:[i, i, {s:s}]}", "a long name of a member", "some text",
                              "list", 1, 2, "inner", "x");
    assert_non_null(value);
    static const char wanted[] =
        "{\"a long name of a member\":\"some text\",\"list\":[1,2,{\"inner\":\"x\"}]}";
    fail_each(dump, value, wanted);
    fail_each(write_json, value, wanted);
    json_decref(value);
}

static char *print(const void *of) {
    const int *lines = of;
    struct text_stream t;
    FILE *f = text_stream_open(&t);
    if (!f) return NULL;
    for (int i = 0; i < *lines; i++) fprintf(f, "%63d\n", i);
    return text_stream_close(&t, f, NULL);
}

/* Longer than stdio's own buffer. */
static void streams(void **state) {
    (void)state;
    static char wanted[64 * 300 + 1];
    int lines = 300;
    for (int i = 0; i < lines; i++) sprintf(wanted + 64 * i, "%63d\n", i);
    fail_each(print, &lines, wanted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),
        cmocka_unit_test(dumps),
        cmocka_unit_test(streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
