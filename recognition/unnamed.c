#include "recognition/unnamed.h"

#include "analysis/crop.h"
#include "analysis/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of two strangers, where few faces are compared: a group grows by several scores. */
#define JOIN_RATE 1e-5
/* Above the similarity of one person, for embedders that were not measured: as the default's. */
#define JOIN_ABOVE 0.15

static int is_poor(const struct analysis *a, int i) {
    if (judge_too_small(&a->faces[i])) return 1;
    return a->measures && (!a->measures[i].known || a->measures[i].quality.reasons);
}

static int add(mien_gallery *gallery, const struct unnamed_picture *p,
               const mien_gallery_sample *faces, struct unnamed_added *out) {
    int rc = mien_gallery_begin_as(gallery, p->who);

    if (rc) return rc;
    rc = mien_gallery_faces_add(gallery, p->collection, faces, out->added, out->samples);
    if (rc)
        mien_gallery_rollback(gallery);
    else
        rc = mien_gallery_commit(gallery);
    return rc;
}

/* Face i as a sample, whose crop is to be freed. */
static int describe(const struct unnamed_picture *p, const struct analysis *a, int i,
                    mien_gallery_sample *s) {
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    int width = item_width(item->network);
    void *crop = NULL;

    *s = (mien_gallery_sample){.struct_size = sizeof *s,
                               .contract = p->contract,
                               .embedding = item->values + (size_t)i * (size_t)width,
                               .dims = width,
                               .quality = -1,
                               .source = p->source,
                               .source_hash = p->hash};
    memcpy(s->box, a->faces[i].box, sizeof s->box);
    if (a->measures && a->measures[i].known) s->quality = a->measures[i].quality.score;
    if (p->keep_crops && crop_png(a, i, &crop, &s->crop_bytes)) return MIEN_ENOMEM;
    s->crop = crop;
    return MIEN_OK;
}

int unnamed_add(mien_gallery *gallery, const struct unnamed_picture *p, const struct analysis *a,
                struct unnamed_added *out) {
    mien_gallery_sample *faces = calloc((size_t)a->nfaces + 1, sizeof *faces);
    int64_t known = 0;
    int rc = MIEN_OK;

    *out = (struct unnamed_added){.samples = calloc((size_t)a->nfaces + 1, sizeof *out->samples)};
    if (!faces || !out->samples) rc = MIEN_ENOMEM;
    if (rc == MIEN_OK && p->hash)
        rc = mien_gallery_source_find(gallery, p->collection, p->contract, p->hash, &known);
    out->known = known != 0;
    for (int i = 0; i < a->nfaces && rc == MIEN_OK && !known; i++) {
        if (!p->force && is_poor(a, i)) {
            out->poor++;
            continue;
        }
        rc = describe(p, a, i, &faces[out->added]);
        out->added += rc == MIEN_OK;
    }
    if (rc == MIEN_OK && out->added) rc = add(gallery, p, faces, out);
    for (int i = 0; faces && i < out->added; i++) free((void *)(uintptr_t)faces[i].crop);
    free(faces);
    return rc;
}

double unnamed_join(const struct network *embedder, int64_t faces) {
    double rate = fmin(JOIN_RATE, 1 / (double)(faces > 1 ? faces : 1)), at;
    float measured;

    if (mien_impostor_similarity(embedder->net, rate, &measured))
        at = (double)embedder->info.same_person + JOIN_ABOVE;
    else
        at = (double)measured;
    return fmin(fmax(at, 0.01), 1);
}

struct counted {
    int64_t collection, samples;
};

static int count_samples(void *context, const mien_gallery_collection *c) {
    struct counted *counted = context;

    if (c->id == counted->collection) counted->samples = c->samples;
    return 0;
}

int unnamed_count(mien_gallery *gallery, int64_t collection, int64_t *faces) {
    struct counted counted = {.collection = collection};
    int rc = mien_gallery_collections(gallery, count_samples, &counted);

    *faces = counted.samples;
    return rc;
}
