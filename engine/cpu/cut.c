#include "engine/cpu/cut.h"

#include "engine/err.h"
#include "kernels/number.h"
#include "mien.h"

#include <stdlib.h>

enum {
    GEMM_ROWS = 512,    /* rows of the left matrix a task: amortises packing the right one */
    IGEMM_PIXELS = 112, /* output pixels a task: each panel is read from the cache for that many */
    IGEMM_TILES = 8,    /* and tiles at least */
    FEW_TASKS = 8,      /* where fewer, an even number is better */
    IGEMM_TASKS = 4,    /* tasks a small map is cut into at least */
    WINOGRAD_BYTES = 1 << 20, /* of transformed windows a task: what a second-level cache holds */
    WINOGRAD_TILES = 28,      /* tiles a task: twice the rows of the largest igemm tile */
    NORM_TASKS = 4,           /* tasks a map's channels are cut into */
    SMALL_TASKS = 2,          /* tasks a small map is cut into at least, for a second thread */
    GEMV_ROWS = 128,          /* fully connected: outputs a task */
    MATMUL_WORK = 1 << 18,    /* products a task */
    POINTWISE_WORK = 32768    /* values a task */
};

/* Rows first, then, on maps too small for a second task, channels: halving the rows instead would
 * pack the same weights twice, and on small maps the weights are the larger matrix. */
static void cut_gemm(struct cpu_step *s) {
    const struct plan_view *out = &s->plan.out;
    const struct cpu_layer *l = s->layer;
    s->rows = min_int(out->h, max_int(1, GEMM_ROWS / out->w));
    if (ceil_div(out->h, s->rows) < SMALL_TASKS && l->cout >= 64 && !s->fused.layer)
        s->columns = ceil_div(ceil_div(l->cout, SMALL_TASKS), 16) * 16;
    size_t m = (size_t)s->rows * (size_t)out->w;
    s->scratch = m * (size_t)(l->kh * l->kw) * (size_t)l->cin + m * (size_t)s->columns;
}

/* What the tiles of a step read: the tensor, or the rows that the fused layer hands over. */
static const struct plan_view *tile_input(const struct cpu_step *s) {
    return s->fused.layer ? &s->plan.fused.out : &s->plan.in;
}

/* Split tiles read a copy of the task's rows, without gaps: planes of high and of low halves. */
static void find_split(struct cpu_step *s) {
    const struct plan_view *in = tile_input(s);
    const struct cpu_layer *l = s->layer;
    int rows = min_int((s->rows - 1) * l->stride + l->reach, in->top + in->h + in->bottom);
    s->tiles.split = cpu_aligned(rows * (in->left + in->w + in->right) * in->c);
    s->scratch += (size_t)s->tiles.split;
}

