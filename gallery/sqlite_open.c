#include "gallery/sqlite_open.h"

#include "engine/err.h"
#include "gallery/sqlite_schema.h"
#include "mien_gallery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Says in a database's header that it is a gallery: "mien". */
enum { APPLICATION_ID = 0x6d69656e, KEYS_ID = 0x6d69656b /* "miek": that it is their keys */ };

static int failed_file(struct store *s, int code) {
    int why = sqlite3_system_errno(s->db);

    if (!why && code == SQLITE_IOERR) why = errno; /* SQLite forgets it on its way back */
    if (why == EFBIG || why == ENOSPC || why == EDQUOT)
        return err_set(MIEN_GALLERY_EFULL, "%s: no room is left for it (%s); nothing was changed",
                       s->path, strerror(why));
    if (code == SQLITE_CANTOPEN)
        return err_set(MIEN_EIO, "%s: cannot be opened, or the folder not be written: %s", s->path,
                       why ? strerror(why) : "its -wal or -shm file cannot be made");
    return err_set(MIEN_EIO, "%s: reading or writing failed: %s", s->path,
                   why ? strerror(why) : sqlite3_errstr(code));
}

int sqlite_failed(struct store *s, int code) {
    switch (code & 0xff) {
    case SQLITE_FULL:
        return err_set(MIEN_GALLERY_EFULL, "%s: no room is left on the disk; nothing was changed",
                       s->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(MIEN_GALLERY_EBUSY,
                       "%s: another process kept it locked for %d ms; nothing was changed", s->path,
                       s->wait_ms);
    case SQLITE_READONLY:
        return err_set(MIEN_EIO, "%s: cannot be changed: the file or its folder is read-only",
                       s->path);
    case SQLITE_CORRUPT:
        return err_set(MIEN_EFORMAT,
                       "%s: is damaged (%s): 'mien gallery check' tells more; restore a backup",
                       s->path, sqlite3_errmsg(s->db));
    case SQLITE_NOTADB: return err_set(MIEN_EFORMAT, "%s: is not a gallery", s->path);
    case SQLITE_NOMEM: return err_set(MIEN_ENOMEM, "%s: out of memory", s->path);
    case SQLITE_TOOBIG: return err_set(MIEN_ETOOBIG, "%s: a value is too long", s->path);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return failed_file(s, code & 0xff);
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
            return err_set(MIEN_GALLERY_ECONFLICT, "%s: what is to be added is there already (%s)",
                           s->path, sqlite3_errmsg(s->db));
        return err_set(MIEN_GALLERY_ECONFLICT, "%s: %s", s->path, sqlite3_errmsg(s->db));
    default: return err_set(MIEN_EIO, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

/* The number a pragma says. */
static int read_number(struct store *s, const char *sql, int *out) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) code = sqlite3_step(statement);
    if (code == SQLITE_ROW) *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? MIEN_OK : sqlite_failed(s, code);
}

static int execute(struct store *s, const char *sql) {
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return code ? sqlite_failed(s, code) : MIEN_OK;
}

static int id_of(const struct store *s) {
    return s->keys ? KEYS_ID : APPLICATION_ID;
}

static int run_script(struct store *s, int version, const char *script) {
    char after[128];
    int rc;

    snprintf(after, sizeof after, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             id_of(s), version + 1);
    rc = execute(s, script);
    return rc ? rc : execute(s, after);
}

int sqlite_migrate(struct store *s, const char *const *scripts) {
    int last = 0, version = 0, rc = MIEN_OK;

    while (scripts[last]) last++;
    while (rc == MIEN_OK) {
        rc = read_number(s, "PRAGMA user_version", &version);
        if (rc || version >= last) break;
        rc = execute(s, "BEGIN IMMEDIATE"); /* another process may have been first: look again */
        if (rc) return rc;
        rc = read_number(s, "PRAGMA user_version", &version);
        if (rc == MIEN_OK && version < last) rc = run_script(s, version, scripts[version]);
        if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (rc || version == last) return rc;
    return err_set(MIEN_EUNSUPPORTED,
                   "%s: was made by a newer mien (version %d of its tables; this one knows %d)",
                   s->path, version, last);
}

/* That the database is a gallery, or nothing yet. */
static int check_whose(struct store *s) {
    int id = 0, tables = 0, rc = read_number(s, "PRAGMA application_id", &id);

    if (rc == MIEN_OK) rc = read_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc || id == id_of(s) || (id == 0 && tables == 0)) return rc;
    if (id == KEYS_ID)
        return err_set(MIEN_EFORMAT, "%s: has the keys of a gallery, and is none", s->path);
    return err_set(MIEN_EFORMAT, "%s: is a database of another program, not a gallery", s->path);
}

/* While another process switches to it SQLite does not wait by itself. */
static int use_log(struct store *s) {
    struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int code = SQLITE_OK;

    for (int waited = 0; waited <= s->wait_ms; waited += 10) {
        code = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY) break;
        nanosleep(&pause, NULL);
    }
    return code ? sqlite_failed(s, code) : MIEN_OK;
}

/* A new file is made before SQLite sees it, because faces are nobody else's business. */
static int make_file(const struct store *s, const struct store_options *options) {
    int fd;

    if (strcmp(s->path, ":memory:") == 0 || access(s->path, F_OK) == 0) return MIEN_OK;
    if (options->read_only || options->must_exist)
        return err_set(MIEN_GALLERY_ENOTFOUND, "%s: there is no gallery", s->path);
    fd = open(s->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) return err_set(MIEN_EIO, "%s: %s", s->path, strerror(errno));
    close(fd);
    return MIEN_OK;
}

int sqlite_open(struct store *s, const struct store_options *options) {
    int flags = options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int code, rc = make_file(s, options);

    if (rc) return rc;
    code =
        sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code) return sqlite_failed(s, code);
    sqlite3_busy_timeout(s->db, s->wait_ms);
    rc = check_whose(s);
    if (rc == MIEN_OK && !options->read_only) rc = use_log(s);
    if (rc == MIEN_OK)
        rc = execute(s, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                        "PRAGMA cell_size_check = ON");
    return rc ? rc : sqlite_migrate(s, s->keys ? KEYS_SCHEMA : GALLERY_SCHEMA);
}
