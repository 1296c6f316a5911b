/* Results in PostgreSQL: the table mien_jobs.results, a row a job by its primary key. libpq is
 * opened when the first such record is. */
#include "common/shared.h"
#include "common/text_stream.h"
#include "queue/record.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libpq-fe.h; numbers that are part of its ABI. */
enum { CONNECTION_OK = 0, PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2, FIELD_STATE = 'C' };
enum { PQPING_OK = 0, PQPING_NO_ATTEMPT = 3 };
enum { COLUMNS = 8, PAGE = 200 };

static struct {
    void *(*connect)(const char *const *keywords, const char *const *values, int expand);
    int (*ping)(const char *const *keywords, const char *const *values, int expand);
    void (*finish)(void *conn);
    int (*status)(const void *conn);
    char *(*error_message)(const void *conn);
    void *(*set_notice_processor)(void *conn, void (*see)(void *, const char *), void *arg);
    void *(*exec)(void *conn, const char *sql);
    void *(*exec_params)(void *conn, const char *sql, int n, const unsigned *types,
                         const char *const *values, const int *lengths, const int *formats,
                         int result_format);
    int (*result_status)(const void *result);
    char *(*result_error_field)(const void *result, int field);
    char *(*result_error_message)(const void *result);
    int (*ntuples)(const void *result);
    char *(*getvalue)(const void *result, int row, int column);
    int (*getisnull)(const void *result, int row, int column);
    void (*clear)(void *result);
} lib;

static char lacks[256]; /* a sentence; empty: nothing */

struct record {
    struct record_head head;
    char *place;
    char label[QUEUE_WHY];
    void *conn; /* NULL: not connected */
};

/* docs/jobs.md has the meaning of the columns. A script a version; one that was published stays. */
static const char *const SCHEMA[] = {
    "CREATE TABLE mien_jobs.settings (name text PRIMARY KEY, value bigint NOT NULL);"
    "INSERT INTO mien_jobs.settings VALUES ('version', 0);"
    "CREATE TABLE mien_jobs.results (job text PRIMARY KEY, file text, state text NOT NULL,"
    " result jsonb NOT NULL, worker text, trace text, tries integer NOT NULL,"
    " finished timestamptz NOT NULL);"
    "CREATE INDEX results_finished ON mien_jobs.results (finished);",
    NULL,
};

static void open_library(void) {
#define ROW(field, name)                                                                           \
    { name, offsetof(__typeof__(lib), field) }
    const struct shared_function functions[] = {ROW(connect, "PQconnectdbParams"),
                                                ROW(ping, "PQpingParams"),
                                                ROW(finish, "PQfinish"),
                                                ROW(status, "PQstatus"),
                                                ROW(error_message, "PQerrorMessage"),
                                                ROW(set_notice_processor, "PQsetNoticeProcessor"),
                                                ROW(exec, "PQexec"),
                                                ROW(exec_params, "PQexecParams"),
                                                ROW(result_status, "PQresultStatus"),
                                                ROW(result_error_field, "PQresultErrorField"),
                                                ROW(result_error_message, "PQresultErrorMessage"),
                                                ROW(ntuples, "PQntuples"),
                                                ROW(getvalue, "PQgetvalue"),
                                                ROW(getisnull, "PQgetisnull"),
                                                ROW(clear, "PQclear"),
                                                {NULL, 0}};
#undef ROW
    const char *file = getenv("MIEN_LIBPQ");

    (void)shared_open(file && *file ? file : "libpq.so.5", "libpq5", functions, &lib, lacks,
                      sizeof lacks);
}

static int first_line(const char *text) {
    int n = (int)strcspn(text, "\n");

    return n < 300 ? n : 300;
}

static void disconnect(struct record *r) {
    if (r->conn) lib.finish(r->conn);
    r->conn = NULL;
}

static void ignore_notice(void *arg, const char *message) {
    (void)arg;
    (void)message;
}

/* Why a statement failed, whose result this is; a connection that was lost is made anew next time.
 */
static int failed(struct record *r, void *result) {
    static const char *const passing[] = {"08", "53", "57P", "40", "55P03"};
    const char *state = result ? lib.result_error_field(result, FIELD_STATE) : NULL;
    const char *why = result ? lib.result_error_message(result) : lib.error_message(r->conn);
    int rc = state ? QUEUE_EFAILED : QUEUE_EAWAY;

    for (size_t i = 0; state && i < sizeof passing / sizeof *passing; i++)
        if (strncmp(state, passing[i], strlen(passing[i])) == 0) rc = QUEUE_EAWAY;
    if (state && strcmp(state, "42501") == 0)
        record_failed(r, rc, "%.150s: the role may not do that there (%.*s)", r->label,
                      first_line(why), why);
    else
        record_failed(r, rc, "%.150s: %.*s", r->label, first_line(why), why);
    lib.clear(result);
    if (rc == QUEUE_EAWAY) disconnect(r);
    return rc;
}

