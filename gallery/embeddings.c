/* Migration of mien_gallery.h: embeddings of samples under a further contract, and the contract
 * that a collection goes by. */
#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/log.h"
#include "gallery/people.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <math.h>

static int dims_of(mien_gallery *g, int64_t contract, int64_t *dims) {
    int rc;

    *dims = 0;
    rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", dims, store_int(contract));
    if (rc || *dims) return rc;
    return err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64, (uint64_t)contract);
}

static int check_length(const float *v, int64_t dims) {
    double sum = 0;

    for (int64_t i = 0; i < dims; i++) sum += (double)v[i] * (double)v[i];
    if (fabs(sqrt(sum) - 1) <= 1e-3) return MIEN_OK; /* what is no number is not, either */
    return err_set(MIEN_EINVAL, "an embedding is of length %g, not 1", sqrt(sum));
}

static int embed(mien_gallery *g, int64_t event, int64_t contract, int64_t sample, const float *v,
                 int64_t dims) {
    struct seal seal = seal_begin(g, sample);
    struct store_value value =
        seal_bytes(&seal, SEAL_EMBEDDING, contract, store_bytes(v, (size_t)dims * sizeof *v));
    int rc;

    if (seal.rc == MIEN_OK)
        seal.rc = GALLERY_RUN(g, "DELETE FROM embeddings WHERE sample = ?1 AND contract = ?2", NULL,
                              NULL, store_int(sample), store_int(contract));
    if (seal.rc == MIEN_OK)
        seal.rc = GALLERY_RUN(g,
                              "INSERT INTO embeddings (sample, contract, embedding)"
                              " VALUES (?1, ?2, ?3)",
                              NULL, NULL, store_int(sample), store_int(contract), value);
    if (seal.rc == SEAL_GONE)
        seal.rc = err_set(MIEN_GALLERY_ENOTFOUND, "sample %016" PRIx64 " was deleted: its key is",
                          (uint64_t)sample);
    rc = seal_end(&seal);
    return rc ? rc : log_embedding(g, event, sample, 0, contract);
}

static int add(mien_gallery *g, int64_t contract, const int64_t *samples, const float *embeddings,
               int n, int64_t *added, int64_t *event) {
    int64_t dims, there = 0;
    int rc = dims_of(g, contract, &dims);

    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        const float *v = embeddings + (size_t)i * (size_t)dims;
        rc = check_length(v, dims);
        if (rc == MIEN_OK)
            rc = GALLERY_NUMBER(
                g, "SELECT count(*) FROM samples WHERE id = ?1 AND state = 0 AND contract <> ?2",
                &there, store_int(samples[i]), store_int(contract));
        if (rc || !there) continue;
        if (!*event) rc = log_event(g, MIEN_GALLERY_EMBEDDED, 0, contract, 0, event);
        if (rc == MIEN_OK) rc = embed(g, *event, contract, samples[i], v, dims);
        ++*added;
    }
    return rc || !*event ? rc : log_event_samples(g, *event, *added);
}

int mien_gallery_embeddings_add(mien_gallery *g, int64_t contract, const int64_t *samples,
                                const float *embeddings, int n, int64_t *added, int64_t *event) {
    int64_t done = 0, by = 0;
    int rc;

    if (added) *added = 0;
    if (event) *event = 0;
    if (n < 0 || (n && (!samples || !embeddings))) return err_null("mien_gallery_embeddings_add");
    rc = gallery_enter_to_write(g, "mien_gallery_embeddings_add");
    if (rc) return rc;
    rc = gallery_leave_written(g, add(g, contract, samples, embeddings, n, &done, &by));
    if (rc) return rc;
    if (added) *added = done;
    if (event) *event = by;
    return MIEN_OK;
}

static int current_of(mien_gallery *g, int64_t collection, int64_t *contract) {
    int rc = people_check_collection(g, collection);

    *contract = 0;
    if (rc) return rc;
    return GALLERY_NUMBER(g, "SELECT coalesce(contract, 0) FROM collections WHERE id = ?1",
                          contract, store_int(collection));
}

