/* Contracts, collections and persons of mien_gallery.h: making, finding, listing. */
#include "gallery/people.h"

#include "engine/ascii.h"
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/log.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_MAX_BYTES = 1000 };

/* A listing: what was given to it, and whoever sees the rows. */
struct listing {
    int (*contract)(void *, const mien_gallery_contract *);
    int (*collection)(void *, const mien_gallery_collection *);
    int (*person)(void *, const mien_gallery_person *);
    void *context;
    mien_gallery *gallery;
    const char *prefix; /* of the names that are shown; NULL: any */
    int64_t last;       /* person that was read */
    int64_t read;       /* and how many */
    int64_t rows;
};

int people_check_name(const char *name, int may_be_empty) {
    if (!*name && !may_be_empty) return err_set(MIEN_EINVAL, "a name is empty");
    if (strlen(name) > NAME_MAX_BYTES)
        return err_set(MIEN_EINVAL, "a name has more than %d bytes", NAME_MAX_BYTES);
    return MIEN_OK;
}

static int see_contract(void *context, const struct store_value *row, int n) {
    struct listing *l = context;
    mien_gallery_contract contract = {.struct_size = sizeof contract};

    if (n < 4) return MIEN_OK;
    contract.id = row[0].i;
    contract.name = store_need_text(&row[1]);
    contract.hash = store_need_text(&row[2]);
    contract.dims = (int)row[3].i;
    return l->contract(l->context, &contract);
}

int mien_gallery_contracts(mien_gallery *g, mien_gallery_contract_seen *seen, void *context) {
    struct listing l = {.contract = seen, .context = context};
    int rc;

    if (!seen) return err_null("mien_gallery_contracts");
    rc = gallery_enter(g, "mien_gallery_contracts");
    if (rc) return rc;
    return gallery_leave(g, gallery_run(g, "SELECT id, name, hash, dims FROM contracts ORDER BY id",
                                        NULL, 0, see_contract, &l));
}

static int use_contract(mien_gallery *g, const mien_gallery_contract *contract, int64_t *id) {
    int64_t dims = 0;
    int rc = GALLERY_NUMBER(g, "SELECT id FROM contracts WHERE hash = ?1", id,
                            store_text(contract->hash));

    if (rc == MIEN_OK && *id)
        rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &dims, store_int(*id));
    if (rc) return rc;
    if (*id && dims != contract->dims)
        return err_set(MIEN_GALLERY_ECONFLICT,
                       "embeddings of %s have %" PRId64 " values in this gallery, not %d",
                       contract->name, dims, contract->dims);
    if (*id) return MIEN_OK;
    rc = gallery_new_id(g, id);
    if (rc) return rc;
    return GALLERY_RUN(g, "INSERT INTO contracts (id, name, hash, dims) VALUES (?1, ?2, ?3, ?4)",
                       NULL, NULL, store_int(*id), store_text(contract->name),
                       store_text(contract->hash), store_int(contract->dims));
}

int mien_gallery_contract_use(mien_gallery *g, const mien_gallery_contract *contract, int64_t *id) {
    mien_gallery_contract own = {.struct_size = sizeof own};
    int rc;

    if (!contract || !id) return err_null("mien_gallery_contract_use");
    *id = 0;
    rc = sized_read(&own, sizeof own, contract, "mien_gallery_contract");
    if (rc) return rc;
    if (!own.name || !own.hash || !*own.hash || own.dims < 1)
        return err_set(MIEN_EINVAL, "a contract needs a name, a hash and dims");
    rc = gallery_enter_to_write(g, "mien_gallery_contract_use");
    if (rc) return rc;
    rc = gallery_leave_written(g, use_contract(g, &own, id));
    if (rc) *id = 0;
    return rc;
}

static int see_collection(void *context, const struct store_value *row, int n) {
    struct listing *l = context;
    mien_gallery_collection c = {.struct_size = sizeof c};

    if (n < 6) return MIEN_OK;
    c.id = row[0].i;
    c.name = store_need_text(&row[1]);
    c.created = row[2].i;
    c.persons = row[3].i;
    c.samples = row[4].i;
    c.contract = row[5].i;
    return l->collection(l->context, &c);
}

