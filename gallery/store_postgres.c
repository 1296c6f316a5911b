/* Galleries in PostgreSQL, for many servers at once: one connection a gallery. Whoever changes it
 * holds a lock of the database's, so that events are numbered in the order in which they are
 * acknowledged. */
#include "engine/err.h"
#include "gallery/postgres_files.h"
#include "gallery/postgres_open.h"
#include "gallery/postgres_schema.h"
#include "gallery/postgres_values.h"
#include "gallery/postgres_vectors.h"
#include "mien_gallery.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void close_store(struct store *s) {
    if (!s) return;
    s->pq->finish(s->conn);
    free(s->place);
    free(s->label);
    free(s);
}

/* postgresql://host:port/name, as far as the address tells them. */
static char *make_label(const struct libpq *pq, const char *place) {
    struct pg_conninfo_option *options = pq->conninfo_parse(place, NULL);
    const char *of[3] = {NULL, NULL, NULL}, *const keywords[3] = {"host", "port", "dbname"};
    char *label = NULL;
    int n;

    for (const struct pg_conninfo_option *o = options; o && o->keyword; o++)
        for (int i = 0; i < 3; i++)
            if (strcmp(o->keyword, keywords[i]) == 0) of[i] = o->val;
    n = asprintf(&label, "postgresql://%s%s%s/%s", of[0] ? of[0] : "", of[1] ? ":" : "",
                 of[1] ? of[1] : "", of[2] ? of[2] : "");
    pq->conninfo_free(options);
    return n < 0 ? NULL : label;
}

static int open_store(const char *place, const struct store_options *options, struct store **out) {
    const struct libpq *pq = libpq_use();
    struct store *s = pq ? calloc(1, sizeof *s) : NULL;
    int rc = MIEN_OK;

    *out = NULL;
    if (!pq) return MIEN_EDEVICE;
    if (s) {
        s->pq = pq;
        s->options = *options;
        s->place = strdup(place);
        s->label = make_label(pq, place);
    }
    if (!s || !s->place || !s->label)
        rc = err_set(MIEN_ENOMEM, "a gallery in PostgreSQL: out of memory");
    else
        rc = postgres_connect(s);
    if (rc == MIEN_OK) rc = postgres_migrate(s, POSTGRES_SCHEMA);
    if (rc) {
        close_store(s);
        return rc;
    }
    *out = s;
    return MIEN_OK;
}

/* ?1 is $1 there; no statement has a question mark else. Of ?1 = 0 the server would make a number
 * that is too small for ids. */
static int prepare_text(struct store *s, const char *name, const char *sql,
                        const struct store_value *values, int n) {
    unsigned types[POSTGRES_VALUES_MAX];
    char *text = strdup(sql);
    struct pg_result *result;
    int rc = MIEN_OK;

    if (!text) return err_set(MIEN_ENOMEM, "%s: out of memory", s->label);
    for (char *at = text; (at = strchr(at, '?'));) *at = '$';
    for (int i = 0; i < n; i++) types[i] = values[i].type == STORE_INT ? POSTGRES_INT8 : 0;
    result = s->pq->prepare(s->conn, name, text, n, types);
    if (!result || s->pq->result_status(result) != PGRES_COMMAND_OK)
        rc = postgres_failed(s, result);
    s->pq->clear(result);
    free(text);
    return rc;
}

/* The server says of which types parameters are. */
static int describe(struct store *s, const char *name, struct postgres_prepared *p) {
    struct pg_result *result = s->pq->describe_prepared(s->conn, name);
    int rc = MIEN_OK;

    if (!result || s->pq->result_status(result) != PGRES_COMMAND_OK) {
        rc = postgres_failed(s, result);
    } else {
        p->n = s->pq->nparams(result);
        for (int i = 0; i < p->n && i < POSTGRES_VALUES_MAX; i++)
            p->types[i] = s->pq->paramtype(result, i);
    }
    s->pq->clear(result);
    return rc;
}

