/*
 * migrate_pictures.h - embeddings of another network for samples of whom no face is kept: from the
 * pictures they came from, found in a folder by their SHA-256 whatever they are called now.
 */
#ifndef MIEN_CLI_MIGRATE_PICTURES_H
#define MIEN_CLI_MIGRATE_PICTURES_H

#include "pipeline.h"
#include "shelf.h"

/* A sample that is looked for. */
struct lost {
    int64_t id, person;
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    int has_hash;
    float box[4];    /* of its face; all 0: not known */
    char *source;    /* malloc; NULL: not known */
    int is_embedded; /* set here */
    char why[128];   /* set here where it is not */
};

/* Embeds n samples of the pictures in a folder, each picture's on the disk before the next is
 * looked at; *embedded counts them. Returns an exit status: EXIT_OK, whatever became of samples. */
int migrate_pictures(const struct pipeline *p, const struct shelf *shelf, int64_t contract,
                     const char *folder, struct lost *lost, size_t n, int64_t *embedded);

#endif
