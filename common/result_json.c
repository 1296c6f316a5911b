#include "result_json.h"

#include "json_values.h"

/* Places after the point: a box is good to 0.01 pixel, a score to what fp32 carries. */
enum { PIXEL_PLACES = 3, SCORE_PLACES = 6, AGE_PLACES = 2, MS_PLACES = 3 };

json_t *result_pixels(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++)
        json_value_append(array, json_value_number((double)v[i], PIXEL_PLACES), failed);
    return array;
}

json_t *result_landmarks(const mien_face *face, int *failed) {
    json_t *array = json_array();

    for (int k = 0; k < 5; k++)
        json_value_append(array, result_pixels(face->landmarks[k], 2, failed), failed);
    return array;
}

json_t *result_score(float score) {
    return json_value_number((double)score, SCORE_PLACES);
}

json_t *result_ms(double ms) {
    return json_value_number(ms, MS_PLACES);
}

static json_t *embedding_json(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++) json_value_append(array, json_value_float(v[i]), failed);
    return array;
}

static json_t *gender_json(const mien_age_gender *ag, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "value", json_string(ag->male ? "male" : "female"), failed);
    json_value_set(object, "probability", result_score(ag->probability), failed);
    return object;
}

json_t *result_face(const mien_face *face, const mien_age_gender *age_gender,
                    const float *embedding, int embedding_size, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "box", result_pixels(face->box, 4, failed), failed);
    json_value_set(object, "score", result_score(face->score), failed);
    json_value_set(object, "landmarks", result_landmarks(face, failed), failed);
    if (age_gender) {
        json_value_set(object, "age", json_value_number((double)age_gender->age, AGE_PLACES),
                       failed);
        json_value_set(object, "gender", gender_json(age_gender, failed), failed);
    }
    if (embedding)
        json_value_set(object, "embedding", embedding_json(embedding, embedding_size, failed),
                       failed);
    return object;
}

json_t *result_class(const mien_class *c, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "index", json_integer(c->index), failed);
    if (c->wnid) json_value_set(object, "wnid", json_value_text(c->wnid), failed);
    json_value_set(object, "label", json_value_text(c->label), failed);
    json_value_set(object, "score", result_score(c->score), failed);
    return object;
}
