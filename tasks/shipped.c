#include "tasks/shipped.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[PATH_MAX]; /* empty: there is none */

/* Takes `place` beside a file, if it is there. */
static int try(const char *file, const char *place) {
    const char *slash = strrchr(file, '/');
    int n =
        slash ? snprintf(folder, sizeof folder, "%.*s/%s", (int)(slash - file), file, place) : -1;
    if (n > 0 && n < (int)sizeof folder && access(folder, X_OK) == 0) return 1;
    folder[0] = '\0';
    return 0;
}

/* Where data of all users lies: what a program that is linked with the library lies beside is its
 * own affair. */
static void find_in_data_dirs(void) {
    const char *dirs = getenv("XDG_DATA_DIRS");
    if (!dirs || !*dirs) dirs = "/usr/local/share:/usr/share";
    while (*dirs) {
        size_t n = strcspn(dirs, ":");
        int written = snprintf(folder, sizeof folder, "%.*s/mien/networks", (int)n, dirs);
        if (*dirs == '/' && written < (int)sizeof folder && access(folder, X_OK) == 0) return;
        dirs += n + (dirs[n] == ':');
    }
    folder[0] = '\0';
}

/* As vision/isolate.c finds its program. */
static void find_folder(void) {
    static const char *const places[] = {"networks", "../share/mien/networks",
                                         "../../share/mien/networks"};
    char self[PATH_MAX];
    Dl_info info;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (try(self, places[i]) ||
            (dladdr(&folder, &info) && info.dli_fname[0] == '/' && try(info.dli_fname, places[i])))
            return;
    find_in_data_dirs();
}

const char *shipped_folder(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_folder);
    return *folder ? folder : NULL;
}
