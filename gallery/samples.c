/* Samples of mien_gallery.h: adding, finding, listing. */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/log.h"
#include "gallery/people.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <math.h>

/* What samples that follow each other have in common is looked up once. */
struct adding {
    int64_t person, event, count; /* of this person's event, how many samples */
    int64_t contract, dims;
};

static int check_contract(mien_gallery *g, const mien_gallery_sample *s, struct adding *a) {
    if (s->contract != a->contract) {
        int rc;
        a->dims = 0;
        a->contract = s->contract;
        rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &a->dims,
                            store_int(s->contract));
        if (rc) return rc;
    }
    if (!a->dims)
        return err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64,
                       (uint64_t)s->contract);
    if (s->dims != a->dims)
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "an embedding has %d values, but %" PRId64 " under its contract", s->dims,
                       a->dims);
    return MIEN_OK;
}

static int check_embedding(const mien_gallery_sample *s) {
    double sum = 0;

    if (!s->embedding) return err_set(MIEN_EINVAL, "a sample has no embedding");
    for (int i = 0; i < s->dims; i++) sum += (double)s->embedding[i] * (double)s->embedding[i];
    if (fabs(sqrt(sum) - 1) <= 1e-3) return MIEN_OK; /* what is no number is not, either */
    return err_set(MIEN_EINVAL, "an embedding is of length %g, not 1", sqrt(sum));
}

/* The event of the samples of one person, which follow each other. */
static int begin_person(mien_gallery *g, int64_t person, struct adding *a) {
    int64_t collection;
    int rc = MIEN_OK;

    if (person == a->person) return MIEN_OK;
    if (a->person) rc = log_event_samples(g, a->event, a->count);
    if (rc == MIEN_OK) rc = people_live(g, person, &collection);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_SAMPLES_ADDED, person, 0, 0, &a->event);
    a->person = person;
    a->count = 0;
    return rc;
}

static int insert(mien_gallery *g, const mien_gallery_sample *s, int64_t id) {
    int64_t now = gallery_now();
    int has_box = s->box[2] > s->box[0];
    struct store_value none = store_text(NULL), box[4], embedding, crop, source, external, metadata;
    struct seal seal = seal_begin(g, id), *f = &seal;
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];

    for (int i = 0; i < 4; i++) box[i] = has_box ? store_real((double)s->box[i]) : none;
    f->rc = seal_new_row(g, id);
    embedding = seal_bytes(f, SEAL_EMBEDDING, s->contract,
                           store_bytes(s->embedding, (size_t)s->dims * sizeof *s->embedding));
    crop = seal_bytes(f, SEAL_CROP, 0, store_bytes(s->crop, s->crop_bytes));
    source = seal_source(f, s->source, s->source_hash);
    external = seal_text(f, SEAL_SAMPLE_EXTERNAL, s->external_id);
    metadata = seal_text(f, SEAL_SAMPLE_METADATA, s->metadata);
    if (f->rc == MIEN_OK && s->source_hash) f->rc = seal_hash(g, s->source_hash, hash);
    if (f->rc == MIEN_OK)
        f->rc = GALLERY_RUN(
            g,
            "INSERT INTO samples (id, person, contract, embedding, quality, x1, y1, x2, y2, source,"
            " source_hash, crop, external_id, metadata, forced, created, updated)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            NULL, NULL, store_int(id), store_int(s->person), store_int(s->contract), embedding,
            s->quality < 0 ? none : store_real((double)s->quality), box[0], box[1], box[2], box[3],
            source, s->source_hash ? store_bytes(hash, sizeof hash) : none, crop, external,
            metadata, store_text(s->forced), store_int(s->created ? s->created : now),
            store_int(s->updated ? s->updated : now));
    return seal_end(f);
}

static int add_sample(mien_gallery *g, const mien_gallery_sample *given, struct adding *a,
                      int64_t *id) {
    mien_gallery_sample s = {.struct_size = sizeof s};
    int rc = sized_read(&s, sizeof s, given, "mien_gallery_sample");

    if (rc == MIEN_OK) rc = check_contract(g, &s, a);
    if (rc == MIEN_OK) rc = check_embedding(&s);
    if (rc == MIEN_OK) rc = begin_person(g, s.person, a);
    if (rc == MIEN_OK) rc = s.id ? gallery_use_id(g, s.id) : gallery_new_id(g, id);
    if (rc) return rc;
    if (s.id) *id = s.id;
    rc = insert(g, &s, *id);
    if (rc == MIEN_OK) rc = log_made(g, a->event, LOG_SAMPLE_STATE, *id);
    a->count++;
    return rc;
}

int mien_gallery_samples_add(mien_gallery *g, const mien_gallery_sample *samples, int n,
                             int64_t *ids) {
    struct adding a = {0};
    int rc;

    if (n < 0 || (n && !samples)) return err_null("mien_gallery_samples_add");
    rc = gallery_enter_to_write(g, "mien_gallery_samples_add");
    if (rc) return rc;
    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        const char *place = (const char *)samples + (size_t)i * samples->struct_size;
        int64_t id = 0;
        rc = add_sample(g, (const mien_gallery_sample *)place, &a, &id);
        if (rc && n > 1) rc = err_prefix(rc, "sample %d of %d", i, n);
        if (ids) ids[i] = id;
    }
    if (rc == MIEN_OK && a.person) rc = log_event_samples(g, a.event, a.count);
    return gallery_leave_written(g, rc);
}

