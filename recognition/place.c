#include "recognition/place.h"

#include <stdio.h>
#include <stdlib.h>

char *place_default(void) {
    return place_of("gallery.db");
}

char *place_of(const char *file) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n;

    if (data && *data)
        n = asprintf(&path, "%s/mien/%s", data, file);
    else
        n = asprintf(&path, "%s/.local/share/mien/%s", home && *home ? home : ".", file);
    return n < 0 ? NULL : path;
}