int mien_gallery_collections(mien_gallery *g, mien_gallery_collection_seen *seen, void *context) {
    struct listing l = {.collection = seen, .context = context};
    int rc;

    if (!seen) return err_null("mien_gallery_collections");
    rc = gallery_enter(g, "mien_gallery_collections");
    if (rc) return rc;
    rc = gallery_run(g,
                     "SELECT c.id, c.name, c.created,"
                     " (SELECT count(*) FROM persons p WHERE p.collection = c.id AND p.state = 0),"
                     " (SELECT count(*) FROM samples s JOIN persons p ON p.id = s.person"
                     "  WHERE p.collection = c.id AND p.state = 0 AND s.state = 0),"
                     " coalesce(c.contract, 0) FROM collections c ORDER BY c.id",
                     NULL, 0, see_collection, &l);
    return gallery_leave(g, rc);
}

static int find_collection(mien_gallery *g, const char *name, int64_t *id) {
    return GALLERY_NUMBER(g, "SELECT id FROM collections WHERE name = ?1", id, store_text(name));
}

static int make_collection(mien_gallery *g, const char *name, int64_t *id) {
    int rc = find_collection(g, name, id); /* another may have been first */

    if (rc || *id) return rc;
    rc = gallery_new_id(g, id);
    if (rc) return rc;
    return GALLERY_RUN(g, "INSERT INTO collections (id, name, created) VALUES (?1, ?2, ?3)", NULL,
                       NULL, store_int(*id), store_text(name), store_int(gallery_now()));
}

int mien_gallery_collection_use(mien_gallery *g, const char *name, int create, int64_t *id) {
    int rc;

    if (!name || !id) return err_null("mien_gallery_collection_use");
    *id = 0;
    rc = people_check_name(name, 0);
    if (rc) return rc;
    rc = gallery_enter(g, "mien_gallery_collection_use");
    if (rc) return rc;
    rc = gallery_leave(g, find_collection(g, name, id));
    if (rc || *id) return rc;
    if (!create) return err_set(MIEN_GALLERY_ENOTFOUND, "there is no collection '%s'", name);
    rc = gallery_enter_to_write(g, "mien_gallery_collection_use");
    if (rc) return rc;
    rc = gallery_leave_written(g, make_collection(g, name, id));
    if (rc) *id = 0;
    return rc;
}

int people_live(mien_gallery *g, int64_t person, int64_t *collection) {
    char id[MIEN_GALLERY_ID_SIZE];
    int64_t state = INT64_MIN, deleted = 0;
    int rc =
        GALLERY_NUMBER(g, "SELECT state FROM persons WHERE id = ?1", &state, store_int(person));

    mien_gallery_id_text(person, id);
    *collection = 0;
    if (rc == MIEN_OK && state == INT64_MIN)
        rc = GALLERY_NUMBER(g, "SELECT count(*) FROM events WHERE person = ?1 AND kind = ?2",
                            &deleted, store_int(person), store_int(MIEN_GALLERY_DELETED));
    if (rc) return rc;
    if (state == INT64_MIN)
        return err_set(MIEN_GALLERY_ENOTFOUND,
                       deleted ? "person %s was deleted" : "there is no person %s", id);
    if (state == LOG_NOT_THERE)
        return err_set(MIEN_GALLERY_ENOTFOUND,
                       "there is no person %s any more: its adding was undone", id);
    if (state != LOG_THERE)
        return err_set(MIEN_GALLERY_ENOTFOUND, "person %s was merged into %016" PRIx64, id,
                       (uint64_t)state);
    return GALLERY_NUMBER(g, "SELECT collection FROM persons WHERE id = ?1", collection,
                          store_int(person));
}

int people_add(mien_gallery *g, const mien_gallery_person *person, int64_t *id) {
    int64_t now = gallery_now(), created = person->created ? person->created : now;
    int64_t updated = person->updated ? person->updated : now;
    int rc = person->id ? gallery_use_id(g, person->id) : gallery_new_id(g, id);
    struct store_value name, external, metadata;
    struct seal seal;

    if (rc) return rc;
    if (person->id) *id = person->id;
    seal = seal_begin(g, *id);
    seal.rc = seal_new_row(g, *id);
    name = seal_name(&seal, person->collection, person->name);
    external = seal_text(&seal, SEAL_PERSON_EXTERNAL, person->external_id);
    metadata = seal_text(&seal, SEAL_PERSON_METADATA, person->metadata);
    if (seal.rc == MIEN_OK)
        seal.rc =
            GALLERY_RUN(g,
                        "INSERT INTO persons (id, collection, name, external_id, metadata, created,"
                        " updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        NULL, NULL, store_int(*id), store_int(person->collection), name, external,
                        metadata, store_int(created), store_int(updated));
    return seal_end(&seal);
}

