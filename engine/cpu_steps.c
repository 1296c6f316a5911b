#include "engine/cpu.h"
#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

enum {
    GEMM_ROWS = 512,    /* rows of the left matrix a task: amortises packing the right one */
    IGEMM_PIXELS = 112, /* output pixels a task: each panel is read from the cache for that many */
    IGEMM_TASKS = 4,    /* tasks a small map is cut into at least */
    WINOGRAD_BYTES = 1 << 20, /* of transformed windows a task: what a second-level cache holds */
    WINOGRAD_TILES = 28,      /* tiles a task: twice the rows of the largest igemm tile */
    SMALL_TASKS = 2,          /* tasks a small map is cut into at least, for a second thread */
    POINTWISE_WORK = 32768    /* values a task */
};

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}
static int min_int(int a, int b) {
    return a < b ? a : b;
}
static int max_int(int a, int b) {
    return a > b ? a : b;
}

/* Rows first, then, on maps too small for a second task, channels: halving the rows instead would
 * pack the same weights twice, and on small maps the weights are the larger matrix. */
static void cut_gemm(struct cpu_step *s) {
    const struct plan_view *out = &s->plan.out;
    const struct cpu_layer *l = s->layer;
    s->rows = min_int(out->h, max_int(1, GEMM_ROWS / out->w));
    if (ceil_div(out->h, s->rows) < SMALL_TASKS && l->cout >= 64)
        s->columns = ceil_div(ceil_div(l->cout, SMALL_TASKS), 16) * 16;
    size_t m = (size_t)s->rows * (size_t)out->w;
    s->scratch = m * (size_t)(l->kh * l->kw) * (size_t)l->cin + m * (size_t)s->columns;
}

/* Where a window's pixels are neighbours in memory, each of its rows is one run. */
static int find_taps(struct cpu_step *s) {
    const struct cpu_layer *l = s->layer;
    int joined = s->plan.in.px == l->cin;
    s->taps = joined ? l->kh : l->kh * l->kw;
    s->depth = joined ? l->kw * l->cin : l->cin;
    s->offset = malloc(sizeof *s->offset * (size_t)s->taps);
    if (!s->offset) return err_set(MIEN_ENOMEM, "out of memory");
    for (int t = 0; t < s->taps; t++)
        s->offset[t] =
            joined ? t * s->plan.in.row : t / l->kw * s->plan.in.row + t % l->kw * s->plan.in.px;
    return MIEN_OK;
}

/* Small tasks: nothing is packed twice, the panels are shared. Maps too small for two tasks are cut
 * along the channels. */
static void cut_igemm(struct cpu_step *s) {
    const struct plan_view *out = &s->plan.out;
    const struct cpu_layer *l = s->layer;
    s->rows = min_int(out->h, max_int(1, ceil_div(IGEMM_PIXELS, out->w)));
    if (ceil_div(out->h, s->rows) < IGEMM_TASKS)
        s->columns = max_int(1, ceil_div(ceil_div(l->cout, IGEMM_TASKS), l->nr)) * l->nr;
    s->scratch = KERN_MAX_MR * KERN_MAX_NR;
}

/* Rows of tiles, as many as the transformed windows may take; thin maps along the channels. */
static void cut_winograd(struct cpu_step *s) {
    const struct plan_view *out = &s->plan.out;
    const struct cpu_layer *l = s->layer;
    int tiles = ceil_div(out->w, KERN_WINOGRAD_OUT);
    int per_row = tiles * l->cin * KERN_WINOGRAD_PLANES * (int)sizeof(float);
    int tile_rows = max_int(1, min_int(WINOGRAD_BYTES / per_row, ceil_div(WINOGRAD_TILES, tiles)));
    tile_rows = min_int(tile_rows, ceil_div(out->h, KERN_WINOGRAD_OUT));
    s->rows = tile_rows * KERN_WINOGRAD_OUT;
    if (ceil_div(out->h, s->rows) < SMALL_TASKS)
        s->columns = max_int(1, ceil_div(ceil_div(l->cout, SMALL_TASKS), l->nr)) * l->nr;
    s->scratch = (size_t)(tile_rows * tiles) * KERN_WINOGRAD_PLANES * (size_t)(l->cin + l->nr) +
                 16 * (size_t)l->nr + 16;
}

