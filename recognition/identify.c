#include "recognition/identify.h"

#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "recognition/person.h"

#include <stdlib.h>

static mien_gallery_identify_options search_options(const struct identifying *in) {
    return (mien_gallery_identify_options){
        .struct_size = sizeof(mien_gallery_identify_options), .by = in->by, .where = in->where};
}

int identify_limits(mien_gallery *gallery, const struct network *embedder, const double *same,
                    struct identifying *in) {
    const mien_gallery_identify_options options = search_options(in);
    double one = same ? *same : (double)embedder->info.same_person;
    int64_t n = 0;
    int rc = in->collection && in->contract
                 ? mien_gallery_comparisons(gallery, in->collection, in->contract, &options, &n)
                 : MIEN_OK;

    if (rc) return rc;
    in->is_measured = !same && judge_crowd(embedder->net, in->fpir, n, &in->limits) == 0;
    if (!in->is_measured) in->limits = (struct judge_limits){one, one - JUDGE_MARGIN};
    return MIEN_OK;
}

int identify_faces(mien_gallery *gallery, const struct identifying *in, const float *embeddings,
                   int n, struct identified *out) {
    const mien_gallery_identify_options options = search_options(in);

    *out = (struct identified){.n = n, .top = in->top};
    out->matches = calloc((size_t)n * (size_t)in->top + 1, sizeof *out->matches);
    out->counts = calloc((size_t)n + 1, sizeof *out->counts);
    if (!out->matches || !out->counts) return MIEN_ENOMEM;
    if (n == 0 || !in->contract || !in->collection) return MIEN_OK;
    return mien_gallery_identify(gallery, in->collection, in->contract, embeddings, n, in->top,
                                 &options, out->matches, out->counts);
}

void identified_free(struct identified *found) {
    free(found->matches);
    free(found->counts);
    *found = (struct identified){.n = 0};
}

struct identity identify_judge(const struct identifying *in, const struct identified *found,
                               int i) {
    struct identity a = {.matches = found->matches + (size_t)i * (size_t)found->top,
                         .n = found->counts[i],
                         .verdict = "unknown"};
    double best = a.n ? (double)a.matches[0].similarity : -1;

    if (a.n && best >= in->limits.same)
        a.verdict = "likely the same";
    else if (a.n && best >= in->limits.unsure)
        a.verdict = "unsure";
    else
        a.reason = a.n ? "not_alike" : "nobody_enrolled";
    return a;
}

static json_t *match_json(mien_gallery *gallery, const mien_gallery_match *match, int *failed) {
    char name[PERSON_NAME];
    json_t *object = json_object();

    json_value_set(object, "person", gallery_json_id(match->person), failed);
    json_value_set(object, "name", json_value_text(person_name(gallery, match->person, name)),
                   failed);
    json_value_set(object, "sample", gallery_json_id(match->sample), failed);
    json_value_set(object, "similarity", result_score(match->similarity), failed);
    return object;
}

void identify_add_identity(json_t *object, mien_gallery *gallery, const struct identity *identity,
                           int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < identity->n; i++)
        json_value_append(list, match_json(gallery, &identity->matches[i], failed), failed);
    json_value_set(object, "verdict", json_string(identity->verdict), failed);
    if (identity->reason) json_value_set(object, "reason", json_string(identity->reason), failed);
    json_value_set(object, "matches", list, failed);
}

void identify_add_limits(json_t *object, const struct identifying *in, int *failed) {
    json_value_set(object, "threshold", json_value_number(in->limits.same, 6), failed);
    if (in->is_measured) json_value_set(object, "fpir", json_value_number(in->fpir, 6), failed);
}

void identify_add_picture(json_t *object, mien_gallery *gallery, const struct identifying *in,
                          const struct analysis *a, const struct identified *found, int *failed) {
    json_t *list = json_array();

    result_add_size(object, a, failed);
    identify_add_limits(object, in, failed);
    for (int i = 0; i < a->nfaces; i++) {
        struct identity identity = identify_judge(in, found, i);
        json_t *face = result_found(&a->faces[i], failed);
        identify_add_identity(face, gallery, &identity, failed);
        json_value_append(list, face, failed);
    }
    json_value_set(object, "faces", list, failed);
}
