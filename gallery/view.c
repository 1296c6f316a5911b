#include "gallery/view.h"

#include "engine/err.h"
#include "gallery/log.h"
#include "gallery/seal.h"
#include "gallery/templates.h"

#include <inttypes.h>
#include <stdlib.h>

static void view_close(struct view *v) {
    index_close(v->samples);
    index_close(v->templates);
    roster_close(&v->roster);
    free(v);
}

void view_forget(mien_gallery *g) {
    while (g->views) {
        struct view *v = g->views;
        g->views = v->next;
        view_close(v);
    }
}

struct taking {
    mien_gallery *g;
    struct view *v;
};

/* A row of a sample that is there: id, person, embedding. */
static int take_sample(void *context, const struct store_value *row, int n) {
    const struct taking *t = context;
    struct view *v = t->v;
    struct store_value embedding;
    struct seal seal;

    if (n < 3) return MIEN_OK;
    seal = seal_begin(t->g, row[0].i);
    embedding = unseal_bytes(&seal, SEAL_EMBEDDING, v->contract, &row[2]);
    if (seal.rc || embedding.n != (size_t)v->dims * sizeof(float)) return seal_end(&seal);
    if (!roster_has(&v->roster, row[0].i))
        seal.rc = index_add(v->samples, row[0].i, embedding.bytes);
    if (seal.rc == MIEN_OK) seal.rc = roster_put(&v->roster, row[0].i, row[1].i);
    return seal_end(&seal);
}

#define SELECT_SAMPLE                                                                              \
    "SELECT s.id, s.person, CASE WHEN s.contract = ?1 THEN s.embedding ELSE e.embedding END"       \
    " FROM samples s JOIN persons p ON p.id = s.person"                                            \
    " LEFT JOIN embeddings e ON e.sample = s.id AND e.contract = ?1"                               \
    " WHERE (s.contract = ?1 OR e.contract = ?1)"                                                  \
    " AND p.collection = ?2 AND s.state = 0 AND p.state = 0"

static int last_event(mien_gallery *g, int64_t *event) {
    *event = 0;
    return gallery_number(g, "SELECT max(id) FROM events", NULL, 0, event);
}

/* The last event is asked for first: what happens while samples are read is then looked up again.
 */
static int load(mien_gallery *g, struct view *v) {
    struct taking t = {g, v};
    int rc = index_open(v->dims, NULL, &v->samples);

    if (rc == MIEN_OK) rc = index_open(v->dims, NULL, &v->templates);
    if (rc == MIEN_OK) rc = last_event(g, &v->seen);
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g, SELECT_SAMPLE " ORDER BY s.id", take_sample, &t, store_int(v->contract),
                         store_int(v->collection));
    return rc ? rc : templates_refresh(v->templates, &v->roster, v->samples);
}

static int forget(struct view *v, int64_t sample) {
    int rc = roster_has(&v->roster, sample) ? index_remove(v->samples, sample) : MIEN_OK;

    return rc || !roster_has(&v->roster, sample) ? rc : roster_remove(&v->roster, sample);
}

/* What is changed of samples under a contract, by events behind ?3 up to ?4: state, person, or an
 * embedding. */
#define CHANGED                                                                                    \
    "SELECT subject FROM changes WHERE event > ?3 AND event <= ?4 AND"                             \
    " (field IN (?5, ?6) OR (field = ?7 AND (was = ?1 OR now = ?1)))"

/* Samples that events have changed are read anew, as many as there are by one statement; one that
 * got another embedding was forgotten before. Those that are not found are not there any more. */
struct following {
    struct taking taking;
    struct ids found; /* by rising id */
};

static int take_followed(void *context, const struct store_value *row, int n) {
    struct following *f = context;
    int rc = take_sample(&f->taking, row, n);

    return rc ? rc : ids_take(&f->found, row, n);
}

static int forget_others(struct view *v, const struct ids *changed, const struct ids *found) {
    int rc = MIEN_OK;

    for (size_t i = 0, j = 0; i < changed->n && rc == MIEN_OK; i++) {
        while (j < found->n && found->at[j] < changed->at[i]) j++;
        if (j == found->n || found->at[j] != changed->at[i]) rc = forget(v, changed->at[i]);
    }
    return rc;
}

