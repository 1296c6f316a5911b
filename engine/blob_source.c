#include "engine/blob_source.h"

#include "engine/err.h"
#include "engine/hash.h"
#include "engine/pages.h"
#include "mien.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t nanoseconds(struct timespec t) {
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct blob_identity identity_of(const struct stat *st) {
    return (struct blob_identity){.device = st->st_dev,
                                  .inode = st->st_ino,
                                  .size = (uint64_t)st->st_size,
                                  .owner = st->st_uid,
                                  .modified = nanoseconds(st->st_mtim),
                                  .changed = nanoseconds(st->st_ctim)};
}

/* Memory for all of the file, of which none is used yet. */
static int reserve(struct blob_source *s) {
    if (s->size == 0) return MIEN_OK;
    s->bytes = pages_reserve(s->size);
    if (s->bytes) return MIEN_OK;
    return err_set(MIEN_ENOMEM, "%s: out of memory for %zu bytes", s->label, s->size);
}

int blob_source_open(const char *path, struct blob_source *s) {
    struct stat st;
    *s = (struct blob_source){.label = path};
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for a writer */
    if (s->fd < 0) return err_set(MIEN_EIO, "%s: %s", path, strerror(errno));
    int rc = MIEN_OK;
    if (fstat(s->fd, &st) != 0)
        rc = err_set(MIEN_EIO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rc = err_set(MIEN_EIO, "%s: not a regular file", path);
    if (!rc) {
        s->size = (size_t)st.st_size;
        s->identity = identity_of(&st);
        rc = reserve(s);
    }
    if (rc) {
        close(s->fd);
        *s = (struct blob_source){.fd = -1};
    }
    return rc;
}

void blob_source_close(struct blob_source *s) {
    pages_unreserve(s->bytes, s->size);
    if (s->fd >= 0) close(s->fd);
}

/* Reads n bytes at `at` of the file to `to`. */
static int read_to(const struct blob_source *s, size_t at, size_t n, uint8_t *to) {
    while (n > 0) {
        ssize_t done = pread(s->fd, to, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return err_set(MIEN_EIO, "%s: %s", s->label, strerror(errno));
        if (done == 0)
            return err_set(MIEN_EIO, "%s: the file was cut off while it was read", s->label);
        at += (size_t)done;
        to += done;
        n -= (size_t)done;
    }
    return MIEN_OK;
}

int blob_source_read(const struct blob_source *s, size_t at, size_t n) {
    return read_to(s, at, n, s->bytes + at);
}

void blob_source_drop(const struct blob_source *s, size_t at, size_t n) {
    pages_drop(s->bytes + at, n);
}

int blob_source_check(const struct blob_source *s) {
    struct stat st;
    if (fstat(s->fd, &st) != 0) return err_set(MIEN_EIO, "%s: %s", s->label, strerror(errno));
    struct blob_identity now = identity_of(&st);
    if (now.size == s->identity.size && now.modified == s->identity.modified) return MIEN_OK;
    return err_set(MIEN_EIO, "%s: the file was changed while it was read", s->label);
}

int blob_source_hash(const struct blob_source *s, uint64_t *hash) {
    enum { CHUNK = 1 << 20 };
    uint8_t *chunk = malloc(CHUNK);
    if (!chunk) return err_set(MIEN_ENOMEM, "%s: out of memory", s->label);
    struct hash h;
    int rc = MIEN_OK;
    hash_start(&h);
    for (size_t at = 0; at < s->size && !rc; at += CHUNK) {
        size_t n = s->size - at < CHUNK ? s->size - at : CHUNK;
        rc = read_to(s, at, n, chunk);
        if (!rc) hash_add(&h, chunk, n);
    }
    free(chunk);
    *hash = hash_end(&h);
    return rc;
}
