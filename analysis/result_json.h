/*
 * result_json.h - what is found in a picture as JSON: the objects of docs/json.md, which the tool
 * and the server write alike.
 *
 * Each function returns a new value and sets *failed to 1 where memory ran out; the value is then
 * incomplete or NULL, and may be given to json_decref() or a jansson setter all the same.
 */
#ifndef MIEN_ANALYSIS_RESULT_JSON_H
#define MIEN_ANALYSIS_RESULT_JSON_H

#include "analysis/analysis.h"

#include <jansson.h>

/* `format_version`: goes up when a key changes its meaning or goes, not when one is added. */
enum { RESULT_FORMAT_VERSION = 1 };

/* n coordinates in pixels, rounded to 0.001. */
json_t *result_pixels(const float *v, int n, int *failed);
/* The five landmarks: [[x, y] x5]. */
json_t *result_landmarks(const mien_face *face, int *failed);
/* A probability or score, 0..1, with what fp32 carries of it. */
json_t *result_score(float score);
/* A time in milliseconds. */
json_t *result_ms(double ms);
/* A face as it was found: box, score, landmarks. */
json_t *result_found(const mien_face *face, int *failed);
/* Face i with all that was found out about it. */
json_t *result_face(const struct analysis *a, int i, int *failed);
json_t *result_class(const mien_class *c, int *failed);
/* Adds to an object: the version of the format, width and height; faces, and which is the main one;
 * classes, and attributes of the picture. */
void result_add_size(json_t *object, const struct analysis *a, int *failed);
void result_add_faces(json_t *object, const struct analysis *a, int *failed);
void result_add_picture(json_t *object, const struct analysis *a, int *failed);

/* The similarity of the first faces of two pictures, which have an embedding each. */
double result_similarity(const struct analysis *a, const struct analysis *b);
/* Adds how alike these are, what that means where faces of `threshold` and more are one person's,
 * and both faces. */
void result_add_comparison(json_t *object, const struct analysis *a, const struct analysis *b,
                           double threshold, int *failed);

#endif
