#include "server/keys.h"

#include "common/ascii.h"
#include "server/scopes.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NAME = 40, MAX_FILE = 1 << 22 };

struct key {
    char name[MAX_NAME + 1];
    char scopes[SCOPES_SIZE]; /* "": everything */
    uint8_t digest[SHA256_DIGEST_SIZE];
    char *secret; /* NULL: not kept */
};

struct keys {
    size_t count, capacity;
    int keep_secrets;
    struct key *key; /* [count] */
};

static void digest_of(const char *text, size_t length, uint8_t digest[SHA256_DIGEST_SIZE]) {
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, length, (const uint8_t *)text);
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, digest);
}

/* Room for one more; NULL where there is none. */
static struct key *append(struct keys *k) {
    if (k->count == k->capacity) {
        size_t capacity = k->capacity ? 2 * k->capacity : 8;
        struct key *key = realloc(k->key, capacity * sizeof *key);
        if (!key) return NULL;
        k->key = key;
        k->capacity = capacity;
    }
    return &k->key[k->count];
}

/* One printable ASCII word: what can stand in an HTTP header, and in a log. */
static int is_word(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~') return 0;
    return 1;
}

static int set_name(struct keys *k, struct key *key, const char *name, size_t length, int line,
                    char why[WHY_SIZE]) {
    if (length == 0 || length > MAX_NAME)
        return why_set(why, -1, "line %d: a name has 1 to %d characters", line, MAX_NAME);
    if (!is_word(name, length))
        return why_set(why, -1, "line %d: a name is made of printable ASCII, no blanks", line);
    memcpy(key->name, name, length);
    key->name[length] = '\0';
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->key[i].name, key->name) == 0)
            return why_set(why, -1, "line %d: its name is that of an earlier key", line);
    return 0;
}

/* Takes the scopes off the end of what follows a name: where it ends in a list of them. Returns how
 * long the key before it is. */
static size_t set_scopes(struct key *key, const char *text, size_t length) {
    const char *colon = memrchr(text, ':', length);
    size_t before = colon ? (size_t)(colon - text) : 0;

    key->scopes[0] = '\0';
    if (!colon || !scopes_are(colon + 1, length - before - 1)) return length;
    memcpy(key->scopes, colon + 1, length - before - 1);
    key->scopes[length - before - 1] = '\0';
    return before;
}

/* Takes one line without its comment and outer blanks. */
static int add_line(struct keys *k, const char *text, size_t length, int line, char why[WHY_SIZE]) {
    if (k->count == KEYS_MAX) return why_set(why, -1, "more than %d keys", KEYS_MAX);
    struct key *key = append(k);
    if (!key) return why_set(why, -1, "out of memory");
    const char *colon = memchr(text, ':', length);
    if (colon) {
        if (set_name(k, key, text, (size_t)(colon - text), line, why)) return -1;
        length -= (size_t)(colon + 1 - text);
        text = colon + 1;
        length = set_scopes(key, text, length);
    } else {
        key->scopes[0] = '\0';
        snprintf(key->name, sizeof key->name, "key %zu", k->count + 1);
    }
    if (length < KEYS_MIN_LENGTH || length > KEYS_MAX_LENGTH)
        return why_set(why, -1, "line %d: a key has %d to %d characters", line, KEYS_MIN_LENGTH,
                       KEYS_MAX_LENGTH);
    if (!is_word(text, length))
        return why_set(why, -1, "line %d: a key is made of printable ASCII, no blanks", line);
    digest_of(text, length, key->digest);
    for (size_t i = 0; i < k->count; i++)
        if (memcmp(k->key[i].digest, key->digest, sizeof key->digest) == 0)
            return why_set(why, -1, "line %d: the key stands in an earlier line, too", line);
    key->secret = k->keep_secrets ? strndup(text, length) : NULL;
    if (k->keep_secrets && !key->secret) return why_set(why, -1, "out of memory");
    k->count++;
    return 0;
}

/* Where the comment of a line begins, or its end: a '#' inside a key is part of the key. */
static const char *comment_start(const char *from, const char *to) {
    for (const char *p = from; p < to; p++)
        if (*p == '#' && (p == from || ascii_is_blank(p[-1]))) return p;
    return to;
}

