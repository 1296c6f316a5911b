/* The log of mien_gallery.h: what happened. */
#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/log.h"

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
};

const char *mien_gallery_event_name(int kind) {
    if (kind < 1 || kind >= (int)(sizeof NAMES / sizeof *NAMES)) return NULL;
    return NAMES[kind];
}

/* Events are looked up one by one by their ids, because whether one holds asks the store, too. */
struct telling {
    mien_gallery_event_seen *seen;
    void *context;
    int undone;
};

static int tell(void *context, const struct store_value *row, int n) {
    const struct telling *t = context;
    mien_gallery_event e = {.struct_size = sizeof e};

    if (n < 10) return MIEN_OK;
    e.id = row[0].i;
    e.time = row[1].i;
    e.who = store_get_text(&row[2]);
    e.kind = (enum mien_gallery_event_kind)row[3].i;
    e.person = row[4].i;
    e.other = row[5].i;
    e.samples = row[6].i;
    e.undoes = row[7].i;
    e.was = store_get_text(&row[8]);
    e.is = store_get_text(&row[9]);
    e.undone = t->undone;
    return t->seen(t->context, &e);
}

static int tell_event(mien_gallery *g, int64_t id, struct telling *t) {
    int holds, rc = log_holds(g, id, &holds);

    if (rc) return rc;
    t->undone = !holds;
    return GALLERY_RUN(g,
                       "SELECT e.id, e.time, e.who, e.kind, e.person, e.other, e.samples, e.undoes,"
                       " c.was_text, c.now_text FROM events e LEFT JOIN changes c"
                       " ON c.event = e.id AND c.field = ?2 WHERE e.id = ?1",
                       tell, t, store_int(id), store_int(LOG_PERSON_NAME));
}

/* Ids of events that lie between two, without these; person: that concern this one, 0: all. */
static int find_events(mien_gallery *g, int64_t person, int64_t after, int64_t before, int newest,
                       int64_t most, struct ids *ids) {
#define OF_PERSON                                                                                  \
    "SELECT id FROM events WHERE person = ?1 AND id > ?2 AND id < ?3 UNION"                        \
    " SELECT id FROM events WHERE other = ?1 AND other <> 0 AND id > ?2 AND id < ?3"
#define OF_ALL "SELECT id FROM events WHERE ?1 = 0 AND id > ?2 AND id < ?3"
    static const char *const sql[2][2] = {
        {OF_ALL " ORDER BY id LIMIT ?4", OF_ALL " ORDER BY id DESC LIMIT ?4"},
        {OF_PERSON " ORDER BY id LIMIT ?4", OF_PERSON " ORDER BY id DESC LIMIT ?4"},
    };
#undef OF_PERSON
#undef OF_ALL

    return GALLERY_RUN(g, sql[person != 0][newest], ids_take, ids, store_int(person),
                       store_int(after), store_int(before), store_int(most));
}

static int tell_events(mien_gallery *g, const char *function, int64_t person, int64_t from,
                       int newest, int limit, mien_gallery_event_seen *seen, void *context) {
    struct telling t = {.seen = seen, .context = context};
    int64_t most = limit ? limit : INT64_MAX;
    struct ids ids = {0};
    int rc;

    if (!seen) return err_null(function);
    if (limit < 0) return err_set(MIEN_EINVAL, "%s: limit is below 0", function);
    rc = gallery_enter(g, function);
    if (rc) return rc;
    rc = find_events(g, person, newest ? 0 : from, newest && from ? from : INT64_MAX, newest, most,
                     &ids);
    for (size_t i = 0; i < ids.n && rc == MIEN_OK; i++) rc = tell_event(g, ids.at[i], &t);
    ids_free(&ids);
    return gallery_leave(g, rc);
}

int mien_gallery_events(mien_gallery *g, int64_t person, int64_t after, int limit,
                        mien_gallery_event_seen *seen, void *context) {
    return tell_events(g, "mien_gallery_events", person, after, 0, limit, seen, context);
}

int mien_gallery_events_newest(mien_gallery *g, int64_t person, int64_t before, int limit,
                               mien_gallery_event_seen *seen, void *context) {
    return tell_events(g, "mien_gallery_events_newest", person, before, 1, limit, seen, context);
}