static int prepare(struct store *s, const char *sql, const struct store_value *values, int n,
                   int *index) {
    char name[32];
    int rc;

    for (*index = 0; *index < s->nprepared; ++*index)
        if (s->prepared[*index].sql == sql) return MIEN_OK;
    if (s->nprepared == POSTGRES_PREPARED_MAX || n > POSTGRES_VALUES_MAX)
        return err_set(MIEN_EINVAL, "%s: too many kinds of statements, or values", s->label);
    snprintf(name, sizeof name, "s%d", *index);
    rc = prepare_text(s, name, sql, values, n);
    if (rc == MIEN_OK) rc = describe(s, name, &s->prepared[*index]);
    if (rc) return rc;
    s->prepared[*index].sql = sql;
    s->nprepared++;
    return MIEN_OK;
}

static int send(struct store *s, int index, const struct store_value *values, int n) {
    const struct postgres_prepared *p = &s->prepared[index];
    struct postgres_parameters ps;
    char name[32];
    int rc = MIEN_OK;

    if (n != p->n)
        return err_set(MIEN_EINVAL, "%s: %d parameters are given, not %d: %s", s->label, n, p->n,
                       p->sql);
    for (int i = 0; i < n && rc == MIEN_OK; i++) rc = postgres_put(&ps, i, &values[i], p->types[i]);
    if (rc) return err_prefix(rc, "%s", s->label);
    snprintf(name, sizeof name, "s%d", index);
    if (!s->pq->send_query_prepared(s->conn, name, n, ps.values, ps.lengths, ps.formats, 1))
        return postgres_failed(s, NULL);
    s->pq->set_single_row_mode(s->conn);
    return MIEN_OK;
}

void postgres_keep_rows(struct store *s) {
    struct postgres_rows *rows = s->rows;
    struct pg_result *result;

    if (!rows || rows->ended) return;
    while ((result = s->pq->get_result(s->conn))) {
        if (rows->n == rows->room && !rows->failed) {
            size_t room = rows->room ? 2 * rows->room : 64;
            struct pg_result **more = realloc(rows->kept, room * sizeof *more);
            rows->failed = !more;
            if (more) rows->kept = more;
            if (more) rows->room = room;
        }
        if (rows->failed)
            s->pq->clear(result);
        else
            rows->kept[rows->n++] = result;
    }
    rows->ended = 1;
}

static struct pg_result *next_result(struct store *s, struct postgres_rows *rows) {
    struct pg_result *result;

    if (rows->at < rows->n) return rows->kept[rows->at++];
    if (rows->ended) return NULL;
    result = s->pq->get_result(s->conn);
    rows->ended = !result;
    return result;
}

static int hand_on(struct store *s, const struct pg_result *result, store_row *row, void *context) {
    struct store_value values[POSTGRES_VALUES_MAX];
    int n = s->pq->nfields(result), rc = MIEN_OK;

    if (n > POSTGRES_VALUES_MAX) n = POSTGRES_VALUES_MAX;
    for (int i = 0; i < n && rc == MIEN_OK; i++) rc = postgres_get(s->pq, result, i, &values[i]);
    if (rc) return err_prefix(rc, "%s", s->label);
    return row(context, values, n);
}

/* Hands rows on as they come. After a row that ended it the rest is read, too, for the connection
 * has to be free of it. */
static int receive(struct store *s, store_row *row, void *context, int *seen) {
    struct postgres_rows rows = {.outer = s->rows};
    struct pg_result *result;
    int rc = MIEN_OK;

    s->rows = &rows;
    while ((result = next_result(s, &rows))) {
        int is = s->pq->result_status(result);
        if (rc == MIEN_OK && is == PGRES_SINGLE_TUPLE && row) {
            *seen = 1;
            rc = hand_on(s, result, row, context);
        } else if (rc == MIEN_OK && is != PGRES_SINGLE_TUPLE && is != PGRES_TUPLES_OK &&
                   is != PGRES_COMMAND_OK) {
            rc = postgres_failed(s, result);
        }
        s->pq->clear(result);
    }
    s->rows = rows.outer;
    free(rows.kept);
    if (rc == MIEN_OK && rows.failed) rc = err_set(MIEN_ENOMEM, "%s: out of memory", s->label);
    return rc;
}

