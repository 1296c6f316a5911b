#include "engine/pack_cache.h"

#include "engine/hash.h"
#include "engine/pool.h"
#include "mien.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FORMAT = 3 };
static const uint64_t MAGIC = 0x4B4341504E45494D; /* "MIENPACK" on a little-endian machine */

/* In the byte order of the machine: weights are, too, and another order spoils the magic. */
struct header {
    uint64_t magic, format;
    uint64_t layout, bytes;
    struct blob_identity blob; /* changed is 0 where it may not be trusted */
    uint64_t blob_hash;
    uint64_t weights; /* pack_cache_hash() of them */
    uint64_t check;   /* hash of all above */
};
_Static_assert(sizeof(struct header) <= PACK_CACHE_HEADER, "the header has its place");

static uint64_t hash_header(const struct header *h) {
    return hash_bytes(h, offsetof(struct header, check));
}

static int same_file(const struct blob_identity *a, const struct blob_identity *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->owner == b->owner && a->modified == b->modified && a->changed == b->changed;
}

/* Weights, read and hashed in pieces by all threads of a pool. */
struct pieces {
    int fd; /* -1: they are in memory */
    char *weights;
    size_t bytes;
    uint64_t *hash; /* [count] */
    int count;
    atomic_int failed;
};

enum { PIECE = 2 << 20 };

