#include "engine/cpu/conv.h"

#include "engine/fold.h"
#include "kernels/number.h"

#include <string.h>

/* Gemm reads whole output rows as its rows: is the tensor one matrix, without gaps? */
static int gapless(const struct plan_view *v) {
    return v->row == v->w * v->px;
}

static int border_bits(const struct cpu_step *s, int y, int x) {
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    int top = y * l->stride - p->pad_top, left = x * l->stride - p->pad_left;
    return (top < 0 ? FOLD_TOP : 0) | (top + l->kh > p->in.h ? FOLD_BOTTOM : 0) |
           (left < 0 ? FOLD_LEFT : 0) | (left + l->kw > p->in.w ? FOLD_RIGHT : 0);
}

/* Pixels x.. of output row y, channels c0.., from acc to their place. Where the bias depends on the
 * border, they are done in runs of one class: the first, the inner ones, the last. acc: floats or
 * integers of four bytes, as the layer makes them. */
static void finish(const struct cpu_task *t, int y, int x, int m, int c0, int n, const void *acc,
                   ptrdiff_t acc_px) {
    const struct cpu_step *s = t->step;
    const struct plan_step *p = &s->plan;
    ptrdiff_t to_channel = c0 * (ptrdiff_t)kern_type_size(p->out.type);
    for (int i = 0, run; i < m; i += run) {
        int bits = 0;
        run = m;
        if (s->layer->bias_classes > 1) {
            bits = border_bits(s, y, x + i);
            /* a halved residual is read pixel by pixel: runs may start at odd x */
            for (run = 1; !p->res_shift && i + run < m && border_bits(s, y, x + i + run) == bits;)
                run++;
        }
        struct kern_epi e = cpu_epilogue(s, s->layer->bias + bits * s->layer->cout, c0);
        char *dst = cpu_pixel(t->arena, &p->out, t->range.image, y, x + i);
        t->kern->epilogue(run, n, (const char *)acc + i * acc_px * 4, acc_px, &e,
                          cpu_residual(t, y, x + i, c0), p->res.px, p->res_shift, dst + to_channel,
                          p->out.px);
    }
}

static void finish_row(const struct cpu_task *t, int y, const float *acc, ptrdiff_t acc_px) {
    const struct cpu_range *r = &t->range;
    finish(t, y, 0, t->step->plan.out.w, r->c0, r->c1 - r->c0, acc, acc_px);
}

/* The pixels of a row that kernels of whole rows make next, of `left`: an even number, so few that
 * their c sums each are still near when the epilogue reads them, but no few behind them. */
static int near_pixels(int left, int c) {
    enum { FLOATS = 4096, BLOCK = 28 /* of pixels: what blocks of 7 and 4 divide */ };
    int n = max_int(FLOATS / c / BLOCK, 1) * BLOCK;
    return left < n + BLOCK / 2 ? left : n;
}

/*
 * Kernels of whole rows have neighbouring taps. A dilated window of one pixel is an ordinary one
 * over a map of every dilation-th row and column, so such a row is made of runs of one pixel;
 * others are one run. src: the first window.
 */
struct runs {
    int count, w;        /* runs, and pixels of each */
    ptrdiff_t row, px;   /* of the map the taps see */
    ptrdiff_t from_next; /* bytes from one run's first window to the next one's */
};

static struct runs runs_of(const struct cpu_layer *l, int w, const struct cpu_rows *rows) {
    if (l->dilation == 1)
        return (struct runs){.count = 1, .w = w, .row = rows->row, .px = rows->px};
    return (struct runs){.count = w,
                         .w = 1,
                         .row = rows->row * l->dilation,
                         .px = rows->px * l->dilation,
                         .from_next = l->stride * rows->px * rows->size};
}

static void dwconv_row(const struct cpu_task *t, const struct cpu_layer *l, int w, const void *src,
                       const struct cpu_rows *rows, float *dst) {
    struct runs r = runs_of(l, w, rows);
    for (int i = 0; i < r.count; i++)
        t->kern->dwconv(t->step->plan.in.type, r.w, l->kh, l->kw, l->cout, l->stride,
                        (const char *)src + i * r.from_next, r.row, r.px, l->weights,
                        dst + (ptrdiff_t)i * l->cout);
}