static int follow(mien_gallery *g, struct view *v, int64_t last) {
    struct following f = {.taking = {g, v}};
    struct ids embedded = {0}, changed = {0};
    const struct store_value values[] = {store_int(v->contract),      store_int(v->collection),
                                         store_int(v->seen),          store_int(last),
                                         store_int(LOG_SAMPLE_STATE), store_int(LOG_SAMPLE_PERSON),
                                         store_int(LOG_EMBEDDING)};
    enum { VALUES = sizeof values / sizeof *values };
    int rc = GALLERY_RUN(g,
                         "SELECT DISTINCT subject FROM changes"
                         " WHERE event > ?1 AND event <= ?2 AND field = ?3"
                         " AND (was = ?4 OR now = ?4)",
                         ids_take, &embedded, store_int(v->seen), store_int(last),
                         store_int(LOG_EMBEDDING), store_int(v->contract));

    for (size_t i = 0; i < embedded.n && rc == MIEN_OK; i++) rc = forget(v, embedded.at[i]);
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g,
                         "SELECT DISTINCT subject FROM changes"
                         " WHERE event > ?1 AND event <= ?2 AND field IN (?3, ?4) ORDER BY subject",
                         ids_take, &changed, store_int(v->seen), store_int(last),
                         store_int(LOG_SAMPLE_STATE), store_int(LOG_SAMPLE_PERSON));
    if (rc == MIEN_OK && changed.n + embedded.n)
        rc = gallery_run(g, SELECT_SAMPLE " AND s.id IN (" CHANGED ") ORDER BY s.id", values,
                         VALUES, take_followed, &f);
    if (rc == MIEN_OK) rc = forget_others(v, &changed, &f.found);
    ids_free(&embedded);
    ids_free(&changed);
    ids_free(&f.found);
    if (rc == MIEN_OK) rc = templates_refresh(v->templates, &v->roster, v->samples);
    if (rc == MIEN_OK) v->seen = last;
    return rc;
}

static struct view **find_view(mien_gallery *g, int64_t collection, int64_t contract) {
    struct view **at = &g->views;

    while (*at && ((*at)->collection != collection || (*at)->contract != contract))
        at = &(*at)->next;
    return at;
}

static int new_view(mien_gallery *g, int64_t collection, int64_t contract, struct view **out) {
    struct view *v;
    int64_t dims = 0;
    int rc =
        GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &dims, store_int(contract));

    if (rc) return rc;
    if (!dims)
        return err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64,
                       (uint64_t)contract);
    v = calloc(1, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
    v->collection = collection;
    v->contract = contract;
    v->dims = (int)dims;
    roster_open(&v->roster);
    rc = load(g, v);
    if (rc)
        view_close(v);
    else
        *out = v;
    return rc;
}

/* What was deleted is no more to be looked up: then the view is made anew. */
int view_use(mien_gallery *g, int64_t collection, int64_t contract, struct view **out) {
    struct view **at = find_view(g, collection, contract), *v = *at;
    int64_t last = 0, deleted = 0;
    int rc;

    if (g->depth) g->searched = 1;
    if (!g->ops->changed || g->ops->changed(g->store)) g->heard++;
    if (v && v->rolled_back != g->rolled_back) {
        *at = v->next;
        view_close(v);
        v = NULL;
    }
    *out = v;
    if (v && v->heard == g->heard) return MIEN_OK;
    rc = last_event(g, &last);
    if (rc == MIEN_OK && v && last != v->seen)
        rc = GALLERY_NUMBER(g, "SELECT count(*) FROM events WHERE id > ?1 AND kind = ?2", &deleted,
                            store_int(v->seen), store_int(MIEN_GALLERY_DELETED));
    if (rc == MIEN_OK && v && !deleted && last > v->seen) rc = follow(g, v, last);
    if (v && (rc || deleted || last < v->seen)) { /* half of a change may be in it */
        *at = v->next;
        view_close(v);
        if (rc) return rc;
        v = NULL;
    }
    if (rc == MIEN_OK && !v) {
        rc = new_view(g, collection, contract, &v);
        if (rc) return rc;
        v->next = g->views;
        g->views = v;
    }
    if (rc == MIEN_OK) v->heard = g->heard;
    if (rc == MIEN_OK) v->rolled_back = g->rolled_back;
    *out = v;
    return rc;
}
