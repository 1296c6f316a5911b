#include "common/shared.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int shared_open(const char *file, const char *package, const struct shared_function *functions,
                void *out, char *why, size_t room) {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        snprintf(why, room, "%s, which this needs, is not installed (Debian: apt-get install %s)",
                 file, package);
        return -1;
    }
    for (; functions->name; functions++) {
        void *function = dlsym(handle, functions->name);
        if (!function) {
            snprintf(why, room, "%s has no %s: it is of another version", file, functions->name);
            return -1;
        }
        memcpy((char *)out + functions->at, &function, sizeof function);
    }
    return 0;
}
