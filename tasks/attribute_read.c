/* What a blob says of its attributes, checked. */
#include "engine/err.h"
#include "engine/json_text.h"
#include "tasks/attribute_reader.h"
#include "tasks/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 4096 };

/* A label less likely than this is not told as such, where the blob says nothing else. */
#define UNSURE_BELOW 0.6

static const char *const decodes[] = {"none", "softmax", "sigmoid", "pairs", "groups", NULL};
static const char *const kinds[] = {"value",  "distribution", "probability",
                                    "angles", "points",       NULL};

static int position(const char *word, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (word && strcmp(word, words[i]) == 0) return i;
    return -1;
}

/* Names are keys of JSON beside those a face has already. */
static int is_name(const char *name) {
    static const char *const taken[] = {"box",       "score",   "landmarks", "embedding",
                                        "too_small", "quality", NULL};
    static const char range[] = "_range"; /* what is told of a value besides is called so */
    size_t n = name ? strlen(name) : 0, m = strlen(range);
    return n > 0 && n < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n &&
           (n < m || strcmp(name + n - m, range) != 0) && position(name, taken) < 0;
}

static int fail(const struct mien_net *net, int i, const char *why) {
    return err_set(MIEN_EWEIGHTS, "%s: metadata attributes[%d]: %s", blob_label(net->blob), i, why);
}

/* A number of the metadata, `otherwise` where it is not given. */
static double number(const json_t *j, const char *key, double otherwise) {
    const json_t *v = json_object_get(j, key);
    return v ? json_is_number(v) ? json_number_value(v) : NAN : otherwise;
}

/* How many labels there are; 0 where they are not 2 to `most` texts. */
static int read_labels(const json_t *list, size_t most, struct reader *r) {
    size_t n = json_array_size(list);
    if (n < 2 || n > most) return 0;
    r->labels = calloc(n, sizeof *r->labels);
    for (size_t i = 0; r->labels && i < n; i++)
        if (!(r->labels[i] = json_string_value(json_array_get(list, i)))) return 0;
    return r->labels ? (int)n : 0;
}

/* n numbers; NULL where the list is none of as many finite ones. The caller frees them. */
static double *read_numbers(const json_t *list, int n) {
    double *v = json_array_size(list) == (size_t)n ? calloc((size_t)n, sizeof *v) : NULL;
    int good = v != NULL;
    for (int i = 0; i < n && good; i++) {
        const json_t *one = json_array_get(list, (size_t)i);
        v[i] = json_number_value(one);
        good = json_is_number(one) && isfinite(v[i]);
    }
    if (good) return v;
    free(v);
    return NULL;
}

/* Values of the output an attribute takes unless it says otherwise. */
static int usual_count(const struct reader *r) {
    switch (r->shown.kind) {
    case MIEN_DISTRIBUTION: return r->shown.count;
    case MIEN_VALUE: return r->shown.groups > 0 ? r->shown.groups : 1;
    case MIEN_ANGLES: return 3;
    case MIEN_POINTS: return 0; /* it has to be said */
    default: return 1;
    }
}

