#include "server/json_body.h"

#include "server/base64.h"
#include "server/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of all values but the characters of strings: far more than pictures and options need. */
enum { MAX_MEMORY = 1 << 20 };

static const char *const picture_keys[] = {"image", "url", "images", "urls", "a", "b"};
enum { PICTURE_KEYS = sizeof picture_keys / sizeof *picture_keys };

static int is_address(const char *text) {
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

/* A string that stands for a picture of this kind. */
static int read_string(const json_t *v, enum body_kind kind, size_t max_bytes,
                       struct body_picture *p, char why[WHY_SIZE]) {
    const char *text = json_string_value(v);
    p->kind = kind;
    if (kind == PICTURE_URL) {
        p->url = strdup(text);
        return p->url ? 0 : why_set(why, 500, "out of memory");
    }
    if (is_address(text))
        return why_set(why, 400, "an address where base64 belongs; addresses go under \"url\"");
    int rc = base64_to_bytes(text, json_string_length(v), max_bytes, &p->bytes, &p->size, why);
    if (rc || p->size > 0) return rc;
    free(p->bytes);
    p->bytes = NULL;
    return why_set(why, 400, "it is empty");
}

/* A picture in any form; strings: what a bare string stands for. */
static int read_picture(const json_t *v, enum body_kind strings, size_t max_bytes,
                        struct body_picture *p, char why[WHY_SIZE]) {
    if (json_is_string(v)) return read_string(v, strings, max_bytes, p, why);
    const json_t *image = json_object_get(v, "image"), *url = json_object_get(v, "url");
    if (json_object_size(v) == 1 && json_is_string(image))
        return read_string(image, PICTURE_BYTES, max_bytes, p, why);
    if (json_object_size(v) == 1 && json_is_string(url))
        return read_string(url, PICTURE_URL, max_bytes, p, why);
    return why_set(why, 400, "a picture is a string, {\"image\": \"...\"} or {\"url\": \"...\"}");
}

/* Appends one picture to *out, which has room for it. label: what a sentence calls it. */
static int add_picture(const json_t *v, enum body_kind strings, const char *label,
                       const struct json_body_limits *limits, struct json_body *out,
                       char why[WHY_SIZE]) {
    struct body_picture *p = &out->pictures[out->count++];
    int rc = read_picture(v, strings, limits->max_bytes, p, why);
    if (rc == 0) return 0;
    why_prefix(why, rc, "%s", label);
    if (!limits->keep_bad) return rc;
    p->status = rc;
    memcpy(p->why, why, WHY_SIZE);
    return 0;
}

static int make_room(size_t count, const struct json_body_limits *limits, struct json_body *out,
                     char why[WHY_SIZE]) {
    if (count == 0) return why_set(why, 400, "the list of pictures is empty");
    if (count > (size_t)limits->max_pictures)
        return why_set(why, 413, "%zu pictures; at most %d are taken at once", count,
                       limits->max_pictures);
    out->pictures = calloc(count, sizeof *out->pictures);
    return out->pictures ? 0 : why_set(why, 500, "out of memory");
}

static int add_list(const json_t *list, enum body_kind strings,
                    const struct json_body_limits *limits, struct json_body *out,
                    char why[WHY_SIZE]) {
    if (!json_is_array(list)) return why_set(why, 400, "\"images\" and \"urls\" are lists");
    size_t count = json_array_size(list);
    int rc = make_room(count, limits, out, why);
    out->list = 1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        char label[32];
        snprintf(label, sizeof label, "picture %zu", i + 1);
        rc = add_picture(json_array_get(list, i), strings, label, limits, out, why);
    }
    return rc;
}

static int add_pair(const json_t *a, const json_t *b, const struct json_body_limits *limits,
                    struct json_body *out, char why[WHY_SIZE]) {
    int rc = make_room(2, limits, out, why);
    if (!rc) rc = add_picture(a, PICTURE_BYTES, "\"a\"", limits, out, why);
    if (!rc) rc = add_picture(b, PICTURE_BYTES, "\"b\"", limits, out, why);
    return rc;
}

static int add_one(const json_t *v, enum body_kind kind, const struct json_body_limits *limits,
                   struct json_body *out, char why[WHY_SIZE]) {
    const char *label = kind == PICTURE_URL ? "\"url\"" : "\"image\"";
    if (!json_is_string(v)) return why_set(why, 400, "%s is a string", label);
    int rc = make_room(1, limits, out, why);
    return rc ? rc : add_picture(v, kind, label, limits, out, why);
}

/* The pictures of a body that is an object. */
static int read_object(const json_t *root, const struct json_body_limits *limits,
                       struct json_body *out, char why[WHY_SIZE]) {
    const json_t *value[PICTURE_KEYS];
    int given = 0, last = 0;
    for (int i = 0; i < PICTURE_KEYS; i++) {
        value[i] = json_object_get(root, picture_keys[i]);
        if (json_is_null(value[i])) value[i] = NULL; /* as generated clients leave a field out */
        if (!value[i]) continue;
        given++;
        last = i;
    }
    if (given == 2 && value[4] && value[5]) return add_pair(value[4], value[5], limits, out, why);
    if (given != 1 || last >= 4)
        return why_set(why, 400,
                       "the JSON must have one of image, url, images and urls, or both a and b");
    switch (last) {
    case 0: return add_one(value[0], PICTURE_BYTES, limits, out, why);
    case 1: return add_one(value[1], PICTURE_URL, limits, out, why);
    case 2: return add_list(value[2], PICTURE_BYTES, limits, out, why);
    default: return add_list(value[3], PICTURE_URL, limits, out, why);
    }
}

/* What is left of root without the pictures, whose memory that frees. Takes root over. */
static json_t *options_of(json_t *root) {
    if (json_is_array(root)) {
        json_decref(root);
        return json_object();
    }
    for (int i = 0; i < PICTURE_KEYS; i++) json_object_del(root, picture_keys[i]);
    return root;
}

int json_body_read(const char *body, size_t length, const struct json_body_limits *limits,
                   struct json_body *out, char why[WHY_SIZE]) {
    json_t *root;
    memset(out, 0, sizeof *out);
    int rc = json_read(body, length, MAX_MEMORY, &root, why);
    if (rc) return rc;
    if (json_is_array(root))
        rc = add_list(root, limits->strings, limits, out, why);
    else
        rc = read_object(root, limits, out, why);
    out->options = options_of(root);
    if (!rc && !out->options) rc = why_set(why, 500, "out of memory");
    if (rc) json_body_free(out);
    return rc;
}

void json_body_free(struct json_body *b) {
    for (int i = 0; i < b->count; i++) {
        free(b->pictures[i].bytes);
        free(b->pictures[i].url);
    }
    free(b->pictures);
    json_decref(b->options);
    memset(b, 0, sizeof *b);
}
