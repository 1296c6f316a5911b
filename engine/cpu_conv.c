#include "engine/cpu.h"
#include "engine/fold.h"

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
 * border, they are done in runs of one class: the first, the inner ones, the last. */
static void finish(const struct kern *k, const struct cpu_step *s, float *arena, int b, int y,
                   int x, int m, int c0, int n, const float *acc, ptrdiff_t acc_px) {
    const struct plan_step *p = &s->plan;
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
        k->epilogue_f32(run, n, acc + i * acc_px, acc_px, &e,
                        cpu_residual(s, arena, b, y, x + i, c0), p->res.px, p->res_shift,
                        cpu_pixel(arena, &p->out, b, y, x + i) + c0, p->out.px);
    }
}

static void finish_row(const struct kern *k, const struct cpu_step *s, float *arena,
                       const struct cpu_range *r, int y, const float *acc, ptrdiff_t acc_px) {
    finish(k, s, arena, r->image, y, 0, s->plan.out.w, r->c0, r->c1 - r->c0, acc, acc_px);
}

static const float *window_of(const struct cpu_step *s, float *arena, int b, int y) {
    const struct plan_step *p = &s->plan;
    return cpu_pixel(arena, &p->in, b, y * s->layer->stride - p->pad_top, -p->pad_left);
}

static void conv_gemm(const struct kern *k, const struct cpu_step *s, float *arena, float *scratch,
                      const struct cpu_range *r) {
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    int w = p->out.w, depth = l->kh * l->kw * l->cin, m = (r->y1 - r->y0) * w, n = r->c1 - r->c0;
    const float *a = scratch;
    ptrdiff_t lda = depth;
    if (l->algorithm == CPU_GEMM && gapless(&p->in)) {
        a = cpu_pixel(arena, &p->in, r->image, r->y0, 0);
        lda = p->in.px;
    } else {
        for (int y = r->y0; y < r->y1; y++)
            k->im2col_f32(w, l->kh, l->kw, l->cin, l->stride, window_of(s, arena, r->image, y),
                          p->in.row, p->in.px, scratch + (ptrdiff_t)(y - r->y0) * w * depth);
        scratch += (ptrdiff_t)m * depth;
    }
    float *acc = scratch;
    ptrdiff_t acc_px = n;
    if (gapless(&p->out)) {
        acc = cpu_pixel(arena, &p->out, r->image, r->y0, 0) + r->c0;
        acc_px = p->out.px;
    }
    k->gemm_f32(m, n, depth, a, lda, l->weights + r->c0, l->cout, acc, acc_px);
    for (int y = r->y0; y < r->y1; y++)
        finish_row(k, s, arena, r, y, acc + (ptrdiff_t)(y - r->y0) * w * acc_px, acc_px);
}

/* Panels outermost: one panel stays in the cache while all rows of the task pass over it. Tiles
 * begin at even pixels, as a halved residual needs. */
static void conv_igemm(const struct kern *k, const struct cpu_step *s, float *arena, float *scratch,
                       const struct cpu_range *r) {
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    int mr = l->igemm->mr, nr = l->nr;
    size_t panel_size = (size_t)(s->taps * s->depth) * (size_t)nr;
    for (int c = r->c0; c < r->c1; c += nr) {
        const float *panel = l->weights + (size_t)(c / nr) * panel_size;
        int n = r->c1 - c < nr ? r->c1 - c : nr;
        for (int y = r->y0; y < r->y1; y++) {
            const float *src = window_of(s, arena, r->image, y);
            for (int x = 0; x < p->out.w; x += mr) {
                int m = p->out.w - x < mr ? p->out.w - x : mr;
                l->igemm->tile(m, s->taps, s->depth, s->offset, src + x * l->stride * p->in.px,
                               l->stride * p->in.px, panel, scratch);
                finish(k, s, arena, r->image, y, x, m, c, n, scratch, nr);
            }
        }
    }
}

/* 4x4 outputs, the tile at row y, column x, as far as they lie inside the task and the map. */
static void finish_winograd(const struct kern *k, const struct cpu_step *s, float *arena, int b,
                            int y, int y1, int x, int c, int n, const float *tile, int nr) {
    int w = s->plan.out.w - x < KERN_WINOGRAD_OUT ? s->plan.out.w - x : KERN_WINOGRAD_OUT;
    for (int i = 0; i < KERN_WINOGRAD_OUT && y + i < y1; i++)
        finish(k, s, arena, b, y + i, x, w, c, n, tile + i * KERN_WINOGRAD_OUT * nr, nr);
}