static void gconv_row(const struct cpu_task *t, const struct cpu_layer *l, int w, const void *src,
                      const struct cpu_rows *rows, float *dst) {
    struct runs r = runs_of(l, w, rows);
    for (int i = 0; i < r.count; i++)
        t->kern->gconv_f32(r.w, l->kh, l->kw, l->cin, l->cout, l->groups, l->stride,
                           (const void *)((const char *)src + i * r.from_next), r.row, r.px,
                           l->weights, dst + (ptrdiff_t)i * l->cout);
}

static void im2col_row(const struct cpu_task *t, const struct cpu_layer *l, int w, const void *src,
                       const struct cpu_rows *rows, float *dst) {
    struct runs r = runs_of(l, w, rows);
    for (int i = 0; i < r.count; i++)
        t->kern->im2col_f32(r.w, l->kh, l->kw, l->cin, l->stride,
                            (const void *)((const char *)src + i * r.from_next), r.row, r.px,
                            dst + (ptrdiff_t)i * l->kh * l->kw * l->cin);
}

/* They lie behind `widened` floats of scratch and a row of sums. */
struct cpu_rows cpu_fused_rows(const struct cpu_task *t, int y0, int y1) {
    const struct cpu_step *s = t->step;
    const struct plan_fused *b = &s->plan.fused;
    const struct cpu_layer *l = s->fused.layer;
    const struct plan_view *out = &b->out;
    int top = y0 * l->stride - b->pad_top;
    struct cpu_rows in = cpu_input_rows(t, top, top + (y1 - y0 - 1) * l->stride + l->reach);
    struct kern_epi e = {.act = b->act,
                         .alpha = b->alpha,
                         .beta = b->beta,
                         .bias = l->bias,
                         .slope = s->fused.slope,
                         .dst_type = out->type,
                         .dst_inverse = s->fused.inverse,
                         .dst_zero = out->zero};
    float *sums = t->scratch + s->widened;
    char *rows = (char *)(sums + cpu_aligned(out->w * out->c));
    ptrdiff_t size = (ptrdiff_t)kern_type_size(out->type);
    for (int y = y0; y < y1; y++)
        for (int x = 0, n; x < out->w; x += n) {
            char *dst = rows + ((y - y0) * out->row + (ptrdiff_t)x * out->c) * size;
            float *acc = out->type == KERN_F32 ? (float *)(void *)dst : sums;
            n = near_pixels(out->w - x, out->c);
            dwconv_row(t, l, n,
                       cpu_rows_at(&in, y * l->stride - b->pad_top, x * l->stride - b->pad_left),
                       &in, acc);
            t->kern->epilogue(n, out->c, acc, out->c, &e, NULL, 0, 0, dst, out->c);
        }
    return (struct cpu_rows){
        .origin = rows - y0 * out->row * size, .row = out->row, .px = out->px, .size = size};
}

/* The rows that output rows y0..y1-1 of the task's image look at. */
static struct cpu_rows rows_under(const struct cpu_task *t) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct cpu_layer *l = s->layer;
    if (s->fused.layer) return cpu_fused_rows(t, r->y0, r->y1);
    int top = r->y0 * l->stride - s->plan.pad_top;
    return cpu_input_rows(t, top, top + (r->y1 - r->y0 - 1) * l->stride + l->reach);
}

/* The window of the first pixel of output row y. */
static const void *window_of(const struct cpu_step *s, const struct cpu_rows *rows, int y) {
    return cpu_rows_at(rows, y * s->layer->stride - s->plan.pad_top, -s->plan.pad_left);
}

