/* Galleries in a file: SQLite with a write-ahead log, every commit synced. */
#include "engine/err.h"
#include "gallery/sqlite_open.h"
#include "mien_gallery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_store(struct store *s) {
    if (!s) return;
    for (int i = 0; i < s->nprepared; i++) sqlite3_finalize(s->prepared[i].statement);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

static int open_store(const char *place, const struct store_options *options, struct store **out) {
    struct store *s = calloc(1, sizeof *s);
    int rc = MIEN_OK;

    *out = NULL;
    if (s) {
        s->path = strdup(place);
        s->wait_ms = options->wait_ms;
        s->keys = options->keys;
    }
    if (!s || !s->path)
        rc = err_set(MIEN_ENOMEM, "%s: out of memory", place);
    else
        rc = sqlite_open(s, options);
    if (rc) {
        close_store(s);
        return rc;
    }
    *out = s;
    return MIEN_OK;
}

static int prepare(struct store *s, const char *sql, sqlite3_stmt **out) {
    int code;

    for (int i = 0; i < s->nprepared; i++) {
        if (s->prepared[i].sql != sql) continue;
        *out = s->prepared[i].statement;
        return MIEN_OK;
    }
    if (s->nprepared == PREPARED_MAX)
        return err_set(MIEN_EINVAL, "%s: too many kinds of statements", s->path);
    code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    if (code) return sqlite_failed(s, code);
    s->prepared[s->nprepared].sql = sql;
    s->prepared[s->nprepared++].statement = *out;
    return MIEN_OK;
}

/* Values stay until the statement is reset, so none is copied. */
static int bind(struct store *s, sqlite3_stmt *statement, const struct store_value *values, int n) {
    for (int i = 0; i < n; i++) {
        const struct store_value *v = &values[i];
        int code = SQLITE_OK;
        switch (v->type) {
        case STORE_NULL: code = sqlite3_bind_null(statement, i + 1); break;
        case STORE_INT: code = sqlite3_bind_int64(statement, i + 1, v->i); break;
        case STORE_REAL: code = sqlite3_bind_double(statement, i + 1, v->real); break;
        case STORE_TEXT:
            code =
                sqlite3_bind_text64(statement, i + 1, v->bytes, v->n, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case STORE_BYTES:
            code = sqlite3_bind_blob64(statement, i + 1, v->n ? v->bytes : "", v->n, SQLITE_STATIC);
            break;
        }
        if (code) return sqlite_failed(s, code);
    }
    return MIEN_OK;
}

static struct store_value column(sqlite3_stmt *statement, int i) {
    struct store_value v = {.type = STORE_NULL};

    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER: return store_int(sqlite3_column_int64(statement, i));
    case SQLITE_FLOAT: return store_real(sqlite3_column_double(statement, i));
    case SQLITE_TEXT:
        v.type = STORE_TEXT;
        v.bytes = sqlite3_column_text(statement, i);
        break;
    case SQLITE_BLOB:
        v.type = STORE_BYTES;
        v.bytes = sqlite3_column_blob(statement, i);
        break;
    default: return v;
    }
    v.n = (size_t)sqlite3_column_bytes(statement, i);
    return v;
}

/* Hands rows on until there are no more. */
static int step(struct store *s, sqlite3_stmt *statement, store_row *row, void *context) {
    enum { COLUMNS_MAX = 32 };
    struct store_value values[COLUMNS_MAX];
    int code, n = sqlite3_column_count(statement), rc = MIEN_OK;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW && rc == MIEN_OK) {
        if (!row) continue;
        for (int i = 0; i < n && i < COLUMNS_MAX; i++) values[i] = column(statement, i);
        rc = row(context, values, n);
    }
    if (rc) return rc;
    return code == SQLITE_DONE || code == SQLITE_ROW ? MIEN_OK : sqlite_failed(s, code);
}

