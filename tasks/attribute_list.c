#include "tasks/attribute_list.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "engine/sized.h"
#include "tasks/net.h"
#include "vision/head_pose.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTRIBUTES = 64, MAX_LABELS = 4096 };

/* How values are read from an output. */
enum decode { DECODE_NONE, DECODE_SOFTMAX, DECODE_SIGMOID, DECODE_PAIRS };
static const char *const decodes[] = {"none", "softmax", "sigmoid", "pairs", NULL};
static const char *const kinds[] = {"value",  "distribution", "probability",
                                    "angles", "points",       NULL};

struct reader {
    mien_attribute shown;
    const char **labels;   /* [shown.count]; texts belong to the metadata */
    int output, at, count; /* values at .. at + count - 1 of that output */
    enum decode decode;
    float scale, shift;          /* of values, angles and points: value * scale + shift */
    const struct reader *points; /* angles: of a head, by these points; NULL: by the output */
    int pose[HEAD_POSE_POINTS];  /* which of them */
};

struct attribute_list {
    json_t *metadata;
    int n;
    struct reader *at; /* [n] */
};

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

static int position(const char *word, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (word && strcmp(word, words[i]) == 0) return i;
    return -1;
}

/* Names are keys of JSON beside those a face has already. */
static int is_name(const char *name) {
    static const char *const taken[] = {"box",       "score",   "landmarks", "embedding",
                                        "too_small", "quality", NULL};
    return name && *name && strlen(name) < 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
           position(name, taken) < 0;
}

static int fail(const struct mien_net *net, int i, const char *why) {
    return err_set(MIEN_EWEIGHTS, "%s: metadata attributes[%d]: %s", blob_label(net->blob), i, why);
}

/* A number of the metadata, `otherwise` where it is not given. */
static double number(const json_t *j, const char *key, double otherwise) {
    const json_t *v = json_object_get(j, key);
    return v ? json_is_number(v) ? json_number_value(v) : NAN : otherwise;
}

static int read_labels(const json_t *list, struct reader *r) {
    size_t n = json_array_size(list);
    if (n < 2 || n > MAX_LABELS) return -1;
    r->labels = calloc(n, sizeof *r->labels);
    for (size_t i = 0; r->labels && i < n; i++)
        if (!(r->labels[i] = json_string_value(json_array_get(list, i)))) return -1;
    r->shown.labels = r->labels;
    r->shown.count = (int)n;
    return r->labels ? 0 : -1;
}

/* Values of the output an attribute takes unless it says otherwise. */
static int usual_count(const struct reader *r) {
    switch (r->shown.kind) {
    case MIEN_DISTRIBUTION: return r->shown.count;
    case MIEN_ANGLES: return 3;
    case MIEN_POINTS: return 0; /* it has to be said */
    default: return 1;
    }
}

/* Whether the values read give what the kind has. */
static int fits(const struct reader *r) {
    int n = r->count, d = r->decode;
    switch (r->shown.kind) {
    case MIEN_VALUE: return (d == DECODE_NONE && n == 1) || (d == DECODE_PAIRS && n % 2 == 0);
    case MIEN_DISTRIBUTION: /* of probabilities the last may be what is missing to 1 */
        return ((d == DECODE_NONE || d == DECODE_SOFTMAX) && n == r->shown.count) ||
               (d == DECODE_NONE && n == r->shown.count - 1);
    case MIEN_PROBABILITY: return (d == DECODE_NONE || d == DECODE_SIGMOID) && n == 1;
    case MIEN_ANGLES: return d == DECODE_NONE && n == 3;
    case MIEN_POINTS: return d == DECODE_NONE && n % r->shown.dims == 0;
    }
    return 0;
}

static int read_output(const struct mien_net *net, int i, const json_t *j, struct reader *r) {
    const char *output = json_string_value(json_object_get(j, "output"));
    const char *decode = json_string_value(json_object_get(j, "decode"));
    double at = number(j, "at", 0), count = number(j, "count", usual_count(r));
    int channels, found = position(decode ? decode : "none", decodes);
    r->output = output ? net_output_index(net, output) : -1;
    if (r->output < 0) return fail(net, i, "the network has no such output");
    channels = net_output_channels(net, r->output);
    if (!(at >= 0 && count >= 1 && at + count <= channels) || at != floor(at) ||
        count != floor(count))
        return fail(net, i, "at and count are not within the output");
    r->at = (int)at;
    r->count = (int)count;
    r->decode = found < 0 ? DECODE_NONE : (enum decode)found;
    if (found < 0 || !fits(r)) return fail(net, i, "decode and count do not fit its kind");
    r->scale = (float)number(j, "scale", 1);
    r->shift = (float)number(j, "shift", 0);
    if (isfinite(r->scale) && isfinite(r->shift)) return MIEN_OK;
    return fail(net, i, "scale or shift is no number");
}

