#include "assets.h"

#include <string.h>

const struct asset *asset_find(const char *path) {
    size_t n = strlen(path);

    if (n > 1 && path[n - 1] == '/' && path[n - 2] != '/') n--; /* a slash at the end is optional */
    for (size_t i = 0; i < ASSET_COUNT; i++)
        if (strlen(ASSETS[i].path) == n && memcmp(ASSETS[i].path, path, n) == 0) return &ASSETS[i];
    return NULL;
}
