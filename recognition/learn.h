/*
 * learn.h - while a collection is migrated: faces that are somebody for sure become samples of
 * theirs under the new contract, for those of whom no crop or picture is left.
 */
#ifndef MIEN_RECOGNITION_LEARN_H
#define MIEN_RECOGNITION_LEARN_H

#include "recognition/identify.h"

/* How likely it has to be that a face is somebody. */
#define LEARN_CERTAIN 0.999

struct learning {
    const struct identifying *in; /* whose `also` is the new contract */
    const char *source;           /* NULL: not known */
    const uint8_t *hash;          /* [MIEN_GALLERY_HASH_SIZE] of the picture's bytes; NULL */
    int keep_crops;               /* the picture is still there, and its crops are kept */
    const char *who;              /* for the log; NULL: who opened the gallery */
};

/* Adds those of an analysed picture's faces, which were measured, of whom all of this is so: likely
 * the same person and nobody else, with a probability of LEARN_CERTAIN; a good picture
 * (docs/quality.md), of a face that is large enough; and the person has fewer samples under the new
 * contract than under the old, none of them unlike this one. An event each, which can be undone:
 * all are on the disk, or none. *n: how many. Returns the gallery's code, or MIEN_ENOMEM without a
 * sentence of its. */
int learn_faces(mien_gallery *gallery, const struct learning *l, const struct analysis *a,
                const struct identified *found, int *n);

#endif
