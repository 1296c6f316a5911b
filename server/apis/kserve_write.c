#include "common/json_values.h"
#include "server/apis/kserve_codec.h"

#include <endian.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that grow. After a failure all further additions are ignored. */
struct text {
    char *bytes;
    size_t size, capacity;
    int failed;
};

/* Room for n more bytes, to be counted in size by the caller; NULL where there is none. */
static char *make_room(struct text *t, size_t n) {
    if (t->failed) return NULL;
    if (n > t->capacity - t->size) {
        size_t capacity = 2 * t->capacity + n + 256;
        char *bytes = realloc(t->bytes, capacity);
        if (!bytes) {
            t->failed = 1;
            return NULL;
        }
        t->bytes = bytes;
        t->capacity = capacity;
    }
    return t->bytes + t->size;
}

static void add(struct text *t, const char *text) {
    size_t n = strlen(text);
    char *to = make_room(t, n);
    if (!to) return;
    memcpy(to, text, n);
    t->size += n;
}

/* A string with quotes and escapes. */
static void add_string(struct text *t, const char *text) {
    json_t *string = json_string(text);
    char *dumped = json_value_dump(string, JSON_ENCODE_ANY, NULL);
    if (dumped)
        add(t, dumped);
    else
        t->failed = 1;
    free(dumped);
    json_decref(string);
}

static size_t count_of(const struct kserve_output *o) {
    size_t count = 1;
    for (int i = 0; i < o->dims; i++) count *= (size_t)o->shape[i];
    return count;
}

static void add_shape(struct text *t, const struct kserve_output *o) {
    char number[32];
    for (int i = 0; i < o->dims; i++) {
        snprintf(number, sizeof number, "%s%" PRId64, i ? "," : "", o->shape[i]);
        add(t, number);
    }
}

static int add_numbers(struct text *t, const struct kserve_output *o, char why[WHY_SIZE]) {
    enum { LONGEST = 20 }; /* -1.23456789e-38, the comma and the NUL */
    size_t count = count_of(o);
    for (size_t i = 0; i < count; i++) {
        char *to = make_room(t, LONGEST);
        if (!to) return 0;
        if (!isfinite(o->data[i]))
            return why_set(why, 500, "value %zu of output %s is not a finite number", i + 1,
                           o->name);
        t->size += (size_t)snprintf(to, LONGEST, "%s%.9g", i ? "," : "", (double)o->data[i]);
    }
    return 0;
}

static int add_output(struct text *t, const struct kserve_output *o, char why[WHY_SIZE]) {
    char number[64];
    int status = 0;
    add(t, "{\"name\":");
    add_string(t, o->name);
    add(t, ",\"datatype\":\"FP32\",\"shape\":[");
    add_shape(t, o);
    if (o->binary) {
        snprintf(number, sizeof number, "],\"parameters\":{\"binary_data_size\":%zu}}",
                 count_of(o) * sizeof(float));
        add(t, number);
    } else {
        add(t, "],\"data\":[");
        status = add_numbers(t, o, why);
        add(t, "]}");
    }
    return status;
}

static void add_binary(struct text *t, const struct kserve_output *o) {
    size_t count = count_of(o);
    char *to = make_room(t, count * sizeof(float));
    if (!to) return;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &o->data[i], sizeof bits);
        bits = htole32(bits);
        memcpy(to + i * sizeof bits, &bits, sizeof bits);
    }
    t->size += count * sizeof(float);
}

/* All of the JSON. */
static int add_answer(struct text *t, const char *model, const char *id,
                      const struct kserve_output *outputs, int count, char why[WHY_SIZE]) {
    add(t, "{\"model_name\":");
    add_string(t, model);
    if (id[0]) {
        add(t, ",\"id\":");
        add_string(t, id);
    }
    add(t, ",\"outputs\":[");
    for (int i = 0; i < count; i++) {
        if (i) add(t, ",");
        int status = add_output(t, &outputs[i], why);
        if (status) return status;
    }
    add(t, "]}");
    return 0;
}

int kserve_write(const char *model, const char *id, const struct kserve_output *outputs, int count,
                 struct kserve_answer *out, char why[WHY_SIZE]) {
    struct text t = {0};
    memset(out, 0, sizeof *out);
    out->header_length = -1;
    int status = add_answer(&t, model, id, outputs, count, why);
    size_t json = t.size;
    for (int i = 0; i < count; i++) {
        if (!outputs[i].binary) continue;
        out->header_length = (long long)json;
        add_binary(&t, &outputs[i]);
    }
    if (!status && t.failed) status = why_set(why, 500, "out of memory");
    if (status) {
        free(t.bytes);
        memset(out, 0, sizeof *out);
        return status;
    }
    out->bytes = t.bytes;
    out->size = t.size;
    return 0;
}
