/*
 * place.h - where a gallery lies that nobody named, and what else is kept beside it.
 */
#ifndef MIEN_RECOGNITION_PLACE_H
#define MIEN_RECOGNITION_PLACE_H

/* gallery.db in the user's data folder, for free(); NULL where there is no memory. */
char *place_default(void);
/* A file of that folder, likewise. */
char *place_of(const char *file);

#endif
