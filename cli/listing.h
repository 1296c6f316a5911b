/*
 * listing.h - the names in a folder in sorted order, in memory that does not grow with the folder.
 *
 * A folder of a million pictures is read a few thousand names at a time: each time the whole folder
 * is gone through, and the smallest names behind those given before are kept. Names that come or go
 * meanwhile are given or not; none is given twice.
 */
#ifndef MIEN_CLI_LISTING_H
#define MIEN_CLI_LISTING_H

#include <dirent.h>

/* Names kept at a time; up to twice as many are in memory. */
enum { LISTING_NAMES = 1 << 13 };

struct listing {
    char **names; /* [room] */
    int count, at, room;
    char *last; /* of the names given before these; NULL: none were */
    int more;   /* the folder has others behind these */
};

/* The next name of the folder for which keeps() is not 0, in *name: 1; 0 at the end; -1 with errno
 * where the folder cannot be read. It is valid until the next call. A listing starts as zeros. */
int listing_next(struct listing *l, const char *folder, int (*keeps)(const struct dirent *entry),
                 const char **name);
void listing_free(struct listing *l);

#endif
