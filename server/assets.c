#include "assets.h"

#include <string.h>

const struct asset *asset_find(const char *path) {
    for (size_t i = 0; i < ASSET_COUNT; i++)
        if (!strcmp(ASSETS[i].path, path)) return &ASSETS[i];
    return NULL;
}