int people_check_collection(mien_gallery *g, int64_t collection) {
    int64_t there = 0;
    int rc = GALLERY_NUMBER(g, "SELECT id FROM collections WHERE id = ?1", &there,
                            store_int(collection));

    if (rc || there) return rc;
    return err_set(MIEN_GALLERY_ENOTFOUND, "there is no collection %016" PRIx64,
                   (uint64_t)collection);
}

static int add_person(mien_gallery *g, const mien_gallery_person *person, int64_t *id) {
    int64_t event = 0;
    int rc = people_check_collection(g, person->collection);

    if (rc == MIEN_OK) rc = people_add(g, person, id);
    if (rc == MIEN_OK) rc = log_event(g, MIEN_GALLERY_PERSON_ADDED, *id, 0, 0, &event);
    return rc ? rc : log_made(g, event, LOG_PERSON_STATE, *id);
}

int mien_gallery_person_add(mien_gallery *g, const mien_gallery_person *person, int64_t *id) {
    mien_gallery_person own = {.struct_size = sizeof own};
    int rc;

    if (!person || !id) return err_null("mien_gallery_person_add");
    *id = 0;
    rc = sized_read(&own, sizeof own, person, "mien_gallery_person");
    if (rc) return rc;
    if (!own.name) own.name = "";
    rc = people_check_name(own.name, 1);
    if (rc) return rc;
    rc = gallery_enter_to_write(g, "mien_gallery_person_add");
    if (rc) return rc;
    rc = gallery_leave_written(g, add_person(g, &own, id));
    if (rc) *id = 0;
    return rc;
}

/* Whatever the case of ASCII letters, as databases compare. */
static int begins_with(const char *name, const char *prefix) {
    while (*prefix && ascii_lower(*name) == ascii_lower(*prefix)) {
        name++;
        prefix++;
    }
    return !*prefix;
}

static int see_person(void *context, const struct store_value *row, int n) {
    struct listing *l = context;
    mien_gallery_person p = {.struct_size = sizeof p};
    struct seal seal;
    int rc, is_shown;

    if (n < 9) return MIEN_OK;
    l->last = row[0].i;
    l->read++;
    seal = seal_begin(l->gallery, l->last);
    p.id = row[0].i;
    p.collection = row[1].i;
    p.name = unseal_name(&seal, &row[2]);
    p.external_id = unseal_text(&seal, SEAL_PERSON_EXTERNAL, &row[3]);
    p.metadata = unseal_text(&seal, SEAL_PERSON_METADATA, &row[4]);
    p.created = row[5].i;
    p.updated = row[6].i;
    p.samples = row[7].i;
    p.best_sample = row[8].i;
    is_shown = seal.rc == MIEN_OK && (!l->prefix || begins_with(p.name, l->prefix));
    rc = is_shown ? l->person(l->context, &p) : MIEN_OK;
    l->rows += is_shown;
    return seal_end(&seal) ? seal.rc : rc;
}

#define SELECT_PERSON                                                                              \
    "SELECT id, collection, name, external_id, metadata, created, updated,"                        \
    " (SELECT count(*) FROM samples s WHERE s.person = persons.id AND s.state = 0),"               \
    " (SELECT s.id FROM samples s WHERE s.person = persons.id AND s.state = 0"                     \
    "  ORDER BY s.crop IS NULL, COALESCE(s.quality, -1) DESC, s.id LIMIT 1) AS best"               \
    " FROM persons"

/* A page of persons: ?2 those behind, ?3 how many. Of an encrypted gallery's some may be gone, in
 * whose place come others. */
static int list_persons(mien_gallery *g, const char *sql, struct store_value *values, int n,
                        struct listing *l) {
    int64_t most = values[2].i, asked;
    int rc;

    do {
        asked = most - l->rows;
        values[2] = store_int(asked);
        l->read = 0;
        rc = gallery_run(g, sql, values, n, see_person, l);
        values[1] = store_int(l->last);
    } while (rc == MIEN_OK && l->read == asked && l->rows < most);
    return rc;
}

