/*
 * seed_json.h - what is found in a picture in the shape of face analysis as services
 * (docs/services.md): the tool's `--format seed` and the service that stores results write it
 * alike.
 *
 *   {"image_id": "a.jpg", "faces": [{"bbox": [x1, y1, x2, y2], "confidence": 0.92, "age": "20-29",
 *    "age_confidence": 0.85, "gender": "Female", "gender_confidence": 0.91}],
 *    "processing_time": "2023-08-14T15:30:45.123456"}
 *
 * A box is whole pixels. `age` is the group the network finds likeliest, with its probability; of a
 * network that tells no groups the ten years around its value, and no confidence. What no network
 * tells is null, never left out. Functions as in result_json.h.
 */
#ifndef MIEN_ANALYSIS_SEED_JSON_H
#define MIEN_ANALYSIS_SEED_JSON_H

#include "analysis/analysis.h"

#include <jansson.h>
#include <time.h>

enum { SEED_TIME = 32 };

/* A face as it was found: bbox, confidence. */
json_t *seed_found(const mien_face *face, int *failed);
/* Age and gender of face i, as an object of their own. */
json_t *seed_told(const struct analysis *a, int i, int *failed);
/* The whole, of an array of faces, which it takes over, and when it was made. */
json_t *seed_picture(const char *image_id, json_t *faces, struct timespec when, int *failed);
/* All of that at once. */
json_t *seed_json(const char *image_id, const struct analysis *a, struct timespec when,
                  int *failed);
/* "2023-08-14T15:30:45.123456", UTC. */
void seed_time(struct timespec when, char out[SEED_TIME]);

#endif