static int run_once(struct store *s, const char *sql, const struct store_value *values, int n,
                    store_row *row, void *context, int *seen) {
    int index, rc;

    postgres_keep_rows(s);
    rc = prepare(s, sql, values, n, &index);
    if (rc == MIEN_OK) rc = send(s, index, values, n);
    return rc ? rc : receive(s, row, context, seen);
}

/* Outside a transaction there is only reading, which can be done again: unless rows were seen. */
static int run(struct store *s, const char *sql, const struct store_value *values, int n,
               store_row *row, void *context) {
    int seen = 0, rc = MIEN_OK;

    if (!s->lost) rc = run_once(s, sql, values, n, row, context, &seen);
    if (!s->lost || s->in_transaction || seen)
        return s->lost && rc == MIEN_OK
                   ? err_set(MIEN_EIO, "%s: the connection was lost: nothing was changed", s->label)
                   : rc;
    rc = postgres_connect(s);
    return rc ? rc : run_once(s, sql, values, n, row, context, &seen);
}

static int take_transaction(void *context, const struct store_value *row, int n) {
    struct store *s = context;

    if (n) s->transaction = row[0].i;
    return MIEN_OK;
}

/* The lock is the transaction's: any number, which nothing else is likely to use. */
static int begin_once(struct store *s) {
    static const char lock[] = "SELECT txid_current(), pg_advisory_xact_lock(7883960321373660526)";
    int seen = 0, rc = postgres_exec(s, "BEGIN", NULL);

    return rc ? rc : run_once(s, lock, NULL, 0, take_transaction, s, &seen);
}

/* How often something of this process became so, or after all not: its galleries hear of each other
 * before the server tells them. */
static atomic_uint commits;

static void rollback(struct store *s) {
    s->in_transaction = 0;
    atomic_fetch_add(&commits, 1);
    postgres_keep_rows(s);
    if (!s->lost) s->pq->clear(s->pq->exec(s->conn, "ROLLBACK"));
}

static int begin(struct store *s) {
    int rc = s->lost ? MIEN_EIO : begin_once(s);

    if (s->lost) {
        rc = postgres_connect(s);
        if (rc == MIEN_OK) rc = begin_once(s);
    }
    if (rc)
        rollback(s);
    else
        s->in_transaction = 1;
    return rc;
}

enum outcome { OUTCOME_UNKNOWN, OUTCOME_COMMITTED, OUTCOME_ABORTED };

static int take_outcome(void *context, const struct store_value *row, int n) {
    const char *is = n ? store_get_text(&row[0]) : NULL;

    if (is && strcmp(is, "committed") == 0) *(enum outcome *)context = OUTCOME_COMMITTED;
    if (is && strcmp(is, "aborted") == 0) *(enum outcome *)context = OUTCOME_ABORTED;
    return MIEN_OK;
}

/* Whether a transaction was committed whose answer did not come: the server knows. Who committed
 * it may still be at it there. */
static int find_outcome(struct store *s) {
    enum { PAUSES = 200 };
    struct timespec pause = {.tv_nsec = 50 * 1000000L};
    struct store_value number = store_int(s->transaction);
    enum outcome outcome = OUTCOME_UNKNOWN;
    int rc = MIEN_OK;

    for (int i = 0; rc == MIEN_OK && outcome == OUTCOME_UNKNOWN && i < PAUSES; i++) {
        if (i) nanosleep(&pause, NULL);
        rc = run(s, "SELECT txid_status(?1)", &number, 1, take_outcome, &outcome);
    }
    if (outcome == OUTCOME_COMMITTED) return MIEN_OK;
    return err_set(MIEN_EIO, "%s: the connection was lost: %s", s->label,
                   outcome == OUTCOME_ABORTED
                       ? "nothing was changed"
                       : "whether all was changed, or nothing, is not known");
}

