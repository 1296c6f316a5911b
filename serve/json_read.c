#include "serve/json_read.h"

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

/* Refuses text that, if it is JSON, has more values than max. Each but the first has a '[', '{' or
 * ',' before it, so that these are what to count. */
static int count_values(const char *text, size_t length, size_t max, char why[WHY_SIZE]) {
    const char *end = text + length;
    size_t values = 1, objects = 0;
    for (const char *p = text; p < end;) {
        char c = *p++;
        if (c == '"') p = skip_string(p, end);
        objects += c == '{';
        values += c == ',' || c == '[' || c == '{';
        if (objects > JSON_MAX_OBJECTS)
            return why_set(why, 413, "more than %d objects in the JSON", JSON_MAX_OBJECTS);
        if (values > max) return why_set(why, 413, "more than %zu values in the JSON", max);
    }
    return 0;
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

int json_read(const char *text, size_t length, size_t max_values, json_t **out,
              char why[WHY_SIZE]) {
    json_error_t error;
    *out = NULL;
    int rc = count_values(text, length, max_values, why);
    if (rc) return rc;
    *out = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    return *out ? 0 : say_why(&error, why);
}
