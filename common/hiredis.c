#include "common/hiredis.h"

#ifdef MIEN_HIREDIS

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define LIBRARY    "libhiredis.so." TEXT(HIREDIS_SONAME)

static struct hiredis lib;
static char lacks[256]; /* a sentence; empty: nothing */

static void open_library(void) {
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
        {"redisConnectWithTimeout", offsetof(struct hiredis, connect_with_timeout)},
        {"redisConnectUnixWithTimeout", offsetof(struct hiredis, connect_unix_with_timeout)},
        {"redisSetTimeout", offsetof(struct hiredis, set_timeout)},
        {"redisEnableKeepAlive", offsetof(struct hiredis, enable_keep_alive)},
        {"redisCommandArgv", offsetof(struct hiredis, command_argv)},
        {"freeReplyObject", offsetof(struct hiredis, free_reply)},
        {"redisFree", offsetof(struct hiredis, free)},
    };
    const char *given = getenv("MIEN_HIREDIS");
    void *handle = dlopen(given && *given ? given : LIBRARY, RTLD_NOW | RTLD_LOCAL);

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *found = handle ? dlsym(handle, functions[i].name) : NULL;
        if (!found) {
            snprintf(lacks, sizeof lacks,
                     "Redis needs " LIBRARY ", which is not installed here (Debian, Ubuntu: "
                     "apt-get install libhiredis" TEXT(HIREDIS_SONAME) ")");
            return;
        }
        memcpy((char *)&lib + functions[i].at, &found, sizeof found);
    }
}

const struct hiredis *hiredis_use(char *why, size_t room) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, open_library);
    if (!*lacks) return &lib;
    snprintf(why, room, "%s", lacks);
    return NULL;
}

#endif
