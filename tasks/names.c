/* Where networks are found: names, paths, and what a folder has. */
#include "engine/err.h"
#include "tasks/net.h"

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

int mien_net_path(const mien_ctx *ctx, const char *name, char **path) {
    if (!path) return err_null("mien_net_path");
    *path = NULL;
    if (!ctx || !name) return err_null("mien_net_path");
    if (is_path(name))
        *path = strdup(name);
    else if (asprintf(path, "%s/%s%s", ctx->weights_dir, name, SUFFIX) < 0)
        *path = NULL;
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

/* The pointers, then the texts. */
static char **join_names(struct dirent **entries, int n) {
    size_t bytes = ((size_t)n + 1) * sizeof(char *);
    for (int i = 0; i < n; i++) bytes += strlen(entries[i]->d_name) + 1;
    char **names = malloc(bytes), *at = (char *)(names + n + 1);
    if (!names) return NULL;
    for (int i = 0; i < n; i++) {
        names[i] = at;
        at = stpcpy(at, entries[i]->d_name) - strlen(SUFFIX);
        *at++ = '\0';
    }
    names[n] = NULL;
    qsort(names, (size_t)n, sizeof *names, compare_names);
    return names;
}

int mien_net_list(const mien_ctx *ctx, char ***names) {
    struct dirent **entries = NULL;
    if (!names) return err_null("mien_net_list");
    *names = NULL;
    if (!ctx) return err_null("mien_net_list");
    int n = scandir(ctx->weights_dir, &entries, is_blob, NULL);
    if (n < 0 && errno != ENOENT)
        return err_set(errno == ENOMEM ? MIEN_ENOMEM : MIEN_EIO, "%s: %s", ctx->weights_dir,
                       strerror(errno));
    if (n < 0) n = 0;
    *names = join_names(entries, n);
    for (int i = 0; i < n; i++) free(entries[i]);
    free(entries);
    return *names ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory");
}