/* n bytes at `at` of a file. */
static int read_all(int fd, size_t at, char *to, size_t n) {
    while (n > 0) {
        ssize_t done = pread(fd, to, n, (off_t)at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return 0;
        to += done;
        at += (size_t)done;
        n -= (size_t)done;
    }
    return 1;
}

static void piece_task(void *context, int task, int worker) {
    struct pieces *p = context;
    size_t at = (size_t)task * PIECE, n = p->bytes - at < PIECE ? p->bytes - at : PIECE;
    (void)worker;
    if (p->fd >= 0 && !read_all(p->fd, PACK_CACHE_HEADER + at, p->weights + at, n))
        atomic_store(&p->failed, 1);
    else
        p->hash[task] = hash_bytes(p->weights + at, n);
}

/* All of them, from a file unless fd is -1; 0 where that failed. */
static int take_pieces(struct pool *pool, int fd, char *weights, size_t bytes, uint64_t *hash) {
    struct pieces p = {.fd = fd, .weights = weights, .bytes = bytes};
    p.count = (int)((bytes + PIECE - 1) / PIECE);
    p.hash = calloc((size_t)p.count + 1, sizeof *p.hash);
    if (!p.hash) return 0;
    if (pool)
        pool_run(pool, p.count, piece_task, &p);
    else
        for (int i = 0; i < p.count; i++) piece_task(&p, i, 0);
    *hash = hash_bytes(p.hash, (size_t)p.count * sizeof *p.hash);
    free(p.hash);
    return !atomic_load(&p.failed);
}

int pack_cache_hash(struct pool *pool, const void *weights, size_t bytes, uint64_t *hash) {
    return take_pieces(pool, -1, (char *)(uintptr_t)weights, bytes, hash) ? MIEN_OK : MIEN_ENOMEM;
}

enum pack_cache_verdict pack_cache_check(const void *header, size_t size, uint64_t weights,
                                         const struct pack_cache_key *key,
                                         const struct blob_identity *blob, uint64_t *hash) {
    struct header h;
    if (size < PACK_CACHE_HEADER || size - PACK_CACHE_HEADER != key->bytes)
        return PACK_CACHE_USELESS;
    memcpy(&h, header, sizeof h);
    if (h.magic != MAGIC || h.format != FORMAT || h.check != hash_header(&h) ||
        h.layout != key->layout || h.bytes != key->bytes || h.blob.size != blob->size ||
        h.weights != weights)
        return PACK_CACHE_USELESS;
    *hash = h.blob_hash;
    return same_file(&h.blob, blob) ? PACK_CACHE_GOOD : PACK_CACHE_MOVED;
}

enum place { BESIDE, IN_CACHE_FOLDER, PLACES };

/* Length of the blob's path less its extension. */
static int stem_length(const char *path) {
    static const char extension[] = ".safetensors";
    size_t n = strlen(path), m = sizeof extension - 1;
    return (int)(n > m && strcmp(path + n - m, extension) == 0 ? n - m : n);
}

char *pack_cache_folder(int create) {
    const char *dir = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *above = NULL, *path = NULL;
    int n = -1;
    if (dir && *dir == '/')
        n = asprintf(&above, "%s", dir);
    else if (home && *home == '/')
        n = asprintf(&above, "%s/.cache", home);
    if (n < 0) return NULL;
    n = asprintf(&path, "%s/mien", above);
    if (create && n >= 0) {
        mkdir(above, 0700);
        mkdir(path, 0700);
    }
    free(above);
    return n < 0 ? NULL : path;
}

/* Blobs of one name in several folders are told apart by a hash of the whole path. */
static char *path_in_cache_folder(const char *blob, const char *variant, int create) {
    char *folder = pack_cache_folder(create), *full = realpath(blob, NULL), *path = NULL;
    if (folder && full) {
        const char *name = strrchr(full, '/') + 1;
        if (asprintf(&path, "%s/%.*s-%016llx.%s.packed", folder, stem_length(name), name,
                     (unsigned long long)hash_bytes(full, strlen(full)), variant) < 0)
            path = NULL;
    }
    free(folder);
    free(full);
    return path;
}

/* Path of the cache file; NULL where that place is not to be had. create: its folder, too. */
static char *path_of(const struct pack_cache_key *key, enum place place, int create) {
    const char *blob = blob_label(key->blob);
    if (place == IN_CACHE_FOLDER) return path_in_cache_folder(blob, key->variant, create);
    char *path;
    return asprintf(&path, "%.*s.%s.packed", stem_length(blob), blob, key->variant) < 0 ? NULL
                                                                                        : path;
}

/* A cache file says what a network computes, so it must be by someone who could have written the
 * blob, or by who runs this. */
static int trusted_owner(uid_t owner, const struct blob_identity *blob) {
    return owner == geteuid() || owner == 0 || owner == blob->owner;
}

/* All of the file, in memory of our own: a mapping would change with the file, and end the process
 * where that is truncated. NULL where it is not one of `size` bytes. */
static char *read_file(const char *path, size_t size, const struct pack_cache_key *key,
                       const struct blob_identity *blob, uint64_t *weights) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0) return NULL;
    int good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size &&
               trusted_owner(st.st_uid, blob);
    char *p = good ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                   : MAP_FAILED;
    /* a fault in each page of 4 KB would cost more than the copy */
    if (p != MAP_FAILED) madvise(p, size, MADV_HUGEPAGE);
    if (p != MAP_FAILED &&
        (!read_all(fd, 0, p, PACK_CACHE_HEADER) ||
         !take_pieces(key->pool, fd, p + PACK_CACHE_HEADER, key->bytes, weights) ||
         mprotect(p, size, PROT_READ) != 0)) {
        munmap(p, size);
        p = MAP_FAILED;
    }
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

/* A file that was changed a moment ago could be changed again within a tick of its clock, and keep
 * its identity (git calls that "racy"): such an identity is not recorded. */
static void settle(struct blob_identity *blob) {
    enum { TICK = 2 }; /* seconds, FAT's */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t last = blob->modified > blob->changed ? blob->modified : blob->changed;
    if (now.tv_sec - last / 1000000000 <= TICK) blob->changed = 0;
}

/* Makes the file at path, which was read to `file`, know the blob by its new identity, so that it
 * need not be read again. A header that is torn by two doing this is one that does not count. */
