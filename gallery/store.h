/*
 * store.h - where a gallery's rows lie: a database that runs statements, and what its kind does in
 * its own way.
 *
 * What persons and events are is told in SQL that databases have in common, by the modules above;
 * beneath is a row a kind of store: a file of its own with a `const struct store_ops`, chosen by
 * how the gallery's place begins. Times to wait, locks and what a failure means are the store's. It
 * is used by one thread at a time.
 */
#ifndef MIEN_GALLERY_STORE_H
#define MIEN_GALLERY_STORE_H

#include <stddef.h>
#include <stdint.h>

enum store_type { STORE_NULL, STORE_INT, STORE_REAL, STORE_TEXT, STORE_BYTES };

/* A parameter of a statement, or a column of a row. */
struct store_value {
    enum store_type type;
    int64_t i;
    double real;
    const void *bytes; /* of texts and bytes; a text of a row ends with 0 */
    size_t n;
};

/* A row of n columns, valid until it returns; what is not 0 ends the statement and is returned. */
typedef int store_row(void *context, const struct store_value *row, int n);
/* A sentence about something that is wrong in the store; as above. */
typedef int store_problem(void *context, const char *sentence);

enum { STORE_PIECE = 1 << 20 };
/* At most STORE_PIECE bytes of a file, `at` bytes into it: from 0 on, one piece after the other. */
typedef int store_piece(void *context, const char *file, size_t at, const uint8_t *bytes, size_t n);

struct store_options {
    int read_only, must_exist, wait_ms, listen;
    int keys; /* 1: it is not a gallery's rows, but its keys (gallery/keyring.h) */
};

/* Samples of a collection under a contract, of so many values each. */
struct store_nearest {
    int64_t collection, contract;
    int dims;
};

struct store; /* each kind has its own */

struct store_ops {
    int (*open)(const char *place, const struct store_options *options, struct store **out);
    void (*close)(struct store *store);
    /* Between begin and commit nobody else writes. After commit rows are on the disk. */
    int (*begin)(struct store *store);
    int (*commit)(struct store *store);
    void (*rollback)(struct store *store);
    /* Runs one statement, whose text must stay: it is prepared once. Parameters are ?1, ?2, ... */
    int (*run)(struct store *store, const char *sql, const struct store_value *values, int n,
               store_row *row, void *context);
    /* Whether rows may have changed since it was asked last: 0 where it is known that none have, as
     * far as the store has heard. NULL: it does not hear of changes. */
    int (*changed)(struct store *store);
    /* The store's own index, where it has one (NULL: none): brings it up to date with what was
     * acknowledged, which takes long where it is the first time; and about the n samples most like
     * a query, fewer where it knows no more, among them some that are there no more. */
    int (*nearest_sync)(struct store *store, const struct store_nearest *want);
    int (*nearest)(struct store *store, const struct store_nearest *want, const float *query, int n,
                   int64_t *samples, int *found);
    /* After rows were deleted: leaves nothing of them in files, but in those others are reading.
     * *done says whether all is gone. */
    int (*scrub)(struct store *store, int *done);
    /* Whether the store holds together, below what rows mean. */
    int (*check)(struct store *store, store_problem *problem, void *context);
    /* A copy as of now, while others work; the file must not be there. */
    int (*backup)(struct store *store, const char *path);
    /* The file it lies in, with others beside it; NULL where they are on another machine. */
    const char *(*path)(const struct store *store);
    /* Shows all bytes of all files that it lies in. */
    int (*read_files)(struct store *store, store_piece *piece, void *context);
};

extern const struct store_ops STORE_POSTGRES, STORE_SQLITE;

/* The kind of store for a place. */
const struct store_ops *store_for(const char *place);

struct store_value store_int(int64_t i);
struct store_value store_real(double v);
/* NULL gives STORE_NULL, and so below. */
struct store_value store_text(const char *text);
struct store_value store_bytes(const void *bytes, size_t n);
/* The text of a column; NULL where it has none. */
const char *store_get_text(const struct store_value *column);
/* The same of one that always has; "" where it nevertheless is of another type. */
const char *store_need_text(const struct store_value *column);

#endif
