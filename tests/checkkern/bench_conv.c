/* The slots of convolutions, at the shapes of ResNet50, IResNet50, MobileFaceNet and
 * RetinaFace-mnet0.25. */
#include "tests/checkkern/bench.h"

enum { TILES = 8 }; /* share a panel, as 112 pixels do in a task of the engine */

/* w: pixels a tile; 0: as many as it takes. */
static const struct bench_shape TILE_SHAPES[] = {
    {.text = "1x1 of 64", .kh = 1, .kw = 1, .cin = 64, .stride = 1},
    {.text = "1x1 of 256", .kh = 1, .kw = 1, .cin = 256, .stride = 1},
    {.text = "1x1 of 2048", .kh = 1, .kw = 1, .cin = 2048, .stride = 1},
    {.text = "3x3 of 64 (k 576)", .kh = 3, .kw = 3, .cin = 64, .stride = 1},
    {.text = "3x3 of 128 (k 1152)", .kh = 3, .kw = 3, .cin = 128, .stride = 1},
    {.text = "7x7 of 3, stride 2 (k 147)", .kh = 7, .kw = 7, .cin = 3, .stride = 2},
    {.text = "1x1 of 512, 7 pixels", .w = 7, .kh = 1, .kw = 1, .cin = 512, .stride = 1},
    {.text = NULL},
};

static const struct bench_shape NARROW_SHAPES[] = {
    {.text = "1x1 of 16", .kh = 1, .kw = 1, .cin = 16, .stride = 1},
    {.text = "1x1 of 64", .kh = 1, .kw = 1, .cin = 64, .stride = 1},
    {.text = "3x3 of 16 (k 144)", .kh = 3, .kw = 3, .cin = 16, .stride = 1},
    {.text = "3x3 of 3, stride 2 (k 27)", .kh = 3, .kw = 3, .cin = 3, .stride = 2},
    {.text = NULL},
};

/* TILES tiles side by side in one row of a map whose window rows are runs of neighbours. */
static double call_tile(const struct kern_igemm *g, const struct bench_shape *s,
                        const struct bench_arrays *a) {
    int m = s->w && s->w < g->mr ? s->w : g->mr, depth = s->kw * s->cin;
    ptrdiff_t px = (ptrdiff_t)s->stride * s->cin, row = TILES * m * px + depth;
    ptrdiff_t offset[8];
    const char *src = (const char *)a->src;
    ptrdiff_t tile = m * px * (ptrdiff_t)kern_type_size(g->type);
    for (int t = 0; t <= s->kh; t++) offset[t] = t * row; /* the last: low halves, if any */
    if (g->enter) g->enter();
    for (int i = 0; i < TILES; i++)
        g->tile(m, s->kh, depth, offset, src + i * tile, px, a->weights, a->dst);
    if (g->leave) g->leave();
    return 2.0 * TILES * m * g->nr * s->kh * depth;
}

/* One function an igemm of the table. */
#define CALL_TILE(NAME, TYPE, NARROW)                                                              \
    static double NAME(const struct kern *k, const struct bench_shape *s,                          \
                       const struct bench_arrays *a) {                                             \
        return call_tile(&k->igemm[TYPE][NARROW], s, a);                                           \
    }
CALL_TILE(call_f32, KERN_F32, 0)
CALL_TILE(call_f32_narrow, KERN_F32, 1)
CALL_TILE(call_bf16, KERN_BF16, 0)
CALL_TILE(call_bf16_narrow, KERN_BF16, 1)
CALL_TILE(call_u8, KERN_U8, 0)
CALL_TILE(call_u8_narrow, KERN_U8, 1)

/* A task of the engine: rows of seven tiles, planes of all its tiles. */
enum { ACROSS = 7, DOWN = 4, WINDOWS = ACROSS * DOWN };

static const struct bench_shape WINOGRAD_SHAPES[] = {
    {.text = "28 windows of 64", .cin = 64},
    {.text = "28 windows of 256", .cin = 256},
    {.text = NULL},
};

/* An odd number of cache lines, as the engine has them: see cpu_plane. */
static ptrdiff_t plane_of(int c) {
    return ((WINDOWS * c + 15) / 16 | 1) * 16;
}

static double call_winograd_input(const struct kern *k, const struct bench_shape *s,
                                  const struct bench_arrays *a) {
    const int step = KERN_WINOGRAD_OUT, side = KERN_WINOGRAD_IN;
    ptrdiff_t px = s->cin, row = (ACROSS * step + 2) * px, plane = plane_of(s->cin);
    for (int i = 0; i < WINDOWS; i++)
        k->winograd_input_f32(s->cin, side, side,
                              a->src + i / ACROSS * step * row + i % ACROSS * step * px, row, px,
                              a->dst + (ptrdiff_t)i * s->cin, plane);
    return sizeof(float) * (double)(WINDOWS * s->cin) * 2 * KERN_WINOGRAD_PLANES;
}

/* cin 0: the channels of a tile, which is what the engine transforms back at a time. */
static const struct bench_shape WINOGRAD_OUTPUT_SHAPES[] = {
    {.text = "28 windows of a tile's channels"},
    {.text = NULL},
};

static double call_winograd_output(const struct kern *k, const struct bench_shape *s,
                                   const struct bench_arrays *a) {
    int c = s->cin ? s->cin : k->igemm[KERN_F32][0].nr;
    for (int i = 0; i < WINDOWS; i++)
        k->winograd_output_f32(c, a->src + (ptrdiff_t)i * c, plane_of(c), a->dst);
    return sizeof(float) * (double)(WINDOWS * c) * (KERN_WINOGRAD_PLANES + 16);
}

static ptrdiff_t row_of(const struct bench_shape *s) {
    return (ptrdiff_t)((s->w - 1) * s->stride + s->kw) * s->cin;
}

