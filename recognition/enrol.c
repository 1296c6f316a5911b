#include "recognition/enrol.h"

#include <stdio.h>
#include <string.h>

const char *const ENROL_OUTCOMES[] = {"enrolled", "known", "refused"};

static int failed(struct enrolled *out, int rc) {
    snprintf(out->why, sizeof out->why, "%s", mien_gallery_error());
    return rc;
}

static int refuse(struct enrolled *out, const char *reason, const char *sentence) {
    out->outcome = ENROL_REFUSED;
    out->reason = reason;
    snprintf(out->why, sizeof out->why, "%s", sentence);
    return MIEN_OK;
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
    if (strcmp(out->name, e->person) == 0 || strcmp(id, e->person) == 0) return MIEN_OK;
    out->outcome = ENROL_REFUSED;
    out->reason = "other_person";
    return MIEN_OK;
}

static int largest(const struct analysis *a) {
    int best = 0;
    float most = -1;

    for (int i = 0; i < a->nfaces; i++) {
        const float *b = a->faces[i].box;
        float area = (b[2] - b[0]) * (b[3] - b[1]);
        if (area > most) best = i;
        if (area > most) most = area;
    }
    return best;
}

/* The person, who is made where there is none; within a transaction. */
static int use_person(mien_gallery *gallery, const struct enrolment *e, struct enrolled *out) {
    mien_gallery_person made = {
        .struct_size = sizeof made, .collection = e->collection, .name = e->person};
    int rc = person_find(gallery, e->collection, e->person, 1, &out->person, out->why);

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

int enrol_face(mien_gallery *gallery, const struct enrolment *e, const struct analysis *a,
               struct enrolled *out) {
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    int face = largest(a), is_known, rc;
    char sentence[128];

    *out = (struct enrolled){.outcome = ENROL_DONE, .quality = -1};
    if (a->nfaces == 0) return refuse(out, "no_face", "no face was found");
    if (a->nfaces > 1 && !e->force) {
        snprintf(sentence, sizeof sentence, "several faces were found: %s takes the largest",
                 e->how_to_force);
        return refuse(out, "several_faces", sentence);
    }
    rc = enrol_known(gallery, e, out, &is_known);
    if (rc || is_known) return rc;
    int width = item_width(item->network);
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .contract = e->contract,
                             .embedding = item->values + (size_t)face * (size_t)width,
                             .dims = width,
                             .quality = -1,
                             .source = e->source,
                             .source_hash = e->hash,
                             .external_id = e->external_id,
                             .metadata = e->metadata};
    out->outcome = ENROL_DONE;
    if (a->nfaces > 1)
        snprintf(out->forced, sizeof out->forced, "the largest of %d faces", a->nfaces);
    s.forced = out->forced[0] ? out->forced : NULL;
    memcpy(s.box, a->faces[face].box, sizeof s.box);
    if (a->measures && a->measures[face].known) s.quality = a->measures[face].quality.score;
    out->quality = s.quality;
    return store(gallery, e, &s, out);
}
