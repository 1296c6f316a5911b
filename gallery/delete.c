/* Deletion of mien_gallery.h: rows, what the log tells of them, and what is left of both in files.
 */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/keyring_open.h"
#include "gallery/log.h"
#include "gallery/people.h"
#include "gallery/receipt.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of an aligned face as a file, what may be the same in another's: header and tables. */
enum { CROP_HEAD = 1024 };

struct deleting {
    mien_gallery *g;
    struct receipt receipt;
    struct ids persons, samples;
    int64_t event;
};

/* Bytes as they lie in the store, and of an encrypted gallery also what they are. */
static int add_pieces(struct deleting *d, struct seal *seal, const struct store_value *column,
                      const struct store_value *plain, size_t skip) {
    int rc = receipt_add(&d->receipt, plain->bytes, plain->n, skip);

    if (rc || !seal->g->keys) return rc;
    return receipt_add(&d->receipt, column->bytes, column->n, 0);
}

/* A row: embedding, crop, sample, contract. Of one whose key is gone nobody knows what it was. */
static int take_pieces(void *context, const struct store_value *row, int n) {
    struct deleting *d = context;
    struct store_value embedding, crop;
    struct seal seal;
    int rc;

    if (n < 4) return MIEN_OK;
    seal = seal_begin(d->g, row[2].i);
    embedding = unseal_bytes(&seal, SEAL_EMBEDDING, row[3].i, &row[0]);
    crop = unseal_bytes(&seal, SEAL_CROP, 0, &row[1]);
    if (seal.rc == MIEN_EFORMAT) seal.rc = MIEN_OK; /* what is damaged can be deleted, too */
    rc = add_pieces(d, &seal, &row[0], &embedding, 0);
    if (rc == MIEN_OK) rc = add_pieces(d, &seal, &row[1], &crop, CROP_HEAD);
    return seal_end(&seal) ? seal.rc : rc;
}

static int take_key(void *context, const struct store_value *row, int n) {
    struct deleting *d = context;

    return n ? receipt_add(&d->receipt, row[0].bytes, row[0].n, 0) : MIEN_OK;
}

/* That of a person or sample, by which copies of it can be read. */
static int delete_key(struct deleting *d, int64_t id) {
    int rc = d->g->keys ? keyring_see_wrapped(d->g->keys, id, take_key, d) : MIEN_OK;

    return rc || !d->g->keys ? rc : keyring_delete(d->g->keys, id);
}

static int delete_sample(struct deleting *d, int64_t sample) {
    static const char *const sql[] = {
        "DELETE FROM changes WHERE subject = ?1", "DELETE FROM not_persons WHERE sample = ?1",
        "DELETE FROM embeddings WHERE sample = ?1", "DELETE FROM samples WHERE id = ?1"};
    int rc = GALLERY_RUN(d->g, "SELECT embedding, crop, id, contract FROM samples WHERE id = ?1",
                         take_pieces, d, store_int(sample));

    if (rc == MIEN_OK)
        rc = GALLERY_RUN(
            d->g, "SELECT embedding, NULL, sample, contract FROM embeddings WHERE sample = ?1",
            take_pieces, d, store_int(sample));
    for (int i = 0; i < 4 && rc == MIEN_OK; i++)
        rc = GALLERY_RUN(d->g, sql[i], NULL, NULL, store_int(sample));
    return rc ? rc : delete_key(d, sample);
}

/* Changes of others that name the person could not be undone any more. */
static int delete_person(struct deleting *d, int64_t person) {
    static const char *const sql[] = {
        "DELETE FROM changes WHERE subject = ?1",
        "DELETE FROM changes WHERE field >= 2 AND (was = ?1 OR now = ?1)",
        "DELETE FROM not_persons WHERE person = ?1", "DELETE FROM persons WHERE id = ?1"};
    int rc = MIEN_OK;

    for (int i = 0; i < 4 && rc == MIEN_OK; i++)
        rc = GALLERY_RUN(d->g, sql[i], NULL, NULL, store_int(person));
    return rc ? rc : delete_key(d, person);
}

/* The person, those that were merged into it, and those that an undone event of it made, of whom
 * nothing but the row is left; and theirs. */
