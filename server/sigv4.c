#include "server/sigv4.h"

#include "common/ascii.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { DIGEST = SHA256_DIGEST_SIZE, HEX = 2 * DIGEST + 1, DATE = 17, HEADERS_MOST = 64 };

/* The parts of the header: texts in it that end where n says. */
struct part {
    const char *at;
    size_t n;
};
struct parts {
    struct part credential, headers, signature;
    struct part name,
        scope; /* of the credential: the access key id; date/region/service/aws4_request */
};

static int take(struct part *part, const char *text, size_t n, const char *name) {
    size_t length = strlen(name);

    if (n < length || memcmp(text, name, length) != 0) return 0;
    *part = (struct part){text + length, n - length};
    return 1;
}

static enum sigv4_result read_parts(const char *text, struct parts *p) {
    *p = (struct parts){.name = {NULL, 0}};
    if (!text || !ascii_starts_with(text, ALGORITHM)) return SIGV4_MISSING;
    text += sizeof ALGORITHM - 1;
    while (*text) {
        size_t n;
        text += strspn(text, " \t,");
        n = strcspn(text, ", \t");
        if (!take(&p->credential, text, n, "Credential=") &&
            !take(&p->headers, text, n, "SignedHeaders="))
            take(&p->signature, text, n, "Signature=");
        text += n;
    }
    if (p->credential.n) {
        const char *slash = memchr(p->credential.at, '/', p->credential.n);
        size_t n = slash ? (size_t)(slash - p->credential.at) : 0;
        p->name = (struct part){p->credential.at, n};
        if (slash) p->scope = (struct part){slash + 1, p->credential.n - n - 1};
    }
    return p->name.n && p->scope.n && p->headers.n && p->signature.n ? SIGV4_GOOD
                                                                     : SIGV4_INCOMPLETE;
}

enum sigv4_result sigv4_name(const struct sigv4_request *r, char out[SIGV4_NAME]) {
    struct parts p;
    enum sigv4_result result = read_parts(r->authorization, &p);

    out[0] = '\0';
    if (result == SIGV4_GOOD && p.name.n >= SIGV4_NAME) result = SIGV4_INCOMPLETE;
    if (result == SIGV4_GOOD) snprintf(out, SIGV4_NAME, "%.*s", (int)p.name.n, p.name.at);
    return result;
}

