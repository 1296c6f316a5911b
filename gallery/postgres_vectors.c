#include "gallery/postgres_vectors.h"

#include "engine/err.h"
#include "gallery/postgres_open.h"
#include "mien_gallery.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a statement, and of a transaction, in which nobody else writes; the number that who makes
 * an index holds; what pgvector takes; how far HNSW looks around at most. */
enum { ROWS = 200, ROWS_LOCKED = 4000, MAKER = 788396033, DIMS_MAX = 4000, LOOK_MOST = 1000 };

#define TABLE "vectors_%016" PRIx64 "_%016" PRIx64

/* Where the table is: behind which event, and behind which sample where it is not filled yet. */
struct state {
    int64_t seen, after;
    int there, filled, indexed;
};

/* Statements as text, whose rows are few. Reading that was lost on its way is done again. */
static int ask(struct store *s, const char *sql, struct pg_result **out) {
    int rc = s->lost ? MIEN_EIO : postgres_exec(s, sql, out);

    if (!s->lost || s->in_transaction) return rc;
    rc = postgres_connect(s);
    return rc ? rc : postgres_exec(s, sql, out);
}

static int64_t number_of(struct store *s, const struct pg_result *result, int column) {
    return strtoll(s->pq->getvalue(result, 0, column), NULL, 10);
}

/* The list of these tables is made with the first of them. */
static int find_list(struct store *s) {
    struct pg_result *result = NULL;
    int rc;

    if (s->has_vectors) return MIEN_OK;
    rc = ask(s, "SELECT to_regclass('" POSTGRES_SCHEMA_NAME ".vectors') IS NOT NULL", &result);
    if (rc) return rc;
    s->has_vectors = *s->pq->getvalue(result, 0, 0) == 't';
    s->pq->clear(result);
    return MIEN_OK;
}

/* seen, after, and whether there is an index; last: of all events. */
static int read_state(struct store *s, const struct store_nearest *w, struct state *state,
                      int64_t *last) {
    struct pg_result *result = NULL;
    char sql[640];
    int rc;

    snprintf(sql, sizeof sql,
             "SELECT (SELECT coalesce(max(id), 0) FROM events), v.seen, coalesce(v.after, -1),"
             " to_regclass('" POSTGRES_SCHEMA_NAME "." TABLE "_hnsw') IS NOT NULL"
             " FROM (SELECT 1) one LEFT JOIN vectors v ON v.collection = %" PRId64
             " AND v.contract = %" PRId64,
             (uint64_t)w->collection, (uint64_t)w->contract, w->collection, w->contract);
    *state = (struct state){.there = 0};
    *last = 0;
    rc = find_list(s);
    if (rc || !s->has_vectors) return rc;
    rc = ask(s, sql, &result);
    if (rc) return rc;
    *last = number_of(s, result, 0);
    if (!s->pq->getisnull(result, 0, 1)) {
        state->there = 1;
        state->seen = number_of(s, result, 1);
        state->after = number_of(s, result, 2);
        state->filled = state->after < 0;
        state->indexed = *s->pq->getvalue(result, 0, 3) == 't';
    }
    s->pq->clear(result);
    return MIEN_OK;
}

/* The type lies in whatever schema the extension is in. */
static int find_extension(struct store *s, char schema[128]) {
    struct pg_result *result = NULL;
    int rc =
        ask(s,
            "SELECT quote_ident(n.nspname) FROM pg_type t JOIN pg_namespace n"
            " ON n.oid = t.typnamespace JOIN pg_depend d ON d.objid = t.oid AND d.deptype = 'e'"
            " JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector'"
            " WHERE t.typname = 'halfvec'",
            &result);

    if (rc) return rc;
    *schema = '\0';
    if (s->pq->ntuples(result)) snprintf(schema, 128, "%s", s->pq->getvalue(result, 0, 0));
    s->pq->clear(result);
    return MIEN_OK;
}

/* Makes it where its owner allows that. */
static int need_extension(struct store *s, char schema[128]) {
    int rc = find_extension(s, schema);

    if (rc || *schema) return rc;
    if (ask(s, "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public", NULL) == MIEN_OK)
        rc = find_extension(s, schema);
    if (rc == MIEN_OK && !*schema)
        rc =
            err_set(MIEN_EUNSUPPORTED,
                    "%s: has no pgvector from 0.7 on: its owner runs CREATE EXTENSION vector there",
                    s->label);
    return rc;
}

