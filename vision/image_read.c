/*
 * Pictures from files, and from pipes by their names.
 *
 * A pipe is opened without waiting, since one that nobody writes into would be waited for without
 * end and without a word. A writer has WRITER_WAIT to come; once there is one it may take its time,
 * as what makes a picture may.
 */
#include "engine/err.h"
#include "vision/image.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_READ  (1 << 16)
#define WRITER_WAIT 5000 /* milliseconds */
#define WRITER_LOOK 20   /* between two looks whether there is one */

static int fail_by_errno(void) {
    return err_set(MIEN_EIO, "%s", strerror(errno));
}

/* read() that goes on where a signal came between. */
static ssize_t read_some(int fd, uint8_t *to, size_t room) {
    ssize_t got;
    do got = read(fd, to, room);
    while (got < 0 && errno == EINTR);
    return got;
}

/* The first bytes of a pipe whose descriptor does not block, and does from then on: *got of them, 0
 * where a writer left without any. A pipe without a writer is read as one at its end is, except
 * that poll() tells of no end. */
static int read_first(int fd, uint8_t *to, size_t room, ssize_t *got) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (int waited = 0;; waited += WRITER_LOOK) {
        bool is_told = poll(&p, 1, WRITER_LOOK) > 0;
        *got = read_some(fd, to, room);
        if (*got < 0 && errno != EAGAIN) return fail_by_errno();
        if (*got != 0 || is_told) break; /* bytes, a writer that has none yet, or the end */
        if (waited >= WRITER_WAIT)
            return err_set(MIEN_EIO, "is a pipe, which nobody opened for writing in %d seconds",
                           WRITER_WAIT / 1000);
    }
    if (fcntl(fd, F_SETFL, 0) != 0) return fail_by_errno();
    if (*got < 0) *got = read_some(fd, to, room);
    return *got < 0 ? fail_by_errno() : MIEN_OK;
}

/* Reads fd to its end. hint: the expected size, so that a regular file takes one allocation; a pipe
 * has none, and the size of a file may change while it is read. */
static int read_all(int fd, bool is_pipe, size_t hint, uint8_t **bytes, size_t *size) {
    size_t room = hint + 1, n = 0;
    uint8_t *b = malloc(room);
    while (b) {
        ssize_t got;
        int rc = MIEN_OK;
        if (is_pipe && n == 0)
            rc = read_first(fd, b, room, &got);
        else if ((got = read_some(fd, b + n, room - n)) < 0)
            rc = fail_by_errno();
        if (rc != MIEN_OK) {
            free(b);
            return rc;
        }
        n += (size_t)got;
        if (got == 0) {
            *bytes = b;
            *size = n;
            return MIEN_OK;
        }
        if (n < room) continue;
        if (n > IMAGE_MAX_FILE) {
            free(b);
            return err_set(MIEN_ETOOBIG, "the file is over the limit of %zu bytes", IMAGE_MAX_FILE);
        }
        room = room * 2;
        uint8_t *larger = realloc(b, room);
        if (!larger) free(b);
        b = larger;
    }
    return err_set(MIEN_ENOMEM, "no memory to read the file");
}

/* Devices have no end, or one at the first byte. */
static int check_kind(const struct stat *st) {
    if (S_ISDIR(st->st_mode)) return err_set(MIEN_EIO, "is a folder");
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
        return err_set(MIEN_EIO, "is a device, not a picture");
    if (S_ISREG(st->st_mode) && (uint64_t)st->st_size > IMAGE_MAX_FILE)
        return err_set(MIEN_ETOOBIG, "a file of %lld bytes is over the limit of %zu bytes",
                       (long long)st->st_size, IMAGE_MAX_FILE);
    return MIEN_OK;
}

static int read_file(const char *path, uint8_t **bytes, size_t *size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return fail_by_errno();
    struct stat st;
    int rc = fstat(fd, &st) == 0 ? check_kind(&st) : fail_by_errno();
    if (rc == MIEN_OK) {
        size_t hint = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : FIRST_READ;
        rc = read_all(fd, S_ISFIFO(st.st_mode), hint, bytes, size);
    }
    close(fd);
    return rc;
}

int mien_image_load(mien_ctx *ctx, const char *path, const mien_decode_options *opt,
                    mien_image **out) {
    if (!out) return err_set(MIEN_EINVAL, "mien_image_load: no place for the result given");
    *out = NULL;
    if (!path) return err_set(MIEN_EINVAL, "mien_image_load: no path given");
    uint8_t *bytes = NULL;
    size_t size = 0;
    int rc = read_file(path, &bytes, &size);
    if (rc == MIEN_OK) rc = mien_image_decode(ctx, bytes, size, opt, out);
    free(bytes);
    return rc == MIEN_OK ? MIEN_OK : err_prefix(rc, "%s", path);
}
