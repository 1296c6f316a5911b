#include "engine/replace.h"

#include "engine/err.h"
#include "mien.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAME_TRIES = 100 };

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

int replace_begin(const char *path, struct replace *r) {
    size_t room = strlen(path) + 32;
    r->name = malloc(room);
    if (!r->name) return err_set(MIEN_ENOMEM, "no memory for a file name");
    r->fd = create_beside(path, r->name, room);
    if (r->fd >= 0) return MIEN_OK;
    int rc = err_set(MIEN_EIO, "%s", strerror(errno));
    free(r->name);
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

int replace_end(struct replace *r, const char *path, int rc) {
    if (close(r->fd) != 0 && rc == MIEN_OK) rc = err_set(MIEN_EIO, "%s", strerror(errno));
    if (rc == MIEN_OK && rename(r->name, path) != 0) rc = err_set(MIEN_EIO, "%s", strerror(errno));
    if (rc != MIEN_OK) unlink(r->name);
    free(r->name);
    return rc;
}