/* Whether the values read give what the kind has. */
static int fits(const struct reader *r) {
    int n = r->count, d = r->decode;
    switch (r->shown.kind) {
    case MIEN_VALUE:
        if (r->shown.groups > 0) return d == DECODE_GROUPS && n == r->shown.groups;
        return (d == DECODE_NONE && n == 1) || (d == DECODE_PAIRS && n % 2 == 0);
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

/* Numbers of a list that may be left out: *out is NULL then. -1 where it is there and wrong. */
static int read_optional(const json_t *j, const char *key, int n, double **out) {
    const json_t *list = json_object_get(j, key);
    *out = list ? read_numbers(list, n) : NULL;
    return list && !*out ? -1 : 0;
}

/* What probabilities of groups are divided by. */
static int read_prior(const json_t *j, struct groups *g) {
    double power = number(j, "prior_power", 1), *prior;
    if (read_optional(j, "prior", g->n, &prior) || !(power >= 0 && power <= 1)) {
        free(prior);
        return -1;
    }
    int good = 1;
    for (int i = 0; i < g->n; i++) {
        if (prior && !(prior[i] > 0 && prior[i] <= 1)) good = 0;
        g->prior[i] = prior && good ? pow(prior[i], power) : 1;
    }
    free(prior);
    return good ? 0 : -1;
}

/* A value that is told of groups. */
static int read_groups(const struct mien_net *net, int i, const json_t *j, struct reader *r) {
    struct groups *g = &r->groups;
    g->n = r->shown.groups = read_labels(json_object_get(j, "labels"), GROUPS_MOST, r);
    if (g->n == 0) return fail(net, i, "groups have a list of 2 to 256 labels");
    g->edges = read_numbers(json_object_get(j, "edges"), g->n + 1);
    for (int k = 0; g->edges && k < g->n; k++)
        if (!(g->edges[k] < g->edges[k + 1]))
            return fail(net, i, "edges of groups are rising numbers, one more than labels");
    if (!g->edges) return fail(net, i, "edges of groups are rising numbers, one more than labels");
    g->prior = calloc((size_t)g->n, sizeof *g->prior);
    if (!g->prior) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    if (read_prior(j, g))
        return fail(net, i, "prior is no list of a probability a group, or prior_power not 0 to 1");
    if (read_optional(j, "means", g->n, &g->means))
        return fail(net, i, "means are not a number a group");
    if (!g->means) g->means = calloc((size_t)g->n, sizeof *g->means);
    if (!g->means) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    for (int k = 0; k < g->n && !json_object_get(j, "means"); k++)
        g->means[k] = (g->edges[k] + g->edges[k + 1]) / 2;
    g->interval = number(j, "interval", 0.8);
    if (!(g->interval > 0 && g->interval < 1))
        return fail(net, i, "interval is not between 0 and 1");
    r->shown.group_labels = r->labels;
    r->shown.group_edges = g->edges;
    r->shown.interval = (float)g->interval;
    return MIEN_OK;
}

static int is_positive(double v) {
    return v > 0 && isfinite(v);
}

/* One for all labels, or one a label. */
static int read_temperatures(const struct mien_net *net, int i, const json_t *j, struct reader *r) {
    int n = r->shown.groups > 0 ? r->shown.groups : r->shown.count;
    double temperature = number(j, "temperature", 1), *all;
    r->temperature = (float)temperature;
    if (!is_positive(temperature)) return fail(net, i, "temperature is not above 0");
    if (read_optional(j, "temperatures", n, &all))
        return fail(net, i, "temperatures are not one above 0 a label");
    if (all) r->temperatures = calloc((size_t)n, sizeof *r->temperatures);
    int good = !all || r->temperatures != NULL;
    for (int k = 0; all && k < n && good; k++) {
        r->temperatures[k] = (float)all[k];
        good = is_positive(all[k]);
    }
    free(all);
    return good ? MIEN_OK : fail(net, i, "temperatures are not one above 0 a label");
}

/* How sure is sure enough, whether it is told unasked, and how often it is right. */
static int read_certainty(const struct mien_net *net, int i, const json_t *j, struct reader *r) {
    const json_t *by_default = json_object_get(j, "default");
    const json_t *measured = json_object_get(j, "measured");
    double unsure =
        number(j, "unsure_below", r->shown.kind == MIEN_DISTRIBUTION ? UNSURE_BELOW : 0);
    if (!(unsure >= 0 && unsure <= 1)) return fail(net, i, "unsure_below is not 0 to 1");
    if (by_default && !json_is_boolean(by_default))
        return fail(net, i, "default is neither true nor false");
    if (measured && !json_is_object(measured)) return fail(net, i, "measured is no object");
    r->shown.unsure_below = (float)unsure;
    r->shown.by_default = !json_is_false(by_default);
    size_t n;
    if (measured &&
        !(r->measured = json_written(measured, JSON_COMPACT | JSON_REAL_PRECISION(9), &n)))
        return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    r->shown.measured = r->measured ? r->measured : "";
    return MIEN_OK;
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

/* The values it is read from. */
static int read_source(const struct mien_net *net, const struct attribute_list *a, int i,
                       const json_t *j, struct reader *r) {
    if (r->shown.kind == MIEN_POINTS) return read_points(net, i, j, r);
    if (r->shown.kind == MIEN_ANGLES && json_object_get(j, "points"))
        return read_pose(net, a, i, j, r);
    return read_output(net, i, j, r);
}

int reader_values(const struct reader *r) {
    return r->shown.groups > 0 ? GROUPS_ENDS + r->shown.groups : r->shown.count;
}

int reader_open(const struct mien_net *net, const struct attribute_list *a, int i, const json_t *j,
                struct reader *r) {
    const char *decode = json_string_value(json_object_get(j, "decode"));
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
    if (kind == MIEN_DISTRIBUTION) {
        shown->count = read_labels(json_object_get(j, "labels"), MAX_LABELS, r);
        shown->labels = r->labels;
        if (shown->count == 0)
            return fail(net, i, "a distribution has a list of 2 labels and more");
    }
    int rc = MIEN_OK;
    if (kind == MIEN_VALUE && decode && strcmp(decode, "groups") == 0)
        rc = read_groups(net, i, j, r);
    if (!rc) rc = read_temperatures(net, i, j, r);
    if (!rc) rc = read_certainty(net, i, j, r);
    if (rc) return rc;
    int is_share = kind == MIEN_DISTRIBUTION || kind == MIEN_PROBABILITY;
    shown->low = is_share ? 0 : (float)number(j, "low", -INFINITY);
    shown->high = is_share ? 1 : (float)number(j, "high", INFINITY);
    if (!(shown->low <= shown->high)) return fail(net, i, "low and high are not in order");
    return read_source(net, a, i, j, r);
}

void reader_close(struct reader *r) {
    free(r->labels);
    free(r->temperatures);
    free(r->groups.edges);
    free(r->groups.means);
    free(r->groups.prior);
    free(r->measured);
}
