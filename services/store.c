#include "services/store.h"

#include "common/hiredis.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 16 };               /* connections; more are made and closed again */
static const double PATIENCE = 3; /* seconds */

struct store {
    char *url;
    char expiry[16];
    pthread_mutex_t lock;
    struct redis *idle[KEPT];
    int n;
};

struct store *store_new(const char *url, int expiry) {
    struct store *s = calloc(1, sizeof *s);
    char why[REDIS_WHY];

    if (!s) return NULL;
    s->url = redis_check_url(url, why) ? NULL : strdup(url);
    if (!s->url) {
        free(s);
        return NULL;
    }
    snprintf(s->expiry, sizeof s->expiry, "%d", expiry);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void store_free(struct store *s) {
    if (!s) return;
    for (int i = 0; i < s->n; i++) redis_free(s->idle[i]);
    pthread_mutex_destroy(&s->lock);
    free(s->url);
    free(s);
}

static struct redis *take(struct store *s) {
    struct redis *r = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->n > 0) r = s->idle[--s->n];
    pthread_mutex_unlock(&s->lock);
    return r ? r : redis_new(s->url, PATIENCE);
}

static void give(struct store *s, struct redis *r) {
    pthread_mutex_lock(&s->lock);
    if (s->n < KEPT) {
        s->idle[s->n++] = r;
        r = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    redis_free(r);
}

/* All of a store's commands may be asked twice. */
static int ask(struct store *s, const struct redis_arg *args, int n, struct redisReply **reply,
               char why[REDIS_WHY]) {
    struct redis *r = take(s);
    int rc;

    *reply = NULL;
    if (!r) {
        snprintf(why, REDIS_WHY, "out of memory");
        return REDIS_EAWAY;
    }
    rc = redis_ask(r, 1, args, n, reply, why);
    give(s, r);
    return rc;
}

static struct redis_arg arg(const char *text) {
    return (struct redis_arg){.at = text, .n = strlen(text)};
}

/* In one command, so that nothing stays for ever because who wrote it died behind the first. */
int store_put(struct store *s, const char *key, const char *field, const char *text, size_t n,
              char why[REDIS_WHY]) {
    static const char script[] = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) "
                                 "return redis.call('EXPIRE', KEYS[1], ARGV[3])";
    const struct redis_arg args[] = {arg("EVAL"), arg(script), arg("1"),      arg(key),
                                     arg(field),  {text, n},   arg(s->expiry)};
    struct redisReply *reply;
    int rc = ask(s, args, sizeof args / sizeof *args, &reply, why);

    redis_reply_free(reply);
    return rc;
}

#ifdef MIEN_HIREDIS

int store_get(struct store *s, const char *key, const char *field, char **text, size_t *n,
              char why[REDIS_WHY]) {
    const struct redis_arg args[] = {arg("HGET"), arg(key), arg(field)};
    struct redisReply *reply;
    int rc = ask(s, args, sizeof args / sizeof *args, &reply, why);

    *text = NULL;
    *n = 0;
    if (rc == 0 && reply->type == REDIS_REPLY_STRING) {
        *text = malloc(reply->len + 1);
        if (*text) {
            memcpy(*text, reply->str, reply->len);
            (*text)[reply->len] = '\0';
            *n = reply->len;
        } else {
            snprintf(why, REDIS_WHY, "out of memory");
            rc = REDIS_EAWAY;
        }
    }
    redis_reply_free(reply);
    return rc;
}

int store_get_all(struct store *s, const char *key, struct store_all *all, char why[REDIS_WHY]) {
    const struct redis_arg args[] = {arg("HGETALL"), arg(key)};
    int rc;

    memset(all, 0, sizeof *all);
    rc = ask(s, args, sizeof args / sizeof *args, &all->reply, why);
    if (rc || all->reply->type != REDIS_REPLY_ARRAY) return rc;
    for (size_t i = 0; i + 1 < all->reply->elements && all->n < STORE_FIELDS; i += 2) {
        const redisReply *name = all->reply->element[i], *text = all->reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || text->type != REDIS_REPLY_STRING) continue;
        snprintf(all->name[all->n], sizeof all->name[0], "%s", name->str);
        all->at[all->n] =
            (struct results_field){.name = all->name[all->n], .text = text->str, .n = text->len};
        all->n++;
    }
    return 0;
}

#else

int store_get(struct store *s, const char *key, const char *field, char **text, size_t *n,
              char why[REDIS_WHY]) {
    const struct redis_arg args[] = {arg("HGET"), arg(key), arg(field)};
    struct redisReply *reply;

    *text = NULL;
    *n = 0;
    return ask(s, args, sizeof args / sizeof *args, &reply, why);
}

int store_get_all(struct store *s, const char *key, struct store_all *all, char why[REDIS_WHY]) {
    const struct redis_arg args[] = {arg("HGETALL"), arg(key)};

    memset(all, 0, sizeof *all);
    return ask(s, args, sizeof args / sizeof *args, &all->reply, why);
}

#endif

void store_all_free(struct store_all *all) {
    redis_reply_free(all->reply);
    memset(all, 0, sizeof *all);
}
