#include "gallery/identify.h"

#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/index.h"
#include "gallery/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Whose a sample is. */
struct face {
    int64_t sample, person;
};

struct identify_view {
    int64_t collection, contract;
    int64_t seen; /* the last event it knows of */
    int dims;
    struct index *index;
    struct face *faces; /* [n] by rising sample, those in the index */
    size_t n, room;
    struct identify_view *next;
};

static void view_close(struct identify_view *v) {
    index_close(v->index);
    free(v->faces);
    free(v);
}

void identify_forget(mien_gallery *g) {
    while (g->views) {
        struct identify_view *v = g->views;
        g->views = v->next;
        view_close(v);
    }
}

/* Where a sample is among the faces, or would be. */
static size_t place_of(const struct identify_view *v, int64_t sample) {
    size_t low = 0, high = v->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (v->faces[middle].sample < sample)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int is_at(const struct identify_view *v, size_t place, int64_t sample) {
    return place < v->n && v->faces[place].sample == sample;
}

static int insert(struct identify_view *v, size_t place, struct face face, const float *embedding) {
    int rc;

    if (v->n == v->room) {
        size_t room = v->room ? 2 * v->room : 1024;
        struct face *more = realloc(v->faces, room * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
        v->faces = more;
        v->room = room;
    }
    rc = index_add(v->index, face.sample, embedding);
    if (rc) return rc;
    memmove(v->faces + place + 1, v->faces + place, (v->n - place) * sizeof *v->faces);
    v->faces[place] = face;
    v->n++;
    return MIEN_OK;
}

/* A row of a sample that is there: id, person, embedding. */
static int take_sample(void *context, const struct store_value *row, int n) {
    struct identify_view *v = context;
    struct face face = {row[0].i, row[1].i};
    size_t place = place_of(v, face.sample);

    if (n < 3 || row[2].n != (size_t)v->dims * sizeof(float)) return MIEN_OK;
    if (!is_at(v, place, face.sample)) return insert(v, place, face, row[2].bytes);
    v->faces[place].person = face.person;
    return MIEN_OK;
}

#define SELECT_SAMPLE                                                                              \
    "SELECT s.id, s.person, s.embedding FROM samples s JOIN persons p ON p.id = s.person"          \
    " WHERE s.contract = ?1 AND p.collection = ?2 AND s.state = 0 AND p.state = 0"

static int last_event(mien_gallery *g, int64_t *event) {
    *event = 0;
    return gallery_number(g, "SELECT max(id) FROM events", NULL, 0, event);
}

/* The last event is asked for first: what happens while samples are read is then looked up again.
 */
static int load(mien_gallery *g, struct identify_view *v) {
    int rc = index_open(v->dims, NULL, &v->index);

    if (rc == MIEN_OK) rc = last_event(g, &v->seen);
    if (rc) return rc;
    return GALLERY_RUN(g, SELECT_SAMPLE " ORDER BY s.id", take_sample, v, store_int(v->contract),
                       store_int(v->collection));
}

/* Looks a sample up that an event has changed. */
static int follow_sample(mien_gallery *g, struct identify_view *v, int64_t sample) {
    size_t place = place_of(v, sample);
    int64_t there = 0;
    int rc = GALLERY_NUMBER(g, SELECT_SAMPLE " AND s.id = ?3", &there, store_int(v->contract),
                            store_int(v->collection), store_int(sample));

    if (rc) return rc;
    if (there)
        return GALLERY_RUN(g, SELECT_SAMPLE " AND s.id = ?3", take_sample, v,
                           store_int(v->contract), store_int(v->collection), store_int(sample));
    if (!is_at(v, place, sample)) return MIEN_OK;
    rc = index_remove(v->index, sample);
    if (rc) return rc;
    memmove(v->faces + place, v->faces + place + 1, (v->n - place - 1) * sizeof *v->faces);
    v->n--;
    return MIEN_OK;
}

/* Samples whose state or person events behind `seen` have changed. */
static int follow(mien_gallery *g, struct identify_view *v, int64_t last) {
    struct ids samples = {0};
    int rc = GALLERY_RUN(g,
                         "SELECT DISTINCT subject FROM changes"
                         " WHERE event > ?1 AND event <= ?2 AND field IN (?3, ?4)",
                         ids_take, &samples, store_int(v->seen), store_int(last),
                         store_int(LOG_SAMPLE_STATE), store_int(LOG_SAMPLE_PERSON));

    for (size_t i = 0; i < samples.n && rc == MIEN_OK; i++) rc = follow_sample(g, v, samples.at[i]);
    ids_free(&samples);
    if (rc == MIEN_OK) v->seen = last;
    return rc;
}

static struct identify_view **find_view(mien_gallery *g, int64_t collection, int64_t contract) {
    struct identify_view **at = &g->views;

    while (*at && ((*at)->collection != collection || (*at)->contract != contract))
        at = &(*at)->next;
    return at;
}

static int new_view(mien_gallery *g, int64_t collection, int64_t contract,
                    struct identify_view **out) {
    struct identify_view *v;
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
    rc = load(g, v);
    if (rc)
        view_close(v);
    else
        *out = v;
    return rc;
}

/* The view as of now. What was deleted is no more to be looked up: then it is made anew. */
static int use_view(mien_gallery *g, int64_t collection, int64_t contract,
                    struct identify_view **out) {
    struct identify_view **at = find_view(g, collection, contract), *v = *at;
    int64_t last = 0, deleted = 0;
    int rc = last_event(g, &last);

    if (rc == MIEN_OK && v && last != v->seen)
        rc = GALLERY_NUMBER(g, "SELECT count(*) FROM events WHERE id > ?1 AND kind = ?2", &deleted,
                            store_int(v->seen), store_int(MIEN_GALLERY_DELETED));
    if (rc == MIEN_OK && v && !deleted && last != v->seen) rc = follow(g, v, last);
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
    *out = v;
    return rc;
}

static int64_t person_of(void *context, int64_t sample) {
    const struct identify_view *v = context;

    return v->faces[place_of(v, sample)].person;
}

static int identify(mien_gallery *g, int64_t collection, int64_t contract, const float *queries,
                    int n, int k, mien_gallery_match *matches, int *counts) {
    struct identify_view *v = NULL;
    struct index_filter filter = {.least = -2, .group = person_of};
    struct index_hit *hits = NULL;
    int rc = use_view(g, collection, contract, &v);

    if (rc) return rc;
    hits = calloc((size_t)n * (size_t)k, sizeof *hits);
    if (!hits) return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
    filter.context = v;
    rc = index_search(v->index, queries, n, k, &filter, hits, counts);
    for (int i = 0; i < n && rc == MIEN_OK; i++)
        for (int j = 0; j < counts[i]; j++) {
            const struct index_hit *hit = &hits[(size_t)i * (size_t)k + (size_t)j];
            matches[(size_t)i * (size_t)k + (size_t)j] =
                (mien_gallery_match){person_of(v, hit->id), hit->id, hit->score};
        }
    free(hits);
    return rc;
}

int mien_gallery_identify(mien_gallery *g, int64_t collection, int64_t contract,
                          const float *queries, int n, int k, mien_gallery_match *matches,
                          int *counts) {
    int rc;

    if (n && (!queries || !matches || !counts)) return err_null("mien_gallery_identify");
    if (n < 0 || k < 1 || k > INDEX_MAX_HITS)
        return err_set(MIEN_EINVAL, "mien_gallery_identify: of %d faces the %d most alike", n, k);
    for (int i = 0; i < n; i++) counts[i] = 0;
    rc = gallery_enter(g, "mien_gallery_identify");
    if (rc) return rc;
    if (n) rc = identify(g, collection, contract, queries, n, k, matches, counts);
    return gallery_leave(g, rc);
}