static int run(struct store *s, const char *sql, const struct store_value *values, int n,
               store_row *row, void *context) {
    sqlite3_stmt *statement = NULL;
    int rc = prepare(s, sql, &statement);

    if (rc) return rc;
    errno = 0; /* for sqlite_failed() */
    rc = bind(s, statement, values, n);
    if (rc == MIEN_OK) rc = step(s, statement, row, context);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int begin(struct store *s) {
    return run(s, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL);
}

static void rollback(struct store *s) {
    if (!sqlite3_get_autocommit(s->db)) run(s, "ROLLBACK", NULL, 0, NULL, NULL);
}

static int commit(struct store *s) {
    return run(s, "COMMIT", NULL, 0, NULL, NULL);
}

struct problems {
    store_problem *problem;
    void *context;
};

static int take_problem(void *context, const struct store_value *row, int n) {
    const struct problems *p = context;
    const char *text = n ? store_get_text(&row[0]) : NULL;

    if (!text || strcmp(text, "ok") == 0) return MIEN_OK;
    return p->problem(p->context, text);
}

static int take_stranger(void *context, const struct store_value *row, int n) {
    const struct problems *p = context;
    char sentence[256];

    if (n < 3 || !store_get_text(&row[0])) return MIEN_OK;
    snprintf(sentence, sizeof sentence, "row %lld of %s belongs to one of %s that is not there",
             (long long)row[1].i, store_get_text(&row[0]),
             store_get_text(&row[2]) ? store_get_text(&row[2]) : "a table");
    return p->problem(p->context, sentence);
}

static int check(struct store *s, store_problem *problem, void *context) {
    struct problems p = {problem, context};
    int rc = run(s, "PRAGMA integrity_check", NULL, 0, take_problem, &p);

    return rc ? rc : run(s, "PRAGMA foreign_key_check", NULL, 0, take_stranger, &p);
}

/* The journal holds what the deleted rows were until it is emptied, which waits for those who read.
 */
static int scrub(struct store *s, int *done) {
    int code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    *done = code == SQLITE_OK;
    return code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY ? MIEN_OK : sqlite_failed(s, code);
}

/* VACUUM INTO writes a database without what was deleted, but leaves syncing to us. It takes a file
 * that is empty, so that nobody else may read it from the start. */
static int backup(struct store *s, const char *path) {
    struct store_value to = store_text(path);
    int rc, fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0) return err_set(MIEN_EIO, "%s: %s", path, strerror(errno));
    rc = run(s, "VACUUM INTO ?1", &to, 1, NULL, NULL);
    if (rc == MIEN_OK && fsync(fd)) rc = err_set(MIEN_EIO, "%s: %s", path, strerror(errno));
    if (close(fd) && rc == MIEN_OK) rc = err_set(MIEN_EIO, "%s: %s", path, strerror(errno));
    if (rc) unlink(path);
    return rc;
}

static const char *path(const struct store *s) {
    return s->path;
}

/* A file that is not there has nothing in it. */
static int read_file(const char *name, uint8_t *bytes, store_piece *piece, void *context) {
    FILE *in = fopen(name, "rbe");
    size_t n, at = 0;
    int rc = MIEN_OK;

    if (!in && errno == ENOENT) return MIEN_OK;
    if (!in) return err_set(MIEN_EIO, "%s: %s", name, strerror(errno));
    for (; rc == MIEN_OK && (n = fread(bytes, 1, STORE_PIECE, in)) > 0; at += n)
        rc = piece(context, name, at, bytes, n);
    if (rc == MIEN_OK && ferror(in)) rc = err_set(MIEN_EIO, "%s: %s", name, strerror(errno));
    fclose(in);
    return rc;
}

static int read_files(struct store *s, store_piece *piece, void *context) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    size_t room = strlen(s->path) + sizeof "-journal";
    uint8_t *bytes = malloc(STORE_PIECE);
    char *name = malloc(room);
    int rc = name && bytes ? MIEN_OK : err_set(MIEN_ENOMEM, "%s: out of memory", s->path);

    for (size_t i = 0; i < sizeof ends / sizeof *ends && rc == MIEN_OK; i++) {
        snprintf(name, room, "%s%s", s->path, ends[i]);
        rc = read_file(name, bytes, piece, context);
    }
    free(name);
    free(bytes);
    return rc;
}

const struct store_ops STORE_SQLITE = {
    .open = open_store,
    .close = close_store,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .scrub = scrub,
    .check = check,
    .backup = backup,
    .path = path,
    .read_files = read_files,
};