/* The table, with what takes a copy away whose embedding goes; a sample's go by the reference. */
static int make_table(struct store *s, const struct store_nearest *w, const char *schema) {
    uint64_t c = (uint64_t)w->collection, k = (uint64_t)w->contract;
    char *sql;
    int n, rc = STORE_POSTGRES.begin(s);

    if (rc) return rc;
    n = asprintf(&sql,
                 "CREATE TABLE IF NOT EXISTS vectors (collection bigint NOT NULL,"
                 " contract bigint NOT NULL, seen bigint NOT NULL, after bigint,"
                 " PRIMARY KEY (collection, contract));"
                 "CREATE TABLE IF NOT EXISTS " TABLE
                 " (sample bigint PRIMARY KEY REFERENCES samples"
                 " ON DELETE CASCADE, v %s.halfvec(%d) NOT NULL);"
                 "CREATE OR REPLACE FUNCTION " TABLE "_gone() RETURNS trigger LANGUAGE plpgsql AS"
                 " $$ BEGIN DELETE FROM " POSTGRES_SCHEMA_NAME "." TABLE
                 " WHERE sample = OLD.sample; RETURN OLD; END $$;"
                 "DROP TRIGGER IF EXISTS " TABLE " ON embeddings;"
                 "CREATE TRIGGER " TABLE " AFTER DELETE ON embeddings FOR EACH ROW"
                 " WHEN (OLD.contract = %" PRId64 ") EXECUTE FUNCTION " TABLE "_gone();"
                 "INSERT INTO vectors (collection, contract, seen, after) SELECT %" PRId64
                 ", %" PRId64 ", (SELECT coalesce(max(id), 0) FROM events), 0"
                 " ON CONFLICT DO NOTHING",
                 c, k, schema, w->dims, c, k, c, k, c, k, c, k, w->contract, c, k, w->collection,
                 w->contract);
    rc = n < 0 ? err_set(MIEN_ENOMEM, "%s: out of memory", s->label) : postgres_exec(s, sql, NULL);
    if (n >= 0) free(sql);
    if (rc == MIEN_OK) rc = STORE_POSTGRES.commit(s);
    if (rc) STORE_POSTGRES.rollback(s);
    return rc;
}

/* "[250000e-6,...]", by which no locale's comma comes in. */
static void write_vector(FILE *out, const float *v, int dims) {
    for (int i = 0; i < dims; i++) fprintf(out, "%c%lde-6", i ? ',' : '[', lrintf(v[i] * 1e6f));
    fputc(']', out);
}

/* Copies on their way into the table: a statement that grows, for at most ROWS of them. */
struct copying {
    struct store *s;
    const struct store_nearest *w;
    FILE *values, *ids; /* of the statement, and of what it replaces */
    char *values_text, *ids_text;
    size_t values_size, ids_size;
    int n, all;
    int64_t last;
};

static int copying_open(struct copying *c) {
    c->n = 0;
    c->values = open_memstream(&c->values_text, &c->values_size);
    c->ids = open_memstream(&c->ids_text, &c->ids_size);
    return c->values && c->ids ? MIEN_OK : err_set(MIEN_ENOMEM, "%s: out of memory", c->s->label);
}

static void copying_close(struct copying *c) {
    if (c->values) fclose(c->values);
    if (c->ids) fclose(c->ids);
    free(c->values_text);
    free(c->ids_text);
    c->values_text = c->ids_text = NULL;
    c->values = c->ids = NULL;
}

/* One that is there already is another embedding in the place of the one before. */
static int copying_write(struct copying *c) {
    uint64_t of[2] = {(uint64_t)c->w->collection, (uint64_t)c->w->contract};
    char *sql = NULL;
    int rc = MIEN_OK;

    if (!c->n) return MIEN_OK;
    if ((fflush(c->values) | fflush(c->ids)) != 0 ||
        asprintf(&sql,
                 "DELETE FROM " TABLE " WHERE sample IN (%s);"
                 "INSERT INTO " TABLE " (sample, v) VALUES %s",
                 of[0], of[1], c->ids_text, of[0], of[1], c->values_text) < 0)
        return err_set(MIEN_ENOMEM, "%s: out of memory", c->s->label);
    rc = postgres_exec(c->s, sql, NULL);
    free(sql);
    copying_close(c);
    return rc ? rc : copying_open(c);
}

