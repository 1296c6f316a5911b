#include "common/folders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int folders_make(const char *path) {
    char *copy = strdup(path);
    int error = copy ? 0 : ENOMEM;

    for (char *slash = copy; !error && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (*copy && mkdir(copy, 0777) && errno != EEXIST) error = errno;
        *slash = '/';
    }
    free(copy);
    return error;
}
