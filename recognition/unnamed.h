/*
 * unnamed.h - faces whom nobody has named, by the rules of the tool and the server: which of a
 * picture's are kept, how alike those of one person have to be, what is told of whoever they are.
 */
#ifndef MIEN_RECOGNITION_UNNAMED_H
#define MIEN_RECOGNITION_UNNAMED_H

#include "analysis/analysis.h"
#include "mien_gallery.h"

/* What is to become of a picture's faces. */
struct unnamed_picture {
    int64_t collection, contract;
    const char *source;  /* NULL: not known */
    const uint8_t *hash; /* [MIEN_GALLERY_HASH_SIZE] of the picture's bytes; NULL: not known */
    int force;           /* poor faces, too */
    int keep_crops;      /* their aligned faces are kept with them */
    const char *who;     /* for the log; NULL: who opened the gallery */
};

struct unnamed_added {
    int known;        /* the gallery has faces of that picture: nothing was done */
    int added, poor;  /* faces; those that were left out */
    int64_t *samples; /* [added], malloc */
};

/* Adds the faces of an analysed picture, which has embeddings and measures, each as a person
 * without a name: all on the disk, or nothing. A face that is too small, or whose picture has a
 * reason against it (docs/quality.md), is left out: poor pictures of different people are like each
 * other. Returns the gallery's code, or MIEN_ENOMEM; out->samples is to be freed in any case. */
int unnamed_add(mien_gallery *gallery, const struct unnamed_picture *p, const struct analysis *a,
                struct unnamed_added *out);
/* The similarity of two groups' means from which they are one person, in a collection of so many
 * faces: what one of 100,000 pairs of strangers reach, or less than one of all pairs of a face. */
double unnamed_join(const struct network *embedder, int64_t faces);
/* How many faces a collection has. Returns the gallery's code. */
int unnamed_count(mien_gallery *gallery, int64_t collection, int64_t *faces);

#endif
