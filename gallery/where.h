/*
 * where.h - which persons a search may find: those whose metadata are so.
 */
#ifndef MIEN_GALLERY_WHERE_H
#define MIEN_GALLERY_WHERE_H

#include "gallery/gallery.h"
#include "gallery/ids.h"

/* The persons of a collection of whom `where` holds (mien_gallery_identify_options), by rising id.
 */
int where_persons(mien_gallery *g, int64_t collection, const char *where, struct ids *persons);
/* Whether an id is one of a list by rising id. */
int where_holds(const struct ids *persons, int64_t person);

#endif
