/*
 * gallery_json.h - a gallery's things as JSON and text, as the tool and the server tell them alike.
 */
#ifndef MIEN_RECOGNITION_GALLERY_JSON_H
#define MIEN_RECOGNITION_GALLERY_JSON_H

#include "mien_gallery.h"

#include <jansson.h>

/* "2026-11-30T17:12:17Z" of microseconds since 1970. */
enum { GALLERY_JSON_TIME = 32 };
char *gallery_json_time(int64_t time, char out[GALLERY_JSON_TIME]);
/* An id as JSON; null for 0. */
json_t *gallery_json_id(int64_t id);
/* Adds `created` and `updated`. failed: as result_json.h, and below. */
void gallery_json_add_times(json_t *object, int64_t created, int64_t updated, int *failed);
json_t *gallery_json_event(const mien_gallery_event *e, int *failed);
json_t *gallery_json_deletion(const mien_gallery_deletion *d, int *failed);

#endif
