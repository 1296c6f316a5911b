#include "engine/cpu/cpu.h"
#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

enum {
    GEMM_ROWS = 512,    /* rows of the left matrix a task: amortises packing the right one */
    IGEMM_PIXELS = 112, /* output pixels a task: each panel is read from the cache for that many */
    IGEMM_TILES = 8,    /* and tiles at least */
    FEW_TASKS = 8,      /* where fewer, an even number is better */
    IGEMM_TASKS = 4,    /* tasks a small map is cut into at least */
    WINOGRAD_BYTES = 1 << 20, /* of transformed windows a task: what a second-level cache holds */
    WINOGRAD_TILES = 28,      /* tiles a task: twice the rows of the largest igemm tile */
    SMALL_TASKS = 2,          /* tasks a small map is cut into at least, for a second thread */
    GEMV_ROWS = 128,          /* fully connected: outputs a task */
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
    if (ceil_div(out->h, s->rows) < SMALL_TASKS && l->cout >= 64 && !s->before)
        s->columns = ceil_div(ceil_div(l->cout, SMALL_TASKS), 16) * 16;
    size_t m = (size_t)s->rows * (size_t)out->w;
    s->scratch = m * (size_t)(l->kh * l->kw) * (size_t)l->cin + m * (size_t)s->columns;
}

/* What the tiles of a step read: the tensor, or the rows that the layer in front hands over. */
static const struct plan_view *tile_input(const struct cpu_step *s) {
    return s->before ? &s->plan.fused.out : &s->plan.in;
}

/* Split tiles read a copy of the task's rows, without gaps: planes of high and of low halves. */
static void find_split(struct cpu_step *s) {
    const struct plan_view *in = tile_input(s);
    const struct cpu_layer *l = s->layer;
    int rows = min_int((s->rows - 1) * l->stride + l->kh, in->top + in->h + in->bottom);
    s->split = cpu_aligned(rows * (in->left + in->w + in->right) * in->c);
    s->scratch += (size_t)s->split;
}

/* Where a window's pixels are neighbours in memory, each of its rows is one run. */
static int find_taps(struct cpu_step *s) {
    const struct plan_view *in = tile_input(s);
    const struct cpu_layer *l = s->layer;
    const struct kern_igemm *g = l->igemm;
    ptrdiff_t px = g->split ? in->c : in->px;
    ptrdiff_t row = g->split ? (in->left + in->w + in->right) * in->c : in->row;
    int joined = px == l->cin && (l->joined || l->cin % (g->group * g->block) == 0);
    s->taps = joined ? l->kh : l->kh * l->kw;
    s->depth = joined ? l->kw * l->cin : l->cin;
    s->offset = malloc(sizeof *s->offset * (size_t)(s->taps + 1));
    if (!s->offset) return err_set(MIEN_ENOMEM, "out of memory");
    s->panel = kern_panel_size(g, s->taps, s->depth) * kern_type_size(l->type);
    for (int t = 0; t < s->taps; t++)
        s->offset[t] = joined ? t * row : t / l->kw * row + t % l->kw * px;
    s->offset[s->taps] = s->split;
    return MIEN_OK;
}

/* Tiles of matrix instructions may read pixels and elements they do not need: behind the arena, or,
 * where they read scratch, behind the sums, which is the last thing there. */
static void find_slack(struct cpu_step *s) {
    enum { WIDEST_BLOCK = 64 };
    const struct plan_view *in = tile_input(s);
    const struct kern_igemm *g = s->layer->igemm;
    if (!g->matrix) return;
    ptrdiff_t pixels = g->mr * s->layer->stride;
    size_t bytes = (size_t)(pixels * in->px) * kern_type_size(in->type) + WIDEST_BLOCK;
    if (s->before || g->split)
        s->scratch += bytes / sizeof(float);
    else
        s->slack = bytes;
}

/* Where the last tile of a row would be too small for its time, it shares with the one before. */
int cpu_tile_pixels(const struct kern_igemm *g, int left) {
    if (left <= g->mr) return left;
    if (left - g->mr >= g->least) return g->mr;
    return (left + 3) / 4 * 2;
}