static const struct bench_shape DEPTHWISE_SHAPES[] = {
    {.text = "160 px, 3x3 of 16", .w = 160, .kh = 3, .kw = 3, .cin = 16, .stride = 1},
    {.text = "56 px, 3x3 of 64", .w = 56, .kh = 3, .kw = 3, .cin = 64, .stride = 1},
    {.text = "28 px, 3x3 of 128, stride 2", .w = 28, .kh = 3, .kw = 3, .cin = 128, .stride = 2},
    {.text = "14 px, 3x3 of 256", .w = 14, .kh = 3, .kw = 3, .cin = 256, .stride = 1},
    {.text = "56 px, 5x5 of 72", .w = 56, .kh = 5, .kw = 5, .cin = 72, .stride = 1},
    {.text = "28 px, 5x5 of 144, stride 2", .w = 28, .kh = 5, .kw = 5, .cin = 144, .stride = 2},
    {.text = "14 px, 5x5 of 480", .w = 14, .kh = 5, .kw = 5, .cin = 480, .stride = 1},
    {.text = "7 px, 5x5 of 1152", .w = 7, .kh = 5, .kw = 5, .cin = 1152, .stride = 1},
    {.text = "28 px, 7x7 of 80", .w = 28, .kh = 7, .kw = 7, .cin = 80, .stride = 1},
    {.text = "1 px, 7x7 of 512", .w = 1, .kh = 7, .kw = 7, .cin = 512, .stride = 1},
    {.text = NULL},
};

static double dwconv(const struct kern *k, enum kern_type type, const struct bench_shape *s,
                     const struct bench_arrays *a) {
    k->dwconv(type, s->w, s->kh, s->kw, s->cin, s->stride, a->src, row_of(s), s->cin, a->weights,
              a->dst);
    return 2.0 * s->w * s->kh * s->kw * s->cin;
}

static double call_dwconv(const struct kern *k, const struct bench_shape *s,
                          const struct bench_arrays *a) {
    return dwconv(k, KERN_F32, s, a);
}

static double call_dwconv_u8(const struct kern *k, const struct bench_shape *s,
                             const struct bench_arrays *a) {
    return dwconv(k, KERN_U8, s, a);
}

static const struct bench_shape GROUPED_SHAPES[] = {
    {"28 px, 3x3, 64 to 128, 64 groups", 28, 3, 3, 64, 128, 1, 64, KERN_ACT_NONE, 0},
    {"28 px, 3x3, 128 to 128, 8 groups", 28, 3, 3, 128, 128, 1, 8, KERN_ACT_NONE, 0},
    {.text = NULL},
};

static double call_gconv(const struct kern *k, const struct bench_shape *s,
                         const struct bench_arrays *a) {
    k->gconv_f32(s->w, s->kh, s->kw, s->cin, s->cout, s->groups, s->stride, a->src, row_of(s),
                 s->cin, a->weights, a->dst);
    int inputs = s->cin / s->groups; /* of a group */
    return 2.0 * s->w * s->kh * s->kw * inputs * s->cout;
}

static const struct bench_shape IM2COL_SHAPES[] = {
    {.text = "56 px, 3x3 of 64", .w = 56, .kh = 3, .kw = 3, .cin = 64, .stride = 1},
    {.text = "112 px, 7x7 of 3, stride 2", .w = 112, .kh = 7, .kw = 7, .cin = 3, .stride = 2},
    {.text = NULL},
};

static double call_im2col(const struct kern *k, const struct bench_shape *s,
                          const struct bench_arrays *a) {
    k->im2col_f32(s->w, s->kh, s->kw, s->cin, s->stride, a->src, row_of(s), s->cin, a->dst);
    return 2 * sizeof(float) * (double)(s->w * s->kh * s->kw * s->cin);
}

#define BENCH_TILE(TEXT, TYPE, NARROW)                                                             \
    .name = "igemm " TEXT, .field = offsetof(struct kern, igemm[TYPE][NARROW].tile)

const struct bench_slot bench_conv_slots[] = {
    {BENCH_TILE("f32", KERN_F32, 0), BENCH_F32, TILE_SHAPES, call_f32},
    {BENCH_TILE("f32 narrow", KERN_F32, 1), BENCH_F32, NARROW_SHAPES, call_f32_narrow},
    {BENCH_TILE("bf16", KERN_BF16, 0), BENCH_BF16, TILE_SHAPES, call_bf16},
    {BENCH_TILE("bf16 narrow", KERN_BF16, 1), BENCH_BF16, NARROW_SHAPES, call_bf16_narrow},
    {BENCH_TILE("u8", KERN_U8, 0), BENCH_U8, TILE_SHAPES, call_u8},
    {BENCH_TILE("u8 narrow", KERN_U8, 1), BENCH_U8, NARROW_SHAPES, call_u8_narrow},
    {BENCH_SLOT(winograd_input_f32), BENCH_COPY, WINOGRAD_SHAPES, call_winograd_input},
    {BENCH_SLOT(winograd_output_f32), BENCH_COPY, WINOGRAD_OUTPUT_SHAPES, call_winograd_output},
    {BENCH_SLOT(dwconv), BENCH_F32, DEPTHWISE_SHAPES, call_dwconv},
    {.name = "dwconv of bytes",
     .field = offsetof(struct kern, dwconv),
     BENCH_F32,
     DEPTHWISE_SHAPES,
     call_dwconv_u8},
    {BENCH_SLOT(gconv_f32), BENCH_F32, GROUPED_SHAPES, call_gconv},
    {BENCH_SLOT(im2col_f32), BENCH_COPY, IM2COL_SHAPES, call_im2col},
    {.name = NULL},
};