static int find_persons(struct deleting *d, int64_t person) {
    struct store_value first = store_int(person);
    int rc = ids_take(&d->persons, &first, 1);

    for (size_t i = 0; i < d->persons.n && rc == MIEN_OK; i++) {
        struct store_value id = store_int(d->persons.at[i]);
        rc = GALLERY_RUN(d->g, "SELECT id FROM persons WHERE state = ?1 AND state > 0 ORDER BY id",
                         ids_take, &d->persons, id);
        if (rc == MIEN_OK && i == 0)
            rc = GALLERY_RUN(d->g,
                             "SELECT DISTINCT p.id FROM events e JOIN persons p"
                             " ON p.id = CASE e.person WHEN ?1 THEN e.other ELSE e.person END"
                             " WHERE (e.person = ?1 OR e.other = ?1) AND p.state = -1"
                             " AND NOT EXISTS (SELECT 1 FROM samples s WHERE s.person = p.id)",
                             ids_take, &d->persons, id);
        if (rc == MIEN_OK)
            rc = GALLERY_RUN(d->g, "SELECT id FROM samples WHERE person = ?1 ORDER BY id", ids_take,
                             &d->samples, id);
    }
    return rc;
}

static int delete_rows(struct deleting *d, int64_t person) {
    int rc = log_event(d->g, MIEN_GALLERY_DELETED, person, 0, 0, &d->event);

    for (size_t i = 0; i < d->samples.n && rc == MIEN_OK; i++)
        rc = delete_sample(d, d->samples.at[i]);
    for (size_t i = 0; i < d->persons.n && rc == MIEN_OK; i++)
        rc = delete_person(d, d->persons.at[i]);
    return rc ? rc : log_event_samples(d->g, d->event, (int64_t)d->samples.n);
}

/* Of a collection, whatever became of them. */
static int find_members(struct deleting *d, int64_t collection) {
    struct store_value id = store_int(collection);
    int rc = GALLERY_RUN(d->g, "SELECT id FROM persons WHERE collection = ?1 ORDER BY id", ids_take,
                         &d->persons, id);

    return rc ? rc
              : GALLERY_RUN(d->g,
                            "SELECT s.id FROM samples s JOIN persons p ON p.id = s.person"
                            " WHERE p.collection = ?1 ORDER BY s.id",
                            ids_take, &d->samples, id);
}

static int delete_collection(struct deleting *d, int64_t collection) {
    int64_t there = 0;
    int rc = GALLERY_NUMBER(d->g, "SELECT count(*) FROM collections WHERE id = ?1", &there,
                            store_int(collection));

    if (rc == MIEN_OK && !there)
        rc = err_set(MIEN_GALLERY_ENOTFOUND, "there is no collection %016" PRIx64,
                     (uint64_t)collection);
    if (rc == MIEN_OK) rc = find_members(d, collection);
    if (rc == MIEN_OK) rc = delete_rows(d, 0);
    return rc ? rc
              : GALLERY_RUN(d->g, "DELETE FROM collections WHERE id = ?1", NULL, NULL,
                            store_int(collection));
}

static int delete_whole(struct deleting *d, int64_t person) {
    int64_t collection;
    int rc = people_live(d->g, person, &collection);

    if (rc == MIEN_OK) rc = find_persons(d, person);
    return rc ? rc : delete_rows(d, person);
}

static int delete_some(struct deleting *d, const int64_t *samples, int n) {
    int64_t person = 0;
    int rc = MIEN_OK;

    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        struct store_value id = store_int(samples[i]);
        int64_t of = 0;
        rc = GALLERY_NUMBER(d->g, "SELECT person FROM samples WHERE id = ?1", &of, id);
        if (rc == MIEN_OK && !of)
            rc = err_set(MIEN_GALLERY_ENOTFOUND, "there is no sample %016" PRIx64,
                         (uint64_t)samples[i]);
        else if (rc == MIEN_OK && person && of != person)
            rc = err_set(MIEN_GALLERY_ECONFLICT, "the samples are not all of one person");
        if (rc == MIEN_OK) rc = ids_take(&d->samples, &id, 1);
        person = of;
    }
    return rc ? rc : delete_rows(d, person);
}

/* After the rows are gone: the journal, and what the caller is told. */
static int finish(struct deleting *d, int rc, mien_gallery_deletion *out) {
    mien_gallery_deletion own = {
        .struct_size = sizeof own, .event = d->event, .samples = (int64_t)d->samples.n};

    own.who = d->g->as;
    if (rc == MIEN_OK) {
        own.receipt = receipt_text(&d->receipt, own.event, own.samples);
        if (!own.receipt) rc = err_set(MIEN_ENOMEM, "a receipt: out of memory");
    }
    rc = gallery_leave_written(d->g, rc);
    if (rc == MIEN_OK) (void)mien_gallery_scrub(d->g, &own.complete);
    if (rc == MIEN_OK) rc = sized_write(out, &own, sizeof own, "mien_gallery_deletion");
    if (rc) free(own.receipt);
    receipt_free(&d->receipt);
    ids_free(&d->persons);
    ids_free(&d->samples);
    return rc;
}

