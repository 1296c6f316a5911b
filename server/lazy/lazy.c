#include "server/lazy/lazy.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *lazy_find(struct lazy_library *library, const char *name) {
    void *handle = atomic_load(&library->handle), *found = NULL;
    const char *why;

    if (!handle) { /* opened twice by two threads it is the same */
        handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
        atomic_store(&library->handle, handle);
    }
    if (handle) found = dlsym(handle, name);
    if (found) return found;
    why = dlerror();
    if (strstr(why, "failed to map") || strstr(why, "cannot allocate")) /* glibc tells no number */
        fprintf(stderr, "mien: not enough memory: %s\n", why);
    else
        fprintf(stderr,
                "mien: %s, which this needs, cannot be used: %s (Debian: apt-get install %s)\n",
                library->file, why, library->package);
    exit(EXIT_FAILURE);
}
