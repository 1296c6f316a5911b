/* The `variant` of a detector's blob (docs/blob.md) to an anchor_spec: what its anchors are stands
 * there, so that a detector of another arch needs no code here. */
#include "engine/err.h"
#include "engine/json_text.h"
#include "vision/anchors.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define MAX_STRIDE 1024

/* SCRFD's blobs did not say theirs at first: it has no free constants. */
static const char SCRFD[] =
    "{\"kind\": \"distances\", \"strides\": [8, 16, 32], \"per_cell\": 2, \"centre\": \"corner\"}";

/* Puts the number at *out where it lies in low..high; name: for the error. */
static int number(const json_t *v, const char *name, double low, double high, double *out) {
    if (!json_is_number(v)) return err_set(MIEN_EWEIGHTS, "variant: %s is not a number", name);
    double x = json_number_value(v);
    if (!(x >= low && x <= high))
        return err_set(MIEN_EWEIGHTS, "variant: %s is %g, not in %g..%g", name, x, low, high);
    *out = x;
    return MIEN_OK;
}

static int array(const json_t *v, const char *name, size_t least, size_t most) {
    if (!json_is_array(v)) return err_set(MIEN_EWEIGHTS, "variant: %s is not an array", name);
    size_t n = json_array_size(v);
    if (n >= least && n <= most) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "variant: %s has %zu values, not %zu to %zu", name, n, least,
                   most);
}

static int read_sizes(const json_t *sizes, struct anchor_level *level) {
    int rc = array(sizes, "anchors.sizes[]", 1, ANCHOR_PER_CELL);
    level->anchors = rc == MIEN_OK ? (int)json_array_size(sizes) : 0;
    for (int i = 0; rc == MIEN_OK && i < level->anchors; i++) {
        double size = 0;
        rc = number(json_array_get(sizes, (size_t)i), "anchors.sizes[][]", 1, 65536, &size);
        if (rc == MIEN_OK) level->size[i] = (float)size;
    }
    return rc;
}

static int read_strides(const json_t *strides, struct anchor_spec *s) {
    int rc = array(strides, "anchors.strides", 1, ANCHOR_LEVELS);
    s->levels = rc == MIEN_OK ? (int)json_array_size(strides) : 0;
    for (int l = 0; rc == MIEN_OK && l < s->levels; l++) {
        double stride = 1;
        rc =
            number(json_array_get(strides, (size_t)l), "anchors.strides[]", 1, MAX_STRIDE, &stride);
        if (rc == MIEN_OK && stride != floor(stride))
            rc = err_set(MIEN_EWEIGHTS, "variant: anchors.strides[] is %g, not whole", stride);
        s->level[l].stride = (int)stride;
    }
    return rc;
}

/* Where the anchors of cell 0 are centred. "half": in its middle. "corner": at its top left.
 * "base16": InsightFace grows a 16x16 box at 0..15 on every level, so the centre is 7.5 whatever
 * the stride (rcnn/processing/generate_anchor.py). */
static int read_centre(const json_t *v, struct anchor_spec *s) {
    const char *name = json_string_value(v);
    int half = name && strcmp(name, "half") == 0, base16 = name && strcmp(name, "base16") == 0;
    if (!half && !base16 && (!name || strcmp(name, "corner") != 0))
        return err_set(MIEN_EWEIGHTS, "variant: anchors.centre is none of \"half\", \"corner\", "
                                      "\"base16\"");
    for (int l = 0; l < s->levels; l++)
        s->centre[l] = half ? 0.5f * (float)s->level[l].stride : base16 ? 7.5f : 0;
    return MIEN_OK;
}

