/*
 * json_memory.h - JSON read and written by jansson so that a failed allocation is not taken for a
 * fault of the text, nor loses a part of it.
 *
 * jansson calls a text broken that it had no memory to read, loses a part of a long string without
 * a word, of some strings reads beyond the end then, and leaves keys out of what it writes.
 * malloc() says in errno that it failed (POSIX). Functions of a header, because the library and the
 * programs on it, which share no code, need the same (engine/json_text.c, common/json_text.c).
 */
#ifndef MIEN_BASE_JSON_MEMORY_H
#define MIEN_BASE_JSON_MEMORY_H

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct json_feed {
    const char *at, *end;
    const char *string_end; /* behind the last string that was begun */
    const char *escaped;    /* the character of it that is written as an escape; NULL: none is */
    char escape[6];
    size_t left; /* bytes of escape that have not been read yet */
    bool escapes, no_memory;
};

/* The place behind the closing quote of a string; end where it has none. */
static inline const char *json_feed_string_end(const char *string, const char *end) {
    const char *p = string;
    while (p < end && *p != '"') p += *p == '\\' && p + 1 < end ? 2 : 1;
    return p < end ? p + 1 : end;
}

/* jansson keeps a token in a buffer of 16 bytes that doubles; the byte for which that fails is
 * lost. Of a string whose closing quote is that byte it reads beyond the end before anybody could
 * stop it. So where a quote would be that byte a plain character before it is written as an escape,
 * which is longer. NULL: none need be, or none is plain. */
static inline const char *json_feed_to_escape(const char *string, const char *behind) {
    size_t kept = (size_t)(behind - string) + 1;
    if (kept < 16 || (kept & (kept - 1))) return NULL;
    for (const char *p = string; p + 1 < behind; p++)
        if (*p == '\\')
            p += p[1] == 'u' ? 5 : 1;
        else if (*p >= ' ' && *p <= '~')
            return p;
    return NULL;
}

static inline char json_feed_next(struct json_feed *f) {
    static const char digits[] = "0123456789abcdef";
    if (f->left) return f->escape[sizeof f->escape - f->left--];
    const char *p = f->at++;
    if (*p == '"' && p >= f->string_end) {
        f->string_end = json_feed_string_end(f->at, f->end);
        f->escaped = f->escapes ? json_feed_to_escape(f->at, f->string_end) : NULL;
    }
    if (p != f->escaped) return *p;
    memcpy(f->escape, "\\u00", 4);
    f->escape[4] = digits[*p >> 4];
    f->escape[5] = digits[*p & 15];
    f->left = sizeof f->escape - 1;
    return f->escape[0];
}

/* One byte a call: errno is looked at before jansson, which clears it for each number, goes on. */
static inline size_t json_feed_read(void *to, size_t room, void *arg) {
    struct json_feed *f = arg;
    f->no_memory |= errno == ENOMEM;
    if ((f->at == f->end && !f->left) || room == 0 || f->no_memory) return 0;
    *(char *)to = json_feed_next(f);
    return 1;
}

/* 0 with *out, NULL where it is no JSON; -1 where memory ran out. */
static inline int json_feed_load(const char *text, size_t n, size_t flags, bool escapes,
                                 json_t **out, json_error_t *why) {
    struct json_feed f = {.at = text, .end = text + n, .string_end = text, .escapes = escapes};
    errno = 0;
    *out = json_load_callback(json_feed_read, &f, flags, why);
    if (!f.no_memory && errno != ENOMEM) return 0;
    json_decref(*out);
    *out = NULL;
    return -1;
}

/* As json_loadb(): 0 with *out, which is NULL where text is no JSON, why says where; -1 with *out
 * NULL where memory ran out. malloc() that got its memory another way may leave errno as well: a
 * second reading, out of what the first has freed, does not. What is no JSON is read as it is, too,
 * for where that is. */
static inline int json_memory_read(const char *text, size_t n, size_t flags, json_t **out,
                                   json_error_t *why) {
    int rc = -1;
    for (int i = 0; i < 2 && rc; i++) rc = json_feed_load(text, n, flags, true, out, why);
    if (rc == 0 && !*out) rc = json_feed_load(text, n, flags, false, out, why);
    return rc;
}

/* The value as text, for free(), with *n its length; NULL where memory ran out, or value is NULL.
 * flags: as of json_dump*(). */
static inline char *json_memory_write(const json_t *value, size_t flags, size_t *n) {
    size_t size = value ? json_dumpb(value, NULL, 0, flags) : 0;
    char *text = size ? malloc(size + 1) : NULL;
    if (!text) return NULL;
    if (json_dumpb(value, text, size, flags) != size) { /* it takes memory to write, too */
        free(text);
        return NULL;
    }
    text[size] = '\0';
    *n = size;
    return text;
}

#endif
