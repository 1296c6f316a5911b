/*
 * shared.h - shared libraries that a program opens when somebody needs them: most of its users do
 * not, and it runs where they are not installed.
 */
#ifndef MIEN_COMMON_SHARED_H
#define MIEN_COMMON_SHARED_H

#include <stddef.h>

/* A function by its name in the library, and where its pointer goes. */
struct shared_function {
    const char *name;
    size_t at; /* bytes into the struct of pointers */
};

/* Opens a library and fills the struct at `out`; functions end with a NULL. It stays open. 0, or -1
 * with a sentence that names the Debian package. */
int shared_open(const char *file, const char *package, const struct shared_function *functions,
                void *out, char *why, size_t room);

#endif
