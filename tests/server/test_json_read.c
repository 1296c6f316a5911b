/* JSON of strangers: the memory it takes is known before it is taken. The witness is jansson, whose
 * allocations are counted. */
#include "server/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLENTY = 1 << 30 };

static size_t taken; /* bytes in use by jansson */

/* What glibc's malloc takes for so many bytes, a block of which begins with its size here. */
union block {
    size_t size;
    max_align_t align;
};

static void *counting_malloc(size_t size) {
    union block *b = malloc(sizeof *b + size);
    if (!b) return NULL;
    b->size = size < 24 ? 32 : (size + 8 + 15) / 16 * 16;
    taken += b->size;
    return b + 1;
}

static void counting_free(void *p) {
    if (!p) return;
    union block *b = (union block *)p - 1;
    taken -= b->size;
    free(b);
}

/* Bytes a text takes when it has been read. */
static size_t memory_of(const char *text, size_t length) {
    json_t *v;
    char why[WHY_SIZE] = "";
    size_t before = taken;
    if (json_read(text, length, PLENTY, &v, why)) fail_msg("%.40s: %s", text, why);
    size_t bytes = taken - before;
    json_decref(v);
    assert_int_equal(taken, before);
    return bytes;
}

/* A list of n times the same, or an object of n members of this value. */
static char *repeat(const char *what, int n, int is_object) {
    size_t room = (strlen(what) + 16) * (size_t)n + 8, at = 1;
    char *text = malloc(room);
    assert_non_null(text);
    text[0] = is_object ? '{' : '[';
    for (int i = 0; i < n; i++) {
        char key[16] = "";
        if (is_object) snprintf(key, sizeof key, "\"%x\":", (unsigned)i);
        at += (size_t)snprintf(text + at, room - at, "%s%s%s", i ? "," : "", key, what);
    }
    snprintf(text + at, room - at, is_object ? "}" : "]");
    return text;
}

/* What is added up is no less than what jansson takes, and no more than thrice that. n just above a
 * power of two is when half of a list's places are empty. */
static void check_estimate(const char *what, int n, int is_object) {
    char *text = repeat(what, n, is_object), why[WHY_SIZE];
    size_t length = strlen(text), bytes = memory_of(text, length);
    json_t *v;
    if (json_read(text, length, bytes - 1, &v, why) != 413)
        fail_msg("%d of '%s' take %zu bytes, more than was added up", n, what, bytes);
    assert_null(v);
    assert_non_null(strstr(why, "more values than"));
    if (json_read(text, length, 3 * bytes, &v, why))
        fail_msg("%d of '%s' take %zu bytes, far less than was added up", n, what, bytes);
    json_decref(v);
    free(text);
}

static void test_memory(void **state) {
    (void)state;
    static const char *const values[] = {"0",         "-0.5",       "[]",     "{}",
                                         "\"\"",      "[0]",        "[[]]",   "[{}]",
                                         "{\"a\":0}", "{\"a\":[]}", "[\"\"]", "[1,2,3]"};
    static const int counts[] = {1, 9, 100, 1025, 2000};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            for (int is_object = 0; is_object < 2; is_object++)
                check_estimate(values[i], counts[k], is_object);
}

static int read_text(const char *text, size_t max_memory) {
    json_t *v;
    char why[WHY_SIZE] = "";
    int rc = json_read(text, strlen(text), max_memory, &v, why);
    assert_true((rc == 0) == (v != NULL));
    json_decref(v);
    return rc;
}

/* Structure inside strings does not count; quotes are escaped by an odd number of backslashes. */
static void test_strings(void **state) {
    (void)state;
    const size_t one = 256; /* a list with a string */
    assert_int_equal(read_text("[\"\"]", one), 0);
    assert_int_equal(read_text("[\",,,[[{{::\"]", one), 0);
    assert_int_equal(read_text("[\"\\\",,,,\"]", one), 0);
    assert_int_equal(read_text("[\"\\\\\\\",[\"]", one), 0);
    assert_int_equal(read_text("[\"\\\\\",1]", one), 413);
    assert_int_equal(read_text("[\"\\\\\\\\\",[]]", one), 413);
    assert_int_equal(read_text("[\"", one), 400);
    assert_int_equal(read_text("[\"\\", one), 400);
}

/* Megabytes of next to nothing, stopped before they are parsed. */
static void test_bombs(void **state) {
    (void)state;
    static const char *const values[] = {"{}", "[]", "0"};
    for (size_t i = 0; i < 3; i++) {
        char *text = repeat(values[i], 1 << 20, 0);
        size_t before = taken;
        assert_int_equal(read_text(text, 1 << 20), 413);
        assert_int_equal(taken, before);
        free(text);
    }
    char deep[5001];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(read_text(deep, PLENTY), 400);
}

static void expect_sentence(const char *text, const char *sentence) {
    json_t *v;
    char why[WHY_SIZE] = "";
    assert_int_equal(json_read(text, strlen(text), PLENTY, &v, why), 400);
    if (!strstr(why, sentence)) fail_msg("%s: got '%s', expected '%s'", text, why, sentence);
}

static void test_sentences(void **state) {
    (void)state;
    expect_sentence("", "the JSON is cut off");
    expect_sentence("[1,", "the JSON is cut off");
    expect_sentence("[1,\n oops]", "not valid JSON, near line 2, column ");
    expect_sentence("{\"a\":1,\n\"a\":2}",
                    "a key stands twice in one object of the JSON, the second "
                    "time in line 2");
    expect_sentence("[1e999]", "a number too large to be held, in line 1");
    char deep[3001];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    expect_sentence(deep, "nests too deep");
}

static void test_byte_order_mark(void **state) {
    static const char text[] = "\xef\xbb\xbf{\"a\": 1}", two[] = "\xef\xbb\xbf\xef\xbb\xbf{}";
    char why[WHY_SIZE];
    json_t *v;

    (void)state;
    assert_int_equal(json_read(text, sizeof text - 1, 1000, &v, why), 0);
    assert_int_equal(json_integer_value(json_object_get(v, "a")), 1);
    json_decref(v);
    assert_int_equal(json_read(two, sizeof two - 1, 1000, &v, why), 400);
    assert_int_equal(json_read(text, 3, 1000, &v, why), 400);
    assert_int_equal(json_read(text, 2, 1000, &v, why), 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), cmocka_unit_test(test_strings), cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_sentences), cmocka_unit_test(test_byte_order_mark)};
    json_set_alloc_funcs(counting_malloc, counting_free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