static int take_copy(void *context, const struct store_value *row, int n) {
    struct copying *c = context;

    if (n < 2 || row[1].n != (size_t)c->w->dims * sizeof(float)) return MIEN_OK;
    c->last = row[0].i;
    c->all++;
    fprintf(c->ids, "%s%" PRId64, c->n ? "," : "", row[0].i);
    fprintf(c->values, "%s(%" PRId64 ",'", c->n ? "," : "", row[0].i);
    write_vector(c->values, row[1].bytes, c->w->dims);
    fputs("')", c->values);
    return ++c->n == ROWS ? copying_write(c) : MIEN_OK;
}

#define SELECT_COPY                                                                                \
    "SELECT s.id, CASE WHEN s.contract = ?1 THEN s.embedding ELSE e.embedding END FROM samples s"  \
    " JOIN persons p ON p.id = s.person"                                                           \
    " LEFT JOIN embeddings e ON e.sample = s.id AND e.contract = ?1"                               \
    " WHERE p.collection = ?2 AND (s.contract = ?1 OR e.contract = ?1)"

static int set_state(struct store *s, const struct store_nearest *w, const char *what,
                     int64_t value) {
    char sql[256];

    snprintf(sql, sizeof sql,
             "UPDATE vectors SET %s = nullif(%" PRId64 ", -1) WHERE collection = %" PRId64
             " AND contract = %" PRId64,
             what, value, w->collection, w->contract);
    return postgres_exec(s, sql, NULL);
}

/* Some more samples, by rising id, of those there were when it was begun. */
static int fill_some(struct store *s, const struct store_nearest *w, int64_t after) {
    struct copying c = {.s = s, .w = w, .last = after};
    const struct store_value values[] = {store_int(w->contract), store_int(w->collection),
                                         store_int(after), store_int(ROWS_LOCKED)};
    int rc = copying_open(&c);

    if (rc == MIEN_OK)
        rc = STORE_POSTGRES.run(s, SELECT_COPY " AND s.id > ?3 ORDER BY s.id LIMIT ?4", values, 4,
                                take_copy, &c);
    if (rc == MIEN_OK) rc = copying_write(&c);
    if (rc == MIEN_OK) rc = set_state(s, w, "after", c.all < ROWS_LOCKED ? -1 : c.last);
    copying_close(&c);
    return rc;
}

/* What came, or got another embedding, behind an event, some at a time. What is gone went by
 * itself; and what is undone is left out of answers. */
static int follow(struct store *s, const struct store_nearest *w, int64_t seen, int64_t last) {
    struct copying c = {.s = s, .w = w, .all = ROWS_LOCKED};
    int rc = copying_open(&c);

    while (rc == MIEN_OK && c.all == ROWS_LOCKED) {
        const struct store_value values[] = {store_int(w->contract), store_int(w->collection),
                                             store_int(seen),        store_int(last),
                                             store_int(c.last),      store_int(ROWS_LOCKED)};
        c.all = 0;
        /* 3: the state of a sample, 8: an embedding; as log.h has it, which is above. */
        rc =
            STORE_POSTGRES.run(s,
                               SELECT_COPY " AND s.id IN (SELECT subject FROM changes WHERE event >"
                                           " ?3 AND event <= ?4 AND field IN (3, 8))"
                                           " AND s.id > ?5 ORDER BY s.id LIMIT ?6",
                               values, 6, take_copy, &c);
    }
    if (rc == MIEN_OK) rc = copying_write(&c);
    if (rc == MIEN_OK) rc = set_state(s, w, "seen", last);
    copying_close(&c);
    return rc;
}

/* A step of bringing it up to date, while nobody else writes: another process may have done it. */
static int step(struct store *s, const struct store_nearest *w) {
    struct state state;
    int64_t last;
    int rc = STORE_POSTGRES.begin(s);

    if (rc) return rc;
    rc = read_state(s, w, &state, &last);
    if (rc == MIEN_OK && !state.filled)
        rc = fill_some(s, w, state.after);
    else if (rc == MIEN_OK && state.seen < last)
        rc = follow(s, w, state.seen, last);
    if (rc == MIEN_OK) rc = STORE_POSTGRES.commit(s);
    if (rc) STORE_POSTGRES.rollback(s);
    return rc;
}

