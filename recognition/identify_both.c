/* Who faces are while a collection is migrated, of identify.h: under each of two contracts, and one
 * answer of both. */
#include "recognition/identify.h"

#include <math.h>
#include <stdlib.h>

int identify_both(mien_gallery *gallery, const struct network *embedder,
                  const struct network *second, int64_t second_contract, const double *same,
                  struct identifying *in, struct identifying *also) {
    double fpir = in->fpir;
    int rc;

    in->also = NULL;
    if (!second || !second_contract || same) return identify_limits(gallery, embedder, same, in);
    in->name = embedder->info.name;
    *also = *in;
    also->contract = second_contract;
    also->name = second->info.name;
    /* A stranger is taken for somebody where either errs: with half of the rate each, no more than
     * with all of it. Where nobody is known under the second yet, only the first can. */
    also->fpir = fpir / 2;
    rc = identify_limits(gallery, second, NULL, also);
    if (rc == MIEN_OK && also->compared) in->fpir = fpir / 2;
    if (rc == MIEN_OK) rc = identify_limits(gallery, embedder, NULL, in);
    in->fpir = fpir;
    if (rc) return rc;
    if (in->is_measured && also->is_measured) in->also = also;
    return in->also ? MIEN_OK : identify_limits(gallery, embedder, NULL, in);
}

/* A face's search under the two contracts. */
struct both {
    mien_gallery *gallery;
    const struct identifying *in[2];
    const float *face[2]; /* its embedding under each */
    const struct identified *found[2];
    int i;
};

/* A person who was found, with the logarithm of how much likelier the face is than a stranger's. */
struct candidate {
    mien_gallery_match match;
    double ratio; /* by all that is known */
    double shown; /* by the similarity of the match */
    uint8_t also;
};

static int ratio_of(const struct both *b, int side, const mien_gallery_match *m, double *ratio) {
    int is_template = b->in[side]->by == MIEN_GALLERY_BY_TEMPLATE;

    return mien_log_likelihood_ratio(b->in[side]->embedder, m->similarity,
                                     is_template ? m->samples : 1, ratio);
}

/* Both networks see one picture, and err together: that both are sure is not twice as good as that
 * one is, so the ratios' logarithms are averaged, not added. Whoever was found by one alone is
 * asked for under the other, unless nothing of him is known there. */
static int add_other(const struct both *b, int side, struct candidate *c) {
    mien_gallery_match best;
    double ratio;
    int rc;

    if (!b->in[!side]->contract) return MIEN_OK;
    rc = mien_gallery_compare(b->gallery, c->match.person, b->in[!side]->contract, b->face[!side],
                              &best);
    if (rc == MIEN_GALLERY_ENOTFOUND || (rc == MIEN_OK && !best.sample)) return MIEN_OK;
    if (rc) return rc;
    best.samples = 1;
    rc = ratio_of(b, !side, &best, &ratio);
    c->ratio = (c->shown + ratio) / 2;
    return rc;
}

/* Adds what one side found; those the other has found before are completed. */
static int take(const struct both *b, int side, struct candidate *all, int *n) {
    const struct identified *f = b->found[side];
    int before = *n, rc = MIEN_OK;

    for (int k = 0; k < f->counts[b->i] && rc == MIEN_OK; k++) {
        struct candidate one = {.match = f->matches[(size_t)b->i * (size_t)f->top + (size_t)k],
                                .also = (uint8_t)side};
        int there = 0;
        rc = ratio_of(b, side, &one.match, &one.shown);
        one.ratio = one.shown;
        while (there < before && all[there].match.person != one.match.person) there++;
        if (rc == MIEN_OK && there < before) {
            one.ratio = (one.shown + all[there].shown) / 2;
            if (all[there].shown >= one.shown) {
                all[there].ratio = one.ratio;
                continue;
            }
            all[there] = one;
        } else if (rc == MIEN_OK) {
            all[(*n)++] = one;
        }
    }
    return rc;
}

static int is_found(const struct both *b, int side, int64_t person) {
    const struct identified *f = b->found[side];

    for (int k = 0; k < f->counts[b->i]; k++)
        if (f->matches[(size_t)b->i * (size_t)f->top + (size_t)k].person == person) return 1;
    return 0;
}

