/*
 * redis.h - a Redis by its URL: a connection that is made when it is needed, and anew after it was
 * lost.
 *
 *   redis://[[USER][:PASSWORD]@]HOST[:PORT][/DATABASE]     unix:PATH
 *
 * What is %-encoded in user and password is decoded. A password is in no sentence.
 */
#ifndef MIEN_COMMON_REDIS_H
#define MIEN_COMMON_REDIS_H

#include <stddef.h>

enum { REDIS_WHY = 512 };

enum redis_error {
    REDIS_EAWAY = -1,  /* it cannot be reached, or is starting; another time it may */
    REDIS_EFAILED = -2 /* anything else, which trying again does not mend */
};

struct redis;      /* of one thread at a time */
struct redisReply; /* of hiredis */

/* A text or bytes of a command. */
struct redis_arg {
    const char *at;
    size_t n;
};

/* 0 where it is such a URL; REDIS_EFAILED with a sentence. */
int redis_check_url(const char *url, char why[REDIS_WHY]);
/* It without its password: "redis://host:6379/0"; returns out. */
const char *redis_label(const char *url, char out[REDIS_WHY]);

/* Nothing is connected yet. seconds: what connecting, and a reply, may take. NULL where memory ran
 * out or the URL is none. */
struct redis *redis_new(const char *url, double seconds);
/* NULL is let through. */
void redis_free(struct redis *r);

/* Asks, connecting first where that is needed: 0 with the reply, which is for redis_reply_free();
 * a redis_error with a sentence. repeatable: asked twice it does what it does once, so that it is
 * asked again where the connection turns out to be lost. An error that Redis replies is one here.
 */
int redis_ask(struct redis *r, int repeatable, const struct redis_arg *args, int n,
              struct redisReply **reply, char why[REDIS_WHY]);
/* The same of texts, ended by NULL. */
int redis_ask_texts(struct redis *r, int repeatable, const char *const *texts,
                    struct redisReply **reply, char why[REDIS_WHY]);
/* Changes how long a reply may take: for commands that block. */
void redis_patience(struct redis *r, double seconds);
void redis_reply_free(struct redisReply *reply);

#endif