static int commit(struct store *s) {
    struct pg_result *result = NULL;
    int committed, rc = postgres_exec(s, "COMMIT", &result);

    atomic_fetch_add(&commits, 1);
    if (s->lost) {
        s->in_transaction = 0;
        return find_outcome(s);
    }
    if (rc) return rc;
    s->in_transaction = 0;
    committed = strcmp(s->pq->cmd_status(result), "COMMIT") == 0;
    s->pq->clear(result);
    if (committed) return MIEN_OK;
    return err_set(MIEN_GALLERY_ECONFLICT, "%s: what came before failed: nothing was changed",
                   s->label);
}

/* A connection that is broken without having said so hears of nothing: now and then something may
 * have changed anyway, and who asks finds out. */
static int changed(struct store *s) {
    enum { SILENCE_MS = 5000 };
    unsigned now = atomic_load(&commits);
    int64_t time = postgres_milliseconds();
    struct pg_notify *one;
    int heard = s->heard || s->lost || s->in_transaction || !s->options.listen ||
                now != s->commits || time - s->asked > SILENCE_MS;

    if (!s->lost && s->options.listen) {
        if (!s->pq->consume_input(s->conn)) heard = 1; /* the next statement will say why */
        while ((one = s->pq->notifies(s->conn))) {
            s->pq->freemem(one);
            heard = 1;
        }
    }
    s->heard = 0;
    s->commits = now;
    if (heard) s->asked = time;
    return heard;
}

/* Every row is read whole, big values too, whose damage the server tells. */
static const char *const TABLES[] = {
    "SELECT count(s::text) FROM settings s",    "SELECT count(c::text) FROM contracts c",
    "SELECT count(c::text) FROM collections c", "SELECT count(p::text) FROM persons p",
    "SELECT count(s::text) FROM samples s",     "SELECT count(e::text) FROM events e",
    "SELECT count(c::text) FROM changes c",     "SELECT count(n::text) FROM not_persons n",
    "SELECT count(e::text) FROM embeddings e",
};

static int check(struct store *s, store_problem *problem, void *context) {
    int rc = MIEN_OK;

    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES && rc == MIEN_OK; i++) {
        rc = run(s, TABLES[i], NULL, 0, NULL, NULL);
        if (rc && !s->lost) rc = problem(context, err_text());
    }
    return rc;
}

/* Rows that were deleted are no more to be had by any statement. Their bytes stay in the server's
 * files until they are written over, and in its log, of which a client is not the master; but it
 * may be shown them (postgres_files.h). */
static int scrub(struct store *s, int *done) {
    int rc = postgres_exec(
        s,
        "VACUUM (INDEX_CLEANUP ON) collections, persons, samples, embeddings, changes,"
        " not_persons",
        NULL);

    *done = 0;
    return rc ? rc : postgres_vectors_vacuum(s);
}

static int backup(struct store *s, const char *path) {
    return err_set(
        MIEN_EUNSUPPORTED,
        "%s: is not copied to %s: use PostgreSQL's own pg_dump, or 'mien gallery export'", s->label,
        path);
}

static const char *path(const struct store *s) {
    (void)s;
    return NULL;
}

const struct store_ops STORE_POSTGRES = {
    .open = open_store,
    .close = close_store,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .changed = changed,
    .nearest_sync = postgres_nearest_sync,
    .nearest = postgres_nearest,
    .scrub = scrub,
    .check = check,
    .backup = backup,
    .path = path,
    .read_files = postgres_read_files,
};
