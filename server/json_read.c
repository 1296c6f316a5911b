#include "server/json_read.h"

#include "common/json_text.h"

#include <string.h>

/* The place behind the string that begins at p (behind its first quote), or end. */
static const char *skip_string(const char *p, const char *end) {
    const char *quote;
    while ((quote = memchr(p, '"', (size_t)(end - p)))) {
        const char *before = quote;
        while (before > p && before[-1] == '\\') before--;
        if ((quote - before) % 2 == 0) return quote + 1;
        p = quote + 1; /* an escaped one */
    }
    return end;
}

/* Bytes jansson 2.14 takes for a value: of what each of these characters stands for, as measured
 * (tests/server/test_json_read.c), with its place in the list or object around it. */
enum { OBJECT = 208, LIST = 160, STRING = 96, MEMBER = 48, NEXT = 48 };

/* True where what text stands for, if it is JSON, takes more than max bytes besides its strings'
 * characters. */
static int is_too_much(const char *text, size_t length, size_t max) {
    const char *end = text + length;
    size_t bytes = 0;
    for (const char *p = text; p < end && bytes <= max;) {
        switch (*p++) {
        case '"':
            p = skip_string(p, end);
            bytes += STRING;
            break;
        case '{': bytes += OBJECT; break;
        case '[': bytes += LIST; break;
        case ':': bytes += MEMBER; break;
        case ',': bytes += NEXT; break;
        default: break;
        }
    }
    return bytes > max;
}

static int say_why(const json_error_t *e, char why[WHY_SIZE]) {
    if (e->line < 0) return why_set(why, 500, "out of memory"); /* jansson does not say so */
    switch (json_error_code(e)) {
    case json_error_duplicate_key:
        return why_set(why, 400,
                       "a key stands twice in one object of the JSON, the second time in "
                       "line %d, column %d",
                       e->line, e->column);
    case json_error_numeric_overflow:
        return why_set(why, 400,
                       "the JSON has a number too large to be held, in line %d, column %d", e->line,
                       e->column);
    case json_error_stack_overflow: return why_set(why, 400, "the JSON nests too deep");
    case json_error_premature_end_of_input: return why_set(why, 400, "the JSON is cut off");
    default:
        return why_set(why, 400, "not valid JSON, near line %d, column %d", e->line, e->column);
    }
}

int json_read(const char *text, size_t length, size_t max_memory, json_t **out,
              char why[WHY_SIZE]) {
    json_error_t error;
    *out = NULL;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        text += 3;
        length -= 3;
    }
    if (is_too_much(text, length, max_memory))
        return why_set(why, 413, "the JSON has more values than this request may have");
    if (length == 0) text = ""; /* an empty body may be NULL, which jansson takes for a mistake */
    if (json_text_read(text, length, JSON_REJECT_DUPLICATES, out, &error))
        return why_set(why, 500, "out of memory");
    return *out ? 0 : say_why(&error, why);
}
