#include "analysis/seed_json.h"

#include "analysis/judge.h"
#include "analysis/result_json.h"
#include "common/json_values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

json_t *seed_found(const mien_face *face, int *failed) {
    json_t *object = json_object(), *box = json_array();

    for (int i = 0; i < 4; i++) json_value_append(box, json_integer(lroundf(face->box[i])), failed);
    json_value_set(object, "bbox", box, failed);
    json_value_set(object, "confidence", result_score(face->score), failed);
    return object;
}

/* The attribute of that name that is told of faces, with all values of face i; NULL: none is. */
static const float *find(const struct analysis *a, const char *name, int i, mien_attribute *out) {
    for (int k = 0; k < a->networks->n; k++) {
        const struct network *network = &a->networks->at[k];
        const float *values = a->item[k].values;
        if (!values || network->task.result != MIEN_RESULT_ATTRIBUTES ||
            network->task.item != MIEN_ITEM_FACE)
            continue;
        for (int t = 0; t < network->info.attributes; t++) {
            *out = (mien_attribute){.struct_size = sizeof *out};
            if (analysis_tells(a, k, t) && mien_attribute_at(network->net, t, out) == MIEN_OK &&
                strcmp(out->name, name) == 0)
                return values + (size_t)i * (size_t)item_width(network);
        }
    }
    return NULL;
}

static void add_age(json_t *object, const struct analysis *a, int i, int *failed) {
    mien_attribute age;
    const float *values = find(a, "age", i, &age);
    json_t *label = NULL, *confidence = NULL;
    char decade[32];

    if (values && age.groups > 0) {
        label = json_value_text(age.group_labels[mien_attribute_best(&age, values)]);
        confidence = result_score(judge_group(&age, values));
    } else if (values && age.kind == MIEN_VALUE && isfinite(values[age.first])) {
        float years = values[age.first] > 0 ? values[age.first] : 0;
        int first = years < 1000 ? (int)years / 10 * 10 : 1000;
        snprintf(decade, sizeof decade, "%d-%d", first, first + 9);
        label = json_string(decade);
        confidence = json_null();
    } else {
        label = json_null();
        confidence = json_null();
    }
    json_value_set(object, "age", label, failed);
    json_value_set(object, "age_confidence", confidence, failed);
}

static void add_gender(json_t *object, const struct analysis *a, int i, int *failed) {
    mien_attribute gender;
    const float *values = find(a, "gender", i, &gender);
    json_t *label = NULL, *confidence = NULL;
    char word[64];

    if (values && gender.kind == MIEN_DISTRIBUTION) {
        int best = mien_attribute_best(&gender, values);
        snprintf(word, sizeof word, "%s", gender.labels[best]);
        if (word[0] >= 'a' && word[0] <= 'z') word[0] = (char)(word[0] - 'a' + 'A');
        label = json_value_text(word);
        confidence = result_score(values[gender.first + best]);
    } else {
        label = json_null();
        confidence = json_null();
    }
    json_value_set(object, "gender", label, failed);
    json_value_set(object, "gender_confidence", confidence, failed);
}

json_t *seed_told(const struct analysis *a, int i, int *failed) {
    json_t *object = json_object();

    add_age(object, a, i, failed);
    add_gender(object, a, i, failed);
    return object;
}

void seed_time(struct timespec when, char out[SEED_TIME]) {
    struct tm utc;
    size_t n =
        gmtime_r(&when.tv_sec, &utc) ? strftime(out, SEED_TIME, "%Y-%m-%dT%H:%M:%S", &utc) : 0;

    snprintf(out + n, SEED_TIME - n, ".%06u", (unsigned)(when.tv_nsec / 1000) % 1000000);
}

json_t *seed_picture(const char *image_id, json_t *faces, struct timespec when, int *failed) {
    json_t *object = json_object();
    char time[SEED_TIME];

    seed_time(when, time);
    json_value_set(object, "image_id", json_value_text(image_id), failed);
    json_value_set(object, "faces", faces, failed);
    json_value_set(object, "processing_time", json_string(time), failed);
    return object;
}

json_t *seed_json(const char *image_id, const struct analysis *a, struct timespec when,
                  int *failed) {
    json_t *faces = json_array();

    for (int i = 0; i < a->nfaces; i++) {
        json_t *face = seed_found(&a->faces[i], failed), *told = seed_told(a, i, failed);
        if (!face || !told || json_object_update(face, told)) *failed = 1;
        json_decref(told);
        json_value_append(faces, face, failed);
    }
    return seed_picture(image_id, faces, when, failed);
}
