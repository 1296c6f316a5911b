/*
 * means.h - groups of faces whose means are alike, which the neighbours of their faces do not tell.
 */
#ifndef MIEN_GALLERY_MEANS_H
#define MIEN_GALLERY_MEANS_H

#include "gallery/groups.h"

/* Unites pairs of groups of at least two faces, each the nearest of the other by the cosine of
 * their means, from `join` on. ids: of the faces, rows of x. Returns how many pairs, or a code. */
int means_join(struct index *x, const int64_t *ids, struct groups *w);

#endif
