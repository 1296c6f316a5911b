#include "server/json_body.h"

#include "common/ascii.h"
#include "server/base64.h"
#include "server/json_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of all values but the characters of strings: far more than pictures and options need. */
enum { MAX_MEMORY = 1 << 20 };

const struct body_key BODY_KEYS[] = {
    {"image", PICTURE_BYTES, BODY_ONE},
    {"url", PICTURE_URL, BODY_ONE},
    {"images", PICTURE_BYTES, BODY_LIST},
    {"urls", PICTURE_URL, BODY_LIST},
    {"a", PICTURE_BYTES, BODY_PAIR},
    {"b", PICTURE_BYTES, BODY_PAIR},
    {.name = NULL},
};

/* The names of keys of these counts (bits) in a sentence: format is of one of them, last goes
 * before the last. */
static const char *list_keys(const struct body_key *keys, unsigned counts, const char *before,
                             const char *after, const char *last, char out[WHY_SIZE]) {
    size_t n = 0;
    int left = 0;

    out[0] = '\0';
    for (const struct body_key *key = keys; key->name; key++) left += counts >> key->count & 1;
    for (const struct body_key *key = keys; key->name && n < WHY_SIZE; key++) {
        if (!(counts >> key->count & 1)) continue;
        if (n) n += (size_t)snprintf(out + n, WHY_SIZE - n, "%s", left == 1 ? last : ", ");
        if (n < WHY_SIZE)
            n += (size_t)snprintf(out + n, WHY_SIZE - n, "%s%s%s", before, key->name, after);
        left--;
    }
    return out;
}

static int is_address(const char *text) {
    return ascii_starts_with(text, "http://") || ascii_starts_with(text, "https://");
}

/* A string that stands for a picture of this kind. */
static int read_string(const json_t *v, enum body_kind kind, const struct json_body_limits *limits,
                       struct body_picture *p, char why[WHY_SIZE]) {
    const char *text = json_string_value(v);
    p->kind = kind;
    if (kind == PICTURE_URL) {
        p->url = strdup(text);
        return p->url ? 0 : why_set(why, 500, "out of memory");
    }
    if (is_address(text)) {
        for (const struct body_key *key = limits->keys; key->name; key++)
            if (key->kind == PICTURE_URL && key->count == BODY_ONE)
                return why_set(why, 400,
                               "an address where base64 belongs; addresses go under \"%s\"",
                               key->name);
        return why_set(why, 400, "an address where base64 belongs");
    }
    int status =
        base64_to_bytes(text, json_string_length(v), limits->max_bytes, &p->bytes, &p->size, why);
    if (status || p->size > 0) return status;
    free(p->bytes);
    p->bytes = NULL;
    return why_set(why, 400, "it is empty");
}

/* A picture in any form; strings: what a bare string stands for. */
static int read_picture(const json_t *v, enum body_kind strings,
                        const struct json_body_limits *limits, struct body_picture *p,
                        char why[WHY_SIZE]) {
    char forms[WHY_SIZE];
    if (json_is_string(v)) return read_string(v, strings, limits, p, why);
    for (const struct body_key *key = limits->keys; key->name; key++) {
        const json_t *one = json_object_get(v, key->name);
        if (key->count == BODY_ONE && json_object_size(v) == 1 && json_is_string(one))
            return read_string(one, key->kind, limits, p, why);
    }
    list_keys(limits->keys, 1U << BODY_ONE, "{\"", "\": \"...\"}", " or ", forms);
    return why_set(why, 400, "a picture is a string%s%s", *forms ? ", " : "", forms);
}

