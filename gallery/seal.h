/*
 * seal.h - the fields of a row as they lie in the store: as they are, or, of an encrypted gallery,
 * sealed under the row's own key.
 *
 * Whoever writes a row seals its fields, whoever reads one unseals them; of a gallery that is not
 * encrypted both hand on what they are given. What is wrong is kept in the struct and asked for at
 * the end, so that a row's fields can be written down one after the other.
 */
#ifndef MIEN_GALLERY_SEAL_H
#define MIEN_GALLERY_SEAL_H

#include "gallery/gallery.h"

/* What is sealed; the numbers are part of what it is bound to, and stay. */
enum seal_field {
    SEAL_NAME = 1,
    SEAL_PERSON_EXTERNAL,
    SEAL_PERSON_METADATA,
    SEAL_EMBEDDING, /* more: its contract */
    SEAL_CROP,
    SEAL_SOURCE, /* with its hash */
    SEAL_SAMPLE_EXTERNAL,
    SEAL_SAMPLE_METADATA
};

enum {
    SEAL_PIECES = 12,
    SEAL_NAME_HEAD = 20, /* letters of a sealed name by which it is found */
    SEAL_GONE = 1        /* the row's key was deleted: it is as if the row were, too */
};

/* The fields of one row. rc: the first thing that went wrong, or SEAL_GONE. */
struct seal {
    mien_gallery *g;
    int64_t id;
    int rc, has_key, n;
    uint8_t key[MIEN_GALLERY_KEY_SIZE];
    void *pieces[SEAL_PIECES];
};

/* Of the row of a person or sample of that id. */
struct seal seal_begin(mien_gallery *g, int64_t id);
/* Frees what fields lie in. Returns rc, or MIEN_OK where the row is gone, which a reader passes
 * over. */
int seal_end(struct seal *s);

/* Fields of a row to the store's; STORE_NULL stays that. They lie there until seal_end(). */
struct store_value seal_bytes(struct seal *s, enum seal_field field, int64_t more,
                              struct store_value value);
struct store_value seal_text(struct seal *s, enum seal_field field, const char *text);
/* A name of a collection; "" stays that, so that faces without a name are told apart. */
struct store_value seal_name(struct seal *s, int64_t collection, const char *name);
/* Where a picture came from, and its hash; either may be NULL. */
struct store_value seal_source(struct seal *s, const char *source, const uint8_t *hash);

/* And back. */
struct store_value unseal_bytes(struct seal *s, enum seal_field field, int64_t more,
                                const struct store_value *column);
const char *unseal_text(struct seal *s, enum seal_field field, const struct store_value *column);
const char *unseal_name(struct seal *s, const struct store_value *column);
void unseal_source(struct seal *s, const struct store_value *column,
                   const struct store_value *column_hash, const char **source,
                   const uint8_t **hash);

/* A new row's key; nothing where the gallery is not encrypted. */
int seal_new_row(mien_gallery *g, int64_t id);
/* What a column has for looking things up by: the first letters of a name, or of a picture's hash
 * all. out: [SEAL_NAME_HEAD + 1], [MIEN_GALLERY_HASH_SIZE]. */
int seal_name_head(mien_gallery *g, int64_t collection, const char *name, char *out);
int seal_hash(mien_gallery *g, const uint8_t *hash, uint8_t *out);

#endif