/* Boxes are offsets from anchors that have sizes, scaled by variances. */
static int read_offsets(const json_t *variant, const json_t *anchors, struct anchor_spec *s) {
    const json_t *sizes = json_object_get(anchors, "sizes");
    const json_t *variances = json_object_get(variant, "variances");
    double v[2] = {0, 0}, landmark = 0, plus_one = 0;
    int rc = array(sizes, "anchors.sizes", (size_t)s->levels, (size_t)s->levels);
    for (int l = 0; rc == MIEN_OK && l < s->levels; l++)
        rc = read_sizes(json_array_get(sizes, (size_t)l), &s->level[l]);
    if (rc == MIEN_OK)
        rc = number(json_object_get(anchors, "plus_one"), "anchors.plus_one", 0, 1, &plus_one);
    if (rc == MIEN_OK) rc = array(variances, "variances", 2, 2);
    for (size_t i = 0; rc == MIEN_OK && i < 2; i++)
        rc = number(json_array_get(variances, i), "variances[]", 1e-6, 100, &v[i]);
    if (rc == MIEN_OK)
        rc = number(json_object_get(variant, "landmark_variance"), "landmark_variance", 1e-6, 100,
                    &landmark);
    s->kind = ANCHORS_OFFSETS;
    s->plus_one = plus_one != 0;
    s->variance[0] = (float)v[0];
    s->variance[1] = (float)v[1];
    s->landmark_variance = (float)landmark;
    return rc;
}

/* Boxes are distances to the four sides, in strides: anchors are points. */
static int read_distances(const json_t *anchors, struct anchor_spec *s) {
    double n = 0;
    int rc =
        number(json_object_get(anchors, "per_cell"), "anchors.per_cell", 1, ANCHOR_PER_CELL, &n);
    if (rc == MIEN_OK && n != floor(n))
        rc = err_set(MIEN_EWEIGHTS, "variant: anchors.per_cell is %g, not whole", n);
    for (int l = 0; l < s->levels; l++) s->level[l].anchors = (int)n;
    s->kind = ANCHORS_DISTANCES;
    s->variance[0] = s->variance[1] = s->landmark_variance = 1;
    return rc;
}

/* "root": YuNet gives the product of a class and an objectness, whose root is the score. */
static int read_score(const json_t *v, struct anchor_spec *s) {
    const char *name = json_string_value(v);
    s->root = name && strcmp(name, "root") == 0;
    if (!v || s->root || (name && strcmp(name, "probability") == 0)) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "variant: anchors.score is neither \"probability\" nor \"root\"");
}

static int read_anchors(const json_t *variant, const json_t *anchors, struct anchor_spec *s) {
    const json_t *given = json_object_get(anchors, "kind");
    const char *kind = given ? json_string_value(given) : "offsets";
    if (!json_is_object(anchors))
        return err_set(MIEN_EWEIGHTS, "variant: anchors is missing or not an object");
    int rc = read_strides(json_object_get(anchors, "strides"), s);
    if (rc == MIEN_OK) rc = read_centre(json_object_get(anchors, "centre"), s);
    if (rc == MIEN_OK) rc = read_score(json_object_get(anchors, "score"), s);
    if (rc != MIEN_OK) return rc;
    if (kind && strcmp(kind, "offsets") == 0) return read_offsets(variant, anchors, s);
    if (kind && strcmp(kind, "distances") == 0) return read_distances(anchors, s);
    return err_set(MIEN_EWEIGHTS, "variant: anchors.kind is neither \"offsets\" nor \"distances\"");
}

int anchor_spec_from_json(const char *arch, const char *variant, struct anchor_spec *spec) {
    struct anchor_spec s = {0};
    json_error_t why;
    *spec = s;
    json_t *root = json_text(variant ? variant : "{}", &why);
    if (!root) return err_set(MIEN_EWEIGHTS, "variant: %s at byte %d", why.text, why.position);
    json_t *anchors = json_incref(json_object_get(root, "anchors"));
    if (!anchors && strcmp(arch, "scrfd") == 0) anchors = json_text(SCRFD, NULL);
    int rc = read_anchors(root, anchors, &s);
    json_decref(anchors);
    json_decref(root);
    if (rc == MIEN_OK) *spec = s;
    return rc;
}