/* Takes minutes for millions, in which others enrol and search as before, but for who waits for the
 * same index. */
static int make_index(struct store *s, const struct store_nearest *w, const char *schema) {
    uint64_t c = (uint64_t)w->collection, k = (uint64_t)w->contract;
    char sql[512], lock[96];
    int rc;

    snprintf(lock, sizeof lock, "SET lock_timeout = 0; SELECT pg_advisory_lock(%d)", MAKER);
    rc = ask(s, lock, NULL);
    if (rc) return rc;
    snprintf(sql, sizeof sql,
             "CREATE INDEX IF NOT EXISTS " TABLE "_hnsw ON " TABLE
             " USING hnsw (v %s.halfvec_ip_ops)",
             c, k, c, k, schema);
    rc = postgres_exec(s, sql, NULL);
    snprintf(lock, sizeof lock, "SELECT pg_advisory_unlock(%d); SET lock_timeout = %d", MAKER,
             s->options.wait_ms);
    if (!s->lost) (void)postgres_exec(s, lock, NULL);
    return rc;
}

int postgres_nearest_sync(struct store *s, const struct store_nearest *w) {
    char schema[128] = "";
    struct state state;
    int64_t last;
    int rc = w->dims > DIMS_MAX
                 ? err_set(MIEN_EUNSUPPORTED, "pgvector has %d values at most", DIMS_MAX)
                 : read_state(s, w, &state, &last);

    if (rc || (state.filled && state.indexed && state.seen >= last)) return rc;
    rc = need_extension(s, schema);
    if (rc == MIEN_OK && !state.there) rc = make_table(s, w, schema);
    while (rc == MIEN_OK && (rc = read_state(s, w, &state, &last)) == MIEN_OK &&
           (!state.filled || state.seen < last))
        rc = step(s, w);
    return rc || state.indexed ? rc : make_index(s, w, schema);
}

int postgres_nearest(struct store *s, const struct store_nearest *w, const float *query, int n,
                     int64_t *samples, int *found) {
    uint64_t c = (uint64_t)w->collection, k = (uint64_t)w->contract;
    struct pg_result *result = NULL;
    char *text = NULL, schema[128];
    size_t size = 0;
    FILE *sql = open_memstream(&text, &size);
    int rc = sql ? find_extension(s, schema) : MIEN_ENOMEM;

    *found = 0;
    if (n > LOOK_MOST) n = LOOK_MOST;
    if (rc == MIEN_OK) {
        fprintf(sql,
                "SET hnsw.ef_search = %d; SELECT sample FROM " TABLE
                " ORDER BY v OPERATOR(%s.<#>) '",
                n, c, k, schema);
        write_vector(sql, query, w->dims);
        fprintf(sql, "'::%s.halfvec LIMIT %d", schema, n);
    }
    if (sql && fclose(sql)) rc = MIEN_ENOMEM;
    if (rc == MIEN_OK) rc = ask(s, text, &result);
    if (rc == MIEN_ENOMEM) rc = err_set(MIEN_ENOMEM, "%s: out of memory", s->label);
    for (int i = 0; rc == MIEN_OK && i < s->pq->ntuples(result); i++)
        samples[(*found)++] = strtoll(s->pq->getvalue(result, i, 0), NULL, 10);
    if (rc == MIEN_OK) s->pq->clear(result);
    free(text);
    return rc;
}

int postgres_vectors_vacuum(struct store *s) {
    struct pg_result *result = NULL;
    int rc = find_list(s);

    if (rc || !s->has_vectors) return rc;
    rc = ask(s,
             "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace ="
             " to_regnamespace('" POSTGRES_SCHEMA_NAME "') AND relname LIKE 'vectors\\_%'",
             &result);
    for (int i = 0; rc == MIEN_OK && i < s->pq->ntuples(result); i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "VACUUM (INDEX_CLEANUP ON) %s", s->pq->getvalue(result, i, 0));
        rc = postgres_exec(s, sql, NULL);
    }
    s->pq->clear(result);
    return rc;
}