static int add_lines(struct keys *k, const char *text, size_t length, char why[WHY_SIZE]) {
    const char *end = text + length;
    for (int line = 1; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const char *next = stop ? stop + 1 : end;
        const char *from = text, *to = stop ? stop : end;
        to = comment_start(from, to);
        while (from < to && ascii_is_blank(*from)) from++;
        while (to > from && ascii_is_blank(to[-1])) to--;
        if (from < to && add_line(k, from, (size_t)(to - from), line, why)) return -1;
        text = next;
    }
    return k->count ? 0 : why_set(why, -1, "no key in it");
}

static int parse(const char *text, size_t length, int keep_secrets, struct keys **out,
                 char why[WHY_SIZE]) {
    *out = NULL;
    struct keys *k = calloc(1, sizeof *k);
    if (!k) return why_set(why, -1, "out of memory");
    k->keep_secrets = keep_secrets;
    if (add_lines(k, text, length, why)) {
        keys_free(k);
        return -1;
    }
    why[0] = '\0';
    *out = k;
    return 0;
}

int keys_parse(const char *text, size_t length, struct keys **out, char why[WHY_SIZE]) {
    return parse(text, length, 0, out, why);
}

/* All of the file into *text (free() it, wiped, by the caller). */
static int read_all(int fd, char **text, size_t *length, char why[WHY_SIZE]) {
    char *buffer = malloc(MAX_FILE);
    size_t n = 0;
    ssize_t got = 0;
    if (!buffer) return why_set(why, -1, "out of memory");
    while (n < MAX_FILE && (got = read(fd, buffer + n, MAX_FILE - n)) > 0) n += (size_t)got;
    if (got < 0 || n == MAX_FILE) {
        int status = got < 0 ? why_set(why, -1, "%s", strerror(errno))
                             : why_set(why, -1, "too large for a file of keys");
        explicit_bzero(buffer, n);
        free(buffer);
        return status;
    }
    *text = buffer;
    *length = n;
    return 0;
}

static int load(const char *path, int keep_secrets, struct keys **out, mode_t *mode,
                char why[WHY_SIZE]) {
    char *text = NULL;
    size_t length = 0;
    struct stat st;
    int status,
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold up a reload */
    if (fd < 0 || fstat(fd, &st))
        status = why_set(why, -1, "%s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = why_set(why, -1, "not a regular file");
    else
        status = read_all(fd, &text, &length, why);
    if (fd >= 0) close(fd);
    if (status) return status;
    status = parse(text, length, keep_secrets, out, why);
    explicit_bzero(text, length);
    free(text);
    *mode = st.st_mode;
    return status;
}

int keys_load(const char *path, int keep_secrets, struct keys **out, char why[WHY_SIZE]) {
    mode_t mode = 0;
    *out = NULL;
    if (load(path, keep_secrets, out, &mode, why)) return why_prefix(why, -1, "%s", path);
    if (mode & S_IRWXO)
        why_set(why, 0, "%.150s: everybody on this machine may use it; chmod o= would end that",
                path);
    return 0;
}

const char *keys_check(const struct keys *k, const char *key) {
    uint8_t digest[SHA256_DIGEST_SIZE];
    size_t found = k->count;
    if (!key) return NULL;
    digest_of(key, strlen(key), digest);
    for (size_t i = 0; i < k->count; i++) {
        /* All are compared, and the choice is made by a mask, not by a branch. */
        size_t mask = (size_t)0 - (size_t)memeql_sec(digest, k->key[i].digest, sizeof digest);
        found = (found & ~mask) | (i & mask);
    }
    return found < k->count ? k->key[found].name : NULL;
}

const char *keys_scopes(const struct keys *k, const char *name) {
    for (size_t i = 0; i < k->count; i++)
        if (k->key[i].name == name) return k->key[i].scopes;
    return "";
}

const char *keys_secret(const struct keys *k, const char *name) {
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->key[i].name, name) == 0) return k->key[i].secret;
    return NULL;
}

size_t keys_count(const struct keys *k) {
    return k->count;
}

void keys_free(struct keys *k) {
    if (!k) return;
    for (size_t i = 0; i < k->count; i++) {
        if (k->key[i].secret) explicit_bzero(k->key[i].secret, strlen(k->key[i].secret));
        free(k->key[i].secret);
    }
    free(k->key);
    free(k);
}
