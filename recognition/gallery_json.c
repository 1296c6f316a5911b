#include "recognition/gallery_json.h"

#include "common/json_values.h"

#include <time.h>

char *gallery_json_time(int64_t time, char out[GALLERY_JSON_TIME]) {
    time_t seconds = (time_t)(time / 1000000);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    if (!strftime(out, GALLERY_JSON_TIME, "%Y-%m-%dT%H:%M:%SZ", &utc)) out[0] = '\0';
    return out;
}

json_t *gallery_json_id(int64_t id) {
    char text[MIEN_GALLERY_ID_SIZE];

    return id ? json_string(mien_gallery_id_text(id, text)) : json_null();
}

void gallery_json_add_times(json_t *object, int64_t created, int64_t updated, int *failed) {
    char text[GALLERY_JSON_TIME];

    json_value_set(object, "created", json_string(gallery_json_time(created, text)), failed);
    json_value_set(object, "updated", json_string(gallery_json_time(updated, text)), failed);
}

json_t *gallery_json_event(const mien_gallery_event *e, int *failed) {
    char time[GALLERY_JSON_TIME];
    json_t *object = json_object();

    json_value_set(object, "event", json_integer(e->id), failed);
    json_value_set(object, "time", json_string(gallery_json_time(e->time, time)), failed);
    json_value_set(object, "who", json_value_text(e->who), failed);
    json_value_set(object, "kind", json_string(mien_gallery_event_name(e->kind)), failed);
    json_value_set(object, "person", gallery_json_id(e->person), failed);
    json_value_set(object, "other", gallery_json_id(e->other), failed);
    json_value_set(object, "samples", json_integer(e->samples), failed);
    json_value_set(object, "was", json_value_text(e->was), failed);
    json_value_set(object, "is", json_value_text(e->is), failed);
    json_value_set(object, "undoes", e->undoes ? json_integer(e->undoes) : json_null(), failed);
    json_value_set(object, "undone", json_boolean(e->undone), failed);
    return object;
}

json_t *gallery_json_deletion(const mien_gallery_deletion *d, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "event", json_integer(d->event), failed);
    json_value_set(object, "samples", json_integer(d->samples), failed);
    json_value_set(object, "complete", json_boolean(d->complete), failed);
    json_value_set(object, "receipt", json_value_text(d->receipt), failed);
    return object;
}
