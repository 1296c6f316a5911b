/*
 * Separable resizing by tables of taps: output i of an axis is a weighted sum of n neighbouring
 * input samples. The vertical pass comes first, because it runs along whole rows, where the
 * compiler vectorises it; the horizontal pass then gathers from one row of floats that is in the
 * cache.
 */
#include "vision/resize.h"

#include "engine/err.h"
#include "vision/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUT (1 << 16) /* pixels a side of the output */

/* Output i is the sum of weight[i * most + k] * input[first[i] + k], k < count[i]. */
struct taps {
    int *first, *count;
    float *weight; /* [outputs][most] */
    int most;
};

/* One axis of a call. */
struct axis {
    int in, out;
    double from, to; /* the box */
    enum resize_filter filter;
};

void resize_scratch_free(struct resize_scratch *s) {
    free(s->memory);
    *s = (struct resize_scratch){0};
}

int resize_scratch_grow(struct resize_scratch *s, size_t size) {
    if (size <= s->size) return MIEN_OK;
    void *memory = malloc(size);
    if (!memory) return err_set(MIEN_ENOMEM, "no memory for resizing (%zu bytes)", size);
    free(s->memory);
    s->memory = memory;
    s->size = size;
    return MIEN_OK;
}

static double step_of(const struct axis *a) {
    return (a->to - a->from) / a->out;
}

static int is_triangle(const struct axis *a) {
    return a->filter & RESIZE_TRIANGLE;
}

/* The most taps one output can have: two, or the triangle's support on both sides. */
static int taps_most(const struct axis *a) {
    if (!is_triangle(a)) return 2;
    double most = 2 * fmax(step_of(a), 1) + 2;
    return most < a->in + 1 ? (int)most : a->in + 1;
}

static double clamp(double v, double low, double high) {
    return v < low ? low : v > high ? high : v;
}

/* Two neighbours of the sample point, as OpenCV's resizeLinear: half-pixel centres, and the edge
 * pixel alone beyond the last centre. */
static void taps_bilinear(const struct axis *a, int i, struct taps *t) {
    double at = a->from + (i + 0.5) * step_of(a) - 0.5;
    int zero = a->filter & RESIZE_ZERO_OUTSIDE;
    at = zero ? clamp(at, -1, a->in) : clamp(at, 0, a->in - 1);
    int lo = (int)floor(at);
    float w[2] = {0, (float)(at - lo)};
    w[0] = 1 - w[1];
    int k0 = lo<0, k1 = w[1]> 0 && lo + 1 < a->in ? 2 : 1;
    if (lo >= a->in) k1 = 0;
    t->first[i] = lo + k0;
    t->count[i] = k1 > k0 ? k1 - k0 : 0;
    for (int k = k0; k < k1; k++) t->weight[(size_t)i * 2 + (size_t)(k - k0)] = w[k];
}

static double triangle(double x, double support) {
    return fmax(1 - fabs(x) / support, 0);
}

/* What the weights sum to when no sample is missing. Close to the support, whose square the
 * difference falls with, so that very wide triangles need no counting. */
static double triangle_sum(double centre, double support) {
    if (support > 1000) return support;
    double sum = 0, first = floor(centre - support + 0.5);
    int n = (int)(floor(centre + support + 0.5) - first);
    for (int k = 0; k < n; k++) sum += triangle(first + k - centre + 0.5, support);
    return sum;
}

/* The triangle of Pillow's Resample.c (precompute_coeffs): its support is the reduction, its
 * weights are normalised over the samples inside the picture, or over all where zeros are outside.
 */
static void taps_triangle(const struct axis *a, int i, struct taps *t) {
    double step = step_of(a), support = fmax(step, 1), centre = a->from + (i + 0.5) * step;
    int zero = a->filter & RESIZE_ZERO_OUTSIDE;
    /* Clamped while still a double: a box may lie far outside the picture. */
    int first = (int)clamp(floor(centre - support + 0.5), 0, a->in);
    int last = (int)clamp(floor(centre + support + 0.5), 0, a->in);
    while (first < last && triangle(first - centre + 0.5, support) == 0) first++;
    while (first < last && triangle(last - 1 - centre + 0.5, support) == 0) last--;
    float *w = t->weight + (size_t)i * (size_t)t->most;
    if (first == last && !zero) { /* wholly outside: the nearest pixel */
        first = (int)clamp(centre, 0, a->in - 1);
        last = first + 1;
        w[0] = 1;
    } else {
        double sum = 0;
        for (int x = first; x < last; x++) sum += triangle(x - centre + 0.5, support);
        if (zero) sum = triangle_sum(centre, support);
        for (int x = first; x < last; x++)
            w[x - first] = (float)(triangle(x - centre + 0.5, support) / sum);
    }
    t->first[i] = first;
    t->count[i] = last - first;
}

static void taps_fill(const struct axis *a, struct taps *t) {
    for (int i = 0; i < a->out; i++) {
        if (is_triangle(a))
            taps_triangle(a, i, t);
        else
            taps_bilinear(a, i, t);
    }
}

/* What a call needs, cut from the scratch: tables of both axes and a blended row. */
struct work {
    struct taps x, y;
    int col0, col1; /* columns of the picture that any output reads */
    float *blend;   /* [col1 - col0][3] */
};

static size_t taps_bytes(const struct axis *a) {
    return (size_t)a->out * (2 * sizeof(int) + (size_t)taps_most(a) * sizeof(float));
}

static char *taps_place(const struct axis *a, char *at, struct taps *t) {
    size_t n = (size_t)a->out;
    t->most = taps_most(a);
    t->first = (int *)(void *)at;
    t->count = t->first + n;
    t->weight = (float *)(void *)(t->count + n);
    return at + taps_bytes(a);
}