static void to_hex(const uint8_t digest[DIGEST], char out[HEX]) {
    for (int i = 0; i < DIGEST; i++) snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void hash(struct sha256_ctx *ctx, char out[HEX]) {
    uint8_t digest[DIGEST];

    sha256_digest(ctx, sizeof digest, digest);
    to_hex(digest, out);
}

static void add_text(struct sha256_ctx *ctx, const char *text, size_t n) {
    sha256_update(ctx, n, (const uint8_t *)text);
}

/* A header's value: no blanks around it, and one for several within. */
static void add_value(struct sha256_ctx *ctx, const char *value) {
    value += strspn(value, " \t");
    while (*value) {
        size_t n = strcspn(value, " \t");
        add_text(ctx, value, n);
        value += n;
        n = strspn(value, " \t");
        value += n;
        if (n && *value) add_text(ctx, " ", 1);
    }
    add_text(ctx, "\n", 1);
}

static int is_signed(const struct parts *p, const char *name) {
    size_t length = strlen(name);

    for (size_t i = 0; i + length <= p->headers.n; i++) {
        size_t end = i + length;
        if (memcmp(p->headers.at + i, name, length) == 0 &&
            (i == 0 || p->headers.at[i - 1] == ';') &&
            (end == p->headers.n || p->headers.at[end] == ';'))
            return 1;
    }
    return 0;
}

/* The hash of the body, which a header may have, too. 0, or -1 where the header has another. */
static int hash_body(const struct sigv4_request *r, char out[HEX]) {
    const char *told = r->header(r->context, "x-amz-content-sha256");
    struct sha256_ctx ctx;

    sha256_init(&ctx);
    sha256_update(&ctx, r->body_size, r->body);
    hash(&ctx, out);
    if (told && strcmp(told, "UNSIGNED-PAYLOAD") != 0 && strcmp(told, out) != 0) return -1;
    return 0;
}

/* The hash of the canonical request; -1 where a signed header is missing. */
static int hash_request(const struct sigv4_request *r, const struct parts *p, char out[HEX]) {
    struct sha256_ctx ctx;
    char body[HEX];
    int count = 0;

    if (hash_body(r, body)) return -1;
    sha256_init(&ctx);
    add_text(&ctx, r->method, strlen(r->method));
    add_text(&ctx, "\n", 1);
    add_text(&ctx, r->path, strlen(r->path));
    add_text(&ctx, "\n", 1);
    add_text(&ctx, r->query, strlen(r->query));
    add_text(&ctx, "\n", 1);
    for (size_t i = 0; i < p->headers.n;) {
        char name[SIGV4_NAME];
        const char *value, *end = memchr(p->headers.at + i, ';', p->headers.n - i);
        size_t n = end ? (size_t)(end - p->headers.at) - i : p->headers.n - i;
        if (n >= sizeof name || ++count > HEADERS_MOST) return -1;
        snprintf(name, sizeof name, "%.*s", (int)n, p->headers.at + i);
        value = r->header(r->context, name);
        if (!value) return -1;
        add_text(&ctx, name, n);
        add_text(&ctx, ":", 1);
        add_value(&ctx, value);
        i += n + 1;
    }
    add_text(&ctx, "\n", 1);
    add_text(&ctx, p->headers.at, p->headers.n);
    add_text(&ctx, "\n", 1);
    add_text(&ctx, body, sizeof body - 1);
    hash(&ctx, out);
    return 0;
}

static void sign(const uint8_t *key, size_t size, const char *text, size_t n, uint8_t out[DIGEST]) {
    struct hmac_sha256_ctx ctx;

    hmac_sha256_set_key(&ctx, size, key);
    hmac_sha256_update(&ctx, n, (const uint8_t *)text);
    hmac_sha256_digest(&ctx, DIGEST, out);
}

/* The key of a day, a region and a service: a chain over the parts of the scope. */
static void derive(const char *secret, const struct part *scope, uint8_t key[DIGEST]) {
    char first[600];
    int n = snprintf(first, sizeof first, "AWS4%s", secret);
    size_t size = n > 0 && (size_t)n < sizeof first ? (size_t)n : sizeof first - 1;

    for (size_t i = 0; i < scope->n;) {
        const char *end = memchr(scope->at + i, '/', scope->n - i);
        size_t length = end ? (size_t)(end - scope->at) - i : scope->n - i;
        if (i == 0)
            sign((const uint8_t *)first, size, scope->at, length, key);
        else
            sign(key, DIGEST, scope->at + i, length, key);
        i += length + 1;
    }
}

/* Seconds since 1970 of "20150830T123600Z"; -1 where it is none. */
static double read_date(const char *text) {
    struct tm t = {.tm_isdst = 0};
    const char *end;

    if (!text || strlen(text) != DATE - 1) return -1;
    end = strptime(text, "%Y%m%dT%H%M%SZ", &t);
    return end && !*end ? (double)timegm(&t) : -1;
}

/* date/region/service/aws4_request, of the day the request is of. */
static int fits_scope(const struct part *scope, const char *date) {
    static const char last[] = "/aws4_request";
    size_t n = sizeof last - 1;
    int slashes = 0;

    for (size_t i = 0; i < scope->n; i++) slashes += scope->at[i] == '/';
    return slashes == 3 && scope->n > 8 + n && memcmp(scope->at, date, 8) == 0 &&
           memcmp(scope->at + scope->n - n, last, n) == 0;
}

enum sigv4_result sigv4_check(const struct sigv4_request *r, const char *secret) {
    const char *date = r->header(r->context, "x-amz-date");
    double when = read_date(date);
    struct parts p;
    enum sigv4_result result = read_parts(r->authorization, &p);
    uint8_t key[DIGEST] = {0}, digest[DIGEST];
    char request[HEX], wanted[HEX], *text = NULL;
    int n;

    if (result != SIGV4_GOOD) return result;
    if (when < 0 || !fits_scope(&p.scope, date) || !is_signed(&p, "host")) return SIGV4_INCOMPLETE;
    if (r->now - when > SIGV4_SKEW || when - r->now > SIGV4_SKEW) return SIGV4_EXPIRED;
    if (hash_request(r, &p, request)) return SIGV4_WRONG;
    n = asprintf(&text, ALGORITHM "\n%s\n%.*s\n%s", date, (int)p.scope.n, p.scope.at, request);
    if (n < 0) return SIGV4_WRONG;
    derive(secret, &p.scope, key);
    sign(key, sizeof key, text, (size_t)n, digest);
    free(text);
    to_hex(digest, wanted);
    return p.signature.n == HEX - 1 && memeql_sec(p.signature.at, wanted, HEX - 1) ? SIGV4_GOOD
                                                                                   : SIGV4_WRONG;
}
