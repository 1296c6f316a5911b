/*
 * lazy.h - libraries that are opened by the first call of one of their functions.
 *
 * libmicrohttpd and libcurl bring three dozen libraries along, which every start of the tool would
 * pay for and only `mien serve` uses; SQLite is for galleries alone. So the tool is linked with
 * functions of their names, a file a library, that open it and hand on what they are given. The
 * rest of server/ knows nothing of this, and programs that always serve (the tests) are linked with
 * the libraries themselves.
 */
#ifndef MIEN_SERVER_LAZY_H
#define MIEN_SERVER_LAZY_H

#include <stdatomic.h>

struct lazy_library {
    const char *file, *package; /* its SONAME, and what Debian calls its package */
    _Atomic(void *) handle;
};

/* The function; ends the program with a sentence where there is none. */
void *lazy_find(struct lazy_library *library, const char *name);

/* Defines the function `name` with the parameters `params`, handed on as `args`. */
#define LAZY(result, name, params, args)                                                           \
    result name params {                                                                           \
        static _Atomic(void *) found;                                                              \
        if (!atomic_load(&found)) atomic_store(&found, lazy_find(&library, #name));                \
        return ((__typeof__(&name))atomic_load(&found))args;                                       \
    }
/* The same of one that returns nothing. */
#define LAZY_VOID(name, params, args)                                                              \
    void name params {                                                                             \
        static _Atomic(void *) found;                                                              \
        if (!atomic_load(&found)) atomic_store(&found, lazy_find(&library, #name));                \
        ((__typeof__(&name))atomic_load(&found)) args;                                             \
    }

#endif