static void adopt(const char *path, const void *file, const struct blob_identity *blob) {
    struct header h;
    memcpy(&h, file, sizeof h);
    h.blob = *blob;
    settle(&h.blob);
    h.check = hash_header(&h);
    if (h.blob.changed == 0) return;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    if (pwrite(fd, &h, sizeof h, 0) != (ssize_t)sizeof h) unlink(path);
    close(fd);
}

const void *pack_cache_read(const struct pack_cache_key *key) {
    struct blob_identity blob;
    if (!blob_identity(key->blob, &blob)) return NULL;
    size_t size = PACK_CACHE_HEADER + key->bytes;
    uint64_t weights, hash, now;
    for (int place = 0; place < PLACES; place++) {
        char *path = path_of(key, (enum place)place, 0);
        char *file = path ? read_file(path, size, key, &blob, &weights) : NULL;
        enum pack_cache_verdict verdict =
            file ? pack_cache_check(file, size, weights, key, &blob, &hash) : PACK_CACHE_USELESS;
        if (verdict == PACK_CACHE_MOVED && blob_hash(key->blob, &now) == MIEN_OK && now == hash) {
            adopt(path, file, &blob);
            verdict = PACK_CACHE_GOOD;
        }
        free(path);
        if (verdict == PACK_CACHE_GOOD) return file + PACK_CACHE_HEADER;
        if (file) munmap(file, size);
    }
    return NULL;
}

void pack_cache_free(const void *weights, size_t bytes) {
    munmap((void *)((uintptr_t)weights - PACK_CACHE_HEADER), bytes + PACK_CACHE_HEADER);
}

/* Opens the file that becomes the cache file once it is whole, empty, for this process alone; one
 * name, so that a killed process leaves no more than one behind, and the next uses it. -1: another
 * process is at it, or errno says why not. */
static int open_temporary(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat opened, named;
    if (fd < 0) return -1;
    /* whoever held the lock may have renamed the file just before it was ours: then it is the cache
     * file, which others may be reading */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
        opened.st_ino == named.st_ino && opened.st_dev == named.st_dev && S_ISREG(opened.st_mode) &&
        opened.st_nlink == 1 && opened.st_uid == geteuid()) {
        if (ftruncate(fd, 0) == 0) return fd;
        unlink(path);
    }
    close(fd);
    errno = EAGAIN;
    return -1;
}

static int write_all(int fd, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return 0;
        p += done;
        n -= (size_t)done;
    }
    return 1;
}

/* 1 where there is nothing more to try: written, or the disk is full, or another process does it;
 * 0 where the folder takes no files. */
static int write_at(const char *path, const void *header, const void *weights, size_t bytes) {
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0) return 1;
    int fd = open_temporary(temporary);
    int again = fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM);
    if (fd >= 0) {
        if (!write_all(fd, header, PACK_CACHE_HEADER) || !write_all(fd, weights, bytes) ||
            rename(temporary, path) != 0)
            unlink(temporary);
        close(fd);
    }
    free(temporary);
    return !again;
}

void pack_cache_write(const struct pack_cache_key *key, const void *weights) {
    struct header h = {.magic = MAGIC, .format = FORMAT, .layout = key->layout};
    if (!blob_identity(key->blob, &h.blob)) return;
    /* what was packed and what is hashed are the same bytes where nobody has written meanwhile */
    if (blob_hash(key->blob, &h.blob_hash) || blob_check(key->blob) ||
        pack_cache_hash(key->pool, weights, key->bytes, &h.weights))
        return;
    char *page = calloc(1, PACK_CACHE_HEADER);
    if (!page) return;
    settle(&h.blob);
    h.bytes = key->bytes;
    h.check = hash_header(&h);
    memcpy(page, &h, sizeof h);
    for (int place = 0, done = 0; place < PLACES && !done; place++) {
        char *path = path_of(key, (enum place)place, 1);
        done = path && write_at(path, page, weights, key->bytes);
        free(path);
    }
    free(page);
}