/* The time of a row's tiles, in pixels. */
static int row_time(const struct kern_igemm *g, int w) {
    int time = 0;
    for (int x = 0, m; x < w; x += m) {
        m = cpu_tile_pixels(g, w - x);
        time += max_int(m, g->least);
    }
    return time;
}

/* Tiles over the ends of rows waste no time on the last pixels of each. Matrix tiles, which take as
 * long for few pixels as for many, may even compute what lies in the gaps between rows, and drop
 * it. */
static int wants_flat(const struct cpu_step *s) {
    const struct plan_view *in = tile_input(s), *out = &s->plan.out;
    const struct kern_igemm *g = s->layer->igemm;
    int half = g->mr / 2, full = in->left + in->w + in->right;
    if (s->layer->stride > 1 || s->plan.res_shift) return 0;
    if (!g->matrix) return full == out->w && row_time(g, out->w) > out->w;
    return ceil_div((s->rows - 1) * full + out->w, half) < s->rows * ceil_div(out->w, half);
}

/* Small tasks: nothing is packed twice, the panels are shared. Maps too small for two tasks are cut
 * along the channels. */
static void cut_igemm(struct cpu_step *s) {
    const struct plan_view *out = &s->plan.out;
    const struct cpu_layer *l = s->layer;
    int pixels = max_int(IGEMM_PIXELS, IGEMM_TILES * l->igemm->mr);
    s->rows = min_int(out->h, max_int(1, ceil_div(pixels, out->w)));
    int blocks = ceil_div(out->h, s->rows);
    if (blocks % 2 && blocks < FEW_TASKS && s->rows > 1) /* or a second thread would wait for one */
        s->rows = ceil_div(s->rows, 2);
    if (s->before) /* the rows in front would be computed again for every block of columns */
        s->rows = min_int(s->rows, ceil_div(out->h, IGEMM_TASKS));
    else if (ceil_div(out->h, s->rows) < IGEMM_TASKS)
        s->columns = max_int(1, ceil_div(ceil_div(l->cout, IGEMM_TASKS), l->nr)) * l->nr;
    s->scratch = CPU_TILE_FLOATS;
    if (l->igemm->split) find_split(s);
    find_slack(s);
    s->flat = wants_flat(s);
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
    s->scratch = KERN_WINOGRAD_PLANES *
                     (cpu_plane(tile_rows * tiles, l->cin) + cpu_plane(tile_rows * tiles, l->nr)) +
                 16 * (size_t)l->nr;
}

/* All images of a batch share each weight that comes from memory. */
static void cut_gemv(struct cpu_step *s, int batch) {
    const struct cpu_layer *l = s->layer;
    s->images = min_int(batch, KERN_MAX_GEMV);
    s->columns = min_int(l->cout, GEMV_ROWS);
    s->scratch =
        (size_t)s->images * ((size_t)(l->kh * l->kw) * (size_t)l->cin + (size_t)s->columns);
}

static int cut_conv(struct cpu_step *s, int batch) {
    const struct plan_view *out = &s->plan.out;
    switch (s->layer->algorithm) {
    case CPU_IGEMM: cut_igemm(s); return find_taps(s);
    case CPU_WINOGRAD: cut_winograd(s); break;
    case CPU_GEMM:
    case CPU_IM2COL: cut_gemm(s); break;
    case CPU_GEMV: cut_gemv(s, batch); break;
    default: s->scratch = (size_t)out->w * (size_t)out->c; break;
    }
    return MIEN_OK;
}

