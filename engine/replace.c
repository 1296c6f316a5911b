#include "engine/replace.h"

#include "engine/err.h"
#include "mien.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_TRIES = 100, LINKS_MAX = 40 };

/* mkstemp would do, but its files are the owner's only. */
static int create_beside(const char *path, char *name, size_t room) {
    for (int i = 0; i < NAME_TRIES; i++) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(name, room, "%s.%d-%ld.tmp", path, (int)getpid() % 100000, now.tv_nsec);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

/* The path a link's text stands for, which is relative to the link's folder. Returns NULL where
 * memory ran out. */
static char *follow(const char *link, const char *text) {
    const char *slash = *text == '/' ? NULL : strrchr(link, '/');
    char *path;
    if (asprintf(&path, "%.*s%s", slash ? (int)(slash - link) + 1 : 0, link, text) < 0) return NULL;
    return path;
}

/* The file that is written where path is: the end of its links, which need not be there yet. */
static int resolve(const char *path, char **out) {
    char text[PATH_MAX + 1];
    *out = strdup(path);
    for (int i = 0; *out; i++) {
        ssize_t n = readlink(*out, text, PATH_MAX);
        if (n < 0) return MIEN_OK; /* no link */
        if (i == LINKS_MAX) {
            free(*out);
            return err_set(MIEN_EIO, "%s", strerror(ELOOP));
        }
        text[n] = '\0';
        char *next = follow(*out, text);
        free(*out);
        *out = next;
    }
    return err_set(MIEN_ENOMEM, "no memory for a file name");
}

static int keep_mode(int fd, const char *path) {
    struct stat st;
    return stat(path, &st) != 0 || fchmod(fd, st.st_mode & 07777) == 0 ? 0 : -1;
}

int replace_begin(const char *path, struct replace *r) {
    int rc = resolve(path, &r->path);
    if (rc != MIEN_OK) return rc;
    size_t room = strlen(r->path) + 32;
    r->name = malloc(room);
    if (!r->name) {
        free(r->path);
        return err_set(MIEN_ENOMEM, "no memory for a file name");
    }
    r->fd = create_beside(r->path, r->name, room);
    if (r->fd >= 0 && keep_mode(r->fd, r->path) == 0) return MIEN_OK;
    rc = err_set(MIEN_EIO, "%s", strerror(errno));
    if (r->fd >= 0) return replace_end(r, rc);
    free(r->name);
    free(r->path);
    return rc;
}

int replace_write(int fd, const void *bytes, size_t size) {
    for (const char *p = bytes; size > 0;) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_set(MIEN_EIO, "%s", strerror(errno));
        p += n;
        size -= (size_t)n;
    }
    return MIEN_OK;
}

int replace_end(struct replace *r, int rc) {
    if (close(r->fd) != 0 && rc == MIEN_OK) rc = err_set(MIEN_EIO, "%s", strerror(errno));
    if (rc == MIEN_OK && rename(r->name, r->path) != 0)
        rc = err_set(MIEN_EIO, "%s", strerror(errno));
    if (rc != MIEN_OK) unlink(r->name);
    free(r->name);
    free(r->path);
    return rc;
}
