#include "tasks/attribute_list.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "engine/sized.h"
#include "tasks/net.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTRIBUTES = 64, MAX_LABELS = 4096 };

/* How values are read from an output. */
enum decode { DECODE_NONE, DECODE_SOFTMAX, DECODE_SIGMOID, DECODE_PAIRS };
static const char *const decodes[] = {"none", "softmax", "sigmoid", "pairs", NULL};
static const char *const kinds[] = {"value", "distribution", "probability", "angles", NULL};

struct reader {
    mien_attribute shown;
    const char **labels;   /* [shown.count]; texts belong to the metadata */
    int output, at, count; /* values at .. at + count - 1 of that output */
    enum decode decode;
    float scale, shift; /* of values and angles: value * scale + shift */
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
    static const char *const taken[] = {"box",       "score",     "landmarks",
                                        "embedding", "too_small", NULL};
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
        return fail(net, i, "its kind is none of value, distribution, probability, angles");
    shown->kind = (enum mien_attribute_kind)kind;
    shown->count = kind == MIEN_ANGLES ? 3 : 1;
    shown->unit = kind == MIEN_VALUE && unit ? unit : "";
    if (kind == MIEN_DISTRIBUTION && read_labels(json_object_get(j, "labels"), r))
        return fail(net, i, "a distribution has a list of 2 labels and more");
    int is_share = kind == MIEN_DISTRIBUTION || kind == MIEN_PROBABILITY;
    shown->low = is_share ? 0 : (float)number(j, "low", -INFINITY);
    shown->high = is_share ? 1 : (float)number(j, "high", INFINITY);
    if (!(shown->low <= shown->high)) return fail(net, i, "low and high are not in order");
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
    }
}

void attribute_list_take(const struct attribute_list *a, const float *const *outputs,
                         float *values) {
    for (int k = 0; k < a->n; k++) {
        const struct reader *r = &a->at[k];
        read_outputs(r, outputs[r->output] + r->at, values + r->shown.first);
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
