#include "services/results.h"

#include "analysis/seed_json.h"
#include "common/json_text.h"
#include "common/json_values.h"
#include "mien_gallery.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void results_key(const void *bytes, size_t n, char out[RESULTS_KEY]) {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];

    mien_gallery_hash(bytes, n, hash);
    memcpy(out, "face:", 6);
    for (int i = 0; i < MIEN_GALLERY_HASH_SIZE; i++) snprintf(out + 5 + 2 * i, 3, "%02x", hash[i]);
}

int results_is_key(const char *key) {
    return strncmp(key, "face:", 5) == 0 && strlen(key) == RESULTS_KEY - 1 &&
           strspn(key + 5, "0123456789abcdef") == RESULTS_KEY - 6;
}

/* Unix time, as time.time() of the services these take the place of. */
static json_t *timestamp(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return json_real((double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
}

static json_t *floats(const float *v, int n, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < n; i++) json_value_append(list, json_value_float(v[i]), failed);
    return list;
}

json_t *results_landmarks(const struct analysis *a, int *failed) {
    json_t *object = json_object(), *list = json_array();

    for (int i = 0; i < a->nfaces; i++) {
        const mien_face *face = &a->faces[i];
        json_t *one = seed_found(face, failed), *points = json_array();
        for (int k = 0; k < 5; k++)
            json_value_append(points, floats(face->landmarks[k], 2, failed), failed);
        json_value_set(one, "box", floats(face->box, 4, failed), failed);
        json_value_set(one, "score", json_value_float(face->score), failed);
        json_value_set(one, "points", points, failed);
        json_value_append(list, one, failed);
    }
    json_value_set(object, "landmarks", list, failed);
    json_value_set(object, "turned", json_integer(a->turned), failed);
    json_value_set(object, "timestamp", timestamp(), failed);
    return object;
}

json_t *results_age_gender(const struct analysis *a, int *failed) {
    json_t *object = json_object(), *list = json_array();

    for (int i = 0; i < a->nfaces; i++) json_value_append(list, seed_told(a, i, failed), failed);
    json_value_set(object, "faces", list, failed);
    json_value_set(object, "timestamp", timestamp(), failed);
    return object;
}

/* An object; NULL where the text is none. */
static json_t *read_object(const char *text, size_t n) {
    json_error_t error;
    json_t *value = NULL;

    if (n > RESULTS_TEXT || json_text_read(text, n, JSON_REJECT_DUPLICATES, &value, &error))
        return NULL;
    if (json_is_object(value)) return value;
    json_decref(value);
    return NULL;
}

static int read_floats(const json_t *list, float *out, size_t n) {
    if (json_array_size(list) != n) return -1;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = (float)json_number_value(v);
        /* beyond that no picture reaches, and no arithmetic on it stays finite */
        if (!json_is_number(v) || !(fabsf(out[i]) < 1e7f)) return -1;
    }
    return 0;
}

static int read_face(const json_t *one, mien_face *face) {
    const json_t *points = json_object_get(one, "points"), *score = json_object_get(one, "score");

    memset(face, 0, sizeof *face);
    face->score = (float)json_number_value(score);
    if (!json_is_number(score) || !(face->score >= 0 && face->score <= 1)) return -1;
    if (read_floats(json_object_get(one, "box"), face->box, 4)) return -1;
    if (!(face->box[0] <= face->box[2] && face->box[1] <= face->box[3])) return -1;
    if (json_array_size(points) != 5) return -1;
    for (size_t k = 0; k < 5; k++)
        if (read_floats(json_array_get(points, k), face->landmarks[k], 2)) return -1;
    return 0;
}

int results_read_landmarks(const char *text, size_t n, struct analysis_given *given) {
    json_t *root = read_object(text, n);
    const json_t *list = json_object_get(root, "landmarks");
    json_int_t turned = json_integer_value(json_object_get(root, "turned"));
    size_t count = json_array_size(list);
    mien_face *faces = NULL;
    int rc = -1;

    memset(given, 0, sizeof *given);
    if (json_is_array(list) && count <= RESULTS_FACES && turned >= 0 && turned < 360 &&
        turned % 90 == 0)
        faces = malloc((count + 1) * sizeof *faces);
    if (faces) rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_face(json_array_get(list, i), &faces[i]);
    json_decref(root);
    if (rc)
        free(faces);
    else
        *given = (struct analysis_given){.faces = faces, .n = (int)count, .turned = (int)turned};
    return rc;
}

/* Adds what a service told of each face; -1 where it tells of others. */
static int add_told(json_t *faces, const char *text, size_t n, int *failed) {
    json_t *root = read_object(text, n);
    const json_t *list = json_object_get(root, "faces");
    int rc = json_is_array(list) && json_array_size(list) == json_array_size(faces) ? 0 : -1;

    for (size_t i = 0; rc == 0 && i < json_array_size(faces); i++) {
        json_t *one = json_array_get(list, i);
        if (!json_is_object(one))
            rc = -1;
        else if (json_object_update_missing(json_array_get(faces, i), one))
            *failed = 1;
    }
    json_decref(root);
    return rc;
}

/* [{"bbox", "confidence"}] of the faces that were found; NULL: there is no such text. */
static json_t *found_faces(const struct results_field *field, int *failed) {
    json_t *root = read_object(field->text, field->n), *faces = NULL;
    const json_t *list = json_object_get(root, "landmarks");
    int is_bad = !json_is_array(list) || json_array_size(list) > RESULTS_FACES;

    if (!is_bad) faces = json_array();
    for (size_t i = 0; !is_bad && i < json_array_size(list); i++) {
        json_t *one = json_array_get(list, i), *face;
        json_t *box = json_object_get(one, "bbox"), *score = json_object_get(one, "confidence");
        float corner[4];
        is_bad = read_floats(box, corner, 4) || !json_is_number(score);
        if (is_bad) break;
        face = json_object();
        json_value_set(face, "bbox", json_incref(box), failed);
        json_value_set(face, "confidence", json_incref(score), failed);
        json_value_append(faces, face, failed);
    }
    json_decref(root);
    if (!is_bad) return faces;
    json_decref(faces);
    return NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct results_field *)a)->name, ((const struct results_field *)b)->name);
}

static const struct results_field *field_of(const struct results_field *fields, int n,
                                            const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0) return &fields[i];
    return NULL;
}

json_t *results_join(const char *image_id, struct results_field *fields, int n,
                     struct timespec when, int *failed) {
    const struct results_field *landmarks, *told;
    json_t *faces;
    int rc;

    if (n > 0) qsort(fields, (size_t)n, sizeof *fields, by_name);
    landmarks = field_of(fields, n, RESULTS_LANDMARKS);
    told = field_of(fields, n, RESULTS_AGE_GENDER);
    faces = landmarks && told ? found_faces(landmarks, failed) : NULL;
    if (!faces) return NULL;
    rc = add_told(faces, told->text, told->n, failed);
    for (int i = 0; i < n && rc == 0; i++)
        if (&fields[i] != landmarks && &fields[i] != told)
            rc = add_told(faces, fields[i].text, fields[i].n, failed);
    if (rc == 0) return seed_picture(image_id, faces, when, failed);
    json_decref(faces);
    return NULL;
}
