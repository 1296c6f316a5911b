#include "server/lazy/lazy.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

void *lazy_find(struct lazy_library *library, const char *name) {
    void *handle = atomic_load(&library->handle), *found = NULL;

    if (!handle) { /* opened twice by two threads it is the same */
        handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
        atomic_store(&library->handle, handle);
    }
    if (handle) found = dlsym(handle, name);
    if (found) return found;
    fprintf(stderr, "mien: %s, which this needs, cannot be used: %s (Debian: apt-get install %s)\n",
            library->file, dlerror(), library->package);
    exit(EXIT_FAILURE);
}
