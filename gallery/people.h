/*
 * people.h - what the modules that change people share of persons.
 */
#ifndef MIEN_GALLERY_PEOPLE_H
#define MIEN_GALLERY_PEOPLE_H

#include "gallery/gallery.h"

/* MIEN_EINVAL where a name is too long, or empty where it must not be. */
int people_check_name(const char *name, int may_be_empty);
/* The collection of a person that is there; MIEN_GALLERY_ENOTFOUND says what became of another. */
int people_live(mien_gallery *g, int64_t person, int64_t *collection);
/* MIEN_GALLERY_ENOTFOUND where there is no such collection. */
int people_check_collection(mien_gallery *g, int64_t collection);
/* Adds a row, without an event. */
int people_add(mien_gallery *g, const mien_gallery_person *person, int64_t *id);

#endif
