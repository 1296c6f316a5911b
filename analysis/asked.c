#include "analysis/asked.h"

#include "common/json_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FACES_MAX = 100000, SIDE_MAX = 65535, TOP_MAX = 1000000 };

struct reading {
    json_t *object;
    int seen; /* names that were asked for and are there */
    char *why;
    int failed;
};

static void fail(struct reading *r, const char *name, const char *wants) {
    if (!r->failed) snprintf(r->why, ASKED_WHY, "%s must be %s", name, wants);
    r->failed = 1;
}

static json_t *get(struct reading *r, const char *name) {
    json_t *value = json_object_get(r->object, name);

    if (value) r->seen++;
    return value;
}

static double read_real(struct reading *r, const char *name, double max, double otherwise) {
    json_t *value = get(r, name);
    double v = json_number_value(value);
    char wants[64];

    if (!value) return otherwise;
    if (json_is_number(value) && isfinite(v) && v >= 0 && v <= max) return v;
    snprintf(wants, sizeof wants, "a number from 0 to %g", max);
    fail(r, name, wants);
    return otherwise;
}

static int read_int(struct reading *r, const char *name, int min, int max, int otherwise) {
    json_t *value = get(r, name);
    json_int_t v = json_integer_value(value);
    char wants[64];

    if (!value) return otherwise;
    if (json_is_integer(value) && v >= min && v <= max) return (int)v;
    snprintf(wants, sizeof wants, "an integer from %d to %d", min, max);
    fail(r, name, wants);
    return otherwise;
}

static int read_flag(struct reading *r, const char *name, int otherwise) {
    json_t *value = get(r, name);

    if (!value) return otherwise;
    if (json_is_boolean(value)) return json_is_true(value);
    fail(r, name, "true or false");
    return otherwise;
}

static int read_choice(struct reading *r, const char *name, const char *const *choices,
                       int otherwise) {
    json_t *value = get(r, name);
    const char *text = json_string_value(value);
    char wants[96] = "one of";

    if (!value) return otherwise;
    for (int i = 0; choices[i]; i++) {
        size_t n = strlen(wants);
        if (text && strcmp(text, choices[i]) == 0) return i;
        snprintf(wants + n, sizeof wants - n, "%s %s", i ? "," : "", choices[i]);
    }
    fail(r, name, wants);
    return otherwise;
}

static void read_all(struct reading *r, struct asked *a) {
    mien_detect_options *d = &a->options.detect;

    d->threshold = faces_above_zero(read_real(r, "threshold", 1, (double)d->threshold));
    d->nms = faces_above_zero(read_real(r, "nms", 1, (double)d->nms));
    d->size = read_int(r, "size", 0, SIDE_MAX, d->size);
    d->max_faces = read_int(r, "max_faces", 1, FACES_MAX, d->max_faces);
    d->search = (enum mien_search)read_choice(r, "search", FACE_SEARCH_NAMES, (int)d->search);
    a->options.pick = (enum face_pick)read_choice(r, "face", FACE_PICK_NAMES, (int)a->options.pick);
    a->options.top = read_int(r, "top", 1, TOP_MAX, a->options.top);
    a->options.quality = read_flag(r, "quality", a->options.quality);
    a->embeddings = read_flag(r, "embeddings", a->embeddings);
}

int asked_read(const char *text, struct asked *a, char why[ASKED_WHY]) {
    struct reading r = {.why = why};
    struct asked changed = *a;
    json_error_t error;

    if (!text) return 0;
    if (json_text_read(text, strlen(text), JSON_REJECT_DUPLICATES, &r.object, &error)) {
        snprintf(why, ASKED_WHY, "out of memory");
        return -1;
    }
    if (!json_is_object(r.object)) {
        snprintf(why, ASKED_WHY, "options must be an object of JSON");
        r.failed = 1;
    } else {
        read_all(&r, &changed);
        if (!r.failed && r.seen != (int)json_object_size(r.object)) {
            snprintf(why, ASKED_WHY,
                     "options may be threshold, nms, size, search, max_faces, top, face, quality "
                     "and embeddings, no others");
            r.failed = 1;
        }
    }
    json_decref(r.object);
    if (r.failed) return -1;
    *a = changed;
    return 0;
}
