/* mien_gallery_cluster(): faces without a name become groups. They are read, then grouped without
 * the gallery, then each change is looked at once more and written. */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/log.h"
#include "gallery/unnamed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 4096 }; /* faces that are written in a transaction, or those of one group */

/* A face that comes to a person. */
struct joining {
    int64_t into;
    size_t face;
};

struct grouping {
    mien_gallery *g;
    struct unnamed unnamed;
    const char *who;
    struct joining *joining; /* [n], by the person */
    size_t n;
    mien_gallery_clustering told;
};

static int fetch(void *context, int64_t id, float *v) {
    const struct floats *f = context;

    memcpy(v, f->at + (size_t)id * f->dims, f->dims * sizeof *v);
    return MIEN_OK;
}

static int group(struct unnamed *u, const mien_gallery_cluster_options *o) {
    struct index_options io = {.fetch = fetch, .context = &u->floats};
    struct cluster_options co = cluster_usual;
    float scale = o->join > 0 ? o->join / cluster_usual.join : 1;
    struct index *x = NULL;
    int rc = index_open((int)u->floats.dims, &io, &x);

    co.join *= scale;
    co.least *= scale;
    co.unknown *= scale;
    co.progress = o->progress;
    co.context = o->context;
    for (size_t i = 0; i < u->n && rc == MIEN_OK; i++)
        rc = index_add(x, (int64_t)i, u->floats.at + i * u->floats.dims);
    if (rc == MIEN_OK) rc = cluster_run(x, &co, u->groups, u->n, u->apart, u->n_apart);
    index_close(x);
    return rc;
}

static int by_person(const void *a, const void *b) {
    const struct joining *p = a, *q = b;

    if (p->into != q->into) return p->into < q->into ? -1 : 1;
    return (p->face > q->face) - (p->face < q->face);
}

/* A group is the person of its first face. */
static int find_joining(struct grouping *w) {
    const struct unnamed *u = &w->unnamed;

    w->joining = malloc((u->n + 1) * sizeof *w->joining);
    if (!w->joining) return err_set(MIEN_ENOMEM, "no memory to group faces");
    for (size_t i = 0; i < u->n; i++) {
        int64_t into = u->groups[i].group;
        if (into == GROUP_NONE) w->told.waiting++;
        if (into == GROUP_NONE || u->faces[into].person == u->faces[i].person) continue;
        w->joining[w->n++] = (struct joining){u->faces[into].person, i};
    }
    if (w->n) qsort(w->joining, w->n, sizeof *w->joining, by_person);
    return MIEN_OK;
}

/* Whether a person may still take faces: of how many samples it is, 0: it may not. */
static int check_into(const struct grouping *w, int64_t into, int64_t *samples) {
    *samples = 0;
    return GALLERY_NUMBER(w->g,
                          "SELECT (SELECT count(*) FROM samples s WHERE s.person = p.id AND"
                          " s.state = 0) FROM persons p WHERE p.id = ?1 AND p.state = 0 AND"
                          " p.collection = ?2 AND (p.name = '' OR ?3 = 1)",
                          samples, store_int(into), store_int(w->unnamed.collection),
                          store_int(w->unnamed.named));
}

/* Whether a face is alone and without a name as it was, and nobody has said since that it is not
 * that person. */
static int check_face(const struct grouping *w, const struct unnamed_face *f, int64_t into,
                      int64_t *may) {
    *may = 0;
    return GALLERY_NUMBER(
        w->g,
        "SELECT count(*) FROM samples s JOIN persons p ON p.id = s.person WHERE s.id = ?1"
        " AND s.person = ?2 AND s.state = 0 AND p.state = 0 AND p.name = ''"
        " AND NOT EXISTS (SELECT 1 FROM samples t WHERE t.person = ?2 AND t.state = 0 AND"
        "  t.id <> ?1)"
        " AND NOT EXISTS (SELECT 1 FROM not_persons n WHERE n.sample = ?1 AND n.person = ?3)"
        " AND NOT EXISTS (SELECT 1 FROM not_persons n JOIN samples t ON t.id = n.sample"
        "  WHERE n.person = ?2 AND t.person = ?3)",
        may, store_int(f->sample), store_int(f->person), store_int(into));
}

