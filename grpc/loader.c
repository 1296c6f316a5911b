#include "grpc/loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_FILE "libmien-grpc.so"

/* The folder of the program, with a slash; "" where it is not known. */
static void own_folder(char *out, size_t room) {
    ssize_t n = readlink("/proc/self/exe", out, room - 1);
    char *slash;

    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    out[slash ? slash + 1 - out : 0] = '\0';
}

/* Of a build it lies beside the program; MIEN_GRPC_PLACE leads from bin/ to where it is installed.
 */
static int find(char *path, size_t room) {
    static const char *const places[] = {"", MIEN_GRPC_PLACE "/"};
    const char *given = getenv("MIEN_GRPC_MODULE");
    char folder[2048];

    if (given && *given) {
        snprintf(path, room, "%s", given);
        return access(path, F_OK);
    }
    own_folder(folder, sizeof folder);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, room, "%s%s%s", folder, places[i], MODULE_FILE);
        if (access(path, F_OK) == 0) return 0;
    }
    return -1;
}

const struct grpc_module *grpc_load(char *why, size_t room) {
    const struct grpc_module *module = NULL;
    grpc_module_fn *function = NULL;
    char path[4096];
    void *handle, *symbol;

    if (find(path, sizeof path)) {
        snprintf(why, room,
                 "gRPC needs the module %s, which is not installed here: mien was built "
                 "without it (Debian: apt-get install libgrpc++-dev "
                 "protobuf-compiler-grpc, then build mien again)",
                 MODULE_FILE);
        return NULL;
    }
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, room,
                 "the gRPC module cannot be opened: %s (Debian: apt-get install "
                 "libgrpc++1.51)",
                 dlerror());
        return NULL;
    }
    symbol = dlsym(handle, GRPC_MODULE_SYMBOL);
    memcpy(&function, &symbol, sizeof function); /* ISO C has no such cast */
    if (function) module = function();
    if (module && module->version == GRPC_MODULE_VERSION) return module;
    snprintf(why, room, "%s is of another version of mien", path);
    return NULL;
}
