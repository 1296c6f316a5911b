#include "recognition/enrol.h"

#include "analysis/crop.h"
#include "common/json_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const ENROL_OUTCOMES[] = {"enrolled", "known", "refused"};

static int failed(struct enrolled *out, int rc) {
    snprintf(out->why, sizeof out->why, "%s", mien_gallery_error());
    return rc;
}

static int see_sample(void *context, const mien_gallery_sample *s) {
    ((struct enrolled *)context)->person = s->person;
    return 0;
}

static int see_person(void *context, const mien_gallery_person *p) {
    struct enrolled *out = context;

    snprintf(out->name, sizeof out->name, "%s", p->name);
    return 0;
}

int enrol_known(mien_gallery *gallery, const struct enrolment *e, struct enrolled *out,
                int *is_known) {
    char id[MIEN_GALLERY_ID_SIZE];
    int rc;

    *out = (struct enrolled){.outcome = ENROL_KNOWN, .quality = -1};
    *is_known = 0;
    if (!e->hash) return MIEN_OK;
    rc = mien_gallery_source_find(gallery, e->collection, e->contract, e->hash, &out->sample);
    if (rc) return failed(out, rc);
    if (!out->sample) return MIEN_OK;
    *is_known = 1;
    rc = mien_gallery_sample_get(gallery, out->sample, see_sample, out);
    if (rc == MIEN_OK) rc = mien_gallery_person_get(gallery, out->person, see_person, out);
    if (rc) return failed(out, rc);
    mien_gallery_id_text(out->person, id);
    if (*out->name)
        snprintf(out->why, sizeof out->why, "was enrolled already, for %s", out->name);
    else
        snprintf(out->why, sizeof out->why,
                 "is in the gallery already, for person %s without a name", id);
    if (strcmp(out->name, e->person) == 0 || (!e->is_name && strcmp(id, e->person) == 0))
        return MIEN_OK;
    out->outcome = ENROL_REFUSED;
    out->reason = "other_person";
    return MIEN_OK;
}

static int find_person(mien_gallery *gallery, const struct enrolment *e, int64_t *person,
                       char why[PERSON_WHY]) {
    if (e->is_name) return person_find_name(gallery, e->collection, e->person, 1, person, why);
    return person_find(gallery, e->collection, e->person, 1, person, why);
}

/* The person, who is made where there is none; within a transaction. */
static int use_person(mien_gallery *gallery, const struct enrolment *e, struct enrolled *out) {
    mien_gallery_person made = {
        .struct_size = sizeof made, .collection = e->collection, .name = e->person};
    int rc = find_person(gallery, e, &out->person, out->why);

    if (rc || out->person) return rc;
    rc = mien_gallery_person_add(gallery, &made, &out->person);
    return rc ? failed(out, rc) : MIEN_OK;
}

static int add(mien_gallery *gallery, const struct enrolment *e, mien_gallery_sample *sample,
               struct enrolled *out) {
    int rc = use_person(gallery, e, out);

    if (rc) return rc;
    sample->person = out->person;
    rc = mien_gallery_samples_add(gallery, sample, 1, &out->sample);
    if (rc == MIEN_OK) rc = mien_gallery_person_get(gallery, out->person, see_person, out);
    return rc ? failed(out, rc) : MIEN_OK;
}

static int store(mien_gallery *gallery, const struct enrolment *e, mien_gallery_sample *sample,
                 struct enrolled *out) {
    int rc = mien_gallery_begin_as(gallery, e->who);

    if (rc) return failed(out, rc);
    rc = add(gallery, e, sample, out);
    if (rc) {
        mien_gallery_rollback(gallery);
    } else {
        rc = mien_gallery_commit(gallery);
        if (rc) failed(out, rc);
    }
    return rc;
}

/* A sample that is somebody else's is found as such, whatever that person's others are. */
static const mien_gallery_identify_options BY_SAMPLE = {.struct_size = sizeof BY_SAMPLE,
                                                        .by = MIEN_GALLERY_BY_SAMPLE};

static int is_named(void *context, const mien_gallery_person *p) {
    *(int *)context = p->name[0] != '\0';
    return 0;
}

/* The first of n matches that is another person, who has a name: unnamed faces may well be this
 * person's. */
static const mien_gallery_match *
first_other(mien_gallery *gallery, const mien_gallery_match *matches, int n, int64_t person) {
    for (int i = 0; i < n; i++) {
        int named = 0;
        if (matches[i].person == person) continue;
        mien_gallery_person_get(gallery, matches[i].person, is_named, &named);
        if (named) return &matches[i];
    }
    return NULL;
}

