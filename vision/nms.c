/* Candidates to faces. */
#include "vision/nms.h"

#include <math.h>
#include <stdbool.h>

void candidates_scale(struct candidates *c, double scale_x, double scale_y) {
    float sx = (float)scale_x, sy = (float)scale_y;
    for (int i = 0; i < c->n; i++) {
        mien_face *f = &c->at[i].face;
        f->box[0] *= sx;
        f->box[1] *= sy;
        f->box[2] *= sx;
        f->box[3] *= sy;
        for (int k = 0; k < 5; k++) {
            f->landmarks[k][0] *= sx;
            f->landmarks[k][1] *= sy;
        }
    }
}

/* Orders are distinct, so no two are equal and any sort gives the same. */
static bool comes_first(const struct candidate *p, const struct candidate *q) {
    if (p->face.score != q->face.score) return p->face.score > q->face.score;
    return p->order < q->order;
}

/* Lets at[i] sink until nothing below it comes later: the heap's root is the last of all. */
static void sink(struct candidate *at, int i, int n) {
    struct candidate moved = at[i];
    for (int child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && comes_first(&at[child], &at[child + 1])) child++;
        if (!comes_first(&moved, &at[child])) break;
        at[i] = at[child];
    }
    at[i] = moved;
}

void candidates_keep_best(struct candidates *c, int most) {
    if (c->n <= most) return;
    for (int i = most / 2 - 1; i >= 0; i--) sink(c->at, i, most);
    for (int i = most; i < c->n; i++) {
        if (!comes_first(&c->at[i], &c->at[0])) continue;
        c->at[0] = c->at[i]; /* the last of the best makes room */
        sink(c->at, 0, most);
    }
    c->n = most;
}

/* Heapsort: glibc's qsort takes memory for more than a few. */
void candidates_sort(struct candidates *c) {
    for (int i = c->n / 2 - 1; i >= 0; i--) sink(c->at, i, c->n);
    for (int n = c->n - 1; n > 0; n--) {
        struct candidate last = c->at[0];
        c->at[0] = c->at[n];
        c->at[n] = last;
        sink(c->at, 0, n);
    }
}

static float overlap(const float *a, const float *b, float plus) {
    float w = fminf(a[2], b[2]) - fmaxf(a[0], b[0]) + plus;
    float h = fminf(a[3], b[3]) - fmaxf(a[1], b[1]) + plus;
    if (w <= 0 || h <= 0) return 0;
    float area_a = (a[2] - a[0] + plus) * (a[3] - a[1] + plus);
    float area_b = (b[2] - b[0] + plus) * (b[3] - b[1] + plus);
    return w * h / (area_a + area_b - w * h);
}

static float clip(float v, float high) {
    return v < 0 ? 0 : v > high ? high : v;
}

/* False where nothing of the box is left. */
static bool clip_box(float *b, float width, float height) {
    b[0] = clip(b[0], width);
    b[1] = clip(b[1], height);
    b[2] = clip(b[2], width);
    b[3] = clip(b[3], height);
    return b[2] > b[0] && b[3] > b[1];
}

static bool is_inside(const float *box, const struct nms_limit *limit) {
    float b[4] = {box[0], box[1], box[2], box[3]};

    return clip_box(b, limit->width, limit->height);
}

int64_t candidates_nms(struct candidates *c, float iou, int plus_one,
                       const struct nms_limit *limit) {
    float plus = plus_one ? 1 : 0;
    int64_t pairs = 0;
    int kept = 0, faces = 0;

    for (int i = 0; i < c->n && faces < limit->most; i++) {
        const float *box = c->at[i].face.box;
        int k = 0;
        while (k < kept && !(overlap(c->at[k].face.box, box, plus) > iou)) k++;
        pairs += k < kept ? k + 1 : k;
        if (k < kept) continue;
        faces += is_inside(box, limit);
        c->at[kept++] = c->at[i];
    }
    c->n = kept;
    return pairs;
}

void candidates_clip(struct candidates *c, float width, float height) {
    int kept = 0;
    for (int i = 0; i < c->n; i++)
        if (clip_box(c->at[i].face.box, width, height)) c->at[kept++] = c->at[i];
    c->n = kept;
}
