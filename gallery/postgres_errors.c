/* What PostgreSQL's errors mean, of postgres_open.h. */
#include "engine/err.h"
#include "gallery/postgres_open.h"
#include "mien_gallery.h"

#include <string.h>

enum { FIELD_STATE = 'C', FIELD_MESSAGE = 'M' };

/* Errors by the first letters of their SQLSTATE. */
struct meaning {
    const char *state;
    int rc;
    const char *sentence; /* before the server's; NULL: that alone */
};

static const struct meaning MEANINGS[] = {
    {"53100", MIEN_GALLERY_EFULL, "no room is left on the server's disk; nothing was changed"},
    {"55P03", MIEN_GALLERY_EBUSY, "another process kept it locked; nothing was changed"},
    {"40", MIEN_GALLERY_EBUSY, "another process was in the way; nothing was changed"},
    {"57014", MIEN_GALLERY_EBUSY, "the server gave up after its time; nothing was changed"},
    {"42501", MIEN_EUNSUPPORTED, "the role may not do that there"},
    {"25006", MIEN_EIO, "cannot be changed: the database is read-only here"},
    {"25P02", MIEN_GALLERY_ECONFLICT, "what came before failed: nothing was changed"},
    {"22021", MIEN_EINVAL, "a text is not UTF-8"},
    {"22P05", MIEN_EINVAL, "a text has letters that the database's encoding has not"},
    {"23505", MIEN_GALLERY_ECONFLICT, "what is to be added is there already"},
    {"23", MIEN_GALLERY_ECONFLICT, NULL},
    {"P0001", MIEN_GALLERY_ECONFLICT, NULL},
    {"54", MIEN_ETOOBIG, "a value is too long"},
    {"XX001", MIEN_EFORMAT, "is damaged: 'mien gallery check' tells more; restore a backup"},
    {"XX002", MIEN_EFORMAT, "is damaged: 'mien gallery check' tells more; restore a backup"},
    {"", MIEN_EIO, NULL}, /* all others */
};

/* States after which the server talks no more: it was shut down, has crashed, or starts. */
static int ends_connection(const char *state) {
    return strncmp(state, "08", 2) == 0 || (strncmp(state, "57P", 3) == 0 && state[3] != '4');
}

/* The first line of what libpq says. */
static int first_line(const char *text) {
    return (int)strcspn(text, "\n");
}

static int failed_connection(struct store *s, const char *why) {
    s->lost = 1;
    if (!*why) why = "out of memory";
    return err_set(MIEN_EIO, "%s: the connection was lost: %.*s", s->label, first_line(why), why);
}

int postgres_failed(struct store *s, const struct pg_result *result) {
    const char *state = result ? s->pq->result_error_field(result, FIELD_STATE) : NULL;
    const struct meaning *m = MEANINGS;
    const char *message = result ? s->pq->result_error_field(result, FIELD_MESSAGE) : NULL;

    if (!message) message = s->pq->error_message(s->conn);
    if (!state || ends_connection(state) || s->pq->status(s->conn) != CONNECTION_OK)
        return failed_connection(s, message);
    while (m < MEANINGS + sizeof MEANINGS / sizeof *MEANINGS - 1 &&
           strncmp(state, m->state, strlen(m->state)) != 0)
        m++;
    if (m->sentence)
        return err_set(m->rc, "%s: %s (%.*s)", s->label, m->sentence, first_line(message), message);
    return err_set(m->rc, "%s: %.*s", s->label, first_line(message), message);
}
