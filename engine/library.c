#include "engine/library.h"

#include "engine/err.h"
#include "mien.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void *open_first(const char *variable, const char *const *names) {
    const char *name = getenv(variable);
    if (name && *name) return dlopen(name, RTLD_NOW | RTLD_LOCAL);
    void *library = NULL;
    for (int i = 0; names[i] && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    return library;
}

int library_open(const char *product, const char *variable, const char *const *names,
                 const struct library_function *functions, void *out) {
    void *library = open_first(variable, names);
    if (!library) {
        const char *why = dlerror();
        return err_set(MIEN_EDEVICE, "%s cannot be opened: %s", product, why ? why : names[0]);
    }
    for (int i = 0; functions[i].name; i++) {
        void *found = dlsym(library, functions[i].name);
        if (!found) return err_set(MIEN_EDEVICE, "%s here has no %s", product, functions[i].name);
        memcpy((char *)out + functions[i].at, &found, sizeof found);
    }
    return MIEN_OK;
}