int cpu_cut(struct cpu_step *s, int batch) {
    const struct plan_view *out = &s->plan.out;
    const struct cpu_layer *l = s->layer;
    s->columns = out->c;
    s->rows = min_int(out->h, max_int(1, POINTWISE_WORK / (out->w * out->c)));
    s->scratch = 0;
    if (s->plan.kind == PLAN_CONV) {
        if (l->algorithm == CPU_IGEMM) {
            cut_igemm(s);
            if (find_taps(s)) return MIEN_ENOMEM;
        } else if (l->algorithm == CPU_WINOGRAD) {
            cut_winograd(s);
        } else if (l->algorithm == CPU_GEMM || l->algorithm == CPU_IM2COL) {
            cut_gemm(s);
        } else if (l->algorithm == CPU_GEMV) {
            s->columns = min_int(l->cout, 128);
            s->scratch = (size_t)(l->kh * l->kw) * (size_t)l->cin + (size_t)s->columns;
        } else {
            s->scratch = (size_t)out->w * (size_t)out->c;
        }
    }
    s->row_blocks = ceil_div(out->h, s->rows);
    s->column_blocks = ceil_div(out->c, s->columns);
    s->tasks = batch * s->row_blocks * s->column_blocks;
    return MIEN_OK;
}

struct cpu_range cpu_task_range(const struct cpu_step *s, int task) {
    int column = task % s->column_blocks, rest = task / s->column_blocks;
    int row = rest % s->row_blocks;
    return (struct cpu_range){
        .image = rest / s->row_blocks,
        .y0 = row * s->rows,
        .y1 = min_int((row + 1) * s->rows, s->plan.out.h),
        .c0 = column * s->columns,
        .c1 = min_int((column + 1) * s->columns, s->plan.out.c),
    };
}

struct kern_epi cpu_epilogue(const struct cpu_step *s, const float *bias, int c0) {
    return (struct kern_epi){
        .act = s->plan.act,
        .alpha = s->plan.alpha,
        .bias = bias ? bias + c0 : NULL,
        .slope = s->slope ? s->slope + c0 : NULL,
        .res_after = s->plan.res_after,
    };
}

const float *cpu_residual(const struct cpu_step *s, float *arena, int b, int y, int x, int c0) {
    const struct plan_step *p = &s->plan;
    if (!p->has_res) return NULL;
    return cpu_pixel(arena, &p->res, b, y >> p->res_shift, x >> p->res_shift) + c0;
}

/* n pixels from p on, channels c0..c1-1. */
static void zero_pixels(float *p, ptrdiff_t px, int n, int c0, int c1) {
    if (c1 - c0 == px) {
        memset(p, 0, sizeof(float) * (size_t)n * (size_t)px);
        return;
    }
    for (int x = 0; x < n; x++) memset(p + x * px + c0, 0, sizeof(float) * (size_t)(c1 - c0));
}

void cpu_zero_halo(const struct plan_view *v, float *arena, const struct cpu_range *r) {
    if (!(v->top | v->left | v->bottom | v->right)) return;
    int full = v->left + v->w + v->right;
    int y0 = r->y0 == 0 ? -v->top : r->y0, y1 = r->y1 == v->h ? v->h + v->bottom : r->y1;
    for (int y = y0; y < y1; y++) {
        float *row = cpu_pixel(arena, v, r->image, y, -v->left);
        if (y < 0 || y >= v->h) {
            zero_pixels(row, v->px, full, r->c0, r->c1);
        } else {
            zero_pixels(row, v->px, v->left, r->c0, r->c1);
            zero_pixels(row + (v->left + v->w) * v->px, v->px, v->right, r->c0, r->c1);
        }
    }
}

