/*
 * gallery.h - what the functions of mien_gallery.h share: the open gallery, its transactions and
 * ids, and statements on its store.
 *
 * Every public function is one transaction, or a part of the one its thread began: gallery_enter(),
 * statements, gallery_leave().
 */
#ifndef MIEN_GALLERY_GALLERY_H
#define MIEN_GALLERY_GALLERY_H

#include "gallery/store.h"
#include "mien_gallery.h"

#include <pthread.h>

struct mien_gallery {
    const struct store_ops *ops;
    struct store *store;
    char *who;
    const char *as;            /* within a transaction: who changes things instead; NULL: nobody */
    pthread_mutex_t lock;      /* recursive: of a thread from begin to commit */
    int depth;                 /* of gallery_enter_to_write() */
    int searched;              /* within a transaction: a view may know what is not committed, */
    uint64_t rolled_back;      /* and how often it did: others' events have those numbers then */
    int failed;                /* a call within the transaction did: it cannot be committed */
    struct view *views;        /* what has been searched, gallery/view.h */
    struct in_store *in_store; /* and of what is searched in the store, gallery/in_store.h */
    int index_in_store;        /* all is */
    size_t index_memory;       /* an index that would take more; 0: any */
    uint64_t heard;            /* how often the store heard of changes */
    struct keyring *keys;      /* of an encrypted gallery, gallery/keyring.h; NULL: it is none */
    int64_t last_id; /* within a transaction: the last id that was given; 0: not looked up */
};

/* Takes the gallery for reading, and for changes. function: for the sentence where it is NULL. */
int gallery_enter(mien_gallery *g, const char *function);
int gallery_enter_to_write(mien_gallery *g, const char *function);
/* Lets go of it; returns rc, or what went wrong with a commit. */
int gallery_leave(mien_gallery *g, int rc);
int gallery_leave_written(mien_gallery *g, int rc);

/* An id that was never used, within a transaction. */
int gallery_new_id(mien_gallery *g, int64_t *id);
/* Notes that an id made elsewhere is in use. */
int gallery_use_id(mien_gallery *g, int64_t id);
/* Microseconds since 1970. */
int64_t gallery_now(void);

/* Runs a statement with n parameters. */
int gallery_run(mien_gallery *g, const char *sql, const struct store_value *values, int n,
                store_row *row, void *context);
/* The integer in the first column of its last row; *out stays where there is no row. */
int gallery_number(mien_gallery *g, const char *sql, const struct store_value *values, int n,
                   int64_t *out);

/* gallery_run() with parameters that are written down. */
#define GALLERY_RUN(g, sql, row, context, ...)                                                     \
    gallery_run(                                                                                   \
        g, sql, (const struct store_value[]){__VA_ARGS__},                                         \
        (int)(sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)),     \
        row, context)
#define GALLERY_NUMBER(g, sql, out, ...)                                                           \
    gallery_number(                                                                                \
        g, sql, (const struct store_value[]){__VA_ARGS__},                                         \
        (int)(sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)),     \
        out)

#endif
