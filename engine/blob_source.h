/*
 * blob_source.h - the file behind a blob, read in pieces into memory of our own.
 *
 * A mapping would change with the file, and end the process where the file is cut off; so there is
 * none. Memory as large as the file is reserved, and a piece of it is read when it is wanted: what
 * a start does not look at costs nothing. Whoever reads says at the end whether the file was still
 * the one that was opened: a mixture of two is nobody's weights.
 */
#ifndef MIEN_ENGINE_BLOB_SOURCE_H
#define MIEN_ENGINE_BLOB_SOURCE_H

#include <stddef.h>
#include <stdint.h>

/* What tells one state of a file from another without reading it, as git's index does. */
struct blob_identity {
    uint64_t device, inode, size, owner;
    int64_t modified, changed; /* ns since 1970 */
};

struct blob_source {
    int fd;
    const char *label; /* its path, which must stay valid */
    uint8_t *bytes;    /* [size]; what was not read, or was dropped, is zeros */
    size_t size;
    struct blob_identity identity; /* when it was opened */
};

/* MIEN_EIO where it is no regular file or cannot be opened, MIEN_ENOMEM. A failed one needs no
 * close. */
int blob_source_open(const char *path, struct blob_source *s);
void blob_source_close(struct blob_source *s);
/* Reads n bytes at `at`, all within the file, to their place. MIEN_EIO, also where the file has
 * become shorter. */
int blob_source_read(const struct blob_source *s, size_t at, size_t n);
/* Gives back the memory of n bytes at `at`, but for the pages at both ends, which others share. */
void blob_source_drop(const struct blob_source *s, size_t at, size_t n);
/* MIEN_EIO where the file was written to since it was opened. Another file of its name is none of
 * its business. */
int blob_source_check(const struct blob_source *s);
/* Hash of all bytes of the file, which are read and not kept. */
int blob_source_hash(const struct blob_source *s, uint64_t *hash);

#endif