/* Appends one picture to *out, which has room for it. label: what a sentence calls it. */
static int add_picture(const json_t *v, enum body_kind strings, const char *label,
                       const struct json_body_limits *limits, struct json_body *out,
                       char why[WHY_SIZE]) {
    struct body_picture *p = &out->pictures[out->count++];
    int status = read_picture(v, strings, limits, p, why);
    if (status == 0) return 0;
    why_prefix(why, status, "%s", label);
    if (!limits->keep_bad) return status;
    p->status = status;
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
    if (!json_is_array(list)) {
        char names[WHY_SIZE];
        return why_set(why, 400, "%s are lists",
                       list_keys(limits->keys, 1U << BODY_LIST, "\"", "\"", " and ", names));
    }
    size_t count = json_array_size(list);
    int status = make_room(count, limits, out, why);
    out->list = 1;
    for (size_t i = 0; i < count && status == 0; i++) {
        char label[32];
        snprintf(label, sizeof label, "picture %zu", i + 1);
        status = add_picture(json_array_get(list, i), strings, label, limits, out, why);
    }
    return status;
}

/* A picture that is a key's value; out has room. */
static int add_named(const json_t *v, const struct body_key *key,
                     const struct json_body_limits *limits, struct json_body *out,
                     char why[WHY_SIZE]) {
    char label[WHY_NAME_SIZE];
    snprintf(label, sizeof label, "\"%s\"", key->name);
    return add_picture(v, key->kind, label, limits, out, why);
}

static int add_one(const json_t *v, const struct body_key *key,
                   const struct json_body_limits *limits, struct json_body *out,
                   char why[WHY_SIZE]) {
    if (!json_is_string(v)) return why_set(why, 400, "\"%s\" is a string", key->name);
    int status = make_room(1, limits, out, why);
    return status ? status : add_named(v, key, limits, out, why);
}

static int refuse_keys(const struct body_key *keys, char why[WHY_SIZE]) {
    char single[WHY_SIZE], pair[WHY_SIZE];
    list_keys(keys, 1U << BODY_ONE | 1U << BODY_LIST, "", "", " and ", single);
    list_keys(keys, 1U << BODY_PAIR, "", "", " and ", pair);
    return why_set(why, 400, "the JSON must have %s%s%s%s%s", *single ? "one of " : "", single,
                   *single && *pair ? ", or " : "", *pair ? "both " : "", pair);
}

/* The pictures of a body that is an object: one key's, or a pair. */
static int read_object(const json_t *root, const struct json_body_limits *limits,
                       struct json_body *out, char why[WHY_SIZE]) {
    const struct body_key *given[2] = {NULL, NULL};
    const json_t *value[2] = {NULL, NULL};
    int n = 0, status;
    for (const struct body_key *key = limits->keys; key->name; key++) {
        const json_t *v = json_object_get(root, key->name);
        if (!v || json_is_null(v)) continue; /* null: as generated clients leave a field out */
        if (n == 2) return refuse_keys(limits->keys, why);
        given[n] = key;
        value[n++] = v;
    }
    if (n == 2 && given[0]->count == BODY_PAIR && given[1]->count == BODY_PAIR) {
        status = make_room(2, limits, out, why);
        for (int i = 0; i < 2 && !status; i++)
            status = add_named(value[i], given[i], limits, out, why);
        return status;
    }
    if (n != 1 || given[0]->count == BODY_PAIR) return refuse_keys(limits->keys, why);
    return given[0]->count == BODY_LIST ? add_list(value[0], given[0]->kind, limits, out, why)
                                        : add_one(value[0], given[0], limits, out, why);
}

/* What is left of root without the pictures, whose memory that frees. Takes root over. */
static json_t *options_of(json_t *root, const struct body_key *keys) {
    if (json_is_array(root)) {
        json_decref(root);
        return json_object();
    }
    for (; keys->name; keys++) json_object_del(root, keys->name);
    return root;
}

int json_body_read(const char *body, size_t length, const struct json_body_limits *given,
                   struct json_body *out, char why[WHY_SIZE]) {
    struct json_body_limits limits = *given;
    json_t *root;
    memset(out, 0, sizeof *out);
    if (!limits.keys) limits.keys = BODY_KEYS;
    int status = json_read(body, length, MAX_MEMORY, &root, why);
    if (status) return status;
    if (json_is_array(root))
        status = add_list(root, limits.strings, &limits, out, why);
    else
        status = read_object(root, &limits, out, why);
    out->options = options_of(root, limits.keys);
    if (!status && !out->options) status = why_set(why, 500, "out of memory");
    if (status) json_body_free(out);
    return status;
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
