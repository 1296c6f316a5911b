#include "queue/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Says in a database's header that it is a queue: "mieq". */
enum { APPLICATION_ID = 0x6d696571, WAIT_MS = 20000 };

/* docs/jobs.md has the meaning of the columns. A script a version; one that was published stays as
 * it is. Counts are kept by triggers, since counting a million rows for each answer takes long. */
static const char *const SCHEMA[] = {
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, state INTEGER NOT NULL, priority INTEGER NOT NULL,"
    " tries INTEGER NOT NULL, created INTEGER NOT NULL, started INTEGER, finished INTEGER,"
    " lease INTEGER, file TEXT, options TEXT, trace TEXT, owner TEXT, callback TEXT, worker TEXT)"
    " WITHOUT ROWID;"
    "CREATE INDEX jobs_waiting ON jobs (priority, id) WHERE state = 0;"
    "CREATE INDEX jobs_running ON jobs (lease) WHERE state = 1;"
    "CREATE INDEX jobs_ended ON jobs (finished) WHERE state > 1;"
    "CREATE INDEX jobs_state ON jobs (state, id);"
    "CREATE TABLE pictures (job TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    " bytes BLOB NOT NULL);"
    "CREATE TABLE results (job TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
    " file TEXT, state TEXT NOT NULL, result TEXT NOT NULL, worker TEXT NOT NULL,"
    " tries INTEGER NOT NULL, finished INTEGER NOT NULL);"
    "CREATE TABLE counts (state INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
    "INSERT INTO counts VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0);"
    "CREATE TRIGGER jobs_new AFTER INSERT ON jobs BEGIN"
    " UPDATE counts SET n = n + 1 WHERE state = new.state; END;"
    "CREATE TRIGGER jobs_gone AFTER DELETE ON jobs BEGIN"
    " UPDATE counts SET n = n - 1 WHERE state = old.state; END;"
    "CREATE TRIGGER jobs_moved AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN"
    " UPDATE counts SET n = n - 1 WHERE state = old.state;"
    " UPDATE counts SET n = n + 1 WHERE state = new.state; END;"
    "CREATE TRIGGER jobs_end AFTER UPDATE OF state ON jobs WHEN new.state = 2 BEGIN"
    " DELETE FROM pictures WHERE job = new.id; END;",
    NULL,
};

int db_failed(struct queue *q, int code) {
    const char *place = q->head.place;

    switch (code & 0xff) {
    case SQLITE_FULL:
        return queue_failed(q, QUEUE_EAWAY, "%s: no room is left on the disk; nothing was changed",
                            place);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return queue_failed(q, QUEUE_EAWAY,
                            "%s: another process kept it locked for %d s; nothing was changed",
                            place, WAIT_MS / 1000);
    case SQLITE_NOTADB:
        return queue_failed(q, QUEUE_EFAILED, "%s: is no queue, nor any database", place);
    case SQLITE_CORRUPT:
        return queue_failed(q, QUEUE_EFAILED, "%s: is damaged (%s)", place, sqlite3_errmsg(q->db));
    case SQLITE_NOMEM: return queue_failed(q, QUEUE_EFAILED, "%s: out of memory", place);
    case SQLITE_READONLY:
        return queue_failed(q, QUEUE_EFAILED,
                            "%s: cannot be changed: the file or its folder is read-only", place);
    default: return queue_failed(q, QUEUE_EFAILED, "%s: %s", place, sqlite3_errmsg(q->db));
    }
}

static int execute(struct queue *q, const char *sql) {
    int code = sqlite3_exec(q->db, sql, NULL, NULL, NULL);

    return code ? db_failed(q, code) : QUEUE_OK;
}

static int read_number(struct queue *q, const char *sql, int *out) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(q->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) code = sqlite3_step(statement);
    if (code == SQLITE_ROW) *out = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? QUEUE_OK : db_failed(q, code);
}

/* That the database is a queue, or nothing yet. */
static int check_whose(struct queue *q) {
    int id = 0, tables = 0, rc = read_number(q, "PRAGMA application_id", &id);

    if (rc == QUEUE_OK) rc = read_number(q, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc || id == APPLICATION_ID || (id == 0 && tables == 0)) return rc;
    return queue_failed(q, QUEUE_EFAILED, "%s: is a database of another program, not a queue",
                        q->head.place);
}

