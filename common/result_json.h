/*
 * result_json.h - faces and classes as JSON: the objects of docs/json.md.
 *
 * Each function returns a new value and sets *failed to 1 where memory ran out; the value is then
 * incomplete or NULL, and may be given to json_decref() or a jansson setter all the same.
 */
#ifndef MIEN_COMMON_RESULT_JSON_H
#define MIEN_COMMON_RESULT_JSON_H

#include "mien.h"

#include <jansson.h>

/* n coordinates in pixels, rounded to 0.001. */
json_t *result_pixels(const float *v, int n, int *failed);
/* The five landmarks: [[x, y] x5]. */
json_t *result_landmarks(const mien_face *face, int *failed);
/* A probability or score, 0..1, with what fp32 carries of it. */
json_t *result_score(float score);
/* A time in milliseconds. */
json_t *result_ms(double ms);
/* age_gender may be NULL; so may embedding, of embedding_size values. */
json_t *result_face(const mien_face *face, const mien_age_gender *age_gender,
                    const float *embedding, int embedding_size, int *failed);
json_t *result_class(const mien_class *c, int *failed);

#endif