static void pointwise_row(const struct kern *k, const struct cpu_step *s, float *arena, int b,
                          int y) {
    const struct plan_step *p = &s->plan;
    const float *src = cpu_pixel(arena, &p->in, b, y, 0);
    float *dst = cpu_pixel(arena, &p->out, b, y, 0);
    ptrdiff_t src_px = p->in.px;
    if (p->kind == PLAN_AFFINE) {
        k->affine_f32(p->out.w, p->out.c, src, src_px, s->layer->scale, s->layer->shift, dst,
                      p->out.px);
        if (p->act == KERN_ACT_NONE && !p->has_res) return;
        src = dst;
        src_px = p->out.px;
    }
    struct kern_epi e = cpu_epilogue(s, NULL, 0);
    k->epilogue_f32(p->out.w, p->out.c, src, src_px, &e, cpu_residual(s, arena, b, y, 0, 0),
                    p->res.px, p->res_shift, dst, p->out.px);
}

/* Windows are cut at the map's edges: what lies outside neither wins a maximum nor counts in an
 * average. */
static void pool_row(const struct kern *k, const struct cpu_step *s, float *arena, int b, int y) {
    const struct plan_step *p = &s->plan;
    int kh = s->window.global ? p->in.h : s->window.kh,
        kw = s->window.global ? p->in.w : s->window.kw;
    int top = y * s->window.stride - p->pad_top;
    int y0 = max_int(top, 0), y1 = min_int(top + kh, p->in.h);
    for (int x = 0; x < p->out.w; x++) {
        int left = x * s->window.stride - p->pad_left;
        int x0 = max_int(left, 0), x1 = min_int(left + kw, p->in.w);
        const float *src = cpu_pixel(arena, &p->in, b, y0, x0);
        float *dst = cpu_pixel(arena, &p->out, b, y, x);
        if (s->window.average)
            k->avgpool_f32(y1 - y0, x1 - x0, p->out.c, 1.0f / (float)((y1 - y0) * (x1 - x0)), src,
                           p->in.row, p->in.px, dst);
        else
            k->maxpool_f32(y1 - y0, x1 - x0, p->out.c, src, p->in.row, p->in.px, dst);
    }
}

static void upsample_row(const struct cpu_step *s, float *arena, int b, int y) {
    const struct plan_step *p = &s->plan;
    for (int x = 0; x < p->out.w; x++)
        memcpy(cpu_pixel(arena, &p->out, b, y, x), cpu_pixel(arena, &p->in, b, y / 2, x / 2),
               sizeof(float) * (size_t)p->out.c);
}

static void softmax_row(const struct kern *k, const struct cpu_step *s, float *arena, int b,
                        int y) {
    const struct plan_step *p = &s->plan;
    for (int x = 0; x < p->out.w; x++) {
        float *dst = cpu_pixel(arena, &p->out, b, y, x);
        memcpy(dst, cpu_pixel(arena, &p->in, b, y, x), sizeof(float) * (size_t)p->out.c);
        k->softmax_f32(p->out.c, dst);
    }
}

void cpu_step_task(const struct kern *k, const struct cpu_step *s, float *arena, float *scratch,
                   int task) {
    if (s->plan.kind == PLAN_CONV) {
        cpu_conv_task(k, s, arena, scratch, task);
        return;
    }
    struct cpu_range r = cpu_task_range(s, task);
    for (int y = r.y0; y < r.y1; y++) {
        switch (s->plan.kind) {
        case PLAN_AFFINE:
        case PLAN_POINTWISE: pointwise_row(k, s, arena, r.image, y); break;
        case PLAN_POOL: pool_row(k, s, arena, r.image, y); break;
        case PLAN_UPSAMPLE: upsample_row(s, arena, r.image, y); break;
        case PLAN_SOFTMAX: softmax_row(k, s, arena, r.image, y); break;
        case PLAN_CONV: break;
        }
    }
    cpu_zero_halo(&s->plan.out, arena, &r);
}
