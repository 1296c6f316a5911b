#include "gallery/postgres_open.h"

#include "engine/err.h"
#include "gallery/postgres_schema.h"
#include "mien_gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYWORDS = 8, PAUSE_MS = 50 };

/* What the address may say otherwise comes before it, what it may not after. */
static int connect_once(struct store *s, int only_ping) {
    static const char *const keywords[KEYWORDS] = {"connect_timeout",           "tcp_user_timeout",
                                                   "fallback_application_name", "dbname",
                                                   "client_encoding",           NULL};
    const char *const values[KEYWORDS] = {"10", "30000", "mien", s->place, "UTF8", NULL};

    if (only_ping) return s->pq->ping(keywords, values, 1);
    s->pq->finish(s->conn);
    s->conn = s->pq->connect(keywords, values, 1);
    s->nprepared = 0;
    return s->pq->status(s->conn);
}

int64_t postgres_milliseconds(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A server that is starting is waited for, one that was there and is not, too. One that answers
 * after an attempt may have been starting just then, and is tried once more. */
static int reach(struct store *s) {
    int64_t until = postgres_milliseconds() + s->options.wait_ms;
    struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int answered = !s->lost;

    while (connect_once(s, 0) != CONNECTION_OK) {
        const char *why = s->pq->error_message(s->conn);
        int is = connect_once(s, 1);
        if (is == PQPING_NO_ATTEMPT || (is == PQPING_NO_RESPONSE && !s->lost) ||
            (is == PQPING_OK && answered++) || postgres_milliseconds() >= until)
            return err_set(MIEN_EIO, "%s: %.*s", s->label, (int)strcspn(why, "\n"), why);
        if (is != PQPING_OK) nanosleep(&pause, NULL);
    }
    return MIEN_OK;
}

static void ignore_notice(void *arg, const char *message) {
    (void)arg;
    (void)message;
}

/* Only what the database's owner asked for is kept: what was acknowledged is on the disk. A pooler
 * between may have handed on a session that has statements. */
static int set_session(struct store *s) {
    char sql[512];

    snprintf(sql, sizeof sql,
             "DEALLOCATE ALL; SET search_path = " POSTGRES_SCHEMA_NAME ", " POSTGRES_KEYS_NAME
             "; SET lock_timeout = %d;"
             "SET default_transaction_isolation = 'read committed';"
             "SET default_transaction_read_only = %s;"
             "SELECT set_config('synchronous_commit', 'on', false)"
             " WHERE current_setting('synchronous_commit') = 'off'",
             s->options.wait_ms, s->options.read_only ? "on" : "off");
    return postgres_exec(s, sql, NULL);
}

int postgres_connect(struct store *s) {
    int rc = reach(s);

    if (rc) return rc;
    s->lost = 0;
    s->heard = 1; /* nobody knows what was missed */
    s->pq->set_notice_processor(s->conn, ignore_notice, NULL);
    rc = set_session(s);
    if (rc == MIEN_OK && s->options.listen)
        rc = postgres_exec(s, "LISTEN " POSTGRES_SCHEMA_NAME, NULL);
    return rc;
}

int postgres_exec(struct store *s, const char *sql, struct pg_result **out) {
    struct pg_result *result;
    int is, rc = MIEN_OK;

    postgres_keep_rows(s);
    result = s->pq->exec(s->conn, sql);
    is = result ? s->pq->result_status(result) : -1;
    if (is != PGRES_COMMAND_OK && is != PGRES_TUPLES_OK) rc = postgres_failed(s, result);
    if (rc == MIEN_OK && out)
        *out = result;
    else
        s->pq->clear(result);
    return rc;
}

/* A number as text in the first column; *out stays where there is no row, or a NULL. */
static int read_number(struct store *s, const char *sql, int *out) {
    struct pg_result *result = NULL;
    int rc = postgres_exec(s, sql, &result);

    if (rc) return rc;
    if (s->pq->ntuples(result) && !s->pq->getisnull(result, 0, 0))
        *out = atoi(s->pq->getvalue(result, 0, 0));
    s->pq->clear(result);
    return MIEN_OK;
}

/* -1: there is no gallery. */
static int read_version(struct store *s, int *version) {
    int tables = 0, rc = read_number(s,
                                     "SELECT 1 FROM pg_class WHERE relnamespace ="
                                     " to_regnamespace('" POSTGRES_SCHEMA_NAME "') LIMIT 1",
                                     &tables);

    *version = -1;
    if (rc || !tables) return rc;
    rc = read_number(s, "SELECT value FROM settings WHERE name = 'version'", version);
    if (rc == MIEN_OK && *version < 0)
        rc = err_set(MIEN_EFORMAT, "%s: its tables in " POSTGRES_SCHEMA_NAME " are not a gallery's",
                     s->label);
    return rc;
}

/* A version further, within a transaction. */
static int run_script(struct store *s, int version, const char *script) {
    char after[96];
    int there = 0, rc = MIEN_OK;

    if (version < 0) { /* a schema that is there may be used by who may make none */
        rc = read_number(
            s, "SELECT 1 WHERE to_regnamespace('" POSTGRES_SCHEMA_NAME "') IS NOT NULL", &there);
        if (rc == MIEN_OK && !there)
            rc = postgres_exec(s, "CREATE SCHEMA " POSTGRES_SCHEMA_NAME, NULL);
        version = 0;
    }
    if (rc == MIEN_OK) rc = postgres_exec(s, script, NULL);
    snprintf(after, sizeof after, "UPDATE settings SET value = %d WHERE name = 'version'",
             version + 1);
    return rc ? rc : postgres_exec(s, after, NULL);
}

/* Another process may have been first: the version is looked at again, alone. */
static int migrate_once(struct store *s, const char *const *scripts, int last) {
    int version = 0, rc = STORE_POSTGRES.begin(s);

    if (rc) return rc;
    rc = read_version(s, &version);
    if (rc == MIEN_OK && version < last)
        rc = run_script(s, version, scripts[version < 0 ? 0 : version]);
    if (rc == MIEN_OK) rc = STORE_POSTGRES.commit(s);
    if (rc) STORE_POSTGRES.rollback(s);
    return rc;
}

int postgres_migrate(struct store *s, const char *const *scripts) {
    int last = 0, version = 0, rc;

    while (scripts[last]) last++;
    while ((rc = read_version(s, &version)) == MIEN_OK && version < last) {
        if (version < 0 && (s->options.read_only || s->options.must_exist))
            return err_set(MIEN_GALLERY_ENOTFOUND, "%s: there is no gallery", s->label);
        rc = migrate_once(s, scripts, last);
        if (rc) return rc;
    }
    if (rc || version == last) return rc;
    return err_set(MIEN_EUNSUPPORTED,
                   "%s: was made by a newer mien (version %d of its tables; this one knows %d)",
                   s->label, version, last);
}