static int join(const struct grouping *w, int64_t event, const struct unnamed_face *f,
                int64_t into) {
    struct log_value to = {.number = into};
    int rc = log_change(w->g, event, LOG_SAMPLE_PERSON, f->sample, to);

    return rc ? rc : log_change(w->g, event, LOG_PERSON_STATE, f->person, to);
}

/* The faces from `first` on that come to one person, as an event; *next is behind them. */
static int write_group(struct grouping *w, size_t first, size_t *next) {
    int64_t into = w->joining[first].into, event = 0, samples, joined = 0, may = 0;
    int rc = check_into(w, into, &samples);

    for (*next = first; *next < w->n && w->joining[*next].into == into; ++*next) {
        const struct unnamed_face *f = &w->unnamed.faces[w->joining[*next].face];
        if (rc == MIEN_OK && samples) rc = check_face(w, f, into, &may);
        if (rc || !samples || !may) continue;
        if (!event) rc = log_event(w->g, MIEN_GALLERY_GROUPED, into, 0, 0, &event);
        if (rc == MIEN_OK) rc = join(w, event, f, into);
        joined++;
    }
    if (rc || !event) return rc;
    rc = log_event_samples(w->g, event, joined);
    if (rc == MIEN_OK) rc = log_check_person(w->g, into);
    w->told.joined += joined;
    w->told.made += samples == 1;
    if (!w->told.first_event) w->told.first_event = event;
    w->told.last_event = event;
    return rc;
}

static int write_groups(struct grouping *w) {
    int rc = MIEN_OK;

    for (size_t i = 0; i < w->n && rc == MIEN_OK;) {
        size_t begin = i;
        rc = gallery_enter_to_write(w->g, "mien_gallery_cluster");
        if (rc) return rc;
        w->g->as = w->who;
        while (i < w->n && i - begin < AT_ONCE && rc == MIEN_OK) rc = write_group(w, i, &i);
        rc = gallery_leave_written(w->g, rc);
    }
    return rc;
}

static int check_options(mien_gallery *g, const mien_gallery_cluster_options *o) {
    int rc = gallery_enter(g, "mien_gallery_cluster");

    if (rc) return rc;
    if (g->depth)
        rc = err_set(MIEN_EINVAL, "faces cannot be grouped between begin and commit");
    else if (!(o->join >= 0 && o->join <= 1))
        rc = err_set(MIEN_EINVAL, "mien_gallery_cluster: join is %g, not 0..1", (double)o->join);
    return gallery_leave(g, rc);
}

int mien_gallery_cluster(mien_gallery *g, int64_t collection, int64_t contract,
                         const mien_gallery_cluster_options *opt, mien_gallery_clustering *out) {
    mien_gallery_cluster_options o = {.struct_size = sizeof o};
    struct grouping w = {.g = g,
                         .unnamed = {.collection = collection, .contract = contract},
                         .told = {.struct_size = sizeof w.told}};
    int rc;

    if (!out) return err_null("mien_gallery_cluster");
    rc = sized_read(&o, sizeof o, opt, "mien_gallery_cluster_options");
    if (rc == MIEN_OK) rc = check_options(g, &o);
    if (rc) return rc;
    w.unnamed.named = o.named != 0;
    w.who = o.who;
    rc = unnamed_read(g, &w.unnamed);
    w.told.faces = (int64_t)w.unnamed.n;
    if (rc == MIEN_OK) rc = group(&w.unnamed, &o);
    if (rc == MIEN_OK) rc = find_joining(&w);
    if (rc == MIEN_OK) rc = write_groups(&w);
    if (rc == MIEN_OK) rc = sized_write(out, &w.told, sizeof w.told, "mien_gallery_clustering");
    unnamed_close(&w.unnamed);
    free(w.joining);
    return rc;
}
