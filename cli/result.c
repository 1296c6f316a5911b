#include "result.h"

#include "common/json_values.h"
#include "common/result_json.h"

static json_t *face_json(const struct pipeline *p, const struct picture *picture, int i,
                         int *failed) {
    const mien_age_gender *ag = picture->age_gender ? &picture->age_gender[i] : NULL;
    const float *embedding = picture->embeddings;

    if (embedding) embedding += (size_t)i * (size_t)p->embedding_size;
    return result_face(&picture->faces[i], ag, embedding, p->embedding_size, failed);
}

static json_t *timing_json(const struct picture *picture, int *failed) {
    json_t *object = json_object();
    double total = 0;

    for (int i = 0; i < STAGES; i++) {
        if (i != STAGE_START) total += picture->ms[i];
        json_value_set(object, STAGE_NAMES[i], result_ms(picture->ms[i]), failed);
    }
    json_value_set(object, "total", result_ms(total), failed);
    return object;
}

json_t *result_json(const struct pipeline *p, const struct picture *picture) {
    json_t *object = json_object(), *list;
    int failed = 0;

    json_value_set(object, "file", json_value_text(picture->input->path), &failed);
    if (picture->error[0]) {
        json_value_set(object, "error", json_value_text(picture->error), &failed);
    } else {
        json_value_set(object, "width", json_integer(picture->width), &failed);
        json_value_set(object, "height", json_integer(picture->height), &failed);
        list = json_array();
        for (int i = 0; i < picture->nfaces; i++)
            json_value_append(list, face_json(p, picture, i, &failed), &failed);
        json_value_set(object, "faces", list, &failed);
        if (picture->classes) {
            list = json_array();
            for (int i = 0; i < p->top; i++)
                json_value_append(list, result_class(&picture->classes[i], &failed), &failed);
            json_value_set(object, "classes", list, &failed);
        }
        json_value_set(object, "timing_ms", timing_json(picture, &failed), &failed);
    }
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
