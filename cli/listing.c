#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void drop_names(struct listing *l, int from) {
    for (int i = from; i < l->count; i++) free(l->names[i]);
    l->count = from;
}

/* Sorts the names, and keeps the smallest. */
static void keep_smallest(struct listing *l) {
    if (l->count > 0) qsort(l->names, (size_t)l->count, sizeof *l->names, compare_names);
    if (l->count <= LISTING_NAMES) return;
    drop_names(l, LISTING_NAMES);
    l->more = 1;
}

/* Returns -1 where memory ran out. */
static int add(struct listing *l, const char *name) {
    char **names, *copy;

    if (l->count == l->room) {
        int room = l->room ? 2 * l->room : 64;
        names = realloc(l->names, (size_t)room * sizeof *names);
        if (!names) return -1;
        l->names = names;
        l->room = room;
    }
    copy = strdup(name);
    if (!copy) return -1;
    l->names[l->count++] = copy;
    if (l->count == 2 * LISTING_NAMES) keep_smallest(l);
    return 0;
}

/* Whether a name is one of the next: behind those given, and before the largest of a full batch. */
static int is_next(const struct listing *l, const char *name) {
    if (l->last && strcmp(name, l->last) <= 0) return 0;
    return !l->more || l->count < LISTING_NAMES || strcmp(name, l->names[LISTING_NAMES - 1]) < 0;
}

static int fill(struct listing *l, const char *folder, int (*keeps)(const struct dirent *)) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int error;

    if (!dir) return -1;
    l->at = l->more = 0;
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (!keeps(entry)) continue;
        if (is_next(l, entry->d_name)) {
            if (add(l, entry->d_name)) {
                errno = ENOMEM;
                break;
            }
        } else if (!l->last || strcmp(entry->d_name, l->last) > 0) {
            l->more = 1;
        }
    }
    error = errno;
    closedir(dir);
    keep_smallest(l);
    errno = error;
    return error ? -1 : 0;
}

int listing_next(struct listing *l, const char *folder, int (*keeps)(const struct dirent *entry),
                 const char **name) {
    if (l->at == l->count) {
        if (l->count > 0 && !l->more) return 0;
        if (l->count > 0) { /* the last of them is the one to go on behind */
            free(l->last);
            l->last = l->names[--l->count];
            drop_names(l, 0);
        }
        if (fill(l, folder, keeps)) return -1;
        if (l->count == 0) return 0;
    }
    *name = l->names[l->at++];
    return 1;
}

void listing_free(struct listing *l) {
    drop_names(l, 0);
    free(l->names);
    free(l->last);
    memset(l, 0, sizeof *l);
}
