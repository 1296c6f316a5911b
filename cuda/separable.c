#include "cuda/separable.h"

#include "cuda/kernels/tiles.h"
#include "kernels/kern.h"

#include <stdint.h>
#include <string.h>

struct tile {
    int pixels, channels, threads, blocks;
    const char *names[3][2]; /* by cuda_type_index() and stride; NULL: not for that type */
};

#define NAME(type, bm, bn, stride) "separable_" #type "_" #bm "x" #bn "_s" #stride
#define NAMES(type, bm, bn)                                                                        \
    { NAME(type, bm, bn, 1), NAME(type, bm, bn, 2) }
#define TILE(bm, bn, wm, wn, blocks)                                                               \
    {bm, bn, (wm) * (wn)*32, blocks, {NAMES(f16, bm, bn), NAMES(f32, bm, bn), NAMES(u8, bm, bn)}},
#define MORE(bm, bn, wm, wn, blocks)                                                               \
    {bm, bn, (wm) * (wn)*32, blocks, {NAMES(f16, bm, bn), {NULL, NULL}, {NULL, NULL}}},
static const struct tile tiles[CUDA_SEPARABLE_TILE_COUNT] = {CUDA_SEPARABLE_TILES(TILE)
                                                                 CUDA_SEPARABLE_MORE_TILES(MORE)};

static int is_aligned(const void *p) {
    return (uintptr_t)p % 16 == 0;
}

/* Steps of k. */
static int steps_of(const struct cuda_separable *p) {
    return p->pointwise.k_pad * cuda_type_size(p->pointwise.in.type) / CONV_STEP;
}

/* Rows of all tiles. */
static int64_t rows_of(const struct cuda_separable *p) {
    const struct cuda_view *v = &p->pointwise.e.out;
    return (int64_t)p->pointwise.e.batch * v->h * cuda_ceil_div(v->w, SEPARABLE_RUN) *
           SEPARABLE_RUN;
}

static int takes_depthwise(const struct cuda_gconv *p) {
    const struct cuda_view *in = &p->in, *out = &p->e.out;
    int64_t size = cuda_type_size(in->type), unit = size == 1 ? 8 : 16;
    uint64_t bits = (uint64_t)(uintptr_t)in->data | (uint64_t)(in->image * size) |
                    (uint64_t)(in->row * size) | (uint64_t)(in->px * size);
    return p->kh == 3 && p->kw == 3 && !p->gap && p->stride >= 1 && p->stride <= 2 &&
           p->groups == in->c && p->groups == out->c && in->c % WIDE == 0 &&
           in->type == out->type && bits % (uint64_t)unit == 0 && p->e.act <= KERN_ACT_PRELU &&
           !p->e.has_res && !p->e.acc_scale && p->e.bias && is_aligned(p->e.bias) &&
           is_aligned(p->weights) && is_aligned(p->e.slope) && is_aligned(p->e.inverse);
}

static int takes(const struct cuda_separable *p) {
    const struct cuda_view *mid = &p->depthwise.e.out, *out = &p->pointwise.e.out;
    const struct cuda_conv *c = &p->pointwise;
    return takes_depthwise(&p->depthwise) && c->taps == 1 && c->stride == 1 && c->pad_top == 0 &&
           c->pad_left == 0 && c->depth == mid->c && c->in.type == mid->type && mid->h == out->h &&
           mid->w == out->w && cuda_fits_wide(out, c->e.batch) && rows_of(p) < (int64_t)1 << 31;
}

int cuda_separable_shape(const struct cuda_separable *p, int tile, int splits,
                         struct cuda_launch *out) {
    const struct tile *t = &tiles[tile];
    int type = cuda_type_index(p->pointwise.in.type), steps = steps_of(p);
    memset(out, 0, sizeof *out);
    if (type < 0 || splits < 1 || splits > steps || !takes(p)) return 0;
    int64_t count =
        cuda_ceil_div(rows_of(p), t->pixels) * cuda_ceil_div(p->pointwise.e.out.c, t->channels);
    if (!t->names[type][0] || count > 0x7FFFFFFF) return 0;
    int part = (int)cuda_ceil_div(steps, splits),
        stages = part < SEPARABLE_STAGES ? part : SEPARABLE_STAGES;
    out->kernel = t->names[type][p->depthwise.stride - 1];
    out->grid[0] = (unsigned)count;
    out->grid[1] = 1;
    out->grid[2] = (unsigned)splits;
    out->block = (unsigned)t->threads;
    out->shared = (unsigned)SEPARABLE_SHARED(t->pixels, t->channels, stages);
    cuda_share_tiles(out, count, t->pixels * t->channels, splits);
    return 1;
}

/* Cycles of a multiprocessor for an output of 3x3: nine products, and half as many numbers to make
 * floats of. Not measured yet, as nothing here. */
static const double OUTPUT_CYCLES = 0.15;

static double cycles_of(const struct cuda_machine *m, const struct cuda_separable *p, int tile,
                        int splits, const struct cuda_launch *l) {
    const struct tile *t = &tiles[tile];
    int size = cuda_type_size(p->pointwise.in.type), outputs = t->pixels * (CONV_STEP / size);
    double area = (double)t->pixels * t->channels;
    double step = area / 16 * (size == 4 ? 3 : 1) + outputs * OUTPUT_CYCLES;
    return cuda_cycles(
        m, &(struct cuda_cost){
               .blocks = (int64_t)l->grid[0] * splits,
               .resident = size == 4 ? (t->blocks + 1) / 2 : t->blocks,
               .splits = splits,
               .steps = (double)cuda_ceil_div(steps_of(p), splits),
               .step = step,
               .alone = 3 * 400 + 120 + step, /* rows wait for memory one after the other */
               .sums = area,
           });
}

int cuda_separable_list(const struct cuda_machine *m, const struct cuda_separable *p,
                        struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    static const int splits[] = {1, 2, 3, 4, 8};
    int count = 0, steps = steps_of(p);
    if (!cuda_is_fast(m)) return 0;
    for (int tile = 0; tile < CUDA_SEPARABLE_TILE_COUNT; tile++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            struct cuda_algorithm algorithm = {
                .family = CUDA_SEPARABLE, .tile = tile, .splits = splits[i]};
            struct cuda_launch one;
            int64_t part = cuda_ceil_div(steps, splits[i]);
            if (cuda_ceil_div(steps, part) != splits[i]) continue; /* some would have no work */
            if (!cuda_separable_shape(p, tile, splits[i], &one)) continue;
            algorithm.cycles = cycles_of(m, p, tile, splits[i], &one);
            cuda_add_algorithm(out, &count, &algorithm);
        }
    return cuda_trim_algorithms(out, count);
}

double cuda_depthwise_cycles(const struct cuda_machine *m, const struct cuda_gconv *p) {
    const struct cuda_view *in = &p->in, *out = &p->e.out;
    double outputs = (double)p->e.batch * out->h * out->w * out->c;
    double bytes =
        (outputs + (double)p->e.batch * in->h * in->w * in->c) * cuda_type_size(in->type);
    double multiply = outputs * OUTPUT_CYCLES, fetch = bytes / 24;
    return 1500 + 6 * 400 + (multiply > fetch ? multiply : fetch) / m->processors;
}
