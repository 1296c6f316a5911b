#include "gallery/in_store.h"

#include "engine/err.h"
#include "gallery/quantise.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Samples that are asked for a person who is wanted, at least and at most: the more, the fewer are
 * missed. */
enum { A_PERSON = 20, LEAST = 200, MOST = 1000 };
/* Bytes a sample takes in memory beside its values: floats, bytes, ids, whose it is. */
enum { A_VALUE = 5, BESIDE = 64 };

/* What is known of a collection under a contract. */
struct in_store {
    int64_t collection, contract;
    int dims, is;     /* is: it is searched so */
    uint64_t heard;   /* of the gallery when it was brought up to date */
    int64_t counted;  /* the event behind which the next two hold */
    int64_t count[2]; /* of persons with samples, of samples: by enum mien_gallery_by */
    struct in_store *next;
};

void in_store_forget(mien_gallery *g) {
    while (g->in_store) {
        struct in_store *next = g->in_store->next;
        free(g->in_store);
        g->in_store = next;
    }
}

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
}

/* Rows of samples that are there: of a collection ?2 under a contract ?1. */
#define FROM_SAMPLES                                                                               \
    " FROM samples s JOIN persons p ON p.id = s.person"                                            \
    " LEFT JOIN embeddings e ON e.sample = s.id AND e.contract = ?1"                               \
    " WHERE (s.contract = ?1 OR e.contract = ?1)"                                                  \
    " AND p.collection = ?2 AND s.state = 0 AND p.state = 0"
#define EMBEDDING "CASE WHEN s.contract = ?1 THEN s.embedding ELSE e.embedding END"
/* A list of ids as a text. */
#define IN_LIST "= ANY (CAST(string_to_array(?3, ',') AS bigint[]))"

static int decide(mien_gallery *g, struct in_store *x) {
    int64_t rows = 0;
    int rc = MIEN_OK;

    x->is = g->index_in_store;
    if (x->is || !g->index_memory) return MIEN_OK;
    rc = GALLERY_NUMBER(g, "SELECT count(*)" FROM_SAMPLES, &rows, store_int(x->contract),
                        store_int(x->collection));
    if (rc) return rc;
    x->is = (double)rows * ((double)x->dims * A_VALUE + BESIDE) > (double)g->index_memory;
    if (x->is && (!g->ops->nearest || g->keys))
        return err_set(MIEN_ETOOBIG,
                       "an index of %" PRId64 " samples takes more memory than it may, and only a"
                       " gallery in PostgreSQL that is not encrypted is searched without one",
                       rows);
    return MIEN_OK;
}

static int use(mien_gallery *g, int64_t collection, int64_t contract, struct in_store **out) {
    struct in_store *x = g->in_store;
    int64_t dims = 0;
    int rc;

    while (x && (x->collection != collection || x->contract != contract)) x = x->next;
    *out = x;
    if (x) return MIEN_OK;
    rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &dims, store_int(contract));
    if (rc) return rc;
    if (!dims)
        return err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64,
                       (uint64_t)contract);
    x = calloc(1, sizeof *x);
    if (!x) return no_memory();
    *x = (struct in_store){
        .collection = collection, .contract = contract, .dims = (int)dims, .counted = -1};
    rc = decide(g, x);
    if (rc) {
        free(x);
        return rc;
    }
    x->next = g->in_store;
    g->in_store = *out = x;
    return MIEN_OK;
}

int in_store_is(mien_gallery *g, int64_t collection, int64_t contract, int *is) {
    struct in_store *x;
    int rc;

    *is = g->index_in_store;
    if (*is || !g->index_memory) return MIEN_OK;
    rc = use(g, collection, contract, &x);
    *is = rc == MIEN_OK && x->is;
    return rc;
}

static struct store_nearest nearest(const struct in_store *x) {
    return (struct store_nearest){x->collection, x->contract, x->dims};
}