/* Steps that compute in floats take a float copy of the rows they read of anything else. */
static void cut_widened(struct cpu_step *s) {
    const struct plan_view *in = &s->plan.in;
    enum plan_kind kind = s->plan.kind;
    int reads_as_is = s->before ||
                      (kind == PLAN_CONV && (s->layer->algorithm == CPU_IGEMM ||
                                             s->layer->algorithm == CPU_DEPTHWISE)) ||
                      kind == PLAN_UPSAMPLE || (kind == PLAN_POOL && !s->window.average);
    if (in->type == KERN_F32 || reads_as_is) return;
    int rows = s->rows;
    if (kind == PLAN_CONV) rows = (s->rows - 1) * s->layer->stride + s->layer->kh;
    if (kind == PLAN_POOL)
        rows = s->window.global ? in->h : (s->rows - 1) * s->window.stride + s->window.kh;
    if (kind == PLAN_CONV && s->layer->algorithm == CPU_WINOGRAD)
        rows = s->rows + KERN_WINOGRAD_IN - KERN_WINOGRAD_OUT;
    rows = min_int(rows, in->top + in->h + in->bottom);
    s->widened = cpu_aligned(rows * (in->left + in->w + in->right) * in->c);
    s->scratch += (size_t)s->widened;
}

/* A row of sums and the task's rows of what the depthwise convolution in front hands over. */
static void cut_before(struct cpu_step *s) {
    const struct plan_view *v = &s->plan.fused.out;
    s->handed = cpu_aligned(v->w * v->c) + cpu_aligned(s->rows * v->w * v->c);
    s->scratch += (size_t)s->handed;
}

int cpu_cut(struct cpu_step *s, int batch) {
    const struct plan_view *out = &s->plan.out;
    s->columns = out->c;
    s->rows = min_int(out->h, max_int(1, POINTWISE_WORK / (out->w * out->c)));
    s->batch = batch;
    s->images = 1;
    s->scratch = out->type == KERN_F32 ? 0 : (size_t)out->w * (size_t)out->c;
    if (s->plan.kind == PLAN_CONV && cut_conv(s, batch)) return MIEN_ENOMEM;
    cut_widened(s);
    if (s->before) cut_before(s);
    s->row_blocks = ceil_div(out->h, s->rows);
    s->column_blocks = ceil_div(out->c, s->columns);
    s->tasks = ceil_div(batch, s->images) * s->row_blocks * s->column_blocks;
    return MIEN_OK;
}

struct cpu_range cpu_task_range(const struct cpu_step *s, int task) {
    int column = task % s->column_blocks, rest = task / s->column_blocks;
    int row = rest % s->row_blocks, image = rest / s->row_blocks * s->images;
    return (struct cpu_range){
        .image = image,
        .images = min_int(s->images, s->batch - image),
        .y0 = row * s->rows,
        .y1 = min_int((row + 1) * s->rows, s->plan.out.h),
        .c0 = column * s->columns,
        .c1 = min_int((column + 1) * s->columns, s->plan.out.c),
    };
}

struct cpu_rows cpu_input_rows(const struct kern *k, const struct cpu_step *s, char *arena,
                               float *scratch, int b, int y0, int y1) {
    const struct plan_view *in = &s->plan.in;
    if (!s->widened)
        return (struct cpu_rows){.origin = cpu_pixel(arena, in, b, 0, 0),
                                 .row = in->row,
                                 .px = in->px,
                                 .size = (ptrdiff_t)kern_type_size(in->type)};
    y0 = max_int(y0, -in->top);
    y1 = min_int(y1, in->h + in->bottom);
    int full = in->left + in->w + in->right;
    ptrdiff_t row = (ptrdiff_t)full * in->c;
    for (int y = y0; y < y1; y++)
        k->widen(full, in->c, in->type, in->scale, in->zero, cpu_pixel(arena, in, b, y, -in->left),
                 in->px, scratch + (y - y0) * row);
    return (struct cpu_rows){.origin = (const char *)(scratch + in->left * in->c - y0 * row),
                             .row = row,
                             .px = in->c,
                             .size = sizeof(float)};
}

struct kern_epi cpu_epilogue(const struct cpu_step *s, const float *bias, int c0) {
    const struct plan_step *p = &s->plan;
    return (struct kern_epi){
        .act = p->act,
        .alpha = p->alpha,
        .bias = bias ? bias + c0 : NULL,
        .slope = s->slope ? s->slope + c0 : NULL,
        .res_after = p->res_after,
        .acc_scale = s->layer->acc_scale ? s->layer->acc_scale + c0 : NULL,
        .res_type = p->res.type,
        .res_scale = p->res.scale ? p->res.scale + c0 : NULL,
        .res_zero = p->res.zero,
        .dst_type = p->out.type,
        .dst_inverse = s->inverse ? s->inverse + c0 : NULL,
        .dst_zero = p->out.zero,
    };
}

