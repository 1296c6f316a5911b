/*
 * receipt.h - what a deletion leaves for proving it: marks of what was deleted, from which it
 * cannot be found out.
 *
 * Embeddings and faces are cut into pieces of 32 bytes. Of each the receipt has a salted SHA-256,
 * cut to 128 bits, and 16 bits of a sum that can be rolled along a file, so that few places of it
 * need the hash. A piece of an embedding is eight floats: too many values to be tried.
 */
#ifndef MIEN_GALLERY_RECEIPT_H
#define MIEN_GALLERY_RECEIPT_H

#include "gallery/gallery.h"

enum { RECEIPT_PIECE = 32, RECEIPT_MARK = 16, RECEIPT_SALT = 16 };

struct receipt_mark {
    uint16_t sum;
    uint8_t hash[RECEIPT_MARK];
};

struct receipt {
    uint8_t salt[RECEIPT_SALT];
    struct receipt_mark *marks;
    size_t n, room;
};

/* An empty one, with a salt of its own. */
int receipt_begin(struct receipt *r);
void receipt_free(struct receipt *r);
/* Adds the pieces of bytes, but for `skip` at the front and one at the end: what every file of a
 * format has. Pieces that say next to nothing are left out. */
int receipt_add(struct receipt *r, const void *bytes, size_t n, size_t skip);
/* As text, for free(); NULL where memory ran out. */
char *receipt_text(const struct receipt *r, int64_t event, int64_t samples);
/* Reads such a text. MIEN_EFORMAT. */
int receipt_read(const char *text, struct receipt *r);
/* A search for the marks of a receipt that was read, for free(); NULL where memory ran out. Each
 * place is told to `problem` and counted in *found. */
struct receipt_search *receipt_search_begin(const struct receipt *r, mien_gallery_problem *problem,
                                            void *context, int *found);
/* A store_piece, whose context is the search. */
int receipt_search_piece(void *search, const char *file, size_t at, const uint8_t *bytes, size_t n);

#endif
