/* The log of mien_gallery.h: what happened. */
#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/log.h"
#include "gallery/seal.h"

static const char *const NAMES[] = {
    [MIEN_GALLERY_PERSON_ADDED] = "person added",
    [MIEN_GALLERY_SAMPLES_ADDED] = "samples added",
    [MIEN_GALLERY_RENAMED] = "renamed",
    [MIEN_GALLERY_MERGED] = "merged",
    [MIEN_GALLERY_SPLIT] = "split",
    [MIEN_GALLERY_MOVED] = "moved",
    [MIEN_GALLERY_NOT_THIS_PERSON] = "not this person",
    [MIEN_GALLERY_DELETED] = "deleted",
    [MIEN_GALLERY_UNDONE] = "undone",
    [MIEN_GALLERY_GROUPED] = "grouped",
    [MIEN_GALLERY_DESCRIBED] = "described",
    [MIEN_GALLERY_EMBEDDED] = "embedded",
    [MIEN_GALLERY_DROPPED] = "embeddings dropped",
    [MIEN_GALLERY_MIGRATED] = "migrated",
};

const char *mien_gallery_event_name(int kind) {
    if (kind < 1 || kind >= (int)(sizeof NAMES / sizeof *NAMES)) return NULL;
    return NAMES[kind];
}

/* Events are looked up one by one by their ids, because whether one holds asks the store, too. */
struct telling {
    mien_gallery_event_seen *seen;
    void *context;
    mien_gallery *gallery;
    int undone;
};

static int tell(void *context, const struct store_value *row, int n) {
    const struct telling *t = context;
    mien_gallery_event e = {.struct_size = sizeof e};
    struct seal seal;
    int rc;

    if (n < 11) return MIEN_OK;
    seal = seal_begin(t->gallery, row[10].i);
    e.id = row[0].i;
    e.time = row[1].i;
    e.who = store_need_text(&row[2]);
    e.kind = (enum mien_gallery_event_kind)row[3].i;
    e.person = row[4].i;
    e.other = row[5].i;
    e.samples = row[6].i;
    e.undoes = row[7].i;
    if (row[8].type == STORE_TEXT) e.was = unseal_name(&seal, &row[8]);
    if (row[9].type == STORE_TEXT) e.is = unseal_name(&seal, &row[9]);
    if (seal.rc == SEAL_GONE) e.was = e.is = NULL; /* that there was an event is no secret */
    e.undone = t->undone;
    rc = seal.rc < 0 ? MIEN_OK : t->seen(t->context, &e);
    return seal_end(&seal) ? seal.rc : rc;
}

static int tell_event(mien_gallery *g, int64_t id, struct telling *t) {
    int holds, rc = log_holds(g, id, &holds);

    if (rc) return rc;
    t->undone = !holds;
    return GALLERY_RUN(g,
                       "SELECT e.id, e.time, e.who, e.kind, e.person, e.other, e.samples, e.undoes,"
                       " c.was_text, c.now_text, c.subject FROM events e LEFT JOIN changes c"
                       " ON c.event = e.id AND c.field = ?2 WHERE e.id = ?1",
                       tell, t, store_int(id), store_int(LOG_PERSON_NAME));
}

static int tell_events(mien_gallery *g, const struct ids *ids, struct telling *t) {
    int rc = MIEN_OK;

    for (size_t i = 0; i < ids->n && rc == MIEN_OK; i++) rc = tell_event(g, ids->at[i], t);
    return rc;
}

int mien_gallery_events(mien_gallery *g, int64_t person, int64_t after, int limit,
                        mien_gallery_event_seen *seen, void *context) {
    struct telling t = {.seen = seen, .context = context, .gallery = g};
    int64_t most = limit ? limit : INT64_MAX;
    struct ids ids = {0};
    int rc;

    if (!seen) return err_null("mien_gallery_events");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_events: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_events");
    if (rc) return rc;
    if (person)
        rc = GALLERY_RUN(g,
                         "SELECT id FROM events WHERE person = ?1 AND id > ?2 UNION"
                         " SELECT id FROM events WHERE other = ?1 AND other <> 0 AND id > ?2"
                         " ORDER BY id LIMIT ?3",
                         ids_take, &ids, store_int(person), store_int(after), store_int(most));
    else
        rc = GALLERY_RUN(g, "SELECT id FROM events WHERE id > ?1 ORDER BY id LIMIT ?2", ids_take,
                         &ids, store_int(after), store_int(most));
    if (rc == MIEN_OK) rc = tell_events(g, &ids, &t);
    ids_free(&ids);
    return gallery_leave(g, rc);
}

#define OF_COLLECTION                                                                              \
    "SELECT e.id FROM events e JOIN persons p ON p.id = e.person AND p.collection = ?1"            \
    " WHERE (?2 = 0 OR e.person = ?2 OR e.other = ?2)"

int mien_gallery_collection_events(mien_gallery *g, int64_t collection, int64_t person,
                                   int64_t after, int limit, int newest,
                                   mien_gallery_event_seen *seen, void *context) {
    const char *sql = newest ? OF_COLLECTION " AND e.id < ?3 ORDER BY e.id DESC LIMIT ?4"
                             : OF_COLLECTION " AND e.id > ?3 ORDER BY e.id LIMIT ?4";
    struct telling t = {.seen = seen, .context = context, .gallery = g};
    struct ids ids = {0};
    int rc;

    if (!seen) return err_null("mien_gallery_collection_events");
    if (limit < 0) return err_set(MIEN_EINVAL, "mien_gallery_collection_events: limit is below 0");
    rc = gallery_enter(g, "mien_gallery_collection_events");
    if (rc) return rc;
    rc = GALLERY_RUN(g, sql, ids_take, &ids, store_int(collection), store_int(person),
                     store_int(newest && !after ? INT64_MAX : after),
                     store_int(limit ? limit : INT64_MAX));
    if (rc == MIEN_OK) rc = tell_events(g, &ids, &t);
    ids_free(&ids);
    return gallery_leave(g, rc);
}