const void *cpu_residual(const struct cpu_step *s, char *arena, int b, int y, int x, int c0) {
    const struct plan_step *p = &s->plan;
    if (!p->has_res) return NULL;
    const char *pixel = cpu_pixel(arena, &p->res, b, y >> p->res_shift, x >> p->res_shift);
    return pixel + c0 * (ptrdiff_t)kern_type_size(p->res.type);
}

/* Channels c0..c1-1 of n pixels from p on, of elements of `size` bytes. */
static void fill_pixels(char *p, ptrdiff_t px, size_t size, int n, int c0, int c1, int value) {
    if (c1 - c0 == px) {
        memset(p, value, size * (size_t)n * (size_t)px);
        return;
    }
    for (int x = 0; x < n; x++)
        memset(p + (x * px + c0) * (ptrdiff_t)size, value, size * (size_t)(c1 - c0));
}

void cpu_zero_halo(const struct plan_view *v, char *arena, const struct cpu_range *r) {
    if (!(v->top | v->left | v->bottom | v->right)) return;
    int full = v->left + v->w + v->right, zero = v->type == KERN_U8 ? v->zero : 0;
    int y0 = r->y0 == 0 ? -v->top : r->y0, y1 = r->y1 == v->h ? v->h + v->bottom : r->y1;
    size_t size = kern_type_size(v->type);
    for (int y = y0; y < y1; y++) {
        char *row = cpu_pixel(arena, v, r->image, y, -v->left);
        char *right = cpu_pixel(arena, v, r->image, y, v->w);
        if (y < 0 || y >= v->h) {
            fill_pixels(row, v->px, size, full, r->c0, r->c1, zero);
        } else {
            fill_pixels(row, v->px, size, v->left, r->c0, r->c1, zero);
            fill_pixels(right, v->px, size, v->right, r->c0, r->c1, zero);
        }
    }
}

/* A row of floats into the step's output, through its epilogue. */
static void store_row(const struct kern *k, const struct cpu_step *s, char *arena, int b, int y,
                      const float *src, ptrdiff_t src_px) {
    const struct plan_step *p = &s->plan;
    struct kern_epi e = cpu_epilogue(s, NULL, 0);
    k->epilogue(p->out.w, p->out.c, src, src_px, &e, cpu_residual(s, arena, b, y, 0, 0), p->res.px,
                p->res_shift, cpu_pixel(arena, &p->out, b, y, 0), p->out.px);
}

static void pointwise_row(const struct kern *k, const struct cpu_step *s, char *arena,
                          float *scratch, int b, int y) {
    const struct plan_step *p = &s->plan;
    struct cpu_rows rows = cpu_input_rows(k, s, arena, scratch, b, y, y + 1);
    const float *src = cpu_rows_at(&rows, y, 0);
    ptrdiff_t src_px = rows.px;
    if (p->kind == PLAN_AFFINE) {
        int floats = p->out.type == KERN_F32;
        float *dst = floats ? cpu_pixel(arena, &p->out, b, y, 0) : scratch + s->widened;
        ptrdiff_t dst_px = floats ? p->out.px : p->out.c;
        k->affine_f32(p->out.w, p->out.c, src, src_px, s->layer->scale, s->layer->shift, dst,
                      dst_px);
        if (floats && p->act == KERN_ACT_NONE && !p->has_res) return;
        src = dst;
        src_px = dst_px;
    }
    store_row(k, s, arena, b, y, src, src_px);
}