static void conv_gemm(const struct cpu_task *t) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    int w = p->out.w, depth = l->kh * l->kw * l->cin, m = (r->y1 - r->y0) * w, n = r->c1 - r->c0;
    struct cpu_rows rows = rows_under(t);
    float *scratch = t->scratch + s->widened + s->fused.floats;
    const float *a = scratch;
    ptrdiff_t lda = depth;
    if (l->algorithm == CPU_GEMM && rows.row == w * rows.px) {
        a = window_of(s, &rows, r->y0);
        lda = rows.px;
    } else {
        for (int y = r->y0; y < r->y1; y++)
            im2col_row(t, l, w, window_of(s, &rows, y), &rows,
                       scratch + (ptrdiff_t)(y - r->y0) * w * depth);
        scratch += (ptrdiff_t)m * depth;
    }
    float *acc = scratch;
    ptrdiff_t acc_px = n;
    if (p->out.type == KERN_F32 && gapless(&p->out)) {
        acc = (float *)cpu_pixel(t->arena, &p->out, r->image, r->y0, 0) + r->c0;
        acc_px = p->out.px;
    }
    t->kern->gemm_f32(m, n, depth, a, lda, (const float *)l->weights + r->c0, l->cout, acc, acc_px);
    for (int y = r->y0; y < r->y1; y++)
        finish_row(t, y, acc + (ptrdiff_t)(y - r->y0) * w * acc_px, acc_px);
}

/* The rows in high and low halves, as split tiles read them: planes of uint16_t, tiles.split apart.
 */
static struct cpu_rows rows_split(const struct cpu_task *t, const struct cpu_rows *from,
                                  float *scratch) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct cpu_layer *l = s->layer;
    const struct plan_view *in = s->fused.layer ? &s->plan.fused.out : &s->plan.in;
    int top = r->y0 * l->stride - s->plan.pad_top;
    int end = top + (r->y1 - r->y0 - 1) * l->stride + l->reach, full = in->left + in->w + in->right;
    int y0 = top < -in->top ? -in->top : top;
    int y1 = end > in->h + in->bottom ? in->h + in->bottom : end;
    ptrdiff_t row = (ptrdiff_t)full * in->c;
    uint16_t *high = (uint16_t *)(void *)scratch;
    for (int y = y0; y < y1; y++)
        t->kern->split_f32(full, in->c, cpu_rows_at(from, y, -in->left), from->px,
                           high + (y - y0) * row, high + s->tiles.split + (y - y0) * row);
    return (struct cpu_rows){.origin = (const char *)(high + in->left * in->c - y0 * row),
                             .row = row,
                             .px = in->c,
                             .size = sizeof *high};
}

/* One panel over the task's rows, a row of the map after the other: as many tiles at a time as
 * scratch holds, so that what an epilogue costs before its first pixel is paid once for them. */
static void panel_by_rows(const struct cpu_task *t, const struct cpu_rows *rows, int c, int n,
                          const void *panel, float *out) {
    const struct cpu_range *r = &t->range;
    const struct cpu_tiles *tiles = &t->step->tiles;
    const struct cpu_layer *l = t->step->layer;
    int w = t->step->plan.out.w, most = CPU_TILE_FLOATS / l->nr - l->igemm->mr;
    ptrdiff_t px = l->stride * rows->px;
    for (int y = r->y0; y < r->y1; y++) {
        const char *src = window_of(t->step, rows, y);
        for (int from = 0, x = 0; from < w; from = x) {
            for (int m; x < w && x - from <= most; x += m) {
                m = cpu_tile_pixels(l->igemm, w - x);
                l->igemm->tile(m, tiles->taps, tiles->depth, tiles->offset,
                               src + x * px * rows->size, px, panel, out + (x - from) * l->nr);
            }
            finish(t, y, from, x - from, c, n, out, l->nr);
        }
    }
}

/* The same for all rows as one: between two rows of outputs lie those of windows that reach over
 * the end of a row, which are dropped. */
static void panel_flat(const struct cpu_task *t, const struct cpu_rows *rows, int c, int n,
                       const void *panel, float *out) {
    const struct cpu_range *r = &t->range;
    const struct cpu_tiles *tiles = &t->step->tiles;
    const struct cpu_layer *l = t->step->layer;
    int mr = l->igemm->mr, w = t->step->plan.out.w, full = (int)(rows->row / rows->px);
    int all = (r->y1 - r->y0 - 1) * full + w;
    const char *src = window_of(t->step, rows, r->y0);
    for (int p = 0; p < all; p += mr) {
        int m = min_int(all - p, mr);
        l->igemm->tile(m, tiles->taps, tiles->depth, tiles->offset, src + p * rows->px * rows->size,
                       rows->px, panel, out);
        for (int i = 0, run; i < m; i += run) { /* to the end of the row, or of the gap behind it */
            int y = (p + i) / full, x = (p + i) % full, end = x < w ? w : full;
            run = min_int(end - x, m - i);
            if (x < w) finish(t, r->y0 + y, x, run, c, n, out + i * l->nr, l->nr);
        }
    }
}

