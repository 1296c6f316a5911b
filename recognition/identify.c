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
    in->compared = n;
    in->embedder = judge_crowd(embedder->net, in->fpir, n, &in->limits) ? NULL : embedder->net;
    in->is_measured = !same && in->embedder;
    if (!in->is_measured) in->limits = (struct judge_limits){one, one - JUDGE_MARGIN};
    return MIEN_OK;
}

/* A sample that is the most alike of several says no more than if it were alone. */
static int set_probabilities(const struct identifying *in, struct identified *found, int i) {
    size_t first = (size_t)i * (size_t)found->top;
    int n = found->counts[i], rc = MIEN_OK;
    float *similarities = calloc((size_t)n + 1, sizeof *similarities);
    int *samples = calloc((size_t)n + 1, sizeof *samples);

    for (int k = 0; k < n && similarities && samples; k++) {
        const mien_gallery_match *match = &found->matches[first + (size_t)k];
        similarities[k] = match->similarity;
        samples[k] = in->by == MIEN_GALLERY_BY_TEMPLATE ? match->samples : 1;
    }
    if (!similarities || !samples)
        rc = MIEN_ENOMEM;
    else
        rc = judge_probabilities(in->embedder, in->compared, similarities, samples, n,
                                 found->probabilities + first);
    free(similarities);
    free(samples);
    return rc;
}

/* As many faces at a time as share a pass over the rows. */
static int search(mien_gallery *gallery, const struct identifying *in, const float *embeddings,
                  int dims, struct identified *out) {
    enum { AT_ONCE = 64 };
    const mien_gallery_identify_options options = search_options(in);
    int rc = MIEN_OK;

    for (int i = 0, n; i < out->n && rc == MIEN_OK; i += n) {
        n = out->n - i < AT_ONCE ? out->n - i : AT_ONCE;
        if (in->stop && in->stop(in->context)) return 1;
        rc = mien_gallery_identify(gallery, in->collection, in->contract,
                                   embeddings + (size_t)i * (size_t)dims, n, out->top, &options,
                                   out->matches + (size_t)i * (size_t)out->top, out->counts + i);
    }
    return rc;
}

int identify_faces(mien_gallery *gallery, const struct identifying *in, const float *embeddings,
                   int n, int dims, struct identified *out) {
    size_t all;
    int rc;

    *out =
        (struct identified){.n = n, .top = in->top > IDENTIFY_RIVALS ? in->top : IDENTIFY_RIVALS};
    all = (size_t)n * (size_t)out->top + 1;
    out->matches = calloc(all, sizeof *out->matches);
    out->counts = calloc((size_t)n + 1, sizeof *out->counts);
    if (in->embedder) out->probabilities = calloc(all, sizeof *out->probabilities);
    if (!out->matches || !out->counts || (in->embedder && !out->probabilities)) return MIEN_ENOMEM;
    if (!in->contract || !in->collection) return MIEN_OK;
    rc = search(gallery, in, embeddings, dims, out);
    for (int i = 0; i < n && rc == MIEN_OK && in->embedder; i++) rc = set_probabilities(in, out, i);
    return rc;
}

void identified_free(struct identified *found) {
    free(found->matches);
    free(found->probabilities);
    free(found->counts);
    free(found->also);
    *found = (struct identified){.n = 0};
}

/* The limits of the contract under which the k-th was found. */
static const struct judge_limits *limits_of(const struct identity *a, int k) {
    return a->also && a->also[k] ? &a->in->also->limits : &a->in->limits;
}

/* The runner-up is alike enough, too, and at least half as likely. */
static int is_like_another(const struct identity *a) {
    return a->probabilities && a->n > 1 &&
           (double)a->matches[1].similarity >= limits_of(a, 1)->same &&
           2 * a->probabilities[1] >= a->probabilities[0];
}

struct identity identify_judge(const struct identifying *in, const struct identified *found,
                               int i) {
    size_t first = (size_t)i * (size_t)found->top;
    struct identity a = {.matches = found->matches + first,
                         .probabilities =
                             found->probabilities ? found->probabilities + first : NULL,
                         .also = found->also ? found->also + first : NULL,
                         .in = in,
                         .n = found->counts[i],
                         .verdict = "unknown"};
    const struct judge_limits *limits = limits_of(&a, 0);
    double best = a.n ? (double)a.matches[0].similarity : -1;

    a.shown = a.n < in->top ? a.n : in->top;
    if (a.n && best >= limits->same) {
        a.reason = is_like_another(&a) ? "like_another" : NULL;
        a.verdict = a.reason ? "unsure" : "likely the same";
    } else if (a.n && best >= limits->unsure) {
        a.verdict = "unsure";
    } else {
        a.reason = a.n ? "not_alike" : "nobody_enrolled";
    }
    return a;
}

static json_t *match_json(mien_gallery *gallery, const struct identity *identity, int i,
                          int *failed) {
    const mien_gallery_match *match = &identity->matches[i];
    char name[PERSON_NAME];
    json_t *object = json_object();

    json_value_set(object, "person", gallery_json_id(match->person), failed);
    json_value_set(object, "name", json_value_text(person_name(gallery, match->person, name)),
                   failed);
    json_value_set(object, "sample", gallery_json_id(match->sample), failed);
    json_value_set(object, "similarity", result_score(match->similarity), failed);
    if (identity->probabilities)
        json_value_set(object, "probability", json_value_number(identity->probabilities[i], 4),
                       failed);
    if (identity->also)
        json_value_set(
            object, "embedder",
            json_value_text(identity->also[i] ? identity->in->also->name : identity->in->name),
            failed);
    return object;
}

void identify_add_identity(json_t *object, mien_gallery *gallery, const struct identity *identity,
                           int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < identity->shown; i++)
        json_value_append(list, match_json(gallery, identity, i, failed), failed);
    json_value_set(object, "verdict", json_string(identity->verdict), failed);
    if (identity->reason) json_value_set(object, "reason", json_string(identity->reason), failed);
    json_value_set(object, "matches", list, failed);
}

static json_t *also_json(const struct identifying *also, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "embedder", json_value_text(also->name), failed);
    json_value_set(object, "threshold", json_value_number(also->limits.same, 6), failed);
    return object;
}

void identify_add_limits(json_t *object, const struct identifying *in, int *failed) {
    json_value_set(object, "threshold", json_value_number(in->limits.same, 6), failed);
    if (in->is_measured) json_value_set(object, "fpir", json_value_number(in->fpir, 6), failed);
    if (in->embedder) json_value_set(object, "prior", json_value_number(JUDGE_PRIOR, 6), failed);
    if (in->also) json_value_set(object, "also", also_json(in->also, failed), failed);
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
