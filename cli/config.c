#include "config.h"

#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 }; /* bytes of a file */

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* as editors of Windows put it before text */

static char *kept; /* the text values point into */

static void forget(void) {
    free(kept);
}

static int read_text(const char *command, const char *path) {
    FILE *f = fopen(path, "re");
    size_t n = 0;
    int failed = 0;

    if (!f) return say_usage(command, "--config: %s: %s", path, strerror(errno));
    if (!kept) atexit(forget);
    free(kept);
    kept = calloc(1, MOST + 1);
    errno = EIO;
    if (kept) n = fread(kept, 1, MOST + 1, f);
    if (ferror(f)) failed = errno;
    fclose(f);
    if (!kept) return say_no_memory();
    if (failed) return say_usage(command, "--config: %s: %s", path, strerror(failed));
    if (n > MOST || strlen(kept) != n)
        return say_usage(command, "--config: %s is no text file of at most %d bytes", path, MOST);
    return EXIT_OK;
}

static char *trim(char *text) {
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r", end[-1])) *--end = '\0';
    return text + strspn(text, " \t");
}

/* A '#' within a value is part of it, as in a password. */
static void cut_comment(char *line) {
    for (char *p = line; (p = strchr(p, '#')); p++) {
        if (p > line && !strchr(" \t", p[-1])) continue;
        *p = '\0';
        return;
    }
}

/* Splits a line into name and value; *name is NULL where it holds no option. */
static int split_line(const char *command, const char *origin, char *line, char **name,
                      char **value) {
    char *equals;

    cut_comment(line);
    *name = trim(line);
    if (!**name) {
        *name = NULL;
        return EXIT_OK;
    }
    equals = strchr(*name, '=');
    if (!equals) return say_usage(command, "%s: '%s' has no '='", origin, *name);
    *equals = '\0';
    *name = trim(*name);
    *value = trim(equals + 1);
    return EXIT_OK;
}

int config_read(const char *command, const char *path, config_set *set, void *context) {
    char origin[512], *next, *name, *value = NULL;
    int status = read_text(command, path), number = 1;
    char *line = kept;

    if (status == EXIT_OK && strncmp(line, BYTE_ORDER_MARK, 3) == 0) line += 3;
    for (; status == EXIT_OK && line; line = next, number++) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        snprintf(origin, sizeof origin, "%s:%d", path, number);
        status = split_line(command, origin, line, &name, &value);
        if (status == EXIT_OK && name) status = set(context, origin, name, value);
    }
    return status;
}
