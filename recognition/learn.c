#include "recognition/learn.h"

#include "analysis/crop.h"

#include <stdlib.h>
#include <string.h>

/* A face, and whose it is. */
struct seen {
    int face;
    int64_t person;
};

static int is_good(const struct analysis *a, int i) {
    if (judge_too_small(&a->faces[i])) return 0;
    return a->measures && a->measures[i].known && !a->measures[i].quality.reasons;
}

/* Faces of whom it is sure who they are, by both contracts together. Two of one picture are not one
 * person. */
static int choose(const struct learning *l, const struct analysis *a,
                  const struct identified *found, struct seen *seen) {
    int n = 0, kept = 0;

    for (int i = 0; i < a->nfaces; i++) {
        struct identity identity = identify_judge(l->in, found, i);
        if (is_good(a, i) && !identity.reason && strcmp(identity.verdict, "likely the same") == 0 &&
            identity.probabilities[0] >= LEARN_CERTAIN)
            seen[n++] = (struct seen){i, identity.matches[0].person};
    }
    for (int i = 0; i < n; i++) {
        int others = 0;
        for (int j = 0; j < n; j++) others += j != i && seen[j].person == seen[i].person;
        if (!others) seen[kept++] = seen[i];
    }
    return kept;
}

/* Embedding of face i under the first contract, and the second. */
static const float *embedding(const struct analysis *a, int i, int second) {
    const struct item *item =
        second ? analysis_item_of(a, networks_giving_too(a->networks, MIEN_RESULT_EMBEDDING))
               : analysis_item(a, MIEN_RESULT_EMBEDDING);

    return item->values + (size_t)i * (size_t)item_width(item->network);
}

/* Whether the person lacks such a sample, and those there are do not speak against it. */
static int is_wanted(mien_gallery *gallery, const struct learning *l, const struct analysis *a,
                     const struct seen *s, int *wanted) {
    const struct identifying *new = l->in->also;
    mien_gallery_match before, now;
    int rc = mien_gallery_compare(gallery, s->person, l->in->contract, embedding(a, s->face, 0),
                                  &before);

    *wanted = 0;
    if (rc == MIEN_OK)
        rc =
            mien_gallery_compare(gallery, s->person, new->contract, embedding(a, s->face, 1), &now);
    if (rc == MIEN_GALLERY_ENOTFOUND) return MIEN_OK; /* deleted since */
    if (rc) return rc;
    *wanted =
        now.samples < before.samples && (!now.sample || (double)now.similarity >= new->limits.same);
    return MIEN_OK;
}

static int add(mien_gallery *gallery, const struct learning *l, const struct analysis *a,
               const struct seen *seen) {
    int i = seen->face, rc = MIEN_OK;
    const struct network *network = networks_giving_too(a->networks, MIEN_RESULT_EMBEDDING);
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .person = seen->person,
                             .contract = l->in->also->contract,
                             .embedding = embedding(a, i, 1),
                             .dims = item_width(network),
                             .quality = a->measures[i].quality.score,
                             .source = l->source,
                             .source_hash = l->hash};
    void *crop = NULL;

    memcpy(s.box, a->faces[i].box, sizeof s.box);
    if (l->keep_crops && crop_png(a, i, &crop, &s.crop_bytes)) rc = MIEN_ENOMEM;
    s.crop = crop;
    if (rc == MIEN_OK) rc = mien_gallery_samples_add(gallery, &s, 1, NULL);
    free(crop);
    return rc;
}

static int add_all(mien_gallery *gallery, const struct learning *l, const struct analysis *a,
                   const struct seen *seen, int n) {
    int rc = mien_gallery_begin_as(gallery, l->who);

    if (rc) return rc;
    for (int i = 0; i < n && rc == MIEN_OK; i++) rc = add(gallery, l, a, &seen[i]);
    if (rc == MIEN_OK) return mien_gallery_commit(gallery);
    mien_gallery_rollback(gallery);
    return rc;
}

int learn_faces(mien_gallery *gallery, const struct learning *l, const struct analysis *a,
                const struct identified *found, int *n) {
    struct seen *seen = calloc((size_t)a->nfaces + 1, sizeof *seen);
    int64_t known = 0;
    int sure, kept = 0, rc = seen ? MIEN_OK : MIEN_ENOMEM;

    *n = 0;
    sure = rc || !l->in->also ? 0 : choose(l, a, found, seen);
    if (sure && l->hash)
        rc = mien_gallery_source_find(gallery, l->in->collection, l->in->also->contract, l->hash,
                                      &known);
    for (int i = 0; i < sure && !known && rc == MIEN_OK; i++) {
        int wanted;
        rc = is_wanted(gallery, l, a, &seen[i], &wanted);
        if (rc == MIEN_OK && wanted) seen[kept++] = seen[i];
    }
    if (kept && rc == MIEN_OK) rc = add_all(gallery, l, a, seen, kept);
    if (rc == MIEN_OK) *n = kept;
    free(seen);
    return rc;
}
