/*
 * library.h - libraries that are opened when somebody needs them.
 *
 * NVIDIA's, and those of rarer picture formats: nothing of mien is linked with them, so it runs
 * where they are not. They stay open for the life of the process, for many do not like to be
 * closed.
 */
#ifndef MIEN_ENGINE_LIBRARY_H
#define MIEN_ENGINE_LIBRARY_H

#include <stddef.h>

/* A function by its name in the library, and where its pointer goes. */
struct library_function {
    const char *name;
    size_t at; /* bytes into the struct of pointers */
};

/* Opens the first of `names` there is, or what the environment variable `variable` names, and fills
 * the struct at `out`; functions and names end with a NULL. MIEN_EDEVICE with a sentence that says
 * what of `product` is missing. */
int library_open(const char *product, const char *variable, const char *const *names,
                 const struct library_function *functions, void *out);

#endif
