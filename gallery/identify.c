/* Who a face is, of mien_gallery.h. */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/in_store.h"
#include "gallery/quantise.h"
#include "gallery/view.h"
#include "gallery/where.h"

#include <stdlib.h>

/* A search; also what filters of the index are asked with. */
struct search {
    struct view *view;
    const mien_gallery_identify_options *options;
    struct ids persons; /* who may be found, where options say it */
    const float *queries;
    int n, k;
    struct index_hit *samples, *templates; /* [n][k] */
    int *sample_counts, *template_counts;  /* [n] */
    struct ids own;                        /* samples of a person who was found */
    float *v;                              /* [dims] */
};

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
}

static int may_be_found(const struct search *s, const struct roster_person *p) {
    return !s->options->where || where_holds(&s->persons, p->id);
}

static int64_t person_of(void *context, int64_t sample) {
    return roster_person_of(&((const struct search *)context)->view->roster, sample)->id;
}

/* Of any row: templates are called by samples. */
static int allow(void *context, int64_t sample) {
    const struct search *s = context;

    return may_be_found(s, roster_person_of(&s->view->roster, sample));
}

/* Of samples that are a template. */
static int allow_single(void *context, int64_t sample) {
    const struct search *s = context;
    const struct roster_person *p = roster_person_of(&s->view->roster, sample);

    return p->samples == 1 && may_be_found(s, p);
}

static int search_samples(struct search *s) {
    struct index_filter filter = {.least = -2, .context = s};

    if (s->options->by == MIEN_GALLERY_BY_SAMPLE)
        filter.group = person_of;
    else
        filter.allow = allow_single;
    if (s->options->by == MIEN_GALLERY_BY_SAMPLE && s->options->where) filter.allow = allow;
    return index_search(s->view->samples, s->queries, s->n, s->k, &filter, s->samples,
                        s->sample_counts);
}

static int search_templates(struct search *s) {
    struct index_filter filter = {
        .least = -2, .context = s, .allow = s->options->where ? allow : NULL};

    return index_search(s->view->templates, s->queries, s->n, s->k, &filter, s->templates,
                        s->template_counts);
}

/* The sample of a person that is most like a face. */
static int most_alike(struct search *s, const struct roster_person *p, const float *query,
                      int64_t *sample) {
    float best = -3;
    int rc = roster_samples(&s->view->roster, p, &s->own);

    for (size_t i = 0; i < s->own.n && rc == MIEN_OK; i++) {
        rc = index_read(s->view->samples, s->own.at[i], s->v);
        if (rc) return rc;
        float score = score_of(s->view->dims, query, s->v);
        if (score > best) *sample = s->own.at[i];
        if (score > best) best = score;
    }
    return rc;
}

static int describe(struct search *s, const struct index_hit *hit, const float *query,
                    mien_gallery_match *match) {
    const struct roster_person *p = roster_person_of(&s->view->roster, hit->id);

    *match = (mien_gallery_match){p->id, hit->id, hit->score, (int)p->samples};
    if (s->options->by == MIEN_GALLERY_BY_SAMPLE || p->samples == 1) return MIEN_OK;
    return most_alike(s, p, query, &match->sample);
}

static int is_before(const struct index_hit *a, const struct index_hit *b) {
    return a->score != b->score ? a->score > b->score : a->id < b->id;
}

/* Of both lists the k best. */
static int merge(struct search *s, int query, mien_gallery_match *matches, int *count) {
    const struct index_hit *a = s->samples + (size_t)query * (size_t)s->k;
    const struct index_hit *b = s->templates + (size_t)query * (size_t)s->k;
    const struct index_hit *a_end = a + s->sample_counts[query];
    const struct index_hit *b_end = b + s->template_counts[query];
    int rc = MIEN_OK, n = 0;

    while (n < s->k && (a < a_end || b < b_end) && rc == MIEN_OK) {
        int is_a = b == b_end || (a < a_end && is_before(a, b));
        rc = describe(s, is_a ? a++ : b++, s->queries + (size_t)query * (size_t)s->view->dims,
                      &matches[n++]);
    }
    *count = rc ? 0 : n;
    return rc;
}

static int search_open(struct search *s) {
    size_t n = (size_t)s->n, k = (size_t)s->k;

    s->samples = calloc(n * k, sizeof *s->samples);
    s->templates = calloc(n * k, sizeof *s->templates);
    s->sample_counts = calloc(n, sizeof *s->sample_counts);
    s->template_counts = calloc(n, sizeof *s->template_counts);
    s->v = calloc((size_t)s->view->dims, sizeof *s->v);
    if (!s->samples || !s->templates || !s->sample_counts || !s->template_counts || !s->v)
        return no_memory();
    return MIEN_OK;
}

