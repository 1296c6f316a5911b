#include "analysis/result_json.h"

#include "analysis/judge.h"
#include "common/json_values.h"

#include <stdio.h>

/* Places after the point: a box is good to 0.01 pixel, a score to what fp32 carries. */
enum { PIXEL_PLACES = 3, SCORE_PLACES = 6, VALUE_PLACES = 2, MS_PLACES = 3 };

json_t *result_pixels(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++)
        json_value_append(array, json_value_number((double)v[i], PIXEL_PLACES), failed);
    return array;
}

json_t *result_landmarks(const mien_face *face, int *failed) {
    json_t *array = json_array();

    for (int k = 0; k < 5; k++)
        json_value_append(array, result_pixels(face->landmarks[k], 2, failed), failed);
    return array;
}

json_t *result_score(float score) {
    return json_value_number((double)score, SCORE_PLACES);
}

json_t *result_ms(double ms) {
    return json_value_number(ms, MS_PLACES);
}

static json_t *result_value(float v) {
    return json_value_number((double)v, VALUE_PLACES);
}

/* Adds a probability, whether that is too little, and what all labels have. */
static void add_shares(json_t *object, const mien_attribute *t, const float *values,
                       const float *shares, const char *const *labels, int n, int *failed) {
    json_t *all = json_object();

    json_value_set(object, "probability", result_score(shares[mien_attribute_best(t, values)]),
                   failed);
    if (judge_unsure(t, values)) json_value_set(object, "unsure", json_true(), failed);
    for (int i = 0; i < n; i++) json_value_set(all, labels[i], result_score(shares[i]), failed);
    json_value_set(object, "distribution", all, failed);
}

static json_t *distribution_json(const mien_attribute *t, const float *values, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "value", json_value_text(t->labels[mien_attribute_best(t, values)]),
                   failed);
    add_shares(object, t, values, values + t->first, t->labels, t->count, failed);
    return object;
}

/* How certain a value is that is told of groups: the interval it is in, and its groups. */
static json_t *range_json(const mien_attribute *t, const float *values, int *failed) {
    const float *v = values + t->first;
    json_t *object = json_object();

    json_value_set(object, "low", result_value(v[1]), failed);
    json_value_set(object, "high", result_value(v[2]), failed);
    json_value_set(object, "interval", result_score(t->interval), failed);
    json_value_set(object, "group",
                   json_value_text(t->group_labels[mien_attribute_best(t, values)]), failed);
    add_shares(object, t, values, v + 3, t->group_labels, t->groups, failed);
    return object;
}

/* [[x, y], ...], of points in space [[x, y, z], ...]. */
static json_t *points_json(const mien_attribute *t, const float *v, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < t->count; i += t->dims)
        json_value_append(list, result_pixels(v + i, t->dims, failed), failed);
    return list;
}

static json_t *attribute_json(const mien_attribute *t, const float *values, int *failed) {
    const float *v = values + t->first;
    json_t *object;

    switch (t->kind) {
    case MIEN_VALUE: return result_value(v[0]);
    case MIEN_DISTRIBUTION: return distribution_json(t, values, failed);
    case MIEN_PROBABILITY:
        object = json_object();
        json_value_set(object, "probability", result_score(v[0]), failed);
        if (judge_unsure(t, values)) json_value_set(object, "unsure", json_true(), failed);
        return object;
    case MIEN_ANGLES:
        object = json_object();
        json_value_set(object, "pitch", result_value(v[0]), failed);
        json_value_set(object, "yaw", result_value(v[1]), failed);
        json_value_set(object, "roll", result_value(v[2]), failed);
        return object;
    case MIEN_POINTS: return points_json(t, v, failed);
    }
    return NULL;
}

/* Adds the attributes that networks looking at faces, or at the picture, told of the i-th. Returns
 * how many. */
static int add_attributes(json_t *object, const struct analysis *a, enum mien_item item, int i,
                          int *failed) {
    int told = 0;

    for (int k = 0; k < a->networks->n; k++) {
        const struct network *network = &a->networks->at[k];
        const float *values = a->item[k].values;
        if (!values || network->task.result != MIEN_RESULT_ATTRIBUTES || network->task.item != item)
            continue;
        values += (size_t)i * (size_t)item_width(network);
        for (int t = 0; t < network->info.attributes; t++) {
            mien_attribute one = {.struct_size = sizeof one};
            if (!analysis_tells(a, k, t) || mien_attribute_at(network->net, t, &one)) continue;
            json_value_set(object, one.name, attribute_json(&one, values, failed), failed);
            if (one.groups > 0) {
                char name[80];
                snprintf(name, sizeof name, "%s_range", one.name);
                json_value_set(object, name, range_json(&one, values, failed), failed);
            }
            told++;
        }
    }
    return told;
}