int mien_gallery_person_get(mien_gallery *g, int64_t id, mien_gallery_person_seen *seen,
                            void *context) {
    struct listing l = {.person = seen, .context = context, .gallery = g};
    int64_t collection;
    int rc;

    if (!seen) return err_null("mien_gallery_person_get");
    rc = gallery_enter(g, "mien_gallery_person_get");
    if (rc) return rc;
    rc =
        GALLERY_RUN(g, SELECT_PERSON " WHERE id = ?1 AND state = 0", see_person, &l, store_int(id));
    if (rc == MIEN_OK && !l.rows) rc = people_live(g, id, &collection);
    return gallery_leave(g, rc);
}

int mien_gallery_persons(mien_gallery *g, int64_t collection, const char *name, int64_t after,
                         int limit, mien_gallery_person_seen *seen, void *context) {
    static const char all[] = SELECT_PERSON " WHERE collection = ?1 AND id > ?2 AND state = 0"
                                            " ORDER BY persons.id LIMIT ?3";
    static const char called[] =
        SELECT_PERSON " WHERE collection = ?1 AND name = ?4 AND id > ?2 AND state = 0"
                      " ORDER BY persons.id LIMIT ?3";
    static const char sealed[] = SELECT_PERSON
        " WHERE collection = ?1 AND substr(name, 1, 20) = ?4 AND id > ?2 AND state = 0"
        " ORDER BY persons.id LIMIT ?3";
    struct listing l = {.person = seen, .context = context, .gallery = g};
    struct store_value values[] = {store_int(collection), store_int(after),
                                   store_int(limit ? limit : INT64_MAX), store_text(name)};
    char head[SEAL_NAME_HEAD + 1];
    const char *sql = name ? called : all;
    int rc;

    if (!seen) return err_null("mien_gallery_persons");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_persons: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_persons");
    if (rc) return rc;
    if (name && *name && g->keys) {
        rc = seal_name_head(g, collection, name, head);
        values[3] = store_text(head);
        sql = sealed;
    }
    if (rc == MIEN_OK) rc = list_persons(g, sql, values, name ? 4 : 3, &l);
    return gallery_leave(g, rc);
}

int mien_gallery_persons_where(mien_gallery *g, int64_t collection,
                               const mien_gallery_person_filter *filter, int64_t after, int limit,
                               mien_gallery_person_seen *seen, void *context) {
    mien_gallery_person_filter own = {.struct_size = sizeof own};
    struct listing l = {.person = seen, .context = context, .gallery = g};
    int rc = sized_read(&own, sizeof own, filter, "mien_gallery_person_filter");

    if (rc) return rc;
    if (!seen) return err_null("mien_gallery_persons_where");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_persons_where: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_persons_where");
    if (rc) return rc;
    if (g->keys) l.prefix = own.prefix; /* the database cannot read names */
    struct store_value values[] = {store_int(collection), store_int(after),
                                   store_int(limit ? limit : INT64_MAX), store_int(own.named),
                                   store_text(own.prefix && !g->keys ? own.prefix : "")};
    rc = list_persons(g,
                      SELECT_PERSON
                      " WHERE collection = ?1 AND id > ?2 AND state = 0"
                      " AND (?4 = 0 OR (?4 = 1 AND name <> '') OR (?4 = -1 AND name = ''))"
                      " AND lower(substr(name, 1, length(CAST(?5 AS text)))) = lower(?5)"
                      " ORDER BY persons.id LIMIT ?3",
                      values, 5, &l);
    return gallery_leave(g, rc);
}

int mien_gallery_groups(mien_gallery *g, int64_t collection, int64_t least, int64_t after,
                        int limit, mien_gallery_person_seen *seen, void *context) {
    struct listing l = {.person = seen, .context = context, .gallery = g};
    struct store_value values[] = {store_int(collection), store_int(after),
                                   store_int(limit ? limit : INT64_MAX), store_int(least)};
    int rc;

    if (!seen) return err_null("mien_gallery_groups");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_groups: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_groups");
    if (rc) return rc;
    rc =
        list_persons(g,
                     SELECT_PERSON
                     " WHERE collection = ?1 AND name = '' AND id > ?2 AND state = 0 AND"
                     " (SELECT count(*) FROM samples s WHERE s.person = persons.id AND s.state = 0)"
                     " >= ?4 ORDER BY persons.id LIMIT ?3",
                     values, 4, &l);
    return gallery_leave(g, rc);
}
