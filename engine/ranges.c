#include "engine/ranges.h"

#include <stdio.h>
#include <string.h>

void ranges_name(int number, const char *node, char *name) {
    snprintf(name, RANGES_NAME, RANGES_PREFIX "%d %.128s", number, node);
}

int ranges_is(const struct blob_tensor *t) {
    return strncmp(t->name, RANGES_PREFIX, strlen(RANGES_PREFIX)) == 0;
}

int ranges_has(const struct blob *blob) {
    for (int i = 0; i < blob_count(blob); i++)
        if (ranges_is(blob_at(blob, i))) return 1;
    return 0;
}