static int run_script(struct queue *q, int version) {
    char after[128];
    int rc = execute(q, SCHEMA[version]);

    snprintf(after, sizeof after, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             APPLICATION_ID, version + 1);
    return rc ? rc : execute(q, after);
}

static int migrate(struct queue *q) {
    int last = (int)(sizeof SCHEMA / sizeof *SCHEMA) - 1, version = 0, rc = QUEUE_OK;

    while (rc == QUEUE_OK) {
        rc = read_number(q, "PRAGMA user_version", &version);
        if (rc || version >= last) break;
        rc = execute(q, "BEGIN IMMEDIATE"); /* another process may have been first: look again */
        if (rc) return rc;
        rc = read_number(q, "PRAGMA user_version", &version);
        if (rc == QUEUE_OK && version < last) rc = run_script(q, version);
        if (!sqlite3_get_autocommit(q->db)) sqlite3_exec(q->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (rc || version == last) return rc;
    return queue_failed(q, QUEUE_EFAILED,
                        "%s: was made by a newer mien (version %d of its tables; this one knows "
                        "%d)",
                        q->head.place, version, last);
}

/* While another process switches to it SQLite does not wait by itself. */
static int use_log(struct queue *q) {
    struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    int code = SQLITE_OK;

    for (int waited = 0; waited <= WAIT_MS; waited += 10) {
        code = sqlite3_exec(q->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY) break;
        nanosleep(&pause, NULL);
    }
    return code ? db_failed(q, code) : QUEUE_OK;
}

/* A new file is made before SQLite sees it, because pictures are nobody else's business. */
static int make_file(struct queue *q) {
    const char *place = q->head.place;
    int fd;

    if (access(place, F_OK) == 0) return QUEUE_OK;
    if (q->head.options.read_only)
        return queue_failed(q, QUEUE_EFAILED, "%s: there is no queue", place);
    fd = open(place, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) return queue_failed(q, QUEUE_EFAILED, "%s: %s", place, strerror(errno));
    close(fd);
    return QUEUE_OK;
}

int db_open(struct queue *q) {
    int code, rc = make_file(q);

    if (rc) return rc;
    code =
        sqlite3_open_v2(q->head.place, &q->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code) return db_failed(q, code);
    sqlite3_busy_timeout(q->db, WAIT_MS);
    rc = check_whose(q);
    if (rc == QUEUE_OK) rc = use_log(q);
    if (rc == QUEUE_OK)
        rc = execute(q, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
    return rc ? rc : migrate(q);
}

void db_close(struct queue *q) {
    for (int i = 0; i < q->nprepared; i++) sqlite3_finalize(q->prepared[i].statement);
    sqlite3_close(q->db);
}

sqlite3_stmt *db_prepare(struct queue *q, const char *sql) {
    sqlite3_stmt *statement = NULL;
    int code;

    for (int i = 0; i < q->nprepared; i++)
        if (q->prepared[i].sql == sql) return q->prepared[i].statement;
    code = q->nprepared == DB_STATEMENTS
               ? SQLITE_MISUSE
               : sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code) {
        db_failed(q, code);
        return NULL;
    }
    q->prepared[q->nprepared].sql = sql;
    q->prepared[q->nprepared++].statement = statement;
    return statement;
}

int db_run(struct queue *q, sqlite3_stmt *statement, int *changed) {
    int code, rows = 0;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) rows++;
    if (changed) *changed = rows ? rows : sqlite3_changes(q->db);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? QUEUE_OK : db_failed(q, code);
}

int db_begin(struct queue *q) {
    return execute(q, "BEGIN IMMEDIATE");
}

int db_finish(struct queue *q, int rc) {
    if (rc == QUEUE_OK) rc = execute(q, "COMMIT");
    if (!sqlite3_get_autocommit(q->db)) sqlite3_exec(q->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

void db_bind_text(sqlite3_stmt *statement, int i, const char *text) {
    if (text)
        sqlite3_bind_text64(statement, i, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_null(statement, i);
}