/* Runs statements; *out, where it is wanted, is for lib.clear(). */
static int run(struct record *r, const char *sql, int n, const char *const *values, void **out) {
    void *result =
        n ? lib.exec_params(r->conn, sql, n, NULL, values, NULL, NULL, 0) : lib.exec(r->conn, sql);
    int is = result ? lib.result_status(result) : -1;

    if (is != PGRES_COMMAND_OK && is != PGRES_TUPLES_OK) return failed(r, result);
    if (out)
        *out = result;
    else
        lib.clear(result);
    return QUEUE_OK;
}

/* -1: there are no tables. The catalog is scanned: to_regclass() may go on saying what it said
 * before the lock was waited for. */
static int read_version(struct record *r, int *version) {
    void *result = NULL;
    int there = 0,
        rc = run(r,
                 "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'mien_jobs'"
                 " AND tablename = 'settings')",
                 0, NULL, &result);

    *version = -1;
    if (rc) return rc;
    there = lib.getvalue(result, 0, 0)[0] == 't';
    lib.clear(result);
    if (!there) return QUEUE_OK;
    rc = run(r, "SELECT value FROM mien_jobs.settings WHERE name = 'version'", 0, NULL, &result);
    if (rc) return rc;
    *version = lib.ntuples(result) ? atoi(lib.getvalue(result, 0, 0)) : 0;
    lib.clear(result);
    return QUEUE_OK;
}

/* A version further, alone: within a transaction that has the lock. */
static int run_script(struct record *r, int version) {
    char after[128];
    int rc = QUEUE_OK;

    if (version < 0) {
        rc = run(r, "CREATE SCHEMA IF NOT EXISTS mien_jobs", 0, NULL, NULL);
        version = 0;
    }
    if (rc == QUEUE_OK) rc = run(r, SCHEMA[version], 0, NULL, NULL);
    snprintf(after, sizeof after, "UPDATE mien_jobs.settings SET value = %d WHERE name = 'version'",
             version + 1);
    return rc ? rc : run(r, after, 0, NULL, NULL);
}

static int migrate(struct record *r) {
    int last = (int)(sizeof SCHEMA / sizeof *SCHEMA) - 1, version = 0,
        rc = read_version(r, &version);

    while (rc == QUEUE_OK && version < last) {
        rc = run(r, "BEGIN; SELECT pg_advisory_xact_lock(7883664211)", 0, NULL, NULL);
        if (rc == QUEUE_OK) rc = read_version(r, &version);
        if (rc == QUEUE_OK && version < last) rc = run_script(r, version);
        if (rc == QUEUE_OK) rc = run(r, "COMMIT", 0, NULL, NULL);
        if (rc == QUEUE_OK) rc = read_version(r, &version);
    }
    if (rc || version == last) return rc;
    return record_failed(r, QUEUE_EFAILED,
                         "%.150s: was made by a newer mien (version %d of its tables; this one "
                         "knows %d)",
                         r->label, version, last);
}

/* A server that does not answer, or only starts, may another time; one that answers and will not
 * have us, for its password or database, will not. */
static int connect_record(struct record *r) {
    static const char *const keywords[] = {"connect_timeout",           "tcp_user_timeout",
                                           "fallback_application_name", "dbname",
                                           "client_encoding",           NULL};
    const char *const values[] = {"10", "30000", "mien worker", r->place, "UTF8", NULL};
    int is = PQPING_OK;

    if (r->conn) return QUEUE_OK;
    for (int i = 0; i < 2 && is == PQPING_OK; i++) {
        disconnect(r);
        r->conn = lib.connect(keywords, values, 1);
        if (!r->conn) return record_failed(r, QUEUE_EFAILED, "out of memory");
        if (lib.status(r->conn) == CONNECTION_OK) break;
        is = lib.ping(keywords, values, 1);
    }
    if (lib.status(r->conn) != CONNECTION_OK) {
        const char *why = lib.error_message(r->conn);
        int rc = is == PQPING_OK || is == PQPING_NO_ATTEMPT ? QUEUE_EFAILED : QUEUE_EAWAY;
        record_failed(r, rc, "%.150s: %.*s", r->label, first_line(why), why);
        disconnect(r);
        return rc;
    }
    lib.set_notice_processor(r->conn, ignore_notice, NULL);
    /* What was acknowledged is on the disk, whatever the database's default is. */
    return run(r, "SET synchronous_commit = on; SET lock_timeout = 20000", 0, NULL, NULL);
}

static void close_record(struct record *r) {
    disconnect(r);
    if (r->place) explicit_bzero(r->place, strlen(r->place));
    free(r->place);
    free(r);
}

