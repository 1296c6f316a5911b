#include "cuda/mma.h"

#include "cuda/kernels/tiles.h"

#include <stdint.h>

enum { MOST_SPLITS = 16 };

struct tile {
    int pixels, channels, threads, stages;
};

#define TILE(bm, bn, wm, wn, stages) {bm, bn, (wm) * (wn)*32, stages},
static const struct tile tiles[CUDA_CONV_TILE_COUNT] = {CUDA_CONV_TILES(TILE)};

/* Kernels of a tile for inputs aligned to a unit, by cuda_type_index(). */
struct tile_names {
    int pixels, channels, unit;
    const char *names[3];
};

#define NAMES(bm, bn, unit)                                                                        \
    {bm,                                                                                           \
     bn,                                                                                           \
     unit,                                                                                         \
     {"conv_f16_" #bm "x" #bn "_v" #unit, "conv_f32_" #bm "x" #bn "_v" #unit,                      \
      "conv_u8_" #bm "x" #bn "_v" #unit}},
#define WHOLE(bm, bn, wm, wn, stages)  NAMES(bm, bn, 16)
#define NARROW(bm, bn, wm, wn, stages) NAMES(bm, bn, 8) NAMES(bm, bn, 4)
static const struct tile_names conv_names[] = {CUDA_CONV_TILES(WHOLE)
                                                   CUDA_CONV_NARROW_TILES(NARROW)};

static const char *conv_name(const struct tile *t, int type, int unit) {
    for (size_t i = 0; i < sizeof conv_names / sizeof *conv_names; i++) {
        const struct tile_names *n = &conv_names[i];
        if (n->pixels == t->pixels && n->channels == t->channels && n->unit == unit)
            return n->names[type];
    }
    return NULL;
}

/* Bytes, 16 at most, that all runs of a convolution's input start at multiples of. */
static int alignment(const struct cuda_conv *p) {
    const struct cuda_view *v = &p->in;
    int64_t size = cuda_type_size(v->type);
    int64_t first = (int64_t)(uintptr_t)v->data -
                    ((int64_t)p->pad_top * v->row + (int64_t)p->pad_left * v->px) * size;
    uint64_t bits = (uint64_t)first | (uint64_t)(v->image * size) | 16;
    bits |= (uint64_t)((int64_t)p->stride * v->row * size);
    bits |= (uint64_t)((int64_t)p->stride * v->px * size);
    if (p->across > 1) bits |= (uint64_t)(v->px * size);
    if (p->taps > p->across) bits |= (uint64_t)(v->row * size);
    return (int)(bits & -bits);
}

/* Offsets into the input are 32-bit words in the kernels. */
static int fits_conv(const struct cuda_conv *p) {
    int64_t reach = (p->e.batch + 1) * p->in.image * cuda_type_size(p->in.type) / 4;
    return reach < (int64_t)1 << 31 && cuda_fits_wide(&p->e.out, p->e.batch);
}

/* No more of a tile's ring than has steps to hold: what is left lets other blocks in. */
static int shared_for(const struct tile *t, int steps) {
    int stages = steps < 1 ? 1 : steps < t->stages ? steps : t->stages;
    return CONV_SHARED(t->pixels, t->channels, stages);
}

int cuda_mma_shape(const struct cuda_conv *p, int tile, int splits, struct cuda_launch *out) {
    const struct tile *t = &tiles[tile];
    int type = cuda_type_index(p->in.type), aligned = alignment(p);
    if (type < 0 || aligned < 4 || !fits_conv(p) || p->gap) return 0;
    const char *name = conv_name(t, type, aligned);
    if (!name) return 0;
    int64_t count = cuda_ceil_div(cuda_pixels(&p->e.out, p->e.batch), t->pixels) *
                    cuda_ceil_div(p->e.out.c, t->channels);
    if (count > 0x7FFFFFFF) return 0;
    cuda_set_launch(out, name, 1, (unsigned)t->threads);
    out->grid[0] = (unsigned)count;
    out->grid[2] = (unsigned)splits;
    int steps = p->k_pad * cuda_type_size(p->in.type) / CONV_STEP;
    out->shared = (unsigned)shared_for(t, (int)cuda_ceil_div(steps, splits));
    cuda_share_tiles(out, count, t->pixels * t->channels, splits);
    return 1;
}

/* Shared memory of a multiprocessor, bytes that blocks can have. */
static int shared_of(int capability) {
    switch (capability) {
    case 80:
    case 87: return 163 << 10;
    case 86:
    case 89:
    case 120:
    case 121: return 99 << 10;
    default: return 227 << 10;
    }
}

/*
 * Cycles a launch takes, roughly; what matters is the order of the answers.
 *
 * A multiprocessor multiplies 1024 fp16 (2048 bytes, a sixth of it in fp32) a cycle and is fed some
 * 64 bytes a cycle by the L2 cache. Blocks on it share both. A block alone cannot be faster than
 * memory answers (about 700 cycles, stages - 1 steps of which are asked for at a time), nor than a
 * barrier, the loads of fragments and their products follow each other. To these come once a block
 * the first loads and the epilogue, and with splits a round through memory.
 */
static double conv_cycles(const struct cuda_machine *m, const struct cuda_conv *p, int tile,
                          int splits, const struct cuda_launch *l) {
    const struct tile *t = &tiles[tile];
    int steps = p->k_pad * cuda_type_size(p->in.type) / CONV_STEP, f32 = p->in.type == CUDA_F32;
    double part = (double)cuda_ceil_div(steps, splits), area = (double)t->pixels * t->channels;
    double multiply = area / 16 * (f32 ? 3 : 1),
           fetch = (t->pixels + t->channels) * CONV_STEP / 64.0;
    double step = multiply > fetch ? multiply : fetch;
    double alone = 700.0 / (t->stages - 1), chain = 120 + multiply;
    if (alone < chain) alone = chain;

    int resident = shared_of(m->capability) / ((int)l->shared + 1024);
    int most = f32 && area > 64 * 64 ? 1 : CONV_BLOCKS(t->pixels, t->channels);
    if (resident > most) resident = most;
    if (resident < 1) return 1e30;
    return cuda_cycles(m, &(struct cuda_cost){.blocks = (int64_t)l->grid[0] * splits,
                                              .resident = resident,
                                              .splits = splits,
                                              .steps = part,
                                              .step = step,
                                              .alone = alone,
                                              .sums = area});
}

int cuda_fc_shape(const struct cuda_conv *p, struct cuda_launch *out) {
    static const char *const names[3][3] = {{"fc_f16_r1", "fc_f16_r4", "fc_f16_r8"},
                                            {"fc_f32_r1", "fc_f32_r4", "fc_f32_r8"},
                                            {"fc_u8_r1", NULL, NULL}};
    int64_t rows = cuda_pixels(&p->e.out, p->e.batch);
    int type = cuda_type_index(p->in.type), form = rows <= 1 ? 0 : rows <= 4 ? 1 : 2;
    if (type < 0 || p->gap || rows > FC_MOST_ROWS || !names[type][form] || alignment(p) < 16)
        return 0;
    int outputs = form == 0 ? 2 : 4, most = form == 0 ? 1 : form == 1 ? 4 : 8;
    cuda_set_launch(out, names[type][form], cuda_ceil_div(p->e.out.c, outputs), FC_THREADS);
    out->shared = (unsigned)(FC_THREADS / 32 * most * outputs) * sizeof(float);
    return out->grid[0] < CUDA_MOST_BLOCKS;
}

int cuda_mma_launch(const struct cuda_conv *p, const struct cuda_algorithm *algorithm,
                    struct cuda_launch *out) {
    if (algorithm->family == CUDA_FC) return cuda_fc_shape(p, out);
    return algorithm->family == CUDA_MMA &&
           cuda_mma_shape(p, algorithm->tile, algorithm->splits, out);
}

int cuda_mma_list(const struct cuda_machine *m, const struct cuda_conv *p,
                  struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    static const int splits[] = {1, 2, 3, 4, 6, 8, 12, MOST_SPLITS};
    struct cuda_launch one;
    int count = 0, steps = p->k_pad * cuda_type_size(p->in.type) / CONV_STEP;
    if (!cuda_is_fast(m)) return 0;
    /* A few rows are a matter of reading weights fast: nothing else is expected to be better. */
    if (cuda_fc_shape(p, &one))
        cuda_add_algorithm(out, &count, &(struct cuda_algorithm){.family = CUDA_FC, .splits = 1});
    for (int tile = 0; tile < CUDA_CONV_TILE_COUNT; tile++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            struct cuda_algorithm algorithm = {
                .family = CUDA_MMA, .tile = tile, .splits = splits[i]};
            int s = splits[i]; /* none without work of its own */
            if (s > 1 && (s * 2 > steps || cuda_ceil_div(steps, cuda_ceil_div(steps, s)) != s))
                continue;
            if (!cuda_mma_shape(p, tile, s, &one)) continue;
            algorithm.cycles = conv_cycles(m, p, tile, s, &one);
            if (algorithm.cycles < 1e29) cuda_add_algorithm(out, &count, &algorithm);
        }
    if (count > 1 && out[0].family == CUDA_FC) out[0].cycles = out[1].cycles;
    return cuda_trim_algorithms(out, count);
}