static void maxpool(const struct kern *k, enum kern_type type, int kh, int kw, int c,
                    const void *src, ptrdiff_t row, ptrdiff_t px, void *dst) {
    switch (type) {
    case KERN_F32: k->maxpool_f32(kh, kw, c, src, row, px, dst); break;
    case KERN_BF16: k->maxpool_bf16(kh, kw, c, src, row, px, dst); break;
    case KERN_U8: k->maxpool_u8(kh, kw, c, src, row, px, dst); break;
    case KERN_F16: break; /* GPUs' alone */
    }
}

/* Windows are cut at the map's edges: what lies outside neither wins a maximum nor counts in an
 * average. */
static void pool_row(const struct kern *k, const struct cpu_step *s, char *arena, float *scratch,
                     int b, int y) {
    const struct plan_step *p = &s->plan;
    int kh = s->window.global ? p->in.h : s->window.kh,
        kw = s->window.global ? p->in.w : s->window.kw;
    int top = y * s->window.stride - p->pad_top;
    int y0 = max_int(top, 0), y1 = min_int(top + kh, p->in.h);
    struct cpu_rows rows = cpu_input_rows(k, s, arena, scratch, b, y0, y1);
    float *averages = p->out.type == KERN_F32 ? NULL : scratch + s->widened;
    for (int x = 0; x < p->out.w; x++) {
        int left = x * s->window.stride - p->pad_left;
        int x0 = max_int(left, 0), x1 = min_int(left + kw, p->in.w);
        const void *src = cpu_rows_at(&rows, y0, x0);
        void *dst = cpu_pixel(arena, &p->out, b, y, x);
        if (s->window.average)
            k->avgpool_f32(y1 - y0, x1 - x0, p->out.c, 1.0f / (float)((y1 - y0) * (x1 - x0)), src,
                           rows.row, rows.px, averages ? averages + x * p->out.c : dst);
        else
            maxpool(k, p->in.type, y1 - y0, x1 - x0, p->out.c, src, rows.row, rows.px, dst);
    }
    if (s->window.average && averages) store_row(k, s, arena, b, y, averages, p->out.c);
}

static void upsample_row(const struct cpu_step *s, char *arena, int b, int y) {
    const struct plan_step *p = &s->plan;
    for (int x = 0; x < p->out.w; x++)
        memcpy(cpu_pixel(arena, &p->out, b, y, x), cpu_pixel(arena, &p->in, b, y / 2, x / 2),
               kern_type_size(p->out.type) * (size_t)p->out.c);
}

static void softmax_row(const struct kern *k, const struct cpu_step *s, char *arena, float *scratch,
                        int b, int y) {
    const struct plan_step *p = &s->plan;
    struct cpu_rows rows = cpu_input_rows(k, s, arena, scratch, b, y, y + 1);
    float *shares = p->out.type == KERN_F32 ? NULL : scratch + s->widened;
    for (int x = 0; x < p->out.w; x++) {
        float *dst = shares ? shares + x * p->out.c : cpu_pixel(arena, &p->out, b, y, x);
        memcpy(dst, cpu_rows_at(&rows, y, x), sizeof(float) * (size_t)p->out.c);
        k->softmax_f32(p->out.c, dst);
    }
    if (shares) store_row(k, s, arena, b, y, shares, p->out.c);
}

void cpu_step_task(const struct kern *k, const struct cpu_step *s, char *arena, float *scratch,
                   int task) {
    if (s->plan.kind == PLAN_CONV) {
        cpu_conv_task(k, s, arena, scratch, task);
        return;
    }
    struct cpu_range r = cpu_task_range(s, task);
    for (int y = r.y0; y < r.y1; y++) {
        switch (s->plan.kind) {
        case PLAN_AFFINE:
        case PLAN_POINTWISE: pointwise_row(k, s, arena, scratch, r.image, y); break;
        case PLAN_POOL: pool_row(k, s, arena, scratch, r.image, y); break;
        case PLAN_UPSAMPLE: upsample_row(s, arena, r.image, y); break;
        case PLAN_SOFTMAX: softmax_row(k, s, arena, scratch, r.image, y); break;
        case PLAN_CONV: break;
        }
    }
    cpu_zero_halo(&s->plan.out, arena, &r);
}
