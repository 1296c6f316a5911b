#include "eval/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int eval_fail(char why[EVAL_WHY], int rc, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, EVAL_WHY, fmt, ap);
    va_end(ap);
    return rc;
}

int eval_no_memory(char why[EVAL_WHY]) {
    return eval_fail(why, MIEN_ENOMEM, "out of memory");
}

/* Grows *text until the file has ended or has too much. Returns an errno. */
static int read_all(FILE *in, char **text, size_t *size) {
    size_t capacity = (size_t)1 << 16;

    *size = 0;
    *text = malloc(capacity);
    while (*text) {
        *size += fread(*text + *size, 1, capacity - *size - 1, in);
        if (ferror(in)) return errno ? errno : EIO;
        if (feof(in)) break;
        if (*size > EVAL_FILE_MAX) return EFBIG;
        if (*size + 1 < capacity) continue;
        capacity *= 2;
        char *grown = realloc(*text, capacity);
        if (!grown) free(*text);
        *text = grown;
    }
    if (!*text) return ENOMEM;
    (*text)[*size] = '\0';
    return 0;
}

int eval_read_file(const char *path, char **text, size_t *size, char why[EVAL_WHY]) {
    FILE *in = fopen(path, "re");
    int error = in ? read_all(in, text, size) : errno;

    if (in) fclose(in);
    if (!error) return MIEN_OK;
    if (in) free(*text);
    *text = NULL;
    *size = 0;
    if (error == ENOMEM) return eval_no_memory(why);
    return eval_fail(why, MIEN_EIO, "%s: %s", path, strerror(error));
}

char *eval_path(const char *folder, const char *name) {
    size_t n = strlen(folder), size = n + strlen(name) + 2;
    char *path = malloc(size);

    if (path)
        snprintf(path, size, "%s%s%s", *name == '/' ? "" : folder,
                 *name == '/' || n == 0 || folder[n - 1] == '/' ? "" : "/", name);
    return path;
}

char *eval_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');

    return strndup(path, slash ? (size_t)(slash - path) + (slash == path) : 0);
}
