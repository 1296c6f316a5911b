#include "tasks/attribute_list.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "engine/sized.h"
#include "tasks/attribute_reader.h"
#include "tasks/net.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTRIBUTES = 64 };

/* Blobs older than the key: face-api's network, and InsightFace's. The latter gives two logits
 * (female, male), then a hundred pairs of which each says whether the face is older than that many
 * years (deepinsight/insightface, gender-age/face_model.py). */
static const char FACEAPI[] =
    "[{\"name\": \"age\", \"kind\": \"value\", \"unit\": \"years\", \"low\": 0, \"output\": "
    "\"age\"},"
    " {\"name\": \"gender\", \"kind\": \"distribution\", \"labels\": [\"male\", \"female\"],"
    "  \"output\": \"gender\", \"count\": 1}]";
static const char INSIGHTFACE[] =
    "[{\"name\": \"age\", \"kind\": \"value\", \"unit\": \"years\", \"low\": 0, \"high\": 100,"
    "  \"output\": \"fc1\", \"at\": 2, \"count\": 200, \"decode\": \"pairs\"},"
    " {\"name\": \"gender\", \"kind\": \"distribution\", \"labels\": [\"female\", \"male\"],"
    "  \"output\": \"fc1\", \"count\": 2, \"decode\": \"softmax\"}]";

static const char *metadata_text(const struct mien_net *net) {
    const char *text = blob_meta(net->blob, "attributes");
    if (text) return text;
    if (net_output_index(net, "fc1") >= 0) return INSIGHTFACE;
    if (net_output_index(net, "age") >= 0 && net_output_index(net, "gender") >= 0) return FACEAPI;
    return "";
}

int attribute_list_open(struct mien_net *net, const char *text) {
    struct attribute_list *a = net->attributes = calloc(1, sizeof *a);
    if (!a) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    a->metadata = json_text(text ? text : metadata_text(net), NULL);
    size_t n = json_array_size(a->metadata);
    if (n < 1 || n > MAX_ATTRIBUTES)
        return err_set(MIEN_EWEIGHTS, "%s: metadata attributes is not a list of 1 to %d",
                       blob_label(net->blob), MAX_ATTRIBUTES);
    a->at = calloc(n, sizeof *a->at);
    if (!a->at) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    int rc = MIEN_OK;
    for (; a->n < (int)n && !rc; a->n++) {
        struct reader *r = &a->at[a->n];
        r->shown.struct_size = sizeof r->shown;
        r->shown.first = net->info.attribute_values;
        rc = reader_open(net, a, a->n, json_array_get(a->metadata, (size_t)a->n), r);
        net->info.attribute_values += reader_values(r);
    }
    net->info.attributes = a->n;
    return rc;
}

void attribute_list_free(struct attribute_list *a) {
    if (!a) return;
    for (int i = 0; i < a->n; i++) reader_close(&a->at[i]);
    free(a->at);
    json_decref(a->metadata);
    free(a);
}

static float clamp(const mien_attribute *shown, float v) {
    return v > shown->high ? shown->high : v >= shown->low ? v : shown->low;
}

