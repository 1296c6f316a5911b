/*
 * album.h - who is in the pictures of a collection: its persons with their faces, told one by one,
 * and laid out as folders of links.
 */
#ifndef MIEN_CLI_ALBUM_H
#define MIEN_CLI_ALBUM_H

#include "shelf.h"

/* Tells of persons who have a name or several samples: a line each. folder: makes there a folder a
 * person with a link to each picture; NULL: none. Returns an exit status. */
int album_tell(const struct shelf *shelf, const char *folder);

#endif
