/*
 * geometry_fuzz.c - arbitrary numbers to what stands between a detector's outputs and pixels:
 * anchors, scaling, suppression, clipping, the main face, aligned and square crops, drawing.
 *
 * The input is bytes that become numbers: mostly whole patterns of floats, with not-a-number and
 * infinities among them. What a detector may say is finite after decoding, sorted, inside the
 * picture, and never more than was asked for.
 */
#include "engine/backend.h"
#include "vision/align.h"
#include "vision/nms.h"
#include "vision/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = 40, HEIGHT = 28, CELLS = 6, MOST = 20 };

struct source {
    const uint8_t *at, *end;
};

static unsigned byte(struct source *s) {
    return s->at < s->end ? *s->at++ : 0;
}

static float number(struct source *s) {
    uint8_t bits[4] = {0};
    float v;
    for (int i = 0; i < 4; i++) bits[i] = (uint8_t)byte(s);
    memcpy(&v, bits, sizeof v);
    return v;
}

/* A number of some size most of the time. */
static float value(struct source *s) {
    unsigned kind = byte(s);
    return kind < 64 ? number(s) : ((float)kind - 160) / 4 + (float)byte(s) / 256;
}

static void fill(struct source *s, float *to, int n) {
    for (int i = 0; i < n; i++) to[i] = value(s);
}

static void read_spec(struct source *s, struct anchor_spec *spec) {
    memset(spec, 0, sizeof *spec);
    spec->kind = byte(s) & 1 ? ANCHORS_DISTANCES : ANCHORS_OFFSETS;
    spec->levels = 1 + (int)(byte(s) % 3);
    spec->plus_one = byte(s) & 1;
    for (int i = 0; i < spec->levels; i++) {
        spec->level[i].stride = 8 << i;
        spec->level[i].anchors = 1 + (int)(byte(s) % ANCHOR_PER_CELL);
        fill(s, spec->level[i].size, ANCHOR_PER_CELL);
        spec->centre[i] = value(s);
    }
    fill(s, spec->variance, 2);
    spec->landmark_variance = value(s);
}

static void decode(struct source *s, const struct anchor_spec *spec, struct candidates *c) {
    static float scores[ANCHOR_LEVELS][CELLS * CELLS * ANCHOR_PER_CELL];
    static float boxes[ANCHOR_LEVELS][CELLS * CELLS * ANCHOR_PER_CELL * 4];
    static float points[ANCHOR_LEVELS][CELLS * CELLS * ANCHOR_PER_CELL * 10];
    struct anchor_output out[ANCHOR_LEVELS] = {{.h = 0}};
    for (int i = 0; i < spec->levels; i++) {
        out[i].h = 1 + (int)(byte(s) % CELLS);
        out[i].w = 1 + (int)(byte(s) % CELLS);
        int anchors = out[i].h * out[i].w * spec->level[i].anchors;
        fill(s, scores[i], anchors);
        fill(s, boxes[i], 4 * anchors);
        fill(s, points[i], 10 * anchors);
        out[i].score = scores[i];
        out[i].box = boxes[i];
        out[i].landmark = byte(s) & 1 ? points[i] : NULL;
    }
    if (anchors_decode(spec, out, value(s), c)) abort();
    if (c->n > anchor_count(spec, out)) abort();
}

/* Suppresses and clips as tasks/detect.c does. */
static void suppress(struct source *s, const struct anchor_spec *spec, struct candidates *c) {
    const struct nms_limit limit = {WIDTH, HEIGHT, 1 + (int)(byte(s) % MOST)};
    candidates_scale(c, 1 + (double)byte(s) / 16, 1 + (double)byte(s) / 16);
    candidates_keep_best(c, 1 + (int)(byte(s) * 2));
    candidates_sort(c);
    for (int i = 1; i < c->n; i++)
        if (c->at[i - 1].face.score < c->at[i].face.score) abort();
    candidates_nms(c, (float)byte(s) / 255, spec->plus_one, &limit);
    candidates_clip(c, WIDTH, HEIGHT);
    if (c->n > limit.most) abort();
    for (int i = 0; i < c->n; i++) {
        const float *box = c->at[i].face.box;
        if (!(box[0] >= 0 && box[1] >= 0 && box[2] <= WIDTH && box[3] <= HEIGHT)) abort();
        if (!(box[0] < box[2] && box[1] < box[3])) abort();
    }
}

/* What programs may give: any numbers. */
static void use(mien_image *img, const mien_face *face, int index) {
    static uint8_t crop[MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3];
    static struct kern k;
    struct resized r = {.pixels = NULL};
    if (!k.scale_rows) kern_init(&k, "c");
    struct rect_f part = square_around(face->box, 0.25f);
    mien_quality q = {.struct_size = sizeof q};
    mien_align(img, face, 1, crop);
    mien_face_quality(img, face, &q);
    if (crop_part(&r, img, &part, RESIZE_TRIANGLE, 48, 48, 1) == MIEN_OK) {
        static float row[48 * 3];
        resize_rows(&r, &k, 20, 21, KERN_F32, row, 48 * 3, 0);
    }
    resize_free(&r);
    mien_draw_face(img, face, "a face", index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct source s = {data, data + size};
    struct anchor_spec spec;
    struct candidates c = {0};
    mien_face faces[MOST];
    mien_image *img;
    if (size < 8 || mien_image_new(WIDTH, HEIGHT, &img)) return 0;
    read_spec(&s, &spec);
    decode(&s, &spec, &c);
    suppress(&s, &spec, &c);
    int n = c.n < MOST ? c.n : MOST - 1;
    for (int i = 0; i < n; i++) faces[i] = c.at[i].face;
    fill(&s, faces[n].box, 4);
    faces[n].score = value(&s);
    fill(&s, faces[n].landmarks[0], 10);
    int main_face = mien_main_face(faces, n + 1, WIDTH, HEIGHT);
    if (main_face < 0 || main_face > n) abort();
    for (int i = n; i >= 0 && i > n - 3; i--) use(img, &faces[i], i);
    candidates_free(&c);
    mien_image_free(img);
    return 0;
}