/* With a temperature for each label the likeliest one's counts, so that it stays the likeliest. */
static void softmax(const struct reader *r, const float *v, int n, float *out) {
    int best = 0;
    float sum = 0;
    for (int i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    float temperature = r->temperatures ? r->temperatures[best] : r->temperature;
    for (int i = 0; i < n; i++) sum += out[i] = expf((v[i] - v[best]) / temperature);
    for (int i = 0; i < n; i++) out[i] /= sum;
}

static void read_distribution(const struct reader *r, const float *v, float *out) {
    int n = r->shown.count;
    if (r->decode == DECODE_SOFTMAX) {
        softmax(r, v, n, out);
        return;
    }
    memcpy(out, v, (size_t)r->count * sizeof *out);
    if (r->count == n) return;
    out[n - 1] = 1;
    for (int i = 0; i < n - 1; i++) out[n - 1] -= out[i];
}

static float read_value(const struct reader *r, const float *v) {
    float sum = 0;
    if (r->decode == DECODE_NONE) return v[0] * r->scale + r->shift;
    for (int i = 0; i < r->count; i += 2) sum += v[i + 1] > v[i] ? 1 : 0;
    return sum * r->scale + r->shift;
}

/* The number, its interval and the groups' shares. */
static void read_groups(const struct reader *r, const float *v, float *out) {
    softmax(r, v, r->groups.n, out + GROUPS_ENDS);
    groups_number(&r->groups, out + GROUPS_ENDS, out);
    for (int i = 0; i < GROUPS_ENDS; i++) out[i] = clamp(&r->shown, out[i]);
}

static void read_outputs(const struct reader *r, const float *v, float *out) {
    switch (r->shown.kind) {
    case MIEN_DISTRIBUTION: read_distribution(r, v, out); break;
    case MIEN_VALUE:
        if (r->decode == DECODE_GROUPS)
            read_groups(r, v, out);
        else
            out[0] = clamp(&r->shown, read_value(r, v));
        break;
    case MIEN_PROBABILITY:
        out[0] = clamp(&r->shown,
                       r->decode == DECODE_SIGMOID ? 1 / (1 + expf(-v[0] / r->temperature)) : v[0]);
        break;
    case MIEN_ANGLES:
        for (int i = 0; i < 3; i++) out[i] = clamp(&r->shown, v[i] * r->scale + r->shift);
        break;
    case MIEN_POINTS: /* depth is counted from the face's middle, not from a side */
        for (int i = 0; i < r->count; i++)
            out[i] = v[i] * r->scale + (i % r->shown.dims < 2 ? r->shift : 0);
        break;
    }
}

void attribute_list_take(const struct attribute_list *a, const float *const *outputs,
                         float *values) {
    for (int k = 0; k < a->n; k++) {
        const struct reader *r = &a->at[k];
        if (!r->points) read_outputs(r, outputs[r->output] + r->at, values + r->shown.first);
    }
}

int attribute_list_has_points(const struct attribute_list *a) {
    for (int k = 0; k < a->n; k++)
        if (a->at[k].shown.kind == MIEN_POINTS) return 1;
    return 0;
}

static void place_points(const struct reader *r, const struct rect_f *s, float *v) {
    int dims = r->shown.dims;
    for (int i = 0; i < r->count; i++) {
        double from = i % dims == 0 ? s->x0 : i % dims == 1 ? s->y0 : 0;
        v[i] = (float)(from + (s->x1 - s->x0) * (double)v[i]);
    }
}

static void pose_of(const struct reader *r, const float *points, float *angles) {
    float six[HEAD_POSE_POINTS][2];
    for (int i = 0; i < HEAD_POSE_POINTS; i++)
        memcpy(six[i], points + r->points->shown.dims * r->pose[i], sizeof six[i]);
    head_pose((const float(*)[2])six, angles);
}

void attribute_list_place(const struct attribute_list *a, const struct rect_f *s, float *values) {
    for (int k = 0; k < a->n; k++) {
        const struct reader *r = &a->at[k];
        float *v = values + r->shown.first;
        if (r->shown.kind == MIEN_POINTS) place_points(r, s, v);
        if (r->points) pose_of(r, values + r->points->shown.first, v);
        for (int i = 0; r->points && i < 3; i++) v[i] = clamp(&r->shown, v[i]);
    }
}

int mien_attribute_at(const mien_net *net, int i, mien_attribute *attribute) {
    if (!net || !attribute) return err_null("mien_attribute_at");
    if (i < 0 || i >= net->info.attributes)
        return err_set(MIEN_EINVAL, "network '%s' has no attribute %d", net->info.name, i);
    const mien_attribute *shown = &net->attributes->at[i].shown;
    return sized_write(attribute, shown, sizeof *shown, "mien_attribute");
}

int mien_attribute_best(const mien_attribute *attribute, const float *values) {
    int best = 0;
    if (!attribute || !values) return err_null("mien_attribute_best");
    int known = attribute->struct_size >= sizeof *attribute; /* else the program is older */
    int grouped = known && attribute->groups > 0,
        n = grouped ? attribute->groups : attribute->count;
    const float *share = values + attribute->first + (grouped ? GROUPS_ENDS : 0);
    for (int i = 1; i < n; i++)
        if (share[i] > share[best]) best = i;
    return best;
}