static int drop(mien_gallery *g, int64_t collection, int64_t contract, struct ids *samples,
                int64_t *event) {
    int64_t current;
    int rc = current_of(g, collection, &current);

    if (rc == MIEN_OK && current == contract)
        rc = err_set(MIEN_GALLERY_ECONFLICT,
                     "the collection goes by these embeddings: undo its migration first");
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g,
                         "SELECT e.sample FROM embeddings e JOIN samples s ON s.id = e.sample"
                         " JOIN persons p ON p.id = s.person"
                         " WHERE e.contract = ?1 AND p.collection = ?2 ORDER BY e.sample",
                         ids_take, samples, store_int(contract), store_int(collection));
    if (rc || samples->n == 0) return rc;
    rc = log_event(g, MIEN_GALLERY_DROPPED, 0, contract, 0, event);
    for (size_t i = 0; i < samples->n && rc == MIEN_OK; i++) {
        rc = GALLERY_RUN(g, "DELETE FROM embeddings WHERE sample = ?1 AND contract = ?2", NULL,
                         NULL, store_int(samples->at[i]), store_int(contract));
        if (rc == MIEN_OK) rc = log_embedding(g, *event, samples->at[i], contract, 0);
    }
    return rc ? rc : log_event_samples(g, *event, (int64_t)samples->n);
}

int mien_gallery_embeddings_drop(mien_gallery *g, int64_t collection, int64_t contract,
                                 int64_t *dropped, int64_t *event) {
    struct ids samples = {0};
    int64_t by = 0;
    int complete, rc;

    if (dropped) *dropped = 0;
    if (event) *event = 0;
    rc = gallery_enter_to_write(g, "mien_gallery_embeddings_drop");
    if (rc) return rc;
    rc = gallery_leave_written(g, drop(g, collection, contract, &samples, &by));
    if (rc == MIEN_OK && by) (void)mien_gallery_scrub(g, &complete);
    if (rc == MIEN_OK && dropped) *dropped = (int64_t)samples.n;
    if (rc == MIEN_OK && event) *event = by;
    ids_free(&samples);
    return rc;
}

static int migrate(mien_gallery *g, int64_t collection, int64_t contract, int64_t *event) {
    int64_t current, dims;
    int rc = current_of(g, collection, &current);

    if (rc == MIEN_OK) rc = dims_of(g, contract, &dims);
    if (rc == MIEN_OK && current == contract)
        rc = err_set(MIEN_GALLERY_ECONFLICT, "the collection goes by that contract already");
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_MIGRATED, collection, contract, 0, event);
    return rc ? rc
              : log_change(g, *event, LOG_COLLECTION_CONTRACT, collection,
                           (struct log_value){.number = contract});
}

int mien_gallery_migrate(mien_gallery *g, int64_t collection, int64_t contract, int64_t *event) {
    int64_t by = 0;
    int rc;

    if (event) *event = 0;
    rc = gallery_enter_to_write(g, "mien_gallery_migrate");
    if (rc) return rc;
    rc = gallery_leave_written(g, migrate(g, collection, contract, &by));
    if (rc == MIEN_OK && event) *event = by;
    return rc;
}

static int check(mien_gallery *g, int64_t collection, int64_t contract) {
    int64_t current;
    int rc = current_of(g, collection, &current);

    if (rc || current == 0 || current == contract) return rc;
    return err_set(MIEN_GALLERY_ECONFLICT,
                   "the collection goes by another network since it was migrated: use that, or undo"
                   " the migration");
}

int mien_gallery_contract_check(mien_gallery *g, int64_t collection, int64_t contract) {
    int rc = gallery_enter(g, "mien_gallery_contract_check");

    return rc ? rc : gallery_leave(g, check(g, collection, contract));
}
