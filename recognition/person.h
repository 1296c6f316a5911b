/*
 * person.h - persons by what people call them.
 */
#ifndef MIEN_RECOGNITION_PERSON_H
#define MIEN_RECOGNITION_PERSON_H

#include "mien_gallery.h"

enum { PERSON_NAME = 256, PERSON_WHY = 1400 };

/* The person of an id, or of a name in the collection. A name that nobody has gives 0 where
 * `may_miss`, else MIEN_GALLERY_ENOTFOUND; one that several have MIEN_GALLERY_ECONFLICT. Any
 * failure has its sentence in why. */
int person_find(mien_gallery *gallery, int64_t collection, const char *text, int may_miss,
                int64_t *person, char why[PERSON_WHY]);
/* The same of a name alone, which may look like an id. */
int person_find_name(mien_gallery *gallery, int64_t collection, const char *text, int may_miss,
                     int64_t *person, char why[PERSON_WHY]);
/* 1 where the person is there and has a name, which is copied, cut. */
int person_has_name(mien_gallery *gallery, int64_t person, char out[PERSON_NAME]);
/* What to call a person who may have been deleted since: the name, cut, "(no name)", or the id.
 * Returns out. */
const char *person_name(mien_gallery *gallery, int64_t person, char out[PERSON_NAME]);

#endif