static int by_ratio(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;

    if (x->ratio != y->ratio) return x->ratio < y->ratio ? 1 : -1;
    return (x->match.sample > y->match.sample) - (x->match.sample < y->match.sample);
}

/* All who were found, the likeliest first. all: room for both sides' */
static int collect(const struct both *b, struct candidate *all, int *n) {
    int rc;

    *n = 0;
    rc = take(b, 0, all, n);
    if (rc == MIEN_OK) rc = take(b, 1, all, n);
    for (int k = 0; k < *n && rc == MIEN_OK; k++) {
        int side = all[k].also;
        if (!is_found(b, !side, all[k].match.person)) rc = add_other(b, side, &all[k]);
    }
    if (rc == MIEN_OK && *n > 1) qsort(all, (size_t)*n, sizeof *all, by_ratio);
    return rc;
}

static int merge_face(const struct both *b, struct candidate *all, double *ratios,
                      struct identified *out) {
    size_t first = (size_t)b->i * (size_t)out->top;
    int64_t persons = b->in[0]->compared;
    int n, rc = collect(b, all, &n);

    if (rc) return rc;
    if (b->in[1]->compared > persons) persons = b->in[1]->compared;
    if (n > out->top) n = out->top;
    for (int k = 0; k < n; k++) {
        ratios[k] = all[k].ratio;
        out->matches[first + (size_t)k] = all[k].match;
        out->also[first + (size_t)k] = all[k].also;
    }
    judge_ratios(persons, ratios, n, out->probabilities + first);
    out->counts[b->i] = n;
    return MIEN_OK;
}

static int merge(struct both *b, int dims[2], struct identified *out) {
    size_t all = (size_t)out->n * (size_t)out->top + 1;
    struct candidate *candidates = calloc(2 * (size_t)out->top, sizeof *candidates);
    double *ratios = calloc((size_t)out->top, sizeof *ratios);
    const float *faces[2] = {b->face[0], b->face[1]};
    int rc = MIEN_OK;

    out->matches = calloc(all, sizeof *out->matches);
    out->probabilities = calloc(all, sizeof *out->probabilities);
    out->counts = calloc((size_t)out->n + 1, sizeof *out->counts);
    out->also = calloc(all, sizeof *out->also);
    if (!candidates || !ratios || !out->matches || !out->probabilities || !out->counts ||
        !out->also)
        rc = MIEN_ENOMEM;
    for (b->i = 0; b->i < out->n && rc == MIEN_OK; b->i++) {
        for (int side = 0; side < 2; side++)
            b->face[side] = faces[side] + (size_t)b->i * (size_t)dims[side];
        rc = merge_face(b, candidates, ratios, out);
    }
    free(candidates);
    free(ratios);
    return rc;
}

int identify_picture(mien_gallery *gallery, const struct identifying *in, const struct analysis *a,
                     struct identified *out) {
    const struct network *second = networks_giving_too(a->networks, MIEN_RESULT_EMBEDDING);
    const struct item *items[2] = {analysis_item(a, MIEN_RESULT_EMBEDDING),
                                   analysis_item_of(a, second)};
    struct both b = {.gallery = gallery, .in = {in, in->also}};
    struct identified found[2] = {{.n = 0}};
    int dims[2], rc = MIEN_OK;

    for (int side = 0; side < 2; side++) {
        dims[side] = items[side] ? item_width(items[side]->network) : 0;
        b.face[side] = items[side] ? items[side]->values : NULL;
    }
    if (!in->also || !items[0] || !items[1])
        return identify_faces(gallery, in, b.face[0], a->nfaces, dims[0], out);
    *out = (struct identified){.n = a->nfaces,
                               .top = in->top > IDENTIFY_RIVALS ? in->top : IDENTIFY_RIVALS};
    for (int side = 0; side < 2 && rc == MIEN_OK; side++) {
        rc = identify_faces(gallery, b.in[side], b.face[side], a->nfaces, dims[side], &found[side]);
        b.found[side] = &found[side];
    }
    if (rc == MIEN_OK) rc = merge(&b, dims, out);
    identified_free(&found[0]);
    identified_free(&found[1]);
    return rc;
}
