/*
 * keyring_open.h - a gallery's keys from a master key to a ring of them that can be used; and what
 * of them the gallery's own rows have to say.
 */
#ifndef MIEN_GALLERY_KEYRING_OPEN_H
#define MIEN_GALLERY_KEYRING_OPEN_H

#include "gallery/gallery.h"
#include "gallery/keyring.h"

/* Opens the keys of a gallery with its master key, key: [MIEN_GALLERY_KEY_SIZE], or NULL. A gallery
 * that has nothing yet becomes an encrypted one where there is a key. g->keys stays NULL where the
 * gallery is not encrypted. MIEN_GALLERY_EKEY where the key is missing, wrong, or not needed. */
int keyring_open(mien_gallery *g, const char *path, const struct store_options *options,
                 const uint8_t *key);
/* Within a transaction of the gallery's: of the keys that are marked, deletes those whose rows are
 * gone, and keeps those whose rows are there. */
int keyring_settle(mien_gallery *g);

#endif
