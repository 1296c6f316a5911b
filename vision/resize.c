/*
 * Separable resizing by tables of taps: output i of an axis is a weighted sum of n neighbouring
 * input samples. The vertical pass comes first, because it runs along whole rows, which is fastest;
 * the horizontal pass then gathers from what it made, a piece that stays in the first-level cache.
 */
#include "vision/resize.h"

#include "engine/err.h"
#include "kernels/number.h"
#include "vision/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUT (1 << 16) /* pixels a side of the output */
enum {
    ALIGN = 64,  /* bytes; what kernels want of a row of sums */
    PIECE = 1024 /* pixels of a blended row: 16 KB, half of a first-level cache */
};

/* One axis of a call. */
struct axis {
    int in, out;
    double from, to; /* the box */
    enum resize_filter filter;
};

void resize_free(struct resized *r) {
    free(r->memory);
    *r = (struct resized){0};
}

int resize_grow(struct resized *r, size_t size) {
    if (size <= r->size) return MIEN_OK;
    void *memory = NULL;
    if (posix_memalign(&memory, ALIGN, size) != 0)
        return err_set(MIEN_ENOMEM, "no memory for resizing (%zu bytes)", size);
    free(r->memory);
    r->memory = memory;
    r->size = size;
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
static void taps_bilinear(const struct axis *a, int i, struct resize_taps *t) {
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
static void taps_triangle(const struct axis *a, int i, struct resize_taps *t) {
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

static void taps_fill(const struct axis *a, struct resize_taps *t) {
    for (int i = 0; i < a->out; i++) {
        if (is_triangle(a))
            taps_triangle(a, i, t);
        else
            taps_bilinear(a, i, t);
    }
}

/* Does every output pixel copy one of the picture's? */
static int copies(const struct axis *a) {
    return a->to - a->from == a->out && a->from == floor(a->from) && a->from >= 0 && a->to <= a->in;
}

static size_t taps_bytes(const struct axis *a) {
    size_t n = (size_t)a->out;
    return 2 * round_up_size(n * sizeof(int), ALIGN) +
           round_up_size(n * (size_t)taps_most(a) * sizeof(float), ALIGN);
}

static char *place_taps(const struct axis *a, char *at, struct resize_taps *t) {
    size_t n = (size_t)a->out;
    t->most = taps_most(a);
    t->first = (int *)(void *)at;
    t->count = (int *)(void *)(at + round_up_size(n * sizeof(int), ALIGN));
    t->weight = (float *)(void *)(at + 2 * round_up_size(n * sizeof(int), ALIGN));
    return at + taps_bytes(a);
}

/* The columns' taps as scale_columns wants them: as many for every output, groups of four outputs
 * side by side. Windows that would reach over the picture's right edge begin further left. */
static void group_taps(const struct axis *a, const struct resize_taps *t, struct resized *r) {
    r->taps = 1;
    for (int i = 0; i < a->out; i++)
        if (t->count[i] > r->taps) r->taps = t->count[i];
    for (int i = 0; i < (a->out + 3) / 4 * 4; i++) {
        int x = i < a->out ? i : a->out - 1, begin = t->first[x];
        if (begin + r->taps > a->in) begin = a->in - r->taps;
        float *group = r->weight + (size_t)(i / 4) * (size_t)r->taps * 4 + i % 4;
        for (int k = 0; k < r->taps; k++) {
            int from = begin + k - t->first[x]; /* the tap that reads this pixel */
            int there = from >= 0 && from < t->count[x];
            group[4 * (size_t)k] =
                there ? t->weight[(size_t)x * (size_t)t->most + (size_t)from] : 0;
        }
        if (i < a->out) r->first[i] = begin;
    }
}

static size_t group_bytes(const struct axis *a) {
    return round_up_size((size_t)a->out * sizeof(int), ALIGN) +
           round_up_size((size_t)(a->out + 3) / 4 * 4 * (size_t)taps_most(a) * sizeof(float),
                         ALIGN);
}

/* Pixels of a piece: no fewer than a group of four outputs may look at. */
static int piece_for(const struct axis *a) {
    double group = fmin(taps_most(a) + 3 * ceil(step_of(a)) + 4, a->in);
    return group > PIECE ? round_up((int)group, 16) : PIECE;
}

/* Both axes' tables, and a piece of a row for each worker. */
static int make_tables(const struct axis *ax, const struct axis *ay, int workers,
                       struct resized *r) {
    struct resize_taps x;
    r->piece = piece_for(ax);
    size_t pieces = (size_t)workers * (size_t)r->piece * 4 * sizeof(float);
    int rc = resize_grow(r, taps_bytes(ax) + taps_bytes(ay) + group_bytes(ax) + pieces);
    if (rc != MIEN_OK) return rc;
    char *at = place_taps(ay, place_taps(ax, r->memory, &x), &r->rows);
    r->first = (int *)(void *)at;
    r->weight = (float *)(void *)(at + round_up_size((size_t)ax->out * sizeof(int), ALIGN));
    r->blended = (float *)(void *)(at + group_bytes(ax));
    taps_fill(ax, &x);
    taps_fill(ay, &r->rows);
    group_taps(ax, &x, r);
    return MIEN_OK;
}

void resize_none(struct resized *r, const uint8_t *pixels, ptrdiff_t pitch, int w, int h) {
    r->pixels = pixels;
    r->pitch = pitch;
    r->picture = NULL;
    r->warped = 0;
    r->w = r->row = w;
    r->h = h;
    r->copied = 1;
}

int resize_room(struct resized *r, int w, int h, uint8_t **pixels) {
    int rc = resize_grow(r, (size_t)w * (size_t)h * 3);
    *pixels = r->memory;
    if (rc == MIEN_OK) resize_none(r, *pixels, 3 * (ptrdiff_t)w, w, h);
    return rc;
}

int resize_picture(struct resized *r, const mien_image *src, const struct rect_f *box, int w, int h,
                   enum resize_filter filter, int workers) {
    int rc = image_check(src);
    if (rc != MIEN_OK) return rc;
    if (w < 1 || h < 1 || w > MAX_OUT || h > MAX_OUT)
        return err_set(MIEN_EINVAL, "resizing to %dx%d pixels is not possible", w, h);
    struct rect_f whole = {0, 0, src->width, src->height}, b = box ? *box : whole;
    if (!(b.x1 > b.x0 && b.y1 > b.y0 && isfinite(b.x1 - b.x0) && isfinite(b.y1 - b.y0)))
        return err_set(MIEN_EINVAL, "resizing: the box %g,%g,%g,%g is empty", b.x0, b.y0, b.x1,
                       b.y1);
    struct axis ax = {src->width, w, b.x0, b.x1, filter};
    struct axis ay = {src->height, h, b.y0, b.y1, filter};
    resize_none(r, src->pixels, src->pitch, w, h);
    r->picture = src;
    if (copies(&ax) && copies(&ay)) {
        r->pixels += (ptrdiff_t)b.y0 * src->pitch + 3 * (ptrdiff_t)b.x0;
        return MIEN_OK;
    }
    r->copied = 0;
    return make_tables(&ax, &ay, workers, r);
}

void resize_warp(struct resized *r, const mien_image *src, const double warp[4], int w, int h) {
    resize_none(r, src->pixels, src->pitch, w, h);
    r->picture = src;
    r->warped = 1;
    memcpy(r->warp, warp, sizeof r->warp);
}

void resize_describe(const struct resized *r, struct backend_picture *out) {
    *out = (struct backend_picture){.pixels = r->pixels,
                                    .pitch = r->pitch,
                                    .w = r->w,
                                    .h = r->h,
                                    .how = r->warped   ? BACKEND_WARPED
                                           : r->copied ? BACKEND_COPIED
                                                       : BACKEND_SCALED};
    if (r->warped) {
        out->width = r->picture->width;
        out->height = r->picture->height;
        out->a = r->warp[0];
        out->b = r->warp[1];
        out->tx = r->warp[2];
        out->ty = r->warp[3];
    } else if (!r->copied) {
        out->taps = r->taps;
        out->most = r->rows.most;
        out->first = r->first;
        out->weight = r->weight;
        out->row_first = r->rows.first;
        out->row_count = r->rows.count;
        out->row_weight = r->rows.weight;
    }
    if (r->picture) image_resident(r->picture, r->pixels, out);
}

struct letterbox letterbox_fit(int width, int height, int side) {
    double scale = (double)side / (width > height ? width : height);
    struct letterbox b;
    b.w = (int)clamp(floor(width * scale + 0.5), 1, side);
    b.h = (int)clamp(floor(height * scale + 0.5), 1, side);
    b.scale_x = (double)b.w / width;
    b.scale_y = (double)b.h / height;
    return b;
}

int resize_letterbox(struct resized *r, const mien_image *src, const struct letterbox *box, int w,
                     int h, enum resize_filter filter, int workers) {
    if (box->w > w || box->h > h)
        return err_set(MIEN_EINVAL, "a letterbox of %dx%d pixels does not hold %dx%d", w, h, box->w,
                       box->h);
    int rc = resize_picture(r, src, NULL, box->w, box->h, filter, workers);
    r->row = w;
    return rc;
}

/* The end of the outputs from x on that look at no more pixels than a piece has; whole groups. */
static int piece_end(const struct resized *r, int x) {
    int end = x + 4;
    for (; end < r->w; end += 4) {
        int last = end + 3 < r->w ? end + 3 : r->w - 1;
        if (r->first[last] + r->taps - r->first[x] > r->piece) return end;
    }
    return r->w;
}

static void scale_row(const struct resized *r, const struct kern *k, int y, enum kern_type type,
                      char *dst, int worker) {
    float *blended = r->blended + (size_t)worker * (size_t)r->piece * 4;
    const float *weight = r->rows.weight + (size_t)y * (size_t)r->rows.most;
    const uint8_t *src = r->pixels + r->rows.first[y] * r->pitch;
    for (int x = 0, end; x < r->w; x = end) {
        end = piece_end(r, x);
        ptrdiff_t origin = r->first[x];
        k->scale_rows((int)(r->first[end - 1] + r->taps - origin), r->rows.count[y], weight,
                      src + 3 * origin, r->pitch, blended);
        k->scale_columns(end - x, r->taps, r->first + x, r->weight + (ptrdiff_t)x * r->taps,
                         blended - 4 * origin, type, dst + 3 * x * (ptrdiff_t)kern_type_size(type));
    }
}

void resize_rows(const struct resized *r, const struct kern *k, int y0, int y1, enum kern_type type,
                 void *dst, ptrdiff_t dst_row, int worker) {
    ptrdiff_t size = (ptrdiff_t)kern_type_size(type);
    char *to = dst;
    for (int y = y0; y < y1; y++, to += dst_row * size) {
        int there = y < r->h && (r->copied || r->rows.count[y] > 0), w = there ? r->w : 0;
        if (there && r->copied)
            k->from_bytes(3 * w, r->pixels + y * r->pitch, type, to);
        else if (there)
            scale_row(r, k, y, type, to, worker);
        memset(to + 3 * w * size, 0, (size_t)(3 * (r->row - w) * size));
    }
}
