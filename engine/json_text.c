#include "engine/json_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct feed {
    const char *at, *end;
    const char *string_end; /* behind the last string that was begun */
    const char *escaped;    /* the character of it that is written as an escape; NULL: none is */
    char escape[6];
    size_t left; /* bytes of escape that have not been read yet */
    bool escapes, no_memory;
};

/* The place behind the closing quote of a string; end where it has none. */
static const char *end_of(const char *string, const char *end) {
    const char *p = string;
    while (p < end && *p != '"') p += *p == '\\' && p + 1 < end ? 2 : 1;
    return p < end ? p + 1 : end;
}

/* jansson keeps a token in a buffer of 16 bytes that doubles; the byte for which that fails is
 * lost. Of a string whose closing quote is that byte it reads beyond the end before anybody could
 * stop it. So where a quote would be that byte a plain character before it is written as an escape,
 * which is longer. NULL: none need be, or none is plain. */
static const char *to_escape(const char *string, const char *behind) {
    size_t kept = (size_t)(behind - string) + 1;
    if (kept < 16 || (kept & (kept - 1))) return NULL;
    for (const char *p = string; p + 1 < behind; p++)
        if (*p == '\\')
            p += p[1] == 'u' ? 5 : 1;
        else if (*p >= ' ' && *p <= '~')
            return p;
    return NULL;
}

static char next_byte(struct feed *f) {
    static const char digits[] = "0123456789abcdef";
    if (f->left) return f->escape[sizeof f->escape - f->left--];
    const char *p = f->at++;
    if (*p == '"' && p >= f->string_end) {
        f->string_end = end_of(f->at, f->end);
        f->escaped = f->escapes ? to_escape(f->at, f->string_end) : NULL;
    }
    if (p != f->escaped) return *p;
    memcpy(f->escape, "\\u00", 4);
    f->escape[4] = digits[*p >> 4];
    f->escape[5] = digits[*p & 15];
    f->left = sizeof f->escape - 1;
    return f->escape[0];
}

/* One byte a call: errno is looked at before jansson, which clears it for each number, goes on. */
static size_t feed_byte(void *to, size_t room, void *arg) {
    struct feed *f = arg;
    f->no_memory |= errno == ENOMEM;
    if ((f->at == f->end && !f->left) || room == 0 || f->no_memory) return 0;
    *(char *)to = next_byte(f);
    return 1;
}

/* 0 with *out, NULL where it is no JSON; -1 where memory ran out. */
static int load(const char *text, size_t n, size_t flags, bool escapes, json_t **out,
                json_error_t *why) {
    struct feed f = {.at = text, .end = text + n, .string_end = text, .escapes = escapes};
    errno = 0;
    *out = json_load_callback(feed_byte, &f, flags, why);
    if (!f.no_memory && errno != ENOMEM) return 0;
    json_decref(*out);
    *out = NULL;
    return -1;
}

/* malloc() that got its memory another way may leave errno as well: a second reading, out of what
 * the first has freed, does not. What is no JSON is read as it is, too, for where that is. */
json_t *json_bytes(const void *bytes, size_t n, size_t flags, json_error_t *why) {
    int before = errno, rc = -1;
    json_t *value = NULL;
    for (int i = 0; i < 2 && rc; i++) rc = load(bytes, n, flags, true, &value, why);
    if (rc == 0 && !value) rc = load(bytes, n, flags, false, &value, why);
    errno = rc ? ENOMEM : before;
    return value;
}

char *json_written(const json_t *value, size_t flags, size_t *n) {
    *n = json_dumpb(value, NULL, 0, flags);
    char *text = *n ? malloc(*n + 1) : NULL;
    if (!text) return NULL;
    if (json_dumpb(value, text, *n, flags) != *n) { /* it takes memory to write, too */
        free(text);
        return NULL;
    }
    text[*n] = '\0';
    return text;
}

json_t *json_text(const char *text, json_error_t *why) {
    return json_bytes(text, strlen(text), 0, why);
}