/* Where a window's pixels are neighbours in memory, each of its rows is one run. */
static int find_taps(struct cpu_step *s) {
    const struct plan_view *in = tile_input(s);
    const struct cpu_layer *l = s->layer;
    const struct kern_igemm *g = l->igemm;
    ptrdiff_t px = g->split ? in->c : in->px;
    ptrdiff_t row = g->split ? (in->left + in->w + in->right) * in->c : in->row;
    int joined =
        l->dilation == 1 && px == l->depth && (l->joined || l->depth % (g->group * g->block) == 0);
    s->tiles.taps = joined ? l->kh : l->kh * l->kw;
    s->tiles.depth = joined ? l->kw * l->depth : l->depth;
    s->tiles.offset = malloc(sizeof *s->tiles.offset * (size_t)(s->tiles.taps + 1));
    if (!s->tiles.offset) return err_set(MIEN_ENOMEM, "out of memory");
    s->tiles.panel = kern_panel_size(g, s->tiles.taps, s->tiles.depth) * kern_type_size(l->type);
    for (int t = 0; t < s->tiles.taps; t++)
        s->tiles.offset[t] = joined ? t * row : (t / l->kw * row + t % l->kw * px) * l->dilation;
    s->tiles.offset[s->tiles.taps] = s->tiles.split;
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
    if (s->fused.layer || g->split)
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
    if (s->fused
            .layer) /* the fused layer's rows would be computed again for every block of columns */
        s->rows = min_int(s->rows, ceil_div(out->h, IGEMM_TASKS));
    else if (ceil_div(out->h, s->rows) < IGEMM_TASKS)
        s->columns = max_int(1, ceil_div(ceil_div(l->cout, IGEMM_TASKS), l->nr)) * l->nr;
    s->scratch = CPU_TILE_FLOATS;
    if (l->igemm->split) find_split(s);
    find_slack(s);
    s->tiles.flat = wants_flat(s);
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

/* Rows of its input that a row of a gather is made of. */
static int gather_rows(const struct cpu_gather *g) {
    return g->rows.kind == PLACES_CUBIC ? PLACES_TAPS : g->rows.kind == PLACES_LINEAR ? 2 : 1;
}

/* Steps that compute in floats take a float copy of the rows they read of anything else. */
static void cut_widened(struct cpu_step *s) {
    const struct plan_view *in = &s->plan.in;
    enum plan_kind kind = s->plan.kind;
    int reads_as_is = s->fused.layer ||
                      (kind == PLAN_CONV && (s->layer->algorithm == CPU_IGEMM ||
                                             s->layer->algorithm == CPU_DEPTHWISE)) ||
                      kind == PLAN_UPSAMPLE || (kind == PLAN_GATHER && s->gather.raw) ||
                      (kind == PLAN_POOL && !s->window.average);
    if (in->type == KERN_F32 || reads_as_is) return;
    int rows = kind == PLAN_GATHER ? gather_rows(&s->gather) : kind == PLAN_NORM ? 1 : s->rows;
    if (kind == PLAN_CONV) rows = (s->rows - 1) * s->layer->stride + s->layer->reach;
    if (kind == PLAN_POOL)
        rows = s->window.global ? in->h : (s->rows - 1) * s->window.stride + s->window.kh;
    if (kind == PLAN_CONV && s->layer->algorithm == CPU_WINOGRAD)
        rows = s->rows + KERN_WINOGRAD_IN - KERN_WINOGRAD_OUT;
    rows = min_int(rows, in->top + in->h + in->bottom);
    s->widened = cpu_aligned(rows * (in->left + in->w + in->right) * in->c);
    s->scratch += (size_t)s->widened;
}

/* The one row of a global average is cut along its channels: each is summed over the whole map.
 * What has to be widened first would be widened for each task. */
static void cut_global(struct cpu_step *s) {
    const struct plan_view *in = &s->plan.in;
    if (in->type != KERN_F32 || !s->window.average) return;
    s->columns = round_up(ceil_div(POINTWISE_WORK, in->h * in->w), KERN_LANES);
    s->columns = min_int(s->columns, in->c);
}

/* A row of sums, and the rows of what the fused depthwise convolution hands over: the task's, or
 * those of a window. */
static void cut_fused(struct cpu_step *s) {
    const struct plan_view *v = &s->plan.fused.out;
    int rows = s->plan.kind == PLAN_POOL ? s->window.kh : s->rows;
    s->fused.floats = cpu_aligned(v->w * v->c) + cpu_aligned(rows * v->w * v->c);
    s->scratch += (size_t)s->fused.floats;
}

/* Bytes are copied as they are where no channel becomes one of another scale. */
static int cut_gather(struct cpu_step *s, const struct net_gather *n) {
    const struct plan_view *in = &s->plan.in, *out = &s->plan.out;
    struct cpu_gather *g = &s->gather;
    g->rows = gather_places(&n->rows, in->h, out->h);
    g->columns = gather_places(&n->columns, in->w, out->w);
    int blends = g->rows.kind == PLACES_LINEAR || g->rows.kind == PLACES_CUBIC;
    g->raw = !blends && in->type == out->type && (in->type != KERN_U8 || gather_copies(n));
    g->run = 1;
    g->channels = NULL;
    if (g->rows.kind == PLACES_FLAT) return MIEN_OK;
    int phases = g->rows.block * g->columns.block;
    g->channels = malloc(sizeof *g->channels * (size_t)phases * (size_t)out->c);
    if (!g->channels) return err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < phases; i++)
        for (int j = 0; j < out->c; j++) {
            int32_t *at = &g->channels[(ptrdiff_t)i * out->c + j];
            *at = places_channel(&n->channels, j, i / g->columns.block, i % g->columns.block);
            g->run &= j == 0 || *at == at[-1] + 1;
        }
    return MIEN_OK;
}

