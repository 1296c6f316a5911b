/* mien_gallery_undo(): fields back to what they were, by an event of its own. */
#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A change that is to be undone. */
struct change {
    enum log_field field;
    int64_t subject, was, now;
    char *was_text, *now_text; /* copies; NULL: none */
};

struct undoing {
    mien_gallery *g;
    int64_t undone, event;
    struct change *changes;
    size_t n, room;
    int64_t samples;
};

static char *copy_text(const struct store_value *column, int *failed) {
    const char *text = store_get_text(column);
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy) *failed = 1;
    return copy;
}

static int take_change(void *context, const struct store_value *row, int n) {
    struct undoing *u = context;
    struct change *c;
    int failed = 0;

    if (n < 6) return MIEN_OK;
    if (u->n == u->room) {
        size_t room = u->room ? 2 * u->room : 64;
        struct change *more = realloc(u->changes, room * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "undoing an event: out of memory");
        u->changes = more;
        u->room = room;
    }
    c = &u->changes[u->n++];
    *c = (struct change){
        .field = (enum log_field)row[0].i, .subject = row[1].i, .was = row[2].i, .now = row[3].i};
    c->was_text = copy_text(&row[4], &failed);
    c->now_text = copy_text(&row[5], &failed);
    return failed ? err_set(MIEN_ENOMEM, "undoing an event: out of memory") : MIEN_OK;
}

/* 1 where the field ?2 of what has the id ?1 is still what the event left. */
static const char *const STILL[] = {
    [LOG_PERSON_NAME] = "SELECT count(*) FROM persons WHERE id = ?1 AND name = ?2",
    [LOG_PERSON_EXTERNAL] = ("SELECT count(*) FROM persons WHERE id = ?1 AND"
                             " COALESCE(external_id, '') = COALESCE(?2, '')"),
    [LOG_PERSON_METADATA] = ("SELECT count(*) FROM persons WHERE id = ?1 AND"
                             " COALESCE(metadata, '') = COALESCE(?2, '')"),
    [LOG_PERSON_STATE] = "SELECT count(*) FROM persons WHERE id = ?1 AND state = ?2",
    [LOG_SAMPLE_STATE] = "SELECT count(*) FROM samples WHERE id = ?1 AND state = ?2",
    [LOG_SAMPLE_PERSON] = "SELECT count(*) FROM samples WHERE id = ?1 AND person = ?2",
    [LOG_NOT_PERSON] = "SELECT count(*) FROM not_persons WHERE sample = ?1 AND person = ?2",
    [LOG_COLLECTION_CONTRACT] =
        "SELECT count(*) FROM collections WHERE id = ?1 AND coalesce(contract, 0) = ?2",
};

/* Whether the field of a change is one that can be undone: a file may say anything. */
static int is_known(const struct change *c) {
    return (int)c->field > 0 && (size_t)c->field < sizeof STILL / sizeof *STILL && STILL[c->field];
}

static int check_change(struct undoing *u, const struct change *c) {
    int64_t still = 0, last = 0, expected = c->field != LOG_NOT_PERSON || c->now;
    struct store_value value =
        log_is_text(c->field) ? store_text(c->now_text) : store_int(expected ? c->now : c->was);
    int rc;

    if (!is_known(c))
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "event %" PRId64 " cannot be undone: it is of a kind "
                       "that has no way back",
                       u->undone);
    rc = GALLERY_NUMBER(u->g, STILL[c->field], &still, store_int(c->subject), value);
    if (rc || still == expected) return rc;
    rc = GALLERY_NUMBER(u->g, "SELECT max(event) FROM changes WHERE subject = ?1 AND field = ?2",
                        &last, store_int(c->subject), store_int(c->field));
    if (rc) return rc;
    return err_set(MIEN_GALLERY_ECONFLICT,
                   "event %" PRId64 " cannot be undone: what it did to %016" PRIx64
                   " was changed since, by event %" PRId64,
                   u->undone, (uint64_t)c->subject, last);
}