/* A person of this sample alone, as one event. */
static int add_face(mien_gallery *g, int64_t collection, const mien_gallery_sample *given,
                    struct adding *a, int64_t *id) {
    mien_gallery_sample s = {.struct_size = sizeof s};
    int64_t event = 0;
    int rc = sized_read(&s, sizeof s, given, "mien_gallery_sample");

    if (rc == MIEN_OK && (s.id || s.person))
        rc = err_set(MIEN_EINVAL, "a face of nobody known has neither an id nor a person");
    if (rc == MIEN_OK) rc = check_contract(g, &s, a);
    if (rc == MIEN_OK) rc = check_embedding(&s);
    if (rc == MIEN_OK)
        rc = people_add(g, &(mien_gallery_person){.collection = collection, .name = ""}, &s.person);
    if (rc == MIEN_OK) rc = gallery_new_id(g, id);
    if (rc == MIEN_OK) rc = insert(g, &s, *id);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_PERSON_ADDED, s.person, 0, 0, &event);
    if (rc == MIEN_OK) rc = log_made(g, event, LOG_PERSON_STATE, s.person);
    if (rc == MIEN_OK) rc = log_made(g, event, LOG_SAMPLE_STATE, *id);
    return rc ? rc : log_event_samples(g, event, 1);
}

int mien_gallery_faces_add(mien_gallery *g, int64_t collection, const mien_gallery_sample *faces,
                           int n, int64_t *ids) {
    struct adding a = {0};
    int rc;

    if (n < 0 || (n && !faces)) return err_null("mien_gallery_faces_add");
    rc = gallery_enter_to_write(g, "mien_gallery_faces_add");
    if (rc) return rc;
    rc = people_check_collection(g, collection);
    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        const char *place = (const char *)faces + (size_t)i * faces->struct_size;
        int64_t id = 0;
        rc = add_face(g, collection, (const mien_gallery_sample *)place, &a, &id);
        if (rc && n > 1) rc = err_prefix(rc, "face %d of %d", i, n);
        if (ids) ids[i] = id;
    }
    return gallery_leave_written(g, rc);
}

struct listing {
    mien_gallery_sample_seen *seen;
    void *context;
    mien_gallery *gallery;
    int64_t last; /* sample that was read */
    int64_t read; /* and how many */
    int64_t rows;
};

static double real_of(const struct store_value *v, double none) {
    return v->type == STORE_REAL ? v->real : v->type == STORE_INT ? (double)v->i : none;
}

static int see(void *context, const struct store_value *row, int n) {
    struct listing *l = context;
    mien_gallery_sample s = {.struct_size = sizeof s};
    struct store_value embedding, crop;
    struct seal seal;
    int rc;

    if (n < 17) return MIEN_OK;
    l->last = row[0].i;
    l->read++;
    seal = seal_begin(l->gallery, l->last);
    embedding = unseal_bytes(&seal, SEAL_EMBEDDING, row[2].i, &row[3]);
    crop = unseal_bytes(&seal, SEAL_CROP, 0, &row[11]);
    s.id = row[0].i;
    s.person = row[1].i;
    s.contract = row[2].i;
    s.embedding = embedding.bytes; /* SQLite's pieces of memory lie at multiples of 8 */
    s.dims = (int)(embedding.n / sizeof(float));
    s.quality = (float)real_of(&row[4], -1);
    for (int i = 0; i < 4; i++) s.box[i] = (float)real_of(&row[5 + i], 0);
    unseal_source(&seal, &row[9], &row[10], &s.source, &s.source_hash);
    s.crop = crop.bytes;
    s.crop_bytes = crop.n;
    s.external_id = unseal_text(&seal, SEAL_SAMPLE_EXTERNAL, &row[12]);
    s.metadata = unseal_text(&seal, SEAL_SAMPLE_METADATA, &row[13]);
    s.forced = store_get_text(&row[14]);
    s.created = row[15].i;
    s.updated = row[16].i;
    rc = seal.rc ? MIEN_OK : l->seen(l->context, &s);
    if (seal.rc == MIEN_OK) l->rows++;
    return seal_end(&seal) ? seal.rc : rc;
}

#define SELECT_SAMPLE(crop)                                                                        \
    "SELECT s.id, s.person, s.contract, s.embedding, s.quality, s.x1, s.y1, s.x2, s.y2,"           \
    " s.source, s.source_hash, " crop ", s.external_id, s.metadata, s.forced, s.created,"          \
    " s.updated FROM samples s"