/* Uncommitted rows are another's to see, or nobody's: within a transaction it stays as it was. */
static int bring_up_to_date(mien_gallery *g, struct in_store *x) {
    struct store_nearest want = nearest(x);
    int rc;

    if (!g->ops->changed || g->ops->changed(g->store)) g->heard++;
    if (x->heard == g->heard || g->depth) return MIEN_OK;
    rc = g->ops->nearest_sync(g->store, &want);
    if (rc == MIEN_OK) x->heard = g->heard;
    return rc;
}

/* The persons most like a query, while rows of samples go by, a person's together. */
struct ranking {
    const struct in_store *x;
    const float *query;
    enum mien_gallery_by by;
    int k, n;
    mien_gallery_match *matches; /* [k] */
    int64_t *oldest;             /* [k]: of equals the one with the older sample is first */
    double *sum;                 /* [dims] of the person that is being read */
    float *mean;                 /* [dims] */
    mien_gallery_match now;      /* that person; 0: nobody */
    int64_t now_oldest;
};

/* As templates.c makes them. */
static int take_mean(struct ranking *r, float *score) {
    double length = 0;

    for (int i = 0; i < r->x->dims; i++) length += r->sum[i] * r->sum[i];
    if (length < 1e-6) return 0;
    for (int i = 0; i < r->x->dims; i++) r->mean[i] = (float)(r->sum[i] / sqrt(length));
    *score = score_of(r->x->dims, r->query, r->mean);
    return 1;
}

static void end_person(struct ranking *r) {
    mien_gallery_match m = r->now;
    /* By sample the tie is by what was found, as an index in memory has it. */
    int64_t oldest = r->by == MIEN_GALLERY_BY_SAMPLE ? m.sample : r->now_oldest;
    int at;

    r->now = (mien_gallery_match){0};
    if (!m.person) return;
    if (r->by == MIEN_GALLERY_BY_TEMPLATE && m.samples > 1 && !take_mean(r, &m.similarity)) return;
    for (at = r->n; at > 0; at--) {
        const mien_gallery_match *before = &r->matches[at - 1];
        if (before->similarity > m.similarity ||
            (before->similarity == m.similarity && r->oldest[at - 1] < oldest))
            break;
    }
    if (at == r->k) return;
    if (r->n < r->k) r->n++;
    for (int i = r->n - 1; i > at; i--) {
        r->matches[i] = r->matches[i - 1];
        r->oldest[i] = r->oldest[i - 1];
    }
    r->matches[at] = m;
    r->oldest[at] = oldest;
}

/* Person, sample, embedding; by rising person and sample. */
static int take_row(void *context, const struct store_value *row, int n) {
    struct ranking *r = context;
    const float *v;
    float score;

    if (n < 3 || row[2].n != (size_t)r->x->dims * sizeof(float)) return MIEN_OK;
    v = row[2].bytes;
    if (row[0].i != r->now.person) {
        end_person(r);
        r->now = (mien_gallery_match){.person = row[0].i, .similarity = -3};
        r->now_oldest = row[1].i;
        memset(r->sum, 0, (size_t)r->x->dims * sizeof *r->sum);
    }
    score = score_of(r->x->dims, r->query, v);
    if (score > r->now.similarity) {
        r->now.similarity = score;
        r->now.sample = row[1].i;
    }
    r->now.samples++;
    for (int i = 0; i < r->x->dims; i++) r->sum[i] += (double)v[i];
    return MIEN_OK;
}

/* "1,2,3" for free() */
static char *list_of(const int64_t *ids, size_t n) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; out && i < n; i++) fprintf(out, "%s%" PRId64, i ? "," : "", ids[i]);
    if (!out || fclose(out)) {
        free(text);
        text = NULL;
    }
    return text;
}

/* Those who were meant by samples, or all of a list of persons. */
static int rank(mien_gallery *g, struct ranking *r, const int64_t *ids, size_t n, int are_persons) {
    static const char *const sql[] = {
        "SELECT s.person, s.id, " EMBEDDING FROM_SAMPLES
        " AND s.person IN (SELECT person FROM samples WHERE id " IN_LIST
        ") ORDER BY s.person, s.id",
        "SELECT s.person, s.id, " EMBEDDING FROM_SAMPLES " AND s.person " IN_LIST
        " ORDER BY s.person, s.id"};
    char *list = list_of(ids, n);
    int rc;

    if (!list) return no_memory();
    rc = GALLERY_RUN(g, sql[are_persons], take_row, r, store_int(r->x->contract),
                     store_int(r->x->collection), store_text(list));
    if (rc == MIEN_OK) end_person(r);
    free(list);
    return rc;
}