/* What is deleted within a transaction that may yet be rolled back has no receipt. */
static int begin(struct deleting *d, const mien_gallery_deletion *out, const char *function) {
    int rc;

    if (!out) return err_null(function);
    if (out->struct_size < sizeof(size_t))
        return err_set(MIEN_EINVAL, "struct_size of mien_gallery_deletion is not set");
    rc = receipt_begin(&d->receipt);
    if (rc == MIEN_OK) rc = gallery_enter_to_write(d->g, function);
    if (rc == MIEN_OK && d->g->depth == 1 && out->struct_size >= sizeof *out) d->g->as = out->who;
    if (rc || d->g->depth == 1) return rc;
    rc = err_set(MIEN_EINVAL, "nothing can be deleted between begin and commit");
    return gallery_leave_written(d->g, rc);
}

int mien_gallery_person_delete(mien_gallery *g, int64_t person, mien_gallery_deletion *deletion) {
    struct deleting d = {.g = g};
    int rc = begin(&d, deletion, "mien_gallery_person_delete");

    if (rc) return rc;
    rc = delete_whole(&d, person);
    return finish(&d, rc, deletion);
}

int mien_gallery_collection_delete(mien_gallery *g, int64_t collection,
                                   mien_gallery_deletion *deletion) {
    struct deleting d = {.g = g};
    int rc = begin(&d, deletion, "mien_gallery_collection_delete");

    if (rc) return rc;
    rc = delete_collection(&d, collection);
    return finish(&d, rc, deletion);
}

int mien_gallery_samples_delete(mien_gallery *g, const int64_t *samples, int n,
                                mien_gallery_deletion *deletion) {
    struct deleting d = {.g = g};
    int rc;

    if (!samples) return err_null("mien_gallery_samples_delete");
    if (n < 1) return err_set(MIEN_EINVAL, "mien_gallery_samples_delete: no samples are given");
    rc = begin(&d, deletion, "mien_gallery_samples_delete");
    if (rc) return rc;
    rc = delete_some(&d, samples, n);
    return finish(&d, rc, deletion);
}

/* Keys that a deletion left behind because it was broken off. */
static int settle_keys(mien_gallery *g) {
    int64_t going = 0;
    int rc = keyring_has_going(g->keys, &going);

    if (rc || !going) return rc;
    rc = gallery_enter_to_write(g, "mien_gallery_scrub");
    return rc ? rc : gallery_leave_written(g, keyring_settle(g));
}

int mien_gallery_scrub(mien_gallery *g, int *complete) {
    int keys_done = 1, rc;

    if (!complete) return err_null("mien_gallery_scrub");
    *complete = 0;
    rc = gallery_enter(g, "mien_gallery_scrub");
    if (rc) return rc;
    if (g->keys) rc = settle_keys(g);
    if (rc == MIEN_OK) rc = g->ops->scrub(g->store, complete);
    if (rc == MIEN_OK && g->keys) rc = keyring_scrub(g->keys, &keys_done);
    *complete = rc == MIEN_OK && *complete && keys_done;
    return gallery_leave(g, rc);
}

static int read_files(mien_gallery *g, struct receipt_search *search) {
    int rc = g->ops->read_files(g->store, receipt_search_piece, search);

    if (rc || !g->keys || !g->keys->is_apart) return rc;
    return g->ops->read_files(g->keys->store, receipt_search_piece, search);
}

int mien_gallery_prove(mien_gallery *g, const char *receipt, mien_gallery_problem *problem,
                       void *context, int *found) {
    struct receipt_search *search;
    struct receipt r;
    int rc;

    if (found) *found = 0;
    if (!receipt || !problem || !found) return err_null("mien_gallery_prove");
    rc = receipt_read(receipt, &r);
    if (rc) return rc;
    search = receipt_search_begin(&r, problem, context, found);
    rc = search ? gallery_enter(g, "mien_gallery_prove")
                : err_set(MIEN_ENOMEM, "searching a gallery's files: out of memory");
    if (rc == MIEN_OK) rc = gallery_leave(g, read_files(g, search));
    free(search);
    receipt_free(&r);
    return rc;
}
