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

void candidates_nms(struct candidates *c, float iou, int plus_one) {
    int kept = 0;
    for (int i = 0; i < c->n; i++) {
        int k = 0;
        while (k < kept && !(overlap(c->at[k].face.box, c->at[i].face.box, plus_one ? 1 : 0) > iou))
            k++;
        if (k == kept) c->at[kept++] = c->at[i];
    }
    c->n = kept;
}

static float clip(float v, float high) {
    return v < 0 ? 0 : v > high ? high : v;
}

void candidates_clip(struct candidates *c, float width, float height) {
    int kept = 0;
    for (int i = 0; i < c->n; i++) {
        float *b = c->at[i].face.box;
        b[0] = clip(b[0], width);
        b[1] = clip(b[1], height);
        b[2] = clip(b[2], width);
        b[3] = clip(b[3], height);
        if (b[2] > b[0] && b[3] > b[1]) c->at[kept++] = c->at[i];
    }
    c->n = kept;
}
