/* What changes people, of mien_gallery.h: renaming, merging, splitting, moving, telling apart. */
#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/log.h"
#include "gallery/people.h"
#include "gallery/seal.h"

#include <inttypes.h>

/* Ends a public function: the event is told where it is there. */
static int leave(mien_gallery *g, int rc, int64_t done, int64_t *event) {
    rc = gallery_leave_written(g, rc);
    if (event) *event = rc ? 0 : done;
    return rc;
}

static int same_collection(mien_gallery *g, int64_t a, int64_t b) {
    int64_t of_a = 0, of_b = 0;
    int rc = people_live(g, a, &of_a);

    if (rc == MIEN_OK) rc = people_live(g, b, &of_b);
    if (rc || of_a == of_b) return rc;
    return err_set(MIEN_GALLERY_ECONFLICT, "the persons are of different collections");
}

static int find_sample(mien_gallery *g, int64_t sample, int64_t *person) {
    int rc;

    *person = 0;
    rc = GALLERY_NUMBER(g, "SELECT person FROM samples WHERE id = ?1 AND state = 0", person,
                        store_int(sample));
    if (rc || *person) return rc;
    return err_set(MIEN_GALLERY_ENOTFOUND, "there is no sample %016" PRIx64, (uint64_t)sample);
}

/* Moves samples as part of an event. Those that are there already stay as they are. */
static int move(mien_gallery *g, int64_t event, const int64_t *samples, size_t n, int64_t person) {
    int64_t from = 0, moved = 0;
    int rc = MIEN_OK;

    for (size_t i = 0; i < n && rc == MIEN_OK; i++) {
        rc = find_sample(g, samples[i], &from);
        if (rc || from == person) continue;
        rc = same_collection(g, from, person);
        if (rc == MIEN_OK)
            rc = log_change(g, event, LOG_SAMPLE_PERSON, samples[i],
                            (struct log_value){.number = person});
        moved++;
    }
    if (rc == MIEN_OK && n && !moved)
        rc = err_set(MIEN_GALLERY_ECONFLICT, "the samples are with that person already");
    if (rc == MIEN_OK) rc = log_event_samples(g, event, moved);
    return rc ? rc : log_check_person(g, person);
}

static int new_person(mien_gallery *g, int64_t like, const char *name, int64_t *person) {
    mien_gallery_person made = {.name = name};
    int rc = people_live(g, like, &made.collection);

    return rc ? rc : people_add(g, &made, person);
}

/* Sets a text of a person. None is stored where it is empty, but for a name. */
static int set_text(mien_gallery *g, int64_t event, enum log_field field, int64_t person,
                    int64_t collection, const char *text) {
    struct seal seal = seal_begin(g, person);
    struct store_value value;

    if (field == LOG_PERSON_NAME)
        value = seal_name(&seal, collection, text);
    else
        value = seal_text(
            &seal, field == LOG_PERSON_EXTERNAL ? SEAL_PERSON_EXTERNAL : SEAL_PERSON_METADATA,
            *text ? text : NULL);
    if (seal.rc == MIEN_OK)
        seal.rc =
            log_change(g, event, field, person, (struct log_value){.text = store_get_text(&value)});
    if (seal.rc == SEAL_GONE)
        seal.rc = err_set(MIEN_GALLERY_ENOTFOUND, "person %016" PRIx64 " was deleted: its key is",
                          (uint64_t)person);
    return seal_end(&seal);
}

int mien_gallery_rename(mien_gallery *g, int64_t person, const char *name, int64_t *event) {
    int64_t done = 0, collection;
    int rc;

    if (event) *event = 0;
    if (!name) return err_null("mien_gallery_rename");
    rc = people_check_name(name, 1);
    if (rc == MIEN_OK) rc = gallery_enter_to_write(g, "mien_gallery_rename");
    if (rc) return rc;
    rc = people_live(g, person, &collection);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_RENAMED, person, 0, 0, &done);
    if (rc == MIEN_OK) rc = set_text(g, done, LOG_PERSON_NAME, person, collection, name);
    return leave(g, rc, done, event);
}

int mien_gallery_describe(mien_gallery *g, int64_t person, const char *external_id,
                          const char *metadata, int64_t *event) {
    int64_t done = 0, collection;
    int rc;

    if (event) *event = 0;
    rc = gallery_enter_to_write(g, "mien_gallery_describe");
    if (rc) return rc;
    rc = people_live(g, person, &collection);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_DESCRIBED, person, 0, 0, &done);
    if (rc == MIEN_OK && external_id)
        rc = set_text(g, done, LOG_PERSON_EXTERNAL, person, collection, external_id);
    if (rc == MIEN_OK && metadata)
        rc = set_text(g, done, LOG_PERSON_METADATA, person, collection, metadata);
    return leave(g, rc, done, event);
}

