/*
 * multipart_fuzz.c - feeds arbitrary bytes to the reader of forms.
 *
 * The first line is the Content-Type, the rest the body. It is read whole and in pieces whose sizes
 * come from its own bytes: both must have the same parts and the same end, content before a part is
 * none, and what is refused has a sentence.
 */
#include "server/multipart.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Parts and bytes as they were told, in one number. */
struct seen {
    uint64_t hash;
    int parts;
    size_t bytes;
};

static void mix(struct seen *s, const void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++)
        s->hash = (s->hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211U;
}

static int begin(void *context, const char *name, int is_file) {
    struct seen *s = context;
    uint8_t mark[2] = {(uint8_t)(is_file != 0), (uint8_t)s->bytes};

    if (strlen(name) >= MULTIPART_NAME) abort();
    mix(s, name, strlen(name));
    mix(s, mark, sizeof mark);
    s->parts++;
    return 0;
}

static int content(void *context, const uint8_t *bytes, size_t n) {
    struct seen *s = context;

    if (n == 0 || s->parts == 0) abort();
    mix(s, bytes, n);
    s->bytes += n;
    return 0;
}

static int read_form(const char *type, const uint8_t *body, size_t size, int in_pieces,
                     struct seen *s) {
    const struct multipart_sink sink = {begin, content, s};
    char why[WHY_SIZE] = "";
    struct multipart *m;
    int rc = multipart_new(type, &sink, &m, why);

    if (rc) {
        if (m || !why[0]) abort();
        return rc;
    }
    for (size_t at = 0; at < size && rc == 0;) {
        size_t n = in_pieces ? 1U + body[at] % 7U : size;
        if (n > size - at) n = size - at;
        rc = multipart_feed(m, body + at, n, why);
        at += n;
    }
    if (rc == 0) rc = multipart_end(m, why);
    if (rc && (rc != 400 || !why[0])) abort();
    multipart_free(m);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line = memchr(data, '\n', size);
    struct seen whole = {.hash = 0}, pieces = {.hash = 0};
    char type[512] = "";
    size_t n = line ? (size_t)(line - data) : size;
    int rc;

    if (!line || n >= sizeof type || memchr(data, '\0', n)) return 0;
    memcpy(type, data, n);
    rc = read_form(type, line + 1, size - n - 1, 0, &whole);
    if (rc != read_form(type, line + 1, size - n - 1, 1, &pieces)) abort();
    if (rc == 0 && memcmp(&whole, &pieces, sizeof whole) != 0) abort();
    return 0;
}