static void search_close(struct search *s) {
    free(s->samples);
    free(s->templates);
    free(s->sample_counts);
    free(s->template_counts);
    free(s->v);
    ids_free(&s->own);
    ids_free(&s->persons);
}

/* The persons who may be found, and where they are: in the view, or *in_store. */
static int begin(mien_gallery *g, int64_t collection, int64_t contract, struct search *s,
                 int *in_store) {
    int rc = in_store_is(g, collection, contract, in_store);

    if (rc == MIEN_OK && !*in_store) rc = view_use(g, collection, contract, &s->view);
    if (rc == MIEN_OK && s->options->where)
        rc = where_persons(g, collection, s->options->where, &s->persons);
    return rc;
}

static struct in_store_search search_in_store(const struct search *s, int64_t collection,
                                              int64_t contract) {
    return (struct in_store_search){.collection = collection,
                                    .contract = contract,
                                    .options = s->options,
                                    .persons = &s->persons,
                                    .queries = s->queries,
                                    .n = s->n,
                                    .k = s->k};
}

static int identify(mien_gallery *g, int64_t collection, int64_t contract, struct search *s,
                    mien_gallery_match *matches, int *counts) {
    const struct in_store_search other = search_in_store(s, collection, contract);
    int in_store = 0, rc = begin(g, collection, contract, s, &in_store);

    if (rc == MIEN_OK && in_store) return in_store_identify(g, &other, matches, counts);
    if (rc == MIEN_OK) rc = search_open(s);
    if (rc == MIEN_OK) rc = search_samples(s);
    if (rc == MIEN_OK && s->options->by == MIEN_GALLERY_BY_TEMPLATE) rc = search_templates(s);
    for (int i = 0; i < s->n && rc == MIEN_OK; i++)
        rc = merge(s, i, matches + (size_t)i * (size_t)s->k, &counts[i]);
    return rc;
}

static int read_options(const mien_gallery_identify_options *given,
                        mien_gallery_identify_options *out, const char *function) {
    int rc;

    *out = (mien_gallery_identify_options){.struct_size = sizeof *out};
    rc = sized_read(out, sizeof *out, given, "mien_gallery_identify_options");
    if (rc == MIEN_OK && out->by != MIEN_GALLERY_BY_TEMPLATE && out->by != MIEN_GALLERY_BY_SAMPLE)
        rc = err_set(MIEN_EINVAL, "%s: by is %d", function, (int)out->by);
    return rc;
}

int mien_gallery_identify(mien_gallery *g, int64_t collection, int64_t contract,
                          const float *queries, int n, int k,
                          const mien_gallery_identify_options *options, mien_gallery_match *matches,
                          int *counts) {
    mien_gallery_identify_options own;
    struct search s = {.options = &own, .queries = queries, .n = n, .k = k};
    int rc;

    if (n && (!queries || !matches || !counts)) return err_null("mien_gallery_identify");
    if (n < 0 || k < 1 || k > INDEX_MAX_HITS)
        return err_set(MIEN_EINVAL, "mien_gallery_identify: of %d faces the %d most alike", n, k);
    for (int i = 0; i < n; i++) counts[i] = 0;
    rc = read_options(options, &own, "mien_gallery_identify");
    if (rc == MIEN_OK) rc = gallery_enter(g, "mien_gallery_identify");
    if (rc) return rc;
    if (n) rc = identify(g, collection, contract, &s, matches, counts);
    search_close(&s);
    return gallery_leave(g, rc);
}

/* Of those who may be found. */
static void count(const struct search *s, int64_t *n) {
    const struct roster *r = &s->view->roster;
    int by_sample = s->options->by == MIEN_GALLERY_BY_SAMPLE;

    if (!s->options->where) {
        *n = by_sample ? r->used : r->with_samples;
        return;
    }
    for (uint32_t i = 0; i < r->n_persons; i++)
        if (may_be_found(s, &r->persons[i]))
            *n += by_sample ? r->persons[i].samples : r->persons[i].samples > 0;
}

int mien_gallery_comparisons(mien_gallery *g, int64_t collection, int64_t contract,
                             const mien_gallery_identify_options *options, int64_t *n) {
    mien_gallery_identify_options own;
    struct search s = {.options = &own};
    struct in_store_search other;
    int rc, in_store = 0;

    if (!n) return err_null("mien_gallery_comparisons");
    *n = 0;
    rc = read_options(options, &own, "mien_gallery_comparisons");
    if (rc == MIEN_OK) rc = gallery_enter(g, "mien_gallery_comparisons");
    if (rc) return rc;
    rc = begin(g, collection, contract, &s, &in_store);
    other = search_in_store(&s, collection, contract);
    if (rc == MIEN_OK && in_store)
        rc = in_store_count(g, &other, n);
    else if (rc == MIEN_OK)
        count(&s, n);
    search_close(&s);
    return gallery_leave(g, rc);
}
