#include "server/urlencoded.h"

#include "common/ascii.h"
#include "common/json_values.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MOST = 64 };

int urlencoded_is(const char *content_type) {
    static const char type[] = "application/x-www-form-urlencoded";

    return content_type && ascii_starts_with(content_type, type) &&
           (!content_type[sizeof type - 1] || strchr("; \t", content_type[sizeof type - 1]));
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* text[0..n) as it is meant, for free(); NULL where memory ran out. A '%' that no two digits follow
 * stands for itself, as browsers read it. */
static char *decode(const char *text, size_t n) {
    char *out = malloc(n + 1);
    size_t k = 0;

    for (size_t i = 0; i < n && out; i++) {
        int high = text[i] == '%' && i + 2 < n ? hex(text[i + 1]) : -1;
        int low = high >= 0 ? hex(text[i + 2]) : -1;
        if (low >= 0) i += 2;
        out[k++] = low >= 0 ? (char)(high << 4 | low) : text[i];
        if (low < 0 && text[i] == '+') out[k - 1] = ' ';
    }
    if (out) out[k] = '\0';
    return out;
}

static void add_field(json_t *fields, const char *text, size_t n, int *failed) {
    const char *equals = memchr(text, '=', n);
    size_t length = equals ? (size_t)(equals - text) : n;
    char *name = decode(text, length);
    char *value = equals ? decode(equals + 1, n - length - 1) : calloc(1, 1);
    json_t *key = name ? json_value_text(name) : NULL;

    if (!key || !value)
        *failed = 1;
    else if (!json_object_get(fields, json_string_value(key)))
        json_value_set(fields, json_string_value(key), json_value_text(value), failed);
    json_decref(key);
    free(name);
    free(value);
}

int urlencoded_read(const char *text, size_t n, json_t **out, char why[WHY_SIZE]) {
    json_t *fields = json_object();
    int failed = !fields, count = 0, status = 0;

    while (n > 0 && !failed && !status) {
        const char *end = memchr(text, '&', n);
        size_t length = end ? (size_t)(end - text) : n;
        if (++count > FIELDS_MOST)
            status = why_set(why, 400, "the form has more than %d fields", FIELDS_MOST);
        else if (length > 0)
            add_field(fields, text, length, &failed);
        text += length + (end != NULL);
        n -= length + (end != NULL);
    }
    if (failed) status = why_set(why, 500, "the server is out of memory");
    if (status) json_decref(fields);
    *out = status ? NULL : fields;
    return status;
}
