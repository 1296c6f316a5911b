#include "recognition/place.h"

#include <stdio.h>
#include <stdlib.h>

char *place_default(void) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n;

    if (data && *data)
        n = asprintf(&path, "%s/mien/gallery.db", data);
    else
        n = asprintf(&path, "%s/.local/share/mien/gallery.db", home && *home ? home : ".");
    return n < 0 ? NULL : path;
}
