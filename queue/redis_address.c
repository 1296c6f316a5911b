#include "queue/redis_address.h"

#include "common/ascii.h"

#include <stdio.h>
#include <string.h>

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Text [n] with %XX decoded. -1: too long, a broken escape, or a NUL. */
static int decode(const char *text, size_t n, char *out, size_t room) {
    size_t made = 0;

    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            int high = n - i > 2 ? hex(text[i + 1]) : -1, low = n - i > 2 ? hex(text[i + 2]) : -1;
            if (high < 0 || low < 0) return -1;
            c = high * 16 + low;
            i += 2;
        }
        if (c == 0 || made + 1 >= room) return -1;
        out[made++] = (char)c;
    }
    out[made] = '\0';
    return 0;
}

static int fail(char *why, size_t room, const char *what) {
    snprintf(why, room, "the address of the queue: %s", what);
    return -1;
}

/* "user:password" before the @. */
static int read_user(const char *text, size_t n, struct redis_address *a) {
    const char *colon = memchr(text, ':', n);
    size_t user = colon ? (size_t)(colon - text) : n;

    if (decode(text, user, a->user, sizeof a->user)) return -1;
    return colon ? decode(colon + 1, n - user - 1, a->password, sizeof a->password) : 0;
}

static int read_port(const char *text, size_t n, char port[8]) {
    int number = 0;

    if (n == 0 || n > 5) return -1;
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_digit(text[i])) return -1;
        number = 10 * number + text[i] - '0';
    }
    if (number < 1 || number > 65535) return -1;
    memcpy(port, text, n);
    port[n] = '\0';
    return 0;
}

/* "host:port" or "[::1]:port". */
static int read_host(const char *text, size_t n, struct redis_address *a) {
    const char *end = text + n, *close = n && *text == '[' ? memchr(text, ']', n) : NULL;
    const char *colon = close ? close + 1 : memrchr(text, ':', n);
    size_t skip = close ? 1 : 0, length;

    if (n && *text == '[' && !close) return -1;
    if (close && colon < end && *colon != ':') return -1;
    if (!colon) colon = end;
    length = (size_t)((close ? close : colon) - text) - skip;
    if (length == 0) {
        snprintf(a->host, sizeof a->host, "127.0.0.1");
    } else if (decode(text + skip, length, a->host, sizeof a->host)) {
        return -1;
    }
    return colon < end ? read_port(colon + 1, (size_t)(end - colon - 1), a->port) : 0;
}

/* "3" is a database, anything else a name, and "3/name" both. */
static int read_path(const char *text, size_t n, struct redis_address *a) {
    size_t digits = 0, i = 0;

    while (digits < n && ascii_is_digit(text[digits])) digits++;
    if (digits && (digits == n || text[digits] == '/')) {
        if (digits > 4) return -1;
        for (; i < digits; i++) a->database = 10 * a->database + text[i] - '0';
        if (i < n) i++;
    }
    if (i == n) return 0;
    if (n - i >= sizeof a->name) return -1;
    for (size_t k = i; k < n; k++)
        if (!ascii_is_digit(text[k]) && !strchr("-_.", text[k]) &&
            !(ascii_upper(text[k]) >= 'A' && ascii_upper(text[k]) <= 'Z'))
            return -1;
    memcpy(a->name, text + i, n - i);
    a->name[n - i] = '\0';
    return 0;
}

static int read_query(const char *text, struct redis_address *a) {
    while (*text) {
        size_t n = strcspn(text, "&");
        char *out = strncmp(text, "ca=", 3) == 0     ? a->ca
                    : strncmp(text, "cert=", 5) == 0 ? a->cert
                    : strncmp(text, "key=", 4) == 0  ? a->key
                                                     : NULL;
        size_t name = strcspn(text, "=") + 1;
        if (!out || name > n || decode(text + name, n - name, out, REDIS_FIELD)) return -1;
        text += n + (text[n] == '&');
    }
    return 0;
}

int redis_address_read(const char *place, struct redis_address *a, char *why, size_t room) {
    const char *start, *at;
    size_t n;

    memset(a, 0, sizeof *a);
    memcpy(a->port, "6379", sizeof "6379");
    memcpy(a->name, "mien", sizeof "mien");
    a->tls = strncmp(place, "rediss://", 9) == 0;
    if (!a->tls && strncmp(place, "redis://", 8) != 0)
        return fail(why, room, "must begin with redis:// or rediss://");
    start = place + (a->tls ? 9 : 8);
    n = strcspn(start, "/?");
    at = memrchr(start, '@', n);
    if (at && read_user(start, (size_t)(at - start), a))
        return fail(why, room, "its user or password is too long, or a % in it no escape");
    if (at) {
        n -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    if (read_host(start, n, a)) return fail(why, room, "its host or port is none");
    start += n;
    if (*start == '/') {
        n = strcspn(start + 1, "?");
        if (read_path(start + 1, n, a))
            return fail(why, room,
                        "behind the host stands a database's number, a name of the queue (letters, "
                        "digits, - _ .), or both: /0/NAME");
        start += 1 + n;
    }
    if (*start == '?' && read_query(start + 1, a))
        return fail(why, room, "behind the ? stand ca=, cert= and key=, with files");
    return 0;
}
