/*
 * postgres_open.h - a connection to a gallery's PostgreSQL database, from an address to one that
 * can be used, again after it was lost; and what PostgreSQL's errors mean for who uses it.
 */
#ifndef MIEN_GALLERY_POSTGRES_OPEN_H
#define MIEN_GALLERY_POSTGRES_OPEN_H

#include "gallery/libpq.h"
#include "gallery/store.h"

enum { POSTGRES_PREPARED_MAX = 256, POSTGRES_VALUES_MAX = 32 };

/* Statements and tables are in the database's schema of that name, so that it may have others'. */
#define POSTGRES_SCHEMA_NAME "mien_gallery"
/* Where the keys of an encrypted gallery are (keyring.h). */
#define POSTGRES_KEYS_NAME "mien_gallery_keys"

struct postgres_prepared {
    const char *sql; /* told apart by its address */
    int n;
    unsigned types[POSTGRES_VALUES_MAX]; /* of its parameters */
};

/* Rows that are on their way: what has come of them is kept once another statement wants the
 * connection. */
struct postgres_rows {
    struct postgres_rows *outer;
    struct pg_result **kept; /* [n], of which `at` were handed on */
    size_t n, at, room;
    int ended, failed; /* nothing more will come; there was no memory to keep it */
};

struct store {
    const struct libpq *pq;
    struct pg_conn *conn;
    char *place, *label; /* label: the place without its password, for sentences */
    struct store_options options;
    int lost; /* the connection was, since it was made */
    int in_transaction;
    int64_t transaction;        /* the server's number of it */
    int has_vectors;            /* postgres_vectors.h: there are such tables */
    int heard;                  /* something may have changed since changed() */
    unsigned commits;           /* of this process, then */
    int64_t asked;              /* postgres_milliseconds(), when something last may have */
    struct postgres_rows *rows; /* the innermost that somebody waits for */
    int nprepared;
    struct postgres_prepared prepared[POSTGRES_PREPARED_MAX];
};

/* Milliseconds of a clock that only goes on. */
int64_t postgres_milliseconds(void);
/* Connects; where it was lost, waits for the server to come back for as long as options say. */
int postgres_connect(struct store *s);
/* Makes the tables where there are none, and runs the scripts that lead from the database's version
 * to the last of `scripts`, one transaction each. MIEN_EUNSUPPORTED where the database has more. */
int postgres_migrate(struct store *s, const char *const *scripts);
/* Runs statements without parameters; *out, if any, is their last result, to be cleared. */
int postgres_exec(struct store *s, const char *sql, struct pg_result **out);
/* A code and a sentence for what PostgreSQL says; result: NULL where none came. */
int postgres_failed(struct store *s, const struct pg_result *result);
/* Keeps what is still to come of the rows on their way: the connection can be used. */
void postgres_keep_rows(struct store *s);

#endif
