#include "common/redis.h"

#include "common/hiredis.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARGS = 64, PORT = 6379 };

/* A URL's parts; the texts lie in `text`. */
struct place {
    char *text;
    const char *path;            /* of a Unix socket; NULL: host and port */
    const char *user, *password; /* NULL: none */
    const char *host;
    int port, database;
};

static int failed(char why[REDIS_WHY], int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int failed(char why[REDIS_WHY], int rc, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, REDIS_WHY, fmt, ap);
    va_end(ap);
    return rc;
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes %41 in place; -1 where it is no such text. */
static int decode(char *text) {
    char *to = text;

    for (; *text; text++) {
        if (*text != '%') {
            *to++ = *text;
            continue;
        }
        if (hex(text[1]) < 0 || hex(text[2]) < 0 || (text[1] == '0' && text[2] == '0')) return -1;
        *to++ = (char)(hex(text[1]) * 16 + hex(text[2]));
        text += 2;
    }
    *to = '\0';
    return 0;
}

/* A whole number of 0 to most; -1. */
static int number(const char *text, int most) {
    char *end;
    long v;

    if (*text < '0' || *text > '9') return -1;
    errno = 0;
    v = strtol(text, &end, 10);
    return *end || errno || v > most ? -1 : (int)v;
}

/* USER:PASSWORD, each of which may be empty. */
static int read_account(struct place *p, char *account) {
    char *colon = strchr(account, ':');

    if (colon) *colon = '\0';
    if (decode(account) || (colon && decode(colon + 1))) return -1;
    if (*account) p->user = account;
    if (colon && colon[1]) p->password = colon + 1;
    return 0;
}

/* HOST:PORT/DATABASE; a host of IPv6 is in brackets. */
static int read_host(struct place *p, char *at) {
    char *slash = strchr(at, '/'), *port, *end = at[0] == '[' ? strchr(at, ']') : NULL;

    if (slash) *slash = '\0';
    if (at[0] == '[' && !end) return -1;
    if (end) *end++ = '\0';
    port = end ? end : at + strcspn(at, ":");
    if (*port == ':') {
        *port = '\0';
        p->port = number(port + 1, 65535);
    } else if (*port) {
        return -1;
    }
    p->host = at[0] == '[' ? at + 1 : at;
    if (slash && slash[1]) p->database = number(slash + 1, 1 << 20);
    return *p->host && p->port > 0 && p->database >= 0 ? 0 : -1;
}

/* Returns 0; free(p->text). */
static int read_place(const char *url, struct place *p, char why[REDIS_WHY]) {
    char *at, *host;
    int is_bad;

    *p = (struct place){.port = PORT};
    if (strncmp(url, "rediss://", 9) == 0)
        return failed(why, REDIS_EFAILED,
                      "rediss:// is Redis over TLS, which the library of Redis here cannot speak: "
                      "let stunnel or a proxy on this machine do that, and give redis://");
    p->text = strdup(url);
    if (!p->text) return failed(why, REDIS_EFAILED, "out of memory");
    if (strncmp(url, "unix:", 5) == 0 && url[5]) {
        p->path = p->text + 5;
        return 0;
    }
    is_bad = strncmp(url, "redis://", 8) != 0;
    if (!is_bad) {
        at = p->text + 8;
        host = strrchr(at, '@');
        if (host) *host++ = '\0';
        is_bad = (host && read_account(p, at)) || read_host(p, host ? host : at);
    }
    if (!is_bad) return 0;
    free(p->text);
    p->text = NULL;
    return failed(why, REDIS_EFAILED,
                  "Redis is named redis://[USER:PASSWORD@]HOST[:PORT][/"
                  "DATABASE] or unix:PATH");
}

int redis_check_url(const char *url, char why[REDIS_WHY]) {
    struct place p;
    int rc = read_place(url, &p, why);

    free(p.text);
    return rc;
}

const char *redis_label(const char *url, char out[REDIS_WHY]) {
    struct place p;

    if (read_place(url, &p, out)) {
        snprintf(out, REDIS_WHY, "redis");
    } else if (p.path) {
        snprintf(out, REDIS_WHY, "unix:%.200s", p.path);
    } else {
        snprintf(out, REDIS_WHY,
                 strchr(p.host, ':') ? "redis://[%.200s]:%d/%d" : "redis://%.200s:%d/%d", p.host,
                 p.port, p.database);
    }
    free(p.text);
    return out;
}

#ifdef MIEN_HIREDIS

struct redis {
    const struct hiredis *lib;
    struct place place;
    char label[REDIS_WHY];
    double seconds, patience;
    redisContext *context; /* NULL: not connected */
};

static struct timeval timeval_of(double seconds) {
    return (struct timeval){.tv_sec = (time_t)seconds,
                            .tv_usec = (suseconds_t)(1e6 * (seconds - (double)(time_t)seconds))};
}

struct redis *redis_new(const char *url, double seconds) {
    struct redis *r = calloc(1, sizeof *r);
    char why[REDIS_WHY];

    if (!r) return NULL;
    if (read_place(url, &r->place, why)) {
        free(r);
        return NULL;
    }
    redis_label(url, r->label);
    r->seconds = r->patience = seconds;
    return r;
}

static void disconnect(struct redis *r) {
    if (r->context) r->lib->free(r->context);
    r->context = NULL;
}

void redis_free(struct redis *r) {
    if (!r) return;
    disconnect(r);
    free(r->place.text);
    free(r);
}

static int begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* What Redis replied as an error: a restarting one and one of a read-only copy may come right. */
static int refused(const struct redis *r, const char *error, char why[REDIS_WHY]) {
    if (begins(error, "NOAUTH") || begins(error, "WRONGPASS") ||
        begins(error, "ERR invalid password") || strstr(error, "without any password configured"))
        return failed(why, REDIS_EFAILED, "%.200s wants another user or password", r->label);
    if (begins(error, "LOADING") || begins(error, "BUSY ") || begins(error, "MASTERDOWN") ||
        begins(error, "READONLY") || begins(error, "TRYAGAIN") || begins(error, "CLUSTERDOWN") ||
        begins(error, "OOM"))
        return failed(why, REDIS_EAWAY, "%.200s: %.200s", r->label, error);
    return failed(why, REDIS_EFAILED, "%.200s: %.200s", r->label, error);
}

/* One command over the connection that is there. */
static int ask_once(struct redis *r, const char **texts, const size_t *sizes, int n,
                    redisReply **reply, char why[REDIS_WHY]) {
    redisReply *got = r->lib->command_argv(r->context, n, texts, sizes);

    if (!got) {
        int rc = failed(why, REDIS_EAWAY, "%.200s: %.200s", r->label, r->context->errstr);
        disconnect(r);
        return rc;
    }
    if (got->type == REDIS_REPLY_ERROR) {
        int rc = refused(r, got->str, why);
        r->lib->free_reply(got);
        return rc;
    }
    *reply = got;
    return 0;
}

/* What a new connection begins with. */
static int greet(struct redis *r, const char *const *words, char why[REDIS_WHY]) {
    const char *texts[3];
    size_t sizes[3];
    redisReply *reply;
    int n = 0, rc;

    for (; words[n]; n++) {
        texts[n] = words[n];
        sizes[n] = strlen(words[n]);
    }
    rc = ask_once(r, texts, sizes, n, &reply, why);
    if (rc == 0) r->lib->free_reply(reply);
    return rc;
}

static int connect_to(struct redis *r, char why[REDIS_WHY]) {
    const struct place *p = &r->place;
    struct timeval seconds = timeval_of(r->seconds);
    char database[16];
    int rc = 0;

    if (!r->lib) r->lib = hiredis_use(why, REDIS_WHY);
    if (!r->lib) return REDIS_EFAILED;
    r->context = p->path ? r->lib->connect_unix_with_timeout(p->path, seconds)
                         : r->lib->connect_with_timeout(p->host, p->port, seconds);
    if (!r->context) return failed(why, REDIS_EAWAY, "out of memory");
    if (r->context->err) {
        rc = failed(why, REDIS_EAWAY, "%.200s: %.200s", r->label, r->context->errstr);
        disconnect(r);
        return rc;
    }
    r->lib->set_timeout(r->context, timeval_of(r->patience));
    if (!p->path) r->lib->enable_keep_alive(r->context);
    if (p->password && p->user)
        rc = greet(r, (const char *const[]){"AUTH", p->user, p->password, NULL}, why);
    else if (p->password)
        rc = greet(r, (const char *const[]){"AUTH", p->password, NULL}, why);
    snprintf(database, sizeof database, "%d", p->database);
    if (rc == 0 && p->database) rc = greet(r, (const char *const[]){"SELECT", database, NULL}, why);
    if (rc) disconnect(r);
    return rc;
}

int redis_ask(struct redis *r, int repeatable, const struct redis_arg *args, int n,
              struct redisReply **reply, char why[REDIS_WHY]) {
    const char *texts[MOST_ARGS];
    size_t sizes[MOST_ARGS];
    int was_there = r->context != NULL, rc = 0;

    if (n < 1 || n > MOST_ARGS) return failed(why, REDIS_EFAILED, "too long a command");
    for (int i = 0; i < n; i++) {
        texts[i] = args[i].at;
        sizes[i] = args[i].n;
    }
    if (!was_there) rc = connect_to(r, why);
    if (rc == 0) rc = ask_once(r, texts, sizes, n, reply, why);
    /* A connection that was idle may have been lost without anybody's telling. */
    if (rc == 0 || !was_there || r->context || !repeatable) return rc;
    rc = connect_to(r, why);
    return rc ? rc : ask_once(r, texts, sizes, n, reply, why);
}

void redis_patience(struct redis *r, double seconds) {
    r->patience = seconds;
    if (r->context) r->lib->set_timeout(r->context, timeval_of(seconds));
}

void redis_reply_free(struct redisReply *reply) {
    char why[REDIS_WHY];

    if (reply) hiredis_use(why, sizeof why)->free_reply(reply);
}

#else

struct redis {
    int unused;
};

struct redis *redis_new(const char *url, double seconds) {
    (void)url;
    (void)seconds;
    return calloc(1, sizeof(struct redis));
}

void redis_free(struct redis *r) {
    free(r);
}

int redis_ask(struct redis *r, int repeatable, const struct redis_arg *args, int n,
              struct redisReply **reply, char why[REDIS_WHY]) {
    (void)r;
    (void)repeatable;
    (void)args;
    (void)n;
    (void)reply;
    return failed(why, REDIS_EFAILED,
                  "mien was built without hiredis, which Redis needs (Debian: "
                  "apt-get install libhiredis-dev, then build mien again)");
}

void redis_patience(struct redis *r, double seconds) {
    (void)r;
    (void)seconds;
}

void redis_reply_free(struct redisReply *reply) {
    (void)reply;
}

#endif

int redis_ask_texts(struct redis *r, int repeatable, const char *const *texts,
                    struct redisReply **reply, char why[REDIS_WHY]) {
    struct redis_arg args[MOST_ARGS];
    int n = 0;

    for (; texts[n]; n++) {
        if (n == MOST_ARGS) return failed(why, REDIS_EFAILED, "too long a command");
        args[n] = (struct redis_arg){.at = texts[n], .n = strlen(texts[n])};
    }
    return redis_ask(r, repeatable, args, n, reply, why);
}
