/* library.h - NVIDIA's libraries, opened when a context asks for them. */
#ifndef MIEN_CUDA_LIBRARY_H
#define MIEN_CUDA_LIBRARY_H

#include <stddef.h>

/* A function by its name in the library, and where its pointer goes. */
struct library_function {
    const char *name;
    size_t at; /* bytes into the struct of pointers */
};

/* Opens the first of `names` there is, or what the environment variable `variable` names, and fills
 * the struct at `out`; functions and names end with a NULL. It stays open for the life of the
 * process: NVIDIA's libraries do not like to be closed. MIEN_EDEVICE with a sentence that says what
 * of `product` is missing. */
int library_open(const char *product, const char *variable, const char *const *names,
                 const struct library_function *functions, void *out);

#endif