/* Angles of a head by points of an attribute before it. */
static int read_pose(const struct mien_net *net, const struct attribute_list *a, int i,
                     const json_t *j, struct reader *r) {
    const char *name = json_string_value(json_object_get(j, "points"));
    const json_t *list = json_object_get(j, "pose_points");
    for (int k = 0; name && k < i; k++)
        if (strcmp(a->at[k].shown.name, name) == 0) r->points = &a->at[k];
    if (!r->points || r->points->shown.kind != MIEN_POINTS)
        return fail(net, i, "no attribute before it has the points it names");
    int n = r->points->shown.count / r->points->shown.dims;
    if (json_array_size(list) != HEAD_POSE_POINTS)
        return fail(net, i, "pose_points are not six of its points");
    for (size_t k = 0; k < HEAD_POSE_POINTS; k++) {
        const json_t *v = json_array_get(list, k);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= n)
            return fail(net, i, "pose_points are not six of its points");
        r->pose[k] = (int)json_integer_value(v);
    }
    return MIEN_OK;
}

/* Where points of a face lie is known of networks that see a square of its image. */
static int read_points(const struct mien_net *net, int i, const json_t *j, struct reader *r) {
    double dims = number(j, "dims", 2);
    if (dims != 2 && dims != 3) return fail(net, i, "points have 2 or 3 dims");
    if (net->task->item != MIEN_ITEM_FACE) return fail(net, i, "points are those of faces");
    r->shown.dims = (int)dims;
    int rc = read_output(net, i, j, r);
    r->shown.count = r->count;
    return rc;
}

static int read_attribute(const struct mien_net *net, const struct attribute_list *a, int i,
                          const json_t *j, struct reader *r) {
    const char *unit = json_string_value(json_object_get(j, "unit"));
    int kind = position(json_string_value(json_object_get(j, "kind")), kinds);
    mien_attribute *shown = &r->shown;
    shown->name = json_string_value(json_object_get(j, "name"));
    if (!is_name(shown->name)) return fail(net, i, "its name is none an attribute can have");
    for (int k = 0; k < i; k++)
        if (strcmp(a->at[k].shown.name, shown->name) == 0)
            return fail(net, i, "another has its name");
    if (kind < 0)
        return fail(net, i, "its kind is none of value, distribution, probability, angles, points");
    shown->kind = (enum mien_attribute_kind)kind;
    shown->count = kind == MIEN_ANGLES ? 3 : 1;
    shown->unit = kind == MIEN_VALUE && unit ? unit : "";
    if (kind == MIEN_DISTRIBUTION && read_labels(json_object_get(j, "labels"), r))
        return fail(net, i, "a distribution has a list of 2 labels and more");
    int is_share = kind == MIEN_DISTRIBUTION || kind == MIEN_PROBABILITY;
    shown->low = is_share ? 0 : (float)number(j, "low", -INFINITY);
    shown->high = is_share ? 1 : (float)number(j, "high", INFINITY);
    if (!(shown->low <= shown->high)) return fail(net, i, "low and high are not in order");
    if (kind == MIEN_POINTS) return read_points(net, i, j, r);
    if (kind == MIEN_ANGLES && json_object_get(j, "points")) return read_pose(net, a, i, j, r);
    return read_output(net, i, j, r);
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
        rc = read_attribute(net, a, a->n, json_array_get(a->metadata, (size_t)a->n), r);
        net->info.attribute_values += r->shown.count;
    }
    net->info.attributes = a->n;
    return rc;
}

void attribute_list_free(struct attribute_list *a) {
    if (!a) return;
    for (int i = 0; i < a->n; i++) free(a->at[i].labels);
    free(a->at);
    json_decref(a->metadata);
    free(a);
}

static float clamp(const mien_attribute *shown, float v) {
    return v > shown->high ? shown->high : v >= shown->low ? v : shown->low;
}

static void softmax(const float *v, int n, float *out) {
    float most = v[0], sum = 0;
    for (int i = 1; i < n; i++) most = fmaxf(most, v[i]);
    for (int i = 0; i < n; i++) sum += out[i] = expf(v[i] - most);
    for (int i = 0; i < n; i++) out[i] /= sum;
}

static void read_distribution(const struct reader *r, const float *v, float *out) {
    int n = r->shown.count;
    if (r->decode == DECODE_SOFTMAX) {
        softmax(v, n, out);
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

static void read_outputs(const struct reader *r, const float *v, float *out) {
    switch (r->shown.kind) {
    case MIEN_DISTRIBUTION: read_distribution(r, v, out); break;
    case MIEN_VALUE: out[0] = clamp(&r->shown, read_value(r, v)); break;
    case MIEN_PROBABILITY:
        out[0] = clamp(&r->shown, r->decode == DECODE_SIGMOID ? 1 / (1 + expf(-v[0])) : v[0]);
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
    for (int i = 1; i < attribute->count; i++)
        if (values[attribute->first + i] > values[attribute->first + best]) best = i;
    return best;
}