/* A map's groups are cut apart where none of it has to be widened for each of them. */
static void cut_norm(struct cpu_step *s, const struct net_norm *n) {
    const struct plan_view *out = &s->plan.out;
    int group = out->c / n->groups;
    s->norm =
        (struct cpu_normalisation){.groups = n->groups, .pixels = n->pixels, .epsilon = n->epsilon};
    if (n->pixels) return;
    s->rows = out->h;
    if (s->plan.in.type == KERN_F32)
        s->columns = min_int(out->c, round_up(ceil_div(out->c, NORM_TASKS), group));
}

/* Behind all other scratch. */
static void place_gather(struct cpu_step *s) {
    s->gather.scratch = s->scratch;
    if (s->gather.rows.kind == PLACES_CUBIC)
        s->scratch += (size_t)PLACES_TAPS * (size_t)s->plan.out.c;
}

/* Behind all other scratch: doubles want an even place. */
static void place_norm(struct cpu_step *s) {
    s->norm.scratch = round_up_size(s->scratch, 16);
    if (!s->norm.pixels) s->scratch = s->norm.scratch + 5 * (size_t)s->columns;
}

/* A task makes whole rows of the product. */
static void cut_matmul(struct cpu_step *s, const struct net_matmul *n) {
    s->matmul.of = *n;
    int rows = (int)(MATMUL_WORK / ((int64_t)n->columns * n->inner));
    s->columns = n->columns * min_int(n->batch * n->rows, max_int(1, rows));
}

/* Behind all other scratch: the second matrices as floats. */
static void place_matmul(struct cpu_step *s) {
    s->matmul.scratch = round_up_size(s->scratch, 16);
    if (s->plan.res.type != KERN_F32) s->scratch = s->matmul.scratch + (size_t)s->plan.res.c;
}

int cpu_cut(struct cpu_step *s, const struct net_node *node, int batch) {
    const struct plan_view *out = &s->plan.out;
    s->columns = out->c;
    s->rows = min_int(out->h, max_int(1, POINTWISE_WORK / (out->w * out->c)));
    s->batch = batch;
    s->images = 1;
    s->scratch = out->type == KERN_F32 ? 0 : (size_t)out->w * (size_t)out->c;
    if (s->plan.kind == PLAN_CONV && cut_conv(s, batch)) return MIEN_ENOMEM;
    if (s->plan.kind == PLAN_NORM) cut_norm(s, &node->norm);
    if (s->plan.kind == PLAN_GATHER && cut_gather(s, &node->gather)) return MIEN_ENOMEM;
    if (s->plan.kind == PLAN_MATMUL) cut_matmul(s, &node->matmul);
    if (s->plan.kind == PLAN_POOL && s->window.global) cut_global(s);
    cut_widened(s);
    if (s->plan.kind == PLAN_NORM) place_norm(s);
    if (s->plan.kind == PLAN_GATHER) place_gather(s);
    if (s->plan.kind == PLAN_MATMUL) place_matmul(s);
    if (s->fused.layer) cut_fused(s);
    s->row_blocks = ceil_div(out->h, s->rows);
    s->column_blocks = ceil_div(out->c, s->columns);
    s->tasks = ceil_div(batch, s->images) * s->row_blocks * s->column_blocks;
    return MIEN_OK;
}

void cpu_uncut(struct cpu_step *s) {
    if (cpu_has_tiles(s)) free(s->tiles.offset);
    if (s->plan.kind == PLAN_GATHER) free(s->gather.channels);
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
