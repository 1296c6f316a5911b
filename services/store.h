/*
 * store.h - the Redis that services keep intermediate results in (results.h): a handful of
 * connections for all workers of a service.
 *
 * Nothing in it is needed for long, and nothing is lost with it: who misses a result asks for it
 * again. So everything expires, and no setting of Redis about durability matters.
 */
#ifndef MIEN_SERVICES_STORE_H
#define MIEN_SERVICES_STORE_H

#include "common/redis.h"
#include "services/results.h"

struct store;

/* expiry: seconds. NULL where memory ran out or the URL is none. */
struct store *store_new(const char *url, int expiry);
void store_free(struct store *s);
/* 0; a redis_error with a sentence. A text for a picture's field, which expires with the others.
 */
int store_put(struct store *s, const char *key, const char *field, const char *text, size_t n,
              char why[REDIS_WHY]);
/* One field: *text is for free(), NULL where there is none. */
int store_get(struct store *s, const char *key, const char *field, char **text, size_t *n,
              char why[REDIS_WHY]);

enum { STORE_FIELDS = 32 };

struct store_all {
    struct redisReply *reply;
    int n;
    struct results_field at[STORE_FIELDS]; /* texts are the reply's */
    char name[STORE_FIELDS][64];
};

/* All fields of a picture; none where there are none. store_all_free() it. */
int store_get_all(struct store *s, const char *key, struct store_all *all, char why[REDIS_WHY]);
void store_all_free(struct store_all *all);

#endif
