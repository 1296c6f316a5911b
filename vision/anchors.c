/* Detector outputs to candidates. */
#include "vision/anchors.h"

#include "engine/err.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define FIRST_ROOM 64

void candidates_free(struct candidates *c) {
    free(c->at);
    *c = (struct candidates){0};
}

int candidates_grow(struct candidates *c, int capacity) {
    if (capacity <= c->capacity) return MIEN_OK;
    struct candidate *at = realloc(c->at, (size_t)capacity * sizeof *at);
    if (!at) return err_set(MIEN_ENOMEM, "no memory for %d candidate faces", capacity);
    c->at = at;
    c->capacity = capacity;
    return MIEN_OK;
}

static struct candidate *candidates_add(struct candidates *c) {
    if (c->n == c->capacity) {
        if (c->capacity > INT_MAX / 2) return NULL;
        if (candidates_grow(c, c->capacity ? 2 * c->capacity : FIRST_ROOM)) return NULL;
    }
    return &c->at[c->n++];
}

int64_t anchor_count(const struct anchor_spec *spec, const struct anchor_output *out) {
    int64_t n = 0;
    for (int l = 0; l < spec->levels; l++)
        n += (int64_t)out[l].h * out[l].w * spec->level[l].anchors;
    return n;
}

/*
 * RetinaFace. InsightFace's retinaface.py (bbox_pred, landmark_pred) and biubug6's box_utils.py
 * (decode, decode_landm) are the same formula: biubug6 has variances and x2 - x1 = w, InsightFace
 * has neither variances nor that: its last pixel counts (plus_one). YuNet's (OpenCV,
 * modules/objdetect/src/face_detect.cpp, postProcess) is it, too, with an anchor of a stride's size
 * and no variances.
 */
static void decode_offsets(const struct anchor_spec *s, float cx, float cy, float size,
                           const float *box, const float *landmark, mien_face *f) {
    float x = cx + box[0] * s->variance[0] * size, y = cy + box[1] * s->variance[0] * size;
    float half_w = 0.5f * (size * expf(box[2] * s->variance[1]) - (float)s->plus_one);
    float half_h = 0.5f * (size * expf(box[3] * s->variance[1]) - (float)s->plus_one);
    f->box[0] = x - half_w;
    f->box[1] = y - half_h;
    f->box[2] = x + half_w;
    f->box[3] = y + half_h;
    for (int i = 0; landmark && i < 5; i++) {
        f->landmarks[i][0] = cx + landmark[2 * i] * s->landmark_variance * size;
        f->landmarks[i][1] = cy + landmark[2 * i + 1] * s->landmark_variance * size;
    }
}

/* SCRFD: insightface/detection/scrfd/tools/scrfd.py, distance2bbox and distance2kps. */
static void decode_distances(const struct anchor_spec *s, float cx, float cy, float stride,
                             const float *box, const float *landmark, mien_face *f) {
    f->box[0] = cx - box[0] * stride;
    f->box[1] = cy - box[1] * stride;
    f->box[2] = cx + box[2] * stride;
    f->box[3] = cy + box[3] * stride;
    for (int i = 0; landmark && i < 5; i++) {
        f->landmarks[i][0] = cx + landmark[2 * i] * s->landmark_variance * stride;
        f->landmarks[i][1] = cy + landmark[2 * i + 1] * s->landmark_variance * stride;
    }
}

static bool is_finite(const mien_face *f) {
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += f->box[i] * 0;
    for (int i = 0; i < 5; i++) sum += f->landmarks[i][0] * 0 + f->landmarks[i][1] * 0;
    return sum == 0;
}

static int decode_level(const struct anchor_spec *s, int l, const struct anchor_output *out,
                        float threshold, int order, struct candidates *c) {
    const struct anchor_level *level = &s->level[l];
    float stride = (float)level->stride;
    size_t at = 0;
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++)
            for (int a = 0; a < level->anchors; a++, at++) {
                float score = s->root ? sqrtf(out->score[at]) : out->score[at];
                if (!(score >= threshold)) continue; /* a NaN is no face */
                float cx = (float)x * stride + s->centre[l], cy = (float)y * stride + s->centre[l];
                const float *landmark = out->landmark ? out->landmark + 10 * at : NULL;
                mien_face f = {.score = score};
                if (s->kind == ANCHORS_OFFSETS)
                    decode_offsets(s, cx, cy, level->size[a], out->box + 4 * at, landmark, &f);
                else
                    decode_distances(s, cx, cy, stride, out->box + 4 * at, landmark, &f);
                if (!is_finite(&f)) continue;
                struct candidate *to = candidates_add(c);
                if (!to) return err_set(MIEN_ENOMEM, "no memory for %d candidate faces", c->n);
                *to = (struct candidate){f, order + (int)at};
            }
    return MIEN_OK;
}

int anchors_decode(const struct anchor_spec *spec, const struct anchor_output *out, float threshold,
                   struct candidates *c) {
    if (anchor_count(spec, out) > INT_MAX)
        return err_set(MIEN_ETOOBIG, "too many anchors: the picture is too large to detect in");
    int order = 0;
    for (int l = 0; l < spec->levels; l++) {
        int rc = decode_level(spec, l, &out[l], threshold, order, c);
        if (rc != MIEN_OK) return rc;
        order += out[l].h * out[l].w * spec->level[l].anchors;
    }
    return MIEN_OK;
}
