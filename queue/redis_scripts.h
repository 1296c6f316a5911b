/*
 * redis_scripts.h - what a queue in Redis does, in Lua: each is one step for all others to see, so
 * that a job is never in two states, and the counts are those of the jobs.
 *
 * Keys begin with P, "{NAME}:"; the braces keep all of a queue on one node of a cluster. Streams
 * high, normal and low have the jobs that wait or run, with the consumer group "workers"; stream
 * results has their results, stream dead the jobs that were given up; hash job:ID a job, hash
 * counts the number in each state; jobs and finished are sorted sets, by id and by end.
 * docs/jobs.md has the fields.
 */
#ifndef MIEN_QUEUE_REDIS_SCRIPTS_H
#define MIEN_QUEUE_REDIS_SCRIPTS_H

enum redis_script {
    REDIS_INIT,
    REDIS_SUBMIT,
    REDIS_CLAIM,
    REDIS_RENEW,
    REDIS_RELEASE,
    REDIS_END,
    REDIS_GET,
    REDIS_LIST,
    REDIS_CANCEL,
    REDIS_RETRY,
    REDIS_PURGE,
    REDIS_FORGET_WORKER,
    REDIS_SCRIPTS
};

enum { REDIS_VERSION = 1 };

extern const char *const REDIS_SCRIPT[REDIS_SCRIPTS];

#endif
