/*
 * results.h - what services tell each other of a picture, through Redis: JSON there and back.
 *
 * A hash a picture, named by the picture's bytes, a field a service:
 *
 *   landmarks   {"landmarks": [{"bbox": [100, 150, 200, 250], "confidence": 0.92,
 *                               "box": [...], "score": ..., "points": [[x, y] x5]}],
 *                "turned": 0, "timestamp": 1692027045.1}
 *   age_gender  {"faces": [{"age": "20-29", "age_confidence": 0.85, "gender": "Female",
 *                           "gender_confidence": 0.91}], "timestamp": ...}
 *   any other   {"faces": [{...}], ...}, of a service that somebody added
 *
 * `box`, `score` and `points` have all digits of the floats, so that what is told of a face is what
 * one program would tell of it. Others write to a Redis, too: what is read is not trusted. Its own
 * module because it is pure.
 */
#ifndef MIEN_SERVICES_RESULTS_H
#define MIEN_SERVICES_RESULTS_H

#include "analysis/analysis.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum { RESULTS_FACES = 4096, RESULTS_KEY = 5 + 64 + 1, RESULTS_TEXT = 4 << 20 };

#define RESULTS_LANDMARKS  "landmarks"
#define RESULTS_AGE_GENDER "age_gender"

/* The key of a picture: "face:" and the SHA-256 of its bytes. */
void results_key(const void *bytes, size_t n, char out[RESULTS_KEY]);
/* 1 where it is such a key. */
int results_is_key(const char *key);

/* New values; *failed as in analysis/result_json.h. */
json_t *results_landmarks(const struct analysis *a, int *failed);
json_t *results_age_gender(const struct analysis *a, int *failed);

/* Faces as results_landmarks() told of them: 0 with given->faces for free(); -1: it is no such
 * text. */
int results_read_landmarks(const char *text, size_t n, struct analysis_given *given);

/* A field of a picture's hash. */
struct results_field {
    const char *name, *text;
    size_t n;
};

/* All of it joined in the shape of analysis/seed_json.h, what others added behind that, in the
 * order of the fields' names. NULL where landmarks or age and gender are missing, a text is none,
 * or two tell of different numbers of faces: all is to be found out again. fields are sorted. */
json_t *results_join(const char *image_id, struct results_field *fields, int n,
                     struct timespec when, int *failed);

#endif
