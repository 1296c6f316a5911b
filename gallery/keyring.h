/*
 * keyring.h - the keys of an encrypted gallery: one of its own for every person and every sample,
 * wrapped by the master key, which nothing here writes down.
 *
 * They lie apart from what they open, so that a copy of the gallery has none: a gallery in a file
 * has them in a second one, FILE-keys, one in PostgreSQL in a second schema. To delete a key is to
 * make every copy of its row unreadable, wherever it is. Of two files the order of writing counts:
 * keys are on the disk before what they seal, and stay until what they sealed is gone; those that
 * are about to go are marked first, so that after a crash it is known which have to.
 */
#ifndef MIEN_GALLERY_KEYRING_H
#define MIEN_GALLERY_KEYRING_H

#include "gallery/ids.h"
#include "gallery/libcrypto.h"
#include "gallery/store.h"
#include "mien_gallery.h"

enum {
    KEYRING_NONCE = 12,
    KEYRING_TAG = 16,
    KEYRING_MORE = KEYRING_NONCE + KEYRING_TAG, /* bytes that sealing adds */
    KEYRING_WRAPPED = MIEN_GALLERY_KEY_SIZE + KEYRING_MORE,
    KEYRING_AHEAD = 512, /* keys that are read at once where rows are read in order */
    KEYRING_GONE = 1     /* there is no such key: what it opened was deleted */
};

#define KEYRING_DELETE "DELETE FROM keys WHERE id = ?1"

/* What a sealed text belongs to: nothing else can be put in its place. */
struct keyring_place {
    int64_t field, row, more;
};

struct keyring_key {
    int64_t id;
    uint8_t bytes[MIEN_GALLERY_KEY_SIZE];
};

struct keyring {
    const struct libcrypto *lib;
    struct evp_cipher_ctx *ctx;
    const struct store_ops *ops;
    struct store *store; /* the gallery's own, or a file's */
    int is_apart;        /* it is a file's */
    int64_t gallery;     /* a number of the gallery's, which all it seals is bound to */
    uint8_t master[MIEN_GALLERY_KEY_SIZE];
    uint8_t lookup[MIEN_GALLERY_KEY_SIZE]; /* of what is looked for by its HMAC */
    struct keyring_key *fresh;             /* [n_fresh], by id: not yet written */
    size_t n_fresh, room_fresh;
    struct ids going; /* that the transaction deletes */
    struct keyring_key cache[KEYRING_AHEAD];
    int n_cache, ahead; /* how many to read next */
};

void keyring_close(struct keyring *k);

/* A new key for a row, which is written with the transaction. */
int keyring_new(struct keyring *k, int64_t id);
/* The key of a row: MIEN_OK, KEYRING_GONE, or a code. key: [MIEN_GALLERY_KEY_SIZE]. */
int keyring_find(struct keyring *k, int64_t id, uint8_t *key);
/* Has the transaction delete a key. */
int keyring_delete(struct keyring *k, int64_t id);
/* A key as it lies in its file: a store_row sees it. */
int keyring_see_wrapped(struct keyring *k, int64_t id, store_row *row, void *context);
/* Before and after the gallery's own commit, and instead of it. */
int keyring_commit(struct keyring *k);
int keyring_committed(struct keyring *k);
void keyring_rollback(struct keyring *k);
/* How many keys are marked whose deletion was perhaps broken off, for keyring_settle(). */
int keyring_has_going(struct keyring *k, int64_t *going);
/* Leaves nothing of deleted keys in files; *done as of store.h. */
int keyring_scrub(struct keyring *k, int *done);

/* n bytes to n + KEYRING_MORE, and back; `what` is for the sentence where they are not what was
 * sealed there: MIEN_EFORMAT. */
int keyring_seal(struct keyring *k, const uint8_t *key, const struct keyring_place *place,
                 const void *bytes, size_t n, uint8_t *out);
int keyring_unseal(struct keyring *k, const uint8_t *key, const struct keyring_place *place,
                   const uint8_t *sealed, size_t n, uint8_t *out, const char *what);
/* HMAC-SHA-256 under the key of what is looked for. kind: one letter. */
int keyring_hmac(struct keyring *k, char kind, int64_t more, const void *bytes, size_t n,
                 uint8_t out[32]);

#endif
