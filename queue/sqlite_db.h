/*
 * sqlite_db.h - a queue's file: SQLite with a write-ahead log, every commit synced; its tables and
 * their versions. Apart from queue_sqlite.c, which says what jobs are there.
 */
#ifndef MIEN_QUEUE_SQLITE_DB_H
#define MIEN_QUEUE_SQLITE_DB_H

#include "queue/queue.h"

#include <sqlite3.h>

enum { DB_STATEMENTS = 48 };

struct queue {
    struct queue_head head;
    sqlite3 *db;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } prepared[DB_STATEMENTS];
    int nprepared;
    int64_t claimed; /* the time of the last claim */
};

/* Opens the file of q->head.place and brings its tables up to date; a queue_error. */
int db_open(struct queue *q);
/* All of it but q itself. */
void db_close(struct queue *q);
/* The statement, ready to be bound: prepared once, so the text must stay. NULL after queue_failed.
 */
sqlite3_stmt *db_prepare(struct queue *q, const char *sql);
/* Sets the sentence of what SQLite returned; a queue_error. */
int db_failed(struct queue *q, int code);
/* Runs a statement that is bound and gives no rows one is interested in, and resets it. *changed:
 * how many rows it changed; may be NULL. */
int db_run(struct queue *q, sqlite3_stmt *statement, int *changed);
int db_begin(struct queue *q);
/* Commits where rc is QUEUE_OK, else takes all back. Returns rc, or why it could not. */
int db_finish(struct queue *q, int rc);
void db_bind_text(sqlite3_stmt *statement, int i, const char *text);

#endif
