#include "gallery/log.h"

#include "engine/err.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How a field is read, and set to ?2 of what has the id ?1 at the time ?3. */
struct field_sql {
    const char *get, *set;
};

static const struct field_sql FIELDS[] = {
    [LOG_PERSON_NAME] = {"SELECT name FROM persons WHERE id = ?1",
                         "UPDATE persons SET name = ?2, updated = ?3 WHERE id = ?1"},
    [LOG_PERSON_EXTERNAL] = {"SELECT external_id FROM persons WHERE id = ?1",
                             "UPDATE persons SET external_id = ?2, updated = ?3 WHERE id = ?1"},
    [LOG_PERSON_METADATA] = {"SELECT metadata FROM persons WHERE id = ?1",
                             "UPDATE persons SET metadata = ?2, updated = ?3 WHERE id = ?1"},
    [LOG_PERSON_STATE] = {"SELECT state FROM persons WHERE id = ?1",
                          "UPDATE persons SET state = ?2, updated = ?3 WHERE id = ?1"},
    [LOG_SAMPLE_STATE] = {"SELECT state FROM samples WHERE id = ?1",
                          "UPDATE samples SET state = ?2, updated = ?3 WHERE id = ?1"},
    [LOG_SAMPLE_PERSON] = {"SELECT person FROM samples WHERE id = ?1",
                           "UPDATE samples SET person = ?2, updated = ?3 WHERE id = ?1"},
    [LOG_COLLECTION_CONTRACT] =
        {"SELECT coalesce(contract, 0) FROM collections WHERE id = ?1",
         "UPDATE collections SET contract = nullif(CAST(?2 AS bigint), 0), migrated = ?3"
         " WHERE id = ?1"},
};

int log_event(mien_gallery *g, enum mien_gallery_event_kind kind, int64_t person, int64_t other,
              int64_t undoes, int64_t *event) {
    int rc = GALLERY_RUN(g,
                         "INSERT INTO events (time, who, kind, person, other, samples, undoes)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
                         NULL, NULL, store_int(gallery_now()), store_text(g->as ? g->as : g->who),
                         store_int(kind), store_int(person), store_int(other), store_int(undoes));

    return rc ? rc : gallery_number(g, "SELECT max(id) FROM events", NULL, 0, event);
}

int log_event_samples(mien_gallery *g, int64_t event, int64_t samples) {
    return GALLERY_RUN(g, "UPDATE events SET samples = ?2 WHERE id = ?1", NULL, NULL,
                       store_int(event), store_int(samples));
}

static int note(mien_gallery *g, int64_t event, enum log_field field, int64_t subject,
                struct store_value was, struct store_value now) {
    if (log_is_text(field))
        return GALLERY_RUN(g,
                           "INSERT INTO changes (event, field, subject, was_text, now_text)"
                           " VALUES (?1, ?2, ?3, ?4, ?5)",
                           NULL, NULL, store_int(event), store_int(field), store_int(subject), was,
                           now);
    return GALLERY_RUN(g,
                       "INSERT INTO changes (event, field, subject, was, now)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)",
                       NULL, NULL, store_int(event), store_int(field), store_int(subject), was,
                       now);
}

int log_embedding(mien_gallery *g, int64_t event, int64_t sample, int64_t was, int64_t now) {
    return note(g, event, LOG_EMBEDDING, sample, store_int(was), store_int(now));
}

int log_made(mien_gallery *g, int64_t event, enum log_field state, int64_t subject) {
    return note(g, event, state, subject, store_int(LOG_NOT_THERE), store_int(LOG_THERE));
}

/* A field as it was: its text is a copy. */
struct kept {
    int found;
    struct store_value value;
    char *text;
};

static int keep(void *context, const struct store_value *row, int n) {
    struct kept *kept = context;

    if (n < 1) return MIEN_OK;
    kept->found = 1;
    /* Bytes of another type would not stay. */
    kept->value = row[0].type == STORE_INT ? row[0] : store_text(NULL);
    if (row[0].type != STORE_TEXT) return MIEN_OK;
    kept->text = strdup(row[0].bytes);
    if (!kept->text) return err_set(MIEN_ENOMEM, "a gallery's log: out of memory");
    kept->value = store_text(kept->text);
    return MIEN_OK;
}

/* A pair is there or not. */
static int change_pair(mien_gallery *g, int64_t event, int64_t sample, int64_t person, int add) {
    const char *sql = add ? "INSERT INTO not_persons (sample, person) VALUES (?1, ?2)"
                          : "DELETE FROM not_persons WHERE sample = ?1 AND person = ?2";
    int rc = GALLERY_RUN(g, sql, NULL, NULL, store_int(sample), store_int(person));

    if (rc) return rc;
    return note(g, event, LOG_NOT_PERSON, sample, store_int(add ? 0 : person),
                store_int(add ? person : 0));
}

int log_change(mien_gallery *g, int64_t event, enum log_field field, int64_t subject,
               struct log_value to) {
    struct store_value value = log_is_text(field) ? store_text(to.text) : store_int(to.number);
    struct kept was = {0};
    int rc;

    if (field == LOG_NOT_PERSON) /* below 0: no more */
        return change_pair(g, event, subject, llabs(to.number), to.number > 0);
    rc = GALLERY_RUN(g, FIELDS[field].get, keep, &was, store_int(subject));
    if (rc == MIEN_OK && !was.found)
        rc = err_set(MIEN_GALLERY_ENOTFOUND, "nothing has the id %016" PRIx64, (uint64_t)subject);
    if (rc == MIEN_OK) rc = note(g, event, field, subject, was.value, value);
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g, FIELDS[field].set, NULL, NULL, store_int(subject), value,
                         store_int(gallery_now()));
    free(was.text);
    return rc;
}

int log_holds(mien_gallery *g, int64_t event, int *holds) {
    *holds = 1;
    for (int64_t by = event;; *holds = !*holds) {
        int64_t last = 0;
        int rc = GALLERY_NUMBER(g, "SELECT max(id) FROM events WHERE undoes = ?1 AND id > ?1",
                                &last, store_int(by));
        if (rc) return rc;
        if (!last) return MIEN_OK;
        by = last;
    }
}

int log_check_person(mien_gallery *g, int64_t person) {
    char id[MIEN_GALLERY_ID_SIZE];
    int64_t lost = 0, wrong = 0;
    int rc = GALLERY_NUMBER(g,
                            "SELECT count(*) FROM persons p JOIN samples s ON s.person = p.id"
                            " WHERE p.id = ?1 AND p.state <> 0 AND s.state = 0",
                            &lost, store_int(person));

    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g,
                            "SELECT s.id FROM samples s JOIN not_persons n ON n.sample = s.id"
                            " AND n.person = s.person WHERE s.person = ?1 AND s.state = 0 LIMIT 1",
                            &wrong, store_int(person));
    if (rc) return rc;
    if (lost)
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "person %s would have %" PRId64 " samples and not be there",
                       mien_gallery_id_text(person, id), lost);
    if (wrong)
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "sample %016" PRIx64 " was said not to be of person %s", (uint64_t)wrong,
                       mien_gallery_id_text(person, id));
    return MIEN_OK;
}