/* Panels outermost: one panel stays in the cache while all rows of the task pass over it. */
static void conv_igemm(const struct cpu_task *t) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct cpu_layer *l = s->layer;
    struct cpu_rows rows = rows_under(t);
    float *scratch = t->scratch + s->widened + s->fused.floats;
    if (l->igemm->split) rows = rows_split(t, &rows, scratch);
    scratch += s->tiles.split;
    if (l->igemm->enter) l->igemm->enter();
    for (int c = r->c0; c < r->c1; c += l->nr) {
        const char *panel = (const char *)l->weights + (size_t)(c / l->nr) * s->tiles.panel;
        int n = min_int(r->c1 - c, l->nr);
        struct cpu_rows read = rows;
        read.origin += cpu_panel_input(l, c) * rows.size;
        if (s->tiles.flat)
            panel_flat(t, &read, c, n, panel, scratch);
        else
            panel_by_rows(t, &read, c, n, panel, scratch);
    }
    if (l->igemm->leave) l->igemm->leave();
}

/* 4x4 outputs, the tile at row y, column x, as far as they lie inside the task and the map. */
static void finish_winograd(const struct cpu_task *t, int y, int x, int c, int n,
                            const float *tile) {
    int w = min_int(t->step->plan.out.w - x, KERN_WINOGRAD_OUT), nr = t->step->layer->nr;
    for (int i = 0; i < KERN_WINOGRAD_OUT && y + i < t->range.y1; i++)
        finish(t, y + i, x, w, c, n, tile + i * KERN_WINOGRAD_OUT * nr, nr);
}

/* Transforms the windows of the task's tiles: v is [36][tiles][cin]. */
static void winograd_windows(const struct cpu_task *t, const struct cpu_rows *rows, int across,
                             float *v, ptrdiff_t plane) {
    const struct cpu_step *s = t->step;
    const struct plan_view *in = &s->plan.in;
    int cin = s->layer->cin, tile = 0;
    for (int y = t->range.y0; y < t->range.y1; y += KERN_WINOGRAD_OUT)
        for (int i = 0; i < across; i++, tile++) {
            int top = y - s->plan.pad_top, left = i * KERN_WINOGRAD_OUT - s->plan.pad_left;
            t->kern->winograd_input_f32(cin, in->h + in->bottom - top, in->w + in->right - left,
                                        cpu_rows_at(rows, top, left), rows->row, rows->px,
                                        v + (ptrdiff_t)tile * cin, plane);
        }
}

static void conv_winograd(const struct cpu_task *t) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct cpu_layer *l = s->layer;
    const ptrdiff_t no_offset = 0;
    int across = ceil_div(s->plan.out.w, KERN_WINOGRAD_OUT);
    int down = ceil_div(r->y1 - r->y0, KERN_WINOGRAD_OUT);
    int tiles = down * across, top = r->y0 - s->plan.pad_top;
    int mr = l->igemm->mr, nr = l->nr;
    struct cpu_rows rows = cpu_input_rows(
        t, top, top + down * KERN_WINOGRAD_OUT + KERN_WINOGRAD_IN - KERN_WINOGRAD_OUT);
    ptrdiff_t in_plane = (ptrdiff_t)cpu_plane(tiles, l->cin);
    ptrdiff_t out_plane = (ptrdiff_t)cpu_plane(tiles, nr);
    float *v = t->scratch + s->widened; /* the planes, then their products, aligned */
    float *m = v + KERN_WINOGRAD_PLANES * in_plane;
    float *tile = m + KERN_WINOGRAD_PLANES * out_plane;
    winograd_windows(t, &rows, across, v, in_plane);
    for (int c = r->c0; c < r->c1; c += nr) {
        const float *panel = (const float *)l->weights +
                             (size_t)(c / nr) * KERN_WINOGRAD_PLANES * (size_t)l->cin * (size_t)nr;
        int n = min_int(r->c1 - c, nr);
        for (int p = 0; p < KERN_WINOGRAD_PLANES; p++, panel += (size_t)l->cin * (size_t)nr)
            for (int i = 0; i < tiles; i += mr)
                l->igemm->tile(min_int(tiles - i, mr), 1, l->cin, &no_offset,
                               v + p * in_plane + (ptrdiff_t)i * l->cin, l->cin, panel,
                               m + p * out_plane + (ptrdiff_t)i * nr);
        for (int i = 0; i < tiles; i++) {
            t->kern->winograd_output_f32(nr, m + (ptrdiff_t)i * nr, out_plane, tile);
            finish_winograd(t, r->y0 + i / across * KERN_WINOGRAD_OUT,
                            i % across * KERN_WINOGRAD_OUT, c, n, tile);
        }
    }
}

