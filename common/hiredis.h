/*
 * hiredis.h - Redis's own client library, opened when somebody first needs it.
 *
 * Only programs that are told of a Redis use it, so the tool is not linked with it and runs where
 * it is not installed. Its replies are structs that differ between versions: the library opened is
 * the one whose header mien was built with. Where that was missing hiredis_use() says so.
 */
#ifndef MIEN_COMMON_HIREDIS_H
#define MIEN_COMMON_HIREDIS_H

#include <stddef.h>
#include <sys/time.h>

#if defined(__has_include) && !defined(__cppcheck__)
#if __has_include(<hiredis/hiredis.h>)
#define MIEN_HIREDIS 1
#include <hiredis/hiredis.h>
#endif
#endif

#ifdef MIEN_HIREDIS

/* The functions, each by its name without "redis". */
struct hiredis {
    redisContext *(*connect_with_timeout)(const char *host, int port, struct timeval seconds);
    redisContext *(*connect_unix_with_timeout)(const char *path, struct timeval seconds);
    int (*set_timeout)(redisContext *c, struct timeval seconds);
    int (*enable_keep_alive)(redisContext *c);
    void *(*command_argv)(redisContext *c, int n, const char **texts, const size_t *sizes);
    void (*free_reply)(void *reply);
    void (*free)(redisContext *c);
};

/* NULL with a sentence in why, [room], where there is none. */
const struct hiredis *hiredis_use(char *why, size_t room);

#endif
#endif