static int merge(mien_gallery *g, int64_t from, int64_t into, int64_t *done) {
    struct ids samples = {0};
    int rc = same_collection(g, from, into);

    if (rc == MIEN_OK && from == into)
        rc = err_set(MIEN_GALLERY_ECONFLICT, "a person cannot be merged into itself");
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g, "SELECT id FROM samples WHERE person = ?1 AND state = 0 ORDER BY id",
                         ids_take, &samples, store_int(from));
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_MERGED, into, from, 0, done);
    if (rc == MIEN_OK) rc = move(g, *done, samples.at, samples.n, into);
    if (rc == MIEN_OK)
        rc = log_change(g, *done, LOG_PERSON_STATE, from, (struct log_value){.number = into});
    ids_free(&samples);
    return rc;
}

int mien_gallery_merge(mien_gallery *g, int64_t from, int64_t into, int64_t *event) {
    int64_t done = 0;
    int rc;

    if (event) *event = 0;
    rc = gallery_enter_to_write(g, "mien_gallery_merge");
    if (rc) return rc;
    rc = merge(g, from, into, &done);
    return leave(g, rc, done, event);
}

static int split(mien_gallery *g, const int64_t *samples, int n, const char *name, int64_t *person,
                 int64_t *done) {
    int64_t from = 0, other = 0;
    int rc = find_sample(g, samples[0], &from);

    for (int i = 1; i < n && rc == MIEN_OK; i++) {
        rc = find_sample(g, samples[i], &other);
        if (rc == MIEN_OK && other != from)
            rc = err_set(MIEN_GALLERY_ECONFLICT, "the samples are not all of one person");
    }
    if (rc == MIEN_OK) rc = new_person(g, from, name, person);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_SPLIT, *person, from, 0, done);
    if (rc == MIEN_OK) rc = log_made(g, *done, LOG_PERSON_STATE, *person);
    return rc ? rc : move(g, *done, samples, (size_t)n, *person);
}

int mien_gallery_split(mien_gallery *g, const int64_t *samples, int n, const char *name,
                       int64_t *person, int64_t *event) {
    int64_t done = 0;
    int rc;

    if (event) *event = 0;
    if (person) *person = 0;
    if (!samples || !name || !person) return err_null("mien_gallery_split");
    if (n < 1) return err_set(MIEN_EINVAL, "mien_gallery_split: no samples are given");
    rc = people_check_name(name, 1);
    if (rc == MIEN_OK) rc = gallery_enter_to_write(g, "mien_gallery_split");
    if (rc) return rc;
    rc = split(g, samples, n, name, person, &done);
    rc = leave(g, rc, done, event);
    if (rc) *person = 0;
    return rc;
}

int mien_gallery_move(mien_gallery *g, const int64_t *samples, int n, int64_t person,
                      int64_t *event) {
    int64_t done = 0, from = 0, collection;
    int rc;

    if (event) *event = 0;
    if (!samples) return err_null("mien_gallery_move");
    if (n < 1) return err_set(MIEN_EINVAL, "mien_gallery_move: no samples are given");
    rc = gallery_enter_to_write(g, "mien_gallery_move");
    if (rc) return rc;
    rc = people_live(g, person, &collection);
    if (rc == MIEN_OK) rc = find_sample(g, samples[0], &from);
    if (rc == MIEN_OK)
        rc = log_event(g, MIEN_GALLERY_MOVED, person, from == person ? 0 : from, 0, &done);
    if (rc == MIEN_OK) rc = move(g, done, samples, (size_t)n, person);
    return leave(g, rc, done, event);
}

static int tell_apart(mien_gallery *g, int64_t sample, int64_t person, int64_t *other,
                      int64_t *done) {
    int64_t with = 0, known = 0;
    int rc = find_sample(g, sample, &with);

    if (rc == MIEN_OK) rc = same_collection(g, with, person);
    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g, "SELECT count(*) FROM not_persons WHERE sample = ?1 AND person = ?2",
                            &known, store_int(sample), store_int(person));
    if (rc == MIEN_OK && known) rc = err_set(MIEN_GALLERY_ECONFLICT, "that has been said already");
    if (rc == MIEN_OK && with == person) rc = new_person(g, person, "", other);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_NOT_THIS_PERSON, person, *other, 0, done);
    if (rc == MIEN_OK && *other) rc = log_made(g, *done, LOG_PERSON_STATE, *other);
    if (rc == MIEN_OK && *other) rc = move(g, *done, &sample, 1, *other);
    if (rc == MIEN_OK)
        rc = log_change(g, *done, LOG_NOT_PERSON, sample, (struct log_value){.number = person});
    return rc ? rc : log_event_samples(g, *done, 1);
}

int mien_gallery_not_this_person(mien_gallery *g, int64_t sample, int64_t person, int64_t *other,
                                 int64_t *event) {
    int64_t done = 0, made = 0;
    int rc;

    if (event) *event = 0;
    if (other) *other = 0;
    rc = gallery_enter_to_write(g, "mien_gallery_not_this_person");
    if (rc) return rc;
    rc = tell_apart(g, sample, person, &made, &done);
    rc = leave(g, rc, done, event);
    if (rc == MIEN_OK && other) *other = made;
    return rc;
}
