#include "gallery/postgres_files.h"

#include "engine/err.h"
#include "gallery/postgres_open.h"
#include "mien_gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tables, their indexes, and where large values lie, with the gigabytes that follow the first. */
static const char FILES[] =
    "WITH relations AS (SELECT oid, reltoastrelid FROM pg_class WHERE relnamespace IN"
    " (to_regnamespace('" POSTGRES_SCHEMA_NAME "'), to_regnamespace('" POSTGRES_KEYS_NAME
    "'))), of_all AS (SELECT oid FROM relations"
    " UNION SELECT reltoastrelid FROM relations UNION SELECT indexrelid FROM pg_index"
    " WHERE indrelid IN (SELECT reltoastrelid FROM relations)), paths AS"
    " (SELECT pg_relation_filepath(oid) AS path FROM of_all)"
    " SELECT path || CASE n WHEN 0 THEN '' ELSE '.' || n END AS name FROM paths,"
    " generate_series(0, (SELECT max(pg_database_size(current_database())) >> 30)) n"
    " WHERE path IS NOT NULL AND (pg_stat_file(path || CASE n WHEN 0 THEN '' ELSE '.' || n END,"
    " true)).size > 0"
    " UNION ALL SELECT 'pg_wal/' || name FROM pg_ls_waldir() ORDER BY name";

struct names {
    char **at;
    size_t n, room;
};

static int take_name(void *context, const struct store_value *row, int n) {
    struct names *names = context;
    const char *name = n ? store_get_text(&row[0]) : NULL;

    if (!name) return MIEN_OK;
    if (names->n == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        char **more = realloc(names->at, room * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "the server's files: out of memory");
        names->at = more;
        names->room = room;
    }
    names->at[names->n] = strdup(name);
    return names->at[names->n++] ? MIEN_OK
                                 : err_set(MIEN_ENOMEM, "the server's files: out of memory");
}

struct reading {
    store_piece *piece;
    void *context;
    char *file; /* as it is shown */
    size_t at, got;
};

static int take_piece(void *context, const struct store_value *row, int n) {
    struct reading *r = context;

    r->got = n && row[0].type == STORE_BYTES ? row[0].n : 0;
    if (r->got == 0) return MIEN_OK;
    return r->piece(r->context, r->file, r->at, row[0].bytes, r->got);
}

/* What is not there any more, as the log's files go, has nothing in it. */
static int read_file(struct store *s, const char *name, store_piece *piece, void *context) {
    struct reading r = {.piece = piece, .context = context, .got = 1};
    int rc = MIEN_OK;

    if (asprintf(&r.file, "%s: the server's %s", s->label, name) < 0)
        return err_set(MIEN_ENOMEM, "the server's files: out of memory");
    for (; rc == MIEN_OK && r.got; r.at += r.got) {
        struct store_value values[] = {store_text(name), store_int((int64_t)r.at),
                                       store_int(STORE_PIECE)};
        r.got = 0;
        rc = STORE_POSTGRES.run(s, "SELECT pg_read_binary_file(?1, ?2, ?3, true)", values, 3,
                                take_piece, &r);
    }
    free(r.file);
    return rc;
}

int postgres_read_files(struct store *s, store_piece *piece, void *context) {
    struct names names = {0};
    int rc = postgres_exec(s, "CHECKPOINT", NULL); /* what is in memory is in the files, too */

    if (rc == MIEN_OK) rc = STORE_POSTGRES.run(s, FILES, NULL, 0, take_name, &names);
    for (size_t i = 0; i < names.n && rc == MIEN_OK; i++)
        rc = read_file(s, names.at[i], piece, context);
    for (size_t i = 0; i < names.n; i++) free(names.at[i]);
    free(names.at);
    return rc;
}