static json_t *embedding_json(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++) json_value_append(array, json_value_float(v[i]), failed);
    return array;
}

json_t *result_found(const mien_face *face, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "box", result_pixels(face->box, 4, failed), failed);
    json_value_set(object, "score", result_score(face->score), failed);
    json_value_set(object, "landmarks", result_landmarks(face, failed), failed);
    return object;
}

/* A face as it was found, and measured where that was asked for. */
static json_t *measured_json(const struct analysis *a, int i, int *failed) {
    json_t *object = result_found(&a->faces[i], failed);

    if (a->measures) {
        const struct item *embedding = analysis_item(a, MIEN_RESULT_EMBEDDING);
        struct measures m = a->measures[i];
        if (m.known && embedding && embedding->norms)
            mien_quality_add_norm(embedding->network->net, embedding->norms[i], &m.quality);
        measures_add_json(object, &m, failed);
    }
    return object;
}

json_t *result_face(const struct analysis *a, int i, int *failed) {
    const struct item *embedding = analysis_item(a, MIEN_RESULT_EMBEDDING);
    json_t *object = measured_json(a, i, failed);

    if (add_attributes(object, a, MIEN_ITEM_FACE, i, failed) && judge_too_small(&a->faces[i]))
        json_value_set(object, "too_small", json_true(), failed);
    if (embedding) {
        int n = item_width(embedding->network);
        json_value_set(object, "embedding",
                       embedding_json(embedding->values + (size_t)i * (size_t)n, n, failed),
                       failed);
    }
    return object;
}

json_t *result_class(const mien_class *c, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "index", json_integer(c->index), failed);
    if (c->wnid) json_value_set(object, "wnid", json_value_text(c->wnid), failed);
    json_value_set(object, "label", json_value_text(c->label), failed);
    json_value_set(object, "score", result_score(c->score), failed);
    return object;
}

void result_add_size(json_t *object, const struct analysis *a, int *failed) {
    json_value_set(object, "format_version", json_integer(RESULT_FORMAT_VERSION), failed);
    json_value_set(object, "width", json_integer(a->width), failed);
    json_value_set(object, "height", json_integer(a->height), failed);
    if (a->warning[0]) json_value_set(object, "warning", json_value_text(a->warning), failed);
}

void result_add_faces(json_t *object, const struct analysis *a, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < a->nfaces; i++) json_value_append(list, result_face(a, i, failed), failed);
    json_value_set(object, "faces", list, failed);
    if (a->turned) json_value_set(object, "turned", json_integer(a->turned), failed);
    if (a->nfaces > 0)
        json_value_set(object, "main",
                       json_integer(mien_main_face(a->faces, a->nfaces, a->width, a->height)),
                       failed);
}

void result_add_picture(json_t *object, const struct analysis *a, int *failed) {
    const struct item *classes = analysis_item(a, MIEN_RESULT_CLASSES);
    json_t *list = json_array(), *attributes = json_object();

    for (int i = 0; classes && i < classes->top; i++)
        json_value_append(list, result_class(&classes->classes[i], failed), failed);
    if (classes)
        json_value_set(object, "classes", list, failed);
    else
        json_decref(list);
    add_attributes(attributes, a, MIEN_ITEM_IMAGE, 0, failed);
    if (json_object_size(attributes) > 0)
        json_value_set(object, "attributes", attributes, failed);
    else
        json_decref(attributes);
}

double result_similarity(const struct analysis *a, const struct analysis *b) {
    const struct item *x = analysis_item(a, MIEN_RESULT_EMBEDDING);
    const struct item *y = analysis_item(b, MIEN_RESULT_EMBEDDING);

    return (double)mien_similarity(x->values, y->values, item_width(x->network));
}

void result_add_comparison(json_t *object, const struct analysis *a, const struct analysis *b,
                           double threshold, int *failed) {
    double similarity = result_similarity(a, b);
    json_t *list = json_array();

    json_value_append(list, measured_json(a, 0, failed), failed);
    json_value_append(list, measured_json(b, 0, failed), failed);
    json_value_set(object, "similarity", result_score((float)similarity), failed);
    json_value_set(object, "same_person", json_boolean(similarity >= threshold), failed);
    json_value_set(object, "verdict", json_string(judge_pair(similarity, threshold)), failed);
    json_value_set(object, "threshold", json_value_number(threshold, 6), failed);
    json_value_set(object, "faces", list, failed);
}