static int identify_one(mien_gallery *g, const struct in_store_search *s, struct ranking *r) {
    struct store_nearest want = nearest(r->x);
    int64_t samples[MOST];
    int n = A_PERSON * r->k, found = 0, rc;

    if (s->options->where) return rank(g, r, s->persons->at, s->persons->n, 1);
    if (n < LEAST) n = LEAST;
    rc = g->ops->nearest(g->store, &want, r->query, n < MOST ? n : MOST, samples, &found);
    return rc ? rc : rank(g, r, samples, (size_t)found, 0);
}

int in_store_identify(mien_gallery *g, const struct in_store_search *s, mien_gallery_match *matches,
                      int *counts) {
    struct in_store *x;
    struct ranking r = {.k = s->k, .by = s->options->by};
    int rc = use(g, s->collection, s->contract, &x);

    if (rc) return rc;
    r.x = x;
    rc = bring_up_to_date(g, x);
    r.oldest = calloc((size_t)s->k, sizeof *r.oldest);
    r.sum = calloc((size_t)x->dims, sizeof *r.sum);
    r.mean = calloc((size_t)x->dims, sizeof *r.mean);
    if (rc == MIEN_OK && (!r.oldest || !r.sum || !r.mean)) rc = no_memory();
    for (int i = 0; i < s->n && rc == MIEN_OK; i++) {
        r.query = s->queries + (size_t)i * (size_t)x->dims;
        r.matches = matches + (size_t)i * (size_t)s->k;
        r.n = 0;
        r.now = (mien_gallery_match){0};
        if (!quantise_is_unit(x->dims, r.query))
            rc = err_set(MIEN_EINVAL, "what is searched for is no embedding: its length is not 1");
        if (rc == MIEN_OK) rc = identify_one(g, s, &r);
        if (rc == MIEN_OK) counts[i] = r.n;
    }
    free(r.oldest);
    free(r.sum);
    free(r.mean);
    return rc;
}

static int count_all(mien_gallery *g, struct in_store *x) {
    int64_t last = 0;
    int rc = gallery_number(g, "SELECT max(id) FROM events", NULL, 0, &last);

    if (rc || x->counted == last) return rc;
    rc = GALLERY_NUMBER(g, "SELECT count(DISTINCT s.person)" FROM_SAMPLES,
                        &x->count[MIEN_GALLERY_BY_TEMPLATE], store_int(x->contract),
                        store_int(x->collection));
    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g, "SELECT count(*)" FROM_SAMPLES, &x->count[MIEN_GALLERY_BY_SAMPLE],
                            store_int(x->contract), store_int(x->collection));
    if (rc == MIEN_OK && !g->depth) x->counted = last;
    return rc;
}

int in_store_count(mien_gallery *g, const struct in_store_search *s, int64_t *n) {
    static const char *const sql[] = {"SELECT count(DISTINCT s.person)" FROM_SAMPLES
                                      " AND s.person " IN_LIST,
                                      "SELECT count(*)" FROM_SAMPLES " AND s.person " IN_LIST};
    int by_sample = s->options->by == MIEN_GALLERY_BY_SAMPLE, rc;
    struct in_store *x;
    char *list;

    rc = use(g, s->collection, s->contract, &x);
    if (rc) return rc;
    if (!s->options->where) {
        rc = count_all(g, x);
        *n = x->count[s->options->by];
        return rc;
    }
    list = list_of(s->persons->at, s->persons->n);
    if (!list) return no_memory();
    rc = GALLERY_NUMBER(g, sql[by_sample], n, store_int(s->contract), store_int(s->collection),
                        store_text(list));
    free(list);
    return rc;
}