/* Transforms the windows of the task's tiles: v is [36][tiles][cin]. */
static void winograd_windows(const struct kern *k, const struct cpu_step *s, float *arena,
                             const struct cpu_range *r, int across, float *v, ptrdiff_t plane) {
    const struct plan_view *in = &s->plan.in;
    int cin = s->layer->cin, tile = 0;
    for (int y = r->y0; y < r->y1; y += KERN_WINOGRAD_OUT)
        for (int i = 0; i < across; i++, tile++) {
            int top = y - s->plan.pad_top, left = i * KERN_WINOGRAD_OUT - s->plan.pad_left;
            k->winograd_input_f32(cin, in->h + in->bottom - top, in->w + in->right - left,
                                  cpu_pixel(arena, in, r->image, top, left), in->row, in->px,
                                  v + (ptrdiff_t)tile * cin, plane);
        }
}

static void conv_winograd(const struct kern *k, const struct cpu_step *s, float *arena,
                          float *scratch, const struct cpu_range *r) {
    const struct cpu_layer *l = s->layer;
    const ptrdiff_t no_offset = 0;
    int across = (s->plan.out.w + KERN_WINOGRAD_OUT - 1) / KERN_WINOGRAD_OUT;
    int tiles = (r->y1 - r->y0 + KERN_WINOGRAD_OUT - 1) / KERN_WINOGRAD_OUT * across;
    int mr = l->igemm->mr, nr = l->nr;
    ptrdiff_t in_plane = (ptrdiff_t)tiles * l->cin, out_plane = (ptrdiff_t)tiles * nr;
    float *v = scratch, *m = v + (KERN_WINOGRAD_PLANES * in_plane + 15) / 16 * 16; /* aligned */
    float *tile = m + KERN_WINOGRAD_PLANES * out_plane;
    winograd_windows(k, s, arena, r, across, v, in_plane);
    for (int c = r->c0; c < r->c1; c += nr) {
        const float *panel =
            l->weights + (size_t)(c / nr) * KERN_WINOGRAD_PLANES * (size_t)l->cin * (size_t)nr;
        int n = r->c1 - c < nr ? r->c1 - c : nr;
        for (int p = 0; p < KERN_WINOGRAD_PLANES; p++, panel += (size_t)l->cin * (size_t)nr)
            for (int t = 0; t < tiles; t += mr)
                l->igemm->tile(tiles - t < mr ? tiles - t : mr, 1, l->cin, &no_offset,
                               v + p * in_plane + (ptrdiff_t)t * l->cin, l->cin, panel,
                               m + p * out_plane + (ptrdiff_t)t * nr);
        for (int t = 0; t < tiles; t++) {
            k->winograd_output_f32(nr, m + (ptrdiff_t)t * nr, out_plane, tile);
            finish_winograd(k, s, arena, r->image, r->y0 + t / across * KERN_WINOGRAD_OUT, r->y1,
                            t % across * KERN_WINOGRAD_OUT, c, n, tile, nr);
        }
    }
}

static void conv_grouped(const struct kern *k, const struct cpu_step *s, float *arena,
                         float *scratch, const struct cpu_range *r) {
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    for (int y = r->y0; y < r->y1; y++) {
        const float *src = window_of(s, arena, r->image, y);
        if (l->algorithm == CPU_DEPTHWISE)
            k->dwconv_f32(p->out.w, l->kh, l->kw, l->cout, l->stride, src, p->in.row, p->in.px,
                          l->weights, scratch);
        else
            k->gconv_f32(p->out.w, l->kh, l->kw, l->cin, l->cout, l->groups, l->stride, src,
                         p->in.row, p->in.px, l->weights, scratch);
        finish_row(k, s, arena, r, y, scratch, l->cout);
    }
}

static void conv_gemv(const struct kern *k, const struct cpu_step *s, float *arena, float *scratch,
                      const struct cpu_range *r) {
    const struct plan_step *p = &s->plan;
    const struct cpu_layer *l = s->layer;
    int depth = l->kh * l->kw * l->cin, n = r->c1 - r->c0;
    const float *x = cpu_pixel(arena, &p->in, r->image, 0, 0);
    if (p->in.px != l->cin || (l->kh > 1 && !gapless(&p->in))) {
        k->im2col_f32(1, l->kh, l->kw, l->cin, 1, x, p->in.row, p->in.px, scratch);
        x = scratch;
        scratch += depth;
    }
    k->gemv_f32(n, depth, l->weights + (ptrdiff_t)r->c0 * depth, x, scratch);
    finish_row(k, s, arena, r, 0, scratch, n);
}

void cpu_conv_task(const struct kern *k, const struct cpu_step *s, float *arena, float *scratch,
                   int task) {
    struct cpu_range r = cpu_task_range(s, task);
    switch (s->layer->algorithm) {
    case CPU_WINOGRAD: conv_winograd(k, s, arena, scratch, &r); break;
    case CPU_IGEMM: conv_igemm(k, s, arena, scratch, &r); break;
    case CPU_GEMM:
    case CPU_IM2COL: conv_gemm(k, s, arena, scratch, &r); break;
    case CPU_GEMV: conv_gemv(k, s, arena, scratch, &r); break;
    default: conv_grouped(k, s, arena, scratch, &r); break;
    }
    cpu_zero_halo(&s->plan.out, arena, &r);
}