static int work_make(const struct axis *ax, const struct axis *ay, struct resize_scratch *s,
                     struct work *w) {
    size_t blend = (size_t)ax->in * 3 * sizeof(float);
    int code = resize_scratch_grow(s, taps_bytes(ax) + taps_bytes(ay) + blend);
    if (code != MIEN_OK) return code;
    char *at = taps_place(ay, taps_place(ax, s->memory, &w->x), &w->y);
    w->blend = (float *)(void *)at;
    taps_fill(ax, &w->x);
    taps_fill(ay, &w->y);
    w->col0 = ax->in;
    w->col1 = 0;
    for (int i = 0; i < ax->out; i++) {
        if (w->x.count[i] == 0) continue;
        int end = w->x.first[i] + w->x.count[i];
        if (w->x.first[i] < w->col0) w->col0 = w->x.first[i];
        if (end > w->col1) w->col1 = end;
    }
    return MIEN_OK;
}

/* blend[i] = sum over the taps of weight * row[i], i < n floats. */
static void blend_rows(const mien_image *src, const struct taps *t, int y, int col0, int n,
                       float *restrict blend) {
    const float *weight = t->weight + (size_t)y * (size_t)t->most;
    for (int k = 0; k < t->count[y]; k++) {
        const uint8_t *restrict row =
            src->pixels + (t->first[y] + k) * src->pitch + 3 * (ptrdiff_t)col0;
        float w = weight[k];
        if (k == 0)
            for (int i = 0; i < n; i++) blend[i] = w * row[i];
        else
            for (int i = 0; i < n; i++) blend[i] += w * row[i];
    }
}

static void gather(const struct taps *t, const float *restrict blend, int col0, int out,
                   float *restrict dst) {
    for (int x = 0; x < out; x++, dst += 3) {
        const float *p = blend + 3 * (ptrdiff_t)(t->first[x] - col0);
        const float *w = t->weight + (size_t)x * (size_t)t->most;
        float r = 0, g = 0, b = 0;
        for (int k = 0; k < t->count[x]; k++, p += 3) {
            r += w[k] * p[0];
            g += w[k] * p[1];
            b += w[k] * p[2];
        }
        dst[0] = r;
        dst[1] = g;
        dst[2] = b;
    }
}

/* Row y of the output, as floats. */
static void make_row(const mien_image *src, const struct work *w, int y, int out, float *dst) {
    if (w->y.count[y] == 0 || w->col1 <= w->col0) {
        memset(dst, 0, (size_t)out * 3 * sizeof *dst);
        return;
    }
    blend_rows(src, &w->y, y, w->col0, 3 * (w->col1 - w->col0), w->blend);
    gather(&w->x, w->blend, w->col0, out, dst);
}

static int prepare(const mien_image *src, const struct rect_f *box, int dw, int dh,
                   enum resize_filter filter, struct resize_scratch *s, struct work *w) {
    int code = image_check(src);
    if (code != MIEN_OK) return code;
    if (dw < 1 || dh < 1 || dw > MAX_OUT || dh > MAX_OUT)
        return err_set(MIEN_EINVAL, "resizing to %dx%d pixels is not possible", dw, dh);
    struct rect_f whole = {0, 0, src->width, src->height}, b = box ? *box : whole;
    if (!(b.x1 > b.x0 && b.y1 > b.y0 && isfinite(b.x1 - b.x0) && isfinite(b.y1 - b.y0)))
        return err_set(MIEN_EINVAL, "resizing: the box %g,%g,%g,%g is empty", b.x0, b.y0, b.x1,
                       b.y1);
    struct axis ax = {src->width, dw, b.x0, b.x1, filter};
    struct axis ay = {src->height, dh, b.y0, b.y1, filter};
    return work_make(&ax, &ay, s, w);
}

int resize_f32(const mien_image *src, const struct rect_f *box, float *dst, ptrdiff_t dst_row,
               int dw, int dh, enum resize_filter filter, struct resize_scratch *s) {
    struct work w;
    int code = prepare(src, box, dw, dh, filter, s, &w);
    if (code != MIEN_OK) return code;
    for (int y = 0; y < dh; y++) make_row(src, &w, y, dw, dst + y * dst_row);
    return MIEN_OK;
}

struct letterbox letterbox_fit(int width, int height, int dw, int dh) {
    double scale = fmin(1, fmin((double)dw / width, (double)dh / height));
    struct letterbox b;
    b.w = (int)clamp(floor(width * scale + 0.5), 1, dw);
    b.h = (int)clamp(floor(height * scale + 0.5), 1, dh);
    b.scale_x = (double)b.w / width;
    b.scale_y = (double)b.h / height;
    return b;
}

int resize_letterbox(const mien_image *src, const struct letterbox *box, float *dst,
                     ptrdiff_t dst_row, int dw, int dh, enum resize_filter filter,
                     struct resize_scratch *s) {
    if (box->w > dw || box->h > dh)
        return err_set(MIEN_EINVAL, "a letterbox of %dx%d pixels does not hold %dx%d", dw, dh,
                       box->w, box->h);
    int code = resize_f32(src, NULL, dst, dst_row, box->w, box->h, filter, s);
    if (code != MIEN_OK) return code;
    for (int y = 0; y < dh; y++) {
        int from = y < box->h ? box->w : 0;
        memset(dst + y * dst_row + 3 * from, 0, (size_t)(dw - from) * 3 * sizeof *dst);
    }
    return MIEN_OK;
}
