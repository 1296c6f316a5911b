/* Faces in Rekognition's shapes: those of a picture, and those that are kept. */
#include "analysis/judge.h"
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "server/apis/rekognition.h"
#include "server/reply.h"
#include "server/server.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of its samples' metadata. */
#define METADATA "rekognition"

static json_t *ratio(double v) {
    return json_value_number(v, 6);
}

static json_t *percent(double share) {
    return json_value_number(100 * share, 4);
}

json_t *rekognition_box(const struct analysis *a, const mien_face *face, int *failed) {
    json_t *object = json_object();
    double w = a->width, h = a->height;

    json_value_set(object, "Width", ratio(((double)face->box[2] - (double)face->box[0]) / w),
                   failed);
    json_value_set(object, "Height", ratio(((double)face->box[3] - (double)face->box[1]) / h),
                   failed);
    json_value_set(object, "Left", ratio((double)face->box[0] / w), failed);
    json_value_set(object, "Top", ratio((double)face->box[1] / h), failed);
    return object;
}

static json_t *landmarks_json(const struct analysis *a, const mien_face *face, int *failed) {
    static const char *const names[5] = {"eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"};
    json_t *list = json_array();

    for (int i = 0; i < 5; i++) {
        json_t *one = json_object();
        json_value_set(one, "Type", json_string(names[i]), failed);
        json_value_set(one, "X", ratio((double)face->landmarks[i][0] / a->width), failed);
        json_value_set(one, "Y", ratio((double)face->landmarks[i][1] / a->height), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *pose_json(const struct measures *m, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "Roll", json_value_number((double)m->pose[2], 3), failed);
    json_value_set(object, "Yaw", json_value_number((double)m->pose[1], 3), failed);
    json_value_set(object, "Pitch", json_value_number((double)m->pose[0], 3), failed);
    return object;
}

static json_t *quality_json(const struct analysis *a, int i, int *failed) {
    const mien_quality *q = &a->measures[i].quality;
    json_t *object = json_object();

    json_value_set(object, "Brightness", percent((double)q->brightness), failed);
    json_value_set(object, "Sharpness", percent((double)q->sharpness), failed);
    return object;
}

static double number(const json_t *object, const char *name) {
    return json_number_value(json_object_get(object, name));
}

/* {"Value": value, "Confidence": percent} */
static json_t *judged_json(json_t *value, double share, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "Value", value, failed);
    json_value_set(object, "Confidence", percent(share), failed);
    return object;
}

static json_t *emotions_json(const json_t *told, int *failed) {
    static const struct {
        const char *ours, *theirs;
    } names[] = {
        {"angry", "ANGRY"}, {"disgusted", "DISGUSTED"}, {"fearful", "FEAR"}, {"happy", "HAPPY"},
        {"sad", "SAD"},     {"surprised", "SURPRISED"}, {"neutral", "CALM"}};
    const json_t *shares = json_object_get(told, "distribution");
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *one;
        if (!json_object_get(shares, names[i].ours)) continue;
        one = json_object();
        json_value_set(one, "Type", json_string(names[i].theirs), failed);
        json_value_set(one, "Confidence", percent(number(shares, names[i].ours)), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static void add_attributes(json_t *object, const struct analysis *a, int i, int *failed) {
    json_t *ours = result_face(a, i, failed), *one;
    const json_t *age = json_object_get(ours, "age_range"), *told;

    if (age) {
        one = json_object();
        json_value_set(one, "Low", json_integer(lrint(floor(number(age, "low")))), failed);
        json_value_set(one, "High", json_integer(lrint(ceil(number(age, "high")))), failed);
        json_value_set(object, "AgeRange", one, failed);
    }
    told = json_object_get(ours, "gender");
    if (told) {
        const char *value = json_string_value(json_object_get(told, "value"));
        int is_male = value && strcmp(value, "male") == 0;
        json_value_set(object, "Gender",
                       judged_json(json_string(is_male ? "Male" : "Female"),
                                   number(told, "probability"), failed),
                       failed);
    }
    told = json_object_get(ours, "emotion");
    if (told) json_value_set(object, "Emotions", emotions_json(told, failed), failed);
    told = json_object_get(ours, "mask");
    if (told) {
        double worn = number(told, "probability");
        json_value_set(object, "FaceOccluded",
                       judged_json(json_boolean(worn >= 0.5), fmax(worn, 1 - worn), failed),
                       failed);
    }
    json_decref(ours);
}

json_t *rekognition_detail(const struct picture *p, int i, int all, int *failed) {
    const struct analysis *a = p->analysis;
    const mien_face *face = &a->faces[i];
    json_t *object = json_object();

    json_value_set(object, "BoundingBox", rekognition_box(a, face, failed), failed);
    json_value_set(object, "Confidence", percent((double)face->score), failed);
    json_value_set(object, "Landmarks", landmarks_json(a, face, failed), failed);
    if (a->measures && a->measures[i].known) {
        json_value_set(object, "Pose", pose_json(&a->measures[i], failed), failed);
        json_value_set(object, "Quality", quality_json(a, i, failed), failed);
    }
    if (all) add_attributes(object, a, i, failed);
    return object;
}

json_t *rekognition_reasons(const struct analysis *a, int i, const char *filter, int *failed) {
    static const struct {
        enum mien_quality_reason from;
        const char *to;
    } reasons[] = {{MIEN_QUALITY_SMALL, "SMALL_BOUNDING_BOX"},
                   {MIEN_QUALITY_BLURRED, "LOW_SHARPNESS"},
                   {MIEN_QUALITY_DARK, "LOW_BRIGHTNESS"},
                   {MIEN_QUALITY_TURNED, "EXTREME_POSE"}};
    const struct item *embedding = analysis_item(a, MIEN_RESULT_EMBEDDING);
    double least = 0;
    struct measures m;
    unsigned told = 0;
    json_t *list;

    if (!filter || strcmp(filter, "NONE") == 0) return NULL;
    if (strcmp(filter, "MEDIUM") == 0) least = 0.5;
    if (strcmp(filter, "HIGH") == 0) least = 0.8;
    m = a->measures ? a->measures[i] : (struct measures){.known = 0};
    if (m.known && embedding && embedding->norms)
        mien_quality_add_norm(embedding->network->net, embedding->norms[i], &m.quality);
    if (m.known && !m.quality.reasons && (double)m.quality.score >= least) return NULL;
    list = json_array();
    for (size_t k = 0; k < sizeof reasons / sizeof *reasons; k++) {
        if (!m.known || !(m.quality.reasons >> reasons[k].from & 1)) continue;
        json_value_append(list, json_string(reasons[k].to), failed);
        told |= 1U << reasons[k].from;
    }
    if (!m.known || m.quality.reasons & ~told || json_array_size(list) == 0)
        json_value_append(list, json_string("LOW_FACE_QUALITY"), failed);
    return list;
}

int *rekognition_order(struct request *r, const struct analysis *a) {
    int *order = calloc((size_t)a->nfaces + 1, sizeof *order);

    if (!order) reply_error(r, 500, "internal", "the server is out of memory");
    for (int i = 0; i < a->nfaces && order; i++) {
        int k = i;
        for (; k > 0 && faces_area(&a->faces[order[k - 1]]) < faces_area(&a->faces[i]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    return order;
}

double rekognition_score(const struct request *r, double similarity) {
    return scale_score(&REKOGNITION_SCALE,
                       networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING)->net,
                       similarity);
}

double rekognition_similarity(const struct request *r, double score) {
    return scale_similarity(&REKOGNITION_SCALE,
                            networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING)->net,
                            score);
}

/* Faces that are kept. */

/* A picture's id: the first bytes of its hash as a UUID of version 8. */
static char *image_id(const uint8_t hash[MIEN_GALLERY_HASH_SIZE], char out[UUID_SIZE]) {
    char *at = out;

    for (int i = 0; i < 16; i++) {
        unsigned byte = hash[i];
        if (i == 6) byte = 0x80 | (byte & 0x0f);
        if (i == 8) byte = 0x80 | (byte & 0x3f);
        at += snprintf(at, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte);
    }
    return out;
}

static json_t *kept_json(const mien_gallery_sample *s, int *failed) {
    static const uint8_t nothing[MIEN_GALLERY_HASH_SIZE];
    json_t *object = json_object(), *all = NULL;
    const json_t *ours;
    char id[UUID_SIZE];

    if (s->metadata) all = json_loads(s->metadata, 0, NULL);
    ours = json_object_get(all, METADATA);
    json_value_set(object, "FaceId", json_string(uuid_text(s->id, id)), failed);
    json_value_set(object, "ImageId",
                   json_string(image_id(s->source_hash ? s->source_hash : nothing, id)), failed);
    if (s->external_id)
        json_value_set(object, "ExternalImageId", json_value_text(s->external_id), failed);
    if (json_object_get(ours, "BoundingBox"))
        json_value_set(object, "BoundingBox", json_incref(json_object_get(ours, "BoundingBox")),
                       failed);
    if (json_object_get(ours, "Confidence"))
        json_value_set(object, "Confidence", json_incref(json_object_get(ours, "Confidence")),
                       failed);
    json_value_set(object, "IndexFacesModelVersion", json_string(mien_version()), failed);
    json_decref(all);
    return object;
}

int rekognition_copy(struct rekognition_face *face, const mien_gallery_sample *s, int with_values) {
    int failed = 0;

    *face = (struct rekognition_face){
        .id = s->id, .person = s->person, .contract = s->contract, .dims = s->dims};
    if (with_values) face->values = malloc((size_t)s->dims * sizeof *face->values);
    if (face->values) memcpy(face->values, s->embedding, (size_t)s->dims * sizeof *face->values);
    face->json = kept_json(s, &failed);
    if (face->json && !failed && (face->values || !with_values)) return 0;
    rekognition_forget(face);
    return MIEN_ENOMEM;
}

void rekognition_forget(struct rekognition_face *face) {
    free(face->values);
    json_decref(face->json);
    *face = (struct rekognition_face){.id = 0};
}

struct finding {
    struct rekognition_face *face;
    int with_values;
};

static int see_face(void *context, const mien_gallery_sample *s) {
    const struct finding *f = context;

    return rekognition_copy(f->face, s, f->with_values);
}

static int see_collection(void *context, const mien_gallery_person *p) {
    *(int64_t *)context = p->collection;
    return 0;
}

int rekognition_find(struct collection_call *call, const char *text, int with_values,
                     struct rekognition_face *face) {
    struct finding f = {face, with_values};
    int64_t id, collection = 0;
    int rc;

    *face = (struct rekognition_face){.id = 0};
    if (!call->gallery || !call->collection || uuid_read(text, &id)) return 1;
    rc = mien_gallery_sample_get(call->gallery, id, see_face, &f);
    if (rc == MIEN_OK)
        rc = mien_gallery_person_get(call->gallery, face->person, see_collection, &collection);
    if (rc == MIEN_OK && collection == call->collection) return 0;
    rekognition_forget(face);
    if (rc == MIEN_OK || rc == MIEN_GALLERY_ENOTFOUND) return 1;
    galleries_failed(call->request, rc);
    return -1;
}

json_t *rekognition_take(struct collection_call *call, struct rekognition_face *face, int *failed) {
    char name[PERSON_NAME];
    json_t *object = face->json;

    face->json = NULL;
    if (person_has_name(call->gallery, face->person, name))
        json_value_set(object, "UserId", json_value_text(name), failed);
    return object;
}
