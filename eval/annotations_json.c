/* Annotations as JSON: [{"file": ..., "boxes": [[x1, y1, x2, y2], ...], "easy": [0, 2], ...}, ...].
 */
#include "common/json_text.h"
#include "eval/annotations.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is being read, for sentences. */
struct place {
    const char *name;
    int picture;
    char *why;
};

static int wrong(const struct place *p, const char *what) {
    return eval_fail(p->why, MIEN_EFORMAT, "%s: picture %d: %s", p->name, p->picture, what);
}

static int take_boxes(const struct place *p, const json_t *boxes, struct annotation *a) {
    for (int i = 0; i < a->n; i++) {
        const json_t *box = json_array_get(boxes, (size_t)i);
        for (int k = 0; k < 4; k++) {
            const json_t *v = json_array_get(box, (size_t)k);
            if (json_array_size(box) != 4 || !json_is_number(v) ||
                !(fabs(json_number_value(v)) < 1e7))
                return wrong(p, "a box is four numbers, x1, y1, x2, y2");
            a->boxes[i][k] = json_number_value(v);
        }
        if (a->boxes[i][2] < a->boxes[i][0] || a->boxes[i][3] < a->boxes[i][1])
            return wrong(p, "a box ends before it begins");
    }
    return MIEN_OK;
}

/* The levels are what the first picture has lists of, besides its boxes. */
static int take_level_names(const struct place *p, json_t *first, struct annotations *out) {
    const char *key;
    json_t *value;

    json_object_foreach(first, key, value) {
        if (!json_is_array(value) || strcmp(key, "boxes") == 0) continue;
        if (out->nlevels == LEVELS_MAX || strlen(key) >= LEVEL_NAME)
            return wrong(p, "too many levels, or one of too long a name");
        snprintf(out->levels[out->nlevels++], LEVEL_NAME, "%s", key);
    }
    if (out->nlevels == 0) snprintf(out->levels[0], LEVEL_NAME, "all");
    return MIEN_OK;
}

static int take_levels(const struct place *p, const json_t *entry, const struct annotations *out,
                       struct annotation *a) {
    const json_t *index;
    size_t i;

    for (int k = 0; out->nlevels == 0 && k < a->n; k++) a->levels[k] = 1;
    for (int l = 0; l < out->nlevels; l++) {
        const json_t *list = json_object_get(entry, out->levels[l]);
        if (!json_is_array(list)) return wrong(p, "a level that the first picture has is missing");
        json_array_foreach(list, i, index) {
            json_int_t v = json_is_integer(index) ? json_integer_value(index) : -1;
            if (v < 0 || v >= a->n) return wrong(p, "a level names a box that is not there");
            a->levels[v] |= (unsigned char)(1 << l);
        }
    }
    return MIEN_OK;
}

static int take_picture(const struct place *p, json_t *entry, struct annotations *out) {
    const char *file = json_string_value(json_object_get(entry, "file"));
    const json_t *boxes = json_object_get(entry, "boxes");
    struct annotation *a;
    int rc = MIEN_OK;

    if (!file || !*file || strlen(file) != json_string_length(json_object_get(entry, "file")))
        return wrong(p, "no \"file\"");
    if (!json_is_array(boxes)) return wrong(p, "no list \"boxes\"");
    if (out->n == 0) rc = take_level_names(p, entry, out);
    if (rc) return rc;
    a = annotations_add(out, file, strlen(file), (int)json_array_size(boxes));
    if (!a) return eval_no_memory(p->why);
    rc = take_boxes(p, boxes, a);
    return rc ? rc : take_levels(p, entry, out, a);
}

int annotations_json(const char *text, size_t size, const char *name, struct annotations *out,
                     char why[EVAL_WHY]) {
    json_error_t error;
    json_t *list, *entry;
    struct place p = {.name = name};
    size_t i;
    int rc = MIEN_OK;

    p.why = why;
    if (json_text_read(text, size, JSON_REJECT_DUPLICATES, &list, &error))
        return eval_no_memory(why);
    if (!list) return eval_fail(why, MIEN_EFORMAT, "%s:%d: %s", name, error.line, error.text);
    if (!json_is_array(list)) rc = eval_fail(why, MIEN_EFORMAT, "%s is no list of pictures", name);
    json_array_foreach(list, i, entry) {
        if (rc) break;
        p.picture = (int)i + 1;
        rc = take_picture(&p, entry, out);
    }
    if (rc == MIEN_OK && out->nlevels == 0) out->nlevels = 1;
    json_decref(list);
    return rc;
}