int mien_gallery_sample_get(mien_gallery *g, int64_t id, mien_gallery_sample_seen *seen,
                            void *context) {
    struct listing l = {.seen = seen, .context = context, .gallery = g};
    int rc;

    if (!seen) return err_null("mien_gallery_sample_get");
    rc = gallery_enter(g, "mien_gallery_sample_get");
    if (rc) return rc;
    rc = GALLERY_RUN(g, SELECT_SAMPLE("s.crop") " WHERE s.id = ?1 AND s.state = 0", see, &l,
                     store_int(id));
    if (rc == MIEN_OK && !l.rows)
        rc = err_set(MIEN_GALLERY_ENOTFOUND, "there is no sample %016" PRIx64, (uint64_t)id);
    return gallery_leave(g, rc);
}

/* A page of samples: values[0] those behind, values[1] how many. Of an encrypted gallery's some may
 * be gone, in whose place come others. */
static int list_samples(mien_gallery *g, const char *sql, struct store_value *values, int n,
                        struct listing *l) {
    int64_t most = values[1].i, asked;
    int rc;

    do {
        asked = most - l->rows;
        values[1] = store_int(asked);
        l->read = 0;
        rc = gallery_run(g, sql, values, n, see, l);
        values[0] = store_int(l->last);
    } while (rc == MIEN_OK && l->read == asked && l->rows < most);
    return rc;
}

int mien_gallery_samples(mien_gallery *g, int64_t person, int64_t after, int limit,
                         mien_gallery_sample_seen *seen, void *context) {
    struct listing l = {.seen = seen, .context = context, .gallery = g};
    struct store_value values[] = {store_int(after), store_int(limit ? limit : INT64_MAX),
                                   store_int(person)};
    int rc;

    if (!seen) return err_null("mien_gallery_samples");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_samples: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_samples");
    if (rc) return rc;
    rc = list_samples(g,
                      SELECT_SAMPLE("s.crop") " WHERE s.person = ?3 AND s.id > ?1 AND s.state = 0"
                                              " ORDER BY s.id LIMIT ?2",
                      values, 3, &l);
    return gallery_leave(g, rc);
}

int mien_gallery_samples_under(mien_gallery *g, int64_t collection, int64_t contract, int64_t after,
                               int limit, mien_gallery_sample_seen *seen, void *context) {
    struct listing l = {.seen = seen, .context = context, .gallery = g};
    struct store_value values[] = {store_int(after), store_int(limit ? limit : INT64_MAX),
                                   store_int(collection), store_int(contract)};
    int rc;

    if (!seen) return err_null("mien_gallery_samples_under");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_samples_under: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_samples_under");
    if (rc) return rc;
    rc = list_samples(g,
                      SELECT_SAMPLE("NULL") " JOIN persons p ON p.id = s.person"
                                            " WHERE s.id > ?1 AND s.contract = ?4 AND s.state = 0"
                                            " AND p.collection = ?3 AND p.state = 0"
                                            " ORDER BY s.id LIMIT ?2",
                      values, 4, &l);
    return gallery_leave(g, rc);
}

int mien_gallery_samples_without(mien_gallery *g, int64_t collection, int64_t contract,
                                 int64_t after, int limit, mien_gallery_sample_seen *seen,
                                 void *context) {
    struct listing l = {.seen = seen, .context = context, .gallery = g};
    struct store_value values[] = {store_int(after), store_int(limit ? limit : INT64_MAX),
                                   store_int(collection), store_int(contract)};
    int rc;

    if (!seen) return err_null("mien_gallery_samples_without");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_samples_without: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_samples_without");
    if (rc) return rc;
    rc = list_samples(g,
                      SELECT_SAMPLE("s.crop") " JOIN persons p ON p.id = s.person"
                                              " WHERE s.id > ?1 AND s.contract <> ?4"
                                              " AND s.state = 0 AND p.collection = ?3"
                                              " AND p.state = 0 AND NOT EXISTS"
                                              " (SELECT 1 FROM embeddings e WHERE e.sample = s.id"
                                              " AND e.contract = ?4) ORDER BY s.id LIMIT ?2",
                      values, 4, &l);
    return gallery_leave(g, rc);
}

int mien_gallery_source_find(mien_gallery *g, int64_t collection, int64_t contract,
                             const uint8_t hash[MIEN_GALLERY_HASH_SIZE], int64_t *sample) {
    uint8_t kept[MIEN_GALLERY_HASH_SIZE];
    int rc;

    if (!hash || !sample) return err_null("mien_gallery_source_find");
    *sample = 0;
    rc = gallery_enter(g, "mien_gallery_source_find");
    if (rc) return rc;
    rc = seal_hash(g, hash, kept);
    if (rc) return gallery_leave(g, rc);
    rc = GALLERY_NUMBER(g,
                        "SELECT s.id FROM samples s JOIN persons p ON p.id = s.person"
                        " WHERE s.source_hash = ?1 AND s.state = 0 AND (s.contract = ?2 OR EXISTS"
                        "  (SELECT 1 FROM embeddings e WHERE e.sample = s.id AND e.contract = ?2))"
                        " AND p.collection = ?3 AND p.state = 0 ORDER BY s.id LIMIT 1",
                        sample, store_bytes(kept, sizeof kept), store_int(contract),
                        store_int(collection));
    return gallery_leave(g, rc);
}