/* The other person most like a face, from a similarity on; similarity GATE_NONE: there is none. */
static int find_other(mien_gallery *gallery, const struct enrolment *e, const float *embedding,
                      int64_t person, double least, mien_gallery_match *other) {
    int n = 0, k = 4, rc = MIEN_OK, more = 1;

    *other = (mien_gallery_match){.similarity = (float)GATE_NONE};
    while (more && rc == MIEN_OK) {
        mien_gallery_match *matches = calloc((size_t)k, sizeof *matches);
        const mien_gallery_match *found = NULL;
        if (!matches) return MIEN_ENOMEM; /* enrol_face() says so */
        rc = mien_gallery_identify(gallery, e->collection, e->contract, embedding, 1, k, &BY_SAMPLE,
                                   matches, &n);
        if (rc == MIEN_OK) found = first_other(gallery, matches, n, person);
        if (found) *other = *found;
        more = !found && n == k && k < 4 << 12 && (double)matches[n - 1].similarity >= least;
        free(matches);
        k *= 8;
    }
    return rc;
}

/* What those who are enrolled say of a face that is to be one of `person`, 0: of somebody new. */
static int ask_others(mien_gallery *gallery, const struct enrolment *e,
                      const struct network *embedder, const float *embedding, int64_t person,
                      struct gate *gate) {
    mien_gallery_match own = {.similarity = -1}, other;
    struct gate_limits limits;
    char name[PERSON_NAME] = "";
    int64_t samples = 0;
    int rc = MIEN_OK;

    if (person) rc = mien_gallery_compare(gallery, person, e->contract, embedding, &own);
    if (rc == MIEN_OK)
        rc = mien_gallery_comparisons(gallery, e->collection, e->contract, &BY_SAMPLE, &samples);
    if (rc) return rc;
    limits = gate_limits(embedder->net, (double)embedder->info.same_person, samples);
    rc = find_other(gallery, e, embedding, person, limits.another, &other);
    if (rc) return rc;
    if (other.person) person_name(gallery, other.person, name);
    gate_compare(gate, &limits, own.sample ? (double)own.similarity : GATE_NONE,
                 (double)other.similarity, name);
    return MIEN_OK;
}

static int refuse(const struct enrolment *e, const struct gate *gate, struct enrolled *out) {
    char sentence[GATE_SENTENCE];
    const char *what =
        gate->reasons == 1U << GATE_SEVERAL_FACES ? "takes the largest" : "enrols it nevertheless";

    out->outcome = ENROL_REFUSED;
    for (int i = GATE_REASONS - 1; i >= 0; i--)
        if (gate->reasons >> i & 1) out->reason = gate_reason_name(i);
    gate_sentence(gate, 0, sentence);
    if (gate->face < 0 || !e->how_to_force)
        snprintf(out->why, sizeof out->why, "%s", sentence);
    else
        snprintf(out->why, sizeof out->why, "%s: %s %s", sentence, e->how_to_force, what);
    return MIEN_OK;
}

/* The gate lets it in. */
static int enrol(mien_gallery *gallery, const struct enrolment *e, const struct analysis *a,
                 const struct gate *gate, struct enrolled *out) {
    mien_gallery_sample s = {
        .struct_size = sizeof s,
        .contract = e->contract,
        .embedding = analysis_embedding(a, gate->face),
        .dims = item_width(analysis_item(a, MIEN_RESULT_EMBEDDING)->network),
        .quality = gate->quality,
        .source = e->source,
        .source_hash = e->hash,
        .external_id = e->external_id,
        .metadata = e->metadata,
        .forced = out->forced[0] ? out->forced : NULL,
    };
    void *crop = NULL;
    int rc = e->keep_crop ? crop_png(a, gate->face, &crop, &s.crop_bytes) : MIEN_OK;

    memcpy(s.box, a->faces[gate->face].box, sizeof s.box);
    s.crop = crop;
    out->outcome = ENROL_DONE;
    out->quality = s.quality;
    if (rc)
        snprintf(out->why, sizeof out->why, "%s", mien_error());
    else
        rc = store(gallery, e, &s, out);
    free(crop);
    return rc;
}

int enrol_face(mien_gallery *gallery, const struct enrolment *e, const struct analysis *a,
               struct enrolled *out) {
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    struct gate gate;
    int64_t person;
    int is_known, rc;

    gate_look(&gate, a);
    *out = (struct enrolled){.quality = -1, .reasons = gate.reasons};
    if (gate.face < 0) return refuse(e, &gate, out);
    rc = enrol_known(gallery, e, out, &is_known);
    if (rc || is_known) return rc;
    rc = find_person(gallery, e, &person, out->why);
    if (rc) return rc;
    rc = ask_others(gallery, e, item->network, analysis_embedding(a, gate.face), person, &gate);
    if (rc) failed(out, rc);
    if (rc == MIEN_ENOMEM) snprintf(out->why, sizeof out->why, "out of memory");
    if (rc) return rc;
    out->reasons = gate.reasons;
    if (gate.reasons & ~e->allowed && !e->force) return refuse(e, &gate, out);
    gate_sentence(&gate, 1, out->forced);
    return enrol(gallery, e, a, &gate, out);
}

json_t *enrolled_reasons(const struct enrolled *done, int *failed) {
    json_t *list = gate_reasons_json(done->reasons, failed);

    if (done->reason && json_array_size(list) == 0) /* not the gate's */
        json_value_append(list, json_string(done->reason), failed);
    return list;
}
