/* Where networks are found: names, paths, and what a folder has. */
#include "engine/err.h"
#include "tasks/net.h"
#include "tasks/shipped.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char SUFFIX[] = ".safetensors";

static int has_suffix(const char *name) {
    size_t n = strlen(name), m = strlen(SUFFIX);
    return n > m && strcmp(name + n - m, SUFFIX) == 0;
}

static int is_path(const char *name) {
    return strchr(name, '/') || has_suffix(name);
}

/* The file of a network that comes with mien; NULL where there is none of that name. */
static char *find_shipped(const char *name) {
    const char *folder = shipped_folder();
    char *path = NULL;
    if (!folder || asprintf(&path, "%s/%s%s", folder, name, SUFFIX) < 0) return NULL;
    if (access(path, F_OK) == 0) return path;
    free(path);
    return NULL;
}

int mien_net_path(const mien_ctx *ctx, const char *name, char **path) {
    if (!path) return err_null("mien_net_path");
    *path = NULL;
    if (!ctx || !name) return err_null("mien_net_path");
    if (is_path(name)) {
        *path = strdup(name);
    } else if (asprintf(path, "%s/%s%s", ctx->weights_dir, name, SUFFIX) < 0) {
        *path = NULL;
    } else if (access(*path, F_OK) != 0) {
        char *shipped = find_shipped(name);
        if (shipped) free(*path);
        if (shipped) *path = shipped;
    }
    return *path ? MIEN_OK : err_set(MIEN_ENOMEM, "%s: out of memory", name);
}

int net_find(const mien_ctx *ctx, const char *name, char **path) {
    int rc = mien_net_path(ctx, name, path);
    if (rc || is_path(name) || access(*path, F_OK) == 0) return rc;
    rc = err_set(MIEN_EIO, "no network called '%s' in %s: %s", name, ctx->weights_dir,
                 strerror(errno));
    free(*path);
    *path = NULL;
    return rc;
}

static int is_blob(const struct dirent *entry) {
    return entry->d_name[0] != '.' && has_suffix(entry->d_name);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What two folders have. */
struct listing {
    struct dirent **entries[2];
    int n[2];
};

/* The pointers, then the texts, each name once. */
static char **join_names(const struct listing *l) {
    size_t bytes = sizeof(char *);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < l->n[k]; i++)
            bytes += sizeof(char *) + strlen(l->entries[k][i]->d_name) + 1;
    char **names = malloc(bytes), *at = (char *)(names ? names + l->n[0] + l->n[1] + 1 : NULL);
    int n = 0, kept = 0;
    if (!names) return NULL;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < l->n[k]; i++) {
            names[n++] = at;
            at = stpcpy(at, l->entries[k][i]->d_name) - strlen(SUFFIX);
            *at++ = '\0';
        }
    qsort(names, (size_t)n, sizeof *names, compare_names);
    for (int i = 0; i < n; i++)
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) names[kept++] = names[i];
    names[kept] = NULL;
    return names;
}

/* Adds what a folder has; one that is not there has nothing. */
static int scan(const char *folder, struct listing *l, int k) {
    l->n[k] = scandir(folder, &l->entries[k], is_blob, NULL);
    if (l->n[k] >= 0) return MIEN_OK;
    l->n[k] = 0;
    return errno == ENOENT ? MIEN_OK
                           : err_set(errno == ENOMEM ? MIEN_ENOMEM : MIEN_EIO, "%s: %s", folder,
                                     strerror(errno));
}

int mien_net_list(const mien_ctx *ctx, char ***names) {
    struct listing l = {.n = {0, 0}};
    if (!names) return err_null("mien_net_list");
    *names = NULL;
    if (!ctx) return err_null("mien_net_list");
    int rc = scan(ctx->weights_dir, &l, 0);
    if (!rc && shipped_folder()) rc = scan(shipped_folder(), &l, 1);
    if (!rc) *names = join_names(&l);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < l.n[k]; i++) free(l.entries[k][i]);
        free(l.entries[k]);
    }
    if (rc || *names) return rc;
    return err_set(MIEN_ENOMEM, "out of memory");
}
