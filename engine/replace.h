/*
 * replace.h - writing a file so that its path holds the old content or all of the new one, at any
 * time: into a new file beside it, which takes its place at the end. Where the path is a link the
 * file it leads to is replaced, and a file that was there hands on its permissions: to whoever
 * looks it has been rewritten.
 */
#ifndef MIEN_ENGINE_REPLACE_H
#define MIEN_ENGINE_REPLACE_H

#include <stddef.h>

struct replace {
    int fd;
    char *path; /* what is replaced: no link */
    char *name; /* of the new file */
};

/* Creates the new file, with the permissions of the old one, or those any new file gets. MIEN_EIO
 * with the system's reason, MIEN_ENOMEM. Ended by replace_end() where it returns MIEN_OK. */
int replace_begin(const char *path, struct replace *r);
/* Appends to a file; MIEN_EIO with the system's reason. */
int replace_write(int fd, const void *bytes, size_t size);
/* Puts the new file in the old one's place where rc is MIEN_OK, else removes it. Returns rc, or
 * MIEN_EIO where that failed. */
int replace_end(struct replace *r, int rc);

#endif