static int set_back(struct undoing *u, const struct change *c) {
    struct log_value to = {.number = c->was, .text = c->was_text};

    if (c->field == LOG_NOT_PERSON && !c->was) to.number = -c->now;
    u->samples += c->field == LOG_SAMPLE_PERSON || c->field == LOG_SAMPLE_STATE;
    return log_change(u->g, u->event, c->field, c->subject, to);
}

/* The person of whom something was changed. */
static int check_result(struct undoing *u, const struct change *c) {
    int64_t person = c->subject;
    int rc = MIEN_OK;

    if (c->field == LOG_COLLECTION_CONTRACT) return MIEN_OK;
    if (!log_is_text(c->field) && c->field != LOG_PERSON_STATE)
        rc = GALLERY_NUMBER(u->g, "SELECT person FROM samples WHERE id = ?1", &person,
                            store_int(c->subject));
    return rc ? rc : log_check_person(u->g, person);
}

static int check_event(mien_gallery *g, int64_t event, int64_t of[3]) {
    static const char *const columns[] = {"SELECT kind FROM events WHERE id = ?1",
                                          "SELECT person FROM events WHERE id = ?1",
                                          "SELECT other FROM events WHERE id = ?1"};
    int holds = 0, rc = MIEN_OK;

    for (int i = 0; i < 3 && rc == MIEN_OK; i++) {
        of[i] = 0;
        rc = GALLERY_NUMBER(g, columns[i], &of[i], store_int(event));
    }
    if (rc) return rc;
    if (!of[0]) return err_set(MIEN_GALLERY_ENOTFOUND, "there is no event %" PRId64, event);
    if (of[0] == MIEN_GALLERY_DELETED)
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "event %" PRId64 " cannot be undone: it deleted, and nothing is left",
                       event);
    if (of[0] == MIEN_GALLERY_EMBEDDED || of[0] == MIEN_GALLERY_DROPPED)
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "event %" PRId64
                       " cannot be undone: embeddings come with the next migration,"
                       " and go where they are dropped",
                       event);
    rc = log_holds(g, event, &holds);
    if (rc || holds) return rc;
    return err_set(MIEN_GALLERY_ECONFLICT, "event %" PRId64 " has been undone already", event);
}

static int undo(struct undoing *u) {
    int64_t of[3];
    int rc = check_event(u->g, u->undone, of);

    if (rc == MIEN_OK)
        rc = GALLERY_RUN(u->g,
                         "SELECT field, subject, was, now, was_text, now_text FROM changes"
                         " WHERE event = ?1",
                         take_change, u, store_int(u->undone));
    if (rc == MIEN_OK && !u->n)
        rc = err_set(MIEN_GALLERY_ECONFLICT,
                     "event %" PRId64 " cannot be undone: what it changed was deleted, or nothing",
                     u->undone);
    for (size_t i = 0; i < u->n && rc == MIEN_OK; i++) rc = check_change(u, &u->changes[i]);
    if (rc == MIEN_OK)
        rc = log_event(u->g, MIEN_GALLERY_UNDONE, of[1], of[2], u->undone, &u->event);
    for (size_t i = 0; i < u->n && rc == MIEN_OK; i++) rc = set_back(u, &u->changes[i]);
    for (size_t i = 0; i < u->n && rc == MIEN_OK; i++) rc = check_result(u, &u->changes[i]);
    return rc ? rc : log_event_samples(u->g, u->event, u->samples);
}

int mien_gallery_undo(mien_gallery *g, int64_t undone, int64_t *event) {
    struct undoing u = {.g = g, .undone = undone};
    int rc;

    if (event) *event = 0;
    rc = gallery_enter_to_write(g, "mien_gallery_undo");
    if (rc) return rc;
    rc = gallery_leave_written(g, undo(&u));
    for (size_t i = 0; i < u.n; i++) {
        free(u.changes[i].was_text);
        free(u.changes[i].now_text);
    }
    free(u.changes);
    if (rc == MIEN_OK && event) *event = u.event;
    return rc;
}
