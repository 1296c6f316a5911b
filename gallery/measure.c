/* mien_gallery_measure(): what searches find that are not exact, against a look at every sample. */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/quantise.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUERIES_MOST = 1000, K_MOST = 100 };

/* A query, and the persons most like it: [k], of each the best sample. */
struct probe {
    int64_t person;
    float *v;
    struct best_person {
        int64_t person;
        float score;
    } * best;
    int n;
};

struct measuring {
    mien_gallery *g;
    int64_t contract;
    int dims, queries, room, k;
    struct probe *probes; /* [queries] of [room] */
    int64_t rows, every;  /* one of so many is a query */
};

#define SELECT_ALL                                                                                 \
    "SELECT s.id, s.person, CASE WHEN s.contract = ?1 THEN s.embedding ELSE e.embedding END"       \
    " FROM samples s JOIN persons p ON p.id = s.person"                                            \
    " LEFT JOIN embeddings e ON e.sample = s.id AND e.contract = ?1"                               \
    " WHERE (s.contract = ?1 OR e.contract = ?1)"                                                  \
    " AND p.collection = ?2 AND s.state = 0 AND p.state = 0 ORDER BY s.id"

static double seconds(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A row: id, person, embedding. */
static int take_probe(void *context, const struct store_value *row, int n) {
    struct measuring *m = context;
    struct probe *p = &m->probes[m->queries];
    struct store_value v;
    struct seal seal;

    if (n < 3 || m->rows++ % m->every || m->queries == m->room) return MIEN_OK;
    seal = seal_begin(m->g, row[0].i);
    v = unseal_bytes(&seal, SEAL_EMBEDDING, m->contract, &row[2]);
    if (!seal.rc && v.n == (size_t)m->dims * sizeof(float)) {
        p->person = row[1].i;
        memcpy(p->v, v.bytes, v.n);
        m->queries++;
    }
    return seal_end(&seal);
}

/* Of a person only the best: k of them are kept. */
static void keep(struct measuring *m, struct probe *p, int64_t person, float score) {
    int at = 0, to;

    if (p->n == m->k && score <= p->best[m->k - 1].score) return;
    while (at < p->n && p->best[at].person != person) at++;
    if (at < p->n && p->best[at].score >= score) return;
    if (at == p->n && p->n < m->k) p->n++;
    if (at == p->n) at--; /* who was last goes */
    for (to = at; to > 0 && p->best[to - 1].score < score; to--) p->best[to] = p->best[to - 1];
    p->best[to] = (struct best_person){person, score};
}

static int take_row(void *context, const struct store_value *row, int n) {
    struct measuring *m = context;
    struct store_value v;
    struct seal seal;

    if (n < 3) return MIEN_OK;
    seal = seal_begin(m->g, row[0].i);
    v = unseal_bytes(&seal, SEAL_EMBEDDING, m->contract, &row[2]);
    for (int i = 0; i < m->queries && !seal.rc && v.n == (size_t)m->dims * sizeof(float); i++)
        if (m->probes[i].person != row[1].i)
            keep(m, &m->probes[i], row[1].i, score_of(m->dims, m->probes[i].v, v.bytes));
    return seal_end(&seal);
}

static int open_measuring(struct measuring *m) {
    m->probes = calloc((size_t)m->room + 1, sizeof *m->probes);
    for (int i = 0; i < m->room && m->probes; i++) {
        m->probes[i].v = calloc((size_t)m->dims, sizeof(float));
        m->probes[i].best = calloc((size_t)m->k + 1, sizeof *m->probes[i].best);
        if (!m->probes[i].v || !m->probes[i].best) return -1;
    }
    return m->probes ? 0 : -1;
}

static void close_measuring(struct measuring *m) {
    for (int i = 0; i < m->room && m->probes; i++) {
        free(m->probes[i].v);
        free(m->probes[i].best);
    }
    free(m->probes);
}

/* How many of the exact answer's persons a search found. */
static int search(mien_gallery *g, int64_t collection, int64_t contract, struct measuring *m,
                  int64_t *found, int64_t *wanted) {
    const mien_gallery_identify_options by = {.struct_size = sizeof by,
                                              .by = MIEN_GALLERY_BY_SAMPLE};
    mien_gallery_match matches[K_MOST + 1];
    int count, rc = MIEN_OK;

    for (int i = 0; i < m->queries && rc == MIEN_OK; i++) {
        const struct probe *p = &m->probes[i];
        rc =
            mien_gallery_identify(g, collection, contract, p->v, 1, m->k + 1, &by, matches, &count);
        *wanted += p->n;
        for (int j = 0; j < p->n && rc == MIEN_OK; j++)
            for (int h = 0; h < count; h++) *found += matches[h].person == p->best[j].person;
    }
    return rc;
}

static int measure(mien_gallery *g, int64_t collection, int64_t contract, struct measuring *m,
                   mien_gallery_recall *out) {
    const struct store_value values[] = {store_int(contract), store_int(collection)};
    int64_t found = 0, wanted = 0;
    double began;
    int rc = gallery_run(g, SELECT_ALL, values, 2, take_probe, m);

    if (rc || !m->queries) return rc;
    began = seconds();
    rc = gallery_run(g, SELECT_ALL, values, 2, take_row, m);
    out->exact_seconds = (seconds() - began) / m->queries;
    if (rc == MIEN_OK) /* what is done once is not the searches' */
        rc = mien_gallery_identify(g, collection, contract, m->probes[0].v, 1, 1, NULL,
                                   &(mien_gallery_match){0}, &(int){0});
    began = seconds();
    if (rc == MIEN_OK) rc = search(g, collection, contract, m, &found, &wanted);
    out->seconds = (seconds() - began) / m->queries;
    out->queries = m->queries;
    out->recall = wanted ? (double)found / (double)wanted : 1;
    return rc;
}

int mien_gallery_measure(mien_gallery *g, int64_t collection, int64_t contract, int queries, int k,
                         mien_gallery_recall *out) {
    mien_gallery_recall own = {.struct_size = sizeof own, .k = k};
    const mien_gallery_identify_options by = {.struct_size = sizeof by,
                                              .by = MIEN_GALLERY_BY_SAMPLE};
    struct measuring m = {.g = g, .contract = contract, .k = k, .room = queries};
    int64_t dims = 0;
    int rc;

    if (!out) return err_null("mien_gallery_measure");
    if (queries < 1 || queries > QUERIES_MOST || k < 1 || k > K_MOST)
        return err_set(MIEN_EINVAL, "mien_gallery_measure: %d queries for %d persons", queries, k);
    rc = gallery_enter(g, "mien_gallery_measure");
    if (rc) return rc;
    rc = mien_gallery_comparisons(g, collection, contract, &by, &own.samples);
    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &dims,
                            store_int(contract));
    m.dims = (int)dims;
    m.every = own.samples / queries + 1;
    if (rc == MIEN_OK && open_measuring(&m))
        rc = err_set(MIEN_ENOMEM, "measuring searches: out of memory");
    if (rc == MIEN_OK) rc = measure(g, collection, contract, &m, &own);
    close_measuring(&m);
    if (rc == MIEN_OK) rc = sized_write(out, &own, sizeof own, "mien_gallery_recall");
    return gallery_leave(g, rc);
}
