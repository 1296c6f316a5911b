/* mien_gallery_compare_contracts(): of every sample the other one that is most like it, under each
 * of two contracts. */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/unnamed.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 64,
    BEST = 2 /* a sample is its own best; of one that is there twice another is */
};

/* The samples under one contract, and whose most alike other each has; 0: there is no other. */
struct side {
    struct unnamed faces;
    int64_t *nearest; /* [faces.n] */
};

static int fetch(void *context, int64_t id, float *v) {
    const struct floats *f = context;

    memcpy(v, f->at + (size_t)id * f->dims, f->dims * sizeof *v);
    return MIEN_OK;
}

static int search(struct side *s, struct index *x) {
    const struct unnamed *u = &s->faces;
    struct index_filter filter = {.least = -2};
    struct index_hit hits[AT_ONCE * BEST];
    int counts[AT_ONCE], rc = MIEN_OK;

    for (size_t i = 0; i < u->n && rc == MIEN_OK; i += AT_ONCE) {
        int n = u->n - i < AT_ONCE ? (int)(u->n - i) : AT_ONCE;
        rc = index_search(x, u->floats.at + i * u->floats.dims, n, BEST, &filter, hits, counts);
        for (int q = 0; q < n && rc == MIEN_OK; q++)
            for (int j = counts[q] - 1; j >= 0; j--) {
                size_t other = (size_t)hits[q * BEST + j].id;
                if (other != i + (size_t)q) s->nearest[i + (size_t)q] = u->faces[other].person;
            }
    }
    return rc;
}

static int look(mien_gallery *g, int64_t collection, int64_t contract, struct side *s) {
    struct unnamed *u = &s->faces;
    struct index_options io = {.fetch = fetch, .context = &u->floats};
    struct index *x = NULL;
    int rc;

    *u = (struct unnamed){.collection = collection, .contract = contract, .named = 1};
    rc = unnamed_read(g, u);
    if (rc == MIEN_OK) {
        s->nearest = calloc(u->n + 1, sizeof *s->nearest);
        rc = s->nearest ? index_open((int)u->floats.dims, &io, &x)
                        : err_set(MIEN_ENOMEM, "comparing contracts: out of memory");
    }
    for (size_t i = 0; i < u->n && rc == MIEN_OK; i++)
        rc = index_add(x, (int64_t)i, u->floats.at + i * u->floats.dims);
    if (rc == MIEN_OK) rc = search(s, x);
    index_close(x);
    return rc;
}

/* Both lists go by rising sample. */
static int compare(const struct side *a, const struct side *b, mien_gallery_disagreement *seen,
                   void *context, mien_gallery_agreement *out) {
    for (size_t i = 0, j = 0; i < a->faces.n && j < b->faces.n;) {
        const struct unnamed_face *f = &a->faces.faces[i], *h = &b->faces.faces[j];
        int64_t by_a = a->nearest[i], by_b = b->nearest[j];
        int rc = 0;
        i += f->sample <= h->sample;
        j += h->sample <= f->sample;
        if (f->sample != h->sample || !by_a || !by_b) continue;
        out->samples++;
        out->right_a += by_a == f->person;
        out->right_b += by_b == f->person;
        out->same += by_a == by_b;
        if (by_a != by_b && seen) rc = seen(context, f->sample, f->person, by_a, by_b);
        if (rc) return rc;
    }
    return MIEN_OK;
}

int mien_gallery_compare_contracts(mien_gallery *g, int64_t collection, int64_t a, int64_t b,
                                   mien_gallery_disagreement *seen, void *context,
                                   mien_gallery_agreement *out) {
    mien_gallery_agreement own = {.struct_size = sizeof own};
    struct side sides[2] = {{.nearest = NULL}};
    int rc;

    if (!out) return err_null("mien_gallery_compare_contracts");
    rc = look(g, collection, a, &sides[0]);
    if (rc == MIEN_OK) rc = look(g, collection, b, &sides[1]);
    if (rc == MIEN_OK) rc = compare(&sides[0], &sides[1], seen, context, &own);
    if (rc == MIEN_OK) rc = sized_write(out, &own, sizeof own, "mien_gallery_agreement");
    for (int i = 0; i < 2; i++) {
        unnamed_close(&sides[i].faces);
        free(sides[i].nearest);
    }
    return rc;
}
