#include "result.h"

#include "output.h"

/* Places after the point: a box is good to 0.01 pixel, a score to what fp32 carries. */
enum { PIXEL_PLACES = 3, SCORE_PLACES = 6, AGE_PLACES = 2, MS_PLACES = 3 };

/* jansson's setters and appenders fail on NULL, so a failed allocation anywhere ends up in *failed.
 */
static void set(json_t *object, const char *key, json_t *value, int *failed) {
    if (json_object_set_new(object, key, value)) *failed = 1;
}

static void append(json_t *array, json_t *value, int *failed) {
    if (json_array_append_new(array, value)) *failed = 1;
}

static json_t *numbers_json(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++) append(array, output_number((double)v[i], PIXEL_PLACES), failed);
    return array;
}

static json_t *embedding_json(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++) append(array, output_float(v[i]), failed);
    return array;
}

static json_t *gender_json(const mien_age_gender *ag, int *failed) {
    json_t *object = json_object();

    set(object, "value", json_string(ag->male ? "male" : "female"), failed);
    set(object, "probability", output_number((double)ag->probability, SCORE_PLACES), failed);
    return object;
}

static json_t *face_json(const struct pipeline *p, const struct picture *picture, int i,
                         int *failed) {
    const mien_face *face = &picture->faces[i];
    json_t *object = json_object(), *landmarks = json_array();

    set(object, "box", numbers_json(face->box, 4, failed), failed);
    set(object, "score", output_number((double)face->score, SCORE_PLACES), failed);
    for (int k = 0; k < 5; k++)
        append(landmarks, numbers_json(face->landmarks[k], 2, failed), failed);
    set(object, "landmarks", landmarks, failed);
    if (picture->age_gender) {
        const mien_age_gender *ag = &picture->age_gender[i];
        set(object, "age", output_number((double)ag->age, AGE_PLACES), failed);
        set(object, "gender", gender_json(ag, failed), failed);
    }
    if (picture->embeddings) {
        const float *embedding = picture->embeddings + (size_t)i * (size_t)p->embedding_size;
        set(object, "embedding", embedding_json(embedding, p->embedding_size, failed), failed);
    }
    return object;
}

static json_t *class_json(const mien_class *c, int *failed) {
    json_t *object = json_object();

    set(object, "index", json_integer(c->index), failed);
    if (c->wnid) set(object, "wnid", output_text(c->wnid), failed);
    set(object, "label", output_text(c->label), failed);
    set(object, "score", output_number((double)c->score, SCORE_PLACES), failed);
    return object;
}

static json_t *timing_json(const struct picture *picture, int *failed) {
    json_t *object = json_object();
    double total = 0;

    for (int i = 0; i < STAGES; i++) {
        if (i != STAGE_START) total += picture->ms[i];
        set(object, STAGE_NAMES[i], output_number(picture->ms[i], MS_PLACES), failed);
    }
    set(object, "total", output_number(total, MS_PLACES), failed);
    return object;
}

json_t *result_json(const struct pipeline *p, const struct picture *picture) {
    json_t *object = json_object(), *list;
    int failed = 0;

    set(object, "file", output_text(picture->input->path), &failed);
    if (picture->error[0]) {
        set(object, "error", output_text(picture->error), &failed);
    } else {
        set(object, "width", json_integer(picture->width), &failed);
        set(object, "height", json_integer(picture->height), &failed);
        list = json_array();
        for (int i = 0; i < picture->nfaces; i++)
            append(list, face_json(p, picture, i, &failed), &failed);
        set(object, "faces", list, &failed);
        if (picture->classes) {
            list = json_array();
            for (int i = 0; i < p->top; i++)
                append(list, class_json(&picture->classes[i], &failed), &failed);
            set(object, "classes", list, &failed);
        }
        set(object, "timing_ms", timing_json(picture, &failed), &failed);
    }
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
