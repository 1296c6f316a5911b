/* The `variant` of a detector's blob (docs/blob.md) to an anchor_spec. */
#include "engine/err.h"
#include "vision/anchors.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define MAX_STRIDE 1024

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

static int read_levels(const json_t *anchors, struct anchor_spec *s) {
    const json_t *strides = json_object_get(anchors, "strides");
    const json_t *sizes = json_object_get(anchors, "sizes");
    int rc = array(strides, "anchors.strides", 1, ANCHOR_LEVELS);
    if (rc != MIEN_OK) return rc;
    s->levels = (int)json_array_size(strides);
    rc = array(sizes, "anchors.sizes", (size_t)s->levels, (size_t)s->levels);
    for (int l = 0; rc == MIEN_OK && l < s->levels; l++) {
        double stride = 1;
        rc =
            number(json_array_get(strides, (size_t)l), "anchors.strides[]", 1, MAX_STRIDE, &stride);
        if (rc == MIEN_OK && stride != floor(stride))
            rc = err_set(MIEN_EWEIGHTS, "variant: anchors.strides[] is %g, not whole", stride);
        if (rc != MIEN_OK) break;
        s->level[l].stride = (int)stride;
        rc = read_sizes(json_array_get(sizes, (size_t)l), &s->level[l]);
    }
    return rc;
}

/* "half": cells are centred. "base16": InsightFace grows a 16x16 box at 0..15 on every level, so
 * the centre is 7.5 whatever the stride (rcnn/processing/generate_anchor.py). */
static int read_centre(const json_t *v, struct anchor_spec *s) {
    const char *name = json_string_value(v);
    if (!name || (strcmp(name, "half") != 0 && strcmp(name, "base16") != 0))
        return err_set(MIEN_EWEIGHTS, "variant: anchors.centre is neither \"half\" nor \"base16\"");
    for (int l = 0; l < s->levels; l++)
        s->centre[l] = name[0] == 'h' ? 0.5f * (float)s->level[l].stride : 7.5f;
    return MIEN_OK;
}

static int read_retinaface(const json_t *root, struct anchor_spec *s) {
    const json_t *anchors = json_object_get(root, "anchors");
    const json_t *variances = json_object_get(root, "variances");
    double v[2] = {0, 0}, landmark = 0, plus_one = 0;
    if (!json_is_object(anchors))
        return err_set(MIEN_EWEIGHTS, "variant: anchors is missing or not an object");
    int rc = read_levels(anchors, s);
    if (rc == MIEN_OK) rc = read_centre(json_object_get(anchors, "centre"), s);
    if (rc == MIEN_OK)
        rc = number(json_object_get(anchors, "plus_one"), "anchors.plus_one", 0, 1, &plus_one);
    if (rc == MIEN_OK) rc = array(variances, "variances", 2, 2);
    for (size_t i = 0; rc == MIEN_OK && i < 2; i++)
        rc = number(json_array_get(variances, i), "variances[]", 1e-6, 100, &v[i]);
    if (rc == MIEN_OK)
        rc = number(json_object_get(root, "landmark_variance"), "landmark_variance", 1e-6, 100,
                    &landmark);
    if (rc != MIEN_OK) return rc;
    s->kind = ANCHORS_OFFSETS;
    s->plus_one = plus_one != 0;
    s->variance[0] = (float)v[0];
    s->variance[1] = (float)v[1];
    s->landmark_variance = (float)landmark;
    return MIEN_OK;
}

/* SCRFD has no free constants: strides 8, 16, 32, two anchors a cell, centred on its corner. */
static void make_scrfd(struct anchor_spec *s) {
    s->kind = ANCHORS_DISTANCES;
    s->levels = 3;
    for (int l = 0; l < 3; l++) s->level[l] = (struct anchor_level){.stride = 8 << l, .anchors = 2};
    s->variance[0] = s->variance[1] = s->landmark_variance = 1;
}

int anchor_spec_from_json(const char *arch, const char *variant, struct anchor_spec *spec) {
    struct anchor_spec s = {0};
    *spec = s;
    if (strcmp(arch, "scrfd") == 0) {
        make_scrfd(&s);
        *spec = s;
        return MIEN_OK;
    }
    if (strcmp(arch, "retinaface") != 0)
        return err_set(MIEN_EWEIGHTS, "arch \"%s\" is not a detector", arch);
    json_error_t why;
    json_t *root = json_loads(variant ? variant : "", 0, &why);
    if (!root) return err_set(MIEN_EWEIGHTS, "variant: %s at byte %d", why.text, why.position);
    int rc = read_retinaface(root, &s);
    json_decref(root);
    if (rc == MIEN_OK) *spec = s;
    return rc;
}