static void conv_grouped(const struct cpu_task *t) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    struct cpu_rows rows = rows_under(t);
    int in_place = p->out.type == KERN_F32 && p->out.px == l->cout;
    for (int y = r->y0; y < r->y1; y++)
        for (int x = 0, n; x < p->out.w; x += n) {
            const char *src = window_of(s, &rows, y);
            float *acc = in_place ? (float *)cpu_pixel(t->arena, &p->out, r->image, y, x)
                                  : t->scratch + s->widened;
            src += x * l->stride * rows.px * rows.size;
            n = near_pixels(p->out.w - x, l->cout);
            if (l->algorithm == CPU_DEPTHWISE)
                dwconv_row(t, l, n, src, &rows, acc);
            else
                gconv_row(t, l, n, src, &rows, acc);
            finish(t, y, x, n, 0, l->cout, acc, l->cout);
        }
}

/* The task's images as the rows of a matrix of floats: in place where they are that, else copied to
 * scratch. */
static const float *gemv_input(const struct cpu_task *t, ptrdiff_t *ldx) {
    const struct cpu_step *s = t->step;
    const struct cpu_range *r = &t->range;
    const struct plan_view *in = &s->plan.in;
    const struct cpu_layer *l = s->layer;
    int depth = l->kh * l->kw * l->cin;
    if (!s->widened && in->px == l->cin && (l->kh == 1 || gapless(in))) {
        *ldx = in->image;
        return cpu_pixel(t->arena, in, r->image, 0, 0);
    }
    float *x = t->scratch + s->widened;
    struct cpu_task one = *t;
    for (int i = 0; i < r->images; i++, one.range.image++) {
        struct cpu_rows rows = cpu_input_rows(&one, 0, in->h);
        t->kern->im2col_f32(1, l->kh, l->kw, l->cin, 1, cpu_rows_at(&rows, 0, 0), rows.row, rows.px,
                            x + (ptrdiff_t)i * depth);
    }
    *ldx = depth;
    return x;
}

static void conv_gemv(const struct cpu_task *t) {
    const struct cpu_range *r = &t->range;
    const struct cpu_step *s = t->step;
    const struct cpu_layer *l = s->layer;
    int depth = l->kh * l->kw * l->cin, n = r->c1 - r->c0;
    ptrdiff_t ldx, first = (ptrdiff_t)r->c0 * depth;
    const float *x = gemv_input(t, &ldx);
    float *y = t->scratch + s->widened + (ptrdiff_t)r->images * depth;
    if (l->type == KERN_BF16)
        t->kern->gemv_bf16(r->images, n, depth, (const uint16_t *)l->weights + first, x, ldx, y, n);
    else
        t->kern->gemv_f32(r->images, n, depth, (const float *)l->weights + first, x, ldx, y, n);
    struct cpu_task one = *t;
    for (int i = 0; i < r->images; i++, one.range.image++)
        finish(&one, 0, 0, 1, r->c0, n, y + (ptrdiff_t)i * n, n);
}

void cpu_conv(const struct cpu_task *t) {
    switch (t->step->layer->algorithm) {
    case CPU_WINOGRAD: conv_winograd(t); break;
    case CPU_IGEMM: conv_igemm(t); break;
    case CPU_GEMM:
    case CPU_IM2COL: conv_gemm(t); break;
    case CPU_GEMV: conv_gemv(t); break;
    default: conv_grouped(t); break;
    }
}