static int open_record(const char *place, struct record **out, char why[QUEUE_WHY]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct record *r;
    int rc;

    pthread_once(&once, open_library);
    r = *lacks ? NULL : calloc(1, sizeof *r);
    if (r) r->place = strdup(place);
    if (!r || !r->place) {
        snprintf(why, QUEUE_WHY, "%s", *lacks ? lacks : "out of memory");
        free(r);
        return QUEUE_EFAILED;
    }
    queue_label(place, r->label);
    rc = connect_record(r);
    if (rc == QUEUE_OK) rc = migrate(r);
    if (rc == QUEUE_OK) {
        *out = r;
        return QUEUE_OK;
    }
    memcpy(why, r->head.why, QUEUE_WHY);
    close_record(r);
    return rc;
}

/* One statement, which is one transaction: all rows or none. A good result takes the place of that
 * of a try that failed, nothing else changes what is there. */
static char *put_text(int n) {
    struct text_stream t;
    FILE *f = text_stream_open(&t);

    if (!f) return NULL;
    fputs("INSERT INTO mien_jobs.results AS r (job, file, state, result, worker, trace, tries,"
          " finished) VALUES ",
          f);
    for (int i = 0; i < n; i++) {
        int k = COLUMNS * i;
        fprintf(f,
                "%s($%d, $%d, $%d, $%d::jsonb, $%d, $%d, $%d::integer,"
                " to_timestamp($%d::double precision / 1000))",
                i ? ", " : "", k + 1, k + 2, k + 3, k + 4, k + 5, k + 6, k + 7, k + 8);
    }
    fputs(" ON CONFLICT (job) DO UPDATE SET state = excluded.state, result = excluded.result,"
          " worker = excluded.worker, tries = excluded.tries, finished = excluded.finished"
          " WHERE r.state = 'failed' AND excluded.state = 'done'",
          f);
    return text_stream_close(&t, f, NULL);
}

static int put(struct record *r, const struct record_row *rows, int n) {
    const char **values = calloc((size_t)n * COLUMNS, sizeof *values);
    char(*numbers)[2][24] = calloc((size_t)n, sizeof *numbers), *sql = put_text(n);
    int rc = values && numbers && sql ? QUEUE_OK : record_failed(r, QUEUE_EFAILED, "out of memory");

    for (int i = 0; i < n && rc == QUEUE_OK; i++) {
        const char **v = values + (size_t)i * COLUMNS;
        snprintf(numbers[i][0], sizeof numbers[i][0], "%d", rows[i].tries);
        snprintf(numbers[i][1], sizeof numbers[i][1], "%lld", (long long)rows[i].finished);
        v[0] = rows[i].id;
        v[1] = rows[i].file;
        v[2] = JOB_STATE_NAMES[rows[i].failed ? JOB_FAILED : JOB_DONE];
        v[3] = rows[i].result;
        v[4] = rows[i].worker;
        v[5] = rows[i].trace;
        v[6] = numbers[i][0];
        v[7] = numbers[i][1];
    }
    if (rc == QUEUE_OK) rc = connect_record(r);
    if (rc == QUEUE_OK) rc = run(r, sql, n * COLUMNS, values, NULL);
    free(sql);
    free(numbers);
    free((void *)values);
    return rc;
}

static const char *column(const void *result, int row, int i) {
    return lib.getisnull(result, row, i) ? NULL : lib.getvalue(result, row, i);
}

static int each(struct record *r, record_see *see, void *context) {
    static const char sql[] = "SELECT job, file, worker, trace, state, tries,"
                              " (extract(epoch FROM finished) * 1000)::bigint, result::text"
                              " FROM mien_jobs.results WHERE job > $1 ORDER BY job LIMIT 200";
    char last[JOB_ID] = "";
    int n = PAGE, rc = connect_record(r);

    while (rc == QUEUE_OK && n == PAGE) {
        const char *const values[] = {last};
        void *result = NULL;
        rc = run(r, sql, 1, values, &result);
        n = rc ? 0 : lib.ntuples(result);
        for (int i = 0; i < n && rc == QUEUE_OK; i++) {
            struct record_row row = {.file = column(result, i, 1),
                                     .worker = column(result, i, 2),
                                     .trace = column(result, i, 3),
                                     .failed = strcmp(lib.getvalue(result, i, 4), "failed") == 0,
                                     .tries = atoi(lib.getvalue(result, i, 5)),
                                     .finished = strtoll(lib.getvalue(result, i, 6), NULL, 10),
                                     .result = lib.getvalue(result, i, 7)};
            snprintf(row.id, sizeof row.id, "%s", lib.getvalue(result, i, 0));
            memcpy(last, row.id, JOB_ID);
            rc = see(context, &row);
        }
        if (result) lib.clear(result);
    }
    return rc;
}

const struct record_ops RECORD_POSTGRES = {
    .open = open_record, .close = close_record, .put = put, .each = each};
