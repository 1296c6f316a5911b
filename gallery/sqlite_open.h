/*
 * sqlite_open.h - a gallery's SQLite database from a path to one that can be used: whose file it
 * is, how it is written, which version it has; and what SQLite's errors mean for who uses it.
 */
#ifndef MIEN_GALLERY_SQLITE_OPEN_H
#define MIEN_GALLERY_SQLITE_OPEN_H

#include "gallery/store.h"

#include <sqlite3.h>

enum { PREPARED_MAX = 192 };

struct store {
    sqlite3 *db;
    char *path;
    int wait_ms, keys; /* keys: as of struct store_options */
    int nprepared;
    struct {
        const char *sql; /* told apart by its address */
        sqlite3_stmt *statement;
    } prepared[PREPARED_MAX];
};

/* Opens s->path and brings it up to date. What was opened is closed by who closes the store. */
int sqlite_open(struct store *s, const struct store_options *options);
/* Runs the scripts that lead from the database's version to the last of `scripts`, one transaction
 * each. MIEN_EUNSUPPORTED where the database has more. */
int sqlite_migrate(struct store *s, const char *const *scripts);
/* A code and a sentence for what SQLite says. */
int sqlite_failed(struct store *s, int code);

#endif
